/* cluster/replica_members - who votes on the log, as the log itself says.
 *
 * The members are a function of the log: they change only by entries of the kind
 * REPLICA_CHANGE, and are in force from the moment at which such an entry is
 * appended, committed or not. A change alters one member by at most one vote, and
 * the leader appends one only when the change before it is committed and its own
 * epoch is in force; so any two configurations that can be in use at the same time
 * are next to each other, and a majority of the one shares a voter with a majority
 * of the other (with totals T and T+1, the smallest majorities have T/2+1 and
 * (T+1)/2+1 votes, the latter at most one of them new: together more than T).
 *
 * A node is known by its number and its birth, a random number that its database
 * was made with. A node whose database was lost comes back with another birth and
 * is a stranger until it is removed and added again: it has forgotten what it
 * promised, so its vote must not count.
 *
 * A member carries the mark of its requests: those of this incarnation of the node
 * up to this sequence are in the log. It makes each request get in at most once. A
 * former member keeps its place in the list for the mark's sake: were it forgotten,
 * a node that was removed and added again without knowing could send its last
 * requests once more. So REPLICA_MEMBERS_MAX counts all nodes there ever were.
 */
#pragma once

#include "backend/cluster/replica_codec.h"

#include <glib.h>

#define REPLICA_MEMBERS_MAX 64
#define REPLICA_VOTES_MAX   8 /* of one member */

typedef struct {
    guint32 node;  /* never 0 */
    guint32 votes; /* 0: a learner, which is kept up to date only */
    guint64 birth;
    guint64 incarnation, sequence;
    gboolean former;
} ReplicaMember;

typedef struct {
    guint count; /* ordered by node */
    ReplicaMember list[REPLICA_MEMBERS_MAX];
} ReplicaMembers;

/* The wish: this node, born so, has so many votes; or is a member no more. */
typedef struct {
    guint32 node, votes;
    guint64 birth;
    gboolean remove;
} ReplicaChange;

/* NULL when it is no member. */
ReplicaMember *replica_members_find(ReplicaMembers *members, guint32 node);
/* The votes of the node, 0 when it is no member or was born otherwise. */
guint replica_members_votes(const ReplicaMembers *members, guint32 node, guint64 birth);
guint replica_members_total(const ReplicaMembers *members);
/* Whether so many votes are more than half of all. Never with no votes at all. */
gboolean replica_members_is_majority(const ReplicaMembers *members, guint votes);

/* Makes the change, or refuses it (FALSE, nothing changed): more than one vote at
 * a time, another birth, too many members, the last voter. Deterministic: every
 * node that has the entry comes to the same end. */
gboolean replica_members_change(ReplicaMembers *members, const ReplicaChange *change);

GBytes *replica_change_encode(const ReplicaChange *change);
gboolean replica_change_decode(GBytes *bytes, ReplicaChange *change);
void replica_code_members(ReplicaCodec *codec, ReplicaMembers *members);
