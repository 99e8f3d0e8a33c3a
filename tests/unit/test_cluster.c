/* What the agent says of a cluster: problems in words, addresses for its links. */
#include "agent/cluster_addresses.h"
#include "agent/cluster_lost.h"
#include "agent/cluster_problems.h"
#include "backend/cluster/corosync_device.h"
#include "backend/net/link.h"
#include "backend/wire/message.h"
#include "tests/unit/wait.h"

#include <glib/gstdio.h>
#include <string.h>

/* ---- problems ---- */

static void node_free(gpointer data)
{
    MembershipNode *node = data;
    g_array_unref(node->links);
    g_free(node->name);
    g_free(node);
}

static MembershipNode *add_node(MembershipView *view, guint id, gboolean member)
{
    MembershipNode *node = g_new0(MembershipNode, 1);
    node->id = id;
    node->name = g_strdup_printf("n%u", id);
    node->votes = 1;
    node->member = member;
    node->config_version = member ? 1 : 0;
    node->links = g_array_new(FALSE, TRUE, sizeof(MembershipLink));
    for (guint i = 0; i < 2 && id != 1; i++) {
        MembershipLink link = {.link = i, .enabled = TRUE, .connected = member};
        g_snprintf(link.address, sizeof link.address, "10.%u.0.%u", i, id);
        g_array_append_val(node->links, link);
    }
    g_ptr_array_add(view->nodes, node);
    return node;
}

static MembershipView *view_of(guint nodes, guint members)
{
    MembershipView *view = g_new0(MembershipView, 1);
    view->references = 1;
    view->nodes = g_ptr_array_new_with_free_func(node_free);
    view->cluster = g_strdup("lab");
    view->own = 1;
    view->total = members;
    view->expected = nodes;
    view->quorum = nodes / 2 + 1;
    view->quorate = members >= view->quorum;
    view->config_version = 1;
    for (guint i = 1; i <= nodes; i++)
        add_node(view, i, i <= members);
    return view;
}

static CorosyncText *conf_of(guint nodes)
{
    CorosyncText *conf = corosync_conf_new("lab");
    for (guint i = 1; i <= nodes; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);
        g_autofree char *address = g_strdup_printf("10.0.0.%u", i);
        CorosyncNode node = {.id = i, .name = name, .votes = 1, .addresses = {address}};
        g_assert_true(corosync_conf_add_node(conf, &node, NULL));
    }
    corosync_conf_set_store(conf, 4711);
    return conf;
}

/* The keys, with commas between. */
static char *keys_of(const ClusterFacts *facts)
{
    g_autoptr(GPtrArray) problems = cluster_problems(facts);
    GString *keys = g_string_new(NULL);
    for (guint i = 0; i < problems->len; i++)
        g_string_append_printf(keys, "%s%s", i ? "," : "",
                               ((const ClusterProblem *)problems->pdata[i])->key);
    return g_string_free(keys, FALSE);
}

static void check_keys(const ClusterFacts *facts, const char *expected)
{
    g_autofree char *keys = keys_of(facts);
    g_assert_cmpstr(keys, ==, expected);
}

static void test_healthy(void)
{
    g_autoptr(MembershipView) view = view_of(3, 3);
    g_autoptr(CorosyncText) conf = conf_of(3);
    check_keys(&(ClusterFacts){.node = "n1", .state = MEMBERSHIP_ABSENT}, "");
    check_keys(
        &(ClusterFacts){.node = "n1", .state = MEMBERSHIP_UP, .view = view, .conf = conf}, "");
}

static void test_lost(void)
{
    g_autoptr(CorosyncText) conf = conf_of(3);
    g_autoptr(MembershipView) two = view_of(3, 2);
    g_autoptr(MembershipView) one = view_of(3, 1);
    ClusterFacts facts = {.node = "n1", .state = MEMBERSHIP_UP, .view = two, .conf = conf};
    check_keys(&facts, "cluster/node/n3");
    facts.view = one;
    check_keys(&facts, "cluster/quorum,cluster/node/n2,cluster/node/n3");
    g_autoptr(GPtrArray) problems = cluster_problems(&facts);
    const ClusterProblem *quorum = problems->pdata[0];
    g_assert_cmpint(quorum->severity, ==, EVENT_ERROR);
    g_assert_nonnull(strstr(quorum->text, "gantry cluster expected 1 --confirm n2,n3"));
    const ClusterProblem *node = problems->pdata[1];
    g_assert_nonnull(strstr(node->text, "reached at 10.0.0.2?"));
}

/* ---- since when ---- */

static void on_recalled(gpointer count)
{
    (*(guint *)count)++;
}

static ClusterFacts facts_of(const MembershipView *view, const CorosyncText *conf)
{
    return (ClusterFacts){.node = "n1", .state = MEMBERSHIP_UP, .view = view, .conf = conf};
}

/* Whether corosync or the file of the agent before speaks first. */
static void check_recalled(Local *local, const ClusterFacts *facts, gboolean corosync_first)
{
    guint recalled = 0;
    ClusterLost *lost = cluster_lost_new(local, on_recalled, &recalled);
    if (corosync_first) {
        g_assert_true(cluster_lost_review(lost, facts));
        g_assert_cmpint(cluster_lost_since(lost, "n3"), >, 1000);
    }
    WAIT_FOR(recalled == 1);
    g_assert_cmpint(cluster_lost_since(lost, "n3"), ==, 1000);
    /* The other was back when corosync spoke. */
    (void)cluster_lost_review(lost, facts);
    g_assert_cmpint(cluster_lost_since(lost, "n2"), ==, 0);
    g_assert_cmpint(cluster_lost_since(lost, "n3"), ==, 1000);
    g_assert_cmpuint(g_hash_table_size(cluster_lost_nodes(lost)), ==, 1);
    cluster_lost_free(lost);
}

static void test_since(void)
{
    g_autofree char *directory = g_dir_make_tmp("gantry-lost-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "local.db", NULL);
    g_autoptr(CorosyncText) conf = conf_of(3);
    g_autoptr(MembershipView) two = view_of(3, 2);
    g_autoptr(MembershipView) all = view_of(3, 3);
    ClusterFacts without = facts_of(two, conf), with = facts_of(all, conf);
    Local *local = local_open(path, NULL, NULL);
    for (guint i = 0; i < 2; i++) {
        local_lost_save(local, json_pack("{s:i,s:i}", "n2", 500, "n3", 1000));
        check_recalled(local, &without, i == 1);
    }
    ClusterLost *lost = cluster_lost_new(local, on_recalled, &(guint){0});
    (void)cluster_lost_review(lost, &with);
    g_assert_cmpint(cluster_lost_since(lost, "n3"), ==, 0);
    cluster_lost_free(lost);
    g_assert_true(local_close(local));
    (void)g_unlink(path);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void test_store_fails(void)
{
    g_autoptr(CorosyncText) conf = conf_of(3);
    g_autoptr(MembershipView) view = view_of(3, 3);
    ClusterFacts facts = {.node = "n1",
                          .state = MEMBERSHIP_UP,
                          .view = view,
                          .conf = conf,
                          .store.state = STORE_FAILING,
                          .store_trouble = "store.db can't be written: free some space"};
    check_keys(&facts, "");
    facts.store_settled = TRUE;
    check_keys(&facts, "cluster/store");
    g_autoptr(GPtrArray) problems = cluster_problems(&facts);
    const ClusterProblem *problem = problems->pdata[0];
    g_assert_nonnull(strstr(problem->text, "n1 keeps nothing"));
    g_assert_nonnull(strstr(problem->text, "free some space"));
}

static void test_engine(void)
{
    g_autoptr(CorosyncText) conf = conf_of(1);
    ClusterFacts facts = {.node = "n1", .state = MEMBERSHIP_ABSENT, .conf = conf};
    check_keys(&facts, "cluster/corosync");
    facts.state = MEMBERSHIP_SILENT;
    check_keys(&facts, "cluster/corosync");
    facts = (ClusterFacts){.node = "n1", .conf_trouble = "corosync.conf:3: wrong"};
    check_keys(&facts, "cluster/conf");
}

static void test_details(void)
{
    g_autoptr(CorosyncText) conf = conf_of(2);
    g_autoptr(MembershipView) view = view_of(2, 2);
    ClusterFacts facts = {.node = "n1", .state = MEMBERSHIP_UP, .view = view, .conf = conf};
    MembershipNode *second = view->nodes->pdata[1];
    g_array_index(second->links, MembershipLink, 1).connected = FALSE;
    check_keys(&facts, "cluster/link/n2/1");
    g_array_index(second->links, MembershipLink, 0).connected = FALSE;
    check_keys(&facts, ""); /* then it is about to be lost, which is said then */
    g_array_index(second->links, MembershipLink, 0).connected = TRUE;
    g_array_index(second->links, MembershipLink, 1).connected = TRUE;
    second->config_version = 2;
    check_keys(&facts, "cluster/version/n2");
    second->config_version = 1;
    corosync_conf_set_version(conf, 2);
    check_keys(&facts, "cluster/loaded");
    corosync_conf_set_version(conf, 1);
    corosync_text_set(conf, "quorum", 0, "two_node", "1");
    corosync_text_set(conf, "totem", 0, "crypto_cipher", "none");
    check_keys(&facts, "cluster/encryption,cluster/two-node");
}

/* A clock is wrong when it is so even at the edge of what is known. */
static void test_clock(void)
{
    g_autoptr(CorosyncText) conf = conf_of(2);
    g_autoptr(MembershipView) view = view_of(2, 2);
    g_autoptr(GHashTable) vitals = g_hash_table_new(NULL, NULL);
    ClusterVital vital = {0};
    ClusterFacts facts = {
        .node = "n1", .state = MEMBERSHIP_UP, .view = view, .conf = conf, .vitals = vitals};
    g_hash_table_insert(vitals, GUINT_TO_POINTER(2), &vital);
    check_keys(&facts, ""); /* not measured yet */
    vital = (ClusterVital){.taken = 1, .offset = 1500000, .uncertainty = 600000};
    check_keys(&facts, "");
    vital.uncertainty = 100000;
    check_keys(&facts, "cluster/clock/n2");
    vital.offset = -1500000;
    g_autoptr(GPtrArray) problems = cluster_problems(&facts);
    g_assert_nonnull(strstr(((const ClusterProblem *)problems->pdata[0])->text,
                            "clock of n2 is 1.5 s behind that of n1"));
}

static void check_device(const ClusterFacts *facts, const char *words)
{
    g_autoptr(GPtrArray) problems = cluster_problems(facts);
    g_assert_cmpuint(problems->len, ==, words ? 1 : 0);
    if (words) {
        const ClusterProblem *problem = problems->pdata[0];
        g_assert_cmpstr(problem->key, ==, "cluster/device");
        g_assert_nonnull(strstr(problem->text, words));
    }
}

static void test_device(void)
{
    g_autoptr(CorosyncText) conf = conf_of(2);
    g_autoptr(MembershipView) view = view_of(2, 2);
    g_autoptr(json_t) report = json_pack("{s:s}", "state", "Connect failed");
    ClusterFacts facts = {.node = "n1", .state = MEMBERSHIP_UP, .view = view, .conf = conf};
    MembershipNode *own = view->nodes->pdata[0];
    check_device(&facts, NULL);
    g_assert_true(corosync_device_add(conf, "10.0.0.9", "ffsplit", NULL));
    check_device(&facts, "corosync-qdevice does not run on n1");
    facts.device_trouble = "no such program";
    check_device(&facts, "no such program; start it");
    own->device_alive = TRUE;
    check_device(&facts, "10.0.0.9 gives no vote on n1:");
    facts.device_report = report;
    check_device(&facts, "it says: Connect failed");
    json_object_set_new(report, "state", json_string("Connected"));
    check_device(&facts, "has not made up its mind");
    own->device_votes = TRUE;
    check_device(&facts, NULL);
}

/* ---- addresses ---- */

static void add_link(GPtrArray *links, const char *name, NetLinkType type, NetLinkState state,
                     const char *master, const char *addresses)
{
    NetLink *link = g_new0(NetLink, 1);
    link->name = g_strdup(name);
    link->type = type;
    link->state = state;
    link->master = g_strdup(master);
    link->addresses = g_strsplit(addresses, " ", -1);
    g_ptr_array_add(links, link);
}

static void check_chosen(const GPtrArray *links, guint most, const char *expected)
{
    g_auto(GStrv) chosen = cluster_addresses_choose(links, most);
    g_autofree char *joined = g_strjoinv(" ", chosen);
    g_assert_cmpstr(joined, ==, expected);
}

static void test_addresses(void)
{
    g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func((GDestroyNotify)net_link_free);
    check_chosen(links, 2, "");
    add_link(links, "lo", NET_LINK_LOOPBACK, NET_LINK_UP, NULL, "127.0.0.1/8 ::1/128");
    add_link(links, "eth0", NET_LINK_PHYSICAL, NET_LINK_UP, "vmbr0", "");
    add_link(links, "eth1", NET_LINK_PHYSICAL, NET_LINK_UP, NULL,
             "169.254.1.1/16 10.1.0.5/24 10.1.0.6/24");
    add_link(links, "eth2", NET_LINK_PHYSICAL, NET_LINK_NO_CARRIER, NULL, "10.2.0.5/24");
    add_link(links, "vmbr0", NET_LINK_BRIDGE, NET_LINK_UP, NULL, "fe80::1/64 192.0.2.5/24");
    add_link(links, "virbr0", NET_LINK_BRIDGE, NET_LINK_UP, NULL, "192.168.122.1/24");
    add_link(links, "vnet0", NET_LINK_TAP, NET_LINK_UP, NULL, "10.9.0.1/24");
    check_chosen(links, 2, "192.0.2.5 10.1.0.5");
    check_chosen(links, 1, "192.0.2.5");
    g_assert_true(cluster_addresses_have(links, "10.2.0.5"));
    g_assert_false(cluster_addresses_have(links, "10.2.0.50"));
    g_autoptr(GPtrArray) six = g_ptr_array_new_with_free_func((GDestroyNotify)net_link_free);
    add_link(six, "eth0", NET_LINK_PHYSICAL, NET_LINK_UP, NULL, "fe80::5/64 2001:db8::5/64");
    check_chosen(six, 2, "2001:db8::5");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cluster/healthy", test_healthy);
    g_test_add_func("/cluster/lost", test_lost);
    g_test_add_func("/cluster/since", test_since);
    g_test_add_func("/cluster/store-fails", test_store_fails);
    g_test_add_func("/cluster/engine", test_engine);
    g_test_add_func("/cluster/details", test_details);
    g_test_add_func("/cluster/device", test_device);
    g_test_add_func("/cluster/clock", test_clock);
    g_test_add_func("/cluster/addresses", test_addresses);
    return g_test_run();
}
