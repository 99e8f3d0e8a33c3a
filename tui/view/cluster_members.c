#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/view/cluster_private.h"

#include <string.h>

enum {
    KNOCK_DEADLINE = 3000, /* ms, for a node that the others lost */
    RECALL_DEADLINE = 15000,
    ROUND_PAUSE = 10, /* s between two rounds of all ways */
    ROUND_JITTER = 5
};

/* ---- who is who ---- */

static gboolean is_up(const Member *member)
{
    return member->link && link_state(member->link) == LINK_CONNECTED;
}

/* The node's own name, as far as it is known: said by itself, or by another. */
static const char *name_of(const Member *member)
{
    const RpcPeer *peer = member->link ? link_peer(member->link) : NULL;
    return peer ? peer->node : member->name;
}

static gboolean has_address(const json_t *peer, const char *host)
{
    size_t index;
    const json_t *address;
    json_array_foreach(json_object_get(peer, "addresses"), index, address)
    {
        if (g_strcmp0(json_string_value(address), host) == 0)
            return TRUE;
    }
    return FALSE;
}

/* A given target that has never answered may be that node under another name; it is until
 * it says otherwise when it was given by the node's name or address. */
static gboolean is_member(const Member *member, const json_t *peer)
{
    const char *name = wire_get_string(peer, "name", "");
    if (name_of(member))
        return g_str_equal(name_of(member), name);
    const Target *target = member->link ? link_target(member->link) : NULL;
    return target && target->host &&
           (g_str_equal(target->host, name) || has_address(peer, target->host));
}

static Member *find_member(const Cluster *cluster, const json_t *peer)
{
    for (guint i = 0; i < cluster->members->len; i++) {
        Member *member = cluster_member(cluster, i);
        if (member && is_member(member, peer))
            return member;
    }
    return NULL;
}

static const json_t *peer_named(const Member *member, const char *name)
{
    size_t index;
    const json_t *peer;
    json_array_foreach(member->peers, index, peer)
    {
        if (g_str_equal(wire_get_string(peer, "name", ""), name))
            return peer;
    }
    return NULL;
}

/* ---- reaching ---- */

/* The session to go through: one to a given node that told of the member. */
static Link *session_to(const Member *member)
{
    const Cluster *cluster = member->cluster;
    for (guint i = 0; i < cluster->members->len; i++) {
        const Member *other = cluster_member(cluster, i);
        if (other && !other->name && is_up(other) && link_target(other->link)->host &&
            peer_named(other, member->name))
            return other->link;
    }
    return NULL;
}

/* FALSE when no way is left. */
static gboolean try_way(Member *member)
{
    for (; member->way < member->ways->len; member->way++) {
        const Way *way = &g_array_index(member->ways, Way, member->way);
        Link *via = way->through ? session_to(member) : NULL;
        if (way->through && !via)
            continue;
        LinkOptions options = {
            .ssh_config = member->cluster->ssh_config, .via = via, .once = TRUE};
        link_close(member->link);
        member->link = link_new(way->target, &options, &cluster_link_events, member);
        return TRUE;
    }
    return FALSE;
}

void members_try(Member *member)
{
    g_clear_handle_id(&member->pause, g_source_remove);
    if (!member->ways)
        return;
    member->way = 0;
    (void)try_way(member);
}

static gboolean on_pause(gpointer user)
{
    Member *member = user;
    member->pause = 0;
    members_try(member);
    return G_SOURCE_REMOVE;
}

/* Another way helps where nobody answered, or somebody else did; not against a refusal. */
static gboolean other_way_helps(const Member *member)
{
    WireErrorCode code = wire_error_code(link_error(member->link));
    return code == WIRE_ERROR_UNREACHABLE || code == WIRE_ERROR_TIMEOUT ||
           code == WIRE_ERROR_NOT_FOUND;
}

gboolean members_missed(Member *member)
{
    if (!member->ways || member->pause || !link_error(member->link) || !other_way_helps(member))
        return FALSE;
    if (!member->reached) {
        member->way++;
        if (try_way(member))
            return TRUE;
    }
    /* One that was reached is tried again soon. */
    member->reached = false;
    guint pause = member->way < member->ways->len
                      ? 1
                      : ROUND_PAUSE + (guint)g_random_int_range(0, ROUND_JITTER);
    if (!member->cluster->once)
        member->pause = g_timeout_add_seconds(pause, on_pause, member);
    return FALSE;
}

/* ---- members come and go ---- */

static void add_member(Cluster *cluster, const Member *teller, const json_t *peer)
{
    const char *name = wire_get_string(peer, "name", "");
    g_autoptr(GArray) ways = ways_new(peer, link_target(teller->link));
    const GPtrArray *nodes = model_objects(cluster->model, OBJECT_NODE);
    if (!*name || ways->len == 0 || nodes->len >= MODEL_NODES_MAX)
        return;
    Member *member = g_new0(Member, 1);
    member->cluster = cluster;
    member->name = g_strdup(name);
    member->ways = g_steal_pointer(&ways);
    member->index = model_node_add(cluster->model, name, name);
    if (member->index >= cluster->members->len)
        g_ptr_array_set_size(cluster->members, (gint)member->index + 1);
    cluster->members->pdata[member->index] = member;
    (void)try_way(member);
    cluster->events.changed(cluster, member->index, cluster->user);
}

static void remove_member(Member *member)
{
    Cluster *cluster = member->cluster;
    guint index = member->index;
    model_node_remove(cluster->model, index);
    cluster->members->pdata[index] = NULL;
    cluster_member_free(member);
    cluster->events.asking(cluster, index, cluster->user);
    cluster->events.changed(cluster, index, cluster->user);
}

/* The same node twice: a given target stays rather than one that was told of, and the first
 * of the given ones. Two machines of the same name that are in no cluster are two. */
static gboolean is_double(const Member *member)
{
    const Cluster *cluster = member->cluster;
    const char *name = name_of(member);
    for (guint i = 0; name && i < cluster->members->len; i++) {
        const Member *other = cluster_member(cluster, i);
        if (!other || other == member || g_strcmp0(name_of(other), name) != 0)
            continue;
        gboolean stays = !other->name && (member->name || i < member->index);
        if (stays && (member->name || (member->peers && other->peers)))
            return TRUE;
    }
    return FALSE;
}

/* Told of by somebody who is up, or nobody who could tell is. */
static gboolean is_told(const Member *member)
{
    const Cluster *cluster = member->cluster;
    gboolean heard = FALSE;
    for (guint i = 0; i < cluster->members->len; i++) {
        const Member *other = cluster_member(cluster, i);
        if (!other || other == member || !is_up(other))
            continue;
        heard = TRUE;
        if (other->peers && peer_named(other, member->name))
            return TRUE;
    }
    return !heard;
}

static void review_members(Cluster *cluster)
{
    for (guint i = 0; i < cluster->members->len; i++) {
        const Member *teller = cluster_member(cluster, i);
        size_t index;
        const json_t *peer;
        json_array_foreach(teller && is_up(teller) ? teller->peers : NULL, index, peer)
        {
            const Member *known = find_member(cluster, peer);
            if (!known)
                add_member(cluster, teller, peer);
            else if (!name_of(known))
                model_node_named(cluster->model, known->index,
                                 wire_get_string(peer, "name", ""));
        }
    }
    for (guint i = 0; i < cluster->members->len; i++) {
        Member *member = cluster_member(cluster, i);
        if (member && (is_double(member) || (member->name && !is_told(member))))
            remove_member(member);
    }
}

/* ---- lost and back ---- */

/* Who says that it does not see the node; NULL when somebody sees it, or nobody knows. since:
 * the earliest that they have lost it; 0: they don't say. */
static char *losers_of(const Member *member, gint64 *since)
{
    const Cluster *cluster = member->cluster;
    const ModelNode *node = model_node(cluster->model, member->index);
    const char *name = name_of(member) ? name_of(member) : node->name;
    g_autoptr(GString) names = g_string_new(NULL);
    *since = 0;
    for (guint i = 0; name && i < cluster->members->len; i++) {
        const Member *other = cluster_member(cluster, i);
        if (!other || other == member || !is_up(other))
            continue;
        const json_t *peer = peer_named(other, name);
        const json_t *seen = json_object_get(peer, "member");
        gint64 lost = wire_get_integer(peer, "lost_since", 0);
        if (lost > 0 && (*since == 0 || lost < *since))
            *since = lost;
        if (json_is_true(seen))
            return NULL;
        if (json_is_false(seen))
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", name_of(other));
    }
    return names->len ? g_strdup(names->str) : NULL;
}

static void on_knock(const json_t *result, const GError *error, gpointer user)
{
    Member *member = user;
    member->knock = NULL;
    if (error && is_up(member))
        link_drop(member->link, "its cluster lost it, and it does not answer");
}

static void tell_lost(Member *member, const char *losers, gint64 since)
{
    g_autofree char *trouble =
        g_strdup_printf("the cluster lost it: it is not seen by %s", losers);
    model_node_lost(member->cluster->model, member->index, trouble, since);
    /* Cut off from the others it may be, and still answer. */
    ask_drop(&member->knock);
    if (is_up(member))
        member->knock = cluster_ask(member->cluster, member->index, "session.ping", NULL,
                                    KNOCK_DEADLINE, on_knock, member);
}

static void tell_back(Member *member)
{
    /* One that waits for the person's answer is left to it. */
    if (is_up(member) || (member->link && link_state(member->link) == LINK_ASKING))
        return;
    if (member->ways && !member->reached)
        members_try(member);
    else if (member->link)
        link_retry(member->link);
}

static void review_losses(const Cluster *cluster)
{
    for (guint i = 0; i < cluster->members->len; i++) {
        Member *member = cluster_member(cluster, i);
        gint64 since = 0;
        g_autofree char *losers = member ? losers_of(member, &since) : NULL;
        if (!member || member->lost == (losers != NULL))
            continue;
        member->lost = losers != NULL;
        if (losers)
            tell_lost(member, losers, since);
        else
            tell_back(member);
    }
}

/* ---- guests of one that is not reached ---- */

static void on_recalled(const json_t *result, const GError *error, gpointer user)
{
    Member *member = user;
    size_t index;
    const json_t *guest;
    member->recall = NULL;
    json_array_foreach(error ? NULL : json_object_get(result, "guests"), index, guest)
    {
        model_recall(member->cluster->model, member->teller, guest);
    }
}

void members_recall(Member *member)
{
    const Cluster *cluster = member->cluster;
    const ModelNode *node = model_node(cluster->model, member->index);
    for (guint i = 0; !member->recall && !node->ready && i < cluster->members->len; i++) {
        const Member *other = cluster_member(cluster, i);
        if (!other || other == member || !is_up(other) ||
            !json_is_true(json_object_get(peer_named(other, node->name), "member")))
            continue;
        member->teller = i;
        member->recall = cluster_ask(member->cluster, i, "cluster.guests",
                                     json_pack("{s:s}", "node", node->name), RECALL_DEADLINE,
                                     on_recalled, member);
    }
}

/* Not from inside an event of a link that may be closed by it. */
static gboolean on_review(gpointer user)
{
    Cluster *cluster = user;
    cluster->review = 0;
    review_members(cluster);
    review_losses(cluster);
    /* Whoever waited for the review can go on. */
    cluster->events.changed(cluster, 0, cluster->user);
    return G_SOURCE_REMOVE;
}

static void review_soon(Cluster *cluster)
{
    if (!cluster->review)
        cluster->review = g_timeout_add(0, on_review, cluster);
}

/* All of them usually say the same: it is kept once. */
static json_t *share(const Cluster *cluster, const json_t *peers)
{
    for (guint i = 0; i < cluster->members->len; i++) {
        const Member *member = cluster_member(cluster, i);
        if (member && member->peers && json_equal(member->peers, peers))
            return json_incref(member->peers);
    }
    return json_incref((json_t *)(gintptr)peers);
}

void members_heard(Member *member, const json_t *peers)
{
    json_t *told = json_is_array(peers) ? share(member->cluster, peers) : NULL;
    json_decref(member->peers);
    member->peers = told;
    review_soon(member->cluster);
}

gboolean members_met(Member *member, const RpcPeer *peer)
{
    if (member->name && !g_str_equal(member->name, peer->node))
        return FALSE;
    member->reached = true;
    member->lost = false;
    members_heard(member, peer->peers);
    return TRUE;
}
