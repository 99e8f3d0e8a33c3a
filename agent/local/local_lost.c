/* Which nodes of the cluster were not seen, and since when: a row each. */
#include "agent/local/local_file.h"

#include "backend/cluster/database_statement.h"

static void nodes_free(gpointer nodes)
{
    json_decref(nodes);
}

static gboolean add_row(sqlite3 *handle, const char *node, const json_t *since, GError **error)
{
    sqlite3_stmt *statement =
        database_statement(handle, "INSERT INTO lost (node, since) VALUES (?, ?)", error);
    if (!statement)
        return FALSE;
    database_bind_text(statement, 1, node);
    (void)sqlite3_bind_int64(statement, 2, json_integer_value(since));
    return database_execute(statement, error);
}

static gboolean run_save(sqlite3 *handle, gpointer nodes, GError **error)
{
    const char *node;
    json_t *since;
    if (!database_statement_run(handle, "DELETE FROM lost", error))
        return FALSE;
    json_object_foreach(nodes, node, since)
    {
        if (!add_row(handle, node, since, error))
            return FALSE;
    }
    return TRUE;
}

void local_lost_save(Local *local, json_t *nodes)
{
    database_write(local->database, run_save, NULL, nodes, nodes_free);
}
