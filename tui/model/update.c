#include "backend/wire/message.h"
#include "tui/model/fields.h"

#include <math.h>
#include <string.h>

/* Strings of an object are short; longer ones are cut so that a peer cannot
 * make the model large by one field. */
enum { TEXT_MAX = 2048 };

#define MEMBER(object, field, type) (*(type *)(void *)((char *)(object) + (field)->offset))

static bool is_string(const ModelField *field)
{
    return field->storage == STORE_STRING || field->storage == STORE_WORDS ||
           field->storage == STORE_DRIVERS ||
           (field->storage == STORE_NONE && field->meaning == MEANS_TEXT && !field->text);
}

void model_object_init(ModelObject *object, ObjectKind kind)
{
    memset(object, 0, model_object_size(kind));
    object->kind = (guint8)kind;
    for (const ModelField *field = model_fields(kind); field->name; field++) {
        switch (field->storage) {
        case STORE_FLOAT:
        case STORE_FIRST:
            MEMBER(object, field, float) = NAN;
            break;
        case STORE_DOUBLE:
            MEMBER(object, field, double) = NAN;
            break;
        case STORE_INT32:
            MEMBER(object, field, gint32) = MODEL_UNKNOWN;
            break;
        case STORE_INT64:
            MEMBER(object, field, gint64) = MODEL_UNKNOWN;
            break;
        case STORE_FLAG:
            MEMBER(object, field, gint8) = MODEL_UNKNOWN;
            break;
        default:
            break;
        }
    }
}

void model_object_clear(ModelObject *object)
{
    for (const ModelField *field = model_fields((ObjectKind)object->kind); field->name; field++)
        if (is_string(field))
            g_clear_pointer(&MEMBER(object, field, char *), g_ref_string_release);
    g_clear_pointer(&object->id, g_ref_string_release);
}

static bool set_string(char **member, const char *text)
{
    g_autofree char *cut = NULL;
    if (text && !*text)
        text = NULL;
    if (g_strcmp0(*member, text) == 0)
        return false;
    if (text && strlen(text) > TEXT_MAX) {
        const char *end = g_utf8_find_prev_char(text, text + TEXT_MAX);
        cut = g_strndup(text, end ? (gsize)(end - text) : 0);
        text = cut;
        if (g_strcmp0(*member, text) == 0)
            return false;
    }
    g_clear_pointer(member, g_ref_string_release);
    *member = text ? g_ref_string_new_intern(text) : NULL;
    return true;
}

static bool set_words(char **member, const json_t *value)
{
    g_autoptr(GString) words = g_string_new(NULL);
    size_t index;
    const json_t *item;
    json_array_foreach(value, index, item)
    {
        if (!json_is_string(item) || words->len > TEXT_MAX)
            continue;
        if (words->len)
            g_string_append_c(words, ' ');
        g_string_append(words, json_string_value(item));
    }
    return set_string(member, words->str);
}

/* Only drivers in trouble are worth words: "kvm stale: does not answer". */
static bool set_drivers(char **member, const json_t *value)
{
    g_autoptr(GString) words = g_string_new(NULL);
    size_t index;
    const json_t *item;
    json_array_foreach(value, index, item)
    {
        const char *state = wire_get_string(item, "state", "ok");
        if (strcmp(state, "ok") == 0 || words->len > TEXT_MAX)
            continue;
        g_string_append_printf(words, "%s%s %s: %s", words->len ? "; " : "",
                               wire_get_string(item, "name", "?"), state,
                               wire_get_string(item, "reason", "no reason given"));
    }
    return set_string(member, words->str);
}

static bool set_float(float *member, const json_t *value)
{
    float number = json_is_number(value) ? (float)json_number_value(value) : NAN;
    if (isnan(number) ? isnan(*member) : number == *member)
        return false;
    *member = number;
    return true;
}

static bool set_double(double *member, const json_t *value)
{
    double number = json_is_number(value) ? json_number_value(value) : NAN;
    if (isnan(number) ? isnan(*member) : number == *member)
        return false;
    *member = number;
    return true;
}

static bool set_field(ModelObject *object, const ModelField *field, const json_t *value)
{
    gint64 integer = json_is_integer(value) ? json_integer_value(value)
                     : json_is_real(value)  ? (gint64)CLAMP(json_real_value(value), -1, 9e15)
                                            : MODEL_UNKNOWN;
    switch (field->storage) {
    case STORE_FLOAT:
        return set_float(&MEMBER(object, field, float), value);
    case STORE_FIRST:
        return set_float(&MEMBER(object, field, float), json_array_get(value, 0));
    case STORE_DOUBLE:
        return set_double(&MEMBER(object, field, double), value);
    case STORE_INT32: {
        gint32 *member = &MEMBER(object, field, gint32);
        gint32 before = *member;
        *member = (gint32)CLAMP(integer, MODEL_UNKNOWN, G_MAXINT32);
        return *member != before;
    }
    case STORE_INT64: {
        gint64 *member = &MEMBER(object, field, gint64);
        gint64 before = *member;
        *member = integer;
        return integer != before;
    }
    case STORE_FLAG: {
        gint8 *member = &MEMBER(object, field, gint8);
        gint8 before = *member;
        *member = json_is_boolean(value) ? (gint8)json_is_true(value) : MODEL_UNKNOWN;
        return *member != before;
    }
    case STORE_STATE: {
        guint8 *member = &MEMBER(object, field, guint8);
        GuestState state = GUEST_STATE_UNKNOWN;
        (void)guest_state_from_name(json_string_value(value), &state);
        guint8 before = *member;
        *member = (guint8)state;
        return *member != before;
    }
    case STORE_STRING:
        return set_string(&MEMBER(object, field, char *), json_string_value(value));
    case STORE_WORDS:
        return set_words(&MEMBER(object, field, char *), value);
    case STORE_DRIVERS:
        return set_drivers(&MEMBER(object, field, char *), value);
    default:
        return false;
    }
}

guint64 model_object_update(ModelObject *object, const json_t *json)
{
    guint64 changed = 0;
    const ModelField *fields = model_fields((ObjectKind)object->kind);
    for (int i = 0; fields[i].name; i++) {
        if (fields[i].storage == STORE_NONE)
            continue;
        const json_t *value = json_object_get(json, fields[i].name);
        if (value && set_field(object, &fields[i], value))
            changed |= G_GUINT64_CONSTANT(1) << i;
    }
    return changed;
}
