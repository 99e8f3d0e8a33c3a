/* guest_definitions - keeps the store's copies of this node's definitions what they are.
 *
 * A driver tells the hash of a guest's saved definition with its summary. Where it is not
 * that of the store's copy, the definition is read in a worker and put into the store,
 * verbatim; that it was changed, and by whom as far as Gantry knows, is an event. Where the
 * store takes nothing now, it is tried again with guest_definitions_settle().
 */
#pragma once

#include "agent/agent.h"
#include "agent/guest_documents.h"
#include "backend/guest/driver.h"

typedef struct GuestDefinitions GuestDefinitions;

GuestDefinitions *guest_definitions_new(Agent *agent, GuestDocuments *documents);
void guest_definitions_free(GuestDefinitions *definitions);

/* actor: whose task is at work on it, or NULL. */
void guest_definitions_note(GuestDefinitions *definitions, const GuestDriver *driver,
                            const GuestSummary *summary, int number, const char *actor);
void guest_definitions_forget(GuestDefinitions *definitions, const char *native);
void guest_definitions_settle(GuestDefinitions *definitions);
