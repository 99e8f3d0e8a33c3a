#include "backend/cluster/replica_log.h"

ReplicaEntry *replica_entry_new(ReplicaEntryKind kind, guint32 origin, guint64 incarnation,
                                guint64 sequence, GBytes *bytes)
{
    ReplicaEntry *entry = g_new0(ReplicaEntry, 1);
    *entry = (ReplicaEntry){.incarnation = incarnation,
                            .sequence = sequence,
                            .origin = origin,
                            .kind = kind,
                            .bytes = g_bytes_ref(bytes)};
    g_atomic_ref_count_init(&entry->references);
    return entry;
}

ReplicaEntry *replica_entry_ref(ReplicaEntry *entry)
{
    g_atomic_ref_count_inc(&entry->references);
    return entry;
}

void replica_entry_unref(gpointer data)
{
    ReplicaEntry *entry = data;
    if (!entry || !g_atomic_ref_count_dec(&entry->references))
        return;
    g_bytes_unref(entry->bytes);
    g_free(entry);
}

static void finish_hash(GChecksum *checksum, ReplicaHash *hash)
{
    gsize size = sizeof hash->bytes;
    g_checksum_get_digest(checksum, hash->bytes, &size);
    g_checksum_free(checksum);
}

static void compute_hash(ReplicaEntry *entry, const ReplicaHash *before)
{
    guint64 fields[] = {GUINT64_TO_LE(entry->index),       GUINT64_TO_LE(entry->epoch),
                        GUINT64_TO_LE(entry->incarnation), GUINT64_TO_LE(entry->sequence),
                        GUINT64_TO_LE(entry->origin),      GUINT64_TO_LE(entry->kind)};
    gsize size;
    const guint8 *data = g_bytes_get_data(entry->bytes, &size);
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, before->bytes, sizeof before->bytes);
    g_checksum_update(checksum, (const guchar *)fields, sizeof fields);
    if (size > 0)
        g_checksum_update(checksum, data, (gssize)size);
    finish_hash(checksum, &entry->hash);
}

ReplicaBase replica_base_found(guint64 cluster, const ReplicaMembers *members)
{
    ReplicaBase base = {.members = *members};
    ReplicaCodec codec = replica_codec_writer();
    replica_code_u64(&codec, &cluster);
    replica_code_members(&codec, &base.members);
    g_autoptr(GBytes) bytes = replica_codec_take(&codec);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, data, (gssize)size);
    finish_hash(checksum, &base.hash);
    return base;
}

void replica_code_base(ReplicaCodec *codec, ReplicaBase *base)
{
    replica_code_u64(codec, &base->index);
    replica_code_raw(codec, base->hash.bytes, sizeof base->hash.bytes);
    replica_code_members(codec, &base->members);
}

void replica_log_init(ReplicaLog *log, const ReplicaBase *base)
{
    *log = (ReplicaLog){.base = *base, .members = base->members, .changed = base->index};
    log->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
}

void replica_log_clear(ReplicaLog *log)
{
    g_clear_pointer(&log->entries, g_ptr_array_unref);
}

guint64 replica_log_end(const ReplicaLog *log)
{
    return log->base.index + log->entries->len;
}

ReplicaEntry *replica_log_at(const ReplicaLog *log, guint64 index)
{
    if (index <= log->base.index || index > replica_log_end(log))
        return NULL;
    return g_ptr_array_index(log->entries, index - log->base.index - 1);
}

gboolean replica_log_hash(const ReplicaLog *log, guint64 index, ReplicaHash *hash)
{
    const ReplicaEntry *entry = replica_log_at(log, index);
    if (!entry && index != log->base.index)
        return FALSE;
    *hash = entry ? entry->hash : log->base.hash;
    return TRUE;
}

gboolean replica_log_has(const ReplicaLog *log, guint64 index, const ReplicaHash *hash)
{
    ReplicaHash own;
    return replica_log_hash(log, index, &own) && replica_hash_equal(&own, hash);
}

gboolean replica_members_enter(ReplicaMembers *members, const ReplicaEntry *entry)
{
    ReplicaMember *member = replica_members_find(members, entry->origin);
    if (member) {
        member->incarnation = entry->incarnation;
        member->sequence = entry->sequence;
    }
    ReplicaChange change;
    if (entry->kind != REPLICA_CHANGE)
        return TRUE;
    return replica_change_decode(entry->bytes, &change) &&
           replica_members_change(members, &change);
}

static void enter(ReplicaLog *log, const ReplicaEntry *entry)
{
    (void)replica_members_enter(&log->members, entry);
    if (entry->kind == REPLICA_CHANGE)
        log->changed = entry->index;
}

void replica_log_append(ReplicaLog *log, ReplicaEntry *entry)
{
    ReplicaHash before;
    (void)replica_log_hash(log, replica_log_end(log), &before);
    entry->index = replica_log_end(log) + 1;
    compute_hash(entry, &before);
    g_ptr_array_add(log->entries, entry);
    log->size += g_bytes_get_size(entry->bytes);
    enter(log, entry);
}

static void remove_entries(ReplicaLog *log, guint from, guint count)
{
    for (guint i = from; i < from + count; i++) {
        const ReplicaEntry *entry = g_ptr_array_index(log->entries, i);
        log->size -= g_bytes_get_size(entry->bytes);
    }
    if (count > 0)
        g_ptr_array_remove_range(log->entries, from, count);
}

void replica_log_truncate(ReplicaLog *log, guint64 last)
{
    guint keep = (guint)(last - log->base.index);
    if (keep >= log->entries->len)
        return;
    remove_entries(log, keep, log->entries->len - keep);
    log->members = log->base.members;
    log->changed = log->base.index;
    for (guint i = 0; i < log->entries->len; i++)
        enter(log, g_ptr_array_index(log->entries, i));
}

void replica_log_compact(ReplicaLog *log, guint64 index)
{
    const ReplicaEntry *entry = replica_log_at(log, index);
    if (!entry)
        return;
    for (guint64 i = log->base.index + 1; i <= index; i++)
        (void)replica_members_enter(&log->base.members, replica_log_at(log, i));
    log->base.hash = entry->hash;
    guint count = (guint)(index - log->base.index);
    log->base.index = index;
    log->changed = MAX(log->changed, index);
    remove_entries(log, 0, count);
}
