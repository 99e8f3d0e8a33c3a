/* Whether parameters fit the row of their method, and what a text means for one. */
#include "backend/wire/method.h"

#include "backend/wire/error.h"

#include <string.h>

enum { STRINGS_MAX = 1024 };

static void limits(const WireParameter *parameter, gint64 *min, gint64 *max)
{
    *min = parameter->min;
    *max = parameter->max;
    if (*min || *max)
        return;
    switch (parameter->type) {
    case WIRE_TYPE_INTEGER:
        *min = G_MININT64;
        *max = G_MAXINT64;
        break;
    case WIRE_TYPE_STRINGS:
        *max = STRINGS_MAX;
        break;
    case WIRE_TYPE_GUEST:
    case WIRE_TYPE_TASK:
        *min = 1;
        *max = 256;
        break;
    default:
        *max = WIRE_STRING_MAX;
    }
}

static gboolean is_choice(const char *choices, const char *word)
{
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);
    return g_strv_contains((const char *const *)words, word);
}

char *wire_parameter_describe(const WireParameter *parameter)
{
    gint64 min, max;
    limits(parameter, &min, &max);
    switch (parameter->type) {
    case WIRE_TYPE_INTEGER:
        if (max == G_MAXINT64)
            return g_strdup_printf("a whole number from %" G_GINT64_FORMAT, min);
        return g_strdup_printf("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                               min, max);
    case WIRE_TYPE_BOOLEAN:
        return g_strdup("true or false");
    case WIRE_TYPE_STRINGS:
        return g_strdup_printf("a list of %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " strings",
                               min, max);
    case WIRE_TYPE_GUEST:
        return g_strdup("a guest: vm/100, 100 or a name");
    case WIRE_TYPE_TASK:
        return g_strdup("a task's identifier");
    case WIRE_TYPE_STRING:
    default:
        if (parameter->choices) {
            g_auto(GStrv) words = g_strsplit(parameter->choices, "|", -1);
            g_autofree char *joined = g_strjoinv(", ", words);
            return g_strdup_printf("one of %s", joined);
        }
        return g_strdup_printf("a string of %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " bytes",
                               min, max);
    }
}

static gboolean value_fits(const WireParameter *parameter, const json_t *value)
{
    gint64 min, max;
    limits(parameter, &min, &max);
    switch (parameter->type) {
    case WIRE_TYPE_INTEGER:
        return json_is_integer(value) && json_integer_value(value) >= min &&
               json_integer_value(value) <= max;
    case WIRE_TYPE_BOOLEAN:
        return json_is_boolean(value);
    case WIRE_TYPE_STRINGS: {
        gint64 count = (gint64)json_array_size(value);
        if (!json_is_array(value) || count < min || count > max)
            return FALSE;
        for (gint64 i = 0; i < count; i++) {
            const json_t *item = json_array_get(value, (size_t)i);
            if (!json_is_string(item) || json_string_length(item) > WIRE_STRING_MAX)
                return FALSE;
        }
        return TRUE;
    }
    default: {
        if (!json_is_string(value))
            return FALSE;
        gint64 length = (gint64)json_string_length(value);
        return length >= min && length <= max &&
               (!parameter->choices || is_choice(parameter->choices, json_string_value(value)));
    }
    }
}

static gboolean refuse(const WireMethod *method, const WireParameter *parameter, GError **error)
{
    g_autofree char *expected = wire_parameter_describe(parameter);
    wire_error_set_field(error, WIRE_ERROR_PARAMS, parameter->name,
                         "%s: parameter '%s' must be %s", method->name, parameter->name,
                         expected);
    return FALSE;
}

static const WireParameter *find_parameter(const WireMethod *method, const char *name)
{
    for (const WireParameter *p = method->parameters; p && p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

gboolean wire_method_check(const WireMethod *method, const json_t *params, GError **error)
{
    const char *key;
    json_t *value;
    /* jansson's iteration takes a non-const object but does not change it. */
    json_object_foreach((json_t *)(gintptr)params, key, value)
    {
        const WireParameter *parameter = find_parameter(method, key);
        if (!parameter) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, key, "%s has no parameter '%s'",
                                 method->name, key);
            return FALSE;
        }
        if (!value_fits(parameter, value))
            return refuse(method, parameter, error);
    }
    for (const WireParameter *p = method->parameters; p && p->name; p++) {
        if (p->required && !json_object_get(params, p->name)) {
            g_autofree char *expected = wire_parameter_describe(p);
            wire_error_set_field(error, WIRE_ERROR_PARAMS, p->name,
                                 "%s needs the parameter '%s': %s", method->name, p->name,
                                 expected);
            return FALSE;
        }
    }
    return TRUE;
}

json_t *wire_parameter_from_text(const WireParameter *parameter, const char *text,
                                 GError **error)
{
    json_t *value = NULL;
    if (parameter->type == WIRE_TYPE_INTEGER) {
        gint64 number;
        if (g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
            value = json_integer(number);
    } else if (parameter->type == WIRE_TYPE_BOOLEAN) {
        if (g_str_equal(text, "true") || g_str_equal(text, "yes") || g_str_equal(text, "on"))
            value = json_true();
        else if (g_str_equal(text, "false") || g_str_equal(text, "no") ||
                 g_str_equal(text, "off"))
            value = json_false();
    } else if (parameter->type == WIRE_TYPE_STRINGS) {
        value = json_array();
        g_auto(GStrv) words = g_strsplit(text, ",", -1);
        for (char **word = words; *word; word++)
            if (**word)
                json_array_append_new(value, json_string(*word));
    } else {
        value = json_string(text);
    }
    if (value && value_fits(parameter, value))
        return value;
    json_decref(value);
    g_autofree char *expected = wire_parameter_describe(parameter);
    wire_error_set_field(error, WIRE_ERROR_PARAMS, parameter->name, "%s must be %s",
                         parameter->name, expected);
    return NULL;
}
