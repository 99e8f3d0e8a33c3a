/* view/describe - an agent's answer as text for people.
 *
 * What agents tell of a guest, a node or a storage grows with them; here any
 * such object becomes readable: plain members as a list of names and values, a
 * list of objects as a table, others as a section of their own. Bytes and times
 * are written as people write them where the member's name says what they are.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

/* Only the members named (NULL-terminated), or all when only is NULL. */
char *describe_json(const json_t *object, const char *const *only);
