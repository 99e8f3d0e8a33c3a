/* cluster_line - the short way between the stores of a cluster's nodes.
 *
 * Small messages go as UDP datagrams, bundled (backend/peer/bundle.h) and sealed (datagram.h
 * there), from ring address to ring address on cluster.port, past corosync. They may be lost,
 * doubled and overtaken; the store's protocol expects that. Whether a node hears this one is
 * found out by asking: a datagram as large as any is sent now and then on each link, and
 * answered. While a node does not answer (a firewall, a small MTU), it is not up, and the
 * caller goes the long way. A cluster that is at rest is asked once in ten seconds.
 *
 * All that is sent before the main loop turns goes together. What comes from nobody that
 * corosync.conf knows, or does not open under the cluster's key, is dropped unseen.
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/corosync_conf.h"

typedef struct ClusterLine ClusterLine;

/* Called for each message heard, with the number that its sender has in corosync.conf. */
typedef void (*ClusterLineHeard)(guint node, GBytes *message, gpointer user);

ClusterLine *cluster_line_new(Agent *agent, ClusterLineHeard heard, gpointer user);
void cluster_line_free(ClusterLine *line);
/* corosync.conf as it is now; NULL: no cluster, and nothing is sent or heard. */
void cluster_line_follow(ClusterLine *line, const CorosyncText *conf);

/* It has answered of late. */
gboolean cluster_line_is_up(const ClusterLine *line, guint node);
/* At most REPLICA_HURRY_MAX bytes. */
void cluster_line_send(ClusterLine *line, guint node, GBytes *message);
