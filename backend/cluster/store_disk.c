#include "backend/cluster/store_disk.h"

#include "backend/cluster/database_statement.h"
#include "backend/wire/error.h"

#include <string.h>

const char *const store_migrations[] = {
    "CREATE TABLE document (path TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL,"
    "  content BLOB NOT NULL) STRICT;"
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  revision INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (1, 0)",

    "CREATE TABLE log (position INTEGER PRIMARY KEY NOT NULL, epoch INTEGER NOT NULL,"
    "  origin INTEGER NOT NULL, incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL,"
    "  kind INTEGER NOT NULL, hash BLOB NOT NULL, content BLOB NOT NULL) STRICT;"
    "CREATE TABLE replica (one INTEGER PRIMARY KEY CHECK (one = 1), node INTEGER NOT NULL,"
    "  cluster INTEGER NOT NULL, birth INTEGER NOT NULL, incarnation INTEGER NOT NULL,"
    "  promised INTEGER NOT NULL, adopted INTEGER NOT NULL, diverged INTEGER NOT NULL,"
    "  applied INTEGER NOT NULL, base BLOB NOT NULL) STRICT;"
    "CREATE TABLE former (path TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL,"
    "  content BLOB NOT NULL) STRICT",
    NULL,
};

static void bind_number(sqlite3_stmt *statement, int index, guint64 value)
{
    (void)sqlite3_bind_int64(statement, index, (gint64)value);
}

static guint64 column_number(sqlite3_stmt *statement, int column)
{
    return (guint64)sqlite3_column_int64(statement, column);
}

/* An empty GBytes has no data, and NULL would bind SQL's null. */
static void bind_bytes(sqlite3_stmt *statement, int index, GBytes *bytes)
{
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    (void)sqlite3_bind_blob64(statement, index, data ? data : "", size, SQLITE_STATIC);
}

static GBytes *column_bytes(sqlite3_stmt *statement, int column)
{
    const void *content = sqlite3_column_blob(statement, column);
    return g_bytes_new(content, (gsize)sqlite3_column_bytes(statement, column));
}

static StoreContent *column_content(sqlite3_stmt *statement, int column)
{
    const void *content = sqlite3_column_blob(statement, column);
    return store_content_new(content, (gsize)sqlite3_column_bytes(statement, column));
}

/* ---- writing ---- */

static gboolean write_documents(sqlite3 *handle, const char *insert, const GArray *writes,
                                GError **error)
{
    sqlite3_stmt *put = database_statement(handle, insert, error);
    sqlite3_stmt *delete =
        put ? database_statement(handle, "DELETE FROM document WHERE path = ?", error) : NULL;
    if (!put || !delete)
        return FALSE;
    for (guint i = 0; i < writes->len; i++) {
        const StoreWrite *write = &g_array_index(writes, StoreWrite, i);
        sqlite3_stmt *statement = write->content ? put : delete;
        g_autoptr(GBytes) bytes = write->content ? store_content_bytes(write->content) : NULL;
        database_bind_text(statement, 1, write->path);
        if (bytes) {
            bind_number(statement, 2, write->revision);
            bind_bytes(statement, 3, bytes);
        }
        if (!database_execute(statement, error))
            return FALSE;
    }
    return TRUE;
}

/* Not REPLACE, which would write the index of paths anew. */
#define INSERT_INTO(table)                                                                     \
    "INSERT INTO " table " (path, revision, content) VALUES (?, ?, ?)"                         \
    " ON CONFLICT (path) DO UPDATE SET revision = excluded.revision, content = "               \
    "excluded.content"

static const char insert_document[] = INSERT_INTO("document");
static const char insert_former[] = INSERT_INTO("former");

static gboolean run_with_number(sqlite3 *handle, const char *sql, guint64 number,
                                GError **error)
{
    sqlite3_stmt *statement = database_statement(handle, sql, error);
    if (!statement)
        return FALSE;
    bind_number(statement, 1, number);
    return database_execute(statement, error);
}

static gboolean write_revision(sqlite3 *handle, guint64 revision, GError **error)
{
    return run_with_number(handle, "UPDATE state SET revision = ?", revision, error);
}

static gboolean write_entries(sqlite3 *handle, const GPtrArray *entries, GError **error)
{
    sqlite3_stmt *statement = database_statement(
        handle,
        "INSERT OR REPLACE INTO log (position, epoch, origin, incarnation, sequence, kind,"
        " hash, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        error);
    if (!statement)
        return FALSE;
    for (guint i = 0; i < entries->len; i++) {
        const ReplicaEntry *entry = g_ptr_array_index(entries, i);
        bind_number(statement, 1, entry->index);
        bind_number(statement, 2, entry->epoch);
        bind_number(statement, 3, entry->origin);
        bind_number(statement, 4, entry->incarnation);
        bind_number(statement, 5, entry->sequence);
        bind_number(statement, 6, entry->kind);
        (void)sqlite3_bind_blob(statement, 7, entry->hash.bytes, sizeof entry->hash.bytes,
                                SQLITE_STATIC);
        bind_bytes(statement, 8, entry->bytes);
        if (!database_execute(statement, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_replica(sqlite3 *handle, const ReplicaBatch *batch, GError **error)
{
    sqlite3_stmt *statement = database_statement(
        handle,
        "UPDATE replica SET incarnation = ?, promised = ?, adopted = ?, diverged = ?,"
        " applied = ?, base = ?",
        error);
    if (!statement)
        return FALSE;
    ReplicaBase base = batch->base;
    ReplicaCodec codec = replica_codec_writer();
    replica_code_base(&codec, &base);
    g_autoptr(GBytes) bytes = replica_codec_take(&codec);
    bind_number(statement, 1, batch->incarnation);
    bind_number(statement, 2, batch->promised);
    bind_number(statement, 3, batch->adopted);
    bind_number(statement, 4, batch->diverged ? 1 : 0);
    bind_number(statement, 5, batch->applied);
    bind_bytes(statement, 6, bytes);
    return database_execute(statement, error);
}

static gboolean install(sqlite3 *handle, const GArray *documents, GError **error)
{
    return database_run(handle, "DELETE FROM document; DELETE FROM log", error) &&
           write_documents(handle, insert_document, documents, error);
}

gboolean store_disk_write(sqlite3 *handle, const StoreBatch *batch, GError **error)
{
    const ReplicaBatch *replica = batch->replica;
    if (batch->install && !install(handle, batch->install, error))
        return FALSE;
    if (!run_with_number(handle, "DELETE FROM log WHERE position >= ?", replica->first,
                         error) ||
        !write_entries(handle, replica->entries, error))
        return FALSE;
    for (guint i = 0; i < batch->changes->len; i++)
        if (!write_documents(handle, insert_document, batch->changes->pdata[i], error))
            return FALSE;
    if (batch->has_revision && !write_revision(handle, batch->revision, error))
        return FALSE;
    return replica->same_state ||
           (run_with_number(handle, "DELETE FROM log WHERE position <= ?", replica->base.index,
                            error) &&
            write_replica(handle, replica, error));
}

void store_beginning_free(gpointer data)
{
    StoreBeginning *beginning = data;
    if (!beginning)
        return;
    g_clear_pointer(&beginning->documents, g_array_unref);
    g_clear_pointer(&beginning->former, g_array_unref);
    g_free(beginning);
}

static gboolean insert_replica(sqlite3 *handle, const StoreBeginning *beginning, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(
        handle,
        "INSERT OR REPLACE INTO replica (one, node, cluster, birth, incarnation, promised,"
        " adopted, diverged, applied, base) VALUES (1, ?, ?, ?, 0, 0, 0, 0, 0, x'')",
        error);
    if (!statement)
        return FALSE;
    bind_number(statement, 1, beginning->node);
    bind_number(statement, 2, beginning->cluster);
    bind_number(statement, 3, beginning->birth);
    const ReplicaBatch empty = {.base = beginning->base, .applied = beginning->base.index};
    return database_execute(statement, error) && write_replica(handle, &empty, error);
}

gboolean store_disk_begin(sqlite3 *handle, const StoreBeginning *beginning, GError **error)
{
    if (!database_run(handle, "DELETE FROM document; DELETE FROM log", error) ||
        !write_revision(handle, beginning->revision, error) ||
        !insert_replica(handle, beginning, error))
        return FALSE;
    if (beginning->documents &&
        !write_documents(handle, insert_document, beginning->documents, error))
        return FALSE;
    return !beginning->former ||
           write_documents(handle, insert_former, beginning->former, error);
}

gboolean store_disk_begin_first(sqlite3 *handle, const StoreBeginning *beginning,
                                GError **error)
{
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(handle, "SELECT 1 FROM replica", error);
    gboolean row = FALSE;
    if (!statement || !database_next(statement, &row, error))
        return FALSE;
    return row || insert_replica(handle, beginning, error);
}

gboolean store_disk_forget_former(sqlite3 *handle, GError **error)
{
    return database_run(handle, "DELETE FROM former", error);
}

/* ---- reading ---- */

StoreSnapshot *store_snapshot_new(void)
{
    StoreSnapshot *snapshot = g_new0(StoreSnapshot, 1);
    snapshot->documents = store_writes_new();
    snapshot->former = store_writes_new();
    snapshot->durable.entries = g_ptr_array_new_with_free_func(replica_entry_unref);
    return snapshot;
}

void store_snapshot_free(gpointer data)
{
    StoreSnapshot *snapshot = data;
    g_array_unref(snapshot->documents);
    g_array_unref(snapshot->former);
    g_ptr_array_unref(snapshot->durable.entries);
    g_free(snapshot);
}

static gboolean read_document(sqlite3_stmt *row, gpointer documents, GError **error)
{
    const char *path = database_column_text(row, 0);
    if (!store_path_check(path, NULL))
        return TRUE;
    g_autoptr(StoreContent) content = column_content(row, 2);
    store_writes_add(documents, path, content, column_number(row, 1));
    return TRUE;
}

static gboolean read_documents(sqlite3 *handle, const char *sql, GArray *documents,
                               GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, sql, error);
    return statement && database_each(statement, read_document, documents, error);
}

static gboolean read_revision(sqlite3 *handle, StoreSnapshot *snapshot, GError **error)
{
    for (guint i = 0; i < snapshot->documents->len; i++)
        snapshot->revision =
            MAX(snapshot->revision, g_array_index(snapshot->documents, StoreWrite, i).revision);
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(handle, "SELECT revision FROM state", error);
    gboolean row = FALSE;
    if (!statement || !database_next(statement, &row, error))
        return FALSE;
    if (row)
        snapshot->revision = column_number(statement, 0);
    return TRUE;
}

static gboolean read_entry(sqlite3_stmt *statement, gpointer data, GError **error)
{
    ReplicaDurable *durable = data;
    guint64 position = column_number(statement, 0);
    guint64 kind = column_number(statement, 5);
    if (position != durable->base.index + durable->entries->len + 1 ||
        (kind != REPLICA_TRANSACTION && kind != REPLICA_CHANGE) ||
        sqlite3_column_bytes(statement, 6) != REPLICA_HASH_SIZE) {
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "the log of the store is not what gantryd wrote, at entry "
                       "%" G_GUINT64_FORMAT,
                       position);
        return FALSE;
    }
    g_autoptr(GBytes) content = column_bytes(statement, 7);
    ReplicaEntry *entry =
        replica_entry_new((ReplicaEntryKind)kind, (guint32)column_number(statement, 2),
                          column_number(statement, 3), column_number(statement, 4), content);
    entry->index = position;
    entry->epoch = column_number(statement, 1);
    memcpy(entry->hash.bytes, sqlite3_column_blob(statement, 6), REPLICA_HASH_SIZE);
    g_ptr_array_add(durable->entries, entry);
    return TRUE;
}

static gboolean read_log(sqlite3 *handle, ReplicaDurable *durable, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(
        handle,
        "SELECT position, epoch, origin, incarnation, sequence, kind, hash, content FROM log"
        " ORDER BY position",
        error);
    return statement && database_each(statement, read_entry, durable, error);
}

static gboolean read_replica(sqlite3 *handle, StoreSnapshot *snapshot, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(
        handle,
        "SELECT node, cluster, birth, incarnation, promised, adopted, diverged, applied, base"
        " FROM replica",
        error);
    gboolean row = FALSE;
    if (!statement || !database_next(statement, &row, error))
        return FALSE;
    if (!row) {
        wire_error_set(error, WIRE_ERROR_STORAGE, "the store's file says of no node's state");
        return FALSE;
    }
    ReplicaDurable *durable = &snapshot->durable;
    durable->cluster = column_number(statement, 1);
    durable->birth = column_number(statement, 2);
    durable->incarnation = column_number(statement, 3);
    durable->promised = column_number(statement, 4);
    durable->adopted = column_number(statement, 5);
    durable->diverged = column_number(statement, 6) != 0;
    durable->applied = column_number(statement, 7);
    g_autoptr(GBytes) bytes = column_bytes(statement, 8);
    ReplicaCodec codec = replica_codec_reader(bytes);
    replica_code_base(&codec, &durable->base);
    if (!replica_codec_end(&codec)) {
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "the state of the store is not what gantryd "
                       "wrote");
        return FALSE;
    }
    snapshot->node = (guint32)column_number(statement, 0);
    return read_log(handle, durable, error);
}

gboolean store_disk_read(sqlite3 *handle, StoreSnapshot *snapshot, GError **error)
{
    /* By rowid: a damaged index then costs nothing. */
    return read_documents(handle, "SELECT path, revision, content FROM document NOT INDEXED",
                          snapshot->documents, error) &&
           read_revision(handle, snapshot, error) &&
           read_documents(handle, "SELECT path, revision, content FROM former NOT INDEXED",
                          snapshot->former, error) &&
           read_replica(handle, snapshot, error);
}
