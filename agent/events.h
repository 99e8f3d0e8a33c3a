/* events - what happened on this node: guests that came, went or changed state,
 * drivers that fell silent, tasks that failed, who did what.
 *
 * The newest EVENTS_SHOWN are objects in the inventory, so that consoles see them
 * come in; more of them are in the local database, for event.list.
 */
#pragma once

#include "agent/agent.h"

#define EVENTS_SHOWN 200

typedef struct EventLog EventLog;
typedef enum { EVENT_INFO, EVENT_WARNING, EVENT_ERROR } EventSeverity;

EventLog *event_log_new(Agent *agent);
void event_log_free(EventLog *log);

/* Shows what earlier runs of the agent have recorded. To be called once the local
 * database is open and before anything is added. */
void event_log_load(EventLog *log);

/* object and who may be NULL. */
void event_log_add(EventLog *log, EventSeverity severity, const char *object, const char *who,
                   const char *format, ...) G_GNUC_PRINTF(5, 6);
