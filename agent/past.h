/* past - the agent's history of figures: kept in memory, saved to a file.
 *
 * The file (history in the state directory) is read when the agent starts and
 * written every PAST_SAVE_EVERY seconds and when the agent stops, both in a
 * worker: a crash costs that much of the finest series. Its size is bounded as
 * backend/node/history.h says. A damaged file is kept beside the new one as
 * history.damaged, and an event says so.
 */
#pragma once

#include "agent/agent.h"
#include "backend/guest/driver.h"
#include "backend/node/figures.h"
#include "backend/node/history.h"

#include <jansson.h>

#define PAST_SAVE_EVERY 300

typedef struct Past Past;

Past *past_new(Agent *agent);
/* Saves what there is; waits for the disk. */
void past_free(Past *past);

void past_add_node(Past *past, const NodeFigures *figures);
/* place is kept beside the guest, and zero at first. */
void past_add_guest(Past *past, const char *id, HistoryPlace *place,
                    const GuestFigures *figures);
void past_forget_guest(Past *past, const char *id);

/* {"span","start","step","series":{name:[number or null]}} of a guest, or of the
 * node when id is NULL. span: hour, day, month; step: seconds of a point at the least. */
json_t *past_query(Past *past, const char *id, const char *span, gint64 since, int step,
                   GError **error);
