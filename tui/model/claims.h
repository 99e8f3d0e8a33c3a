/* model/claims - one row for what several nodes of a cluster tell of.
 *
 * A guest that moves is known by two nodes for a moment, and that a node is lost is an alarm
 * on each of the others. What a node tells is its claim. Of the claims about the same thing
 * one is shown, the others are hidden: known by (node, kind, id), in no list and never told
 * of. Two guests are the same when their nodes are in the same cluster and number, kind and
 * what libvirt or LXC know them by are equal; so two machines that were never joined keep
 * their vm/100 each.
 *
 * Who is shown: a node that is reached beats one that is lost, then what runs beats what
 * starts, is paused or stops, and that beats what is stopped; else it stays as it is, so that
 * nothing goes to and fro. When another claim takes the place the two structs change their
 * contents: the row that is shown stays the same object, with its mark, cursor and views,
 * and is told as changed. There are no moments in which it is gone: each node speaks in a
 * session of its own, so the one that a guest has left may be heard before the one that has it.
 * A guest that goes while it is migrated therefore stays until another node tells of it, for
 * CLAIMS_LEAVE_S seconds at most.
 */
#pragma once

#include "tui/model/model_private.h"

#define CLAIMS_LEAVE_S 5

/* A claim that was just put into the model, shown: TRUE when it is to be told as added, FALSE
 * when it was hidden behind another or took its place. */
gboolean claims_added(Model *model, ModelObject *object);
/* Its fields changed: TRUE when that is to be told. */
gboolean claims_changed(Model *model, ModelObject *object);
/* Its node has it no more: TRUE when it stays nonetheless, as it is on its way to another. */
gboolean claims_leave(Model *model, ModelObject *object);
/* Its node has it still, or again. */
void claims_stay(Model *model, ModelObject *object);
/* It is going: what is to be told as gone and freed, or NULL when nothing is seen of it. */
ModelObject *claims_going(Model *model, ModelObject *object);
/* The node is reached or lost now, or in another cluster. */
void claims_review(Model *model, guint node);
/* The claim that is shown for this one; itself, if it is. */
ModelObject *claims_shown(const Model *model, ModelObject *object);
/* A guest of that node is not there: the one that is shown in its cluster, or NULL. */
ModelObject *claims_elsewhere(const Model *model, const ModelGuest *key);
/* Another node of the cluster has told of this event already, in the same words. */
gboolean claims_is_told(const Model *model, ModelEvent *event);
