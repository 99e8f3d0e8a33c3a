/* model/fields - one table of fields a kind: it fills the structs from the wire
 * and serves the columns, the sort and the filter.
 *
 * A row names a field, says how it is kept in the struct (storage), what it
 * means to a person (meaning: how it is written and compared), and its heading.
 * Fields that the console works out itself (a guest's memory in percent) have
 * no storage and a function instead.
 */
#pragma once

#include "tui/model/object.h"

#include <jansson.h>
#include <stdbool.h>

typedef struct Model Model;

typedef enum {
    STORE_NONE, /* worked out, or set by the model itself */
    STORE_FLOAT,
    STORE_DOUBLE,
    STORE_INT32,
    STORE_INT64,
    STORE_FLAG,    /* gint8 */
    STORE_STATE,   /* GuestState in a guint8 */
    STORE_STRING,  /* interned */
    STORE_WORDS,   /* an array of strings, kept as one interned string with spaces */
    STORE_FIRST,   /* the first of an array of numbers, as float */
    STORE_DRIVERS, /* an array of {name, state, reason}, kept as a sentence */
} FieldStorage;

typedef enum {
    MEANS_TEXT,
    MEANS_ID,     /* kind/number, compared by number */
    MEANS_STATE,  /* a word with a glyph */
    MEANS_COUNT,  /* a whole number */
    MEANS_NUMBER, /* with decimals */
    MEANS_PERCENT,
    MEANS_BYTES,
    MEANS_RATE,  /* bytes a second */
    MEANS_SINCE, /* a time, shown as how long ago: 41d */
    MEANS_CLOCK, /* a time, shown as the hour */
    MEANS_YES,   /* a flag */
} FieldMeaning;

typedef struct ModelField ModelField;
struct ModelField {
    const char *name;
    const char *title;
    FieldStorage storage;
    FieldMeaning meaning;
    size_t offset;
    guint8 width; /* columns it likes to have */
    double (*number)(const Model *model, const ModelObject *object);
    const char *(*text)(const Model *model, const ModelObject *object);
};

#define MODEL_FIELDS_MAX 48

/* The fields of a kind, ended by one without a name. */
const ModelField *model_fields(ObjectKind kind);
/* Index in model_fields(), or -1. */
int model_field_find(ObjectKind kind, const char *name);
size_t model_object_size(ObjectKind kind);

/* Numbers of any storage; NAN when not known or not a number. */
double model_field_number(const Model *model, const ModelField *field,
                          const ModelObject *object);
/* The text of a text field; "" when not known. Valid until the object changes;
 * for an id, until the next call. */
const char *model_field_text(const Model *model, const ModelField *field,
                             const ModelObject *object);
/* Is it known at all? */
bool model_field_known(const Model *model, const ModelField *field, const ModelObject *object);
/* As it stands in a table ("11.8 GiB", "-" when not known), into buffer. */
void model_field_format(const Model *model, const ModelField *field, const ModelObject *object,
                        char *buffer, size_t size);
/* Numbers go to the right. */
bool model_field_is_number(const ModelField *field);

/* Sets the struct's fields to "not known". */
void model_object_init(ModelObject *object, ObjectKind kind);
/* Frees what the fields hold. */
void model_object_clear(ModelObject *object);
/* Takes over what json says; a bit a field that changed is set in the result
 * (G_MAXUINT64 never happens: there are fewer fields than bits). */
guint64 model_object_update(ModelObject *object, const json_t *json);

/* "vm/100", in a static buffer for guests. */
const char *model_object_id(const ModelObject *object);
/* A name for people: the guest's name, the node's, else the id. */
const char *model_object_name(const Model *model, const ModelObject *object);
