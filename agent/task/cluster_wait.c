#include "agent/task/cluster_wait.h"

#include "backend/wire/error.h"

enum { LOOK_EVERY = 100 /* ms, whether somebody asked to stop */ };

void cluster_wait_nothing(gpointer user)
{
}

void cluster_wait_begin(ClusterWait *wait, const char *const *groups,
                        const MembershipEvents *events, gpointer user, const Job *job)
{
    wait->context = g_main_context_new();
    g_main_context_push_thread_default(wait->context);
    wait->membership = membership_new(groups, events, user);
    wait->job = job;
    wait->user = user;
}

void cluster_wait_end(ClusterWait *wait)
{
    membership_free(wait->membership);
    g_main_context_pop_thread_default(wait->context);
    g_main_context_unref(wait->context);
}

static gboolean on_tick(gpointer user)
{
    return G_SOURCE_CONTINUE;
}

gboolean cluster_wait(ClusterWait *wait, gboolean (*done)(gpointer user), guint seconds,
                      const char *what, GError **error)
{
    gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    GSource *tick = g_timeout_source_new(LOOK_EVERY);
    gboolean good = TRUE;
    g_source_set_callback(tick, on_tick, NULL, NULL);
    g_source_attach(tick, wait->context);
    while (good && !done(wait->user)) {
        (void)g_main_context_iteration(wait->context, TRUE);
        if (!wait->deaf && !job_continue(wait->job, error)) {
            good = FALSE;
        } else if (g_get_monotonic_time() > end && !done(wait->user)) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT, "%s (waited %u s)", what, seconds);
            good = FALSE;
        }
    }
    g_source_destroy(tick);
    g_source_unref(tick);
    return good;
}
