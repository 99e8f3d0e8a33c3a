#include "backend/wire/error.h"
#include "conf/agent.h"

#include <string.h>

typedef struct {
    const char *text;
    const char *message;
} BadFile;

static const BadFile bad_yaml[] = {
    {"node: [a", "f:2:1: did not find expected ',' or ']' while parsing a flow sequence that "
                 "begins in line 1"},
    {"node: a\n\tb: c", "f:2:1: found a tab character that violates indentation while scanning "
                        "a plain scalar that begins in line 1"},
    {"node: a\nnode: b\n", "f:2:1: the key \"node\" stands already in line 1"},
    {"tasks: {parallel: 1, parallel: 2}",
     "f:1:22: the key \"parallel\" stands already in line 1"},
    {"node: &x a", "f:1:7: anchors (&x) are not taken here"},
    {"roles: &r {}\n", "f:1:8: anchors (&r) are not taken here"},
    {"storages: &s []\n", "f:1:11: anchors (&s) are not taken here"},
    {"node: *x", "f:1:7: aliases (*x) are not taken here: write the value out"},
    {"*x : 1", "f:1:1: aliases (*x) are not taken here: write the value out"},
    {"node: !!str a", "f:1:7: tags (tag:yaml.org,2002:str) are not taken here"},
    {"%YAML 1.1\n---\nnode: a", "f:1:1: directives (%...) are not taken here"},
    {"node: a\n---\nnode: b", "f:2:1: expected one document, a second begins here"},
    {"? [a]\n: b", "f:1:3: expected a key that is a word"},
    {"node: \"a\\0b\"", "f:1:7: expected one line of text without control characters"},
    {"node: |\n  a\n  b\n", "f:1:7: expected one line of text without control characters"},
    {"node: \"\\e]0;x\"", "f:1:7: expected one line of text without control characters"},
    {"group: a\nnode: \xff\xfe", "f:2:7: expected text in UTF-8 without control characters"},
    {"group: \xc3\xa9\xc3\xa9 \x01",
     "f:1:11: expected text in UTF-8 without control characters"},
    {"[[[[[[[[[[[[[[[[[[[[", "f:1:17: nested deeper than 16 levels"},
};

static const BadFile bad_agent[] = {
    {"nodes: a", "f:1:1: unknown key \"nodes\", expected one of node, socket, state, group, "
                 "roles, libvirt, lxc, cluster, storages, tasks, sessions, log"},
    {"- a", "f:1:1: expected a mapping (key: value), found a list"},
    {"hello", "f:1:1: expected a mapping (key: value), found \"hello\""},
    {"\xc3\xa9: 1",
     "f:1:1: unknown key \"\xc3\xa9\", expected one of node, socket, state, group, "
     "roles, libvirt, lxc, cluster, storages, tasks, sessions, log"},
    {"node:", "f:1:6: node: expected a name of letters, digits, dot, dash and underscore, "
              "found nothing"},
    {"node: a b", "f:1:7: node: expected a name of letters, digits, dot, dash and underscore, "
                  "found \"a b\""},
    {"node: ''", "f:1:7: node: expected a text of 1 to 63 bytes, found 0"},
    {"node: [x]", "f:1:7: node: expected a name of letters, digits, dot, dash and underscore, "
                  "found a list"},
    {"socket: gantry.sock", "f:1:9: socket: expected an absolute path, found \"gantry.sock\""},
    {"socket: /run/../x", "f:1:9: socket: expected an absolute path, found \"/run/../x\""},
    {"tasks:\n  parallel: many\n",
     "f:2:13: tasks.parallel: expected a whole number from 1 to 64, found \"many\""},
    {"tasks:\n  parallel: 0\n",
     "f:2:13: tasks.parallel: expected a whole number from 1 to 64, found \"0\""},
    {"tasks:\n  parallel: 99999999999999999999999\n",
     "f:2:13: tasks.parallel: expected a whole number from 1 to 64, found "
     "\"99999999999999999999999\""},
    {"tasks:\n  parallel: 010\n",
     "f:2:13: tasks.parallel: expected a whole number from 1 to 64, found \"010\""},
    {"tasks:\n  parallel: 1.5\n",
     "f:2:13: tasks.parallel: expected a whole number from 1 to 64, found \"1.5\""},
    {"tasks:\n  parallel: \"4\"\n", "f:2:13: tasks.parallel: expected a whole number from 1 to "
                                    "64, found the quoted text \"4\""},
    {"tasks: 4", "f:1:8: tasks: expected a mapping (key: value), found \"4\""},
    {"tasks: {paralel: 4}",
     "f:1:9: tasks: unknown key \"paralel\", expected one of parallel, keep_days"},
    {"storages: local", "f:1:11: storages: expected a list, found \"local\""},
    {"storages:\n- name: a\n", "f:2:3: storages[0]: the key \"path\" is missing"},
    {"storages:\n- {name: a, path: /a}\n- {name: a, path: /b}\n",
     "f:3:10: storages[1].name: \"a\" is the name of storages[0] already"},
    {"storages:\n- {name: a, path: /a}\n- name\n",
     "f:3:3: storages[1]: expected a mapping (key: value), found \"name\""},
    {"roles:\n  root: {}\n",
     "f:2:3: roles: unknown key \"root\", expected one of viewer, operator, admin"},
    {"roles:\n  admin:\n    users: [ann, 'b c']\n",
     "f:3:18: roles.admin.users[1]: expected the name of a Unix user or group, found the "
     "quoted text \"b c\""},
    {"roles: {admin: {users: [[x]]}}", "f:1:25: roles.admin.users[0]: expected the name of a "
                                       "Unix user or group, found a list"},
    {"log:\n  level: loud\n", "f:2:10: log.level: expected one of error, warning, notice, "
                              "info, debug, found \"loud\""},
    {"sessions: {max: 8, max_per_user: 9}",
     "f:1:34: sessions.max_per_user: expected at most sessions.max, which is 8, found 9"},
    {"log: {level: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
     "f:1:14: log.level: expected one of error, warning, notice, info, debug, found "
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\""},
};

static void check_refused(const BadFile *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(AgentConfig) config =
            conf_agent_parse("f", files[i].text, strlen(files[i].text), &error);
        g_assert_null(config);
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, files[i].message);
    }
}

static void test_bad_yaml(void)
{
    check_refused(bad_yaml, G_N_ELEMENTS(bad_yaml));
}

static void test_bad_agent(void)
{
    check_refused(bad_agent, G_N_ELEMENTS(bad_agent));
}

static void check_limit(const char *text, size_t length, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(conf_agent_parse("f", text, length, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, message);
}

static void test_limits(void)
{
    g_autofree char *big = g_strnfill(CONF_SIZE_MAX + 1, '#');
    check_limit(big, CONF_SIZE_MAX + 1, "f: larger than 1048576 bytes");
    g_autoptr(GString) many = g_string_new("storages:\n");
    for (guint i = 0; i < CONF_NODES_MAX; i++)
        g_string_append(many, "- a\n");
    check_limit(many->str, many->len, "f:20000:3: more than 20000 values");
    g_autoptr(GString) list = g_string_new("storages:\n");
    for (guint i = 0; i < 257; i++)
        g_string_append(list, "- a\n");
    check_limit(list->str, list->len, "f:2:1: storages: expected 0 to 256 entries, found 257");
}

static void check_defaults(const AgentConfig *config)
{
    g_assert_cmpstr(config->socket, ==, "/run/gantry.sock");
    g_assert_cmpstr(config->state, ==, "/var/lib/gantry");
    g_assert_cmpstr(config->group, ==, "gantry");
    g_assert_cmpstr(config->libvirt_uri, ==, "qemu:///system");
    g_assert_cmpstr(config->lxc_paths[0], ==, "/var/lib/lxc");
    g_assert_null(config->lxc_paths[1]);
    g_assert_cmpuint(strlen(config->node), >, 0);
    g_assert_null(strchr(config->node, '.'));
    g_assert_cmpuint(config->task_parallel, ==, 4);
    g_assert_cmpuint(config->task_keep_days, ==, 30);
    g_assert_cmpuint(config->session_max, ==, 64);
    g_assert_cmpuint(config->session_max_per_user, ==, 32);
    g_assert_cmpint(config->log_level, ==, CONF_LOG_INFO);
    g_assert_null(config->roles[WIRE_ROLE_ADMIN].users[0]);
}

static void test_defaults(void)
{
    static const char *const empties[] = {
        "",   "# nothing\n",      "---\n",
        "{}", "roles:\ntasks:\n", "\xef\xbb\xbf# with a byte order mark\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(empties); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(AgentConfig) config =
            conf_agent_parse("f", empties[i], strlen(empties[i]), &error);
        g_assert_no_error(error);
        check_defaults(config);
    }
}

static void test_full_file(void)
{
    static const char text[] =
        "node: no\n" /* a name, not a boolean */
        "socket: '/tmp/a b'\n"
        "roles:\n  viewer: {groups: [staff, \"007\"]}\n  admin:\n    users: [ann, "
        "'EXAMPLE\\bob']\n"
        "lxc: {paths: [/a, /b]}\n"
        "storages:\n- name: local\n  path: /var/lib/x\n- {path: /y, name: y}\n"
        "sessions: {max: 8}\nlog: {level: debug}\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(AgentConfig) config = conf_agent_parse("f", text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_cmpstr(config->node, ==, "no");
    g_assert_cmpstr(config->socket, ==, "/tmp/a b");
    g_assert_cmpstr(config->roles[WIRE_ROLE_VIEWER].groups[1], ==, "007");
    g_assert_cmpstr(config->roles[WIRE_ROLE_ADMIN].users[1], ==, "EXAMPLE\\bob");
    g_assert_null(config->roles[WIRE_ROLE_ADMIN].users[2]);
    g_assert_cmpstr(config->lxc_paths[1], ==, "/b");
    g_assert_cmpuint(config->storage_count, ==, 2);
    g_assert_cmpstr(config->storages[1].path, ==, "/y");
    g_assert_cmpuint(config->session_max, ==, 8);
    g_assert_cmpuint(config->session_max_per_user, ==, 8);
    g_assert_cmpint(config->log_level, ==, CONF_LOG_DEBUG);
}

/* What we ship is accepted, and stays so with its commented defaults put in. */
static void test_shipped_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path =
        g_build_filename(g_getenv("SOURCE_ROOT"), "conf/gantryd.yaml", NULL);
    g_autoptr(AgentConfig) config = conf_agent_load(path, &error);
    g_assert_no_error(error);
    check_defaults(config);
    g_assert_cmpstr(config->roles[WIRE_ROLE_VIEWER].groups[0], ==, "gantry");

    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_autoptr(GRegex) comment = g_regex_new("^#(?=\\S|  )", G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GRegex) command = g_regex_new("^#   \\S.*$", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *bare = g_regex_replace_literal(command, text, -1, 0, "", 0, NULL);
    g_autofree char *live = g_regex_replace_literal(comment, bare, -1, 0, "", 0, NULL);
    g_assert_nonnull(strstr(live, "\ntasks:\n  parallel: 4\n"));
    g_autoptr(AgentConfig) uncommented = conf_agent_parse("f", live, strlen(live), &error);
    g_assert_no_error(error);
    check_defaults(uncommented);
    g_assert_cmpstr(uncommented->node, ==, "node1");
    g_assert_cmpuint(uncommented->storage_count, ==, 1);
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
    for (const ConfEntry *entry = conf_agent_entries(); entry->name; entry++)
        check_helped(entry);
}

static void test_unreadable_files(void)
{
    g_autoptr(GError) missing = NULL, directory = NULL;
    g_assert_null(conf_agent_load("/nonexistent/gantryd.yaml", &missing));
    g_assert_error(missing, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_assert_null(conf_agent_load("/", &directory));
    g_assert_error(directory, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_assert_cmpstr(directory->message, ==, "/: not a regular file");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/yaml/bad", test_bad_yaml);
    g_test_add_func("/conf/yaml/limits", test_limits);
    g_test_add_func("/conf/yaml/unreadable", test_unreadable_files);
    g_test_add_func("/conf/agent/bad", test_bad_agent);
    g_test_add_func("/conf/agent/defaults", test_defaults);
    g_test_add_func("/conf/agent/full", test_full_file);
    g_test_add_func("/conf/agent/shipped", test_shipped_file);
    g_test_add_func("/conf/documented", test_every_entry_is_documented);
    return g_test_run();
}
