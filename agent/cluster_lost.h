/* cluster_lost - the nodes of the cluster that this one does not see, and since when.
 *
 * A node is lost from the look at corosync that first showed it so; for one that was off
 * before this agent began to look, that is when it did. While corosync is silent here nothing
 * is known, and the last word stands.
 */
#pragma once

#include "agent/cluster_problems.h"

/* The table of ClusterFacts.lost: name -> gint64, seconds since 1970. */
GHashTable *cluster_lost_new(void);
/* Makes it what the facts say: TRUE when other nodes are in it now. */
gboolean cluster_lost_review(GHashTable *lost, const ClusterFacts *facts);
/* When the node was lost; 0: it is not. */
gint64 cluster_lost_since(GHashTable *lost, const char *node);
