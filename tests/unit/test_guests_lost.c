/* What watchers are told of the guests of nodes that are not seen: agent/guests_lost.h, on a
 * real store and inventory. */
#include "agent/guests_lost.h"
#include "backend/wire/message.h"
#include "tests/unit/wait.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    char *directory, *path;
    gboolean loaded;
    guint written;
    Store *store;
    GuestDocuments *documents;
    Inventory *inventory;
    GuestsLost *lost;
    GHashTable *nodes;
} Fixture;

static void on_loaded(gpointer user)
{
    ((Fixture *)user)->loaded = TRUE;
}

static void on_changed(int number, gpointer user)
{
}

static void on_renumbered(const char *native, int from, int to, gpointer user)
{
}

static void on_written(guint64 revision, const GError *error, gpointer user)
{
    g_assert_no_error(error);
    ((Fixture *)user)->written++;
}

/* text NULL: deletes it. */
static void put(Fixture *fixture, const char *path, const char *text)
{
    guint before = fixture->written;
    StoreTransaction *transaction = store_transaction_new();
    if (text)
        store_transaction_put(transaction, path, text, strlen(text));
    else
        store_transaction_delete(transaction, path);
    store_commit(fixture->store, transaction, on_written, fixture);
    WAIT_FOR(fixture->written > before);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    static const StoreEvents store_events = {.loaded = on_loaded};
    static const GuestDocumentsEvents events = {on_changed, on_renumbered};
    fixture->directory = g_dir_make_tmp("gantry-lost-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "store.db", NULL);
    fixture->store =
        store_open(&(StoreSettings){.path = fixture->path}, &store_events, fixture);
    WAIT_FOR(fixture->loaded);
    fixture->documents = guest_documents_new(fixture->store, "node1", &events, fixture);
    fixture->inventory = inventory_new();
    fixture->lost = guests_lost_new(fixture->inventory, fixture->store, fixture->documents);
    fixture->nodes = g_hash_table_new(g_str_hash, g_str_equal);
    put(fixture, "guest/150",
        "{\"kind\":\"vm\",\"native\":\"a\",\"name\":\"web\",\"node\":\"node2\","
        "\"state\":\"running\"}");
    put(fixture, "guest/150/gantry", "{\"tags\":[\"prod\"]}");
    put(fixture, "guest/151",
        "{\"kind\":\"ct\",\"native\":\"b\",\"name\":\"mail\",\"node\":\"node3\"}");
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    store_finish(fixture->store);
    guests_lost_free(fixture->lost);
    inventory_free(fixture->inventory);
    guest_documents_free(fixture->documents);
    store_close(fixture->store);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strconcat(fixture->path, ends[i], NULL);
        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_hash_table_unref(fixture->nodes);
    g_free(fixture->directory);
    g_free(fixture->path);
}

static const json_t *shown(const Fixture *fixture, const char *id)
{
    return inventory_find(fixture->inventory, OBJECT_LOST_GUEST, id);
}

static void lose(Fixture *fixture, const char *node)
{
    g_hash_table_add(fixture->nodes, (gpointer)node);
    guests_lost_nodes(fixture->lost, fixture->nodes);
}

/* Only while the node is not seen, and all that is known of them. */
static void test_lost(Fixture *fixture, gconstpointer data)
{
    g_assert_null(shown(fixture, "vm/150"));
    lose(fixture, "node2");
    g_assert_null(shown(fixture, "ct/151"));
    const json_t *guest = shown(fixture, "vm/150");
    g_assert_cmpstr(wire_get_string(guest, "node", ""), ==, "node2");
    g_assert_cmpstr(wire_get_string(guest, "native", ""), ==, "a");
    g_assert_cmpstr(wire_get_string(guest, "state", ""), ==, "running");
    g_assert_cmpuint(json_array_size(json_object_get(guest, "tags")), ==, 1);
    lose(fixture, "node3");
    g_assert_nonnull(shown(fixture, "ct/151"));
    g_hash_table_remove(fixture->nodes, "node2");
    guests_lost_nodes(fixture->lost, fixture->nodes);
    g_assert_null(shown(fixture, "vm/150"));
    g_assert_nonnull(shown(fixture, "ct/151"));
}

/* What the store says of them meanwhile. */
static void test_changed(Fixture *fixture, gconstpointer data)
{
    lose(fixture, "node2");
    put(fixture, "guest/150/gantry", "{\"tags\":[\"prod\",\"late\"]}");
    g_assert_cmpuint(json_array_size(json_object_get(shown(fixture, "vm/150"), "tags")), ==, 2);
    put(fixture, "guest/152",
        "{\"kind\":\"vm\",\"native\":\"c\",\"name\":\"new\",\"node\":\"node2\"}");
    g_assert_nonnull(shown(fixture, "vm/152"));
    /* Taken over by a node that is there; and no more. */
    put(fixture, "guest/150",
        "{\"kind\":\"vm\",\"native\":\"a\",\"name\":\"web\",\"node\":\"node4\"}");
    g_assert_null(shown(fixture, "vm/150"));
    put(fixture, "guest/152", NULL);
    g_assert_null(shown(fixture, "vm/152"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/guests-lost/lost", Fixture, NULL, set_up, test_lost, tear_down);
    g_test_add("/guests-lost/changed", Fixture, NULL, set_up, test_changed, tear_down);
    return g_test_run();
}
