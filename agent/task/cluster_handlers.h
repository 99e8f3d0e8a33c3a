/* task/cluster_handlers - the tasks of cluster.*: making, joining, changing, leaving.
 *
 * cluster.create and cluster.accept change only this node: files below /etc/corosync, and
 * corosync is started. When it does not become quorate they are put back as they were, also
 * by the recovery of an interrupted one. The others lead a change through the cluster
 * (cluster_change.h). Parameters hold no secret: cluster.accept finds the key where the
 * agent has laid it (CLUSTER_KEY_NEW).
 */
#pragma once

#include "agent/task/child.h"

#define CLUSTER_CONF_ACCEPTED "corosync.conf.gantry-accepted"
#define CLUSTER_KEY_ACCEPTED  "authkey.gantry-accepted"

/* The handler of all methods of the noun. */
TaskHandler task_cluster_handler(void);
