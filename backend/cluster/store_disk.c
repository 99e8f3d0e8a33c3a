#include "backend/cluster/store_disk.h"

#include "backend/cluster/store.h"

const char *const store_migrations[] = {
    "CREATE TABLE document (path TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL,"
    "  content BLOB NOT NULL) STRICT;"
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1),"
    "  revision INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (1, 0)",
    NULL,
};

void store_write_clear(gpointer data)
{
    StoreWrite *write = data;
    g_free(write->path);
    g_clear_pointer(&write->content, g_bytes_unref);
}

static gboolean write_revision(sqlite3 *handle, guint64 revision, GError **error)
{
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(handle, "UPDATE state SET revision = ?", error);
    if (!statement)
        return FALSE;
    (void)sqlite3_bind_int64(statement, 1, (gint64)revision);
    return database_execute(statement, error);
}

gboolean store_disk_write(sqlite3 *handle, const StoreBatch *batch, GError **error)
{
    if (batch->writes->len == 0 && batch->revision == 0)
        return TRUE;
    g_autoptr(sqlite3_stmt) put = database_prepare(
        handle, "INSERT OR REPLACE INTO document (path, revision, content) VALUES (?, ?, ?)",
        error);
    g_autoptr(sqlite3_stmt) delete =
        put ? database_prepare(handle, "DELETE FROM document WHERE path = ?", error) : NULL;
    if (!put || !delete)
        return FALSE;
    for (guint i = 0; i < batch->writes->len; i++) {
        const StoreWrite *write = &g_array_index(batch->writes, StoreWrite, i);
        sqlite3_stmt *statement = write->content ? put : delete;
        database_bind_text(statement, 1, write->path);
        if (write->content) {
            gsize size;
            const void *bytes = g_bytes_get_data(write->content, &size);
            (void)sqlite3_bind_int64(statement, 2, (gint64)write->revision);
            /* An empty GBytes has no data, and NULL would bind SQL's null. */
            (void)sqlite3_bind_blob64(statement, 3, bytes ? bytes : "", size, SQLITE_STATIC);
        }
        if (!database_execute(statement, error))
            return FALSE;
    }
    return write_revision(handle, batch->revision, error);
}

static gboolean read_revision(sqlite3 *handle, guint64 *revision, GError **error)
{
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(handle, "SELECT revision FROM state", error);
    gboolean row = FALSE;
    if (!statement || !database_next(statement, &row, error))
        return FALSE;
    if (row)
        *revision = (guint64)sqlite3_column_int64(statement, 0);
    return TRUE;
}

gboolean store_disk_read(sqlite3 *handle, StoreSnapshot *snapshot, GError **error)
{
    /* By rowid: a damaged index then costs nothing. */
    g_autoptr(sqlite3_stmt) statement = database_prepare(
        handle, "SELECT path, revision, content FROM document NOT INDEXED", error);
    gboolean row = FALSE;
    if (!statement)
        return FALSE;
    for (;;) {
        if (!database_next(statement, &row, error))
            return FALSE;
        if (!row)
            break;
        StoreWrite document = {.revision = (guint64)sqlite3_column_int64(statement, 1)};
        const char *path = database_column_text(statement, 0);
        if (!store_path_check(path, NULL))
            continue;
        document.path = g_strdup(path);
        const void *content = sqlite3_column_blob(statement, 2);
        document.content = g_bytes_new(content, (gsize)sqlite3_column_bytes(statement, 2));
        g_array_append_val(snapshot->documents, document);
        snapshot->revision = MAX(snapshot->revision, document.revision);
    }
    return read_revision(handle, &snapshot->revision, error);
}
