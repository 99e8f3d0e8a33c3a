/* task/files - a task's directory, which its process and the agent share.
 *
 * STATE/tasks/ID/ holds
 *   request.json  what is to be done; written by the agent before the start
 *   lock          held by the task's process with a POSIX record lock for its
 *                 whole life; its text is "PID run" or "PID recover", and that it
 *                 has text shows that the task has begun
 *   status.json   {"progress": P, "doing": S}, replaced at most ten times a second
 *   log           lines with their times, at most TASK_LOG_MAX bytes
 *   note.json     what the task left to be finished or undone; synced to disk
 *   result.json   {"result": {...}} or {"error": {...}}; synced to disk if there is
 *                 a note; the end
 *   outcome.json  the same of the last recovery
 *
 * A record lock (fcntl) rather than flock: it is not inherited by a fork, so a
 * daemon that the task starts does not make it look alive, and F_GETLK names the
 * holder, so no process identifier has to be trusted.
 *
 * The agent never holds any of these files open. All functions may block on the
 * disk. JSON files are replaced as a whole: readers see the old or the new one.
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <sys/types.h>

#define TASK_LOG_MAX    (4u << 20) /* bytes; a recovery and the agent may add a little */
#define TASK_LOG_SPARE  (64u << 10)
#define TASK_LOG_PIECE  (64u << 10)
#define TASK_FILE_MAX   (16u << 20)
#define TASK_RESULT_MAX (1u << 20)
#define TASK_VARIABLE   "GANTRY_TASK" /* in the environment of its processes */

typedef enum {
    TASK_LIFE_FRESH, /* has not begun */
    TASK_LIFE_ALIVE, /* a process holds the lock */
    TASK_LIFE_GONE,  /* it had begun, and there is no such process */
} TaskLife;

typedef struct {
    TaskLife life;
    pid_t pid;         /* of the process that is or was at it; 0: none */
    int pidfd;         /* of an ALIVE one; owned; -1 else */
    gboolean recovery; /* that process is or was a recovery */
    gboolean has_note;
    json_t *result, *outcome, *status; /* owned; NULL when absent or not readable */
    guint64 log_size;
} TaskSight;

void task_sight_clear(TaskSight *sight);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TaskSight, task_sight_clear)

/* Opens the directory of a task below that of all tasks; -1 and an error. */
int task_files_open(int tasks, const char *id, gboolean create, GError **error);

/* What there is to see of a task. A missing directory is a FRESH task. */
void task_files_look(int tasks, const char *id, TaskSight *sight);

/* Replaces a JSON file as a whole. synced: it is on disk, with its name, when this
 * returns. Otherwise it may be absent or not readable after a loss of power. */
gboolean task_files_write(int directory, const char *name, const json_t *value, gboolean synced,
                          GError **error);
/* NULL and an error when it is absent, too large or not JSON. */
json_t *task_files_read(int directory, const char *name, size_t max, GError **error);

/* Adds a line with the time to the log; FALSE when it would grow beyond max. */
gboolean task_files_log(int directory, guint64 max, const char *line);
/* Up to TASK_LOG_PIECE bytes of the log from an offset, valid UTF-8 and whole
 * characters (what is not UTF-8 is replaced). *next is where to go on. */
char *task_files_log_piece(int tasks, const char *id, guint64 offset, guint64 *next,
                           guint64 *size, GError **error);

/* Kills what is left of a dead task's session: processes of that session that
 * carry the task's identifier in their environment. */
void task_files_kill_session(pid_t session, const char *id);

/* Removes the directory and what is in it. */
gboolean task_files_remove(int tasks, const char *id);
