/* inventory - every object the agent knows, and who watches them.
 *
 * The modules of the agent put what they learn into it, field by field; it finds
 * what really changed, gathers the changes of one turn of the main loop and
 * sends them to each watch as watch.delta notifications, each of a bounded size:
 *
 *   {"watch":W,"seq":N,"objects":[{"kind":K,"id":I,fields...}],
 *    "gone":[{"kind":K,"id":I}],"ready":true}
 *
 * What is gone is to be taken out before the objects are put in: an object that
 * went and came back in one turn stands in both.
 *
 * A new watch first gets every object whole, the last notification of these with
 * "ready". seq grows by one; when a watcher is too slow to take what is waiting
 * for it, deltas are dropped and the gap in seq tells it to ask again. Figures change every
 * second, so their owners ask inventory_watched() before they build them: an agent that nobody
 * watches does nothing here.
 */
#pragma once

#include "backend/wire/object.h"

#include <glib.h>
#include <jansson.h>

typedef struct Inventory Inventory;
typedef struct InventoryWatch InventoryWatch;

typedef struct {
    /* A line for the watcher, without newline. */
    void (*send)(const char *line, size_t length, gpointer user);
    /* Bytes that wait for the watcher already. */
    size_t (*backlog)(gpointer user);
} InventoryWatcher;

Inventory *inventory_new(void);
void inventory_free(Inventory *inventory);

/* Merges fields (stolen, an object) into the object, making it if it is new. A
 * field that is null is removed. */
void inventory_update(Inventory *inventory, ObjectKind kind, const char *id, json_t *fields);
void inventory_remove(Inventory *inventory, ObjectKind kind, const char *id);

/* The object (borrowed) or NULL. */
const json_t *inventory_find(const Inventory *inventory, ObjectKind kind, const char *id);
/* All of a kind, sorted by id, as the text of a JSON array: making values of a
 * thousand objects first would cost more than all the rest. fields: an array of
 * names out of object_kind_fields(), or NULL for all. */
GString *inventory_list(const Inventory *inventory, ObjectKind kind, const json_t *fields);

/* TRUE when somebody watches this kind. */
gboolean inventory_watched(const Inventory *inventory, ObjectKind kind);
/* Called when a kind begins to be watched, so that figures can be put in. */
void inventory_on_watched(Inventory *inventory, void (*begun)(ObjectKind kind, gpointer user),
                          gpointer user);

/* kinds: bits 1 << ObjectKind. number is the watcher's own, sent as "watch". */
InventoryWatch *inventory_watch(Inventory *inventory, unsigned kinds, int number,
                                const InventoryWatcher *watcher, gpointer user);
void inventory_unwatch(Inventory *inventory, InventoryWatch *watch);
