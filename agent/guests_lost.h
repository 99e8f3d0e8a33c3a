/* guests_lost - the guests of nodes that are not seen, as the cluster's store knew them last.
 *
 * Whoever watches gets them as objects of the kind lost_guest, so that a console which starts
 * while a node is off shows what is there. They go when the node is seen again, and then
 * speaks for itself, or when the guest is another node's.
 */
#pragma once

#include "agent/guest_documents.h"
#include "agent/inventory.h"

typedef struct GuestsLost GuestsLost;

/* What is given must outlive it. */
GuestsLost *guests_lost_new(Inventory *inventory, Store *store, GuestDocuments *documents);
void guests_lost_free(GuestsLost *self);

/* The names (keys) of the nodes that are not seen now. */
void guests_lost_nodes(GuestsLost *self, GHashTable *nodes);
