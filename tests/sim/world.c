#include "tests/sim/world.h"

#include "tests/sim/model.h"

#include <stdio.h>

#define WORLD_CLUSTER 0x6761
#define CALM_TICKS    1500 /* until which all must agree */
#define CALM_CHANGES  20
#define SETTLE_EVENTS 20000ull /* a node, without time passing */

void world_fail(World *world, const char *format, ...)
{
    if (world->failure)
        return;
    va_list arguments;
    va_start(arguments, format);
    world->failure = g_strdup_vprintf(format, arguments);
    va_end(arguments);
}

void world_note(World *world, const char *what, guint32 node, guint64 a, guint64 b)
{
    world->trace[world->trace_count++ % WORLD_TRACE] = (Trace){what, node, a, b};
}

void world_print_trace(const World *world)
{
    guint64 first = world->trace_count > WORLD_TRACE ? world->trace_count - WORLD_TRACE : 0;
    for (guint64 i = first; i < world->trace_count; i++) {
        const Trace *trace = &world->trace[i % WORLD_TRACE];
        printf("  %-10s node %-3u %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", trace->what,
               trace->node, trace->a, trace->b);
    }
}

static void print_node(const Node *node)
{
    if (!node->replica) {
        printf("  node %u is down\n", node->id);
        return;
    }
    ReplicaStatus status;
    replica_status(node->replica, &status);
    printf("  node %u health %d epoch %" G_GUINT64_FORMAT "/%u promised %" G_GUINT64_FORMAT
           " adopted %" G_GUINT64_FORMAT " base %" G_GUINT64_FORMAT
           " applied %" G_GUINT64_FORMAT " committed %" G_GUINT64_FORMAT
           " end %" G_GUINT64_FORMAT " pending %u\n",
           node->id, status.health, status.epoch >> 32, status.leader, status.promised >> 32,
           status.adopted >> 32, status.base, status.applied, status.committed, status.end,
           status.pending);
    const ReplicaMembers *members = &replica_log(node->replica)->members;
    printf("    born %" G_GUINT64_FORMAT "; members:", node->disk.birth);
    for (guint i = 0; i < members->count; i++)
        printf(" %u%s born %" G_GUINT64_FORMAT " votes %u,", members->list[i].node,
               members->list[i].former ? " (former)" : "", members->list[i].birth,
               members->list[i].votes);
    printf("\n");
}

void world_print_nodes(const World *world)
{
    for (guint32 id = 1; id <= world->node_count; id++)
        print_node(&world->nodes[id]);
}

/* A rate around `usual`, sometimes much lower or higher, sometimes none. */
static guint pick_rate(World *world, guint usual)
{
    switch (random_below(&world->random, 6)) {
    case 0:
        return 0;
    case 1:
        return usual * 5;
    case 2:
        return MAX(usual / 5, 1);
    default:
        return usual;
    }
}

static void pick_rates(World *world)
{
    world->rates = (Rates){
        .crash = pick_rate(world, 2000),
        .crash_within = pick_rate(world, 8000),
        .restart = 1 + pick_rate(world, 300),
        .split = pick_rate(world, 1500),
        .heal = 1 + pick_rate(world, 1000),
        .flap = pick_rate(world, 2000),
        .hinge = pick_rate(world, 400),
        .hinge_back = 10 + random_below(&world->random, 50u << random_below(&world->random, 5)),
        .reform = 1 + random_below(&world->random, 60),
        .fail_disk = pick_rate(world, 3000),
        .slow = pick_rate(world, 2000),
        .lose_disk = pick_rate(world, 8000),
        .change = pick_rate(world, 800),
        .burst = pick_rate(world, 3000),
        .tick = 5 + random_below(&world->random, 40),
        .submit = 4 + pick_rate(world, 30),
    };
    world->lossy_rings = random_once_in(&world->random, 4);
    world->garbled = random_once_in(&world->random, 8);
    world->short_way = !random_once_in(&world->random, 4);
    world->short_lossy = random_once_in(&world->random, 2);
    gsize size_max = 1u << (12 + random_below(&world->random, 8));
    world->settings = (ReplicaSettings){
        .keep = 4 + random_below(&world->random, 60),
        .size_kept = size_max >> (1 + random_below(&world->random, 4)),
        .size_max = size_max,
        .piece_size = 60 + random_below(&world->random, 400),
        .batch_size =
            random_once_in(&world->random, 2) ? 1 : 1 + random_below(&world->random, 400),
    };
}

/* Mostly few: three show most of what many can. */
static guint pick_size(World *world, guint nodes_max)
{
    guint choice = random_below(&world->random, 16);
    guint size = choice < 6    ? 3
                 : choice < 15 ? 1 + random_below(&world->random, 7)
                               : 1 + random_below(&world->random, nodes_max);
    return MIN(size, nodes_max);
}

World *world_new(guint64 seed, guint nodes_max, guint faults, gboolean torn, gboolean lying)
{
    World *world = g_new0(World, 1);
    world->seed = seed;
    world->faults = faults;
    world->torn_disk = torn;
    world->lying_disk = lying;
    random_seed(&world->random, seed);
    world->node_count = pick_size(world, nodes_max);
    pick_rates(world);
    ReplicaMembers members = {0};
    guint voters = 1 + random_below(&world->random, world->node_count);
    if (random_once_in(&world->random, 2))
        voters = world->node_count;
    for (guint32 id = 1; id <= voters; id++)
        members.list[members.count++] =
            (ReplicaMember){.node = id, .votes = 1, .birth = ++world->last_birth};
    ReplicaBase founded = replica_base_found(WORLD_CLUSTER, &members), empty = {0};
    world->model = model_new(&members);
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *node = &world->nodes[id];
        node->id = id;
        node->slowness = 1;
        node->bag = g_ptr_array_new();
        disk_found(&node->disk, WORLD_CLUSTER, id <= voters ? id : ++world->last_birth,
                   id <= voters ? &founded : &empty);
        node_start(world, node);
    }
    return world;
}

void world_free(World *world)
{
    if (!world)
        return;
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *node = &world->nodes[id];
        network_leave(node);
        g_ptr_array_unref(node->bag);
        replica_free(node->replica);
        disk_clear(&node->disk);
        if (node->pieces)
            g_byte_array_unref(node->pieces);
    }
    model_free(world->model);
    g_free(world->failure);
    g_free(world);
}

Node *world_pick(World *world)
{
    return &world->nodes[1 + random_below(&world->random, world->node_count)];
}

static void deliver(World *world, Node *node, Delivery *delivery)
{
    ReplicaEvent event = {0};
    guint32 nodes[WORLD_NODES_MAX];
    if (delivery->packet) {
        event.kind = REPLICA_RECEIVED;
        event.node = delivery->packet->sender;
        event.bytes = delivery->packet->bytes;
    } else {
        event.kind = REPLICA_VIEW_CHANGED;
        event.view = delivery->view;
        event.nodes = nodes;
        for (guint32 id = 1; id <= world->node_count; id++)
            if (delivery->members & (guint64)1 << id)
                nodes[event.node_count++] = id;
        world_note(world, "view", node->id, delivery->view, delivery->members);
    }
    node_step(world, node, &event);
    network_delivery_free(delivery);
}

void world_tick(World *world, Node *node)
{
    gboolean settle = random_once_in(&world->random, 16);
    node_step(world, node,
              &(ReplicaEvent){.kind = settle ? REPLICA_SETTLE_ASKED : REPLICA_TICKED});
}

/* One thing that can happen at this node; FALSE when nothing can. */
static gboolean go_on(World *world, Node *node)
{
    Random *random = &world->random;
    if (!node->replica)
        return FALSE;
    guint first = random_below(random, 4);
    for (guint i = 0; i < 4; i++) {
        Delivery *hurried;
        switch ((first + i) % 4) {
        case 0:
            if (node->inbox.length == 0 || random_below(random, node->slowness) > 0)
                continue;
            deliver(world, node, network_deliver(world, node));
            return TRUE;
        case 2:
            if (!(hurried = network_hurried(world, node)))
                continue;
            deliver(world, node, hurried);
            return TRUE;
        case 1:
            if (!network_take(world, node))
                continue;
            return TRUE;
        default:
            if (random_below(random, node->disk.slowness) > 0 || !disk_finish(world, node))
                continue;
            return TRUE;
        }
    }
    return FALSE;
}

static void run_wild(World *world, guint64 events)
{
    Random *random = &world->random;
    while (world->events < events && !world->failure) {
        fault_some(world);
        Node *node = world_pick(world);
        (void)go_on(world, node);
        if (!node->replica || world->failure)
            continue;
        if (random_once_in(random, world->rates.submit) && model_pending(world->model) < 200)
            node_submit(world, node);
        if (random_once_in(random, world->rates.tick))
            world_tick(world, node);
    }
}

/* Lets everything happen that can, without time passing. */
static void settle(World *world)
{
    guint64 limit = world->events + SETTLE_EVENTS * world->node_count;
    for (gboolean busy = TRUE; busy && !world->failure;) {
        if (world->events > limit)
            world_fail(world, "the nodes never come to rest");
        busy = network_reform(world);
        for (guint i = 0; i < 4 * world->node_count; i++)
            busy |= go_on(world, world_pick(world));
        for (guint32 id = 1; id <= world->node_count; id++)
            busy |= go_on(world, &world->nodes[id]);
    }
}

static gboolean agree(const World *world)
{
    if (model_pending(world->model) > 0)
        return FALSE;
    for (guint32 id = 1; id <= world->node_count; id++) {
        ReplicaStatus status;
        replica_status(world->nodes[id].replica, &status);
        if (status.applied != model_length(world->model) || status.epoch == 0 ||
            status.end != status.applied || status.pending > 0)
            return FALSE;
    }
    return TRUE;
}

/* Every member is known as what it is, and votes. */
static gboolean is_whole(const World *world)
{
    const ReplicaMembers *members = model_members(world->model);
    for (guint32 id = 1; id <= world->node_count; id++)
        if (replica_members_votes(members, id, world->nodes[id].disk.birth) == 0)
            return FALSE;
    return TRUE;
}

/* A disk that was lost may have been one too many for the members that are in force:
 * a vote of another was taken away at the same time. */
static gboolean can_recover(const World *world)
{
    for (guint32 at = 1; at <= world->node_count; at++) {
        const ReplicaMembers *members = &replica_log(world->nodes[at].replica)->members;
        guint votes = 0;
        for (guint32 id = 1; id <= world->node_count; id++)
            votes += replica_members_votes(members, id, world->nodes[id].disk.birth);
        if (members->count > 0 && !replica_members_is_majority(members, votes))
            return FALSE;
    }
    return TRUE;
}

static void run_calm(World *world)
{
    world->calm = TRUE;
    fault_heal(world);
    for (guint32 id = 1; id <= world->node_count; id++) {
        Node *node = &world->nodes[id];
        node->slowness = node->disk.slowness = 1;
        node->disk.failing = FALSE;
        if (!node->replica)
            node_start(world, node);
    }
    gboolean last = FALSE;
    for (guint i = 0; i < CALM_TICKS && !world->failure; i++) {
        settle(world);
        if (agree(world) && is_whole(world)) {
            if (last)
                return;
            last = TRUE;
            node_submit(world, world_pick(world));
            continue;
        }
        for (guint32 id = 1; id <= world->node_count; id++)
            world_tick(world, &world->nodes[id]);
        if (i % CALM_CHANGES == 0)
            for (guint32 id = 0; id < world->node_count; id++)
                fault_change_members(world, FALSE);
    }
    if (can_recover(world))
        world_fail(world, "the nodes do not agree, long after all faults are gone");
}

gboolean world_run(World *world, guint64 events)
{
    run_wild(world, events);
    if (!world->failure)
        run_calm(world);
    return !world->failure;
}
