/* task/engine - starts tasks, follows them, and picks them up again.
 *
 * A task is a process of its own (task/child) that outlives the agent. It is on
 * record in the node's database before it starts. Life of a task:
 *
 *   queued    recorded; waits for its turn: at most `parallel` run at once, taken
 *             round robin by owner, in the order in which each owner asked; those that
 *             mostly wait for others (queue.c) need no turn and take none
 *   running   its process is at work (or its recovery is: see below)
 *   done, failed, cancelled   for good, with result or error
 *
 * One task per object at a time: a second is refused with WIRE_ERROR_BUSY that
 * names the first and its owner, except where the table of overrules (submit.c)
 * says that it cancels the first and then follows it: guest.stop does so to
 * guest.shutdown and guest.reboot.
 *
 * Recovery. A task that failed, was killed or was cut off by a reboot and has
 * left a note is given to a recovery process, which finishes or undoes what was
 * begun; until it is through, the object stays busy. The outcome is added to the
 * task's error and stands in its log. When the recovery fails, the task says so
 * and it is tried again when the agent starts.
 *
 * On start the engine loads the record: processes still at work are followed on,
 * results that came meanwhile are taken, tasks whose process is gone are failed
 * (and recovered), queued ones of this boot are started, directories without a
 * record are removed. Dead is told from alive by the lock in the task's
 * directory, never by process numbers.
 *
 * Nothing here blocks: the database and the directories are worked on in
 * threads. Callbacks come in the main context which was the thread's default at
 * task_engine_new(), never from within the function that was given them, and not
 * after task_engine_free().
 */
#pragma once

#include "agent/local/local.h"

#define TASK_PARALLEL_DEFAULT 8
#define TASK_GRACE_S          10   /* from SIGTERM to SIGKILL */
#define TASK_KEPT_IN_MEMORY   1000 /* ended ones, the newest */
#define TASK_QUEUE_MAX        1000 /* not yet started */

typedef struct TaskEngine TaskEngine;

typedef struct {
    const char *directory; /* STATE/tasks; created when it is not there */
    const char *node;
    guint parallel;         /* 0: the default */
    guint keep_days;        /* of ended tasks; 0: LOCAL_TASK_DAYS */
    guint grace;            /* seconds; 0: the default */
    const json_t *settings; /* an object for the tasks' requests; copied */
} TaskSettings;

typedef struct {
    /* A task is new or changed; at most ten times a second each. Borrowed. */
    void (*changed)(const TaskInfo *info, gpointer user);
    /* It is not among task_engine_list() any more. */
    void (*removed)(const char *id, gpointer user);
    /* The record was loaded, or (error) could not be: tasks can't be started until
     * the database works. */
    void (*loaded)(const GError *error, gpointer user);
} TaskEvents;

TaskEngine *task_engine_new(const TaskSettings *settings, Local *local,
                            const TaskEvents *events, gpointer user);
/* Lets go: tasks at work go on by themselves. local must be closed after this.
 * Accepts NULL. */
void task_engine_free(TaskEngine *engine);

/* New settings, for tasks that start from now on (directory and node stay). */
void task_engine_reload(TaskEngine *engine, const TaskSettings *settings);

typedef struct {
    const char *method;   /* guest.start */
    const char *object;   /* vm/100; "": none, is never busy */
    const char *name;     /* the object's name, for people */
    const char *native;   /* its native identifier, or "" */
    const json_t *params; /* checked; copied */
    const char *owner;
    guint uid;
} TaskSubmission;

/* id is NULL with an error: BUSY, LIMIT, STORAGE (it can't be put on record). */
typedef void (*TaskSubmitted)(const char *id, const GError *error, gpointer user);
void task_engine_submit(TaskEngine *engine, const TaskSubmission *submission,
                        TaskSubmitted done, gpointer user);

/* Asks it to stop: SIGTERM, and SIGKILL after the grace. Returns at once; NOT_FOUND
 * or STATE when there is nothing to cancel. */
gboolean task_engine_cancel(TaskEngine *engine, const char *id, const char *who,
                            GError **error);

/* Borrowed, valid until the main context runs again. NULL: not in memory (older
 * ones are in the database, local_task_find). */
const TaskInfo *task_engine_find(const TaskEngine *engine, const char *id);
/* The task at work on an object, or NULL. */
const TaskInfo *task_engine_find_object(const TaskEngine *engine, const char *object);
/* The newest first; elements are borrowed, free the array with g_ptr_array_unref. */
GPtrArray *task_engine_list(const TaskEngine *engine, guint limit);
guint task_engine_count_running(const TaskEngine *engine);

typedef struct {
    const char *text; /* at most 64 KiB, valid UTF-8 */
    guint64 next;     /* the offset to go on at */
    guint64 size;
    gboolean end; /* the task has ended and this was the last piece */
} TaskLogPiece;
typedef void (*TaskLogRead)(const TaskLogPiece *piece, const GError *error, gpointer user);
void task_log_read(TaskEngine *engine, const char *id, guint64 offset, TaskLogRead done,
                   gpointer user);
