/* What the store says, and what it hears: by corosync's group, and by the short way. */
#include "agent/cluster_store_private.h"

enum { QUEUE_MAX = 64 /* chunks handed to corosync at a time; the rest waits here */ };

/* ---- saying ---- */

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
void cluster_store_send(GBytes *message, gpointer user)
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
        guint other = ((const ClusterStoreProcess *)part->peers->pdata[i])->peer.node;
        if (other != part->own && !cluster_line_is_up(part->line, other))
            return FALSE;
    }
    return TRUE;
}

void cluster_store_hurry(guint32 node, GBytes *message, gpointer user)
{
    ClusterStore *part = user;
    if (!can_hurry(part, node)) {
        cluster_store_send(message, part);
        return;
    }
    for (guint i = 0; i < part->peers->len; i++) {
        guint other = ((const ClusterStoreProcess *)part->peers->pdata[i])->peer.node;
        if (other != part->own && (node == 0 || node == other))
            cluster_line_send(part->line, other, message);
    }
}

/* ---- hearing ---- */

static void take_message(GBytes *message, gpointer user)
{
    ClusterStore *part = user;
    if (part->counted)
        store_receive(part->agent->store, part->receiving, message);
}

void cluster_store_line_heard(guint node, GBytes *message, gpointer user)
{
    const ClusterStore *part = user;
    if (part->counted && cluster_store_find(part, node))
        store_receive(part->agent->store, node, message);
}

void cluster_store_message(ClusterStore *part, const MembershipPeer *from, const void *data,
                           size_t size)
{
    ClusterStoreProcess *peer = cluster_store_find(part, from->node);
    StoreHello hello;
    if (!peer || peer->peer.process != from->process)
        return;
    switch (store_stream_kind(data, size)) {
    case STORE_HELLO:
        if (store_hello_decode(data, size, &hello))
            cluster_store_take_hello(part, peer, &hello);
        break;
    case STORE_CHUNK:
        part->receiving = from->node;
        (void)store_unpacker_feed(peer->unpacker, data, size, take_message, part);
        break;
    default:
        break;
    }
}
