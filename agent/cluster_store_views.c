/* Who is there, what they say of themselves, and the views that come of it. */
#include "agent/cluster_store_private.h"

#include <string.h>

enum {
    HELLO_AFTER = 500,  /* ms, when there is something new to say */
    HELLO_EVERY = 4,    /* such times, when there is nothing */
    ASTRAY_MAX = 2,     /* hellos of a node out of another view, until all begin a new one, */
    ASTRAY_AFTER = 5,   /* seconds after the view began: who is slow comes by itself; */
    ASTRAY_FACTOR = 12, /* at most so many times that, as it gets longer each time */
};

void cluster_store_process_free(gpointer data)
{
    ClusterStoreProcess *peer = data;
    store_unpacker_free(peer->unpacker);
    g_free(peer);
}

ClusterStoreProcess *cluster_store_find(const ClusterStore *part, guint node)
{
    for (guint i = 0; i < part->peers->len; i++)
        if (((ClusterStoreProcess *)part->peers->pdata[i])->peer.node == node)
            return part->peers->pdata[i];
    return NULL;
}

/* ---- hellos ---- */

void cluster_store_say_hello(ClusterStore *part, guint8 flags)
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
        if (((const ClusterStoreProcess *)part->peers->pdata[i])->astray >= ASTRAY_MAX)
            return TRUE;
    return FALSE;
}

/* One is enough to say so: whoever has the lowest number of those who speak. It notices the
 * one that is astray, or, when that is it, all the others. */
static gboolean is_speaker(const ClusterStore *part)
{
    for (guint i = 0; i < part->peers->len; i++) {
        const ClusterStoreProcess *peer = part->peers->pdata[i];
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
        cluster_store_say_hello(part, STORE_HELLO_RENEW);
    } else if (store_revision(part->agent->store) != part->said ||
               ++part->quiet >= HELLO_EVERY) {
        cluster_store_say_hello(part, 0);
    }
    return G_SOURCE_CONTINUE;
}

void cluster_store_begin_hellos(ClusterStore *part)
{
    if (!part->hello_timer)
        part->hello_timer = g_timeout_add(HELLO_AFTER, on_hello_timer, part);
}

/* ---- views ---- */

/* Quorum was not lost, however shortly, since the store worked with a majority of its own:
 * so nobody else can have gone on. A node that starts alone knows nothing of that. */
static gboolean is_survivor(const ClusterStore *part, const MembershipView *view)
{
    return part->worked && part->losses == view->losses && view->quorate &&
           view->device_votes && membership_view_members(view) == part->peers->len;
}

void cluster_store_note_work(ClusterStore *part)
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
        here += cluster_store_find(part, members->list[i].node) ? members->list[i].votes : 0;
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
        nodes[i] = ((const ClusterStoreProcess *)part->peers->pdata[i])->peer.node;
    part->counted = TRUE;
    part->view = number;
    part->since = g_get_monotonic_time();
    for (guint i = 0; i < part->peers->len; i++)
        ((ClusterStoreProcess *)part->peers->pdata[i])->astray = 0;
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

void cluster_store_take_hello(ClusterStore *part, ClusterStoreProcess *peer,
                              const StoreHello *hello)
{
    peer->known = TRUE;
    peer->hello = *hello;
    peer->astray = part->counted && hello->view != part->view ? peer->astray + 1 : 0;
    peer->line =
        (ClusterStorePeer){MIN(hello->state, STORE_FOREIGN), hello->revision, hello->applied};
    if (part->grouped && (!part->counted || hello->flags & STORE_HELLO_RENEW))
        begin_view(part, hello->nonce);
    cluster_store_reconcile(part);
}

void cluster_store_view(ClusterStore *part)
{
    cluster_store_note_work(part);
    if (part->counted && find_electorate(part) != part->electorate)
        cluster_store_say_hello(part, STORE_HELLO_RENEW);
}

void cluster_store_members(ClusterStore *part, const MembershipPeer *peers, guint count)
{
    g_autoptr(GPtrArray) before = g_steal_pointer(&part->peers);
    part->peers = g_ptr_array_new_with_free_func(cluster_store_process_free);
    for (guint i = 0; i < count; i++) {
        ClusterStoreProcess *peer = NULL;
        for (guint old = 0; old < before->len && !peer; old++) {
            const ClusterStoreProcess *candidate = before->pdata[old];
            if (memcmp(&candidate->peer, &peers[i], sizeof peers[i]) == 0)
                peer = g_ptr_array_steal_index_fast(before, old);
        }
        if (!peer) {
            peer = g_new0(ClusterStoreProcess, 1);
            peer->peer = peers[i];
            peer->unpacker = store_unpacker_new();
        }
        g_ptr_array_add(part->peers, peer);
    }
    end_view(part);
    cluster_store_settle(part);
    cluster_store_say_hello(part, 0);
    part->changed(part->user);
}
