/* sim/model - what the replicas promised, and whether they keep it.
 *
 * The model is one list: the entry at each index as the first node that applied it
 * saw it. Every other node must find the same entry, the same running hash and the
 * same documents there. Beside it stands what became of each transaction.
 */
#pragma once

#include "tests/sim/world.h"

Model *model_new(const ReplicaMembers *members);
void model_free(Model *model);

void model_submitted(World *world, guint64 ticket, guint32 node);
/* The node has applied the entry; its documents show it. */
void model_applied(World *world, const Node *node, const ReplicaEntry *entry);
void model_loaded(World *world, const Node *node);
void model_answered(World *world, const Node *node, const ReplicaAction *answer);
/* Looks whether what was answered is safe, once a step is carried out. */
void model_checked(World *world, const Node *node);
/* Whoever asked is gone, as its node is. */
void model_forgotten(World *world, guint32 node);
/* Looks at a replica after each of its steps. */
void model_stepped(World *world, Node *node);

/* The number of entries applied anywhere. */
guint64 model_length(const Model *model);
/* Tickets not yet answered. */
guint model_pending(const Model *model);
/* The members as of the last entry. */
const ReplicaMembers *model_members(const Model *model);
