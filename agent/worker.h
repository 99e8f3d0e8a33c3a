/* worker - blocking calls, away from the main loop, with a deadline.
 *
 * libvirt, liblxc and file systems can hang for ever. A job runs in a thread;
 * its caller hears of it in the main loop, at the latest when its deadline is
 * over. A thread that is stuck can't be ended, so it is left behind: when it
 * returns, its result is freed and nobody is told.
 *
 * Jobs carry a key that says what they may hang on ("kvm", "storage/nfs1"). At
 * most WORKER_PER_KEY jobs of one key run at once, the others wait (their
 * deadline counts from submission); when all of a key's threads are past their
 * deadlines, a new job of that key is refused at once with the time that the
 * thing has been silent. So a dead server costs a bounded number of threads and
 * nobody else's time.
 */
#pragma once

#include <glib.h>

#define WORKER_PER_KEY 4

typedef struct WorkerPool WorkerPool;

/* Runs in a thread. Returns a result, or sets the error. */
typedef gpointer (*WorkerFunction)(gpointer data, GError **error);
/* Runs in the main loop, exactly once for each job, never from inside
 * worker_submit(). result is the callee's to free; error is the pool's. */
typedef void (*WorkerDone)(gpointer result, const GError *error, gpointer user);

typedef struct {
    const char *key; /* copied */
    guint deadline;  /* milliseconds */
    WorkerFunction run;
    gpointer data; /* belongs to the job from now on */
    GDestroyNotify free_data;
    GDestroyNotify free_result; /* for a result that comes too late */
    WorkerDone done;            /* may be NULL */
    gpointer user;
} WorkerJob;

WorkerPool *worker_pool_new(void);
/* Jobs that run are left behind; done is not called any more. */
void worker_pool_free(WorkerPool *pool);

void worker_submit(WorkerPool *pool, const WorkerJob *job);

/* How long the oldest job of this key has been running past its deadline, in
 * seconds; 0 when none is. */
double worker_silence(const WorkerPool *pool, const char *key);
