#include "agent/cluster_audit.h"

#include "agent/agent.h"
#include "agent/document.h"
#include "backend/cluster/store.h"

#include <string.h>

#define FOLDER "audit"
#define NEXT   FOLDER "/next"

gboolean cluster_audit_wants(const char *method)
{
    static const char *const wanted[] = {"cluster.",      "role.",        "guest.delete",
                                         "guest.rename",  "guest.create", "guest.migrate",
                                         "guest.receive", "node."};
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++)
        if (g_str_has_prefix(method, wanted[i]))
            return TRUE;
    return FALSE;
}

/* ---- adding ---- */

static guint64 read_next(const StoreDocument *document)
{
    if (!document)
        return 0;
    g_autoptr(GBytes) bytes = store_content_bytes(document->content);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    g_autofree char *text = g_strndup(data, size);
    return g_ascii_strtoull(text, NULL, 10);
}

static StoreTransaction *build_entry(const Store *store, gpointer text, GError **error)
{
    guint64 number = read_next(store_get(store, NEXT));
    g_autofree char *path =
        g_strdup_printf(FOLDER "/%" G_GUINT64_FORMAT, number % CLUSTER_AUDIT_MAX);
    g_autofree char *after = g_strdup_printf("%" G_GUINT64_FORMAT, number + 1);
    StoreTransaction *transaction = store_transaction_new();
    document_require(store, transaction, NEXT);
    store_transaction_put(transaction, NEXT, after, strlen(after));
    store_transaction_put(transaction, path, text, strlen(text));
    return transaction;
}

static void on_added(guint64 revision, const GError *error, gpointer text)
{
    if (error)
        g_info("an entry of the audit is not in the cluster's store: %s", error->message);
    free(text);
}

void cluster_audit_add(Agent *agent, const json_t *entry)
{
    document_change(agent->store, NULL, build_entry, on_added, json_dumps(entry, JSON_COMPACT));
}

/* ---- reading ---- */

typedef struct {
    const char *own;
    GPtrArray *entries; /* of json_t */
} Gathering;

static gboolean gather(const StoreDocument *document, gpointer user)
{
    const Gathering *gathering = user;
    g_autoptr(GBytes) bytes = store_content_bytes(document->content);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    json_t *entry = g_str_equal(document->path, NEXT) ? NULL : json_loadb(data, size, 0, NULL);
    if (json_is_object(entry) &&
        !g_str_equal(wire_get_string(entry, "node", gathering->own), gathering->own))
        g_ptr_array_add(gathering->entries, entry);
    else
        json_decref(entry);
    return TRUE;
}

static int newest_first(gconstpointer a, gconstpointer b)
{
    double x = wire_get_number(*(json_t *const *)a, "time", 0);
    double y = wire_get_number(*(json_t *const *)b, "time", 0);
    return x > y ? -1 : x < y;
}

static void release(gpointer entry)
{
    json_decref(entry);
}

/* The node's own rows keep their order, which is that of what was asked also where the clock
 * was set back; the others' come where their times put them. */
json_t *cluster_audit_merge(const Agent *agent, const json_t *rows, guint limit)
{
    g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(release);
    Gathering gathering = {agent->node, others};
    store_each(agent->store, FOLDER, gather, &gathering);
    g_ptr_array_sort(others, newest_first);
    json_t *merged = json_array();
    size_t row = 0, count = json_array_size(rows);
    guint other = 0;
    while (json_array_size(merged) < limit && (row < count || other < others->len)) {
        json_t *own = json_array_get(rows, row);
        json_t *theirs = other < others->len ? others->pdata[other] : NULL;
        if (!own ||
            (theirs && wire_get_number(theirs, "time", 0) > wire_get_number(own, "time", 0))) {
            json_array_append(merged, theirs);
            other++;
            continue;
        }
        json_t *copy = json_copy(own);
        json_object_set_new(copy, "node", json_string(agent->node));
        json_array_append_new(merged, copy);
        row++;
    }
    return merged;
}
