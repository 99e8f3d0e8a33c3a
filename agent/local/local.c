#include "agent/local/local.h"

#include "agent/local/local_file.h"

static const char *const migrations[] = {
    "CREATE TABLE task (id TEXT PRIMARY KEY NOT NULL, method TEXT NOT NULL,"
    "  object TEXT NOT NULL, name TEXT NOT NULL, native TEXT NOT NULL,"
    "  owner TEXT NOT NULL, uid INTEGER NOT NULL, params TEXT NOT NULL,"
    "  boot TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL,"
    "  started REAL NOT NULL, ended REAL NOT NULL, error TEXT, code TEXT, field TEXT,"
    "  result TEXT, unrecovered INTEGER NOT NULL) STRICT;"
    "CREATE INDEX task_open ON task (id)"
    "  WHERE state IN ('queued', 'running') OR unrecovered = 1;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL,"
    "  who TEXT NOT NULL, uid INTEGER NOT NULL, method TEXT NOT NULL, object TEXT,"
    "  params TEXT, result TEXT NOT NULL) STRICT;"
    "CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL,"
    "  severity TEXT NOT NULL, object TEXT, text TEXT NOT NULL, who TEXT) STRICT",

    "CREATE TABLE lost (node TEXT PRIMARY KEY NOT NULL, since INTEGER NOT NULL) STRICT",
    NULL,
};

#define DAYS(days) ((days)*86400.0)

Local *local_open(const char *path, DatabaseHealthChanged changed, gpointer user)
{
    Local *local = g_new0(Local, 1);
    local->database = database_open(&(DatabaseSettings){.path = path, .migrations = migrations},
                                    changed, user);
    return local;
}

gboolean local_close(Local *local)
{
    if (!local)
        return TRUE;
    gboolean ended = database_close(local->database);
    g_free(local);
    return ended;
}

const GError *local_reason(const Local *local)
{
    return database_reason(local->database);
}

typedef struct {
    guint task_days;
    double now;
    DatabaseDone done;
    gpointer user;
} Trim;

static gboolean delete_rows(sqlite3 *handle, const char *sql, double before, gint64 rows,
                            GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(handle, sql, error);
    if (!statement)
        return FALSE;
    (void)sqlite3_bind_double(statement, 1, before);
    (void)sqlite3_bind_int64(statement, 2, rows);
    return database_execute(statement, error);
}

static gboolean run_trim(sqlite3 *handle, gpointer data, GError **error)
{
    const Trim *trim = data;
    return delete_rows(handle,
                       "DELETE FROM task WHERE state NOT IN ('queued', 'running')"
                       "  AND unrecovered = 0 AND (ended < ?1 OR id <= (SELECT id FROM task"
                       "    ORDER BY id DESC LIMIT 1 OFFSET ?2))",
                       trim->now - DAYS(trim->task_days), LOCAL_TASK_ROWS, error) &&
           delete_rows(handle,
                       "DELETE FROM audit WHERE time < ?1 OR id <= (SELECT id FROM audit"
                       "  ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                       trim->now - DAYS(LOCAL_AUDIT_DAYS), LOCAL_AUDIT_ROWS, error) &&
           delete_rows(handle,
                       "DELETE FROM event WHERE time < ?1 OR id <= (SELECT id FROM event"
                       "  ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                       trim->now - DAYS(LOCAL_EVENT_DAYS), LOCAL_EVENT_ROWS, error);
}

static void trim_done(const GError *error, gpointer data)
{
    const Trim *trim = data;
    if (trim->done)
        trim->done(error, trim->user);
}

void local_trim(Local *local, guint task_days, DatabaseDone done, gpointer user)
{
    Trim trim = {task_days, (double)g_get_real_time() / G_USEC_PER_SEC, done, user};
    database_write(local->database, run_trim, trim_done, g_memdup2(&trim, sizeof trim), g_free);
}
