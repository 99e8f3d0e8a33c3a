#include "backend/cluster/replica_state.h"

/* Makes the log end at `last`, where it is known to be the leader's. */
static void cut_tail(Replica *replica, guint64 last)
{
    if (replica_log_end(&replica->log) <= last ||
        replica_has_fault(replica, REPLICA_FAULT_KEEP_TAIL))
        return;
    replica_log_truncate(&replica->log, last);
    replica_disk_cut(replica, last);
}

/* The log holds all that the leader's had when it began. What else it holds was
 * never committed: else the leader would have it. */
static void fall_in_line(Replica *replica, guint64 last)
{
    if (replica->committed > last) {
        replica_diverge(replica);
        return;
    }
    cut_tail(replica, last);
    replica->fetching = FALSE;
    replica_adopt(replica);
}

void replica_catch_up(Replica *replica)
{
    if (replica->phase != REPLICA_CATCHING || replica->diverged || replica->fetching)
        return;
    if (replica_log_has(&replica->log, replica->start, &replica->start_hash))
        fall_in_line(replica, replica->start);
    else
        replica_fetch(replica);
}

static void add_probe(const Replica *replica, ReplicaMessage *message, guint64 index)
{
    ReplicaProbe *probe = &message->probes[message->probe_count];
    if (message->probe_count == REPLICA_PROBES_MAX ||
        !replica_log_hash(&replica->log, index, &probe->hash))
        return;
    probe->index = index;
    message->probe_count++;
}

/* Asks the leader for what follows the latest entry that it has too: at the end, or
 * before it at growing distances. */
void replica_fetch(Replica *replica)
{
    if (replica->fetching || !replica->epoch || replica->leader == replica->settings.node)
        return;
    replica->fetching = TRUE;
    replica->fetch_ticks = 0;
    ReplicaMessage *message = replica_message_new(REPLICA_FETCH);
    message->epoch = replica->epoch;
    if (replica->installing) {
        message->index = replica->install_index;
        message->offset = replica->install_offset;
    } else if (!replica->resync) {
        guint64 index = replica_log_end(&replica->log), lowest = replica->committed;
        for (guint64 step = 1; index > lowest; step *= 2) {
            add_probe(replica, message, index);
            index = index - lowest > step ? index - step : lowest;
        }
        add_probe(replica, message, lowest);
        add_probe(replica, message, replica->matched);
        /* Not even what was committed is the leader's? Then say where it is not. */
        add_probe(replica, message, replica->log.base.index);
    }
    replica_send(replica, message);
}

/* The leader's side. */

static void send_entries(Replica *replica, guint32 to, const ReplicaProbe *after)
{
    ReplicaMessage *message = replica_message_new(REPLICA_ENTRIES);
    message->epoch = replica->epoch;
    message->to = to;
    message->end = replica_log_end(&replica->log);
    message->committed = replica->committed;
    message->index = after->index;
    message->hash = after->hash;
    message->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
    gsize size = 0;
    for (guint64 i = after->index + 1; i <= message->end; i++) {
        ReplicaEntry *entry = replica_log_at(&replica->log, i);
        size += g_bytes_get_size(entry->bytes);
        if (message->entries->len == REPLICA_ENTRIES_MAX ||
            (message->entries->len > 0 && size > replica->settings.piece_size))
            break;
        g_ptr_array_add(message->entries, replica_entry_ref(entry));
    }
    replica_send(replica, message);
}

/* All get every piece, so one at a time goes out, for all who follow: of many who begin
 * together, each asks for the next piece, and the first is answered. */
static void read_piece(Replica *replica, const ReplicaPeer *peer, guint64 index, guint64 offset)
{
    gboolean is_next =
        offset > 0 && index == replica->sent_index && offset == replica->sent_offset;
    if (replica->sending && !is_next)
        return;
    replica->sending = TRUE;
    replica->sending_ticks = 0;
    replica->sent_offset = 0;
    ReplicaAction *action = replica_act(replica, REPLICA_READ_PIECE);
    action->node = peer->node;
    action->index = index;
    action->offset = offset;
    action->base = g_new0(ReplicaBase, 1);
    action->base->index = replica->applied;
    action->base->members = replica->members;
    (void)replica_log_hash(&replica->log, replica->applied, &action->base->hash);
}

void replica_on_fetch(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    if (replica->phase != REPLICA_LEADING || message->epoch != replica->epoch ||
        peer->node == replica->settings.node)
        return;
    if (message->offset > 0) {
        read_piece(replica, peer, message->index, message->offset);
        return;
    }
    const ReplicaProbe *best = NULL;
    for (guint i = 0; i < message->probe_count; i++) {
        const ReplicaProbe *probe = &message->probes[i];
        if ((!best || probe->index > best->index) &&
            replica_log_has(&replica->log, probe->index, &probe->hash))
            best = probe;
    }
    if (best)
        send_entries(replica, peer->node, best);
    else
        read_piece(replica, peer, 0, 0);
}

void replica_piece(Replica *replica, const ReplicaEvent *event)
{
    if (replica->phase != REPLICA_LEADING)
        return;
    ReplicaMessage *message = replica_message_new(REPLICA_SNAPSHOT);
    message->epoch = replica->epoch;
    message->to = event->node;
    message->base = *event->base;
    message->digest = event->digest;
    message->offset = event->offset;
    message->last = event->last;
    message->bytes = g_bytes_ref(event->bytes);
    replica->sending = !event->last;
    replica->sending_ticks = 0;
    replica->sent_index = event->base->index;
    replica->sent_offset = event->offset + g_bytes_get_size(event->bytes);
    replica_send(replica, message);
}

/* The side of who lags. */

static gboolean is_answer(const Replica *replica, const ReplicaPeer *peer,
                          const ReplicaMessage *message)
{
    return message->epoch == replica->epoch && peer->node == replica->leader &&
           replica->fetching &&
           (replica->phase == REPLICA_CATCHING || replica->phase == REPLICA_FOLLOWING);
}

/* Whether an answer is for this node: one to another serves too when it is a piece that
 * this one waits for, or the first of documents and this node has none, or only some of
 * which the leader has let go. */
static gboolean is_for_me(const Replica *replica, const ReplicaMessage *message)
{
    gboolean is_fresh = replica->log.members.count == 0;
    return message->to == replica->settings.node || replica->installing ||
           (is_fresh && message->offset == 0);
}

static gboolean is_same(const ReplicaEntry *a, const ReplicaEntry *b)
{
    return a->epoch == b->epoch && a->origin == b->origin && a->incarnation == b->incarnation &&
           a->sequence == b->sequence && a->kind == b->kind &&
           g_bytes_equal(a->bytes, b->bytes);
}

/* Takes over what is not there or differs. What is the same stays untouched: this
 * node may have acked it. FALSE when something committed differs. */
static gboolean take_entries(Replica *replica, const ReplicaMessage *message)
{
    for (guint i = 0; i < message->entries->len; i++) {
        ReplicaEntry *entry = g_ptr_array_index(message->entries, i);
        guint64 index = message->index + 1 + i;
        const ReplicaEntry *own = replica_log_at(&replica->log, index);
        if (own && (is_same(own, entry) || replica_has_fault(replica, REPLICA_FAULT_KEEP_TAIL)))
            continue;
        if (index <= replica->committed)
            return FALSE;
        cut_tail(replica, index - 1);
        replica_log_append(&replica->log, replica_entry_ref(entry));
    }
    return TRUE;
}

void replica_on_entries(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    if (!is_answer(replica, peer, message) || message->to != replica->settings.node ||
        replica->diverged)
        return;
    replica->fetching = FALSE;
    if (!replica_log_has(&replica->log, message->index, &message->hash)) {
        replica_fetch(replica);
        return;
    }
    if (!take_entries(replica, message)) {
        replica_diverge(replica);
        return;
    }
    replica->matched = message->index + message->entries->len;
    if (replica->phase == REPLICA_CATCHING && replica->matched >= replica->start)
        fall_in_line(replica, replica->matched);
    if (replica->phase == REPLICA_FOLLOWING)
        replica_commit(replica, MIN(message->committed, replica_log_end(&replica->log)));
    if (replica->matched < message->end)
        replica_fetch(replica);
}

/* The documents are complete, as of `base`. The entries after it stay when they
 * follow from it: they may have been acked. */
static void install(Replica *replica, const ReplicaMessage *message)
{
    const ReplicaBase *base = &message->base;
    if (replica_log_has(&replica->log, base->index, &base->hash)) {
        replica_log_compact(&replica->log, base->index);
    } else {
        replica_log_clear(&replica->log);
        replica_log_init(&replica->log, base);
    }
    replica->verified = replica_log_end(&replica->log);
    replica->committed = replica->applied = base->index;
    replica->members = base->members;
    replica->diverged = replica->resync = replica->installing = FALSE;
    memset(replica->checks, 0, sizeof replica->checks);
    replica_disk_reset(replica);
    ReplicaAction *action = replica_act(replica, REPLICA_LOAD);
    action->index = base->index;
    action->digest = message->digest;
    replica_check_session(replica);
}

/* Documents that are older than what is committed here are of no use, and, when
 * they are no repair that was asked for, show that histories differ. */
static gboolean is_useful(Replica *replica, const ReplicaMessage *message)
{
    guint64 index = message->base.index;
    gboolean fresh = replica->log.members.count == 0;
    if (index > replica->committed || fresh || (replica->resync && index == replica->committed))
        return TRUE;
    ReplicaHash own;
    if (!replica->resync && replica_log_hash(&replica->log, index, &own) &&
        !replica_hash_equal(&own, &message->base.hash))
        replica_diverge(replica);
    return FALSE;
}

void replica_on_snapshot(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    if (!is_answer(replica, peer, message) || !is_for_me(replica, message) ||
        (replica->diverged && !replica->resync) || !is_useful(replica, message))
        return;
    if (message->offset == 0) {
        replica->installing = TRUE;
        replica->install_index = message->base.index;
        replica->install_offset = 0;
    } else if (!replica->installing || message->base.index != replica->install_index ||
               message->offset != replica->install_offset) {
        return;
    }
    replica->fetching = FALSE;
    ReplicaAction *action = replica_act(replica, REPLICA_KEEP_PIECE);
    action->offset = message->offset;
    action->bytes = g_bytes_ref(message->bytes);
    replica->install_offset += g_bytes_get_size(message->bytes);
    if (!message->last) {
        replica_fetch(replica);
        return;
    }
    install(replica, message);
    replica_catch_up(replica);
}

void replica_sync_tick(Replica *replica)
{
    /* Who asked for the pieces is gone. */
    if (replica->sending && ++replica->sending_ticks >= REPLICA_SENDING_TICKS)
        replica->sending = FALSE;
    if (replica->fetching && ++replica->fetch_ticks >= REPLICA_RETRY_TICKS) {
        replica->fetching = FALSE;
        replica_fetch(replica);
    }
    if (replica->resync && !replica->fetching)
        replica_fetch(replica);
    replica_catch_up(replica);
}
