#include "tui/command/arguments.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

typedef struct {
    const WireMethod *method;
    char *const *cursor;
    CommandOptions *options;
    Arguments *out;
    const WireParameter *next; /* the next one given in order */
    gboolean plain;            /* no options any more */
} Parser;

gboolean arguments_is_positional(const WireParameter *parameter)
{
    return parameter->required && strcmp(parameter->name, "confirm") != 0;
}

static void skip_options(Parser *parser)
{
    while (parser->next && parser->next->name && !arguments_is_positional(parser->next))
        parser->next++;
}

static gboolean put(Parser *parser, const WireParameter *parameter, const char *text,
                    GError **error)
{
    json_t *value = wire_parameter_from_text(parameter, text, error);
    if (!value)
        return FALSE;
    json_object_set_new(parser->out->params, parameter->name, value);
    return TRUE;
}

/* The value of an option: after its =, or the next word. */
static const char *take_value(Parser *parser, const char *equals, const char *option,
                              GError **error)
{
    if (equals)
        return equals + 1;
    if (*parser->cursor)
        return *parser->cursor++;
    wire_error_set(error, WIRE_ERROR_PARAMS, "%s needs a value", option);
    return NULL;
}

static const WireParameter *find_option(const Parser *parser, const char *name, size_t length)
{
    const WireParameter *p = parser->method ? parser->method->parameters : NULL;
    for (; p && p->name; p++) {
        gboolean same = strlen(p->name) == length && !arguments_is_positional(p);
        for (size_t i = 0; same && i < length; i++)
            same = p->name[i] == name[i] || (p->name[i] == '_' && name[i] == '-');
        if (same)
            return p;
    }
    return NULL;
}

/* -H, -o and -F: 1 taken, 0 not one of them, -1 wrong. */
static int take_global(Parser *parser, const char *word, const char *equals, size_t length,
                       GError **error)
{
    static const struct {
        const char *brief, *full;
    } globals[] = {{"-H", "--host"}, {"-o", "--output"}, {"-F", "--ssh-config"}};
    for (int i = 0; i < 3; i++) {
        gboolean full =
            strlen(globals[i].full) == length && strncmp(word, globals[i].full, length) == 0;
        gboolean attached = g_str_has_prefix(word, globals[i].brief) && word[1] != '-';
        if (!full && !attached)
            continue;
        const char *value = attached && word[2]
                                ? word + 2
                                : take_value(parser, full ? equals : NULL, word, error);
        if (!value)
            return -1;
        if (i == 0) {
            g_ptr_array_add(parser->options->targets, g_strdup(value));
        } else if (i == 2) {
            g_free(parser->options->ssh_config);
            parser->options->ssh_config = g_strdup(value);
        } else if (!command_format_from_name(value, &parser->options->format)) {
            wire_error_set(error, WIRE_ERROR_PARAMS, "-o must be table, json or yaml");
            return -1;
        }
        return 1;
    }
    return 0;
}

static gboolean take_option(Parser *parser, const char *word, GError **error)
{
    const char *equals = g_str_has_prefix(word, "--") ? strchr(word, '=') : NULL;
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (g_str_equal(word, "--help") || g_str_equal(word, "-h")) {
        parser->out->help = TRUE;
        return TRUE;
    }
    if (g_str_equal(word, "--no-wait") && parser->method && parser->method->task) {
        parser->out->no_wait = TRUE;
        return TRUE;
    }
    if ((g_str_equal(word, "-f") || g_str_equal(word, "--follow")) && parser->method &&
        g_str_equal(parser->method->name, "task.log")) {
        parser->out->follow = TRUE;
        return TRUE;
    }
    int global = take_global(parser, word, equals, length, error);
    if (global)
        return global > 0;
    const WireParameter *parameter =
        length > 2 ? find_option(parser, word + 2, length - 2) : NULL;
    if (!parameter) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "there is no option %.*s here", (int)length,
                       word);
        return FALSE;
    }
    if (parameter->type == WIRE_TYPE_BOOLEAN && !equals)
        return put(parser, parameter, "true", error);
    const char *value = take_value(parser, equals, word, error);
    return value && put(parser, parameter, value, error);
}

/* notes=TEXT, tags+=A, tags-=B: an option by another name, after all words have their
 * place. FALSE without an error: it is none. */
static gboolean take_assignment(Parser *parser, const char *word, GError **error)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return FALSE;
    gboolean adds = equals[-1] == '+', removes = equals[-1] == '-';
    g_autofree char *stem =
        g_strndup(word, (size_t)(equals - word) - (adds || removes ? 1 : 0));
    g_autofree char *name = g_strconcat(adds ? "add_" : removes ? "remove_" : "", stem, NULL);
    const WireParameter *parameter = find_option(parser, name, strlen(name));
    return parameter && put(parser, parameter, equals + 1, error);
}

static gboolean take_word(Parser *parser, const char *word, GError **error)
{
    skip_options(parser);
    const WireParameter *parameter = parser->next;
    if (!parameter || !parameter->name) {
        g_autoptr(GError) wrong = NULL;
        if (take_assignment(parser, word, &wrong))
            return TRUE;
        if (wrong) {
            g_propagate_error(error, g_steal_pointer(&wrong));
            return FALSE;
        }
        wire_error_set(error, WIRE_ERROR_PARAMS, "'%s' is one word too many", word);
        return FALSE;
    }
    if (parameter->type != WIRE_TYPE_STRINGS) {
        parser->next++;
        return put(parser, parameter, word, error);
    }
    /* A list takes what is left. */
    parser->plain = parser->plain || parameter->verbatim;
    json_t *list = json_object_get(parser->out->params, parameter->name);
    if (!list) {
        list = json_array();
        json_object_set_new(parser->out->params, parameter->name, list);
    }
    if (json_array_append_new(list, json_string(word)) != 0) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, parameter->name, "%s is not UTF-8",
                             parameter->name);
        return FALSE;
    }
    return TRUE;
}

/* What is required and missing, in the words of the command line. */
static gboolean check(const Parser *parser, GError **error)
{
    const WireParameter *p = parser->method->parameters;
    for (; p && p->name; p++) {
        if (!arguments_is_positional(p) || json_object_get(parser->out->params, p->name))
            continue;
        g_autofree char *expected = wire_parameter_describe(p);
        wire_error_set_field(error, WIRE_ERROR_PARAMS, p->name, "%s is missing: %s", p->name,
                             expected);
        return FALSE;
    }
    g_autoptr(GError) failure = NULL;
    if (wire_method_check(parser->method, parser->out->params, &failure) ||
        g_strcmp0(wire_error_field(failure), "confirm") == 0)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean arguments_parse(const WireMethod *method, char *const *words, CommandOptions *options,
                         Arguments *out, GError **error)
{
    g_auto(Arguments) made = {.params = json_object()};
    Parser parser = {.method = method,
                     .cursor = words,
                     .options = options,
                     .out = &made,
                     .next = method ? method->parameters : NULL};
    while (*parser.cursor) {
        const char *word = *parser.cursor++;
        gboolean good = TRUE;
        if (!parser.plain && g_str_equal(word, "--"))
            parser.plain = TRUE;
        else if (!parser.plain && word[0] == '-' && word[1])
            good = take_option(&parser, word, error);
        else
            good = take_word(&parser, word, error);
        if (!good)
            return FALSE;
    }
    if (method && !made.help && !check(&parser, error))
        return FALSE;
    *out = made;
    made = (Arguments){0};
    return TRUE;
}

void arguments_clear(Arguments *arguments)
{
    json_decref(arguments->params);
    *arguments = (Arguments){0};
}
