/* cluster - this node's part in a cluster: membership as it is, in words, in the
 * inventory and as alarms.
 *
 * A node without /etc/corosync/corosync.conf is in no cluster, and all here is quiet.
 * Otherwise the node's object says cluster, quorate, members and cluster_size, and whatever
 * is not well is an alarm (cluster_problems.h). The file is read in a worker when corosync
 * says that something changed, never in the main loop.
 */
#pragma once

#include "agent/agent.h"
#include "agent/request.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership.h"

/* The groups of membership.h, by index: agents only; agents with whoever changes
 * corosync.conf (cluster_change.h); and agents that tell of themselves (cluster_vitals.h). */
enum { CLUSTER_GROUP_AGENTS, CLUSTER_GROUP_CONFIG, CLUSTER_GROUP_VITALS };
#define CLUSTER_GROUPS_NAMES "gantry/1", "gantry/1/config", "gantry/1/vitals"

typedef struct ClusterPart ClusterPart;

ClusterPart *cluster_part_new(Agent *agent);
void cluster_part_free(ClusterPart *part);

/* corosync.conf as it was read last; NULL: this node is in no cluster. Borrowed. */
const CorosyncText *cluster_part_conf(const ClusterPart *part);
/* Why corosync.conf, though there is one, can't be used; or NULL. */
const char *cluster_part_trouble(const ClusterPart *part);
/* The nodes of the cluster that this one does not see: names, see cluster_lost.h. Borrowed. */
GHashTable *cluster_part_lost(const ClusterPart *part);
/* Its part in the store that the cluster's agents share. */
struct ClusterStore *cluster_part_store(const ClusterPart *part);
/* The store was loaded, or its state is another. */
void cluster_part_store_changed(ClusterPart *part);
Membership *cluster_part_membership(const ClusterPart *part);
/* The file, or corosync's run, has been changed by the agent: look again. */
void cluster_part_refresh(ClusterPart *part);

/* The nodes of the cluster as the store has them: cluster_nodes_list(). */
json_t *cluster_part_nodes(const ClusterPart *part);
/* Answers cluster.status. */
void cluster_part_status(ClusterPart *part, Request *request);
