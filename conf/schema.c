#include "conf/schema.h"

#include <string.h>

enum { STRING_MAX = 1024, LIST_MAX = 1024 };

static gboolean apply(ConfNode *node, const ConfEntry *entry, const char *path, GError **error);
static ConfNode *make_default(const ConfEntry *entry, const ConfNode *parent);

char *conf_entry_describe(const ConfEntry *entry)
{
    switch (entry->type) {
    case CONF_STRING:
        return g_strdup(entry->expected ? entry->expected : "a text");
    case CONF_INTEGER:
        return g_strdup_printf("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                               entry->min, entry->max);
    case CONF_BOOLEAN:
        return g_strdup("true or false");
    case CONF_CHOICE: {
        g_auto(GStrv) words = g_strsplit(entry->choices, "|", -1);
        g_autofree char *list = g_strjoinv(", ", words);
        return g_strdup_printf("one of %s", list);
    }
    case CONF_LIST:
        return g_strdup("a list");
    case CONF_MAPPING:
    case CONF_TABLE:
        return g_strdup("a mapping (key: value)");
    }
    g_assert_not_reached();
}

static gboolean is_null(const ConfNode *node)
{
    return node->kind == CONF_NODE_SCALAR && node->plain &&
           (!*node->text || g_str_equal(node->text, "~") || g_str_equal(node->text, "null"));
}

/* What stands there, in words; a long text is cut. */
static char *describe_found(const ConfNode *node)
{
    if (node->kind == CONF_NODE_SEQUENCE)
        return g_strdup("a list");
    if (node->kind == CONF_NODE_MAPPING)
        return g_strdup("a mapping");
    if (is_null(node))
        return g_strdup("nothing");
    enum { SHOWN = 40 };
    glong characters = g_utf8_strlen(node->text, -1);
    g_autofree char *start = g_utf8_substring(node->text, 0, MIN(characters, SHOWN));
    return g_strdup_printf("%s\"%s%s\"", node->plain ? "" : "the quoted text ", start,
                           characters > SHOWN ? "..." : "");
}

static gboolean refuse(const ConfNode *node, const ConfEntry *entry, const char *path,
                       GError **error)
{
    g_autofree char *expected = conf_entry_describe(entry), *found = describe_found(node);
    conf_node_error(node, error, "%s%sexpected %s, found %s", path, *path ? ": " : "", expected,
                    found);
    return FALSE;
}

static gboolean parse_integer(ConfNode *node, const ConfEntry *entry)
{
    const char *digits = node->text[0] == '-' ? node->text + 1 : node->text;
    gboolean octal_looking = digits[0] == '0' && digits[1];
    return node->plain && g_ascii_isdigit(*digits) && !octal_looking &&
           g_ascii_string_to_signed(node->text, 10, entry->min, entry->max, &node->number,
                                    NULL);
}

static gboolean parse_boolean(ConfNode *node)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (guint i = 0; node->plain && i < G_N_ELEMENTS(words); i++)
        if (g_ascii_strcasecmp(words[i], node->text) == 0) {
            node->number = i % 2;
            return TRUE;
        }
    return FALSE;
}

static gboolean parse_choice(ConfNode *node, const ConfEntry *entry)
{
    g_auto(GStrv) words = g_strsplit(entry->choices, "|", -1);
    for (gint64 i = 0; words[i]; i++)
        if (g_str_equal(words[i], node->text)) {
            node->number = i;
            return TRUE;
        }
    return FALSE;
}

static gboolean check_string(const ConfNode *node, const ConfEntry *entry, const char *path,
                             GError **error)
{
    gboolean limited = entry->min || entry->max;
    gsize least = limited ? (gsize)entry->min : 1;
    gsize most = entry->max ? (gsize)entry->max : STRING_MAX;
    gsize length = strlen(node->text);
    if (length < least || length > most) {
        conf_node_error(node, error,
                        "%s: expected a text of %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
                        " bytes, found %" G_GSIZE_FORMAT,
                        path, least, most, length);
        return FALSE;
    }
    return !entry->check || entry->check(node->text) || refuse(node, entry, path, error);
}

static gboolean apply_scalar(ConfNode *node, const ConfEntry *entry, const char *path,
                             GError **error)
{
    gboolean fits = FALSE;
    if (node->kind != CONF_NODE_SCALAR || is_null(node))
        return refuse(node, entry, path, error);
    if (entry->type == CONF_STRING)
        return check_string(node, entry, path, error);
    if (entry->type == CONF_INTEGER)
        fits = parse_integer(node, entry);
    else if (entry->type == CONF_BOOLEAN)
        fits = parse_boolean(node);
    else
        fits = parse_choice(node, entry);
    return fits || refuse(node, entry, path, error);
}

static gboolean apply_list(ConfNode *node, const ConfEntry *entry, const char *path,
                           GError **error)
{
    guint most = entry->max ? (guint)entry->max : LIST_MAX;
    if (node->children->len < entry->min || node->children->len > most) {
        conf_node_error(node, error, "%s: expected %u to %u entries, found %u", path,
                        (guint)entry->min, most, node->children->len);
        return FALSE;
    }
    for (guint i = 0; i < node->children->len; i++) {
        g_autofree char *below = g_strdup_printf("%s[%u]", path, i);
        if (!apply(node->children->pdata[i], entry->item, below, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean apply_table(ConfNode *node, const ConfEntry *entry, const char *path,
                            GError **error)
{
    for (guint i = 0; i < node->children->len; i++) {
        ConfNode *child = node->children->pdata[i];
        if (entry->check && !entry->check(child->key)) {
            conf_node_key_error(child, error, "%s: expected %s, found \"%s\"", path,
                                entry->expected, child->key);
            return FALSE;
        }
        g_autofree char *below = g_strdup_printf("%s.%s", path, child->key);
        if (!apply(child, entry->item, below, error))
            return FALSE;
    }
    return TRUE;
}

static const ConfEntry *find_entry(const ConfEntry *members, const char *key)
{
    for (; members->name; members++)
        if (g_str_equal(members->name, key))
            return members;
    return NULL;
}

static void refuse_key(const ConfNode *child, const ConfEntry *members, const char *path,
                       GError **error)
{
    g_autoptr(GString) known = g_string_new(NULL);
    for (; members->name; members++)
        g_string_append_printf(known, "%s%s", known->len ? ", " : "", members->name);
    conf_node_key_error(child, error, "%s%sunknown key \"%s\", expected one of %s", path,
                        *path ? ": " : "", child->key, known->str);
}

static ConfNode *find_child(const ConfNode *mapping, const char *key)
{
    for (guint i = 0; i < mapping->children->len; i++) {
        ConfNode *child = mapping->children->pdata[i];
        if (g_str_equal(child->key, key))
            return child;
    }
    return NULL;
}

static gboolean apply_mapping(ConfNode *node, const ConfEntry *members, const char *path,
                              GError **error)
{
    for (guint i = 0; i < node->children->len; i++) {
        ConfNode *child = node->children->pdata[i];
        const ConfEntry *entry = find_entry(members, child->key);
        if (!entry) {
            refuse_key(child, members, path, error);
            return FALSE;
        }
        g_autofree char *below = g_strjoin(*path ? "." : "", path, child->key, NULL);
        if (!apply(child, entry, below, error))
            return FALSE;
    }
    for (; members->name; members++) {
        if (find_child(node, members->name))
            continue;
        if (members->required) {
            conf_node_error(node, error, "%s%sthe key \"%s\" is missing", path,
                            *path ? ": " : "", members->name);
            return FALSE;
        }
        g_ptr_array_add(node->children, make_default(members, node));
    }
    return TRUE;
}

/* A key with nothing after it ("tasks:") is an empty mapping or list: that is
 * what remains when somebody comments out what stood below it. */
static void fill_empty(ConfNode *node, ConfNodeKind kind)
{
    if (!is_null(node))
        return;
    g_clear_pointer(&node->text, g_free);
    node->kind = kind;
    node->children = g_ptr_array_new_with_free_func((GDestroyNotify)conf_node_free);
}

static gboolean apply(ConfNode *node, const ConfEntry *entry, const char *path, GError **error)
{
    ConfNodeKind kind = CONF_NODE_SCALAR;
    if (entry->type == CONF_LIST)
        kind = CONF_NODE_SEQUENCE;
    else if (entry->type == CONF_MAPPING || entry->type == CONF_TABLE)
        kind = CONF_NODE_MAPPING;
    if (kind == CONF_NODE_SCALAR)
        return apply_scalar(node, entry, path, error);
    fill_empty(node, kind);
    if (node->kind != kind)
        return refuse(node, entry, path, error);
    if (entry->type == CONF_LIST)
        return apply_list(node, entry, path, error);
    if (entry->type == CONF_TABLE)
        return apply_table(node, entry, path, error);
    return apply_mapping(node, entry->members, path, error);
}

static ConfNode *make_list_default(const ConfEntry *entry, const ConfNode *parent)
{
    ConfNode *node = conf_node_new(CONF_NODE_SEQUENCE, entry->name, parent);
    g_auto(GStrv) words = g_strsplit(entry->fallback ? entry->fallback : "", ",", -1);
    for (char **word = words; *word; word++) {
        ConfNode *child = conf_node_new(CONF_NODE_SCALAR, NULL, parent);
        child->text = g_strdup(*word);
        g_ptr_array_add(node->children, child);
    }
    return node;
}

/* A default passes the same checks as what a file says, so that a table can't
 * hold one that it would itself refuse. */
static ConfNode *make_default(const ConfEntry *entry, const ConfNode *parent)
{
    if (entry->type == CONF_LIST)
        return make_list_default(entry, parent);
    if (entry->type == CONF_TABLE)
        return conf_node_new(CONF_NODE_MAPPING, entry->name, parent);
    if (entry->type == CONF_MAPPING) {
        ConfNode *node = conf_node_new(CONF_NODE_MAPPING, entry->name, parent);
        for (const ConfEntry *member = entry->members; member->name; member++)
            g_ptr_array_add(node->children, make_default(member, node));
        return node;
    }
    ConfNode *node = conf_node_new(CONF_NODE_SCALAR, entry->name, parent);
    if (!entry->fallback)
        return node;
    node->text = g_strdup(entry->fallback);
    node->plain = TRUE;
    g_autoptr(GError) error = NULL;
    if (!apply_scalar(node, entry, entry->name, &error))
        g_error("the schema's own default is wrong: %s", error->message);
    return node;
}

gboolean conf_schema_apply(ConfNode *root, const ConfEntry *members, GError **error)
{
    const ConfEntry top = {"", CONF_MAPPING, .members = members};
    return apply(root, &top, "", error);
}

const ConfNode *conf_member(const ConfNode *mapping, const char *key)
{
    const ConfNode *child = find_child(mapping, key);
    if (!child)
        g_error("the schema has no key \"%s\"", key);
    return child;
}

const char *conf_string(const ConfNode *mapping, const char *key)
{
    return conf_member(mapping, key)->text;
}

gint64 conf_integer(const ConfNode *mapping, const char *key)
{
    return conf_member(mapping, key)->number;
}

gboolean conf_boolean(const ConfNode *mapping, const char *key)
{
    return conf_member(mapping, key)->number != 0;
}

int conf_choice(const ConfNode *mapping, const char *key)
{
    return (int)conf_member(mapping, key)->number;
}

char **conf_strings(const ConfNode *mapping, const char *key)
{
    const ConfNode *list = conf_member(mapping, key);
    char **strings = g_new0(char *, conf_length(list) + 1);
    for (guint i = 0; i < conf_length(list); i++)
        strings[i] = g_strdup(conf_item(list, i)->text);
    return strings;
}

guint conf_length(const ConfNode *node)
{
    return node->children->len;
}

const ConfNode *conf_item(const ConfNode *node, guint index)
{
    g_assert(index < node->children->len);
    return node->children->pdata[index];
}

bool conf_check_path(const char *text)
{
    if (*text != '/')
        return false;
    g_auto(GStrv) parts = g_strsplit(text, "/", -1);
    return !g_strv_contains((const char *const *)parts, "..");
}

static bool made_of(const char *text, const char *others)
{
    if (!g_ascii_isalnum(*text) && *text != '_')
        return false;
    for (; *text; text++)
        if (!g_ascii_isalnum(*text) && !strchr(others, *text))
            return false;
    return true;
}

bool conf_check_account(const char *text)
{
    return made_of(text, "._-@$\\+");
}

bool conf_check_name(const char *text)
{
    return made_of(text, "._-");
}
