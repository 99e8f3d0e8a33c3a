/* cluster/store_documents - the store's documents in memory, and what changes them.
 *
 * A pure function of the transactions applied, in their order: nodes that applied the same
 * ones have the same documents, the same revision and the same digest. The digest is kept
 * up with each change (a sum of one hash a document, so its cost does not grow with their
 * number); it finds faults of disks, memory and programs, not forgery.
 */
#pragma once

#include "backend/cluster/replica_log.h"
#include "backend/cluster/store_transaction.h"

typedef struct {
    GTree *tree;      /* path -> StoreDocument, by strcmp */
    guint64 revision; /* of the last transaction applied */
    guint64 size;     /* bytes of all paths and documents */
    guint64 sum[4];
} StoreDocuments;

/* A document on its way to the disk, or from it. */
typedef struct {
    char *path;
    StoreContent *content; /* NULL: delete */
    guint64 revision;
} StoreWrite;
/* An array of StoreWrite that frees what they hold. */
GArray *store_writes_new(void);
void store_writes_add(GArray *writes, const char *path, StoreContent *content,
                      guint64 revision);

void store_documents_init(StoreDocuments *documents);
void store_documents_clear(StoreDocuments *documents);

/* Borrowed, until the document is changed. */
const StoreDocument *store_documents_get(const StoreDocuments *documents, const char *path);
/* Each at or below a path, in order, until each() returns FALSE. */
void store_documents_each(const StoreDocuments *documents, const char *path,
                          gboolean (*each)(const StoreDocument *document, gpointer user),
                          gpointer user);
void store_documents_put(StoreDocuments *documents, const char *path, StoreContent *content,
                         guint64 revision);
/* FALSE when there was none. */
gboolean store_documents_remove(StoreDocuments *documents, const char *path);

/* Applies a transaction wholly, under the next revision, and adds to writes what it
 * changed, each path once, as it is then; or FALSE, nothing changed: WIRE_ERROR_CONFLICT,
 * or WIRE_ERROR_LIMIT when the store would be too large. */
gboolean store_documents_apply(StoreDocuments *documents, const StoreTransaction *transaction,
                               GArray *writes, GError **error);

ReplicaHash store_documents_digest(const StoreDocuments *documents);
/* All of them, in the order of their paths: shares their contents. */
GArray *store_documents_list(const StoreDocuments *documents);

/* "guest/1" covers "guest/1" and "guest/1/x", not "guest/10"; "" covers all. */
gboolean store_path_covers(const char *above, const char *path);
