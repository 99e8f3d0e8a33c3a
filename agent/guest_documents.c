#include "agent/guest_documents_private.h"

#include "agent/document.h"
#include "backend/wire/message.h"

static gboolean on_settle(gpointer user)
{
    GuestDocuments *documents = user;
    gboolean all = TRUE;
    documents->settle = 0;
    documents->backlog = FALSE;
    guest_documents_delete_doomed(documents);
    g_autoptr(GList) owners = g_hash_table_get_values(documents->by_number);
    for (GList *node = owners; node; node = node->next) {
        GuestOwner *owner = node->data;
        all &= owner->written;
        if (!owner->written)
            guest_owner_write(documents, owner);
    }
    StoreStatus status;
    store_status(documents->store, &status);
    if (all && status.state == STORE_WORKING && store_former(documents->store))
        store_forget_former(documents->store);
    return G_SOURCE_REMOVE;
}

/* Not from within the store's news: others of them may be on their way. */
void guest_documents_settle(GuestDocuments *documents)
{
    if (!documents->settle)
        documents->settle = g_idle_add(on_settle, documents);
}

/* ---- what the store tells ---- */

static void take_here(GuestDocuments *documents, int number, const json_t *object)
{
    const char *native = wire_get_string(object, "native", NULL);
    GuestKind kind;
    /* A document that does not say who has the number still keeps it taken: the
     * number is not given out while its path is there. */
    if (!native || !guest_kind_from_name(wire_get_string(object, "kind", NULL), &kind))
        return;
    const GuestOwner *known = g_hash_table_lookup(documents->by_native, native);
    if (known && known->number == number)
        return;
    if (known) {
        int from = known->number;
        guest_owner_drop(documents, from);
        documents->events.renumbered(native, from, number, documents->user);
    }
    GuestOwner *owner =
        guest_owner_add(documents, number, kind, native, wire_get_string(object, "name", ""));
    g_free(owner->state);
    owner->state = g_strdup(wire_get_string(object, "state", ""));
    owner->written = json_object_get(object, "node") != NULL;
}

/* The document of a number is another, or gone. */
static void take_owner(GuestDocuments *documents, int number, const StoreDocument *document)
{
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    GuestOwner *owner = guest_owner_find(documents, number);
    if (object && guest_document_is_here(documents, object)) {
        take_here(documents, number, object);
        return;
    }
    if (!owner || owner->writing || owner->visiting)
        return;
    /* A guest that was handed over to another node keeps its number there. */
    if (object && g_strcmp0(wire_get_string(object, "from", ""), documents->node) == 0 &&
        g_strcmp0(wire_get_string(object, "native", ""), owner->native) == 0) {
        guest_owner_drop(documents, number);
        return;
    }
    owner->written = FALSE;
    guest_documents_settle(documents);
}

static void on_store_changed(const char *path, const StoreDocument *document, guint64 revision,
                             gpointer user)
{
    GuestDocuments *documents = user;
    const char *rest;
    int number = guest_path_number(path, &rest);
    if (number && !document)
        documents->hint = MIN(documents->hint, number);
    if (number && g_str_equal(rest, "/gantry"))
        documents->events.changed(number, documents->user);
    else if (number && !*rest)
        take_owner(documents, number, document);
}

/* Alone, all is this node's, whatever its name was. */
static gboolean load_one(const StoreDocument *document, gpointer user)
{
    GuestDocuments *documents = user;
    const char *rest;
    int number = guest_path_number(document->path, &rest);
    g_autoptr(json_t) object = number && !*rest ? document_parse(document->content) : NULL;
    if (!object)
        return TRUE;
    gboolean here = guest_document_is_here(documents, object);
    if (here || store_is_alone(documents->store))
        take_here(documents, number, object);
    GuestOwner *owner = guest_owner_find(documents, number);
    if (owner && !here)
        owner->written = FALSE;
    return TRUE;
}

GuestDocuments *guest_documents_new(Store *store, const char *node,
                                    const GuestDocumentsEvents *events, gpointer user)
{
    GuestDocuments *documents = g_new0(GuestDocuments, 1);
    documents->store = store;
    documents->node = g_strdup(node);
    documents->hint = GUEST_NUMBER_MIN;
    documents->events = *events;
    documents->user = user;
    documents->by_number = g_hash_table_new_full(NULL, NULL, NULL, guest_owner_free);
    documents->by_native = g_hash_table_new(g_str_hash, g_str_equal);
    documents->doomed = g_hash_table_new(NULL, NULL);
    store_each(store, GUEST_DOCUMENTS_FOLDER, load_one, documents);
    documents->watch =
        store_watch(store, GUEST_DOCUMENTS_FOLDER, on_store_changed, documents, NULL);
    guest_documents_settle(documents);
    return documents;
}

void guest_documents_free(GuestDocuments *documents)
{
    if (!documents)
        return;
    g_clear_handle_id(&documents->settle, g_source_remove);
    store_unwatch(documents->store, documents->watch);
    g_hash_table_destroy(documents->by_native);
    g_hash_table_destroy(documents->by_number);
    g_clear_pointer(&documents->former_words, g_hash_table_unref);
    g_hash_table_unref(documents->doomed);
    g_free(documents->node);
    g_free(documents);
}

/* ---- numbers ---- */

int guest_documents_number(GuestDocuments *documents, GuestKind kind, const char *native,
                           const char *name, gboolean *fresh)
{
    GuestOwner *owner = g_hash_table_lookup(documents->by_native, native);
    *fresh = !owner;
    if (owner)
        return owner->number;
    owner = guest_owner_add(documents, guest_owner_lowest_free(documents), kind, native, name);
    guest_owner_write(documents, owner);
    return owner->number;
}

void guest_documents_note(GuestDocuments *documents, int number, const char *name,
                          const char *state)
{
    GuestOwner *owner = guest_owner_find(documents, number);
    if (!owner || (g_str_equal(owner->name, name) && g_str_equal(owner->state, state)))
        return;
    g_free(owner->name);
    g_free(owner->state);
    owner->name = g_strdup(name);
    owner->state = g_strdup(state);
    owner->written = owner->visiting;
    guest_owner_write(documents, owner);
}

void guest_documents_expect(GuestDocuments *documents, GuestKind kind, int number,
                            const char *native, const char *name)
{
    if (g_hash_table_contains(documents->by_native, native))
        return;
    GuestOwner *owner = guest_owner_add(documents, number, kind, native, name);
    owner->visiting = owner->written = TRUE;
}

void guest_documents_take(GuestDocuments *documents, int number)
{
    GuestOwner *owner = guest_owner_find(documents, number);
    if (!owner || !owner->visiting)
        return;
    owner->visiting = owner->written = FALSE;
    owner->taking = TRUE;
    guest_owner_write(documents, owner);
}

void guest_documents_part(GuestDocuments *documents, int number)
{
    guest_owner_drop(documents, number);
}

void guest_documents_move(GuestDocuments *documents, GuestKind kind, int number,
                          const char *native, const char *name)
{
    guest_owner_drop(documents, number);
    guest_owner_write(documents, guest_owner_add(documents, number, kind, native, name));
}
