#include "backend/cluster/replica_state.h"

#define WAITING_MAX   (REPLICA_WINDOW * REPLICA_MEMBERS_MAX)
#define MARKS_AT_ONCE 48u /* of which a LEAD can be hurried */
/* bytes of a transaction whose REQUEST can be */
#define HURRIED_REQUEST_MAX (REPLICA_HURRY_MAX - 80)

void replica_drop_waiting(Replica *replica)
{
    g_queue_clear_full(&replica->waiting, replica_entry_unref);
}

/* ---- the leader: what it tells ---- */

/* What every LEAD says, and the places of so many entries after the announced ones. */
static ReplicaMessage *make_lead(Replica *replica, guint marks)
{
    ReplicaMessage *message = replica_message_new(REPLICA_LEAD);
    message->round = replica->round;
    message->epoch = replica->epoch;
    message->start = replica->start;
    message->hash = replica->start_hash;
    message->committed = replica->committed;
    message->index = replica->announced + 1;
    message->mark_count = marks;
    message->marks = g_new0(ReplicaMark, marks);
    for (guint i = 0; i < marks; i++) {
        const ReplicaEntry *entry = replica_log_at(&replica->log, message->index + i);
        message->marks[i] = (ReplicaMark){entry->origin, entry->incarnation, entry->sequence};
    }
    replica->announced += marks;
    (void)replica_log_hash(&replica->log, replica->announced, &message->digest);
    return message;
}

/* All who are told what is committed know it by this one. */
static void note_told(Replica *replica)
{
    replica->owes_notice = FALSE;
    for (guint i = 0; i < replica->peer_count; i++)
        replica->peers[i].owed = FALSE;
}

void replica_show(Replica *replica)
{
    note_told(replica);
    replica_send(replica, make_lead(replica, 0));
}

/* A place must not overtake its request, nor an earlier place: what is large, and all that
 * follows it until it is committed, goes the way of the requests. */
static gboolean may_hurry(const Replica *replica, guint64 last)
{
    for (guint64 i = MAX(replica->committed, replica->log.base.index) + 1; i <= last; i++)
        if (g_bytes_get_size(replica_log_at(&replica->log, i)->bytes) > HURRIED_REQUEST_MAX)
            return FALSE;
    return TRUE;
}

/* Tells places as long as few such tellings are on their way: what comes meanwhile then goes
 * together. One that is full does not wait. */
static void tell_places(Replica *replica)
{
    guint64 end = replica_log_end(&replica->log), *leads = replica->leads;
    while (replica->announced < end) {
        guint count = (guint)MIN(end - replica->announced, MARKS_AT_ONCE);
        if (count < MARKS_AT_ONCE && leads[REPLICA_LEADS - 1] > replica->committed)
            return;
        for (guint i = REPLICA_LEADS - 1; i > 0; i--)
            leads[i] = leads[i - 1];
        gboolean hurried = may_hurry(replica, replica->announced + count);
        ReplicaMessage *message = make_lead(replica, count);
        leads[0] = replica->announced;
        note_told(replica);
        if (hurried)
            replica_hurry(replica, 0, message);
        else
            replica_send(replica, message);
    }
}

void replica_notify(Replica *replica)
{
    for (guint i = 0; i < replica->peer_count; i++) {
        ReplicaPeer *peer = &replica->peers[i];
        if (peer->owed && replica->phase == REPLICA_LEADING &&
            peer->node != replica->settings.node)
            replica_hurry(replica, peer->node, make_lead(replica, 0));
        peer->owed = FALSE;
    }
}

/* Whoever lacks a place that was told asks for it, as soon as it hears how far the log goes. */
void replica_order_tick(Replica *replica)
{
    if (replica->phase != REPLICA_LEADING)
        return;
    gboolean lagging = replica->announced > replica->committed;
    guint every = lagging ? REPLICA_AGAIN_TICKS : REPLICA_HEARTBEAT_TICKS;
    if (replica->ticks % every == 0)
        replica_show(replica);
    else if (replica->owes_notice) {
        note_told(replica);
        replica_hurry(replica, 0, make_lead(replica, 0));
    }
    tell_places(replica);
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
    tell_places(replica);
}

/* A node need not wait until it hears itself. What it hears later is passed over. */
void replica_take_own(Replica *replica, ReplicaEntry *entry)
{
    if (replica->waiting.length < WAITING_MAX)
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
        peer->node == replica->settings.node || replica->waiting.length >= WAITING_MAX)
        return;
    /* Whether the origin is a member is for the leader to say. */
    if (replica->phase == REPLICA_LEADING && (!member || member->birth != peer->birth))
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
    if (peer->node == replica->settings.node)
        return;
    if (message->epoch != replica->epoch)
        follow(replica, message);
    replica->ticks = 0;
    replica->leaderless_ticks = 0;
    if (replica->phase == REPLICA_FOLLOWING && !replica->diverged) {
        append_marks(replica, message);
        if (message->committed >= replica->start)
            replica->in_force = TRUE;
        replica_commit(replica, MIN(message->committed, replica_log_end(&replica->log)));
    }
    replica_send_requests(replica);
}
