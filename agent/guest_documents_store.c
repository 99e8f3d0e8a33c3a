/* Where the store holds what of guests: paths, reading of all nodes' guests, deleting. */
#include "agent/guest_documents_private.h"

#include "agent/document.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { PRUNED_MAX = 1000 /* guests in one transaction */ };

char *guest_path(int number, const char *rest)
{
    return g_strdup_printf(GUEST_DOCUMENTS_FOLDER "/%d%s", number, rest);
}

int guest_path_number(const char *path, const char **rest)
{
    if (!g_str_has_prefix(path, GUEST_DOCUMENTS_FOLDER "/"))
        return 0;
    const char *digits = path + strlen(GUEST_DOCUMENTS_FOLDER "/");
    size_t length = strspn(digits, "0123456789");
    g_autofree char *text = g_strndup(digits, length);
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &number,
                                    NULL))
        return 0;
    *rest = digits + length;
    return (int)number;
}

const StoreDocument *guest_document_find(const GuestDocuments *documents, int number,
                                         const char *rest)
{
    g_autofree char *path = guest_path(number, rest);
    return store_get(documents->store, path);
}

gboolean guest_document_is_here(const GuestDocuments *documents, const json_t *object)
{
    const char *node = wire_get_string(object, "node", documents->node);
    return g_str_equal(node, documents->node);
}

/* ---- of all nodes ---- */

int guest_documents_number_of(const char *path)
{
    const char *rest;
    return guest_path_number(path, &rest);
}

json_t *guest_documents_find(const GuestDocuments *documents, int number)
{
    const StoreDocument *document = guest_document_find(documents, number, "");
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    const char *kind = wire_get_string(object, "kind", NULL);
    if (!kind)
        return NULL;
    g_autoptr(json_t) words = guest_documents_gantry(documents, number);
    json_t *tags = json_object_get(words, "tags");
    g_autofree char *id = g_strdup_printf("%s/%d", kind, number);
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "id", id, "type", kind, "name",
                     wire_string(wire_get_string(object, "name", "")), "native",
                     wire_string(wire_get_string(object, "native", "")), "node",
                     wire_string(wire_get_string(object, "node", documents->node)), "state",
                     wire_string(wire_get_string(object, "state", "")), "tags",
                     tags ? json_incref(tags) : json_array());
}

typedef struct {
    const GuestDocuments *documents;
    const char *node; /* NULL: all */
    json_t *list;
} Listing;

static gboolean list_one(const StoreDocument *document, gpointer user)
{
    const Listing *listing = user;
    const char *rest;
    int number = guest_path_number(document->path, &rest);
    g_autoptr(json_t) guest =
        number && !*rest ? guest_documents_find(listing->documents, number) : NULL;
    if (guest &&
        (!listing->node || g_str_equal(wire_get_string(guest, "node", ""), listing->node)))
        json_array_append(listing->list, guest);
    return TRUE;
}

json_t *guest_documents_all(const GuestDocuments *documents, const char *node)
{
    Listing listing = {documents, node, json_array()};
    store_each(documents->store, GUEST_DOCUMENTS_FOLDER, list_one, &listing);
    return listing.list;
}

int guest_documents_elsewhere(const GuestDocuments *documents, const char *text, char **node)
{
    GuestKind kind;
    int number = 0;
    guint64 plain;
    if (!guest_id_parse(text, &kind, &number) &&
        g_ascii_string_to_unsigned(text, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &plain, NULL))
        number = (int)plain;
    const StoreDocument *document = number ? guest_document_find(documents, number, "") : NULL;
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    if (!object || guest_document_is_here(documents, object))
        return 0;
    *node = g_strdup(wire_get_string(object, "node", "?"));
    return number;
}

/* ---- deleting ---- */

static void guest_documents_delete_all(const GuestDocuments *documents,
                                       StoreTransaction *transaction, int number)
{
    static const char *const rests[] = {"", "/gantry", "/definition"};
    for (guint i = 0; i < G_N_ELEMENTS(rests); i++) {
        g_autofree char *path = guest_path(number, rests[i]);
        store_transaction_delete(transaction, path);
    }
}

typedef struct {
    GuestDocuments *documents;
    int number;
} Deleting;

/* What could not be is tried again when the store works; on a conflict the number has gone
 * to another already. */
static void on_deleted(guint64 revision, const GError *error, gpointer user)
{
    Deleting *deleting = user;
    if (!error || wire_error_code(error) == WIRE_ERROR_CONFLICT)
        g_hash_table_remove(deleting->documents->doomed, GINT_TO_POINTER(deleting->number));
    g_free(deleting);
}

static void delete_one(GuestDocuments *documents, int number)
{
    const StoreDocument *claim = guest_document_find(documents, number, "");
    g_autoptr(json_t) object = claim ? document_parse(claim->content) : NULL;
    if (!claim || (object && !guest_document_is_here(documents, object))) {
        g_hash_table_remove(documents->doomed, GINT_TO_POINTER(number));
        return;
    }
    Deleting *deleting = g_new(Deleting, 1);
    *deleting = (Deleting){documents, number};
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_require(transaction, claim->path, claim->revision);
    guest_documents_delete_all(documents, transaction, number);
    store_commit(documents->store, transaction, on_deleted, deleting);
}

void guest_documents_delete_doomed(GuestDocuments *documents)
{
    g_autoptr(GList) numbers = g_hash_table_get_keys(documents->doomed);
    for (GList *node = numbers; node; node = node->next)
        delete_one(documents, GPOINTER_TO_INT(node->data));
}

void guest_documents_forget(GuestDocuments *documents, int number)
{
    const GuestOwner *owner = guest_owner_find(documents, number);
    gboolean writing = owner && owner->writing;
    guest_owner_drop(documents, number);
    g_hash_table_add(documents->doomed, GINT_TO_POINTER(number));
    if (!writing)
        delete_one(documents, number);
}

static gboolean gather_foreign(const StoreDocument *document, gpointer user)
{
    gpointer *pair = user;
    const char *rest;
    int number = guest_path_number(document->path, &rest);
    g_autoptr(json_t) object = number && !*rest ? document_parse(document->content) : NULL;
    if (object && !guest_document_is_here(pair[0], object))
        g_array_append_val(pair[1], number);
    return TRUE;
}

void guest_documents_prune(GuestDocuments *documents)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int));
    gpointer pair[] = {documents, numbers};
    store_each(documents->store, GUEST_DOCUMENTS_FOLDER, gather_foreign, pair);
    for (guint i = 0; i < numbers->len;) {
        StoreTransaction *transaction = store_transaction_new();
        for (guint end = MIN(i + PRUNED_MAX, numbers->len); i < end; i++)
            guest_documents_delete_all(documents, transaction, g_array_index(numbers, int, i));
        store_commit(documents->store, transaction, NULL, NULL);
    }
}
