#include "agent/guests_lost.h"

#include "backend/wire/message.h"

struct GuestsLost {
    Inventory *inventory;
    Store *store;
    GuestDocuments *documents;
    guint watch;
    GHashTable *nodes; /* names of those that are not seen */
    GHashTable *shown; /* number -> guest_documents_find(), as it is in the inventory */
};

static void hide(GuestsLost *self, int number)
{
    const json_t *guest = g_hash_table_lookup(self->shown, GINT_TO_POINTER(number));
    if (!guest)
        return;
    inventory_remove(self->inventory, OBJECT_LOST_GUEST, wire_get_string(guest, "id", ""));
    g_hash_table_remove(self->shown, GINT_TO_POINTER(number));
}

/* Always the whole object, as if it were new: who hears of it first needs to know its node.
 * guest: as guest_documents_find(); stolen. */
static void show(GuestsLost *self, int number, json_t *guest)
{
    const json_t *before = g_hash_table_lookup(self->shown, GINT_TO_POINTER(number));
    if (before && json_equal(before, guest)) {
        json_decref(guest);
        return;
    }
    hide(self, number);
    g_hash_table_replace(self->shown, GINT_TO_POINTER(number), guest);
    inventory_update(self->inventory, OBJECT_LOST_GUEST, wire_get_string(guest, "id", ""),
                     json_incref(guest));
}

static void review(GuestsLost *self, int number)
{
    json_t *guest = guest_documents_find(self->documents, number);
    if (guest && g_hash_table_contains(self->nodes, wire_get_string(guest, "node", ""))) {
        show(self, number, guest);
        return;
    }
    json_decref(guest);
    hide(self, number);
}

static void on_changed(const char *path, const StoreDocument *document, guint64 revision,
                       gpointer user)
{
    GuestsLost *self = user;
    int number = guest_documents_number_of(path);
    if (number && g_hash_table_size(self->nodes) > 0)
        review(self, number);
}

static gboolean gather(const StoreDocument *document, gpointer user)
{
    int number = guest_documents_number_of(document->path);
    if (number)
        g_hash_table_add(user, GINT_TO_POINTER(number));
    return TRUE;
}

static void add_name(gpointer name, gpointer value, gpointer names)
{
    g_hash_table_add(names, g_strdup(name));
}

void guests_lost_nodes(GuestsLost *self, GHashTable *nodes)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
    g_hash_table_remove_all(self->nodes);
    g_hash_table_foreach(nodes, add_name, self->nodes);
    g_autoptr(GList) shown = g_hash_table_get_keys(self->shown);
    for (GList *node = shown; node; node = node->next)
        g_hash_table_add(numbers, node->data);
    if (g_hash_table_size(self->nodes) > 0)
        store_each(self->store, GUEST_DOCUMENTS_FOLDER, gather, numbers);
    GHashTableIter iterator;
    gpointer number;
    g_hash_table_iter_init(&iterator, numbers);
    while (g_hash_table_iter_next(&iterator, &number, NULL))
        review(self, GPOINTER_TO_INT(number));
}

GuestsLost *guests_lost_new(Inventory *inventory, Store *store, GuestDocuments *documents)
{
    GuestsLost *self = g_new0(GuestsLost, 1);
    self->inventory = inventory;
    self->store = store;
    self->documents = documents;
    self->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->shown = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)json_decref);
    self->watch = store_watch(store, GUEST_DOCUMENTS_FOLDER, on_changed, self, NULL);
    return self;
}

void guests_lost_free(GuestsLost *self)
{
    if (!self)
        return;
    store_unwatch(self->store, self->watch);
    g_hash_table_unref(self->nodes);
    g_hash_table_unref(self->shown);
    g_free(self);
}
