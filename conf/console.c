#include "conf/console.h"

#include "backend/wire/error.h"

#include <string.h>

#define NAME_RULE "a name of letters, digits, dot, dash and underscore"

static bool check_command_word(const char *text);

static const ConfEntry key_item = {"key", CONF_STRING, .max = 32, .help = "a key, as Ctrl-P"};
static const ConfEntry keys_item = {"keys", CONF_LIST, .max = 16, .item = &key_item,
                                    .help = "the keys of an action"};
static const ConfEntry style_item = {"style", CONF_STRING, .max = 64,
                                     .help = "as bold white on #303030"};
static const ConfEntry column_item = {"column", CONF_STRING, .max = 64, .help = "a column"};
static const ConfEntry columns_item = {"columns", CONF_LIST, .max = 64, .item = &column_item,
                                       .help = "the columns of a view, in order"};
static const ConfEntry word_item = {"word",
                                    CONF_STRING,
                                    .max = 4096,
                                    .check = check_command_word,
                                    .expected = "a word, in it at most {id}, {name}, {node}",
                                    .help = "a program or an argument"};
static const ConfEntry command_entries[] = {
    {"name", CONF_STRING, .required = true, .max = 64, .help = "what menus call it"},
    {"key", CONF_STRING, .max = 32, .help = "a key for it"},
    {"command", CONF_LIST, .required = true, .min = 1, .max = 64, .item = &word_item,
     .help = "program and arguments; no shell is involved"},
    {"dangerous", CONF_BOOLEAN, .fallback = "false", .help = "ask before running it"},
    {"applies", CONF_CHOICE, .choices = "guest|node", .fallback = "guest",
     .help = "what it is for"},
    {NULL},
};
static const ConfEntry command_item = {"command", CONF_MAPPING, .members = command_entries,
                                       .help = "a command of your own"};
/* How the console looks and which keys it has: what a cluster may say for all its consoles,
 * too. Nothing of it depends on a terminal, or runs a program. */
#define LOOK_ENTRIES                                                                           \
    {"charts", CONF_CHOICE, .choices = "auto|braille|blocks|ascii", .fallback = "auto",        \
     .help = "what charts are drawn with"},                                                    \
        {"skin", CONF_STRING, .max = 64, .fallback = "terminal", .help = "a built-in skin"},   \
        {"styles", CONF_TABLE, .item = &style_item,                                            \
         .help = "role: style, over the skin's own"},                                          \
        {"keys", CONF_TABLE, .item = &keys_item,                                               \
         .help = "action: its keys, instead of the usual"},                                    \
    {                                                                                          \
        "columns", CONF_TABLE, .item = &columns_item, .help = "view: its columns at first"     \
    }

static const ConfEntry entries[] = {
    {"colours", CONF_CHOICE, .choices = "auto|8|16|256|true", .fallback = "auto",
     .help = "colours to use; auto is what the terminal has"},
    {"ascii", CONF_BOOLEAN, .fallback = "false", .help = "draw with ASCII only"},
    {"mouse", CONF_BOOLEAN, .fallback = "false", .help = "take the mouse"},
    {"readonly", CONF_BOOLEAN, .fallback = "false",
     .help = "offer no act that changes anything"},
    LOOK_ENTRIES,
    {"commands", CONF_LIST, .max = 64, .item = &command_item, .help = "commands of your own"},
    {NULL},
};
static const ConfEntry shared_entries[] = {LOOK_ENTRIES, {NULL}};

static const ConfEntry target_item = {
    "node", CONF_STRING, .max = 255, .help = "host, user@host:port, an alias of ~/.ssh/config"};
static const ConfEntry via_item = {"node", CONF_STRING, .max = 255,
                                   .help = "another node, listed before it"};
static const ConfEntry cluster_entries[] = {
    {"name", CONF_STRING, .required = true, .max = 64, .check = conf_check_name,
     .expected = NAME_RULE, .help = "what the console calls it"},
    {"nodes", CONF_LIST, .required = true, .min = 1, .max = 32, .item = &target_item,
     .help = "its machines"},
    {"via", CONF_TABLE, .item = &via_item, .help = "node: the one it is reached through"},
    {NULL},
};
static const ConfEntry cluster_item = {"cluster", CONF_MAPPING, .members = cluster_entries,
                                       .help = "a cluster"};
static const ConfEntry clusters_entries[] = {
    {"clusters", CONF_LIST, .max = 64, .item = &cluster_item,
     .help = "the clusters; the first is shown at first"},
    {NULL},
};

const ConfEntry *conf_console_entries(void)
{
    return entries;
}

const ConfEntry *conf_shared_entries(void)
{
    return shared_entries;
}

const ConfEntry *conf_clusters_entries(void)
{
    return clusters_entries;
}

static const char *const placeholders[] = {"{id}", "{name}", "{node}"};

static int find_placeholder(const char *text)
{
    for (guint i = 0; i < G_N_ELEMENTS(placeholders); i++)
        if (g_str_has_prefix(text, placeholders[i]))
            return (int)i;
    return -1;
}

/* A brace that opens none of the placeholders is a mistake more often than not. */
static bool check_command_word(const char *text)
{
    for (const char *brace = strchr(text, '{'); brace; brace = strchr(brace + 1, '{'))
        if (find_placeholder(brace) < 0)
            return false;
    return true;
}

char **conf_command_expand(const ConsoleCommand *command, const char *id, const char *name,
                           const char *node)
{
    const char *const values[] = {id, name, node};
    guint count = g_strv_length(command->command);
    char **words = g_new0(char *, count + 1);
    for (guint i = 0; i < count; i++) {
        g_autoptr(GString) word = g_string_new(NULL);
        for (const char *at = command->command[i]; *at;) {
            int which = find_placeholder(at);
            if (which < 0) {
                g_string_append_c(word, *at++);
                continue;
            }
            g_string_append(word, values[which]);
            at += strlen(placeholders[which]);
        }
        words[i] = g_string_free(g_steal_pointer(&word), FALSE);
    }
    return words;
}

static gboolean refuse(const ConfNode *node, const char *path, const char *what, GError **error)
{
    conf_node_error(node, error, "%s: \"%s\" is not %s", path, node->text, what);
    return FALSE;
}

static gboolean refuse_key(const ConfNode *node, const char *path, const char *what,
                           GError **error)
{
    conf_node_key_error(node, error, "%s: \"%s\" is not %s", path, node->key, what);
    return FALSE;
}

/* A table into words: of a list its elements, of a string itself. */
static ConsoleWords *read_words(const ConfNode *table)
{
    ConsoleWords *all = g_new0(ConsoleWords, conf_length(table) + 1);
    for (guint i = 0; i < conf_length(table); i++) {
        const ConfNode *node = conf_item(table, i);
        guint count = node->kind == CONF_NODE_SEQUENCE ? conf_length(node) : 1;
        all[i].name = g_strdup(node->key);
        all[i].words = g_new0(char *, count + 1);
        for (guint j = 0; j < count; j++)
            all[i].words[j] = g_strdup(
                node->kind == CONF_NODE_SEQUENCE ? conf_item(node, j)->text : node->text);
    }
    return all;
}

static gboolean check_styles(const ConfNode *table, const ConsoleNames *names, GError **error)
{
    for (guint i = 0; i < conf_length(table); i++) {
        const ConfNode *node = conf_item(table, i);
        if (names->role && !names->role(node->key))
            return refuse_key(node, "styles", "a role", error);
        if (names->style && !names->style(node->text))
            return refuse(node, "styles", "a style, as bold white on #303030", error);
    }
    return TRUE;
}

static gboolean check_keys(const ConfNode *table, const ConsoleNames *names, GError **error)
{
    for (guint i = 0; i < conf_length(table); i++) {
        const ConfNode *node = conf_item(table, i);
        if (names->action && !names->action(node->key))
            return refuse_key(node, "keys", "an action", error);
        for (guint j = 0; names->key && j < conf_length(node); j++)
            if (!names->key(conf_item(node, j)->text))
                return refuse(conf_item(node, j), "keys", "a key, as Ctrl-P, F5 or g", error);
    }
    return TRUE;
}

static gboolean check_columns(const ConfNode *table, const ConsoleNames *names, GError **error)
{
    for (guint i = 0; i < conf_length(table); i++) {
        const ConfNode *node = conf_item(table, i);
        if (names->view && !names->view(node->key))
            return refuse_key(node, "columns", "a view with columns", error);
        for (guint j = 0; names->column && j < conf_length(node); j++)
            if (!names->column(node->key, conf_item(node, j)->text))
                return refuse(conf_item(node, j), "columns", "a column of this view", error);
    }
    return TRUE;
}

static gboolean check_look(const ConfNode *root, const ConsoleNames *names, GError **error)
{
    const ConfNode *skin = conf_member(root, "skin");
    if (names->skin && !names->skin(skin->text))
        return refuse(skin, "skin", "a built-in skin", error);
    return check_styles(conf_member(root, "styles"), names, error) &&
           check_keys(conf_member(root, "keys"), names, error) &&
           check_columns(conf_member(root, "columns"), names, error);
}

static gboolean check_command_keys(const ConfNode *root, const ConsoleNames *names,
                                   GError **error)
{
    const ConfNode *commands = conf_member(root, "commands");
    for (guint i = 0; names->key && i < conf_length(commands); i++) {
        const ConfNode *key = conf_member(conf_item(commands, i), "key");
        if (key->text && !names->key(key->text))
            return refuse(key, "commands", "a key, as Ctrl-P, F5 or g", error);
    }
    return TRUE;
}

static ConsoleCommand *read_commands(const ConfNode *list)
{
    ConsoleCommand *commands = g_new0(ConsoleCommand, conf_length(list) + 1);
    for (guint i = 0; i < conf_length(list); i++) {
        const ConfNode *node = conf_item(list, i);
        commands[i] = (ConsoleCommand){
            .name = g_strdup(conf_string(node, "name")),
            .key = g_strdup(conf_string(node, "key")),
            .command = conf_strings(node, "command"),
            .dangerous = conf_boolean(node, "dangerous"),
            .applies = (ConsoleApplies)conf_choice(node, "applies"),
        };
    }
    return commands;
}

static void read_look(ConsoleConfig *config, const ConfNode *root)
{
    config->charts = (ConsoleCharts)conf_choice(root, "charts");
    config->skin = g_strdup(conf_string(root, "skin"));
    config->styles = read_words(conf_member(root, "styles"));
    config->keys = read_words(conf_member(root, "keys"));
    config->columns = read_words(conf_member(root, "columns"));
}

static ConsoleConfig *build(ConfNode *root, const ConsoleNames *names, GError **error)
{
    if (!conf_schema_apply(root, entries, error))
        return NULL;
    if (names && (!check_look(root, names, error) || !check_command_keys(root, names, error)))
        return NULL;
    ConsoleConfig *config = g_new0(ConsoleConfig, 1);
    config->colours = (ConsoleColours)conf_choice(root, "colours");
    config->ascii = conf_boolean(root, "ascii");
    config->mouse = conf_boolean(root, "mouse");
    config->readonly = conf_boolean(root, "readonly");
    config->commands = read_commands(conf_member(root, "commands"));
    read_look(config, root);
    return config;
}

/* A key of config.yaml that is not for all: why. */
static gboolean check_is_shared(const ConfNode *root, GError **error)
{
    for (guint i = 0; root->kind == CONF_NODE_MAPPING && i < root->children->len; i++) {
        const ConfNode *child = root->children->pdata[i];
        if (strcmp(child->key, "commands") != 0)
            continue;
        conf_node_key_error(child, error,
                            "commands run programs on each person's own machine, so they are "
                            "never taken from a cluster: keep them in "
                            "~/.config/gantry/config.yaml");
        return FALSE;
    }
    return TRUE;
}

ConsoleConfig *conf_shared_parse(const char *name, const char *text, size_t length,
                                 const ConsoleNames *names, GError **error)
{
    g_autoptr(ConfNode) root = conf_yaml_parse(name, text, length, error);
    if (!root || !check_is_shared(root, error) ||
        !conf_schema_apply(root, shared_entries, error) ||
        (names && !check_look(root, names, error)))
        return NULL;
    ConsoleConfig *config = g_new0(ConsoleConfig, 1);
    config->commands = g_new0(ConsoleCommand, 1);
    read_look(config, root);
    return config;
}

ConsoleConfig *conf_console_parse(const char *name, const char *text, size_t length,
                                  const ConsoleNames *names, GError **error)
{
    g_autoptr(ConfNode) root = conf_yaml_parse(name, text, length, error);
    return root ? build(root, names, error) : NULL;
}

/* The file, or an empty mapping when the user's own does not exist. */
static ConfNode *load(const char *path, const char *own, GError **error)
{
    g_autofree char *usual = g_build_filename(g_get_user_config_dir(), "gantry", own, NULL);
    g_autoptr(GError) problem = NULL;
    ConfNode *root = conf_yaml_load(path ? path : usual, &problem);
    if (!root && !path && wire_error_code(problem) == WIRE_ERROR_NOT_FOUND)
        return conf_yaml_parse(usual, "", 0, error);
    if (!root)
        g_propagate_error(error, g_steal_pointer(&problem));
    return root;
}

ConsoleConfig *conf_console_load(const char *path, const ConsoleNames *names, GError **error)
{
    g_autoptr(ConfNode) root = load(path, "config.yaml", error);
    return root ? build(root, names, error) : NULL;
}

static void free_words(ConsoleWords *all)
{
    for (ConsoleWords *one = all; one && one->name; one++) {
        g_free(one->name);
        g_strfreev(one->words);
    }
    g_free(all);
}

void conf_console_free(ConsoleConfig *config)
{
    if (!config)
        return;
    g_free(config->skin);
    free_words(config->styles);
    free_words(config->keys);
    free_words(config->columns);
    for (ConsoleCommand *command = config->commands; command->name; command++) {
        g_free(command->name);
        g_free(command->key);
        g_strfreev(command->command);
    }
    g_free(config->commands);
    g_free(config);
}

static int find_node(const ConfNode *nodes, const char *name)
{
    for (guint i = 0; i < conf_length(nodes); i++)
        if (strcmp(conf_item(nodes, i)->text, name) == 0)
            return (int)i;
    return -1;
}

/* Only through one listed before: so there is no circle. */
static gboolean check_via(const ConfNode *cluster, guint index, GError **error)
{
    const ConfNode *nodes = conf_member(cluster, "nodes"), *via = conf_member(cluster, "via");
    for (guint i = 0; i < conf_length(via); i++) {
        const ConfNode *one = conf_item(via, i);
        int node = find_node(nodes, one->key), through = find_node(nodes, one->text);
        if (node < 0) {
            conf_node_key_error(one, error, "clusters[%u].via: \"%s\" is not one of its nodes",
                                index, one->key);
            return FALSE;
        }
        if (through < 0 || through >= node) {
            conf_node_error(one, error,
                            "clusters[%u].via: \"%s\" is not one of its nodes before \"%s\"",
                            index, one->text, one->key);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_clusters(const ConfNode *list, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < conf_length(list); i++) {
        const ConfNode *name = conf_member(conf_item(list, i), "name");
        if (!g_hash_table_add(seen, name->text)) {
            conf_node_error(name, error, "clusters[%u].name: \"%s\" names another one already",
                            i, name->text);
            return FALSE;
        }
        if (!check_via(conf_item(list, i), i, error))
            return FALSE;
    }
    return TRUE;
}

static ConsoleCluster *build_clusters(ConfNode *root, GError **error)
{
    if (!conf_schema_apply(root, clusters_entries, error))
        return NULL;
    const ConfNode *list = conf_member(root, "clusters");
    if (!check_clusters(list, error))
        return NULL;
    ConsoleCluster *clusters = g_new0(ConsoleCluster, conf_length(list) + 1);
    for (guint i = 0; i < conf_length(list); i++) {
        clusters[i].name = g_strdup(conf_string(conf_item(list, i), "name"));
        clusters[i].nodes = conf_strings(conf_item(list, i), "nodes");
        clusters[i].via = read_words(conf_member(conf_item(list, i), "via"));
    }
    return clusters;
}

ConsoleCluster *conf_clusters_parse(const char *name, const char *text, size_t length,
                                    GError **error)
{
    g_autoptr(ConfNode) root = conf_yaml_parse(name, text, length, error);
    return root ? build_clusters(root, error) : NULL;
}

ConsoleCluster *conf_clusters_load(const char *path, GError **error)
{
    g_autoptr(ConfNode) root = load(path, "clusters.yaml", error);
    return root ? build_clusters(root, error) : NULL;
}

void conf_clusters_free(ConsoleCluster *clusters)
{
    for (ConsoleCluster *cluster = clusters; cluster && cluster->name; cluster++) {
        g_free(cluster->name);
        g_strfreev(cluster->nodes);
        free_words(cluster->via);
    }
    g_free(clusters);
}
