/* audit - who asked for what change, and what came of it.
 *
 * Every method that the table of methods marks as audited leaves an entry in the
 * local database, also when it was refused. For a task the result is the task's
 * identifier; how it ended is in the table of tasks. The text of a definition or
 * of notes is cut: an entry is for finding out who and when. What must outlive the node is
 * in the cluster's store as well (cluster_audit.h).
 */
#pragma once

#include "agent/request.h"

/* Either result or error; both borrowed. */
void audit_record(const Request *request, const json_t *result, const GError *error);
