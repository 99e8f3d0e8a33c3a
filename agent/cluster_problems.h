/* cluster_problems - what is not well with the cluster, in words, with what to do. Pure
 * but for the clock. */
#pragma once

#include "agent/cluster_vitals.h"
#include "agent/events.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership.h"
#include "backend/cluster/store.h"

#include <jansson.h>

/* Clocks that are further apart than this make logs and backups hard to read. */
#define CLUSTER_CLOCKS_APART 1000000 /* microseconds */

typedef struct {
    char *key; /* the same as long as it lasts: cluster/quorum, cluster/link/node2/1 */
    EventSeverity severity;
    char *object;
    char *text;
} ClusterProblem;

typedef struct {
    const char *node; /* this one's name */
    MembershipState state;
    gint64 since;                /* when the state began, monotonic */
    const MembershipView *view;  /* may be NULL */
    const CorosyncText *conf;    /* checked; NULL: no cluster */
    const char *conf_trouble;    /* why corosync.conf can't be used, or NULL */
    GHashTable *vitals;          /* of ClusterVital, by node; may be NULL */
    const json_t *device_report; /* cluster_device.h; may be NULL */
    const char *device_trouble;
    StoreStatus store;                     /* this node's part in the cluster's store */
    gboolean store_settled;                /* its state has lasted for a while */
    const char *store_trouble;             /* why it fails, and what to do; or NULL */
    const struct ClusterStore *store_part; /* what the nodes said of theirs; may be NULL */
    const Store *documents;                /* NULL: not read yet */
    const struct ClusterLost *lost;        /* which are not seen; may be NULL */
} ClusterFacts;

/* Of ClusterProblem, the worst first; never NULL. */
GPtrArray *cluster_problems(const ClusterFacts *facts);
