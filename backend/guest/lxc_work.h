/* guest/lxc_work - calls that may never return, beside a loop that must go on.
 *
 * Each piece of work runs in a thread of its own, at most LXC_WORK_THREADS at
 * once; one that is past its deadline no longer counts among them, so that hung
 * ones never hold up the others. Whoever submits sees to it that the same thing
 * is not asked twice at once: then no more threads hang than things do.
 *
 * done() and late() run in the context's thread. lxc_work_free() waits a moment
 * for what is running and leaves the rest: it ends by itself when it can, frees
 * its input and result, and tells nobody.
 */
#pragma once

#include <glib.h>

#define LXC_WORK_THREADS  16
#define LXC_WORK_DEADLINE 2 /* seconds */

typedef struct {
    gpointer (*run)(gconstpointer input); /* in a thread; nothing but its input is there */
    void (*done)(gpointer input, gpointer result, gpointer user);
    void (*late)(gpointer input, gpointer user); /* once, done() may still come */
    GDestroyNotify free_input, free_result;
} LxcWorkKind;

typedef struct LxcWork LxcWork;

LxcWork *lxc_work_new(GMainContext *context);
void lxc_work_free(LxcWork *work);

/* Takes input over; kind and user must outlive the work. */
void lxc_work_submit(LxcWork *work, const LxcWorkKind *kind, gpointer input, gpointer user);
/* Tells of what is past its deadline; to be called about once a second. */
void lxc_work_check(LxcWork *work);
