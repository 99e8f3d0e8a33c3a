/* task/cluster_change - leads a change of corosync.conf through the cluster.
 *
 * The leader of backend/cluster/change_message.h, in the process of a task: when that dies
 * at any point, all agents put the old file back. Blocks. Steps are reported to the job.
 *
 * The change stays when corosync on all members has read it and the cluster is quorate with
 * it, and what it is for holds (a node that joins is a member, a link is connected, a quorum
 * device votes); else it is taken back everywhere.
 */
#pragma once

#include "backend/cluster/change_files.h"
#include "backend/cluster/membership.h"
#include "backend/job/job.h"

#define CLUSTER_CHANGE_SETTLE 60 /* seconds to be quorate with it */
#define CLUSTER_CHANGE_AWAIT  60 /* seconds for what it is for */

typedef struct {
    const CorosyncText *base;   /* the file in force */
    const CorosyncText *target; /* the next version */
    /* What it is for, seen by this node; NULL: nothing but the new file. */
    gboolean (*holds)(const MembershipView *view, gconstpointer user);
    gconstpointer user;
    const char *waiting; /* for progress: "waiting for the node to join" */
    const char *missing; /* "node9 did not become a member" */
    guint without;       /* a member that leaves, or 0: see change_message.h */
} ClusterChange;

/* TRUE: it is in force and stays (with `without`: it will be read once that node is gone).
 * FALSE: the old file is in force, everywhere. */
gboolean cluster_change_lead(const ClusterChange *change, const Job *job, GError **error);
