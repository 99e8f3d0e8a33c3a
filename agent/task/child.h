/* task/child - the process that does a task: `gantryd task --directory DIR ID`.
 *
 * It takes the task's lock, reads request.json, finds the handler of the method
 * and runs it with a Job whose progress, log and notes go to the task's
 * directory (see task/files) and which is cancelled by SIGTERM. Its result is
 * written before it ends. With --recover it calls the handler's recover with the
 * note that an interrupted run has left, and removes the note when that worked.
 *
 * A note is also left when a run fails: run need not undo anything itself, the
 * agent starts a recovery. A run that succeeds loses its note.
 *
 * It does nothing when another process holds the lock or the task has run.
 */
#pragma once

#include "backend/job/job.h"

typedef struct {
    const char *id, *method, *object, *name, *native, *owner;
    guint uid;
    const json_t *params;   /* an object */
    const json_t *settings; /* the agent's, an object: see TaskSettings */
} TaskRequest;

typedef struct {
    const char *method; /* guest.start; with a dot at its end, all of that noun */
    /* May set *result to a new object. */
    gboolean (*run)(const TaskRequest *request, const Job *job, gconstpointer user,
                    json_t **result, GError **error);
    /* Finishes or undoes what an interrupted run began, and says which in *outcome
     * (to be g_freed). May be interrupted and called again. NULL when run leaves
     * no notes. */
    gboolean (*recover)(const TaskRequest *request, const json_t *note, const Job *job,
                        gconstpointer user, char **outcome, GError **error);
    gconstpointer user;
} TaskHandler;

/* handlers: ended by one without a method. argv: "task" and what follows. Returns
 * the exit status: 0 when the result was written, whatever it is. */
int task_child_main(const TaskHandler *handlers, int argc, char **argv);
