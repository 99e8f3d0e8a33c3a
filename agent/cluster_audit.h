/* cluster_audit - the entries of the audit that must outlive a node.
 *
 * Every audited change is in its node's own database (audit.h). Those that change the
 * cluster, roles, or what guests there are, are in the cluster's store too, as a ring of
 * CLUSTER_AUDIT_MAX documents:
 *
 *   audit/next     the number of the next entry
 *   audit/NUMBER   that entry, by its number modulo the ring's size
 *
 * An entry takes its number by a transaction that requires audit/next as it was read, so no
 * two nodes take the same. What the store does not take now (no majority) is only in the
 * node's own database.
 */
#pragma once

#include "agent/request.h"

#define CLUSTER_AUDIT_MAX 1024

/* Whether a method's entries are kept here. */
gboolean cluster_audit_wants(const char *method);
/* The entry, as audit.list answers it, with its node. */
void cluster_audit_add(Agent *agent, const json_t *entry);
/* Those of other nodes, merged into the rows of this one, which are newest first: a new
 * array of at most limit. */
json_t *cluster_audit_merge(const Agent *agent, const json_t *rows, guint limit);
