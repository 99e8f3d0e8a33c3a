/* monitor - this node's figures, once a second.
 *
 * They come from /proc, which does not hang, and go into the history and, if
 * somebody watches, into the inventory. What changes seldom or may hang is in
 * facts.h and storages.h.
 */
#pragma once

#include "agent/agent.h"

#include "backend/net/rates.h"

#include <jansson.h>

typedef struct NodeMonitor NodeMonitor;

NodeMonitor *node_monitor_new(Agent *agent);
void node_monitor_free(NodeMonitor *monitor);

/* Puts the newest figures into the inventory. */
void node_monitor_publish(NodeMonitor *monitor);
/* What node.show answers beside the node's fields: cores, disks. A new object. */
json_t *node_monitor_detail(const NodeMonitor *monitor);
/* The links' rates, read now, borrowed, or NULL. */
const NetRates *node_monitor_rates(NodeMonitor *monitor);
