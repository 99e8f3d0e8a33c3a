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

static gboolean is_as_read(const Store *store, const Request *request, const char *path,
                           GError **error)
{
    g_autofree char *what =
        g_strdup_printf("the role of %s", wire_get_string(request->params, "who", ""));
    return document_check(store, path, request->params, what, error);
}

static StoreTransaction *build_set(const Store *store, gpointer user, GError **error)
{
    const Request *request = user;
    const char *name = wire_get_string(request->params, "role", "");
    g_autofree char *path = roles_path(request->object, error);
    if (!path || !is_as_read(store, request, path, error))
        return NULL;
    g_autoptr(json_t) content = json_pack("{s:s}", "role", name);
    return document_replace(store, path, content);
}

static StoreTransaction *build_remove(const Store *store, gpointer user, GError **error)
{
    const Request *request = user;
    g_autofree char *path = roles_path(request->object, error);
    if (path && !store_get(store, path)) {
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "who",
                             "%s has no role in the cluster's store", request->object);
        return NULL;
    }
    return path && is_as_read(store, request, path, error) ? document_replace(store, path, NULL)
                                                           : NULL;
}

static void change(Request *request, WireRole role, DocumentBuild build)
{
    GError *error = NULL;
    request->object = g_strdup(wire_get_string(request->params, "who", ""));
    g_autofree char *path = roles_path(request->object, &error);
    if (!path || !stays_admin(request, path, role, &error))
        request_fail(request, error);
    else
        document_change(request->agent->store, request->params, build, on_written, request);
}

static void serve_set(Request *request)
{
    WireRole role = WIRE_ROLE_NONE;
    (void)wire_role_from_name(wire_get_string(request->params, "role", ""), &role);
    change(request, role, build_set);
}

static void serve_remove(Request *request)
{
    change(request, WIRE_ROLE_NONE, build_remove);
}

const HandlerRow handlers_role[] = {
    {"role.list", serve_list},
    {"role.set", serve_set},
    {"role.remove", serve_remove},
    {NULL, NULL},
};
