/* task/cluster_change - leads a change of corosync.conf through the cluster.
 *
 * The leader of backend/cluster/change_message.h, in the process of a task: when that dies
 * at any point, all agents put the old file back. Blocks. Steps are reported to the job.
 *
 * The change stays when corosync on all members has read it and the cluster is quorate with
 * it, and, if a node is awaited, that node is a member; else it is taken back everywhere.
 */
#pragma once

#include "backend/cluster/change_files.h"
#include "backend/cluster/membership.h"
#include "backend/job/job.h"

#define CLUSTER_CHANGE_SETTLE 60 /* seconds to be quorate with it */
#define CLUSTER_CHANGE_AWAIT  60 /* seconds for a node that joins */

typedef struct {
    const CorosyncText *base;   /* the file in force */
    const CorosyncText *target; /* the next version */
    const char *await;          /* a node that shall become a member, or NULL */
    guint without;              /* a member that leaves, or 0: see change_message.h */
} ClusterChange;

/* TRUE: it is in force and stays (with `without`: it will be read once that node is gone).
 * FALSE: the old file is in force, everywhere. */
gboolean cluster_change_lead(const ClusterChange *change, const Job *job, GError **error);
