/* role.*: roles that hold in the whole cluster (roles.h). */
#include "agent/agent.h"
#include "agent/document.h"
#include "agent/handlers.h"
#include "agent/roles.h"
#include "agent/session.h"
#include "backend/wire/error.h"

#include <string.h>

static void serve_list(Request *request)
{
    request_answer(request, json_pack("{s:o}", "roles", roles_list(request->agent->store)));
}

static void on_written(guint64 revision, const GError *error, gpointer user)
{
    request_finish(user, error ? NULL : json_object(), error ? g_error_copy(error) : NULL);
}

/* Whoever gives roles must still be able to afterwards. */
static gboolean stays_admin(const Request *request, const char *path, WireRole role,
                            GError **error)
{
    if (role == WIRE_ROLE_ADMIN || !request->session ||
        session_role_without(request->session, path) == WIRE_ROLE_ADMIN)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE,
                   "%s would not be admin any more: let another admin do it", request->user);
    return FALSE;
}

static gboolean is_as_read(const Request *request, const char *path, GError **error)
{
    g_autofree char *what =
        g_strdup_printf("the role of %s", wire_get_string(request->params, "who", ""));
    return document_check(request->agent->store, path, request->params, what, error);
}

static void serve_set(Request *request)
{
    GError *error = NULL;
    const char *who = wire_get_string(request->params, "who", "");
    const char *name = wire_get_string(request->params, "role", "");
    WireRole role = WIRE_ROLE_NONE;
    (void)wire_role_from_name(name, &role);
    g_autofree char *path = roles_path(who, &error);
    request->object = g_strdup(who);
    if (!path || !is_as_read(request, path, &error) ||
        !stays_admin(request, path, role, &error)) {
        request_fail(request, error);
        return;
    }
    g_autofree char *text = g_strdup_printf("{\"role\":\"%s\"}", wire_role_name(role));
    StoreTransaction *transaction = store_transaction_new();
    document_require(request->agent->store, transaction, path);
    store_transaction_put(transaction, path, text, strlen(text));
    store_commit(request->agent->store, transaction, on_written, request);
}

static void serve_remove(Request *request)
{
    GError *error = NULL;
    const char *who = wire_get_string(request->params, "who", "");
    g_autofree char *path = roles_path(who, &error);
    request->object = g_strdup(who);
    if (path && !store_get(request->agent->store, path))
        wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "who",
                             "%s has no role in the cluster's store", who);
    if (error || !is_as_read(request, path, &error) ||
        !stays_admin(request, path, WIRE_ROLE_NONE, &error)) {
        request_fail(request, error);
        return;
    }
    StoreTransaction *transaction = store_transaction_new();
    document_require(request->agent->store, transaction, path);
    store_transaction_delete(transaction, path);
    store_commit(request->agent->store, transaction, on_written, request);
}

const HandlerRow handlers_role[] = {
    {"role.list", serve_list},
    {"role.set", serve_set},
    {"role.remove", serve_remove},
    {NULL, NULL},
};
