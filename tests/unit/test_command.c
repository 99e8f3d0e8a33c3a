/* The command line without a node: words to parameters, help, tables, YAML. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/action.h"
#include "tui/command/arguments.h"
#include "tui/command/help.h"
#include "tui/command/numbers.h"
#include "tui/command/output.h"
#include "tui/command/table.h"

#include <locale.h>
#include <string.h>
#include <yaml.h>

/* Parses a line of words for a method; its parameters as JSON, or NULL. */
static char *parse(const char *method, const char *line, Arguments *out, GError **error)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
    CommandOptions options = {.targets = targets};
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    if (!*line)
        *words = (g_free(*words), NULL);
    if (!arguments_parse(wire_method_find(method), words, &options, out, error))
        return NULL;
    return json_dumps(out->params, JSON_COMPACT | JSON_SORT_KEYS);
}

static void check_good(const char *method, const char *line, const char *expected)
{
    g_auto(Arguments) arguments = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *params = parse(method, line, &arguments, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(params, ==, expected);
}

static void check_bad(const char *method, const char *line)
{
    g_auto(Arguments) arguments = {0};
    g_autoptr(GError) error = NULL;
    g_assert_null(parse(method, line, &arguments, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_PARAMS);
    g_assert_cmpint(wire_error_exit_status(wire_error_code(error)), ==, 2);
}

static void test_arguments(void)
{
    check_good("guest.show", "vm/100", "{\"guest\":\"vm/100\"}");
    check_good("guest.start", "web1 --paused", "{\"guest\":\"web1\",\"paused\":true}");
    check_good("guest.start", "--paused=no web1", "{\"guest\":\"web1\",\"paused\":false}");
    check_good("guest.shutdown", "100 --timeout 30 --then stop",
               "{\"guest\":\"100\",\"then\":\"stop\",\"timeout\":30}");
    check_good("guest.autostart", "web1 on", "{\"enable\":true,\"guest\":\"web1\"}");
    check_good("guest.rename", "web1 web2", "{\"guest\":\"web1\",\"name\":\"web2\"}");
    check_good("guest.rename", "-- -web1 -o", "{\"guest\":\"-web1\",\"name\":\"-o\"}");
    check_good("guest.delete", "web1 --confirm web1 --all-disks",
               "{\"all_disks\":true,\"confirm\":\"web1\",\"guest\":\"web1\"}");
    /* confirm may be missing: the person is asked */
    check_good("guest.delete", "web1 --disks vda,vdb",
               "{\"disks\":[\"vda\",\"vdb\"],\"guest\":\"web1\"}");
    /* the words of a list may look like options */
    check_good(
        "guest.exec", "--timeout 5 ct/101 ls -l --timeout",
        "{\"command\":[\"ls\",\"-l\",\"--timeout\"],\"guest\":\"ct/101\",\"timeout\":5}");
    check_good("guest.sendkey", "vm/100 KEY_A KEY_B",
               "{\"guest\":\"vm/100\",\"keys\":[\"KEY_A\",\"KEY_B\"]}");
    check_good("cluster.expected", "1 --confirm node2,node3",
               "{\"confirm\":[\"node2\",\"node3\"],\"votes\":1}");
    check_good("node.list", "", "{}");
    check_good("guest.set", "web1 tags+=a,b tags-=c notes=x=y",
               "{\"add_tags\":[\"a\",\"b\"],\"guest\":\"web1\",\"notes\":\"x=y\","
               "\"remove_tags\":[\"c\"]}");
    check_good("guest.set", "web1 --notes= --tags a,b",
               "{\"guest\":\"web1\",\"notes\":\"\",\"tags\":[\"a\",\"b\"]}");
}

static void test_numbers(void)
{
    g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);
    g_autoptr(json_t) there = json_pack("[{s:s},{s:s}]", "id", "ct/100", "id", "vm/102");
    g_autoptr(json_t) comes =
        json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "id", "vm/100", "name", "a", "id",
                  "ct/101", "name", "b", "id", "ct/102", "name", "c");
    numbers_take(taken, there);
    g_autoptr(GPtrArray) changes = numbers_forecast(taken, comes);
    g_assert_cmpuint(changes->len, ==, 2);
    const NumberChange *first = changes->pdata[0], *second = changes->pdata[1];
    g_assert_cmpstr(first->id, ==, "vm/100");
    g_assert_cmpint(first->number, ==, 103);
    g_assert_cmpstr(second->name, ==, "c");
    g_assert_cmpint(second->number, ==, 104);
}

static void test_bad_arguments(void)
{
    check_bad("guest.show", "");
    check_bad("guest.show", "vm/100 vm/101");
    check_bad("guest.set", "vm/100 colour=red");
    check_bad("guest.show", "vm/100 --paused");
    check_bad("guest.shutdown", "vm/100 --timeout");
    check_bad("guest.shutdown", "vm/100 --timeout soon");
    check_bad("guest.shutdown", "vm/100 --timeout 0");
    check_bad("guest.shutdown", "vm/100 --then pray");
    check_bad("guest.autostart", "vm/100 perhaps");
    check_bad("guest.show", "vm/100 --no-wait"); /* not a task */
    check_bad("guest.show", "vm/100 -f");
    check_bad("node.list", "-o xml");
    check_bad("node.list", "-H");
    check_bad("guest.exec", "vm/100");
    check_bad("guest.show", "--guest vm/100"); /* given in order, not by name */
}

static void test_global_options(void)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    CommandOptions options = {.targets = targets};
    g_auto(GStrv) words =
        g_strsplit("web1 -H n1 -ojson --host=n2 -F /tmp/x --no-wait", " ", -1);
    g_auto(Arguments) arguments = {0};
    g_assert_true(
        arguments_parse(wire_method_find("guest.start"), words, &options, &arguments, &error));
    g_assert_no_error(error);
    g_assert_cmpint(targets->len, ==, 2);
    g_assert_cmpstr(targets->pdata[1], ==, "n2");
    g_assert_cmpint(options.format, ==, OUTPUT_JSON);
    g_assert_cmpstr(options.ssh_config, ==, "/tmp/x");
    g_assert_true(arguments.no_wait);
    g_free(options.ssh_config);
}

/* Each row of the table is a method of the wire, and has help. */
static void test_table(void)
{
    for (const Command *c = command_table(); c->noun; c++) {
        if (c->method)
            g_assert_nonnull(wire_method_find(c->method));
        g_assert_true(command_is_noun(c->noun));
        g_assert_true(command_find(c->noun, c->verb) == c);
        g_autofree char *text = help_command(c);
        g_assert_true(g_str_has_prefix(text, "usage: gantry "));
        g_autofree char *noun = help_noun(c->noun);
        g_assert_nonnull(strstr(noun, c->noun));
        if (c->kind == COMMAND_LIST || c->kind == COMMAND_SAME)
            g_assert_true(c->key && c->columns);
    }
    g_assert_null(command_find("guest", "pray"));
    g_assert_false(command_is_noun("node1"));
}

/* A command that is several methods has parameters of its own. */
static void test_join(void)
{
    const Command *command = command_find("cluster", "join");
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
    CommandOptions options = {.targets = targets};
    char *words[] = {(char *)"node2", (char *)"--yes", (char *)"root@node3", NULL};
    g_auto(Arguments) arguments = {0};
    g_assert_nonnull(command);
    g_assert_true(arguments_parse(command_method(command), words, &options, &arguments, NULL));
    g_autofree char *params = json_dumps(arguments.params, JSON_COMPACT | JSON_SORT_KEYS);
    g_assert_cmpstr(params, ==, "{\"node\":[\"node2\",\"root@node3\"],\"yes\":true}");
    g_autofree char *text = help_command(command);
    g_assert_true(g_str_has_prefix(text, "usage: gantry cluster join NODE... [OPTIONS]\n"));
}

/* A word of an action, with an answer where one belongs. */
static char *filled(const char *word)
{
    const char *brace = strchr(word, '{');
    /* A number is a name, a number of votes and of a link as well. */
    const char *answer = g_str_has_prefix(word, "--algorithm") ? "lms" : "1";
    return brace ? g_strdup_printf("%.*s%s", (int)(brace - word), word, answer)
                 : g_strdup(word);
}

/* What the console runs in a pane are commands with all that they need. */
static void test_actions_are_commands(void)
{
    guint count = 0;
    for (const Action *action = actions(); action->name; action++) {
        if (action->command != DO_RUN)
            continue;
        g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
        CommandOptions options = {.targets = targets};
        g_auto(Arguments) arguments = {0};
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) words = g_strsplit(action->params, " ", -1);
        for (char **word = words; *word; word++) {
            char *full = filled(*word);
            g_free(*word);
            *word = full;
        }
        g_test_message("%s: %s", action->name, action->params);
        g_assert_cmpstr(words[0], ==, "-H");
        const Command *command = command_find(words[2], words[3]);
        g_assert_nonnull(command);
        g_assert_true(
            arguments_parse(command_method(command), words + 4, &options, &arguments, &error));
        g_assert_no_error(error);
        g_assert_nonnull(wire_method_find(action->method));
        count++;
    }
    g_assert_cmpuint(count, >, 8);
}

/* Every method that people call has a command. */
static void test_methods_have_commands(void)
{
    static const char *const inner[] = {
        "hello", "session.ping", "session.methods", "watch.close", "stream.resize",
        "stream.wait", "cluster.add", "cluster.accept", /* cluster join */
        /* cluster device, address, link and rename */
        "cluster.device_prepare", "cluster.device_certify", "cluster.device_accept",
        "cluster.device_add", "cluster.device_remove", "cluster.address", "cluster.link_add",
        "cluster.link_remove", "cluster.rename", "guest.plan", /* guest migrate */
        "guest.migrate", "cluster.settings", "cluster.console", "cluster.console_set", NULL};
    for (const WireMethod *m = wire_methods(); m->name; m++) {
        gboolean found = m->role == WIRE_ROLE_PEER || g_strv_contains(inner, m->name);
        for (const Command *c = command_table(); c->noun && !found; c++)
            found = g_strcmp0(c->method, m->name) == 0;
        if (!found)
            g_error("no command for the method %s", m->name);
    }
}

static void test_table_output(void)
{
    static const CommandColumn columns[] = {{"name", "NAME", AS_TEXT},
                                            {"mem", "MEM", AS_BYTES},
                                            {"on", "ON", AS_YES},
                                            {"tags", "TAGS", AS_TEXT},
                                            {NULL, NULL, AS_TEXT}};
    g_autoptr(json_t) rows =
        json_pack("[{s:s,s:i,s:b,s:[s,s]},{s:s,s:n,s:b,s:[]}]", "name",
                  "\xe4\xb8\xad\xe6\x96\x87", "mem", 1073741824, "on", 1, "tags", "a", "b",
                  "name", "evil\033[2J\nx", "mem", "on", 0, "tags");
    g_autofree char *table = output_table(columns, rows);
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    g_assert_cmpint(g_strv_length(lines), ==, 4);
    g_assert_null(strchr(table, '\033'));
    g_assert_true(g_str_has_prefix(lines[1], "\xe4\xb8\xad\xe6\x96\x87 "));
    g_assert_true(g_str_has_suffix(lines[1], "  yes  a b"));
    g_assert_true(g_str_has_suffix(lines[2], "  -  no   -"));
    /* The wide name takes four columns in six bytes: what follows it is two
     * bytes further to the right than in the heading. */
    const char *heading = strstr(lines[0], "ON"), *cell = strstr(lines[1], "yes");
    g_assert_cmpint(cell - lines[1], ==, heading - lines[0] + 2);
}

static void test_object_output(void)
{
    g_autoptr(json_t) object =
        json_pack("{s:s,s:I,s:[{s:s,s:i}]}", "id", "vm/100", "mem_max", (json_int_t)2 << 30,
                  "disks", "target", "vda", "size", 5);
    g_autofree char *text = output_object(object, OBJECT_GUEST);
    g_assert_nonnull(strstr(text, "id       vm/100\n"));
    g_assert_nonnull(strstr(text, "GiB\n"));
    g_assert_nonnull(strstr(text, "\ndisks\nTARGET  SIZE\nvda        5\n"));
}

/* The strings of a YAML text, read back with the tags that YAML gives them. */
static char *read_yaml(const char *text)
{
    GString *found = g_string_new(NULL);
    yaml_parser_t parser;
    yaml_event_t event;
    gboolean end = FALSE;
    (void)yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, strlen(text));
    while (!end) {
        g_assert_true(yaml_parser_parse(&parser, &event));
        if (event.type == YAML_SCALAR_EVENT)
            g_string_append_printf(
                found, "%s%s;", event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? "" : "'",
                event.data.scalar.value);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return g_string_free(found, FALSE);
}

static void test_yaml_output(void)
{
    g_autoptr(json_t) value =
        json_pack("{s:s,s:s,s:s,s:i,s:b,s:n,s:[f,s]}", "name", "web1", "yes", "no", "text",
                  "a: b\n# c", "n", 5, "t", 1, "z", "l", 0.5, "1e3");
    g_autofree char *text = output_yaml(value);
    g_autofree char *found = read_yaml(text);
    g_assert_cmpstr(found, ==,
                    "name;web1;'yes;'no;text;'a: b\n# c;'n;5;t;true;z;null;l;0.5;'1e3;");
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8"); /* widths of characters come from it */
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command/arguments", test_arguments);
    g_test_add_func("/command/numbers", test_numbers);
    g_test_add_func("/command/arguments/bad", test_bad_arguments);
    g_test_add_func("/command/arguments/global", test_global_options);
    g_test_add_func("/command/table", test_table);
    g_test_add_func("/command/actions", test_actions_are_commands);
    g_test_add_func("/command/methods", test_methods_have_commands);
    g_test_add_func("/command/output/table", test_table_output);
    g_test_add_func("/command/output/object", test_object_output);
    g_test_add_func("/command/output/yaml", test_yaml_output);
    g_test_add_func("/command/join", test_join);
    return g_test_run();
}
