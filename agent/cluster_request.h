/* cluster_request - what the handlers of cluster.* share: what a request needs, and the
 * task that it becomes. */
#pragma once

#include "agent/agent.h"
#include "agent/request.h"
#include "agent/task/engine.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership.h"

/* A parameter that is a string, or NULL. */
const char *cluster_asked(const Request *request, const char *key);
/* As cluster.h has them; both may be NULL. */
const CorosyncText *cluster_conf_of(const Request *request);
const MembershipView *cluster_view_of(const Request *request);

/* WIRE_ERROR_STATE or WIRE_ERROR_UNAVAILABLE, in words, when it is not so. */
gboolean cluster_needs_none(const Request *request, GError **error);
gboolean cluster_needs_view(const Request *request, GError **error);
gboolean cluster_needs_quorum(const Request *request, GError **error);

/* Starts the task of the request's method, one of the cluster's at a time; or answers with
 * error, which is taken. */
void cluster_submit(Request *request, const json_t *params, const char *name, GError *error,
                    TaskSubmitted done, gpointer user);
/* Answers the request, which is user, with its task. */
void cluster_on_submitted(const char *task, const GError *error, gpointer user);

/* A device's certificates are not on a node that joins, nor may they be written over. In
 * handlers_cluster_device.c. */
gboolean cluster_needs_no_device(const Request *request, GError **error);

/* In handlers_cluster_join.c. */
void cluster_serve_add(Request *request);
void cluster_serve_accept(Request *request);
