/* task/engine_private - what the parts of the engine share.
 *
 *   engine.c   making and freeing, the tasks in memory, the lists, logs
 *   submit.c   asking for a task, and asking it to stop
 *   queue.c    whose turn it is
 *   follow.c   one task from its start to its end, and what a restart finds
 *   record.c   loading the record, keeping it within its limits
 *   errand.c   work on the disk, in a thread
 */
#pragma once

#include "agent/task/engine.h"
#include "agent/task/files.h"

typedef enum {
    PHASE_RECORDING, /* on its way into the database */
    PHASE_QUEUED,
    PHASE_LAUNCHING,
    PHASE_RUNNING,  /* a process is at it; pidfd is open */
    PHASE_SETTLING, /* no process is known of: its directory is looked at */
    PHASE_ENDED,
} TaskPhase;

typedef struct {
    TaskEngine *engine;
    TaskInfo *info;
    TaskPhase phase;
    gboolean recovering;    /* its process is a recovery */
    gboolean has_recovered; /* a recovery was tried since the agent started */
    gboolean is_cancelling, was_killed;
    gboolean is_saved; /* the record says that it runs */
    char *canceller;
    TaskSubmitted done; /* while RECORDING */
    gpointer user;

    int pidfd, watch; /* -1: none */
    char *exit;       /* how its process ended, in words */
    GSource *process_source, *grace_source, *look_source;
    gboolean is_looking, look_again;
} Task;

typedef struct {
    char *name;
    GQueue tasks; /* of Task, QUEUED */
} Owner;

struct TaskEngine {
    gatomicrefcount references; /* the owner, each errand and each database call */
    gboolean closed;
    GMainContext *context;
    Local *local;
    TaskEvents events;
    gpointer user;

    char *directory; /* not changed after the start: read by the thread too */
    char *node, *boot;
    guint parallel, keep_days, grace;
    json_t *settings;

    gboolean is_loaded;
    gint64 last_time;   /* of the last identifier */
    GTree *tasks;       /* identifier -> Task, owned */
    GHashTable *claims; /* object -> Task that has it or follows who has it */
    GHashTable *active; /* object -> Task at work on it */
    GQueue owners;      /* of Owner with queued tasks; the head's turn is next */
    guint running, queued, ended;
    GHashTable *watches; /* inotify's descriptor -> Task */
    int inotify;
    GSource *inotify_source, *trim_source, *load_source;

    GThreadPool *pool;
    int tasks_directory; /* the thread's own; -1 until it is open */
};

TaskEngine *engine_ref(TaskEngine *engine);
void engine_unref(TaskEngine *engine);
/* Attaches a source to the engine's context and takes it. */
GSource *engine_attach(TaskEngine *engine, GSource *source, GSourceFunc function,
                       gpointer data);
void engine_detach(GSource **source);
void engine_changed(const Task *task);
/* Writes the record without waiting. */
void engine_save(const Task *task);

/* engine.c */
Task *engine_find(const TaskEngine *engine, const char *id);
/* Takes over the info. */
Task *engine_add(TaskEngine *engine, TaskInfo *info, TaskPhase phase);
/* It was refused by the record: it never was, and is freed. */
void engine_remove(Task *task);
/* It has ended: the state and the error are in its info. */
void engine_release(Task *task);

/* queue.c */
void queue_add(Task *task);
/* Does nothing when it is not there. */
void queue_remove(Task *task);
/* Starts as many as can be. */
void queue_start(TaskEngine *engine);
/* A task is about to have a process, or has one. */
void queue_occupy(Task *task);
/* It has none any more, if it had. Before its phase changes. */
void queue_vacate(Task *task);
void queue_clear(TaskEngine *engine);

/* follow.c */
void follow_launch(Task *task, gboolean recover);
void follow_settle(Task *task);
void follow_terminate(Task *task);
void follow_watch_events(TaskEngine *engine);
void follow_forget(Task *task); /* closes and detaches everything */

/* record.c */
void record_load(TaskEngine *engine);

/* errand.c: run() in the thread, done() in the main context unless the engine was
 * freed meanwhile. The fields are for both; what is left in them is freed. */
typedef struct Errand Errand;
struct Errand {
    TaskEngine *engine;
    char *id;
    void (*run)(Errand *errand);
    void (*done)(Errand *errand);
    json_t *request;
    gboolean recover, has_ended;
    int pidfd, watch;
    pid_t session;
    TaskSight sight;
    GHashTable *ids;
    TaskLogRead log_done;
    gpointer user;
    char *text;
    guint64 offset, next, size;
    GError *error;
};
Errand *errand_new(TaskEngine *engine, const char *id, void (*run)(Errand *),
                   void (*done)(Errand *));
void errand_start(Errand *errand);
void errand_pool_start(TaskEngine *engine);
/* In the thread: the directory of all tasks, opened at the first use. */
int errand_directory(TaskEngine *engine, GError **error);
