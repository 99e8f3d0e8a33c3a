/* cluster_roster - the nodes of the cluster as a console needs them to reach them all.
 *
 * An array of {name, member, addresses}, one for each node that corosync.conf or corosync
 * knows: member tells whether this node sees it now, null when corosync is silent here. It is
 * the field `peers` of this node's object, so that whoever watches learns of a node that
 * joined, left or was lost as soon as corosync tells, and it is in the answer to hello, so
 * that a command needs no question more. One that is not seen has lost_since, in seconds
 * since 1970, too.
 */
#pragma once

#include "agent/cluster_problems.h"

#include <jansson.h>

/* null when this node is in no cluster. */
json_t *cluster_roster(const ClusterFacts *facts);
