/* task/cluster_wait - waiting for something in the cluster, in the process of a task: a
 * Membership in a main context of its own, run until a condition holds. */
#pragma once

#include "backend/cluster/membership.h"
#include "backend/job/job.h"

typedef struct {
    GMainContext *context;
    Membership *membership;
    const Job *job;
    gboolean deaf; /* a wish to stop is not heard */
    gpointer user;
} ClusterWait;

/* groups and events as in membership.h; user is the conditions' too. */
void cluster_wait_begin(ClusterWait *wait, const char *const *groups,
                        const MembershipEvents *events, gpointer user, const Job *job);
void cluster_wait_end(ClusterWait *wait);

/* Until done() is TRUE, asked after each event. TIMEOUT with `what` and the seconds;
 * CANCELLED. */
gboolean cluster_wait(ClusterWait *wait, gboolean (*done)(gpointer user), guint seconds,
                      const char *what, GError **error);

/* An event that needs no more than that conditions are looked at again. */
void cluster_wait_nothing(gpointer user);
