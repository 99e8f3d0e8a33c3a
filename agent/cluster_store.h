/* cluster_store - this node's part in the store that the cluster's agents share.
 *
 * Joins the store (backend/cluster/store.h) to the agents' group (CLUSTER_GROUP_AGENTS):
 * tells it who is there, carries its messages, and, on the node that leads, keeps the
 * store's members what corosync.conf says:
 *
 *   - Which store is the cluster's stands in corosync.conf as gantry.store, a number that
 *     the founder wrote. A node that was alone until then begins anew and is taken in.
 *   - Who of corosync.conf's nodes is a member, and with how many votes: cluster_reconcile.h.
 *   - A node is alone again when somebody let it leave: corosync.conf is gone and lies
 *     beside as COROSYNC_CONF_LEFT. A file that is only missing changes nothing.
 *
 * Small messages go past corosync where there is a way (cluster_line.h). A node that took
 * another hello than the rest for the beginning of the view (store_stream.h), and so is alone
 * in it, is noticed by its hellos; the one with the lowest number then has all begin anew.
 *
 * Which votes are expected: those of the log's members; or fewer, when a person has told
 * corosync so (cluster.expected), or when this node survives one half of the cluster with the
 * vote of a quorum device: see PROTOCOL.md, "Fewer votes".
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership.h"
#include "backend/cluster/store.h"

typedef struct ClusterStore ClusterStore;

/* changed: what cluster_store_status() says, or a peer's line, is another. */
ClusterStore *cluster_store_new(Agent *agent, Membership *membership, guint group,
                                void (*changed)(gpointer user), gpointer user);
void cluster_store_free(ClusterStore *part);

/* corosync.conf as it is now (NULL: there is none), and the number of the store that this
 * node was let out of (0: none). */
void cluster_store_conf(ClusterStore *part, const CorosyncText *conf, guint64 left);
/* Events of the group. */
void cluster_store_members(ClusterStore *part, const MembershipPeer *peers, guint count);
void cluster_store_message(ClusterStore *part, const MembershipPeer *from, const void *data,
                           size_t size);
/* A new view of corosync's: expected votes may be others. */
void cluster_store_view(ClusterStore *part);
/* The store's own state changed, or it was loaded. */
void cluster_store_changed(ClusterStore *part);

/* What a node said of its store last; NULL: nothing since it came. */
typedef struct {
    StoreState state;
    guint64 revision, applied;
} ClusterStorePeer;
const ClusterStorePeer *cluster_store_peer(const ClusterStore *part, guint node);

/* This node leads the store, or is alone in it. */
gboolean cluster_store_leads(const ClusterStore *part);

/* Takes this node out of the store's members, so that those who stay are a majority
 * without it. done may get an error, and then it stays a member. */
void cluster_store_leave(ClusterStore *part, StoreDone done, gpointer user);
/* Nothing leads out of the cluster at present: a node that was to leave some time ago, and
 * is still here, is taken in again. */
void cluster_store_stay(ClusterStore *part);
