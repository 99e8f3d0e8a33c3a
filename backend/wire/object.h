/* wire/object - what a watch shows: the kinds of objects and their fields.
 *
 * An object is a JSON object of one of these kinds, known by its id. The agent
 * sends it whole once and then the fields that changed; a field that is not
 * known is null or absent, never 0. The tables below are the one description of
 * the fields: the manual page is made from them, and a test holds the agent's
 * answers against them. Names and units do not change within a major version.
 *
 * Units: bytes, bytes per second, seconds since 1970, seconds, percent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    OBJECT_NODE,
    OBJECT_GUEST,
    OBJECT_STORAGE,
    OBJECT_LINK,
    OBJECT_TASK,
    OBJECT_EVENT,
    OBJECT_ALARM,
    OBJECT_LOST_GUEST,
    OBJECT_KIND_COUNT
} ObjectKind;

typedef struct {
    const char *name;
    const char *type; /* string, integer, number, boolean, strings, numbers, objects */
    const char *unit; /* NULL when it has none */
    const char *help;
} ObjectField;

const char *object_kind_name(ObjectKind kind); /* "node", "guest", ... */
bool object_kind_from_name(const char *name, ObjectKind *out);

/* The fields of a kind, ended by one without a name. */
const ObjectField *object_kind_fields(ObjectKind kind);
