#include "tests/sim/world.h"

/* The network as corosync's process groups show it (and, in some worlds, worse). Messages of a
 * ring have one order; its members are told them at their own pace. When the members change,
 * those who go on together are first told the same rest of the old ring: all of it up to some
 * message, and beyond that only what came from among themselves, which can leave holes where a
 * member that is gone had spoken. Then they are told the new view.
 *
 * Beside the rings there may be a short way (REPLICA_HURRY), which knows of none of them. */

#define BAG_MAX 64 /* messages on it, beyond which none comes twice */

static guint64 bit(guint32 id)
{
    return (guint64)1 << id;
}

static void ring_unref(Ring *ring)
{
    if (ring && --ring->references == 0)
        g_free(ring);
}

static Ring *ring_ref(Ring *ring)
{
    ring->references++;
    return ring;
}

static void packet_unref(Packet *packet)
{
    if (!packet || --packet->references > 0)
        return;
    g_bytes_unref(packet->bytes);
    g_free(packet);
}

void network_delivery_free(Delivery *delivery)
{
    packet_unref(delivery->packet);
    ring_unref(delivery->ring);
    g_free(delivery);
}

static void free_delivery(gpointer data)
{
    network_delivery_free(data);
}

static void free_packet(gpointer data)
{
    packet_unref(data);
}

void network_send(World *world, Node *node, GBytes *bytes)
{
    Packet *packet = g_new0(Packet, 1);
    *packet = (Packet){1, node->id, g_bytes_ref(bytes)};
    g_queue_push_tail(&node->outbox, packet);
}

/* ---- the short way: from node to node, without any order, and nothing is certain ---- */

void network_hurry(World *world, Node *node, guint32 to, GBytes *bytes)
{
    if (!world->short_way) {
        network_send(world, node, bytes);
        return;
    }
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *other = &world->nodes[id];
        if (other == node || (to != 0 && to != id) || !other->replica)
            continue;
        Packet *packet = g_new0(Packet, 1);
        *packet = (Packet){1, node->id, g_bytes_ref(bytes)};
        g_ptr_array_add(other->bag, packet);
    }
}

/* Mostly the oldest; now and then any, also of long ago. */
static guint pick_hurried(World *world, const GPtrArray *bag)
{
    gboolean any = world->short_lossy && !world->calm && random_once_in(&world->random, 4);
    return any ? random_below(&world->random, bag->len) : 0;
}

Delivery *network_hurried(World *world, Node *node)
{
    Random *random = &world->random;
    GPtrArray *bag = node->bag;
    if (bag->len == 0)
        return NULL;
    guint place = pick_hurried(world, bag);
    Packet *packet = bag->pdata[place];
    const Node *from = &world->nodes[packet->sender];
    gboolean lost = from->component != node->component ||
                    (!world->calm && random_once_in(random, world->short_lossy ? 5 : 200));
    gboolean stays = !world->calm && !lost && bag->len < BAG_MAX && world->short_lossy &&
                     random_once_in(random, 5);
    if (stays)
        packet->references++;
    else
        (void)g_ptr_array_steal_index(bag, place);
    if (lost) {
        packet_unref(packet);
        return NULL;
    }
    Delivery *delivery = g_new0(Delivery, 1);
    delivery->packet = packet;
    return delivery;
}

gboolean network_take(World *world, Node *node)
{
    Ring *ring = node->ring;
    if (!ring || ring->broken || node->outbox.length == 0)
        return FALSE;
    Packet *packet = g_queue_pop_head(&node->outbox);
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *to = &world->nodes[id];
        if (to->ring != ring)
            continue;
        Delivery *delivery = g_new0(Delivery, 1);
        packet->references++;
        *delivery = (Delivery){ring_ref(ring), packet, ring->length, 0, 0};
        g_queue_push_tail(&to->inbox, delivery);
    }
    ring->length++;
    packet_unref(packet);
    return TRUE;
}

/* The engine does nothing of this; but no promise must depend on it. */
static void garble(World *world, Node *node)
{
    GList *head = node->inbox.head;
    const Delivery *first = head->data;
    const Delivery *second = head->next ? head->next->data : NULL;
    if (!first->packet)
        return;
    if (random_once_in(&world->random, 50)) {
        first->packet->references++;
        Delivery *again = g_memdup2(first, sizeof *first);
        again->ring = ring_ref(first->ring);
        g_queue_push_tail(&node->inbox, again);
    } else if (random_once_in(&world->random, 20) && second && second->packet) {
        g_queue_unlink(&node->inbox, head);
        g_queue_push_nth_link(&node->inbox, (gint)random_below(&world->random, 5), head);
    } else if (random_once_in(&world->random, 50) && second) {
        network_delivery_free(g_queue_pop_head(&node->inbox));
    }
}

Delivery *network_deliver(World *world, Node *node)
{
    if (world->garbled && !world->calm)
        garble(world, node);
    return g_queue_pop_head(&node->inbox);
}

void network_leave(Node *node)
{
    if (node->ring)
        node->ring->broken = TRUE;
    g_clear_pointer(&node->ring, ring_unref);
    g_queue_clear_full(&node->inbox, free_delivery);
    g_queue_clear_full(&node->outbox, free_packet);
    for (guint i = 0; i < node->bag->len; i++)
        packet_unref(node->bag->pdata[i]);
    g_ptr_array_set_size(node->bag, 0);
}

/* How far a node was told the messages of a ring. */
static guint told(const Node *node, const Ring *ring)
{
    for (const GList *link = node->inbox.head; link; link = link->next) {
        const Delivery *delivery = link->data;
        if (delivery->ring == ring && delivery->packet)
            return delivery->position;
    }
    return ring->length;
}

/* Takes away what those who go on together will not be told of the old ring. */
static void lose_rest(World *world, Node *node, const Ring *ring, guint64 together, guint whole,
                      guint end)
{
    for (GList *link = node->inbox.head; link;) {
        GList *next = link->next;
        Delivery *delivery = link->data;
        if (delivery->ring == ring && delivery->packet && delivery->position >= whole &&
            (!(bit(delivery->packet->sender) & together) || delivery->position >= end)) {
            g_queue_delete_link(&node->inbox, link);
            network_delivery_free(delivery);
        }
        link = next;
    }
}

static void push_view(Node *node, Ring *ring, guint64 view, guint64 members)
{
    Delivery *delivery = g_new0(Delivery, 1);
    *delivery = (Delivery){ring_ref(ring), NULL, 0, view, members};
    g_queue_push_tail(&node->inbox, delivery);
}

/* Those of the new members who were in `old` leave it together. */
static void leave_together(World *world, Ring *old, guint64 members, Ring *ring)
{
    guint64 together = 0;
    guint most = 0;
    for (guint32 id = 1; id <= world->node_count; id++) {
        const Node *node = &world->nodes[id];
        if (node->ring != old || !(members & bit(id)))
            continue;
        together |= bit(id);
        most = MAX(most, told(node, old));
    }
    guint whole = most + random_below(&world->random, old->length - most + 1);
    guint end = old->length;
    if (world->lossy_rings)
        end = whole + random_below(&world->random, old->length - whole + 1);
    gboolean shown = random_once_in(&world->random, 4);
    guint64 view = shown ? ++world->last_view : 0;
    old->broken = TRUE;
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *node = &world->nodes[id];
        if (!(together & bit(id)))
            continue;
        lose_rest(world, node, old, together, whole, end);
        if (shown)
            push_view(node, old, view, together);
    }
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *node = &world->nodes[id];
        if (!(together & bit(id)))
            continue;
        ring_unref(node->ring);
        node->ring = ring_ref(ring);
        push_view(node, ring, ring->view, members);
    }
}

static void form_ring(World *world, guint64 members)
{
    Ring *ring = g_new0(Ring, 1);
    *ring = (Ring){.view = ++world->last_view, .members = members, .references = 1};
    world_note(world, "ring", 0, ring->view, members);
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *node = &world->nodes[id];
        if (!(members & bit(id)) || node->ring == ring)
            continue;
        if (node->ring) {
            Ring *old = ring_ref(node->ring);
            leave_together(world, old, members, ring);
            ring_unref(old);
        } else {
            node->ring = ring_ref(ring);
            push_view(node, ring, ring->view, members);
        }
    }
    ring_unref(ring);
}

gboolean network_reform(World *world)
{
    guint first = random_below(&world->random, world->node_count);
    for (guint i = 0; i < world->node_count; i++) {
        const Node *node = &world->nodes[1 + (first + i) % world->node_count];
        if (!node->replica)
            continue;
        guint64 members = 0;
        gboolean together = TRUE;
        for (guint32 id = 1; id <= world->node_count; id++) {
            const Node *other = &world->nodes[id];
            if (!other->replica || other->component != node->component)
                continue;
            members |= bit(id);
            together &= other->ring && other->ring == node->ring;
        }
        if (together && node->ring->members == members && !node->ring->broken)
            continue;
        form_ring(world, members);
        return TRUE;
    }
    return FALSE;
}
