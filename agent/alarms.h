/* alarms - what needs a person's attention now.
 *
 * A condition that holds is an object of kind alarm in the inventory, under an
 * identifier that is the same as long as it lasts; when it is over the object is
 * gone. Each raise and clear is also an event. Conditions that flap at a limit
 * are held by a margin (hysteresis) before they clear.
 */
#pragma once

#include "agent/agent.h"
#include "agent/events.h"
#include "backend/node/figures.h"

typedef struct AlarmTable AlarmTable;

AlarmTable *alarms_new(Agent *agent);
void alarms_free(AlarmTable *alarms);

/* Raises it, or changes its text if it holds already. key is the alarm's
 * identifier on this node, object what it is about. */
void alarms_raise(AlarmTable *alarms, EventSeverity severity, const char *key,
                  const char *object, const char *format, ...) G_GNUC_PRINTF(5, 6);
/* The same; told: what begins and ends with it has events of its own. */
void alarms_raise_told(AlarmTable *alarms, EventSeverity severity, const char *key,
                       const char *object, gboolean told, const char *format, ...)
    G_GNUC_PRINTF(6, 7);
void alarms_clear(AlarmTable *alarms, const char *key);

/* Memory and swap of the node. */
void alarms_check_node(AlarmTable *alarms, const NodeFigures *figures);
/* How full a file system or pool is; total 0: not known. */
void alarms_check_space(AlarmTable *alarms, const char *name, guint64 used, guint64 total);
