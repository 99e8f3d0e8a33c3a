/* cluster/database_statement - statements that are prepared once and kept.
 *
 * For what is written again and again: preparing takes longer than running. They belong to
 * the thread that uses them (each Database has its own) and are to be dropped before the
 * handle is closed. The SQL must be a constant: statements are found by its address.
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/* Reset, without bindings; borrowed, until it is asked for again. For statements that
 * database_execute() runs to their end. NULL and the error as database_prepare(). */
sqlite3_stmt *database_statement(sqlite3 *handle, const char *sql, GError **error);
/* Prepared, and run. */
gboolean database_statement_run(sqlite3 *handle, const char *sql, GError **error);
/* All of this thread's. */
void database_statements_drop(void);
