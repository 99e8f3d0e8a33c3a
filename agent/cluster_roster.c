#include "agent/cluster_roster.h"

#include "agent/cluster_lost.h"
#include "backend/wire/message.h"

static json_t *addresses_of(const CorosyncNode *node)
{
    json_t *list = json_array();
    for (guint i = 0; i < corosync_node_links(node); i++)
        if (node->addresses[i])
            json_array_append_new(list, wire_string(node->addresses[i]));
    return list;
}

/* Corosync's word is old when it does not answer. */
static json_t *membership_of(const ClusterFacts *facts, const char *name)
{
    const MembershipNode *seen = membership_view_named(facts->view, name);
    if (!facts->view || facts->state != MEMBERSHIP_UP)
        return json_null();
    return json_boolean(seen && seen->member);
}

json_t *cluster_roster(const ClusterFacts *facts)
{
    if (!facts->conf)
        return json_null();
    json_t *list = json_array();
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(facts->conf);
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        if (!node->name || !*node->name)
            continue;
        gint64 since = cluster_lost_since(facts->lost, node->name);
        json_t *lost = since ? json_integer(since) : NULL;
        json_array_append_new(list,
                              json_pack("{s:o,s:o,s:o,s:o*}", "name", wire_string(node->name),
                                        "member", membership_of(facts, node->name), "addresses",
                                        addresses_of(node), "lost_since", lost));
    }
    return list;
}
