/* cluster_status - the cluster as this node sees it, as cluster.status answers. Pure but for
 * the clock. */
#pragma once

#include "agent/cluster_problems.h"

#include <jansson.h>

/* The cluster's name, as corosync.conf has it; NULL when there is none. Borrowed. */
const char *cluster_status_name(const ClusterFacts *facts);
json_t *cluster_status_json(const ClusterFacts *facts);
