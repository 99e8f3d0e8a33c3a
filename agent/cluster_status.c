#include "agent/cluster_status.h"

#include "agent/cluster_lost.h"
#include "agent/cluster_nodes.h"
#include "agent/cluster_settings.h"
#include "agent/cluster_store.h"
#include "backend/cluster/corosync_device.h"
#include "backend/wire/message.h"

const char *cluster_status_name(const ClusterFacts *facts)
{
    if (facts->conf)
        return corosync_conf_cluster(facts->conf);
    return facts->view ? facts->view->cluster : NULL;
}

static const char *state_name(const ClusterFacts *facts)
{
    static const char *const names[] = {"absent", "silent", "up"};
    return !facts->conf && !facts->view ? "none" : names[facts->state];
}

/* What the node said of its store last; null when it is not heard. */
static json_t *store_json(const ClusterFacts *facts, guint node)
{
    const ClusterStorePeer *peer =
        facts->store_part ? cluster_store_peer(facts->store_part, node) : NULL;
    if (!peer)
        return json_null();
    return json_pack("{s:s,s:I,s:I}", "state", store_state_name(peer->state), "revision",
                     (json_int_t)peer->revision, "applied", (json_int_t)peer->applied);
}

/* Of another node only; this one is the measure. */
static void add_vital(json_t *object, const ClusterFacts *facts, const MembershipNode *node)
{
    const ClusterVital *vital =
        facts->vitals ? g_hash_table_lookup(facts->vitals, GUINT_TO_POINTER(node->id)) : NULL;
    gboolean clock = vital && vital->taken;
    json_object_set_new(object, "clock_ms",
                        clock ? json_real((double)vital->offset / 1000) : json_null());
    json_object_set_new(object, "clock_uncertainty_ms",
                        clock ? json_real((double)vital->uncertainty / 1000) : json_null());
    /* While a node is off, what it wrote of itself last. */
    g_autoptr(json_t) known = cluster_nodes_find(facts->documents, node->name);
    const char *agent = wire_get_string(known, "agent", NULL);
    if (vital && vital->agent)
        agent = vital->agent;
    json_object_set_new(object, "agent", agent ? wire_string(agent) : json_null());
}

static json_t *node_json(const ClusterFacts *facts, const MembershipNode *node)
{
    g_autoptr(CorosyncNode) known =
        facts->conf ? corosync_conf_node(facts->conf, node->name) : NULL;
    json_t *addresses = json_array();
    for (guint i = 0; known && i < corosync_node_links(known); i++)
        json_array_append_new(addresses, known->addresses[i] ? wire_string(known->addresses[i])
                                                             : json_null());
    json_t *version =
        node->config_version ? json_integer((json_int_t)node->config_version) : json_null();
    json_t *object = json_pack("{s:i,s:o,s:b,s:b,s:i,s:o,s:o}", "id", (int)node->id, "name",
                               wire_string(node->name), "member", node->member, "local",
                               node->id == facts->view->own, "votes", (int)node->votes,
                               "config_version", version, "addresses", addresses);
    gint64 since = cluster_lost_since(facts->lost, node->name);
    json_object_set_new(object, "lost_since", since ? json_integer(since) : json_null());
    add_vital(object, facts, node);
    json_object_set_new(object, "store", store_json(facts, node->id));
    return object;
}

static json_t *milliseconds(guint microseconds)
{
    return microseconds ? json_real((double)microseconds / 1000) : json_null();
}

static json_t *link_json(const MembershipNode *node, const MembershipLink *link)
{
    json_t *one = json_pack(
        "{s:o,s:i,s:o,s:s,s:i,s:i,s:I,s:I,s:I,s:I,s:i}", "node", wire_string(node->name),
        "link", (int)link->link, "address", wire_string(link->address), "state",
        link->connected ? "connected" : "down", "lost", (int)link->down_count, "found",
        (int)link->up_count, "sent", (json_int_t)link->sent, "received",
        (json_int_t)link->received, "retries", (json_int_t)link->retries, "errors",
        (json_int_t)link->errors, "mtu", (int)link->mtu);
    json_object_set_new(one, "latency_ms",
                        link->connected ? milliseconds(link->latency) : json_null());
    json_object_set_new(one, "latency_max_ms", milliseconds(link->latency_max));
    return one;
}

static json_t *links_json(const MembershipView *view)
{
    json_t *list = json_array();
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        for (guint l = 0; l < node->links->len; l++)
            json_array_append_new(
                list, link_json(node, &g_array_index(node->links, MembershipLink, l)));
    }
    return list;
}

static json_t *ring_json(const MembershipView *view)
{
    const MembershipRing *ring = &view->statistics;
    return json_pack("{s:i,s:i,s:I,s:I,s:I,s:I}", "token_timeout_ms", (int)ring->token_timeout,
                     "token_mean_ms", (int)ring->token_mean, "tokens", (json_int_t)ring->tokens,
                     "retransmitted", (json_int_t)ring->retransmitted, "lost_tokens",
                     (json_int_t)ring->lost_tokens, "gathers", (json_int_t)ring->gathers);
}

/* What corosync.conf says of the device, what votequorum does, and what its daemon here. */
static json_t *device_json(const ClusterFacts *facts)
{
    const MembershipView *view = facts->view;
    g_autoptr(CorosyncDevice) device = corosync_device_read(facts->conf);
    const MembershipNode *own = view ? membership_view_node(view, view->own) : NULL;
    if (!device)
        return json_null();
    json_t *object =
        json_pack("{s:o,s:o,s:o,s:i,s:b,s:b}", "host", wire_string(device->host), "algorithm",
                  wire_string(device->algorithm), "model", wire_string(device->model), "votes",
                  (int)device->votes, "running", own && own->device_alive, "voting",
                  own && own->device_votes);
    if (facts->device_report) {
        g_autoptr(json_t) report = json_deep_copy(facts->device_report);
        json_object_update_missing(object, report);
    }
    return object;
}

static json_t *problems_json(const ClusterFacts *facts)
{
    g_autoptr(GPtrArray) problems = cluster_problems(facts);
    json_t *list = json_array();
    for (guint i = 0; i < problems->len; i++) {
        const ClusterProblem *problem = problems->pdata[i];
        json_array_append_new(
            list, json_pack("{s:s,s:o,s:o}", "severity",
                            problem->severity == EVENT_ERROR ? "error" : "warning", "object",
                            wire_string(problem->object), "text", wire_string(problem->text)));
    }
    return list;
}

static void add_view(json_t *answer, const ClusterFacts *facts)
{
    const MembershipView *view = facts->view;
    json_t *nodes = json_array();
    for (guint i = 0; i < view->nodes->len; i++)
        json_array_append_new(nodes, node_json(facts, view->nodes->pdata[i]));
    g_autofree char *ring =
        g_strdup_printf("%u.%" G_GINT64_MODIFIER "x", view->ring_node, view->ring_sequence);
    json_t *more =
        json_pack("{s:b,s:i,s:i,s:i,s:I,s:s,s:i,s:o,s:o,s:o}", "quorate",
                  view->quorate && facts->state == MEMBERSHIP_UP, "votes", (int)view->total,
                  "expected", (int)view->expected, "quorum", (int)view->quorum,
                  "config_version", (json_int_t)view->config_version, "ring", ring, "members",
                  (int)membership_view_members(view), "nodes", nodes, "links", links_json(view),
                  "ring_statistics", ring_json(view));
    json_object_update_new(answer, more);
}

json_t *cluster_status_json(const ClusterFacts *facts)
{
    const char *name = cluster_status_name(facts);
    json_t *answer =
        json_pack("{s:s,s:o,s:s,s:o,s:o}", "node", facts->node, "cluster",
                  name ? wire_string(name) : json_null(), "state", state_name(facts), "device",
                  device_json(facts), "problems", problems_json(facts));
    json_object_set_new(answer, "store",
                        json_pack("{s:s,s:I}", "state", store_state_name(facts->store.state),
                                  "revision", (json_int_t)facts->store.revision));
    if (facts->documents)
        json_object_set_new(answer, "settings", cluster_settings_all(facts->documents));
    if (facts->view) {
        double age = (double)(g_get_monotonic_time() - facts->view->taken) / G_USEC_PER_SEC;
        json_object_set_new(answer, "age", json_real(age));
        add_view(answer, facts);
    }
    return answer;
}
