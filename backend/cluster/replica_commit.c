#include "backend/cluster/replica_state.h"

/* Digests: nodes that applied the same entries must have the same documents. */

static ReplicaCheck *check_at(Replica *replica, guint64 index)
{
    ReplicaCheck *check = &replica->checks[(index / REPLICA_CHECK_INTERVAL) % REPLICA_CHECKS];
    return index > 0 && check->index == index ? check : NULL;
}

/* Stops this node when those who have its documents cannot be a majority. */
static void compare_digests(Replica *replica, guint64 index)
{
    const ReplicaCheck *own = check_at(replica, index);
    if (!own)
        return;
    guint against = 0;
    for (guint i = 0; i < replica->peer_count; i++) {
        ReplicaPeer *peer = &replica->peers[i];
        if (peer->checked == index && !replica_hash_equal(&peer->digest, &own->digest))
            peer->differs = TRUE;
        /* Not all tell of the same entries: what one has shown once is remembered. */
        if (peer->differs)
            against += replica_members_votes(&replica->log.members, peer->node, peer->birth);
    }
    if (against > 0 && 2 * against >= replica_members_total(&replica->log.members))
        replica_diverge(replica);
}

void replica_checked(Replica *replica, guint64 index, const ReplicaHash *digest)
{
    if (index % REPLICA_CHECK_INTERVAL != 0)
        return;
    replica->checked = index;
    replica->checks[(index / REPLICA_CHECK_INTERVAL) % REPLICA_CHECKS] =
        (ReplicaCheck){index, *digest};
    compare_digests(replica, index);
}

/* Applying. */

/* The last entry that this node can do without: it is in the documents, on disk, and
 * the others were told of its place (they may have fetched it before that). */
static guint64 find_dispensable(const Replica *replica)
{
    guint64 last = MIN(replica->applied, replica->disk.synced);
    return replica->phase == REPLICA_LEADING ? MIN(last, replica->announced) : last;
}

void replica_compact(Replica *replica)
{
    const ReplicaLog *log = &replica->log;
    guint64 keep = replica->settings.keep, base = log->base.index;
    gsize size = log->size, size_kept = replica->settings.size_kept;
    gboolean many = replica->applied > base + 2 * keep;
    if (!many && size <= size_kept)
        return;
    guint64 last = find_dispensable(replica), index = base;
    while (index < last && (size > size_kept || (many && index + keep < replica->applied)))
        size -= g_bytes_get_size(replica_log_at(log, ++index)->bytes);
    replica_log_compact(&replica->log, index);
}

static void apply(Replica *replica, ReplicaEntry *entry)
{
    gboolean accepted = replica_members_enter(&replica->members, entry);
    replica->applied = entry->index;
    replica_act(replica, REPLICA_APPLY)->entry = replica_entry_ref(entry);
    replica_request_applied(replica, entry, accepted);
    if (entry->kind == REPLICA_CHANGE)
        replica_check_session(replica);
}

void replica_commit(Replica *replica, guint64 index)
{
    if (replica->diverged || index <= replica->committed)
        return;
    replica->committed = index;
    replica->again_ticks = 0;
    while (replica->applied < index) {
        ReplicaEntry *entry = replica_log_at(&replica->log, replica->applied + 1);
        ReplicaPeer *origin = replica_peer(replica, entry->origin);
        if (origin)
            origin->owed = TRUE;
        apply(replica, entry);
    }
    if (replica->phase != REPLICA_LEADING)
        return;
    replica->owes_notice = TRUE;
    if (!replica_is_voter(replica) && replica->log.changed <= index)
        replica_round(replica, replica->round + 1); /* its last act was its removal */
    else
        replica_order(replica);
}

/* Acks. */

static guint count_acks(const Replica *replica, guint64 index)
{
    guint votes = 0;
    for (guint i = 0; i < replica->peer_count; i++) {
        const ReplicaPeer *peer = &replica->peers[i];
        if (peer->has_acked && peer->acked >= index)
            votes += replica_votes(replica, peer);
    }
    return votes;
}

/* The highest index that voters with a majority have on disk; FALSE when there is
 * none, as a majority has not even adopted the epoch. */
static gboolean find_majority(const Replica *replica, guint64 *index)
{
    gboolean found = FALSE;
    for (guint i = 0; i < replica->peer_count; i++) {
        const ReplicaPeer *peer = &replica->peers[i];
        if (!peer->has_acked || (found && peer->acked <= *index))
            continue;
        if (!replica_is_majority(replica, count_acks(replica, peer->acked)) &&
            !replica_has_fault(replica, REPLICA_FAULT_COMMIT_ALONE))
            continue;
        *index = peer->acked;
        found = TRUE;
    }
    return found;
}

/* It changes what all can do, so they hear of it at once. */
static void note_force(Replica *replica)
{
    replica->in_force = TRUE;
    replica->owes_notice = TRUE;
    for (guint i = 0; i < replica->peer_count; i++)
        replica->peers[i].owed = TRUE;
}

/* The leader's alone. One who settled by itself what the leader has not would not repeat the
 * ack that the leader lacks. */
void replica_count_acks(Replica *replica)
{
    guint64 index = 0;
    if (replica->phase != REPLICA_LEADING || replica->diverged ||
        !find_majority(replica, &index))
        return;
    if (!replica->in_force)
        note_force(replica);
    replica_commit(replica, MIN(index, replica_log_end(&replica->log)));
    replica_order(replica);
}

void replica_on_ack(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    if (message->epoch != replica->epoch &&
        !replica_has_fault(replica, REPLICA_FAULT_ANY_EPOCH))
        return;
    peer->acked = MAX(peer->acked, message->index);
    peer->has_acked = TRUE;
    peer->checked = message->checked;
    peer->digest = message->digest;
    ReplicaHash own;
    if (replica_is_in_line(replica) && peer->node == replica->leader &&
        replica_log_hash(&replica->log, message->index, &own) &&
        !replica_hash_equal(&own, &message->hash))
        replica_diverge(replica);
    compare_digests(replica, message->checked);
    replica_count_acks(replica);
}

/* Whether the disk's state may be told as an ack, and up to where. */
static gboolean find_ack(const Replica *replica, guint64 *index)
{
    *index = replica->disk.synced;
    gboolean adopted =
        replica->disk.adopted == replica->epoch && replica->promised == replica->epoch;
    if (replica_has_fault(replica, REPLICA_FAULT_ACK_UNSYNCED)) {
        *index = replica_log_end(&replica->log);
        adopted = TRUE;
    }
    return adopted && replica_is_in_line(replica) && !replica->diverged;
}

static ReplicaMessage *make_ack(Replica *replica)
{
    ReplicaMessage *message = replica_message_new(REPLICA_ACK);
    message->epoch = replica->epoch;
    message->index = replica->acked;
    (void)replica_log_hash(&replica->log, replica->acked, &message->hash);
    const ReplicaCheck *check = check_at(replica, replica->checked);
    if (check) {
        message->checked = check->index;
        message->digest = check->digest;
    }
    return message;
}

/* It is the leader who counts; the others hear from it what is committed. */
void replica_ack(Replica *replica)
{
    guint64 index;
    if (!find_ack(replica, &index) || (replica->has_acked && index <= replica->acked))
        return;
    replica->has_acked = TRUE;
    replica->acked = index;
    replica->again_ticks = 0;
    ReplicaPeer *self = replica_peer(replica, replica->settings.node);
    if (self) {
        self->has_acked = TRUE;
        self->acked = index;
    }
    if (replica->leader != replica->settings.node)
        replica_hurry(replica, replica->leader, make_ack(replica));
    replica_count_acks(replica);
}

/* To all, a digest that they have not heard of; and an ack that had no effect: it may be
 * lost, or stand in the way of nothing but slow disks. */
void replica_ack_tick(Replica *replica)
{
    guint64 index;
    if (!replica->has_acked || !find_ack(replica, &index))
        return;
    gboolean again = replica->leader != replica->settings.node &&
                     (replica->acked > replica->committed || !replica->in_force) &&
                     ++replica->again_ticks >= REPLICA_AGAIN_TICKS;
    if (!again && replica->told == replica->checked)
        return;
    replica->again_ticks = 0;
    replica->told = replica->checked;
    replica_send(replica, make_ack(replica));
}
