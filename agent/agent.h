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
    struct Local *local; /* tasks, audit, events: this node's own */
    struct Store *store; /* documents, replicated in a cluster */
    struct EventLog *events;
    struct Past *past; /* history of figures */
    struct TaskBoard *tasks;
    struct GuestTable *guests;                /* NULL until the store is read */
    struct ConsoleSettings *console_settings; /* NULL until then, too */
    struct NodeMonitor *monitor;              /* this node's figures */
    struct Survey *survey;                    /* what takes time to find out */
    struct StorageTable *storages;
    struct LinkTable *links;
    struct AlarmTable *alarms;
    struct StreamTable *streams;
    struct ClusterPart *cluster;
    struct Peers *peers; /* the other agents of the cluster */
    struct SessionTable *sessions;
};
