#include "agent/cluster_problems.h"

#include "backend/cluster/corosync_device.h"
#include "backend/wire/message.h"

#include <string.h>

static void problem_free(gpointer data)
{
    ClusterProblem *problem = data;
    g_free(problem->key);
    g_free(problem->object);
    g_free(problem->text);
    g_free(problem);
}

static void add(GPtrArray *list, EventSeverity severity, char *key, const char *object,
                const char *format, ...) G_GNUC_PRINTF(5, 6);

/* Takes key. */
static void add(GPtrArray *list, EventSeverity severity, char *key, const char *object,
                const char *format, ...)
{
    va_list values;
    ClusterProblem *problem = g_new0(ClusterProblem, 1);
    va_start(values, format);
    problem->text = g_strdup_vprintf(format, values);
    va_end(values);
    problem->severity = severity;
    problem->key = key;
    problem->object = g_strdup(object);
    g_ptr_array_add(list, problem);
}

/* ---- corosync itself ---- */

static void judge_engine(const ClusterFacts *facts, GPtrArray *list)
{
    if (facts->conf_trouble)
        add(list, EVENT_ERROR, g_strdup("cluster/conf"), facts->node,
            "%s's corosync.conf can't be used: %s", facts->node, facts->conf_trouble);
    if (!facts->conf)
        return;
    if (facts->state == MEMBERSHIP_ABSENT)
        add(list, EVENT_ERROR, g_strdup("cluster/corosync"), facts->node,
            "corosync does not run on %s, so it takes no part in the cluster; its guests go on "
            "running. Start it with: systemctl start corosync; why it ended is in journalctl "
            "-u "
            "corosync",
            facts->node);
    if (facts->state == MEMBERSHIP_SILENT)
        add(list, EVENT_ERROR, g_strdup("cluster/corosync"), facts->node,
            "corosync on %s does not answer: it is stopped or gets no processor; what is shown "
            "of the cluster is old. If it stays so: systemctl restart corosync",
            facts->node);
}

/* ---- votes and nodes ---- */

static char *join_lost(const MembershipView *view, const char *between)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        if (!node->member)
            g_string_append_printf(names, "%s%s", names->len ? between : "", node->name);
    }
    return g_string_free(names, FALSE);
}

static void judge_quorum(const ClusterFacts *facts, GPtrArray *list)
{
    const MembershipView *view = facts->view;
    if (view->quorate)
        return;
    g_autofree char *lost = join_lost(view, ", ");
    g_autofree char *confirm = join_lost(view, ",");
    g_autofree char *instead =
        *lost && view->total
            ? g_strdup_printf("; start what is not seen (%s), or, only when you "
                              "know that it is off and stays off: gantry "
                              "cluster expected %u --confirm %s",
                              lost, view->total, confirm)
            : g_strdup("; wait until the other nodes have started corosync");
    add(list, EVENT_ERROR, g_strdup("cluster/quorum"), facts->node,
        "cluster %s is not quorate on %s: %u of %u votes, %u are needed. All can be read and "
        "guests go on running, changes of the cluster are refused%s",
        view->cluster ? view->cluster : "?", facts->node, view->total, view->expected,
        view->quorum, instead);
}

static char *addresses_of(const ClusterFacts *facts, const MembershipNode *node)
{
    CorosyncNode *known = facts->conf ? corosync_conf_node(facts->conf, node->name) : NULL;
    GString *text = g_string_new(NULL);
    for (guint i = 0; known && i < corosync_node_links(known); i++)
        if (known->addresses[i])
            g_string_append_printf(text, "%s%s", text->len ? " or " : "", known->addresses[i]);
    corosync_node_free(known);
    return g_string_free(text, FALSE);
}

/* When none is up the node is about to be lost, which is said then. */
static void judge_links(const MembershipNode *node, GPtrArray *list)
{
    guint up = 0;
    for (guint i = 0; i < node->links->len; i++)
        up += g_array_index(node->links, MembershipLink, i).connected ? 1 : 0;
    for (guint i = 0; node->member && up && i < node->links->len; i++) {
        const MembershipLink *link = &g_array_index(node->links, MembershipLink, i);
        if (link->connected)
            continue;
        add(list, EVENT_WARNING, g_strdup_printf("cluster/link/%s/%u", node->name, link->link),
            node->name,
            "link %u to %s (%s) is down, the cluster goes over what is left: check cable, "
            "switch and address there",
            link->link, node->name, link->address);
    }
}

static void judge_clock(const ClusterFacts *facts, const MembershipNode *node, GPtrArray *list)
{
    const ClusterVital *vital =
        facts->vitals ? g_hash_table_lookup(facts->vitals, GUINT_TO_POINTER(node->id)) : NULL;
    if (!vital || !vital->taken || node->id == facts->view->own ||
        ABS(vital->offset) - vital->uncertainty < CLUSTER_CLOCKS_APART)
        return;
    add(list, EVENT_WARNING, g_strdup_printf("cluster/clock/%s", node->name), node->name,
        "the clock of %s is %.1f s %s that of %s (to %.1f s): let both be set by NTP, see "
        "timedatectl",
        node->name, (double)ABS(vital->offset) / G_USEC_PER_SEC,
        vital->offset > 0 ? "ahead of" : "behind", facts->node,
        (double)vital->uncertainty / G_USEC_PER_SEC);
}

static void judge_nodes(const ClusterFacts *facts, GPtrArray *list)
{
    const MembershipView *view = facts->view;
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        g_autofree char *addresses = addresses_of(facts, node);
        judge_links(node, list);
        judge_clock(facts, node, list);
        if (!node->member)
            add(list, EVENT_ERROR, g_strdup_printf("cluster/node/%s", node->name), node->name,
                "%s is not seen in the cluster: is the machine on, does corosync run there, "
                "and "
                "is it reached at %s?",
                node->name, *addresses ? addresses : "its addresses");
        else if (node->config_version && node->config_version != view->config_version)
            add(list, EVENT_WARNING, g_strdup_printf("cluster/version/%s", node->name),
                node->name,
                "%s has version %" G_GUINT64_FORMAT
                " of corosync.conf, this node %" G_GUINT64_FORMAT
                ": copy the file of the higher version there and run corosync-cfgtool -R",
                node->name, node->config_version, view->config_version);
    }
}

/* ---- how it is made ---- */

static void judge_conf(const ClusterFacts *facts, GPtrArray *list)
{
    if (!facts->conf)
        return;
    guint64 version = corosync_conf_version(facts->conf);
    if (!corosync_conf_is_encrypted(facts->conf))
        add(list, EVENT_WARNING, g_strdup("cluster/encryption"), facts->node,
            "what corosync sends is not encrypted: set crypto_cipher and crypto_hash in "
            "corosync.conf");
    if (corosync_conf_is_two_node(facts->conf))
        add(list, EVENT_WARNING, g_strdup("cluster/two-node"), facts->node,
            "corosync.conf has two_node: when the nodes lose each other both go on as quorate. "
            "Use a third node or a quorum device instead");
    if (facts->view && facts->view->config_version != version)
        add(list, EVENT_WARNING, g_strdup("cluster/loaded"), facts->node,
            "corosync.conf on %s has version %" G_GUINT64_FORMAT
            ", corosync has loaded %" G_GUINT64_FORMAT ": run corosync-cfgtool -R",
            facts->node, version, facts->view->config_version);
    if (facts->view && facts->view->cluster &&
        !g_str_equal(facts->view->cluster, corosync_conf_cluster(facts->conf)))
        add(list, EVENT_WARNING, g_strdup("cluster/name"), facts->node,
            "corosync on %s runs under the cluster's earlier name %s: gantry -H %s cluster "
            "restart",
            facts->node, facts->view->cluster, facts->node);
}

/* ---- the quorum device ---- */

static void judge_device(const ClusterFacts *facts, GPtrArray *list)
{
    const MembershipView *view = facts->view;
    g_autoptr(CorosyncDevice) device = corosync_device_read(facts->conf);
    const MembershipNode *own = view ? membership_view_node(view, view->own) : NULL;
    const char *state =
        facts->device_report ? wire_get_string(facts->device_report, "state", NULL) : NULL;
    if (!device || !own || facts->state != MEMBERSHIP_UP || own->device_votes)
        return;
    if (!own->device_alive)
        add(list, EVENT_WARNING, g_strdup("cluster/device"), facts->node,
            "corosync-qdevice does not run on %s, so the quorum device %s gives it no vote: "
            "%s%sstart it with: systemctl start corosync-qdevice",
            facts->node, device->host, facts->device_trouble ? facts->device_trouble : "",
            facts->device_trouble ? "; " : "");
    else if (g_strcmp0(state, "Connected") == 0)
        add(list, EVENT_WARNING, g_strdup("cluster/device"), facts->node,
            "the quorum device %s is connected, but gives %s no vote%s", device->host,
            facts->node,
            membership_view_members(view) < view->nodes->len
                ? ": it goes to the nodes that are not seen from here. Mend the network to them"
                : ": it has not made up its mind. If it stays so: corosync-qdevice-tool -sv");
    else
        add(list, EVENT_WARNING, g_strdup("cluster/device"), facts->node,
            "the quorum device %s gives no vote on %s%s%s: is that machine on, does "
            "corosync-qnetd run there, and is its TCP port 5403 open? Until it is back the "
            "loss of a node can cost the cluster its quorum",
            device->host, facts->node, state ? ", it says: " : "", state ? state : "");
}

/* ---- the store ---- */

/* What has no quorum is said already. */
static void judge_store(const ClusterFacts *facts, GPtrArray *list)
{
    const StoreStatus *store = &facts->store;
    gboolean quorate = facts->view && facts->view->quorate;
    if (!facts->conf)
        return;
    if (corosync_conf_store(facts->conf) == 0) {
        add(list, EVENT_WARNING, g_strdup("cluster/store"), facts->node,
            "corosync.conf was not made by gantry, so each node keeps its own tags, numbers "
            "and roles: a section gantry with a line store: NUMBER, any number, the same on "
            "all nodes makes them the cluster's");
        return;
    }
    if (!facts->store_settled)
        return;
    if (store->state == STORE_DIVERGED)
        add(list, EVENT_ERROR, g_strdup("cluster/store"), facts->node,
            "the store of %s differs from the other nodes' and takes no changes: its file or "
            "its memory was damaged. Take theirs with: gantry -H %s cluster resync --confirm "
            "%s",
            facts->node, facts->node, facts->node);
    else if (store->state == STORE_FOREIGN)
        add(list, EVENT_ERROR, g_strdup("cluster/store"), facts->node,
            "the store of %s belongs to another cluster: gantry -H %s cluster resync --confirm "
            "%s "
            "takes this cluster's in its place",
            facts->node, facts->node, facts->node);
    else if (store->state == STORE_FAILING)
        add(list, EVENT_ERROR, g_strdup("cluster/store"), facts->node,
            "%s keeps nothing of what is changed in the cluster now, the others go on without "
            "it%s%s",
            facts->node, facts->store_trouble ? ": " : "",
            facts->store_trouble ? facts->store_trouble : "");
    else if (store->state == STORE_NO_MAJORITY && quorate)
        add(list, EVENT_ERROR, g_strdup("cluster/store"), facts->node,
            "%s sees too few of the nodes that keep the store: all can be read, nothing can be "
            "changed. Start gantryd on the other nodes",
            facts->node);
    else if (store->state == STORE_JOINING && quorate)
        add(list, EVENT_WARNING, g_strdup("cluster/store"), facts->node,
            "%s has not been taken into the cluster's store yet: gantryd has to run on a "
            "majority of the nodes",
            facts->node);
}

static gint by_severity(gconstpointer a, gconstpointer b)
{
    const ClusterProblem *first = *(ClusterProblem *const *)a;
    const ClusterProblem *second = *(ClusterProblem *const *)b;
    return (int)second->severity - (int)first->severity;
}

GPtrArray *cluster_problems(const ClusterFacts *facts)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(problem_free);
    judge_engine(facts, list);
    if (facts->view) {
        judge_quorum(facts, list);
        judge_nodes(facts, list);
    }
    judge_conf(facts, list);
    judge_device(facts, list);
    judge_store(facts, list);
    g_ptr_array_sort(list, by_severity);
    return list;
}
