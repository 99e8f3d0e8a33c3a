/* links - this node's network links in the inventory: what they are, whenever the
 * kernel says that something changed, and their rates while somebody watches. */
#pragma once

#include "agent/agent.h"
#include "backend/net/rates.h"

typedef struct LinkTable LinkTable;

LinkTable *link_table_new(Agent *agent);
void link_table_free(LinkTable *table);

/* Puts the rates of the last second into the inventory; rates may be NULL. */
void link_table_publish(LinkTable *table, const NetRates *rates);
