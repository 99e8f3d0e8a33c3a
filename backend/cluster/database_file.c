#include "backend/cluster/database_file.h"

#include "backend/cluster/database_statement.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 5000

static gboolean is_permanent(int code)
{
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

static void set_error_for(GError **error, const char *path, int code, int system_error,
                          const char *detail)
{
    const char *cause = system_error ? g_strerror(system_error) : detail;
    switch (code & 0xff) {
    case SQLITE_FULL:
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s can't be written: no space left for it; free some space on its "
                       "file system, writing then goes on by itself",
                       path);
        break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s can't be opened for writing: %s; make its directory writable for "
                       "gantryd, writing then goes on by itself",
                       path, cause);
        break;
    case SQLITE_CORRUPT:
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s is damaged (%s): what can be read is served, nothing is written; "
                       "restore it from a copy, or save what is left with 'sqlite3 %s "
                       ".recover', then restart gantryd",
                       path, detail, path);
        break;
    case SQLITE_NOTADB:
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s is not a database; move it away or restore it from a copy, then "
                       "restart gantryd",
                       path);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s is locked by another program; close that program, writing then "
                       "goes on by itself",
                       path);
        break;
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s can't be read or written: %s; look at the disk's health, writing "
                       "goes on by itself when it answers again",
                       path, cause);
        break;
    default:
        wire_error_set(error, WIRE_ERROR_INTERNAL, "%s: %s", path, detail);
    }
}

void database_error_set(GError **error, sqlite3 *handle)
{
    const char *path = sqlite3_db_filename(handle, "main");
    int code = sqlite3_errcode(handle);
    gboolean from_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    set_error_for(error, path ? path : "the database", code,
                  from_system ? sqlite3_system_errno(handle) : 0, sqlite3_errmsg(handle));
}

static gboolean query_integer(sqlite3 *handle, const char *sql, gint64 *out, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, sql, error);
    gboolean row = FALSE;
    if (!statement || !database_next(statement, &row, error))
        return FALSE;
    *out = row ? sqlite3_column_int64(statement, 0) : 0;
    return TRUE;
}

/* quick_check answers with rows of text: "ok", or what is wrong. */
static gboolean check_integrity(DatabaseFile *file, const char *path, GError **error)
{
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(file->handle, "PRAGMA quick_check(1)", error);
    gboolean row = FALSE;
    if (!statement || !database_next(statement, &row, error)) {
        file->permanent = is_permanent(sqlite3_errcode(file->handle) & 0xff);
        return FALSE;
    }
    const char *text = row ? database_column_text(statement, 0) : "no answer";
    if (g_strcmp0(text, "ok") == 0)
        return TRUE;
    file->permanent = TRUE;
    set_error_for(error, path, SQLITE_CORRUPT, 0, text ? text : "no answer");
    return FALSE;
}

static gboolean migrate(sqlite3 *handle, const char *const *migrations, gint64 version,
                        GError **error)
{
    for (; migrations[version]; version++) {
        g_autofree char *script =
            g_strdup_printf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %d; COMMIT",
                            migrations[version], (int)version + 1);
        if (database_run(handle, script, error))
            continue;
        if (!sqlite3_get_autocommit(handle))
            (void)sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
        return FALSE;
    }
    return TRUE;
}

static gboolean check_schema(DatabaseFile *file, const DatabaseSettings *settings,
                             gint64 *version, GError **error)
{
    gint64 known = 0, tables;
    while (settings->migrations[known])
        known++;
    if (!query_integer(file->handle, "PRAGMA user_version", version, error) ||
        !query_integer(file->handle, "SELECT count(*) FROM sqlite_schema", &tables, error)) {
        file->permanent = is_permanent(sqlite3_errcode(file->handle) & 0xff);
        return FALSE;
    }
    if (*version > known || *version < 0) {
        file->permanent = TRUE;
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s has schema version %" G_GINT64_FORMAT
                       ", this gantryd knows up to %" G_GINT64_FORMAT
                       ": it is not written; install the version of gantryd that wrote it",
                       settings->path, *version, known);
        return FALSE;
    }
    if (*version == 0 && tables > 0) {
        file->permanent = TRUE;
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "%s is the database of another program; move it away, then restart "
                       "gantryd",
                       settings->path);
        return FALSE;
    }
    return TRUE;
}

/* The pragmas that write come after the checks, so that a damaged or foreign
 * file is left as it was found. */
static gboolean prepare_for_writing(DatabaseFile *file, const DatabaseSettings *settings,
                                    GError **error)
{
    gint64 version;
    if (!check_schema(file, settings, &version, error) ||
        !check_integrity(file, settings->path, error) ||
        !database_run(file->handle,
                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                      "PRAGMA foreign_keys=ON; PRAGMA wal_autocheckpoint=1000",
                      error))
        return FALSE;
    if (settings->size_max) {
        gint64 page;
        if (!query_integer(file->handle, "PRAGMA page_size", &page, error))
            return FALSE;
        g_autofree char *limit = g_strdup_printf("PRAGMA max_page_count=%" G_GINT64_FORMAT,
                                                 (gint64)settings->size_max / MAX(page, 512));
        if (!database_run(file->handle, limit, error))
            return FALSE;
    }
    if (!migrate(file->handle, settings->migrations, version, error))
        return FALSE;
    if (sqlite3_db_readonly(file->handle, "main")) {
        set_error_for(error, settings->path, SQLITE_READONLY, EROFS, "read-only");
        return FALSE;
    }
    return TRUE;
}

/* SQLite would create it by the umask; definitions hold passwords. */
static gboolean create_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        set_error_for(error, path, errno == ENOSPC ? SQLITE_FULL : SQLITE_CANTOPEN, errno,
                      "can't be opened");
        return FALSE;
    }
    (void)close(fd);
    return TRUE;
}

static gboolean connect_to(sqlite3 **handle, const char *name, int flags)
{
    if (sqlite3_open_v2(name, handle, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(*handle, 1);
        (void)sqlite3_busy_timeout(*handle, BUSY_TIMEOUT_MS);
        return TRUE;
    }
    (void)sqlite3_close(*handle);
    *handle = NULL;
    return FALSE;
}

/* A read-only file system has no place for the shared memory of WAL, so the
 * second try takes the file as it lies there. */
static gboolean open_for_reading(DatabaseFile *file, const char *path)
{
    static const char *const options[] = {"mode=ro", "immutable=1"};
    g_autofree char *escaped = g_uri_escape_string(path, "/", FALSE);
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autofree char *name = g_strdup_printf("file:%s?%s", escaped, options[i]);
        gint64 tables;
        if (!connect_to(&file->handle, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI))
            continue;
        if (query_integer(file->handle, "SELECT count(*) FROM sqlite_schema", &tables, NULL))
            return TRUE;
        (void)sqlite3_close(file->handle);
        file->handle = NULL;
    }
    return FALSE;
}

void database_file_open(DatabaseFile *file, const DatabaseSettings *settings)
{
    *file = (DatabaseFile){0};
    if (create_file(settings->path, &file->reason)) {
        if (!connect_to(&file->handle, settings->path, SQLITE_OPEN_READWRITE))
            set_error_for(&file->reason, settings->path, SQLITE_CANTOPEN, 0, "can't be opened");
        else if (prepare_for_writing(file, settings, &file->reason))
            file->health = DATABASE_WRITABLE;
    }
    if (file->health == DATABASE_WRITABLE)
        return;
    (void)sqlite3_close(file->handle);
    file->handle = NULL;
    file->health =
        open_for_reading(file, settings->path) ? DATABASE_READABLE : DATABASE_UNUSABLE;
}

void database_file_close(DatabaseFile *file)
{
    database_statements_drop();
    (void)sqlite3_close(file->handle);
    g_clear_error(&file->reason);
    *file = (DatabaseFile){0};
}

gboolean database_file_probe(DatabaseFile *file, GError **error)
{
    gint64 version;
    if (!query_integer(file->handle, "PRAGMA user_version", &version, error))
        return FALSE;
    g_autofree char *script =
        g_strdup_printf("BEGIN IMMEDIATE; PRAGMA user_version = %d; COMMIT", (int)version);
    if (database_run(file->handle, script, error))
        return TRUE;
    if (!sqlite3_get_autocommit(file->handle))
        (void)sqlite3_exec(file->handle, "ROLLBACK", NULL, NULL, NULL);
    return FALSE;
}
