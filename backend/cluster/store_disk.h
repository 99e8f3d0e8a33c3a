/* cluster/store_disk - what the store keeps in its SQLite file.
 *
 *     document  path, revision, content: verbatim, as of the log's entry `applied`
 *     state     one row: the revision of the last transaction in the documents
 *     log       the entries after the base (cluster/replica_log)
 *     replica   one row: who this node is in which cluster, and what it has promised
 *               (cluster/replica, ReplicaDurable)
 *     former    documents of this node alone, from before it joined a cluster
 *
 * Called in the database's thread, each in one transaction of SQLite's.
 */
#pragma once

#include "backend/cluster/database.h"
#include "backend/cluster/replica.h"
#include "backend/cluster/store_documents.h"

extern const char *const store_migrations[];

/* One batch of the replica's, and the documents that go with it. */
typedef struct {
    ReplicaBatch *replica;
    GArray *install;    /* of StoreWrite: all documents, with `install`; else NULL */
    GPtrArray *changes; /* of GArray of StoreWrite, in the order of their entries */
    gboolean has_revision;
    guint64 revision; /* of the documents then, when it differs */
} StoreBatch;
gboolean store_disk_write(sqlite3 *handle, const StoreBatch *batch, GError **error);

/* A new beginning: alone, with the documents as they are; or in a cluster, with none, and
 * what there were put aside. */
typedef struct {
    guint32 node;
    guint64 cluster, birth, revision;
    ReplicaBase base;
    GArray *documents, *former; /* of StoreWrite; NULL: none */
} StoreBeginning;
void store_beginning_free(gpointer beginning);
gboolean store_disk_begin(sqlite3 *handle, const StoreBeginning *beginning, GError **error);
/* Only when the file has none yet. */
gboolean store_disk_begin_first(sqlite3 *handle, const StoreBeginning *beginning,
                                GError **error);
gboolean store_disk_forget_former(sqlite3 *handle, GError **error);

/* Everything in the file, as far as it can be read. */
typedef struct {
    GArray *documents; /* of StoreWrite, by rowid */
    GArray *former;
    guint64 revision;
    guint32 node; /* 0: the replica's part could not be read */
    ReplicaDurable durable;
} StoreSnapshot;
StoreSnapshot *store_snapshot_new(void);
void store_snapshot_free(gpointer snapshot);
/* Fails with what could not be read, keeping what could. */
gboolean store_disk_read(sqlite3 *handle, StoreSnapshot *snapshot, GError **error);
