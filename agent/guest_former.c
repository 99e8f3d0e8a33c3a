/* What was said of guests while this node was alone, for when it has joined a cluster. */
#include "agent/guest_documents_private.h"

#include "agent/document.h"
#include "backend/cluster/store_documents.h"
#include "backend/wire/message.h"

#include <string.h>

/* The documents below an owner's path come after it. */
static void read_former(GuestDocuments *documents, const GArray *former)
{
    g_autofree char *native = NULL;
    int owner = 0;
    g_clear_pointer(&documents->former_words, g_hash_table_unref);
    documents->former_words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                    (GDestroyNotify)store_content_unref);
    documents->former = former;
    for (guint i = 0; i < former->len; i++) {
        const StoreWrite *write = &g_array_index(former, StoreWrite, i);
        const char *rest;
        int number = guest_path_number(write->path, &rest);
        if (number && !*rest) {
            g_autoptr(json_t) object = document_parse(write->content);
            g_free(native);
            native = g_strdup(wire_get_string(object, "native", NULL));
            owner = number;
        } else if (number && number == owner && native && g_str_equal(rest, "/gantry")) {
            g_hash_table_insert(documents->former_words, g_strdup(native),
                                store_content_ref(write->content));
        }
    }
}

/* What was said of the guest when this node was alone. */
static StoreContent *find_former(GuestDocuments *documents, const char *native)
{
    const GArray *former = store_former(documents->store);
    if (former && former != documents->former)
        read_former(documents, former);
    documents->former = former;
    if (!former)
        return NULL;
    return g_hash_table_lookup(documents->former_words, native);
}

void guest_former_add(GuestDocuments *documents, const GuestOwner *owner,
                      StoreTransaction *transaction)
{
    StoreContent *words = find_former(documents, owner->native);
    if (!words || guest_document_find(documents, owner->number, "/gantry"))
        return;
    g_autofree char *path = guest_path(owner->number, "/gantry");
    g_autoptr(GBytes) bytes = store_content_bytes(words);
    gsize size;
    gconstpointer data = g_bytes_get_data(bytes, &size);
    store_transaction_require_absent(transaction, path);
    store_transaction_put(transaction, path, data, size);
}
