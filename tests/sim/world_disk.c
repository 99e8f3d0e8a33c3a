#include "tests/sim/world.h"

/* Parts of a batch. */
enum { STATE = 1, ENTRIES = 2, DOCUMENTS = 4, WHOLE = 7 };

void disk_found(Disk *disk, guint64 cluster, guint64 birth, const ReplicaBase *base)
{
    *disk = (Disk){.cluster = cluster, .birth = birth, .slowness = 1};
    disk->base = *base;
    disk->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
}

static void drop_ghost(Disk *disk)
{
    g_clear_pointer(&disk->ghost, replica_batch_free);
}

void disk_clear(Disk *disk)
{
    g_clear_pointer(&disk->batch, replica_batch_free);
    drop_ghost(disk);
    g_clear_pointer(&disk->entries, g_ptr_array_unref);
}

static guint64 disk_end(const Disk *disk)
{
    return disk->base.index + disk->entries->len;
}

static void apply_up_to(Disk *disk, guint64 index)
{
    while (disk->documents.applied < index && disk->documents.applied >= disk->base.index &&
           disk->documents.applied < disk_end(disk))
        documents_apply(
            &disk->documents,
            g_ptr_array_index(disk->entries, disk->documents.applied - disk->base.index));
}

/* Carries a batch out; `parts` says which of its three parts arrive. */
static void carry_out(World *world, Node *node, const ReplicaBatch *batch,
                      const Documents *documents, guint parts)
{
    Disk *disk = &node->disk;
    if (batch->same_state &&
        (disk->incarnation != batch->incarnation || disk->promised != batch->promised ||
         disk->adopted != batch->adopted || disk->diverged != batch->diverged ||
         disk->documents.applied != batch->applied || disk->base.index != batch->base.index))
        world_fail(world, "node %u does not write a state that changed", node->id);
    if (parts & STATE) {
        disk->incarnation = batch->incarnation;
        disk->promised = batch->promised;
        disk->adopted = batch->adopted;
        disk->diverged = batch->diverged;
    }
    if (parts & ENTRIES) {
        if (batch->install) {
            g_ptr_array_set_size(disk->entries, 0);
            disk->base = batch->base;
            disk->documents = *documents;
        }
        if (batch->first <= disk->base.index || batch->first > disk_end(disk) + 1) {
            world_fail(world, "node %u writes from %" G_GUINT64_FORMAT " where the disk ends",
                       node->id, batch->first);
            return;
        }
        g_ptr_array_set_size(disk->entries, (gint)(batch->first - 1 - disk->base.index));
        for (guint i = 0; i < batch->entries->len; i++)
            g_ptr_array_add(disk->entries,
                            replica_entry_ref(g_ptr_array_index(batch->entries, i)));
        if (parts & DOCUMENTS)
            apply_up_to(disk, batch->applied);
        guint gone = (guint)(batch->base.index - disk->base.index);
        if (gone > 0 && gone <= disk->entries->len)
            g_ptr_array_remove_range(disk->entries, 0, gone);
        disk->base = batch->base;
    }
    if (parts == WHOLE &&
        (disk->documents.applied != batch->applied || batch->applied < disk->base.index))
        world_fail(world, "the disk of node %u has documents beside its log", node->id);
}

void disk_write(World *world, Node *node, ReplicaBatch *batch)
{
    Disk *disk = &node->disk;
    if (disk->batch)
        world_fail(world, "node %u writes while it writes", node->id);
    disk->batch = batch;
    disk->batch_documents = node->loaded;
    if (node->documents.applied < batch->applied)
        world_fail(world, "node %u writes documents that it has not applied", node->id);
}

gboolean disk_finish(World *world, Node *node)
{
    Disk *disk = &node->disk;
    if (!disk->batch)
        return FALSE;
    g_autoptr(ReplicaBatch) batch = g_steal_pointer(&disk->batch);
    ReplicaEvent event = {.kind = REPLICA_WRITTEN, .token = batch->token};
    if (disk->failing) {
        event.kind = REPLICA_WRITE_FAILED;
        if (!disk->ghost && random_once_in(&world->random, 4)) {
            disk->ghost = g_steal_pointer(&batch);
            disk->ghost_documents = disk->batch_documents;
        }
    } else if (world->lying_disk && random_once_in(&world->random, 20)) {
        if (disk->ghost) {
            carry_out(world, node, disk->ghost, &disk->ghost_documents, WHOLE);
            drop_ghost(disk);
        }
        disk->ghost = g_steal_pointer(&batch);
        disk->ghost_documents = disk->batch_documents;
    } else {
        if (disk->ghost && world->lying_disk)
            carry_out(world, node, disk->ghost, &disk->ghost_documents, WHOLE);
        drop_ghost(disk);
        carry_out(world, node, batch, &disk->batch_documents, WHOLE);
    }
    world_note(world, event.kind == REPLICA_WRITTEN ? "written" : "failed", node->id,
               event.token, 0);
    node_step(world, node, &event);
    return TRUE;
}

/* What is being written arrives wholly or not at all; so does what failed before. */
void disk_crash(World *world, Node *node)
{
    Disk *disk = &node->disk;
    if (disk->ghost && random_once_in(&world->random, 2))
        carry_out(world, node, disk->ghost, &disk->ghost_documents, WHOLE);
    else if (disk->batch && world->torn_disk)
        carry_out(world, node, disk->batch, &disk->batch_documents,
                  1u << random_below(&world->random, 2));
    else if (disk->batch && !disk->ghost && random_once_in(&world->random, 2))
        carry_out(world, node, disk->batch, &disk->batch_documents, WHOLE);
    drop_ghost(disk);
    g_clear_pointer(&disk->batch, replica_batch_free);
}

gboolean disk_has(const Disk *disk, guint64 index, const ReplicaHash *hash)
{
    if (index <= disk->base.index)
        return index < disk->base.index || replica_hash_equal(&disk->base.hash, hash);
    if (index > disk_end(disk))
        return FALSE;
    const ReplicaEntry *entry = g_ptr_array_index(disk->entries, index - disk->base.index - 1);
    return replica_hash_equal(&entry->hash, hash);
}
