#include "backend/cluster/database_statement.h"

#include "backend/cluster/database.h"

/* Of a thread: sql, by address -> sqlite3_stmt. */
static GPrivate kept = G_PRIVATE_INIT((GDestroyNotify)g_hash_table_unref);

static void finalize(gpointer statement)
{
    (void)sqlite3_finalize(statement);
}

sqlite3_stmt *database_statement(sqlite3 *handle, const char *sql, GError **error)
{
    GHashTable *statements = g_private_get(&kept);
    if (!statements) {
        statements = g_hash_table_new_full(NULL, NULL, NULL, finalize);
        g_private_set(&kept, statements);
    }
    sqlite3_stmt *statement = g_hash_table_lookup(statements, sql);
    if (statement && sqlite3_db_handle(statement) == handle) {
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
        return statement;
    }
    statement = database_prepare(handle, sql, error);
    if (statement)
        g_hash_table_replace(statements, (gpointer)(gintptr)sql, statement);
    return statement;
}

gboolean database_statement_run(sqlite3 *handle, const char *sql, GError **error)
{
    sqlite3_stmt *statement = database_statement(handle, sql, error);
    return statement && database_execute(statement, error);
}

void database_statements_drop(void)
{
    GHashTable *statements = g_private_get(&kept);
    if (statements)
        g_hash_table_remove_all(statements);
}
