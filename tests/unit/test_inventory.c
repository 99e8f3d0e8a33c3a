#include "agent/inventory.h"
#include "backend/wire/message.h"

#include <string.h>

typedef struct {
    GPtrArray *lines; /* parsed params */
    size_t longest, backlog;
} Console;

static void take_line(const char *line, size_t length, gpointer user)
{
    Console *console = user;
    g_autoptr(WireMessage) message = wire_message_parse(line, length, NULL);
    g_assert_nonnull(message);
    g_assert_cmpstr(message->method, ==, "watch.delta");
    g_ptr_array_add(console->lines, json_incref(message->params));
    console->longest = MAX(console->longest, length);
}

static size_t tell_backlog(gpointer user)
{
    return ((Console *)user)->backlog;
}

static const InventoryWatcher watcher = {take_line, tell_backlog};

static void console_open(Console *console)
{
    console->lines = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
    console->longest = console->backlog = 0;
}

static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void set(Inventory *inventory, const char *id, const char *key, json_t *value)
{
    inventory_update(inventory, OBJECT_GUEST, id, json_pack("{s:o}", key, value));
}

static void test_snapshot_then_changes(void)
{
    Inventory *inventory = inventory_new();
    Console console;
    console_open(&console);
    set(inventory, "vm/100", "state", json_string("running"));
    set(inventory, "vm/100", "cpu", json_integer(3));
    InventoryWatch *watch =
        inventory_watch(inventory, 1u << OBJECT_GUEST, 7, &watcher, &console);
    g_assert_cmpuint(console.lines->len, ==, 1);
    json_t *first = console.lines->pdata[0];
    g_assert_cmpint(wire_get_integer(first, "seq", 0), ==, 1);
    g_assert_cmpint(wire_get_integer(first, "watch", 0), ==, 7);
    g_assert_true(wire_get_boolean(first, "ready", FALSE));

    /* What does not change is not sent; what changes twice in a turn is sent once. */
    set(inventory, "vm/100", "state", json_string("running"));
    settle();
    g_assert_cmpuint(console.lines->len, ==, 1);
    set(inventory, "vm/100", "cpu", json_integer(4));
    set(inventory, "vm/100", "cpu", json_null());
    settle();
    g_assert_cmpuint(console.lines->len, ==, 2);
    json_t *object = json_array_get(json_object_get(console.lines->pdata[1], "objects"), 0);
    g_assert_true(json_is_null(json_object_get(object, "cpu")));
    g_assert_null(json_object_get(object, "state"));

    inventory_unwatch(inventory, watch);
    inventory_free(inventory);
    g_ptr_array_unref(console.lines);
}

static void test_gone_and_back(void)
{
    Inventory *inventory = inventory_new();
    Console console;
    console_open(&console);
    set(inventory, "ct/101", "name", json_string("cache"));
    InventoryWatch *watch =
        inventory_watch(inventory, 1u << OBJECT_GUEST, 1, &watcher, &console);
    inventory_remove(inventory, OBJECT_GUEST, "ct/101");
    set(inventory, "ct/101", "name", json_string("other"));
    settle();
    json_t *delta = console.lines->pdata[1];
    g_assert_cmpuint(json_array_size(json_object_get(delta, "gone")), ==, 1);
    g_assert_cmpstr(
        wire_get_string(json_array_get(json_object_get(delta, "objects"), 0), "name", NULL), ==,
        "other");
    inventory_unwatch(inventory, watch);
    inventory_free(inventory);
    g_ptr_array_unref(console.lines);
}

static json_t *list_of(const Inventory *inventory, const json_t *fields)
{
    GString *text = inventory_list(inventory, OBJECT_GUEST, fields);
    json_t *list = json_loads(text->str, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(list);
    g_string_free(text, TRUE);
    return list;
}

static void test_kinds_and_pieces(void)
{
    Inventory *inventory = inventory_new();
    Console guests, nodes;
    console_open(&guests);
    console_open(&nodes);
    for (int i = 100; i < 1100; i++) {
        g_autofree char *id = g_strdup_printf("vm/%d", i);
        set(inventory, id, "native", json_string("00000000-0000-4000-8000-000000000000"));
    }
    InventoryWatch *a = inventory_watch(inventory, 1u << OBJECT_GUEST, 1, &watcher, &guests);
    InventoryWatch *b = inventory_watch(inventory, 1u << OBJECT_NODE, 2, &watcher, &nodes);
    g_assert_cmpuint(guests.lines->len, >, 1);
    size_t seen = 0;
    for (guint i = 0; i < guests.lines->len; i++) {
        seen += json_array_size(json_object_get(guests.lines->pdata[i], "objects"));
        g_assert_cmpint(wire_get_integer(guests.lines->pdata[i], "seq", 0), ==, i + 1);
        g_assert_cmpint(wire_get_boolean(guests.lines->pdata[i], "ready", FALSE), ==,
                        i + 1 == guests.lines->len);
    }
    g_assert_cmpuint(seen, ==, 1000);
    /* In the order people read: 999 before 1000. */
    g_autoptr(json_t) list = list_of(inventory, NULL);
    g_assert_cmpstr(wire_get_string(json_array_get(list, 899), "id", NULL), ==, "vm/999");
    g_assert_cmpstr(wire_get_string(json_array_get(list, 900), "id", NULL), ==, "vm/1000");
    g_autoptr(json_t) fields = json_pack("[s,s]", "id", "name");
    g_autoptr(json_t) some = list_of(inventory, fields);
    g_autoptr(json_t) first = json_pack("{s:s}", "id", "vm/100");
    g_assert_true(json_equal(json_array_get(some, 0), first));
    g_assert_cmpuint(json_array_size(some), ==, 1000);

    set(inventory, "vm/100", "state", json_string("running"));
    settle();
    g_assert_cmpuint(nodes.lines->len, ==, 1);

    /* So are changes; what is gone comes first. */
    guint before = guests.lines->len;
    for (int i = 100; i < 1100; i++) {
        g_autofree char *id = g_strdup_printf("vm/%d", i);
        set(inventory, id, "reason", json_string("00000000-0000-4000-8000-000000000000"));
    }
    inventory_remove(inventory, OBJECT_GUEST, "vm/1099");
    settle();
    g_assert_cmpuint(guests.lines->len - before, >, 1);
    const json_t *gone = json_object_get(guests.lines->pdata[before], "gone");
    g_assert_cmpuint(json_array_size(gone), ==, 1);
    seen = 0;
    for (guint i = before; i < guests.lines->len; i++) {
        seen += json_array_size(json_object_get(guests.lines->pdata[i], "objects"));
        g_assert_cmpint(wire_get_integer(guests.lines->pdata[i], "seq", 0), ==, i + 1);
    }
    g_assert_cmpuint(seen, ==, 999);
    g_assert_cmpuint(guests.longest, <, 34 << 10);
    inventory_unwatch(inventory, a);
    inventory_unwatch(inventory, b);
    inventory_free(inventory);
    g_ptr_array_unref(guests.lines);
    g_ptr_array_unref(nodes.lines);
}

static void test_slow_watcher_sees_a_gap(void)
{
    Inventory *inventory = inventory_new();
    Console console;
    console_open(&console);
    set(inventory, "vm/100", "cpu", json_integer(0));
    InventoryWatch *watch =
        inventory_watch(inventory, 1u << OBJECT_GUEST, 1, &watcher, &console);
    console.backlog = 64u << 20;
    set(inventory, "vm/100", "cpu", json_integer(1));
    settle();
    g_assert_cmpuint(console.lines->len, ==, 1);
    console.backlog = 0;
    set(inventory, "vm/100", "cpu", json_integer(2));
    settle();
    g_assert_cmpuint(console.lines->len, ==, 2);
    g_assert_cmpint(wire_get_integer(console.lines->pdata[1], "seq", 0), ==, 3);
    inventory_unwatch(inventory, watch);
    inventory_free(inventory);
    g_ptr_array_unref(console.lines);
}

static void note_kind(ObjectKind kind, gpointer user)
{
    *(unsigned *)user |= 1u << kind;
}

static void test_begun(void)
{
    Inventory *inventory = inventory_new();
    Console console;
    console_open(&console);
    unsigned begun = 0;
    inventory_on_watched(inventory, note_kind, &begun);
    g_assert_false(inventory_watched(inventory, OBJECT_NODE));
    InventoryWatch *watch =
        inventory_watch(inventory, 1u << OBJECT_NODE, 1, &watcher, &console);
    g_assert_cmpuint(begun, ==, 1u << OBJECT_NODE);
    g_assert_true(inventory_watched(inventory, OBJECT_NODE));
    g_assert_false(inventory_watched(inventory, OBJECT_GUEST));
    inventory_unwatch(inventory, watch);
    g_assert_false(inventory_watched(inventory, OBJECT_NODE));
    inventory_free(inventory);
    g_ptr_array_unref(console.lines);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inventory/snapshot", test_snapshot_then_changes);
    g_test_add_func("/inventory/gone-and-back", test_gone_and_back);
    g_test_add_func("/inventory/kinds-and-pieces", test_kinds_and_pieces);
    g_test_add_func("/inventory/slow", test_slow_watcher_sees_a_gap);
    g_test_add_func("/inventory/begun", test_begun);
    return g_test_run();
}
