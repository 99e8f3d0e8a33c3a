/* storages - the node's storages in the inventory: the configured directories and
 * libvirt's pools.
 *
 * Each directory is measured by a worker of its own every STORAGE_EVERY seconds,
 * and libvirt's pools by one; a storage that does not answer is shown "silent"
 * with the time of its last answer, raises an alarm, and costs the others nothing.
 */
#pragma once

#include "agent/agent.h"
#include "agent/request.h"

#define STORAGE_EVERY 10

typedef struct StorageTable StorageTable;

StorageTable *storage_table_new(Agent *agent);
void storage_table_free(StorageTable *table);
/* The configuration's list may have changed. */
void storage_table_reload(StorageTable *table);

/* Answers with the storage and its volumes, read in a worker. */
void storage_table_show(StorageTable *table, const char *name, Request *request);
