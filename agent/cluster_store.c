#include "agent/cluster_store.h"

#include "agent/cluster_line.h"
#include "agent/cluster_reconcile.h"
#include "agent/guests.h"
#include "backend/cluster/store_stream.h"
#include "backend/wire/error.h"

#include <string.h>

enum {
    HELLO_AFTER = 500,  /* ms, when there is something new to say */
    HELLO_EVERY = 4,    /* such times, when there is nothing */
    ASTRAY_MAX = 2,     /* hellos of a node out of another view, until all begin a new one, */
    ASTRAY_AFTER = 5,   /* seconds after the view began: who is slow comes by itself; */
    ASTRAY_FACTOR = 12, /* at most so many times that, as it gets longer each time */
    STAY_AFTER = 10,    /* seconds in which a leave that was asked for may begin */
    QUEUE_MAX = 64,     /* chunks handed to corosync at a time; the rest waits here */
};

/* A process in the group. */
typedef struct {
    MembershipPeer peer;
    StoreUnpacker *unpacker;
    gboolean known; /* it has said hello: */
    StoreHello hello;
    guint astray; /* so many of them in a row were out of another view */
    ClusterStorePeer line;
} Peer;

struct ClusterStore {
    Agent *agent;
    Membership *membership;
    guint group;
    void (*changed)(gpointer user);
    gpointer user;

    CorosyncText *conf; /* as last told, or NULL */
    guint64 left;
    gboolean told, grouped;
    guint32 own; /* this node's number in the group */

    GPtrArray *peers; /* of Peer */
    gboolean counted; /* the view has its number: */
    guint64 view;
    gint64 since;   /* monotonic */
    guint renewals; /* of views, as a node was astray, since the members changed */
    guint electorate;
    StorePacker *packer;
    ClusterLine *line; /* the short way */
    guint pump, hello_timer, quiet;
    guint64 said;    /* the revision in the last hello */
    guint receiving; /* from which node a chunk is being unpacked */

    gboolean changing, leaving;
    gboolean worked; /* the store has, with a majority of its own: */
    guint losses;    /* of quorum until then */
    gint64 leaving_since;
};

static void peer_free(gpointer data)
{
    Peer *peer = data;
    store_unpacker_free(peer->unpacker);
    g_free(peer);
}

static Peer *find_peer(const ClusterStore *part, guint node)
{
    for (guint i = 0; i < part->peers->len; i++)
        if (((Peer *)part->peers->pdata[i])->peer.node == node)
            return part->peers->pdata[i];
    return NULL;
}

/* ---- sending ---- */

static gboolean on_pump(gpointer user)
{
    ClusterStore *part = user;
    g_autoptr(GBytes) chunk = NULL;
    for (guint i = 0; i < QUEUE_MAX && (chunk = store_packer_take(part->packer)); i++) {
        gsize size;
        const void *data = g_bytes_get_data(chunk, &size);
        /* What is not taken is lost; the store asks again. */
        (void)membership_send(part->membership, part->group, data, size, NULL);
        g_clear_pointer(&chunk, g_bytes_unref);
    }
    if (store_packer_waiting(part->packer) > 0)
        return G_SOURCE_CONTINUE;
    part->pump = 0;
    return G_SOURCE_REMOVE;
}

/* All that the store says before the main loop turns goes together. */
static void on_send(GBytes *message, gpointer user)
{
    ClusterStore *part = user;
    if (part->peers->len == 0)
        return;
    store_packer_add(part->packer, message);
    if (!part->pump)
        part->pump = g_idle_add_full(G_PRIORITY_HIGH, on_pump, part, NULL);
}

/* A message that some would get by the short way and others by the ring could overtake
 * others at some of them: so all get it the same way. */
static gboolean can_hurry(const ClusterStore *part, guint32 node)
{
    if (node != 0)
        return cluster_line_is_up(part->line, node);
    for (guint i = 0; i < part->peers->len; i++) {
        guint other = ((const Peer *)part->peers->pdata[i])->peer.node;
        if (other != part->own && !cluster_line_is_up(part->line, other))
            return FALSE;
    }
    return TRUE;
}

static void on_hurry(guint32 node, GBytes *message, gpointer user)
{
    ClusterStore *part = user;
    if (!can_hurry(part, node)) {
        on_send(message, part);
        return;
    }
    for (guint i = 0; i < part->peers->len; i++) {
        guint other = ((const Peer *)part->peers->pdata[i])->peer.node;
        if (other != part->own && (node == 0 || node == other))
            cluster_line_send(part->line, other, message);
    }
}

static void say_hello(ClusterStore *part, guint8 flags)
{
    StoreStatus status;
    if (!part->grouped || part->peers->len == 0)
        return;
    store_status(part->agent->store, &status);
    part->said = status.revision;
    part->quiet = 0;
    StoreHello hello = {.nonce = (guint64)g_random_int() << 32 | g_random_int(),
                        .view = part->counted ? part->view : 0,
                        .flags = flags | (part->leaving ? STORE_HELLO_LEAVING : 0),
                        .cluster = store_cluster(part->agent->store),
                        .birth = store_birth(part->agent->store),
                        .state = (guint8)status.state,
                        .revision = status.revision,
                        .applied = status.log.applied};
    g_autoptr(GBytes) bytes = store_hello_encode(&hello);
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    (void)membership_send(part->membership, part->group, data, size, NULL);
}

/* A node that is in another view hears nothing of what the others say, and they nothing of
 * what it says: it may have missed the hello that gave theirs its number, as its own was not
 * sent while corosync kept it waiting. */
static gboolean is_any_astray(const ClusterStore *part)
{
    gint64 seconds = (gint64)ASTRAY_AFTER * MIN(1 + part->renewals, ASTRAY_FACTOR);
    if (!part->counted || g_get_monotonic_time() - part->since < seconds * G_USEC_PER_SEC)
        return FALSE;
    for (guint i = 0; i < part->peers->len; i++)
        if (((const Peer *)part->peers->pdata[i])->astray >= ASTRAY_MAX)
            return TRUE;
    return FALSE;
}

/* One is enough to say so: whoever has the lowest number of those who speak. It notices the
 * one that is astray, or, when that is it, all the others. */
static gboolean is_speaker(const ClusterStore *part)
{
    for (guint i = 0; i < part->peers->len; i++) {
        const Peer *peer = part->peers->pdata[i];
        if (peer->known && peer->peer.node < part->own)
            return FALSE;
    }
    return TRUE;
}

static gboolean on_hello_timer(gpointer user)
{
    ClusterStore *part = user;
    if (is_speaker(part) && is_any_astray(part)) {
        g_message("store: a node is in another view: all begin a new one");
        part->renewals++;
        say_hello(part, STORE_HELLO_RENEW);
    } else if (store_revision(part->agent->store) != part->said ||
               ++part->quiet >= HELLO_EVERY) {
        say_hello(part, 0);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- members: what corosync.conf says ---- */

static void reconcile(ClusterStore *part);

static void on_member_changed(guint64 revision, const GError *error, gpointer user)
{
    ClusterStore *part = user;
    part->changing = FALSE;
    if (error)
        g_info("the store's members were not changed: %s", error->message);
    else
        reconcile(part);
}

static void change_member(ClusterStore *part, const ReplicaChange *change)
{
    part->changing = TRUE;
    g_message("store: node %u %s", change->node,
              change->remove       ? "is removed from the members"
              : change->votes == 0 ? "is taken in"
                                   : "gets a vote");
    store_change_members(part->agent->store, change, on_member_changed, part);
}

static gboolean is_leader(const ClusterStore *part)
{
    StoreStatus status;
    store_status(part->agent->store, &status);
    return part->grouped && status.state == STORE_WORKING && status.log.leader == part->own;
}

/* The nodes that could be members, of those that are there. */
static guint list_candidates(const ClusterStore *part, ClusterCandidate *candidates)
{
    guint count = 0;
    for (guint i = 0; i < part->peers->len && count < REPLICA_MEMBERS_MAX; i++) {
        const Peer *peer = part->peers->pdata[i];
        if (peer->known && !(peer->hello.flags & STORE_HELLO_LEAVING) &&
            peer->hello.cluster == store_cluster(part->agent->store))
            candidates[count++] = (ClusterCandidate){peer->peer.node, peer->hello.birth,
                                                     peer->line.state == STORE_WORKING};
    }
    return count;
}

static void reconcile(ClusterStore *part)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    ClusterCandidate candidates[REPLICA_MEMBERS_MAX];
    ReplicaChange change;
    if (part->changing || !part->conf || !members || !is_leader(part))
        return;
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(part->conf);
    if (cluster_reconcile_next(members, nodes, candidates, list_candidates(part, candidates),
                               &change))
        change_member(part, &change);
}

/* ---- views ---- */

static void settle(ClusterStore *part);

/* Quorum was not lost, however shortly, since the store worked with a majority of its own:
 * so nobody else can have gone on. A node that starts alone knows nothing of that. */
static gboolean is_survivor(const ClusterStore *part, const MembershipView *view)
{
    return part->worked && part->losses == view->losses && view->quorate &&
           view->device_votes && membership_view_members(view) == part->peers->len;
}

static void note_work(ClusterStore *part)
{
    StoreStatus status;
    const MembershipView *view = membership_view(part->membership);
    store_status(part->agent->store, &status);
    if (!view || part->electorate > 0 || status.state != STORE_WORKING)
        return;
    part->worked = TRUE;
    part->losses = view->losses;
}

/* One half of the votes, to which the device gives its own. */
static guint count_half(const ClusterStore *part)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    guint here = 0, total = members ? replica_members_total(members) : 0;
    for (guint i = 0; members && i < members->count; i++)
        here += find_peer(part, members->list[i].node) ? members->list[i].votes : 0;
    return here > 0 && 2 * here == total ? here : 0;
}

/* A person lowered what corosync expects below what its file says; or a device decides. */
static guint find_electorate(const ClusterStore *part)
{
    const MembershipView *view = membership_view(part->membership);
    guint all = 0;
    for (guint i = 0; view && i < view->nodes->len; i++)
        all += ((const MembershipNode *)view->nodes->pdata[i])->votes;
    if (!view)
        return 0;
    if (view->expected > 0 && view->expected < all)
        return view->expected;
    guint half = is_survivor(part, view) ? count_half(part) : 0;
    return half ? 2 * half - 1 : 0;
}

static void begin_view(ClusterStore *part, guint64 number)
{
    guint32 nodes[REPLICA_MEMBERS_MAX];
    guint count = MIN(part->peers->len, G_N_ELEMENTS(nodes));
    for (guint i = 0; i < count; i++)
        nodes[i] = ((const Peer *)part->peers->pdata[i])->peer.node;
    part->counted = TRUE;
    part->view = number;
    part->since = g_get_monotonic_time();
    for (guint i = 0; i < part->peers->len; i++)
        ((Peer *)part->peers->pdata[i])->astray = 0;
    part->electorate = find_electorate(part);
    store_view(part->agent->store, number, nodes, count, part->electorate);
}

/* Until the next one has its number, which takes a moment, nothing is heard. Only when
 * corosync is gone is there none. */
static void end_view(ClusterStore *part)
{
    part->counted = FALSE;
    part->renewals = 0;
    store_packer_drop(part->packer);
    if (part->peers->len == 0)
        store_view(part->agent->store, 0, NULL, 0, 0);
}

void cluster_store_members(ClusterStore *part, const MembershipPeer *peers, guint count)
{
    g_autoptr(GPtrArray) before = g_steal_pointer(&part->peers);
    part->peers = g_ptr_array_new_with_free_func(peer_free);
    for (guint i = 0; i < count; i++) {
        Peer *peer = NULL;
        for (guint old = 0; old < before->len && !peer; old++) {
            const Peer *candidate = before->pdata[old];
            if (memcmp(&candidate->peer, &peers[i], sizeof peers[i]) == 0)
                peer = g_ptr_array_steal_index_fast(before, old);
        }
        if (!peer) {
            peer = g_new0(Peer, 1);
            peer->peer = peers[i];
            peer->unpacker = store_unpacker_new();
        }
        g_ptr_array_add(part->peers, peer);
    }
    end_view(part);
    settle(part);
    say_hello(part, 0);
    part->changed(part->user);
}

void cluster_store_view(ClusterStore *part)
{
    note_work(part);
    if (part->counted && find_electorate(part) != part->electorate)
        say_hello(part, STORE_HELLO_RENEW);
}

/* ---- hearing ---- */

static void take_hello(ClusterStore *part, Peer *peer, const StoreHello *hello)
{
    peer->known = TRUE;
    peer->hello = *hello;
    peer->astray = part->counted && hello->view != part->view ? peer->astray + 1 : 0;
    peer->line =
        (ClusterStorePeer){MIN(hello->state, STORE_FOREIGN), hello->revision, hello->applied};
    if (part->grouped && (!part->counted || hello->flags & STORE_HELLO_RENEW))
        begin_view(part, hello->nonce);
    reconcile(part);
}

static void take_message(GBytes *message, gpointer user)
{
    ClusterStore *part = user;
    if (part->counted)
        store_receive(part->agent->store, part->receiving, message);
}

static void on_line_heard(guint node, GBytes *message, gpointer user)
{
    const ClusterStore *part = user;
    if (part->counted && find_peer(part, node))
        store_receive(part->agent->store, node, message);
}

void cluster_store_message(ClusterStore *part, const MembershipPeer *from, const void *data,
                           size_t size)
{
    Peer *peer = find_peer(part, from->node);
    StoreHello hello;
    if (!peer || peer->peer.process != from->process)
        return;
    switch (store_stream_kind(data, size)) {
    case STORE_HELLO:
        if (store_hello_decode(data, size, &hello))
            take_hello(part, peer, &hello);
        break;
    case STORE_CHUNK:
        part->receiving = from->node;
        (void)store_unpacker_feed(peer->unpacker, data, size, take_message, part);
        break;
    default:
        break;
    }
}

/* ---- joining and parting ---- */

static void join(ClusterStore *part, const CorosyncNode *node, guint64 number)
{
    part->grouped = TRUE;
    part->own = node->id;
    part->counted = FALSE;
    store_join(part->agent->store, &(StoreGroup){.node = node->id,
                                                 .cluster = number,
                                                 .send = on_send,
                                                 .hurry = on_hurry,
                                                 .user = part});
    if (!part->hello_timer)
        part->hello_timer = g_timeout_add(HELLO_AFTER, on_hello_timer, part);
    say_hello(part, STORE_HELLO_RENEW);
}

/* Nobody else was ever in the store, or this node was let out of it. */
static gboolean may_part(const ClusterStore *part)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    if (part->left != 0 && part->left == store_cluster(part->agent->store))
        return TRUE;
    for (guint i = 0; members && i < members->count; i++)
        if (members->list[i].birth != store_birth(part->agent->store))
            return FALSE;
    return members != NULL;
}

static void part_with(ClusterStore *part)
{
    if (store_is_alone(part->agent->store) || !may_part(part))
        return;
    part->grouped = part->leaving = FALSE;
    g_clear_handle_id(&part->hello_timer, g_source_remove);
    store_packer_drop(part->packer);
    store_part(part->agent->store);
    if (part->agent->guests)
        guest_table_prune(part->agent->guests);
}

/* What corosync.conf says, put in force once the store is there. */
static void settle(ClusterStore *part)
{
    if (!part->told || !part->agent->store || !store_is_loaded(part->agent->store))
        return;
    if (!part->conf) {
        part_with(part);
        return;
    }
    guint64 number = corosync_conf_store(part->conf);
    CorosyncNode *node = corosync_conf_node(part->conf, part->agent->node);
    /* The founder goes on alone until corosync is there. */
    gboolean early = number == store_cluster(part->agent->store) && part->peers->len == 0 &&
                     store_is_alone(part->agent->store);
    if (number && node && !early && (!part->grouped || part->own != node->id))
        join(part, node, number);
    corosync_node_free(node);
    reconcile(part);
}

void cluster_store_conf(ClusterStore *part, const CorosyncText *conf, guint64 left)
{
    g_clear_pointer(&part->conf, corosync_text_free);
    part->conf = conf ? corosync_text_copy(conf) : NULL;
    part->left = left;
    part->told = TRUE;
    cluster_line_follow(part->line, conf);
    settle(part);
}

void cluster_store_changed(ClusterStore *part)
{
    settle(part);
    note_work(part);
    say_hello(part, 0);
    reconcile(part);
    part->changed(part->user);
}

const ClusterStorePeer *cluster_store_peer(const ClusterStore *part, guint node)
{
    const Peer *peer = find_peer(part, node);
    return peer && peer->known ? &peer->line : NULL;
}

gboolean cluster_store_leads(const ClusterStore *part)
{
    return is_leader(part) || store_is_alone(part->agent->store);
}

/* ---- leaving ---- */

void cluster_store_leave(ClusterStore *part, StoreDone done, gpointer user)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    const ReplicaMember *own =
        members ? replica_members_find((ReplicaMembers *)members, part->own) : NULL;
    part->leaving = TRUE;
    part->leaving_since = g_get_monotonic_time();
    say_hello(part, 0);
    if (!part->grouped || !own || own->former || own->votes == replica_members_total(members) ||
        own->birth != store_birth(part->agent->store)) {
        done(0, NULL, user);
        return;
    }
    ReplicaChange change = {.node = part->own, .birth = own->birth, .remove = TRUE};
    store_change_members(part->agent->store, &change, done, user);
}

void cluster_store_stay(ClusterStore *part)
{
    gint64 waited = g_get_monotonic_time() - part->leaving_since;
    if (!part->leaving || waited < (gint64)STAY_AFTER * G_USEC_PER_SEC)
        return;
    part->leaving = FALSE;
    say_hello(part, 0);
}

/* ---- making ---- */

ClusterStore *cluster_store_new(Agent *agent, Membership *membership, guint group,
                                void (*changed)(gpointer user), gpointer user)
{
    ClusterStore *part = g_new0(ClusterStore, 1);
    part->agent = agent;
    part->membership = membership;
    part->group = group;
    part->changed = changed;
    part->user = user;
    part->peers = g_ptr_array_new_with_free_func(peer_free);
    part->packer = store_packer_new();
    part->line = cluster_line_new(agent, on_line_heard, part);
    return part;
}

void cluster_store_free(ClusterStore *part)
{
    if (!part)
        return;
    if (part->agent->store)
        store_mute(part->agent->store);
    g_clear_handle_id(&part->pump, g_source_remove);
    g_clear_handle_id(&part->hello_timer, g_source_remove);
    store_packer_free(part->packer);
    cluster_line_free(part->line);
    g_ptr_array_unref(part->peers);
    corosync_text_free(part->conf);
    g_free(part);
}
