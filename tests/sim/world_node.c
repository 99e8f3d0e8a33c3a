#include "tests/sim/model.h"
#include "tests/sim/world.h"

#include <string.h>

static ReplicaHash digest_of(const Documents *documents)
{
    ReplicaHash hash = {0};
    memcpy(hash.bytes, &documents->digest, sizeof documents->digest);
    return hash;
}

static gboolean holds(const Documents *documents, const Transaction *transaction)
{
    return !transaction->conditional ||
           documents->keys[transaction->key].revision == transaction->revision;
}

void documents_apply(Documents *documents, const ReplicaEntry *entry)
{
    gsize size;
    const void *data = g_bytes_get_data(entry->bytes, &size);
    Transaction transaction = {0};
    documents->applied++;
    documents->digest = random_mix(documents->digest, entry->index);
    if (entry->kind != REPLICA_TRANSACTION || size != sizeof transaction)
        return;
    memcpy(&transaction, data, size);
    gboolean good = transaction.key < WORLD_KEYS && holds(documents, &transaction);
    documents->digest = random_mix(documents->digest, transaction.id ^ (good ? 1 : 0));
    if (!good)
        return;
    documents->keys[transaction.key].revision = ++documents->revision;
    documents->keys[transaction.key].value = transaction.value;
    documents->digest = random_mix(documents->digest, transaction.value);
}

void node_start(World *world, Node *node)
{
    const Disk *disk = &node->disk;
    ReplicaDurable durable = {.cluster = disk->cluster,
                              .birth = disk->birth,
                              .incarnation = disk->incarnation,
                              .promised = disk->promised,
                              .adopted = disk->adopted,
                              .diverged = disk->diverged,
                              .base = disk->base,
                              .applied = disk->documents.applied,
                              .entries = disk->entries};
    ReplicaSettings settings = world->settings;
    settings.node = node->id;
    node->replica = replica_new(&settings, &durable);
#ifdef REPLICA_MUTANTS
    replica_set_faults(node->replica, world->faults);
#endif
    node->documents = disk->documents;
    node->led = node->counted = 0;
    node->is_held = FALSE;
    world_note(world, "start", node->id, disk->incarnation, disk->birth);
}

void node_crash(World *world, Node *node)
{
    if (!node->replica)
        return;
    world_note(world, "crash", node->id, 0, 0);
    disk_crash(world, node);
    network_leave(node);
    g_clear_pointer(&node->replica, replica_free);
    model_forgotten(world, node->id);
}

static void apply(World *world, Node *node, ReplicaEntry *entry)
{
    if (entry->index != node->documents.applied + 1) {
        world_fail(world, "node %u applies %" G_GUINT64_FORMAT " after %" G_GUINT64_FORMAT,
                   node->id, entry->index, node->documents.applied);
        return;
    }
    documents_apply(&node->documents, entry);
    model_applied(world, node, entry);
}

/* What a node reads of its documents for another. */
static void read_piece(World *world, Node *node, const ReplicaAction *action)
{
    Documents *held = &node->held;
    ReplicaBase *base = &node->held_base;
    guint64 offset = action->offset;
    if (offset == 0 || base->index != action->index || !node->is_held) {
        node->is_held = TRUE;
        *held = node->documents;
        *base = *action->base;
        offset = 0;
    }
    gsize size = MIN(sizeof *held - offset, world->settings.piece_size);
    g_autoptr(GBytes) bytes = g_bytes_new((const guint8 *)held + offset, size);
    ReplicaEvent event = {.kind = REPLICA_PIECE_READ,
                          .node = action->node,
                          .base = base,
                          .digest = digest_of(held),
                          .offset = offset,
                          .last = offset + size == sizeof *held,
                          .bytes = bytes};
    node->is_held = !event.last;
    node_step(world, node, &event);
}

static void keep_piece(Node *node, const ReplicaAction *action)
{
    if (!node->pieces)
        node->pieces = g_byte_array_new();
    gsize size;
    const guint8 *data = g_bytes_get_data(action->bytes, &size);
    g_byte_array_set_size(node->pieces, (guint)action->offset);
    g_byte_array_append(node->pieces, data, (guint)size);
}

static void load(World *world, Node *node, const ReplicaAction *action)
{
    if (!node->pieces || node->pieces->len != sizeof node->documents) {
        world_fail(world, "node %u loads documents that are not whole", node->id);
        return;
    }
    memcpy(&node->documents, node->pieces->data, sizeof node->documents);
    node->loaded = node->documents;
    ReplicaHash digest = digest_of(&node->documents);
    if (node->documents.applied != action->index ||
        !replica_hash_equal(&digest, &action->digest))
        world_fail(world, "node %u loads other documents than it was told", node->id);
    model_loaded(world, node);
}

static void carry_out(World *world, Node *node, ReplicaAction *action)
{
    switch (action->kind) {
    case REPLICA_SEND:
        network_send(world, node, action->bytes);
        break;
    case REPLICA_HURRY:
        network_hurry(world, node, action->node, action->bytes);
        break;
    case REPLICA_WRITE:
        disk_write(world, node, g_steal_pointer(&action->batch));
        break;
    case REPLICA_APPLY:
        apply(world, node, action->entry);
        break;
    case REPLICA_ANSWER:
        model_answered(world, node, action);
        break;
    case REPLICA_READ_PIECE:
        read_piece(world, node, action);
        break;
    case REPLICA_KEEP_PIECE:
        keep_piece(node, action);
        break;
    case REPLICA_LOAD:
        load(world, node, action);
        break;
    case REPLICA_REPORT:
        world_note(world, "health", node->id, action->health, 0);
        break;
    }
}

/* A digest that was asked for, once all is applied that the step applies. */
static void tell_digest(World *world, Node *node, guint64 index, const ReplicaHash *digest)
{
    ReplicaEvent event = {.kind = REPLICA_APPLIED, .index = index, .digest = *digest};
    node_step(world, node, &event);
}

void node_step(World *world, Node *node, const ReplicaEvent *event)
{
    if (!node->replica || world->failure)
        return;
    world->events++;
    g_autoptr(GArray) actions = replica_actions_new();
    replica_step(node->replica, event, actions);
    model_stepped(world, node);
    guint64 checked = 0;
    ReplicaHash digest;
    for (guint i = 0; i < actions->len && !world->failure; i++) {
        if (!world->calm && random_once_in(&world->random, world->rates.crash_within)) {
            node_crash(world, node);
            return;
        }
        ReplicaAction *action = &g_array_index(actions, ReplicaAction, i);
        carry_out(world, node, action);
        if (!node->replica)
            return;
        if (action->kind == REPLICA_APPLY &&
            action->entry->index % REPLICA_CHECK_INTERVAL == 0) {
            checked = action->entry->index;
            digest = digest_of(&node->documents);
        }
    }
    model_checked(world, node);
    if (checked > 0 && !world->failure)
        tell_digest(world, node, checked, &digest);
}

void node_submit(World *world, Node *node)
{
    Random *random = &world->random;
    Transaction transaction = {.id = ++world->last_transaction,
                               .value = random_next(random),
                               .key = random_below(random, WORLD_KEYS),
                               .conditional = random_below(random, 2)};
    if (transaction.conditional)
        transaction.revision = random_once_in(random, 8)
                                   ? random_below(random, 5)
                                   : node->documents.keys[transaction.key].revision;
    g_autoptr(GBytes) bytes = g_bytes_new(&transaction, sizeof transaction);
    model_submitted(world, transaction.id, node->id);
    world_note(world, "submit", node->id, transaction.id, 0);
    ReplicaEvent event = {.kind = REPLICA_SUBMITTED, .ticket = transaction.id, .bytes = bytes};
    node_step(world, node, &event);
}

void node_submit_change(World *world, Node *node, const ReplicaChange *change)
{
    world_note(world, change->remove ? "remove" : "votes", node->id, change->node,
               change->votes);
    ReplicaEvent event = {.kind = REPLICA_CHANGE_SUBMITTED, .ticket = 0, .change = *change};
    node_step(world, node, &event);
}
