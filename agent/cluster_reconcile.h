/* cluster_reconcile - what must change for the store's members to be what corosync.conf says.
 *
 * Pure. One change at a time, as the log takes them (backend/cluster/replica_members.h): the
 * next is asked for when it is made.
 *
 *   - A member that corosync.conf does not have is removed, and so is one whose node came
 *     back with another birth: its file was lost, so its vote must not count.
 *   - A node of corosync.conf that is there and no member is taken in, without a vote.
 *   - A member without a vote that works gets its votes, one by one, up to those that
 *     corosync.conf gives it; one that has too many loses them in the same way.
 */
#pragma once

#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/replica_members.h"

/* A node that said hello: it is there, of this cluster, and not about to leave. */
typedef struct {
    guint32 node;
    guint64 birth;
    gboolean working; /* it is up to date */
} ClusterCandidate;

/* nodes: of CorosyncNode. FALSE when all is as it should be, as far as it can be now. */
gboolean cluster_reconcile_next(const ReplicaMembers *members, const GPtrArray *nodes,
                                const ClusterCandidate *candidates, guint count,
                                ReplicaChange *change);
