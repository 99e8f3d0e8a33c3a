#include "agent/document.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { TRIES_MAX = 16 };

json_t *document_parse(StoreContent *content)
{
    g_autoptr(GBytes) bytes = store_content_bytes(content);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    json_t *object = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

guint64 document_revision(const Store *store, const char *path)
{
    const StoreDocument *document = store_get(store, path);
    return document ? document->revision : 0;
}

json_t *document_read(const Store *store, const char *path, guint64 *revision)
{
    const StoreDocument *document = store_get(store, path);
    json_t *object = document ? document_parse(document->content) : NULL;
    if (revision)
        *revision = document ? document->revision : 0;
    return object ? object : json_object();
}

gboolean document_check(const Store *store, const char *path, const json_t *params,
                        const char *what, GError **error)
{
    gint64 wanted = wire_get_integer(params, "revision", -1);
    guint64 present = document_revision(store, path);
    if (wanted < 0 || (guint64)wanted == present)
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_CONFLICT, "revision",
                         "%s changed since you read it (at revision %" G_GINT64_FORMAT
                         ", it is at %" G_GUINT64_FORMAT " now): read it again and change that",
                         what, wanted, present);
    return FALSE;
}

void document_require(const Store *store, StoreTransaction *transaction, const char *path)
{
    guint64 revision = document_revision(store, path);
    if (revision)
        store_transaction_require(transaction, path, revision);
    else
        store_transaction_require_absent(transaction, path);
}

StoreTransaction *document_replace(const Store *store, const char *path, const json_t *content)
{
    StoreTransaction *transaction = store_transaction_new();
    document_require(store, transaction, path);
    if (json_object_size(content) > 0) {
        char *text = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS);
        store_transaction_put(transaction, path, text, strlen(text));
        free(text);
    } else {
        store_transaction_delete(transaction, path);
    }
    return transaction;
}

/* ---- changes ---- */

typedef struct {
    Store *store;
    DocumentBuild build;
    StoreDone done;
    gpointer user;
    guint tries;
} Change;

static void end_change(Change *change, guint64 revision, const GError *error)
{
    change->done(revision, error, change->user);
    g_free(change);
}

static void try_change(Change *change);

/* A conflict comes in the order of all changes, so whatever came first is here by now. */
static void on_tried(guint64 revision, const GError *error, gpointer user)
{
    Change *change = user;
    gboolean conflict = error && wire_error_code(error) == WIRE_ERROR_CONFLICT;
    if (conflict && change->tries < TRIES_MAX) {
        try_change(change);
        return;
    }
    g_autoptr(GError) busy = NULL;
    if (conflict)
        wire_error_set(&busy, WIRE_ERROR_CONFLICT,
                       "others changed it at the same moment, %d times: try again in a while",
                       TRIES_MAX);
    end_change(change, revision, busy ? busy : error);
}

static void try_change(Change *change)
{
    g_autoptr(GError) error = NULL;
    StoreTransaction *transaction = change->build(change->store, change->user, &error);
    if (!transaction) {
        end_change(change, 0, error);
        return;
    }
    change->tries++;
    store_commit(change->store, transaction, on_tried, change);
}

static void on_caught_up(guint64 revision, const GError *error, gpointer user)
{
    if (error)
        end_change(user, 0, error);
    else
        try_change(user);
}

void document_change(Store *store, const json_t *params, DocumentBuild build, StoreDone done,
                     gpointer user)
{
    Change *change = g_new(Change, 1);
    *change = (Change){.store = store, .build = build, .done = done, .user = user};
    gint64 wanted = wire_get_integer(params, "revision", 0);
    /* It was read at a node that is ahead of this one. A transaction of nothing is answered
     * when all that came before it is here. */
    if (wanted > 0 && (guint64)wanted > store_revision(store))
        store_commit(store, store_transaction_new(), on_caught_up, change);
    else
        try_change(change);
}
