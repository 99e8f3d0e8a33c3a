/* The requests of a session that has said hello: whether it may, and to whom they go. */
#include "agent/handlers.h"
#include "agent/roles.h"
#include "agent/session_private.h"
#include "backend/wire/error.h"

static gboolean may_call(const Session *session, const WireMethod *method, GError **error)
{
    if (wire_role_permits(session->identity->role, method->role))
        return TRUE;
    if (method->role == WIRE_ROLE_PEER || session->identity->role == WIRE_ROLE_PEER)
        wire_error_set(error, WIRE_ERROR_NOT_ALLOWED,
                       method->role == WIRE_ROLE_PEER ? "%s is for the agents of other nodes"
                                                      : "%s is not for agents of other nodes",
                       method->name);
    else
        wire_error_set(
            error, WIRE_ERROR_NOT_ALLOWED,
            "%s needs the role %s, %s is %s on %s: ask an administrator to add the user "
            "to a role in gantryd.yaml",
            method->name, wire_role_name(method->role), session->identity->user,
            wire_role_name(session->identity->role), session->table->agent->node);
    return FALSE;
}

/* Other agents do only what some person asked for there. */
static gboolean may_change_again(const Session *session, const WireMethod *method,
                                 GError **error)
{
    const AgentConfig *config = session->table->agent->config;
    const RateLimit limit = {config->session_changes, config->session_changes_at_once};
    gint64 wait;
    if (!method->stored || session->identity->role == WIRE_ROLE_PEER ||
        rate_take(session->table->changes, session->uid, &limit, g_get_monotonic_time(), &wait))
        return TRUE;
    wire_error_set(
        error, WIRE_ERROR_LIMIT,
        "%s makes too many changes on %s: %u a second, %u at once (sessions.changes in "
        "gantryd.yaml); try again in %.2f s",
        session->identity->user, session->table->agent->node, limit.rate, limit.burst,
        (double)wait / G_USEC_PER_SEC);
    return FALSE;
}

WireRole session_role_now(const Session *session, const Identity *identity, const char *without)
{
    if (identity->role == WIRE_ROLE_PEER)
        return WIRE_ROLE_PEER;
    const Agent *agent = session->table->agent;
    return MAX(identity_role(identity, agent->config),
               roles_find(agent->store, identity, without));
}

WireRole session_role_without(const Session *session, const char *path)
{
    return session->identity ? session_role_now(session, session->identity, path)
                             : WIRE_ROLE_NONE;
}

void session_serve(Session *session, const WireMessage *message)
{
    GError *error = NULL;
    const WireMethod *method = wire_method_find(message->method);
    RequestHandler handler = method ? handlers_find(method->name) : NULL;
    if (!handler) {
        wire_error_set_field(&error, WIRE_ERROR_METHOD, "method", "there is no method '%s'",
                             message->method);
        session_refuse(session, message->id, error);
        return;
    }
    if (session->requests->len >= SESSION_REQUESTS_MAX) {
        wire_error_set(&error, WIRE_ERROR_LIMIT,
                       "%d requests of this session are under way, wait for one to end",
                       SESSION_REQUESTS_MAX);
        session_refuse(session, message->id, error);
        return;
    }
    /* The role first: who may not call a method learns nothing about it. */
    session->identity->role = session_role_now(session, session->identity, NULL);
    Request *request = session_request(session, message, method);
    if (!may_call(session, method, &error) ||
        !wire_method_check(method, message->params, &error) ||
        !may_change_again(session, method, &error)) {
        request_fail(request, error);
        return;
    }
    handler(request);
}
