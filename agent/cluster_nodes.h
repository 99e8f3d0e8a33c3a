/* cluster_nodes - what the store holds of the cluster's nodes.
 *
 *   nodes/NAME  {"number":N,"addresses":[...],"agent":V,"cpus":N,"memory":BYTES,"kvm":B}
 *
 * Each node writes its own, when it differs from what is so, for the others to know what it
 * is while it is off. corosync.conf says which nodes there are: the document of one that is not
 * in it any more is deleted by the agent that leads the store. A machine in no cluster has
 * neither number nor addresses, and keeps its own document only.
 */
#pragma once

#include "agent/agent.h"
#include "agent/cluster_problems.h"

typedef struct ClusterNodes ClusterNodes;

/* changed: a node's document is another. */
ClusterNodes *cluster_nodes_new(Agent *agent, void (*changed)(gpointer user), gpointer user);
void cluster_nodes_free(ClusterNodes *nodes);

/* Something is otherwise, or the store can be written again: makes the documents right. leads:
 * this agent leads the store, or is alone in it. */
void cluster_nodes_review(ClusterNodes *nodes, const ClusterFacts *facts, gboolean leads);

/* All, as {name, number, addresses, agent, cpus, memory, kvm, member}, as far as each is
 * known: a new array. */
json_t *cluster_nodes_list(const ClusterFacts *facts);
/* The document of that node: a new object, empty if there is none. store may be NULL. */
json_t *cluster_nodes_find(const Store *store, const char *name);
