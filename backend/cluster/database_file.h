/* cluster/database_file - opening an SQLite file, whatever state it is in.
 *
 * The blocking half of cluster/database, called in its thread only.
 */
#pragma once

#include "backend/cluster/database.h"

typedef struct {
    sqlite3 *handle; /* NULL when UNUSABLE */
    DatabaseHealth health;
    GError *reason;     /* NULL when WRITABLE */
    gboolean permanent; /* trying again is of no use */
} DatabaseFile;

/* Opens as far as it goes: for writing, else for reading, else not at all. */
void database_file_open(DatabaseFile *file, const DatabaseSettings *settings);
void database_file_close(DatabaseFile *file);

/* Writes something that changes nothing, to see whether writing works. */
gboolean database_file_probe(DatabaseFile *file, GError **error);

/* Sets *error from the handle's last failure. */
void database_error_set(GError **error, sqlite3 *handle);
