/* cluster_settings - what people set for the whole cluster, in the store's document
 * cluster/settings: {"move_bandwidth":100,...}.
 *
 * Which settings there are and what they may be stands in the parameters of the method
 * cluster.settings_set; here stands what holds where nothing is set. A value in the document
 * that does not fit (of another version of Gantry) counts as not set, and is kept. On a
 * machine that is in no cluster they are the machine's own.
 */
#pragma once

#include "backend/cluster/store.h"

#include <jansson.h>

#define CLUSTER_SETTINGS_PATH "cluster/settings"

/* Each setting with the value that holds: a new object. */
json_t *cluster_settings_all(const Store *store);
/* The names of those that are set: a new array. */
json_t *cluster_settings_set(const Store *store);
/* Of a setting that is a number; the default while the store is not read. */
gint64 cluster_settings_integer(const Store *store, const char *name);
/* What the document is to hold after cluster.settings_set with these params; NULL and
 * WIRE_ERROR_PARAMS or WIRE_ERROR_CONFLICT. */
json_t *cluster_settings_change(const Store *store, const json_t *params, GError **error);
