/* model/lost_guests - the guests of a node that is not reached, as others know them.
 *
 * A node that sees another one no more tells of its guests as the cluster's store has them
 * (objects of the kind lost_guest); and where it does see it, and only this console can't
 * reach it, it is asked (cluster.guests). Each becomes a row of the lost node's, marked as
 * recalled: by name, state and tags, without figures. Rows that the node brought itself, before
 * it was lost, know more and are left alone. Once it is reached it speaks for itself: what it
 * tells of is no longer recalled, and what its snapshot does not name goes, so that no guest is
 * there twice. Until then a row stays, also when nobody tells of it any more, as it does for a
 * node that was lost before the eyes of this console; a guest that another node has taken over
 * is one row by the rules of claims.h.
 *
 * The lost node may become known only after its guests: what is told waits for it here.
 */
#pragma once

#include "tui/model/model_private.h"

GPtrArray *lost_guests_new(void);
/* The node told of a lost guest; or tells of it no more. */
void lost_guests_told(Model *model, guint teller, const json_t *json);
void lost_guests_gone(Model *model, guint teller, const char *id);
/* A node has a name now: what waited for it is put in. */
void lost_guests_review(Model *model, ModelNode *node);
/* All that this node told, and that waits, is void. */
void lost_guests_forget(Model *model, guint teller);
