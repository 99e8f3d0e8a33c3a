#include "backend/wire/error.h"
#include "conf/console.h"

#include <string.h>

static bool is_known(const char *name)
{
    return !g_str_has_prefix(name, "no-");
}

static bool is_column(const char *view, const char *name)
{
    return g_str_equal(view, "guests") && is_known(name);
}

static const ConsoleNames names = {is_known, is_known, is_known, is_known,
                                   is_known, is_known, is_column};

typedef struct {
    const char *text;
    const char *message;
} BadFile;

static const BadFile bad[] = {
    {"colours: 17", "f:1:10: colours: expected one of auto, 8, 16, 256, true, found \"17\""},
    {"colors: 16", "f:1:1: unknown key \"colors\", expected one of colours, ascii, mouse, "
                   "readonly, charts, skin, styles, keys, columns, commands"},
    {"mouse: sometimes", "f:1:8: mouse: expected true or false, found \"sometimes\""},
    {"skin: no-such", "f:1:7: skin: \"no-such\" is not a built-in skin"},
    {"styles: {no-role: bold}", "f:1:10: styles: \"no-role\" is not a role"},
    {"styles: {title: no-style}",
     "f:1:17: styles: \"no-style\" is not a style, as bold white on #303030"},
    {"styles: {title: [bold]}", "f:1:17: styles.title: expected a text, found a list"},
    {"keys: {no-action: [g]}", "f:1:8: keys: \"no-action\" is not an action"},
    {"keys:\n  open: [g, no-key]\n",
     "f:2:13: keys: \"no-key\" is not a key, as Ctrl-P, F5 or g"},
    {"keys: {open: g}", "f:1:14: keys.open: expected a list, found \"g\""},
    {"columns: {no-view: []}", "f:1:11: columns: \"no-view\" is not a view with columns"},
    {"columns: {guests: [id, no-x]}", "f:1:24: columns: \"no-x\" is not a column of this view"},
    {"commands:\n- name: x\n", "f:2:3: commands[0]: the key \"command\" is missing"},
    {"commands:\n- {name: x, command: []}\n",
     "f:2:22: commands[0].command: expected 1 to 64 entries, found 0"},
    {"commands:\n- {name: x, command: [ping, '{host}']}\n",
     "f:2:29: commands[0].command[1]: expected a word, in it at most {id}, {name}, {node}, "
     "found the quoted text \"{host}\""},
    {"commands:\n- {name: x, command: [a], key: no-key}\n",
     "f:2:32: commands: \"no-key\" is not a key, as Ctrl-P, F5 or g"},
    {"commands:\n- {name: x, command: [a], applies: disk}\n",
     "f:2:36: commands[0].applies: expected one of guest, node, found \"disk\""},
};

static void test_bad_console(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(
            conf_console_parse("f", bad[i].text, strlen(bad[i].text), &names, &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, bad[i].message);
    }
}

static const BadFile bad_clusters[] = {
    {"clusters:\n- name: a\n", "f:2:3: clusters[0]: the key \"nodes\" is missing"},
    {"clusters:\n- {name: a, nodes: []}\n",
     "f:2:20: clusters[0].nodes: expected 1 to 32 entries, found 0"},
    {"clusters:\n- {name: a, nodes: [b]}\n- {name: a, nodes: [c]}\n",
     "f:3:10: clusters[1].name: \"a\" names another one already"},
    {"clusters:\n- {name: a, nodes: [b, c], via: {d: b}}\n",
     "f:2:34: clusters[0].via: \"d\" is not one of its nodes"},
    {"clusters:\n- {name: a, nodes: [b, c], via: {b: c}}\n",
     "f:2:37: clusters[0].via: \"c\" is not one of its nodes before \"b\""},
    {"a: {nodes: [b]}", "f:1:1: unknown key \"a\", expected one of clusters"},
};

static void test_bad_clusters(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(bad_clusters); i++) {
        g_autoptr(GError) error = NULL;
        const BadFile *file = &bad_clusters[i];
        g_assert_null(conf_clusters_parse("f", file->text, strlen(file->text), &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, file->message);
    }
}

static void test_console(void)
{
    static const char text[] =
        "colours: true\nascii: yes\ncharts: blocks\nreadonly: on\n"
        "styles: {title: bold 208}\nkeys: {open: [Enter, o], quit: []}\n"
        "columns: {guests: [id, name]}\n"
        "commands:\n- {name: Ping, key: Alt-p, command: [ping, 'x{name}-{id}{id}', '{node}'],"
        " applies: node, dangerous: true}\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsoleConfig) config =
        conf_console_parse("f", text, strlen(text), &names, &error);
    g_assert_no_error(error);
    g_assert_cmpint(config->colours, ==, CONSOLE_COLOURS_TRUE);
    g_assert_cmpint(config->charts, ==, CONSOLE_CHARTS_BLOCKS);
    g_assert_true(config->ascii && config->readonly && !config->mouse);
    g_assert_cmpstr(config->skin, ==, "terminal");
    g_assert_cmpstr(config->styles[0].name, ==, "title");
    g_assert_cmpstr(config->styles[0].words[0], ==, "bold 208");
    g_assert_null(config->styles[1].name);
    g_assert_cmpstr(config->keys[0].words[1], ==, "o");
    g_assert_cmpuint(g_strv_length(config->keys[1].words), ==, 0);
    g_assert_cmpstr(config->columns[0].words[1], ==, "name");
    const ConsoleCommand *command = &config->commands[0];
    g_assert_cmpstr(command->key, ==, "Alt-p");
    g_assert_true(command->dangerous);
    g_assert_cmpint(command->applies, ==, CONSOLE_APPLIES_NODE);
    /* What the object is called is never looked at for placeholders again. */
    g_auto(GStrv) words = conf_command_expand(command, "vm/100", "{id}; rm", "node1");
    g_assert_cmpstr(words[1], ==, "x{id}; rm-vm/100vm/100");
    g_assert_cmpstr(words[2], ==, "node1");
    g_assert_null(words[3]);
    g_assert_null(config->commands[1].name);
}

/* What a cluster may say for all consoles. */
static void test_shared(void)
{
    static const char text[] = "skin: dark\nkeys: {open: [o]}\ncolumns: {guests: [id]}\n";
    static const BadFile refused[] = {
        {"skin: dark\ncommands: [{name: a, command: [b]}]\n",
         "f:2:1: commands run programs on each person's own machine, so they are never taken "
         "from a cluster: keep them in ~/.config/gantry/config.yaml"},
        {"mouse: true\n",
         "f:1:1: unknown key \"mouse\", expected one of charts, skin, styles, keys, columns"},
        {"keys: {no-way: [a]}\n", "f:1:8: keys: \"no-way\" is not an action"},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsoleConfig) config =
        conf_shared_parse("f", text, strlen(text), &names, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(config->skin, ==, "dark");
    g_assert_cmpstr(config->keys[0].words[0], ==, "o");
    g_assert_cmpstr(config->columns[0].words[0], ==, "id");
    g_assert_null(config->commands[0].name);
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) wrong = NULL;
        g_assert_null(
            conf_shared_parse("f", refused[i].text, strlen(refused[i].text), &names, &wrong));
        g_assert_error(wrong, WIRE_ERROR, WIRE_ERROR_CONFIG);
        g_assert_cmpstr(wrong->message, ==, refused[i].message);
    }
}

static char *shipped(const char *name)
{
    return g_build_filename(g_getenv("SOURCE_ROOT"), "conf", name, NULL);
}

static void test_via(void)
{
    static const char text[] = "clusters:\n- {name: a, nodes: [b, c], via: {c: b}}\n";
    g_autoptr(GError) error = NULL;
    ConsoleCluster *list = conf_clusters_parse("f", text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(list[0].via[0].name, ==, "c");
    g_assert_cmpstr(list[0].via[0].words[0], ==, "b");
    g_assert_null(list[0].via[1].name);
    conf_clusters_free(list);
}

static void test_shipped_files(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *console = shipped("config.yaml"), *clusters = shipped("clusters.yaml");
    g_autoptr(ConsoleConfig) config = conf_console_load(console, &names, &error);
    g_assert_no_error(error);
    g_assert_cmpint(config->colours, ==, CONSOLE_COLOURS_AUTO);
    ConsoleCluster *list = conf_clusters_load(clusters, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(list[0].name, ==, "lab");
    g_assert_cmpuint(g_strv_length(list[0].nodes), ==, 3);
    g_assert_null(list[1].name);
    conf_clusters_free(list);

    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(console, &text, NULL, NULL));
    g_autoptr(GRegex) comment = g_regex_new("^#(?=\\S|  )", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *live = g_regex_replace_literal(comment, text, -1, 0, "", 0, NULL);
    g_autoptr(ConsoleConfig) all = conf_console_parse("f", live, strlen(live), &names, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(all->commands[0].name, ==, "Ping");
}

/* The user's own files may be absent; one that was asked for may not. */
static void test_absent_files(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ConsoleConfig) config = conf_console_load(NULL, &names, &error);
    g_assert_no_error(error);
    g_assert_false(config->mouse);
    ConsoleCluster *clusters = conf_clusters_load(NULL, &error);
    g_assert_no_error(error);
    g_assert_null(clusters[0].name);
    conf_clusters_free(clusters);
    g_assert_null(conf_console_load("/nonexistent/config.yaml", NULL, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
}

static void check_helped(const ConfEntry *entry)
{
    g_assert_nonnull(entry->help);
    g_assert_true(!entry->check || entry->expected);
    if (entry->item)
        check_helped(entry->item);
    for (const ConfEntry *member = entry->members; member && member->name; member++)
        check_helped(member);
}

static void test_every_entry_is_documented(void)
{
    for (const ConfEntry *entry = conf_console_entries(); entry->name; entry++)
        check_helped(entry);
    for (const ConfEntry *entry = conf_shared_entries(); entry->name; entry++)
        check_helped(entry);
    for (const ConfEntry *entry = conf_clusters_entries(); entry->name; entry++)
        check_helped(entry);
}

int main(int argc, char **argv)
{
    g_setenv("XDG_CONFIG_HOME", "/nonexistent", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/console/bad", test_bad_console);
    g_test_add_func("/conf/console/full", test_console);
    g_test_add_func("/conf/console/shared", test_shared);
    g_test_add_func("/conf/console/shipped", test_shipped_files);
    g_test_add_func("/conf/console/absent", test_absent_files);
    g_test_add_func("/conf/console/documented", test_every_entry_is_documented);
    g_test_add_func("/conf/clusters/bad", test_bad_clusters);
    g_test_add_func("/conf/clusters/via", test_via);
    return g_test_run();
}
