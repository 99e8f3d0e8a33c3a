/* cluster.nodes, and cluster.settings*: what the store holds of the cluster itself. */
#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/cluster_settings.h"
#include "agent/document.h"
#include "agent/handlers.h"

static void serve_nodes(Request *request)
{
    request_answer(request,
                   json_pack("{s:o}", "nodes", cluster_part_nodes(request->agent->cluster)));
}

static void serve_settings(Request *request)
{
    const Store *store = request->agent->store;
    request_answer(request,
                   json_pack("{s:o,s:o,s:I}", "settings", cluster_settings_all(store), "set",
                             cluster_settings_set(store), "revision",
                             (json_int_t)document_revision(store, CLUSTER_SETTINGS_PATH)));
}

static void on_written(guint64 revision, const GError *error, gpointer user)
{
    request_finish(user, error ? NULL : json_object(), error ? g_error_copy(error) : NULL);
}

static void serve_settings_set(Request *request)
{
    GError *error = NULL;
    Store *store = request->agent->store;
    g_autoptr(json_t) content = cluster_settings_change(store, request->params, &error);
    if (!content)
        request_fail(request, error);
    else
        document_write(store, CLUSTER_SETTINGS_PATH, content, on_written, request);
}

const HandlerRow handlers_settings[] = {
    {"cluster.nodes", serve_nodes},
    {"cluster.settings", serve_settings},
    {"cluster.settings_set", serve_settings_set},
    {NULL, NULL},
};
