#include "backend/cluster/replica_state.h"

static void clear_action(gpointer data)
{
    ReplicaAction *action = data;
    g_clear_pointer(&action->bytes, g_bytes_unref);
    g_clear_pointer(&action->batch, replica_batch_free);
    g_clear_pointer(&action->entry, replica_entry_unref);
    g_clear_pointer(&action->base, g_free);
}

GArray *replica_actions_new(void)
{
    GArray *actions = g_array_new(FALSE, TRUE, sizeof(ReplicaAction));
    g_array_set_clear_func(actions, clear_action);
    return actions;
}

ReplicaAction *replica_act(Replica *replica, ReplicaActionKind kind)
{
    ReplicaAction action = {.kind = kind};
    g_array_append_val(replica->actions, action);
    return &g_array_index(replica->actions, ReplicaAction, replica->actions->len - 1);
}

void replica_send(Replica *replica, ReplicaMessage *message)
{
    message->cluster = replica->cluster;
    message->birth = replica->birth;
    message->view = replica->view;
    replica_act(replica, REPLICA_SEND)->bytes = replica_message_encode(message);
    replica_message_free(message);
}

void replica_hurry(Replica *replica, guint32 node, ReplicaMessage *message)
{
    replica_send(replica, message);
    ReplicaAction *action =
        &g_array_index(replica->actions, ReplicaAction, replica->actions->len - 1);
    if (g_bytes_get_size(action->bytes) > REPLICA_HURRY_MAX)
        return;
    action->kind = REPLICA_HURRY;
    action->node = node;
}

ReplicaPeer *replica_peer(Replica *replica, guint32 node)
{
    for (guint i = 0; i < replica->peer_count; i++)
        if (replica->peers[i].node == node)
            return &replica->peers[i];
    return NULL;
}

guint replica_votes(const Replica *replica, const ReplicaPeer *peer)
{
    if (replica_has_fault(replica, REPLICA_FAULT_VIEW_MAJORITY))
        return 1;
    if (replica_has_fault(replica, REPLICA_FAULT_FORGET_BIRTH)) {
        const ReplicaMember *member =
            replica_members_find((ReplicaMembers *)&replica->log.members, peer->node);
        return member ? member->votes : 0;
    }
    return replica_members_votes(&replica->log.members, peer->node, peer->birth);
}

guint replica_count_votes(const Replica *replica, gboolean (*is_so)(const ReplicaPeer *peer))
{
    guint votes = 0;
    for (guint i = 0; i < replica->peer_count; i++) {
        const ReplicaPeer *peer = &replica->peers[i];
        if (is_so(peer))
            votes += replica_votes(replica, peer);
    }
    return votes;
}

gboolean replica_is_majority(const Replica *replica, guint votes)
{
    if (replica_has_fault(replica, REPLICA_FAULT_VIEW_MAJORITY))
        return 2 * votes > replica->peer_count;
    guint total = replica_members_total(&replica->log.members);
    if (replica->electorate > 0 && replica->electorate < total)
        return 2 * votes > replica->electorate;
    return replica_members_is_majority(&replica->log.members, votes);
}

gboolean replica_is_voter(const Replica *replica)
{
    return replica_members_votes(&replica->log.members, replica->settings.node,
                                 replica->birth) > 0;
}

gboolean replica_is_in_line(const Replica *replica)
{
    return replica->phase == REPLICA_FOLLOWING || replica->phase == REPLICA_LEADING;
}

void replica_diverge(Replica *replica)
{
    if (replica->diverged)
        return;
    replica->diverged = TRUE;
    replica->fetching = FALSE;
    /* Another must lead. */
    if (replica->phase == REPLICA_LEADING)
        replica_round(replica, replica->round + 1);
}

/* Takes the entries over; FALSE when they or the documents cannot be what this program
 * wrote. */
static gboolean take_log(Replica *replica, const ReplicaDurable *durable)
{
    gboolean sound = TRUE;
    replica_log_init(&replica->log, &durable->base);
    for (guint i = 0; durable->entries && i < durable->entries->len; i++) {
        const ReplicaEntry *entry = g_ptr_array_index(durable->entries, i);
        ReplicaEntry *copy = replica_entry_new(entry->kind, entry->origin, entry->incarnation,
                                               entry->sequence, entry->bytes);
        copy->epoch = entry->epoch;
        replica_log_append(&replica->log, copy);
        sound &= replica_hash_equal(&copy->hash, &entry->hash);
    }
    return sound && durable->applied >= durable->base.index &&
           durable->applied <= replica_log_end(&replica->log);
}

Replica *replica_new(const ReplicaSettings *settings, const ReplicaDurable *durable)
{
    Replica *replica = g_new0(Replica, 1);
    replica->settings = *settings;
    replica->cluster = durable->cluster;
    replica->birth = durable->birth;
    replica->incarnation = durable->incarnation + 1;
    replica->promised = durable->promised;
    replica->adopted = durable->adopted;
    replica->diverged = !take_log(replica, durable) || durable->diverged;
    guint64 end = replica_log_end(&replica->log);
    replica->verified = end;
    replica->applied = CLAMP(durable->applied, durable->base.index, end);
    replica->committed = replica->applied;
    replica->members = durable->base.members;
    for (guint64 i = durable->base.index + 1; i <= replica->applied; i++)
        (void)replica_members_enter(&replica->members, replica_log_at(&replica->log, i));
    replica->next_sequence = 1;
    replica->health = REPLICA_WORKING;
    replica_disk_init(replica);
    replica->disk.incarnation = durable->incarnation;
    replica->disk.diverged = durable->diverged;
    return replica;
}

void replica_free(Replica *replica)
{
    if (!replica)
        return;
    replica_requests_clear(replica);
    replica_drop_waiting(replica);
    replica_log_clear(&replica->log);
    g_clear_pointer(&replica->disk.batch, replica_batch_free);
    g_free(replica);
}

#ifdef REPLICA_MUTANTS
void replica_set_faults(Replica *replica, guint faults)
{
    replica->faults = faults;
}
#endif

static void on_message(Replica *replica, const ReplicaEvent *event)
{
    static void (*const handlers[])(Replica *, ReplicaPeer *, const ReplicaMessage *) = {
        [REPLICA_STATE] = replica_on_state,       [REPLICA_PROPOSE] = replica_on_propose,
        [REPLICA_PROMISE] = replica_on_promise,   [REPLICA_REQUEST] = replica_on_request,
        [REPLICA_LEAD] = replica_on_lead,         [REPLICA_ACK] = replica_on_ack,
        [REPLICA_FETCH] = replica_on_fetch,       [REPLICA_ENTRIES] = replica_on_entries,
        [REPLICA_SNAPSHOT] = replica_on_snapshot,
    };
    g_autoptr(ReplicaMessage) message = replica_message_decode(event->bytes, NULL);
    if (!message) {
        replica->senseless++;
        return;
    }
    if (message->cluster != replica->cluster) {
        replica->foreign++;
        return;
    }
    ReplicaPeer *peer = replica_peer(replica, event->node);
    gboolean any = replica_has_fault(replica, REPLICA_FAULT_ANY_EPOCH);
    if (!peer || (message->view != replica->view && !any))
        return;
    peer->birth = message->birth;
    handlers[message->kind](replica, peer, message);
}

gboolean replica_sees_majority(const Replica *replica)
{
    guint votes = 0;
    for (guint i = 0; i < replica->peer_count; i++) {
        const ReplicaPeer *peer = &replica->peers[i];
        const ReplicaMember *member =
            replica_members_find((ReplicaMembers *)&replica->log.members, peer->node);
        /* One that has not spoken yet is taken for who it was. */
        gboolean unknown = peer->birth == 0 && member && !member->former;
        votes += unknown ? member->votes : replica_votes(replica, peer);
    }
    return replica_is_majority(replica, votes);
}

static ReplicaHealth judge_health(const Replica *replica)
{
    if (replica->diverged)
        return REPLICA_DIVERGED;
    if (replica->disk.failed)
        return REPLICA_DISK;
    if (replica_is_in_line(replica)) {
        const ReplicaMember *self = replica_members_find(
            (ReplicaMembers *)&replica->log.members, replica->settings.node);
        if (self && self->birth == replica->birth)
            return replica->in_force ? REPLICA_WORKING : REPLICA_ELECTING;
        return REPLICA_STRANGER;
    }
    if (replica->phase == REPLICA_CATCHING)
        return REPLICA_SYNCING;
    return replica_sees_majority(replica) ? REPLICA_ELECTING : REPLICA_NO_MAJORITY;
}

static void report_health(Replica *replica)
{
    ReplicaHealth health = judge_health(replica);
    if (health == replica->health)
        return;
    replica->health = health;
    replica_act(replica, REPLICA_REPORT)->health = health;
}

static void on_tick(Replica *replica)
{
    replica_disk_tick(replica);
    replica_epoch_tick(replica);
    replica_order_tick(replica);
    replica_ack_tick(replica);
    replica_sync_tick(replica);
    replica_request_tick(replica);
}

void replica_step(Replica *replica, const ReplicaEvent *event, GArray *actions)
{
    replica->actions = actions;
    switch (event->kind) {
    case REPLICA_VIEW_CHANGED:
        replica_view(replica, event);
        break;
    case REPLICA_RECEIVED:
        on_message(replica, event);
        break;
    case REPLICA_SUBMITTED:
        replica_submit(replica, event->ticket, REPLICA_TRANSACTION, event->bytes);
        break;
    case REPLICA_CHANGE_SUBMITTED: {
        g_autoptr(GBytes) bytes = replica_change_encode(&event->change);
        replica_submit(replica, event->ticket, REPLICA_CHANGE, bytes);
        break;
    }
    case REPLICA_WRITTEN:
    case REPLICA_WRITE_FAILED:
        replica_disk_done(replica, event->token, event->kind == REPLICA_WRITTEN);
        break;
    case REPLICA_APPLIED:
        replica_checked(replica, event->index, &event->digest);
        break;
    case REPLICA_PIECE_READ:
        replica_piece(replica, event);
        break;
    case REPLICA_RESYNC_ASKED:
        replica->resync = replica->diverged;
        break;
    case REPLICA_SETTLE_ASKED:
        replica->disk.settle = TRUE;
        break;
    case REPLICA_TICKED:
        on_tick(replica);
        break;
    }
    replica_compact(replica);
    replica_order(replica);
    if (replica_has_fault(replica, REPLICA_FAULT_APPLY_EARLY) && replica_is_in_line(replica))
        replica_commit(replica, replica_log_end(&replica->log));
    if (replica_has_fault(replica, REPLICA_FAULT_ACK_UNSYNCED))
        replica_ack(replica);
    replica_notify(replica);
    replica_disk_flush(replica);
    report_health(replica);
    replica->actions = NULL;
}

void replica_status(const Replica *replica, ReplicaStatus *status)
{
    *status = (ReplicaStatus){.health = replica->health,
                              .epoch = replica->epoch,
                              .leader = replica->leader,
                              .promised = replica->promised,
                              .adopted = replica->adopted,
                              .end = replica_log_end(&replica->log),
                              .committed = replica->committed,
                              .applied = replica->applied,
                              .base = replica->log.base.index,
                              .pending = replica->requests.length,
                              .foreign = replica->foreign,
                              .senseless = replica->senseless};
}

const ReplicaLog *replica_log(const Replica *replica)
{
    return &replica->log;
}
