/* cluster/database - one SQLite file, in a thread of its own, with queued work.
 *
 * Nothing here blocks the caller: closures go into a queue, one thread runs them
 * against the file, and what came of them is told in the main context that was
 * the thread-default one at database_open(). An fsync that hangs therefore hangs
 * this thread and nothing else; database_busy_since() shows it.
 *
 * The file is opened with journal_mode=WAL and synchronous=FULL: a write that
 * was reported as done is on disk. Writes that wait together are committed
 * together (one fsync for all of them, each inside its own savepoint: one that
 * fails by itself undoes only itself).
 *
 * Health. A file that cannot be used as it should is not an end:
 *   DATABASE_WRITABLE  all is well
 *   DATABASE_READABLE  reads work, writes are refused: disk full, read-only file
 *                      system, damaged (what can be read is), newer schema
 *   DATABASE_UNUSABLE  neither: not a database, not readable at all
 * Where it can pass by itself (disk full, read-only, no permission, I/O error) it
 * is tried again with every write, or every DATABASE_RETRY_S seconds, and the
 * health goes back to WRITABLE without a restart. A damaged file, one that is no
 * database and one with a newer schema stay as they are until a restart. Every
 * error is WIRE_ERROR_STORAGE and names the file and the way out.
 *
 * A write refused with WIRE_ERROR_STORAGE is undone in the file. The one case
 * that nobody can decide is an fsync that fails followed by a loss of power: the
 * change may then be there.
 *
 * Schema. user_version counts the migrations applied. Row i of the table of
 * migrations leads from version i to i+1, each in one transaction. A file whose
 * version is higher than the table is long is served read-only.
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

#define DATABASE_RETRY_S 2
#define DATABASE_CLOSE_S 5 /* how long closing waits for a hung disk */

typedef enum {
    DATABASE_OPENING,
    DATABASE_WRITABLE,
    DATABASE_READABLE,
    DATABASE_UNUSABLE
} DatabaseHealth;

typedef struct {
    const char *path;              /* its directory must exist; created with mode 0600 */
    const char *const *migrations; /* SQL scripts, NULL-terminated; must outlive it */
    guint64 size_max;              /* bytes the file may take; 0: SQLite's own limit */
} DatabaseSettings;

/* In the main context, at first when it is opened and then at each change.
 * reason is NULL when WRITABLE. */
typedef void (*DatabaseHealthChanged)(DatabaseHealth health, const GError *reason,
                                      gpointer user);

/* In the thread. In a write, a transaction is open: neither begin nor end one. */
typedef gboolean (*DatabaseWork)(sqlite3 *handle, gpointer data, GError **error);
/* In the main context; error is NULL when it succeeded and, for a write, is on
 * disk. Called in the order in which the work was queued. */
typedef void (*DatabaseDone)(const GError *error, gpointer data);

typedef struct Database Database;

/* Never fails: what is wrong with the file arrives through changed(). */
Database *database_open(const DatabaseSettings *settings, DatabaseHealthChanged changed,
                        gpointer user);

/* Queues work; done may be NULL. data belongs to the caller until done, and is
 * then released with release (which may be NULL). */
void database_write(Database *database, DatabaseWork work, DatabaseDone done, gpointer data,
                    GDestroyNotify release);
void database_read(Database *database, DatabaseWork work, DatabaseDone done, gpointer data,
                   GDestroyNotify release);

/* Finishes what is queued, calls the callbacks that are due (also those queued
 * by them are refused with WIRE_ERROR_CANCELLED), and closes. When the disk does
 * not answer for DATABASE_CLOSE_S seconds, the thread and what it works on are
 * left behind, their callbacks are not called, and FALSE is returned. */
gboolean database_close(Database *database);

DatabaseHealth database_health(const Database *database);
/* Why it is not WRITABLE, or NULL. Owned by the database. */
const GError *database_reason(const Database *database);
/* Monotonic microseconds since which the present work runs; 0: idle. */
gint64 database_busy_since(Database *database);
const char *database_path(const Database *database);

/* For the closures. Each sets *error from what SQLite says. */
gboolean database_run(sqlite3 *handle, const char *sql, GError **error);
sqlite3_stmt *database_prepare(sqlite3 *handle, const char *sql, GError **error);
/* Runs a statement that gives no rows, and resets it for the next use. */
gboolean database_execute(sqlite3_stmt *statement, GError **error);
/* Advances to the next row; *row is FALSE after the last. */
gboolean database_next(sqlite3_stmt *statement, gboolean *row, GError **error);
/* Calls each() with every row that is left, until it returns FALSE with an error of its own. */
gboolean database_each(sqlite3_stmt *statement,
                       gboolean (*each)(sqlite3_stmt *row, gpointer user, GError **error),
                       gpointer user, GError **error);
/* Binds text (NULL is null), counting from 1. The text must outlive the step. */
void database_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* A column's text, NULL when null; valid until the next step. */
const char *database_column_text(sqlite3_stmt *statement, int column);

static inline void database_statement_free(sqlite3_stmt *statement)
{
    (void)sqlite3_finalize(statement);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, database_statement_free)
