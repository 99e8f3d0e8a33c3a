#include "agent/document.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

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

void document_write(Store *store, const char *path, const json_t *content, StoreDone done,
                    gpointer user)
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
    store_commit(store, transaction, done, user);
}
