/* corosync.conf as data: what is kept, what is changed, what is refused. */
#include "backend/cluster/corosync_device.h"
#include "backend/cluster/corosync_files.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char by_hand[] = "# our own\n"
                              "totem {\n"
                              "\tversion: 2\n"
                              "\tcluster_name: lab   \n"
                              "\tconfig_version: 7\n"
                              "\ttransport: knet\n"
                              "\n"
                              "\tinterface {\n"
                              "\t\tlinknumber: 0\n"
                              "\t\tknet_link_priority: 10\n"
                              "\t}\n"
                              "}\n"
                              "quorum {\n"
                              "  provider:corosync_votequorum\n"
                              "  device {\n"
                              "    model: net\n"
                              "  }\n"
                              "}\n"
                              "nodelist {\n"
                              "  node {\n"
                              "    nodeid: 4\n"
                              "    name: a\n"
                              "    ring0_addr: 192.0.2.1\n"
                              "    # who knows\n"
                              "    wonder: yes\n"
                              "  }\n"
                              "  node {\n"
                              "    nodeid: 2\n"
                              "    name: b\n"
                              "    ring0_addr: 192.0.2.2\n"
                              "  }\n"
                              "}\n"
                              "system {\n"
                              "  move_to_root_cgroup: no\n"
                              "}\n";

static CorosyncText *parse(const char *text)
{
    GError *error = NULL;
    CorosyncText *conf = corosync_conf_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return conf;
}

static char *replace(const char *text, const char *what, const char *with)
{
    g_auto(GStrv) pieces = g_strsplit(text, what, 2);
    g_assert_nonnull(pieces[1]);
    return g_strconcat(pieces[0], with, pieces[1], NULL);
}

static void test_kept(void)
{
    g_autoptr(CorosyncText) conf = parse(by_hand);
    g_autofree char *text = corosync_text_dump(conf);
    g_assert_cmpstr(text, ==, by_hand);
    g_assert_cmpstr(corosync_conf_cluster(conf), ==, "lab");
    g_assert_cmpuint(corosync_conf_version(conf), ==, 7);
    g_assert_cmpuint(corosync_conf_free_id(conf), ==, 1);
    g_assert_false(corosync_conf_is_encrypted(conf));
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(conf);
    g_assert_cmpuint(nodes->len, ==, 2);
    const CorosyncNode *node = nodes->pdata[0];
    g_assert_cmpuint(node->id, ==, 4);
    g_assert_cmpuint(node->votes, ==, 1);
    g_assert_cmpstr(node->name, ==, "a");
    g_assert_cmpstr(node->addresses[0], ==, "192.0.2.1");
    g_assert_null(node->addresses[1]);
}

static void test_only_what_was_asked(void)
{
    g_autoptr(CorosyncText) conf = parse(by_hand);
    CorosyncNode added = {
        .id = 1, .name = (char *)"c", .votes = 2, .addresses = {(char *)"192.0.2.3"}};
    g_assert_true(corosync_conf_add_node(conf, &added, NULL));
    corosync_conf_set_version(conf, 8);
    g_autofree char *text = corosync_text_dump(conf);
    g_autofree char *version = replace(by_hand, "config_version: 7", "config_version: 8");
    g_autofree char *expected = replace(version, "192.0.2.2\n  }\n",
                                        "192.0.2.2\n  }\n"
                                        "  node {\n"
                                        "      nodeid: 1\n"
                                        "      name: c\n"
                                        "      ring0_addr: 192.0.2.3\n"
                                        "      quorum_votes: 2\n"
                                        "  }\n");
    g_assert_cmpstr(text, ==, expected);
    g_assert_true(corosync_conf_remove_node(conf, "c", NULL));
    corosync_conf_set_version(conf, 7);
    g_autofree char *again = corosync_text_dump(conf);
    g_assert_cmpstr(again, ==, by_hand);
}

/* A file that counts its votes goes on being right; two_node goes when there are not two. */
static void test_votes(void)
{
    g_autofree char *text =
        replace(by_hand, "  device {", "  expected_votes: 2\n  two_node: 1\n  device {");
    g_autoptr(CorosyncText) conf = parse(text);
    g_assert_true(corosync_conf_is_two_node(conf));
    CorosyncNode node = {
        .id = 1, .name = (char *)"c", .votes = 2, .addresses = {(char *)"192.0.2.3"}};
    g_assert_true(corosync_conf_add_node(conf, &node, NULL));
    g_assert_cmpstr(corosync_text_get(conf, "quorum", 0, "expected_votes", NULL), ==, "4");
    g_assert_false(corosync_conf_is_two_node(conf));
    g_assert_true(corosync_conf_remove_node(conf, "c", NULL));
    g_assert_cmpstr(corosync_text_get(conf, "quorum", 0, "expected_votes", NULL), ==, "2");
    g_assert_true(corosync_conf_remove_node(conf, "a", NULL));
    g_assert_cmpstr(corosync_text_get(conf, "quorum", 0, "expected_votes", NULL), ==, "1");
}

static void test_made(void)
{
    g_autoptr(CorosyncText) conf = corosync_conf_new("prod");
    CorosyncNode node = {.id = 1,
                         .name = (char *)"n1",
                         .votes = 1,
                         .addresses = {(char *)"10.0.0.1", (char *)"fd00::1"}};
    g_assert_false(corosync_conf_check(conf, NULL)); /* no node yet */
    g_assert_true(corosync_conf_is_untouched(conf));
    g_assert_true(corosync_conf_add_node(conf, &node, NULL));
    g_autofree char *text = corosync_text_dump(conf);
    g_autoptr(CorosyncText) again = parse(text);
    g_assert_cmpstr(corosync_conf_cluster(again), ==, "prod");
    g_assert_cmpuint(corosync_conf_version(again), ==, 1);
    g_assert_true(corosync_conf_is_encrypted(again));
    g_assert_false(corosync_conf_is_two_node(again));
    g_assert_false(corosync_conf_is_untouched(again));
    g_assert_nonnull(strstr(text, "    node {\n        nodeid: 1\n        name: n1\n"));
}

static void refuse_node(WireErrorCode code, guint id, const char *name, const char *link0,
                        const char *link1)
{
    g_autoptr(CorosyncText) conf = parse(by_hand);
    g_autoptr(GError) error = NULL;
    CorosyncNode node = {.id = id,
                         .name = (char *)name,
                         .votes = 1,
                         .addresses = {(char *)link0, (char *)link1}};
    g_assert_false(corosync_conf_add_node(conf, &node, &error));
    g_assert_error(error, WIRE_ERROR, (gint)code);
    g_autofree char *text = corosync_text_dump(conf);
    g_assert_cmpstr(text, ==, by_hand); /* untouched on failure */
}

static void test_nodes_refused(void)
{
    refuse_node(WIRE_ERROR_BUSY, 1, "a", "192.0.2.9", NULL);
    refuse_node(WIRE_ERROR_BUSY, 2, "c", "192.0.2.9", NULL);
    refuse_node(WIRE_ERROR_BUSY, 1, "c", "192.0.2.2", NULL);
    refuse_node(WIRE_ERROR_CONFIG, 1, "c", "192.0.2.300", NULL);
    refuse_node(WIRE_ERROR_CONFIG, 1, "c", "192.0.2.9", "192.0.2.10");
    refuse_node(WIRE_ERROR_CONFIG, 1, "a b", "192.0.2.9", NULL);
    refuse_node(WIRE_ERROR_CONFIG, 70000, "c", "192.0.2.9", NULL);
    g_autoptr(CorosyncText) conf = parse(by_hand);
    g_autoptr(GError) error = NULL;
    g_assert_false(corosync_conf_remove_node(conf, "z", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_assert_true(corosync_conf_remove_node(conf, "a", NULL));
    g_assert_false(corosync_conf_remove_node(conf, "b", NULL));
}

static void test_limit_of_nodes(void)
{
    g_autoptr(CorosyncText) conf = corosync_conf_new("big");
    for (guint i = 1; i <= COROSYNC_NODES_MAX + 1; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);
        g_autofree char *address = g_strdup_printf("10.0.0.%u", i);
        CorosyncNode node = {.id = i, .name = name, .votes = 1, .addresses = {address}};
        g_autoptr(GError) error = NULL;
        gboolean good = corosync_conf_add_node(conf, &node, &error);
        g_assert_cmpint(good, ==, i <= COROSYNC_NODES_MAX);
        if (!good)
            g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
    }
}

static void refuse(const char *what, const char *with, const char *words)
{
    g_autofree char *text = replace(by_hand, what, with);
    g_autoptr(GError) error = NULL;
    g_autoptr(CorosyncText) conf = corosync_conf_parse(text, strlen(text), &error);
    g_assert_null(conf);
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    if (!strstr(error->message, words))
        g_error("no \"%s\" in: %s", words, error->message);
}

static void test_refused(void)
{
    g_autofree char *wide = g_strnfill(600, 'x');
    refuse("version: 2", "version: 1", "corosync.conf:3: totem.version: expected 2");
    refuse("cluster_name: lab   ", "cluster_name: my cluster", ":4: totem.cluster_name");
    refuse("\tcluster_name: lab   \n", "", "totem.cluster_name is missing");
    refuse("transport: knet", "transport: udp", ":6: totem.transport: expected knet");
    refuse("config_version: 7", "config_version: x", ":5: totem.config_version");
    refuse("config_version: 7", "config_version: 18446744073709551616", ":5:");
    refuse("config_version: 7", "token: 5", "totem.token: expected a whole number from 300");
    refuse("config_version: 7", "crypto_cipher: rot13", "crypto_cipher");
    refuse("provider:corosync_votequorum", "provider: other", "quorum.provider");
    refuse("  device {", "  two_node: 3\n  device {", "two_node");
    refuse("nodeid: 4", "nodeid: 2", "two nodes have the nodeid 2");
    refuse("name: a", "name: b", "two nodes have the name b");
    refuse("192.0.2.1", "192.0.2.2", "is there already");
    refuse("nodeid: 2", "nodeid: 0", "nodeid");
    refuse("ring0_addr: 192.0.2.2", "ring1_addr: 192.0.2.2", "the same links");
    refuse("    name: a\n", "", "has no name");
    refuse("system {", "system", ":33: expected \"key: value\"");
    refuse("move_to_root_cgroup: no", "a: b {c", "a brace");
    refuse("move_to_root_cgroup: no", wide, "511 bytes");
    refuse("move_to_root_cgroup: no", "a: \xff", "not UTF-8");
    refuse("move_to_root_cgroup: no", "a: b\x1b[0m", "not UTF-8");
    refuse("\n}\nsystem", "\nsystem", "not closed");
    refuse("# our own", "}", ":1: this } closes no section");
    refuse("# our own", "a: b", ":1: a value must stand in a section");
    refuse("# our own", "a{\nb{\nc{\nd{\ne{\nf{\ng{\nh{\ni{\n", "too deeply");
}

static void test_size(void)
{
    g_autofree char *text = g_strnfill(COROSYNC_TEXT_MAX + 1, '\n');
    g_autoptr(GError) error = NULL;
    g_assert_null(corosync_text_parse(text, COROSYNC_TEXT_MAX + 1, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
}

static void test_shipped(void)
{
    static const char shipped[] = "totem {\n version: 2\n cluster_name: debian\n}\n"
                                  "quorum {\n provider: corosync_votequorum\n}\n"
                                  "nodelist {\n node {\n name: node1\n nodeid: 1\n"
                                  " ring0_addr: 127.0.0.1\n }\n}\n";
    g_autoptr(CorosyncText) conf = parse(shipped);
    g_assert_true(corosync_conf_is_untouched(conf));
    g_assert_cmpuint(corosync_conf_version(conf), ==, 0);
    corosync_conf_set_version(conf, 1);
    g_assert_cmpuint(corosync_conf_version(conf), ==, 1);
}

static mode_t mode_of(int directory, const char *name)
{
    struct stat status;
    g_assert_cmpint(fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW), ==, 0);
    return status.st_mode & 07777;
}

static void test_files(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_dir_make_tmp("gantry-corosync-XXXXXX", NULL);
    int directory = corosync_directory_open(path, &error);
    g_assert_no_error(error);
    g_assert_null(corosync_file_load(directory, COROSYNC_CONF, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_autoptr(CorosyncText) conf = parse(by_hand);
    g_assert_true(corosync_file_save(directory, COROSYNC_CONF_NEW, conf, NULL));
    g_assert_true(corosync_file_rename(directory, COROSYNC_CONF_NEW, COROSYNC_CONF, NULL));
    g_assert_false(corosync_file_exists(directory, COROSYNC_CONF_NEW));
    g_assert_cmpint(mode_of(directory, COROSYNC_CONF), ==, 0644);
    g_autoptr(CorosyncText) back = corosync_file_load(directory, COROSYNC_CONF, NULL);
    g_autofree char *text = corosync_text_dump(back);
    g_assert_cmpstr(text, ==, by_hand);
    g_assert_true(corosync_key_make(directory, NULL));
    g_assert_cmpint(mode_of(directory, COROSYNC_KEY), ==, 0400);
    g_autoptr(GBytes) key = corosync_key_load(directory, NULL);
    g_assert_cmpuint(g_bytes_get_size(key), ==, COROSYNC_KEY_BYTES);
    g_assert_true(corosync_key_make(directory, NULL));
    g_autoptr(GBytes) other = corosync_key_load(directory, NULL);
    g_assert_false(g_bytes_equal(key, other));
    g_assert_false(corosync_key_save(directory, "short", 5, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_clear_error(&error);
    /* A link is not followed, neither for reading nor for writing. */
    g_assert_cmpint(symlinkat("/etc/passwd", directory, "corosync.conf.link"), ==, 0);
    g_assert_null(corosync_file_load(directory, "corosync.conf.link", &error));
    g_clear_error(&error);
    g_assert_true(corosync_file_save(directory, "corosync.conf.link", conf, NULL));
    g_assert_cmpint(mode_of(directory, "corosync.conf.link"), ==, 0644);
    static const char *const names[] = {COROSYNC_CONF, COROSYNC_KEY, "corosync.conf.link",
                                        "not there"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(corosync_file_remove(directory, names[i], NULL));
    close(directory);
    g_assert_cmpint(g_rmdir(path), ==, 0); /* nothing beside is left */
    g_assert_cmpint(corosync_directory_open(path, &error), <, 0);
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_UNAVAILABLE);
}

/* ---- the quorum device ---- */

static void check_refused_device(const CorosyncText *conf, const char *host,
                                 const char *algorithm, WireErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CorosyncText) copy = corosync_text_copy(conf);
    g_autofree char *before = corosync_text_dump(conf);
    g_assert_false(corosync_device_add(copy, host, algorithm, &error));
    g_assert_error(error, WIRE_ERROR, (gint)code);
    g_autofree char *after = corosync_text_dump(copy);
    g_assert_cmpstr(before, ==, after);
}

static CorosyncText *conf_of(guint nodes)
{
    CorosyncText *conf = corosync_conf_new("lab");
    for (guint i = 1; i <= nodes; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);
        g_autofree char *first = g_strdup_printf("10.0.0.%u", i);
        g_autofree char *second = g_strdup_printf("10.0.1.%u", i);
        CorosyncNode node = {.id = i, .name = name, .votes = 1, .addresses = {first, second}};
        g_assert_true(corosync_conf_add_node(conf, &node, NULL));
    }
    return conf;
}

static void test_device(void)
{
    g_autoptr(CorosyncText) one = conf_of(1);
    g_autoptr(CorosyncText) two = conf_of(2);
    g_autoptr(CorosyncText) three = conf_of(3);
    g_autofree char *before = corosync_text_dump(two);
    check_refused_device(one, "10.0.0.9", "ffsplit", WIRE_ERROR_STATE);
    check_refused_device(three, "10.0.0.9", "ffsplit", WIRE_ERROR_STATE);
    check_refused_device(two, "no host", "ffsplit", WIRE_ERROR_PARAMS);
    g_assert_null(corosync_device_read(two));
    g_assert_true(corosync_device_add(two, "10.0.0.9", "ffsplit", NULL));
    g_autoptr(CorosyncDevice) device = corosync_device_read(two);
    g_assert_cmpstr(device->host, ==, "10.0.0.9");
    g_assert_cmpstr(device->algorithm, ==, "ffsplit");
    g_assert_cmpuint(device->votes, ==, 1);
    g_assert_true(corosync_conf_check(two, NULL));
    check_refused_device(two, "10.0.0.8", "ffsplit", WIRE_ERROR_STATE);
    g_assert_true(corosync_device_remove(two, NULL));
    g_autofree char *after = corosync_text_dump(two);
    g_assert_cmpstr(before, ==, after);
    g_assert_false(corosync_device_remove(two, NULL));
    g_assert_true(corosync_device_add(three, "10.0.0.9", "lms", NULL));
    g_autoptr(CorosyncDevice) last = corosync_device_read(three);
    g_assert_cmpuint(last->votes, ==, 2);
}

/* A file that counts its votes goes on being right. */
static void test_device_votes(void)
{
    g_autoptr(CorosyncText) conf = conf_of(2);
    corosync_text_set(conf, "quorum", 0, "expected_votes", "2");
    g_assert_true(corosync_device_add(conf, "10.0.0.9", "ffsplit", NULL));
    g_assert_cmpstr(corosync_text_get(conf, "quorum", 0, "expected_votes", NULL), ==, "3");
    g_assert_true(corosync_device_remove(conf, NULL));
    g_assert_cmpstr(corosync_text_get(conf, "quorum", 0, "expected_votes", NULL), ==, "2");
}

/* ---- links ---- */

static void test_links(void)
{
    static const char *const other[] = {"10.0.2.1", "10.0.2.2", NULL};
    static const char *const taken[] = {"10.0.0.1", "10.0.2.2", NULL};
    static const char *const wrong[] = {"10.0.2.1", "no address", NULL};
    g_autoptr(CorosyncText) conf = conf_of(2);
    g_autofree char *before = corosync_text_dump(conf);
    g_assert_cmpuint(corosync_conf_count_links(conf), ==, 2);
    g_assert_cmpuint(corosync_conf_free_link(conf), ==, 2);
    g_assert_false(corosync_conf_set_link(conf, 2, taken, NULL));
    g_assert_false(corosync_conf_set_link(conf, 2, wrong, NULL));
    g_autofree char *same = corosync_text_dump(conf);
    g_assert_cmpstr(before, ==, same);
    /* The first may be missing for a while, but must come back at all nodes. */
    corosync_conf_remove_link(conf, 0);
    g_assert_true(corosync_conf_check(conf, NULL));
    g_assert_false(corosync_conf_has_link(conf, 0));
    g_assert_cmpuint(corosync_conf_free_link(conf), ==, 0);
    g_autoptr(CorosyncNode) node = corosync_conf_node(conf, "n1");
    g_assert_null(node->addresses[0]);
    g_assert_cmpuint(corosync_node_links(node), ==, 2);
    g_assert_true(corosync_conf_set_link(conf, 0, other, NULL));
    g_assert_cmpuint(corosync_conf_count_links(conf), ==, 2);
    corosync_conf_remove_link(conf, 0);
    corosync_conf_remove_link(conf, 1);
    g_assert_false(corosync_conf_check(conf, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/corosync-conf/kept", test_kept);
    g_test_add_func("/corosync-conf/changed", test_only_what_was_asked);
    g_test_add_func("/corosync-conf/votes", test_votes);
    g_test_add_func("/corosync-conf/made", test_made);
    g_test_add_func("/corosync-conf/nodes-refused", test_nodes_refused);
    g_test_add_func("/corosync-conf/limit-of-nodes", test_limit_of_nodes);
    g_test_add_func("/corosync-conf/refused", test_refused);
    g_test_add_func("/corosync-conf/size", test_size);
    g_test_add_func("/corosync-conf/shipped", test_shipped);
    g_test_add_func("/corosync-conf/files", test_files);
    g_test_add_func("/corosync-conf/device", test_device);
    g_test_add_func("/corosync-conf/device-votes", test_device_votes);
    g_test_add_func("/corosync-conf/links", test_links);
    return g_test_run();
}
