#include "agent/guest_documents.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

#define FOLDER "guest"

typedef struct {
    int number;
    GuestKind kind;
    char *native;
    char *name;
    gboolean written; /* as it is here */
} Owner;

struct GuestDocuments {
    Store *store;
    guint watch;
    GHashTable *by_number; /* number -> Owner */
    GHashTable *by_native; /* native -> Owner (borrowed); natives of kinds differ */
    GuestDocumentsChanged changed;
    gpointer user;
};

static void owner_free(gpointer data)
{
    Owner *owner = data;
    g_free(owner->native);
    g_free(owner->name);
    g_free(owner);
}

static Owner *add_owner(GuestDocuments *documents, int number, GuestKind kind,
                        const char *native, const char *name)
{
    Owner *owner = g_new0(Owner, 1);
    owner->number = number;
    owner->kind = kind;
    owner->native = g_strdup(native);
    owner->name = g_strdup(name);
    g_hash_table_replace(documents->by_number, GINT_TO_POINTER(number), owner);
    g_hash_table_replace(documents->by_native, owner->native, owner);
    return owner;
}

static json_t *parse_content(const StoreDocument *document)
{
    gsize size;
    const char *data = g_bytes_get_data(document->content, &size);
    return json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
}

/* guest/101 -> 101; 0 when the path is another. rest: "" or "/gantry". */
static int number_of_path(const char *path, const char **rest)
{
    if (!g_str_has_prefix(path, FOLDER "/"))
        return 0;
    const char *digits = path + strlen(FOLDER "/");
    size_t length = strspn(digits, "0123456789");
    g_autofree char *text = g_strndup(digits, length);
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &number,
                                    NULL))
        return 0;
    *rest = digits + length;
    return (int)number;
}

static gboolean load_one(const StoreDocument *document, gpointer user)
{
    GuestDocuments *documents = user;
    const char *rest;
    int number = number_of_path(document->path, &rest);
    if (!number || *rest)
        return TRUE;
    g_autoptr(json_t) owner = parse_content(document);
    const char *native = wire_get_string(owner, "native", NULL);
    GuestKind kind;
    /* A document that does not say who has the number still keeps it taken: the
     * number is not given out while its path is there. */
    if (native && guest_kind_from_name(wire_get_string(owner, "kind", NULL), &kind))
        add_owner(documents, number, kind, native, wire_get_string(owner, "name", ""))
            ->written = TRUE;
    return TRUE;
}

static void on_store_changed(const char *path, const StoreDocument *document, guint64 revision,
                             gpointer user)
{
    GuestDocuments *documents = user;
    const char *rest;
    int number = number_of_path(path, &rest);
    if (number && g_str_equal(rest, "/gantry"))
        documents->changed(number, documents->user);
}

GuestDocuments *guest_documents_new(Store *store, GuestDocumentsChanged changed, gpointer user)
{
    GuestDocuments *documents = g_new0(GuestDocuments, 1);
    documents->store = store;
    documents->changed = changed;
    documents->user = user;
    documents->by_number = g_hash_table_new_full(NULL, NULL, NULL, owner_free);
    documents->by_native = g_hash_table_new(g_str_hash, g_str_equal);
    store_each(store, FOLDER, load_one, documents);
    documents->watch = store_watch(store, FOLDER, on_store_changed, documents, NULL);
    return documents;
}

void guest_documents_free(GuestDocuments *documents)
{
    if (!documents)
        return;
    store_unwatch(documents->store, documents->watch);
    g_hash_table_destroy(documents->by_native);
    g_hash_table_destroy(documents->by_number);
    g_free(documents);
}

typedef struct {
    GuestDocuments *documents;
    int number;
    char *native; /* what was written */
} Writing;

static void on_written(guint64 revision, const GError *error, gpointer user)
{
    Writing *writing = user;
    if (!error) {
        Owner *owner = g_hash_table_lookup(writing->documents->by_number,
                                           GINT_TO_POINTER(writing->number));
        if (owner && g_str_equal(owner->native, writing->native))
            owner->written = TRUE;
    } else if (!g_error_matches(error, WIRE_ERROR, WIRE_ERROR_CANCELLED)) {
        g_warning("the number of guest %d was not written: %s", writing->number,
                  error->message);
    }
    g_free(writing->native);
    g_free(writing);
}

static void write_owner(GuestDocuments *documents, const Owner *owner)
{
    g_autoptr(json_t) content =
        json_pack("{s:s,s:o,s:o}", "kind", guest_kind_name(owner->kind), "native",
                  wire_string(owner->native), "name", wire_string(owner->name));
    char *text = json_dumps(content, JSON_COMPACT);
    g_autofree char *path = g_strdup_printf(FOLDER "/%d", owner->number);
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, path, text, strlen(text));
    free(text);
    Writing *writing = g_new0(Writing, 1);
    writing->documents = documents;
    writing->number = owner->number;
    writing->native = g_strdup(owner->native);
    store_commit(documents->store, transaction, on_written, writing);
}

static int lowest_free(const GuestDocuments *documents)
{
    for (int number = GUEST_NUMBER_MIN; number < GUEST_NUMBER_MAX; number++) {
        g_autofree char *path = g_strdup_printf(FOLDER "/%d", number);
        if (!g_hash_table_contains(documents->by_number, GINT_TO_POINTER(number)) &&
            !store_get(documents->store, path))
            return number;
    }
    return GUEST_NUMBER_MAX;
}

int guest_documents_number(GuestDocuments *documents, GuestKind kind, const char *native,
                           const char *name, gboolean *fresh)
{
    const Owner *owner = g_hash_table_lookup(documents->by_native, native);
    *fresh = !owner;
    if (owner)
        return owner->number;
    owner = add_owner(documents, lowest_free(documents), kind, native, name);
    write_owner(documents, owner);
    return owner->number;
}

void guest_documents_move(GuestDocuments *documents, GuestKind kind, int number,
                          const char *native, const char *name)
{
    const Owner *owner = g_hash_table_lookup(documents->by_number, GINT_TO_POINTER(number));
    if (owner)
        g_hash_table_remove(documents->by_native, owner->native);
    write_owner(documents, add_owner(documents, number, kind, native, name));
}

void guest_documents_forget(GuestDocuments *documents, int number)
{
    const Owner *owner = g_hash_table_lookup(documents->by_number, GINT_TO_POINTER(number));
    if (owner) {
        g_hash_table_remove(documents->by_native, owner->native);
        g_hash_table_remove(documents->by_number, GINT_TO_POINTER(number));
    }
    g_autofree char *path = g_strdup_printf(FOLDER "/%d", number);
    g_autofree char *gantry = g_strdup_printf(FOLDER "/%d/gantry", number);
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_delete(transaction, path);
    store_transaction_delete(transaction, gantry);
    store_commit(documents->store, transaction, NULL, NULL);
}

void guest_documents_retry(GuestDocuments *documents)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, documents->by_number);
    while (g_hash_table_iter_next(&iterator, NULL, &value))
        if (!((const Owner *)value)->written)
            write_owner(documents, value);
}

json_t *guest_documents_gantry(const GuestDocuments *documents, int number)
{
    g_autofree char *path = g_strdup_printf(FOLDER "/%d/gantry", number);
    const StoreDocument *document = store_get(documents->store, path);
    json_t *content = document ? parse_content(document) : NULL;
    if (json_is_object(content))
        return content;
    json_decref(content);
    return json_object();
}

typedef struct {
    GuestDocumentsSaved saved;
    gpointer user;
} Change;

static void on_change_written(guint64 revision, const GError *error, gpointer user)
{
    Change *change = user;
    change->saved(error, change->user);
    g_free(change);
}

void guest_documents_change(GuestDocuments *documents, int number, json_t *changes,
                            GuestDocumentsSaved saved, gpointer user)
{
    g_autofree char *path = g_strdup_printf(FOLDER "/%d/gantry", number);
    const StoreDocument *present = store_get(documents->store, path);
    g_autoptr(json_t) content = guest_documents_gantry(documents, number);
    json_object_update(content, changes);
    json_decref(changes);
    char *text = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS);
    StoreTransaction *transaction = store_transaction_new();
    if (present)
        store_transaction_require(transaction, path, present->revision);
    else
        store_transaction_require_absent(transaction, path);
    store_transaction_put(transaction, path, text, strlen(text));
    free(text);
    Change *change = g_new0(Change, 1);
    change->saved = saved;
    change->user = user;
    store_commit(documents->store, transaction, on_change_written, change);
}
