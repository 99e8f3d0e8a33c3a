/* cluster/replica_log - the entries that are in memory, and what precedes them.
 *
 * Entries are counted from 1. The base stands for all entries up to its index,
 * which are in the documents and have been let go; the entries after it follow
 * each other without a gap. Each entry has a running hash over itself and all
 * entries before it, so two logs that have the same hash at an index are the same
 * up to there.
 */
#pragma once

#include "backend/cluster/replica_members.h"

#include <glib.h>
#include <string.h>

#define REPLICA_HASH_SIZE        32 /* SHA-256 */
#define REPLICA_TRANSACTION_SIZE (9u << 20)

typedef struct {
    guint8 bytes[REPLICA_HASH_SIZE];
} ReplicaHash;

typedef enum {
    REPLICA_TRANSACTION = 1, /* bytes are the store's */
    REPLICA_CHANGE = 2,      /* bytes are a ReplicaChange */
} ReplicaEntryKind;

/* Shared and, once it is in a log, never changed. */
typedef struct {
    gatomicrefcount references;
    guint64 index; /* 0: a request that has no place yet */
    guint64 epoch; /* in which it got its place */
    guint64 incarnation, sequence;
    guint32 origin;
    ReplicaEntryKind kind;
    GBytes *bytes;
    ReplicaHash hash;
} ReplicaEntry;

ReplicaEntry *replica_entry_new(ReplicaEntryKind kind, guint32 origin, guint64 incarnation,
                                guint64 sequence, GBytes *bytes);
ReplicaEntry *replica_entry_ref(ReplicaEntry *entry);
void replica_entry_unref(gpointer entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplicaEntry, replica_entry_unref)

typedef struct {
    guint64 index;
    ReplicaHash hash;
    ReplicaMembers members;
} ReplicaBase;

/* The base of a new cluster's log. */
ReplicaBase replica_base_found(guint64 cluster, const ReplicaMembers *members);
void replica_code_base(ReplicaCodec *codec, ReplicaBase *base);

typedef struct {
    ReplicaBase base;
    GPtrArray *entries;     /* of ReplicaEntry */
    ReplicaMembers members; /* as of the last entry */
    guint64 changed;        /* the last entry that is a REPLICA_CHANGE, or the base */
    gsize size;             /* bytes of the entries */
} ReplicaLog;

void replica_log_init(ReplicaLog *log, const ReplicaBase *base);
void replica_log_clear(ReplicaLog *log);

guint64 replica_log_end(const ReplicaLog *log);
/* The entry, borrowed; NULL when it is not there. */
ReplicaEntry *replica_log_at(const ReplicaLog *log, guint64 index);
/* The running hash at an index; FALSE when that is before the base or after the end. */
gboolean replica_log_hash(const ReplicaLog *log, guint64 index, ReplicaHash *hash);
gboolean replica_log_has(const ReplicaLog *log, guint64 index, const ReplicaHash *hash);

/* Gives the entry the next place and its hash; takes the reference. */
void replica_log_append(ReplicaLog *log, ReplicaEntry *entry);
/* Lets go of all entries after `last`. */
void replica_log_truncate(ReplicaLog *log, guint64 last);
/* Moves the base up to an entry. */
void replica_log_compact(ReplicaLog *log, guint64 index);

/* What an entry does to the members: the origin's mark, and the change it is.
 * FALSE when it is a change that is refused. */
gboolean replica_members_enter(ReplicaMembers *members, const ReplicaEntry *entry);

static inline gboolean replica_hash_equal(const ReplicaHash *a, const ReplicaHash *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
