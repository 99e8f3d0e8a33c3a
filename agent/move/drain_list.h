/* move/drain_list - which guests a drain has moved away from this node: STATE/drained.json,
 * {"guests":[{"id","name","native","type"}]}.
 *
 * A guest is on it before it goes, and off it when it is seen here again, was deleted, or
 * did not go. A task of the node writes it, one at a time. Blocks; it is on disk when
 * a function has returned. WIRE_ERROR_STORAGE.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* A new array of such objects; empty when there is no list. */
json_t *drain_list_read(const char *state, GError **error);
gboolean drain_list_add(const char *state, const json_t *guest, GError **error);
/* By its kind and native identifier; no error when it is not there. */
gboolean drain_list_remove(const char *state, const json_t *guest, GError **error);
/* The guest of an array of such objects, borrowed; or NULL. Pure. */
const json_t *drain_list_find(const json_t *guests, const json_t *guest);
/* Whether two objects (of a list, or of guest.list) are the same guest. Pure. */
gboolean drain_list_same(const json_t *one, const json_t *other);
