/* cluster_follow - this node's part in changes of corosync.conf (change_message.h).
 *
 * The agent follows: it checks what a leader proposes, writes it, says so, and puts the old
 * file back when the leader goes away before its end. Files are worked on one step after
 * the other in a worker. When corosync itself goes away, which ends the group, a change
 * under way is undone too: those who agreed on it have a higher version, and bring this
 * node up to date when it is back.
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/membership.h"

typedef struct ClusterFollow ClusterFollow;

/* changed: files are others now. membership must outlive it; events of the group
 * CLUSTER_GROUP_CONFIG are to be passed on. */
ClusterFollow *cluster_follow_new(Agent *agent, Membership *membership,
                                  void (*changed)(gpointer user), gpointer user);
void cluster_follow_free(ClusterFollow *follow);

void cluster_follow_members(ClusterFollow *follow, const MembershipPeer *peers, guint count);
void cluster_follow_message(ClusterFollow *follow, const MembershipPeer *from, const void *data,
                            size_t size);
/* A new view of the cluster. */
void cluster_follow_view(ClusterFollow *follow);
/* The file as it was read last, or NULL: told to the others when it is another. */
void cluster_follow_file(ClusterFollow *follow, const char *text, guint64 version);
/* Is it at work on the file? Then what was read of it last may be over. */
gboolean cluster_follow_writes(const ClusterFollow *follow);
/* The change under way, or NULL. */
const char *cluster_follow_busy(const ClusterFollow *follow);
