#include "backend/cluster/replica_state.h"

void replica_batch_free(ReplicaBatch *batch)
{
    if (!batch)
        return;
    g_clear_pointer(&batch->entries, g_ptr_array_unref);
    g_free(batch);
}

void replica_disk_init(Replica *replica)
{
    replica->disk = (ReplicaDisk){.incarnation = replica->incarnation,
                                  .promised = replica->promised,
                                  .adopted = replica->adopted,
                                  .base = replica->log.base.index,
                                  .applied = replica->applied,
                                  .diverged = replica->diverged,
                                  .end = replica_log_end(&replica->log),
                                  .synced = replica_log_end(&replica->log)};
}

void replica_disk_cut(Replica *replica, guint64 last)
{
    replica->disk.synced = MIN(replica->disk.synced, last);
    replica->disk.cut = MIN(replica->disk.cut, last);
}

void replica_disk_reset(Replica *replica)
{
    replica_disk_cut(replica, 0);
    replica->disk.reset = TRUE;
}

static gboolean is_due(const Replica *replica)
{
    const ReplicaDisk *disk = &replica->disk;
    guint64 end = replica_log_end(&replica->log);
    if (disk->settle && disk->applied < MIN(replica->applied, disk->synced))
        return TRUE;
    /* Who failed leads nothing: it must find out by itself that it could again. */
    if (disk->failed)
        return TRUE;
    return disk->reset || disk->synced < end || disk->end > end ||
           disk->promised != replica->promised || disk->adopted != replica->adopted ||
           disk->incarnation != replica->incarnation || disk->diverged != replica->diverged;
}

/* The entries that are to be written, as many as one batch takes. */
static void fill(const Replica *replica, ReplicaBatch *batch)
{
    batch->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
    gsize size = 0;
    guint64 end = replica_log_end(&replica->log);
    for (guint64 i = batch->first; i <= end && size < replica->settings.batch_size; i++) {
        ReplicaEntry *entry = replica_log_at(&replica->log, i);
        size += g_bytes_get_size(entry->bytes);
        g_ptr_array_add(batch->entries, replica_entry_ref(entry));
    }
}

/* An epoch may be said to be adopted only with the whole log that makes it so. */
static gboolean has_verified(const Replica *replica, guint64 last)
{
    return last >= MIN(replica->verified, replica_log_end(&replica->log)) ||
           replica_has_fault(replica, REPLICA_FAULT_ADOPT_PART);
}

/* Documents need not go with every entry: the log has all. Many together cost little more
 * than one. Who is alone has no ticks, by which the last ones follow. */
static gboolean is_time_for_documents(const Replica *replica, guint64 last)
{
    const ReplicaDisk *disk = &replica->disk;
    if (disk->settle || disk->failed || disk->reset || replica->peer_count <= 1 ||
        replica->log.base.index > disk->applied || last >= disk->applied + REPLICA_SHOW_ENTRIES)
        return TRUE;
    gsize size = 0;
    for (guint64 i = disk->applied + 1; i <= last; i++)
        size += g_bytes_get_size(replica_log_at(&replica->log, i)->bytes);
    return size >= REPLICA_SHOW_SIZE;
}

static gboolean is_same_state(const ReplicaDisk *disk, const ReplicaBatch *batch)
{
    return !disk->failed && !batch->install && batch->incarnation == disk->incarnation &&
           batch->promised == disk->promised && batch->adopted == disk->adopted &&
           batch->diverged == disk->diverged && batch->applied == disk->applied &&
           batch->base.index == disk->base;
}

void replica_disk_tick(Replica *replica)
{
    ReplicaDisk *disk = &replica->disk;
    disk->retry = TRUE;
    disk->settle |= disk->applied < MIN(replica->applied, disk->synced);
}

void replica_disk_flush(Replica *replica)
{
    ReplicaDisk *disk = &replica->disk;
    if (disk->writing || !is_due(replica) || (disk->failed && !disk->retry))
        return;
    ReplicaBatch *batch = g_new0(ReplicaBatch, 1);
    *batch = (ReplicaBatch){.token = ++disk->token,
                            .incarnation = replica->incarnation,
                            .promised = replica->promised,
                            .adopted = disk->adopted,
                            .diverged = replica->diverged,
                            .install = disk->reset,
                            .first = MAX(disk->synced, replica->log.base.index) + 1,
                            .base = replica->log.base};
    fill(replica, batch);
    disk->batch_end = batch->first - 1 + batch->entries->len;
    guint64 shown = MIN(replica->applied, disk->batch_end);
    batch->applied = is_time_for_documents(replica, shown) ? shown : disk->applied;
    if (has_verified(replica, disk->batch_end))
        batch->adopted = replica->adopted;
    batch->same_state = is_same_state(disk, batch);
    disk->reset = FALSE;
    disk->batch = g_memdup2(batch, sizeof *batch);
    disk->batch->entries = NULL;
    disk->cut = G_MAXUINT64;
    disk->writing = TRUE;
    disk->retry = FALSE;
    replica_act(replica, REPLICA_WRITE)->batch = batch;
}

void replica_disk_done(Replica *replica, guint64 token, gboolean written)
{
    ReplicaDisk *disk = &replica->disk;
    if (!disk->writing || token != disk->token)
        return;
    g_autoptr(ReplicaBatch) batch = g_steal_pointer(&disk->batch);
    disk->writing = FALSE;
    disk->failed = !written;
    if (!written) {
        disk->reset |= batch->install;
        replica_withdraw(replica);
        return;
    }
    disk->incarnation = batch->incarnation;
    disk->promised = batch->promised;
    disk->adopted = batch->adopted;
    disk->diverged = batch->diverged;
    disk->base = batch->base.index;
    disk->applied = batch->applied;
    disk->settle &= disk->applied < MIN(replica->applied, disk->synced);
    disk->end = disk->batch_end;
    disk->synced = MIN(disk->batch_end, disk->cut);
    replica_epoch_written(replica);
    replica_ack(replica);
    replica_send_requests(replica);
}
