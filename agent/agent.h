/* agent - the parts of a running gantryd, and who owns them: agent/main.c makes
 * them in this order and frees them in the reverse one. Each part is described
 * in its own header. Everything here belongs to the main loop's thread.
 */
#pragma once

#include "agent/worker.h"
#include "conf/agent.h"

#include <glib.h>

typedef struct Agent Agent;

struct Agent {
    AgentConfig *config; /* replaced as a whole by a reload */
    const char *node;    /* this node's name; config's */
    GMainLoop *loop;
    WorkerPool *workers;
    struct Inventory *inventory;
    struct LocalDatabase *local; /* tasks, audit, events: this node's own */
    struct Store *store;         /* documents, replicated in a cluster */
    struct EventLog *events;
    struct Past *past; /* history of figures */
    struct TaskEngine *tasks;
    struct GuestTable *guests;
    struct NodeMonitor *monitor; /* this node's figures */
    struct NodeFacts *facts;     /* what changes seldom */
    struct StorageTable *storages;
    struct LinkTable *links;
    struct AlarmTable *alarms;
    struct StreamTable *streams;
    struct SessionTable *sessions;
};
