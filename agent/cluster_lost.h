/* cluster_lost - the nodes of the cluster that this one does not see, and since when.
 *
 * A node is lost from the look at corosync that first showed it so; for one that was off
 * before this agent ever looked, that is when it did. The agent's own file remembers it: an
 * agent that is restarted goes on with what it knew. While corosync is silent here nothing is
 * known, and the last word stands.
 */
#pragma once

#include "agent/cluster_problems.h"
#include "agent/local/local.h"

typedef struct ClusterLost ClusterLost;

/* recalled: what the file remembers has made it another. Without a file (local NULL) nothing
 * is remembered. */
ClusterLost *cluster_lost_new(Local *local, void (*recalled)(gpointer user), gpointer user);
void cluster_lost_free(ClusterLost *lost);

/* Makes it what the facts say, once corosync.conf was read: TRUE when other nodes are in it
 * now. */
gboolean cluster_lost_review(ClusterLost *lost, const ClusterFacts *facts);
/* When the node was lost, in seconds since 1970; 0: it is not. Accepts NULL. */
gint64 cluster_lost_since(const ClusterLost *lost, const char *node);
/* Their names, as keys. Borrowed. */
GHashTable *cluster_lost_nodes(const ClusterLost *lost);
