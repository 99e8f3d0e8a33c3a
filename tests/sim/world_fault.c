#include "tests/sim/model.h"
#include "tests/sim/world.h"

/* A voter whose disk was lost, 0: none. No other vote may be taken away before its is. */
static guint32 find_lost(const ReplicaMembers *members, const World *world)
{
    for (guint i = 0; i < members->count; i++) {
        const ReplicaMember *member = &members->list[i];
        if (member->votes > 0 && member->birth != world->nodes[member->node].disk.birth)
            return member->node;
    }
    return 0;
}

/* What an operator does: nodes whose disk was lost are removed, others are added,
 * get their vote once they are there, and lose it now and then. */
void fault_change_members(World *world, gboolean willing)
{
    Node *at = world_pick(world), *subject = world_pick(world);
    if (!at->replica)
        return;
    ReplicaMembers members = replica_log(at->replica)->members;
    guint32 lost = find_lost(&members, world);
    if (!lost)
        lost = find_lost(model_members(world->model), world);
    if (lost)
        subject = &world->nodes[lost];
    const ReplicaMember *member = replica_members_find(&members, subject->id);
    ReplicaChange change = {.node = subject->id, .birth = subject->disk.birth};
    if (member && member->birth != subject->disk.birth) {
        change.birth = member->birth;
        change.remove = member->votes <= 1;
        change.votes = member->votes > 1 ? member->votes - 1 : 0;
    } else if (!member) {
        change.votes = willing && random_once_in(&world->random, 2) ? 1 : 0;
    } else if (member->votes == 0) {
        change.votes = 1;
    } else if (!willing) {
        return;
    } else {
        change.remove = member->votes == 1 && random_once_in(&world->random, 2);
        change.votes = member->votes + (random_once_in(&world->random, 2) ? 1 : -1);
    }
    node_submit_change(world, at, &change);
}

/* A disk may be lost when the votes that are left are a majority of any members that
 * may be in force: at most one is lost at a time, in clusters of three and more. */
static void lose_disk(World *world, Node *node)
{
    const ReplicaMembers *members = model_members(world->model);
    guint good = 0;
    for (guint32 id = 1; id <= world->node_count; id++) {
        const Node *other = &world->nodes[id];
        if (other->was_lost && replica_members_votes(members, id, other->disk.birth) == 0)
            return;
        if (other != node)
            good += replica_members_votes(members, id, other->disk.birth);
    }
    if (!replica_members_is_majority(members, good) ||
        node->disk.base.index + node->disk.entries->len == 0)
        return;
    node_crash(world, node);
    world_note(world, "lose disk", node->id, 0, 0);
    disk_clear(&node->disk);
    disk_found(&node->disk, WORLD_CLUSTER, ++world->last_birth, &(ReplicaBase){0});
    node->documents = (Documents){0};
    node->was_lost = TRUE;
}

static void split(World *world)
{
    guint parts = 2 + random_below(&world->random, 2);
    for (guint32 id = 1; id <= world->node_count; id++)
        world->nodes[id].component = random_below(&world->random, parts);
}

void fault_heal(World *world)
{
    for (guint32 id = 1; id <= world->node_count; id++)
        world->nodes[id].component = 0;
}

/* One node is not heard, and heard again: what loss in one direction looks like. */
static void flap(World *world)
{
    Node *node = world_pick(world);
    guint component = node->component;
    node->component = 100 + node->id;
    (void)network_reform(world);
    if (random_once_in(&world->random, 2))
        (void)network_reform(world);
    node->component = component;
    (void)network_reform(world);
}

/* What a protocol like this fails by, when it does: one majority decides, then another
 * that has but one node in common with it, and that node forgets what it did not
 * write. So a node is left behind; then it makes a majority with one half of the
 * others, and its disk is slow; then it crashes and makes one with the other half. */
static void turn_hinge(World *world)
{
    Random *random = &world->random;
    if (world->hinge == 0)
        world->hinge = world_pick(world)->id;
    Node *hinge = &world->nodes[world->hinge];
    guint half = random_below(random, 2);
    switch (world->hinge_stage++) {
    case 0:
        fault_heal(world);
        hinge->component = 2;
        break;
    case 1:
        for (guint32 id = 1; id <= world->node_count; id++)
            world->nodes[id].component = id == hinge->id ? 0 : half++ % 2;
        if (random_once_in(random, 2))
            hinge->disk.slowness = 1 + random_below(random, 50);
        break;
    default:
        if (random_once_in(random, 4))
            lose_disk(world, hinge);
        else if (random_below(random, 4) > 0)
            node_crash(world, hinge);
        hinge->disk.slowness = 1;
        hinge->component = 1;
        if (!hinge->replica)
            node_start(world, hinge);
        world->hinge = world->hinge_stage = 0;
    }
    while (random_below(random, 4) > 0 && network_reform(world))
        continue;
}

static void slow_down(World *world, Node *node)
{
    node->slowness =
        random_once_in(&world->random, 2) ? 1 : 1 + random_below(&world->random, 20);
    node->disk.slowness =
        random_once_in(&world->random, 2) ? 1 : 1 + random_below(&world->random, 100);
}

void fault_some(World *world)
{
    Random *random = &world->random;
    const Rates *rates = &world->rates;
    Node *node = world_pick(world);
    if (random_once_in(random, rates->crash))
        node_crash(world, node);
    if (!node->replica && random_once_in(random, rates->restart))
        node_start(world, node);
    if (random_once_in(random, rates->split))
        split(world);
    if (random_once_in(random, rates->heal))
        fault_heal(world);
    if (random_once_in(random, rates->flap))
        flap(world);
    if (random_once_in(random, world->hinge ? rates->hinge_back : rates->hinge))
        turn_hinge(world);
    if (random_once_in(random, rates->fail_disk))
        node->disk.failing = !node->disk.failing;
    if (random_once_in(random, rates->slow))
        slow_down(world, node);
    if (random_once_in(random, rates->lose_disk))
        lose_disk(world, node);
    if (random_once_in(random, rates->change))
        fault_change_members(world, TRUE);
    if (random_once_in(random, rates->burst) && node->replica)
        for (guint i = random_below(random, 60); i > 0; i--)
            world_tick(world, node);
    if (random_once_in(random, rates->reform))
        (void)network_reform(world);
}
