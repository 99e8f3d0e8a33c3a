/* cluster.nodes, cluster.settings* and cluster.console*: what the store holds of the cluster
 * itself and for all who use it. */
#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/cluster_settings.h"
#include "agent/console_settings.h"
#include "agent/document.h"
#include "agent/handlers.h"
#include "backend/wire/error.h"
#include "conf/console.h"

#include <string.h>

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

static StoreTransaction *build_settings(const Store *store, gpointer user, GError **error)
{
    const Request *request = user;
    g_autoptr(json_t) content = cluster_settings_change(store, request->params, error);
    return content ? document_replace(store, CLUSTER_SETTINGS_PATH, content) : NULL;
}

static void serve_settings_set(Request *request)
{
    document_change(request->agent->store, request->params, build_settings, on_written,
                    request);
}

/* ---- for consoles ---- */

static void serve_console(Request *request)
{
    const StoreDocument *document = store_get(request->agent->store, CONSOLE_SETTINGS_PATH);
    g_autoptr(GBytes) bytes = document ? store_content_bytes(document->content) : NULL;
    gsize size = 0;
    const char *text = bytes ? g_bytes_get_data(bytes, &size) : NULL;
    json_t *value = text ? json_stringn(text, size) : json_null();
    request_answer(request,
                   json_pack("{s:o,s:I}", "text", value ? value : json_null(), "revision",
                             (json_int_t)(document ? document->revision : 0)));
}

static StoreTransaction *build_console(const Store *store, gpointer user, GError **error)
{
    const Request *request = user;
    const char *text = wire_get_string(request->params, "text", "");
    size_t length = strlen(text);
    if (!document_check(store, CONSOLE_SETTINGS_PATH, request->params,
                        "what is set for all consoles", error))
        return NULL;
    StoreTransaction *transaction = store_transaction_new();
    document_require(store, transaction, CONSOLE_SETTINGS_PATH);
    if (length > 0)
        store_transaction_put(transaction, CONSOLE_SETTINGS_PATH, text, length);
    else
        store_transaction_delete(transaction, CONSOLE_SETTINGS_PATH);
    return transaction;
}

static void serve_console_set(Request *request)
{
    GError *error = NULL;
    const char *text = wire_get_string(request->params, "text", "");
    g_autoptr(ConsoleConfig) parsed =
        conf_shared_parse("text", text, strlen(text), NULL, &error);
    if (!parsed)
        request_fail(request, error);
    else
        document_change(request->agent->store, request->params, build_console, on_written,
                        request);
}

const HandlerRow handlers_settings[] = {
    {"cluster.console", serve_console},
    {"cluster.console_set", serve_console_set},
    {"cluster.nodes", serve_nodes},
    {"cluster.settings", serve_settings},
    {"cluster.settings_set", serve_settings_set},
    {NULL, NULL},
};
