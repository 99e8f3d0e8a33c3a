#include "backend/cluster/replica_state.h"

#define WAITING_MAX (REPLICA_WINDOW * REPLICA_MEMBERS_MAX)

void replica_drop_waiting(Replica *replica)
{
    g_queue_clear_full(&replica->waiting, replica_entry_unref);
}

/* Tells the others which requests got which places; also that the leader lives. */
void replica_lead(Replica *replica)
{
    if (replica->phase != REPLICA_LEADING || replica->announcing)
        return;
    guint64 end = replica_log_end(&replica->log);
    ReplicaMessage *message = replica_message_new(REPLICA_LEAD);
    message->round = replica->round;
    message->epoch = replica->epoch;
    message->start = replica->start;
    message->hash = replica->start_hash;
    message->committed = replica->committed;
    message->index = replica->announced + 1;
    message->mark_count = (guint)MIN(end - replica->announced, REPLICA_MARKS_MAX);
    message->marks = g_new0(ReplicaMark, message->mark_count);
    for (guint i = 0; i < message->mark_count; i++) {
        const ReplicaEntry *entry = replica_log_at(&replica->log, message->index + i);
        message->marks[i] = (ReplicaMark){entry->origin, entry->incarnation, entry->sequence};
    }
    replica->announced += message->mark_count;
    (void)replica_log_hash(&replica->log, replica->announced, &message->digest);
    replica->announcing = TRUE;
    replica_send(replica, message);
}

/* The log is the leader's up to where it now ends. */
void replica_adopt(Replica *replica)
{
    replica->adopted = replica->epoch;
    replica->verified = replica_log_end(&replica->log);
    if (replica->phase != REPLICA_LEADING)
        replica->phase = REPLICA_FOLLOWING;
    replica_resend_requests(replica);
    replica_count_acks(replica);
}

/* The leader: places for what waits. */

static gboolean is_next(const Replica *replica, const ReplicaEntry *entry)
{
    const ReplicaMember *member =
        replica_members_find((ReplicaMembers *)&replica->log.members, entry->origin);
    if (replica_has_fault(replica, REPLICA_FAULT_NO_DEDUPE))
        return TRUE;
    if (!member)
        return FALSE;
    if (member->incarnation == entry->incarnation)
        return entry->sequence == member->sequence + 1;
    return entry->incarnation > member->incarnation && entry->sequence == 1;
}

/* A change waits until the one before it is committed, and this epoch is in force:
 * else members of two configurations could decide without each other. */
static gboolean can_change(const Replica *replica)
{
    return (replica->in_force && replica->log.changed <= replica->committed) ||
           replica_has_fault(replica, REPLICA_FAULT_CHANGE_ANYTIME);
}

void replica_order(Replica *replica)
{
    if (replica->phase != REPLICA_LEADING)
        return;
    ReplicaEntry *entry;
    while ((entry = g_queue_peek_head(&replica->waiting))) {
        gboolean next = is_next(replica, entry);
        if (next && ((entry->kind == REPLICA_CHANGE && !can_change(replica)) ||
                     replica->log.size > replica->settings.size_max))
            break;
        (void)g_queue_pop_head(&replica->waiting);
        if (!next) {
            replica_entry_unref(entry);
            continue;
        }
        entry->epoch = replica->epoch;
        replica_log_append(&replica->log, entry);
    }
    if (replica_log_end(&replica->log) > replica->announced)
        replica_lead(replica);
}

/* A leader need not wait until it hears itself: the others hear of the request before they
 * hear of its place. What it hears later has its place, and is dropped. */
void replica_take_own(Replica *replica, ReplicaEntry *entry)
{
    if (replica->phase == REPLICA_LEADING && replica->waiting.length < WAITING_MAX)
        g_queue_push_tail(&replica->waiting, entry);
    else
        replica_entry_unref(entry);
}

void replica_on_request(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    const ReplicaMember *member = replica_members_find(&replica->log.members, peer->node);
    const ReplicaEntry *request = g_ptr_array_index(message->entries, 0);
    gboolean any = replica_has_fault(replica, REPLICA_FAULT_ANY_EPOCH);
    if ((message->epoch != replica->epoch && !any) || !replica->epoch ||
        replica->waiting.length >= WAITING_MAX)
        return;
    /* Whether the origin is a member is for the leader to say. */
    if (replica->phase == REPLICA_LEADING &&
        (!member || member->birth != peer->birth || peer->node == replica->settings.node))
        return;
    ReplicaEntry *entry = replica_entry_new(request->kind, peer->node, request->incarnation,
                                            request->sequence, request->bytes);
    g_queue_push_tail(&replica->waiting, entry);
    replica_order(replica);
}

/* The others: what the leader gave a place. */

/* The request, taken out of those that wait. They wait in the order in which the
 * leader saw them too, so it is at the front, behind those that got no place. */
static ReplicaEntry *take_waiting(Replica *replica, const ReplicaMark *mark)
{
    for (GList *node = replica->waiting.head; node; node = node->next) {
        ReplicaEntry *entry = node->data;
        if (entry->origin == mark->origin && entry->incarnation == mark->incarnation &&
            entry->sequence == mark->sequence) {
            g_queue_delete_link(&replica->waiting, node);
            return entry;
        }
    }
    return NULL;
}

/* Requests that came with a place in some other way, or will not get one. */
static void drop_placed(Replica *replica)
{
    ReplicaEntry *entry;
    while ((entry = g_queue_peek_head(&replica->waiting))) {
        const ReplicaMember *member =
            replica_members_find(&replica->log.members, entry->origin);
        if (member &&
            (member->incarnation < entry->incarnation ||
             (member->incarnation == entry->incarnation && member->sequence < entry->sequence)))
            return;
        replica_entry_unref(g_queue_pop_head(&replica->waiting));
    }
}

static void append_marks(Replica *replica, const ReplicaMessage *message)
{
    guint64 last = message->index + message->mark_count - 1;
    if (replica->log.size > replica->settings.size_max)
        return;
    for (guint i = 0; i < message->mark_count; i++) {
        guint64 index = message->index + i, end = replica_log_end(&replica->log);
        if (index <= end)
            continue;
        ReplicaEntry *entry =
            index == end + 1 ? take_waiting(replica, &message->marks[i]) : NULL;
        if (!entry)
            break;
        entry->epoch = replica->epoch;
        replica_log_append(&replica->log, entry);
    }
    drop_placed(replica);
    ReplicaHash own;
    if (replica_log_end(&replica->log) < last)
        replica_fetch(replica);
    else if (replica_log_hash(&replica->log, last, &own) &&
             !replica_hash_equal(&own, &message->digest))
        replica_diverge(replica);
}

/* A leader that is new to this node. */
static void follow(Replica *replica, const ReplicaMessage *message)
{
    replica_leave_epoch(replica);
    replica->phase = REPLICA_CATCHING;
    replica->promised = MAX(replica->promised, message->epoch);
    replica->epoch = message->epoch;
    replica->leader = replica_epoch_leader(message->epoch);
    replica->start = message->start;
    replica->start_hash = message->hash;
    replica_resend_requests(replica);
    replica_catch_up(replica);
}

void replica_on_lead(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    gboolean any = replica_has_fault(replica, REPLICA_FAULT_ANY_EPOCH);
    if (replica_epoch_leader(message->epoch) != peer->node ||
        ((message->epoch < replica->promised || message->round != replica->round) && !any))
        return;
    if (peer->node == replica->settings.node) {
        if (message->epoch == replica->epoch) {
            replica->announcing = FALSE;
            if (replica_log_end(&replica->log) > replica->announced)
                replica_lead(replica);
        }
        return;
    }
    if (message->epoch != replica->epoch)
        follow(replica, message);
    replica->ticks = 0;
    replica->leaderless_ticks = 0;
    if (replica->phase == REPLICA_FOLLOWING && !replica->diverged) {
        append_marks(replica, message);
        if (message->committed >= replica->start)
            replica->in_force = TRUE;
        replica_commit(replica, MIN(message->committed, replica_log_end(&replica->log)));
        if (replica->acked > message->committed && message->mark_count == 0)
            replica_ack(replica, TRUE);
    }
    replica_send_requests(replica);
}
