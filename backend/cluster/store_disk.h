/* cluster/store_disk - the store's documents in its SQLite file.
 *
 * Table document: path (unique), revision, content, verbatim. Table state: one
 * row, the revision of the last transaction. Called in the
 * database's thread.
 */
#pragma once

#include "backend/cluster/database.h"

extern const char *const store_migrations[];

typedef struct {
    char *path;
    GBytes *content; /* NULL: delete */
    guint64 revision;
} StoreWrite;
void store_write_clear(gpointer write);

/* What one PERSIST changes. */
typedef struct {
    GArray *writes; /* of StoreWrite, in order */
    guint64 revision;
} StoreBatch;
gboolean store_disk_write(sqlite3 *handle, const StoreBatch *batch, GError **error);

/* Everything in the file, as far as it can be read. */
typedef struct {
    GArray *documents; /* of StoreWrite, in the order of their paths */
    guint64 revision;
} StoreSnapshot;
/* Fails with what could not be read, keeping what could. */
gboolean store_disk_read(sqlite3 *handle, StoreSnapshot *snapshot, GError **error);
