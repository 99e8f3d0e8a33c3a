/* task/cluster_work - one task of cluster.*, and those that lead a change of corosync.conf
 * through the cluster (cluster_change.h). */
#pragma once

#include "agent/task/child.h"
#include "agent/task/cluster_wait.h"
#include "backend/cluster/corosync_files.h"

typedef struct {
    const TaskRequest *request;
    const Job *job;
    int directory; /* of corosync's files */
    ClusterWait wait;
    const char *node;   /* this one */
    guint least;        /* members that there must be */
    guint64 ring;       /* the one before; the ring must be later */
    gboolean commanded; /* corosync has answered */
    GError *failure;
} ClusterWork;

/* A parameter that is a string, or NULL. */
const char *cluster_work_param(const ClusterWork *work, const char *key);
/* The file in force, and a copy of the next version. Both are set, or neither. */
gboolean cluster_work_load(const ClusterWork *work, CorosyncText **base, CorosyncText **target,
                           GError **error);

gboolean cluster_work_add(ClusterWork *work, GError **error);
gboolean cluster_work_remove(ClusterWork *work, GError **error);
/* Each node's agent starts its corosync-qdevice when corosync has read the file
 * (agent/cluster_device.h); the device must vote on all members for it to stay. */
gboolean cluster_work_device_add(ClusterWork *work, GError **error);
gboolean cluster_work_device_remove(ClusterWork *work, GError **error);
/* Two changes: corosync takes another address only for a link that is new. When the second
 * does not hold, a third brings back the link as it was. */
gboolean cluster_work_address(ClusterWork *work, GError **error);
gboolean cluster_work_link_add(ClusterWork *work, GError **error);
gboolean cluster_work_link_remove(ClusterWork *work, GError **error);
/* In the file; corosync goes by the earlier name until it is started anew. */
gboolean cluster_work_rename(ClusterWork *work, GError **error);
