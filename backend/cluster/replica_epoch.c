#include "backend/cluster/replica_state.h"

/* An epoch is a counter and the node that would lead it, so no two nodes can ever
 * lead the same one; and a node leads none twice, since it promises it first. */
#define EPOCH_COUNTER_SHIFT 32
#define EPOCH_COUNTER_MAX   0xffffff00u

guint32 replica_epoch_leader(guint64 epoch)
{
    return (guint32)epoch;
}

static guint64 epoch_after(guint64 epoch, guint32 leader)
{
    guint64 counter = epoch >> EPOCH_COUNTER_SHIFT;
    return counter >= EPOCH_COUNTER_MAX ? 0 : (counter + 1) << EPOCH_COUNTER_SHIFT | leader;
}

/* What a log is worth: more than another when it was in line with a later epoch,
 * or longer in the same. */
static int compare_rank(const Replica *replica, guint64 adopted_a, guint64 end_a,
                        guint64 adopted_b, guint64 end_b)
{
    if (adopted_a != adopted_b && !replica_has_fault(replica, REPLICA_FAULT_RANK_BY_LENGTH))
        return adopted_a < adopted_b ? -1 : 1;
    return end_a == end_b ? 0 : end_a < end_b ? -1 : 1;
}

void replica_leave_epoch(Replica *replica)
{
    replica->epoch = 0;
    replica->leader = 0;
    replica->in_force = FALSE;
    replica->has_acked = FALSE;
    replica->owes_notice = FALSE;
    replica->told = 0;
    replica->fetching = FALSE;
    replica->installing = FALSE;
    replica->sending = FALSE;
    replica->matched = 0;
    replica->owes_propose = replica->owes_promise = FALSE;
    replica_drop_waiting(replica);
    for (guint i = 0; i < replica->peer_count; i++) {
        ReplicaPeer *peer = &replica->peers[i];
        *peer = (ReplicaPeer){.node = peer->node, .birth = peer->birth};
    }
}

/* A voter; also one whose removal stands in its log and is not committed: it may have
 * the only log that is good enough, and then has to lead its own removal. */
static gboolean can_lead(const Replica *replica)
{
    guint votes =
        replica_members_votes(&replica->members, replica->settings.node, replica->birth);
    return (replica_is_voter(replica) || votes > 0) && !replica->diverged;
}

void replica_round(Replica *replica, guint32 round)
{
    replica_leave_epoch(replica);
    replica->phase = REPLICA_GATHERING;
    replica->round = round;
    replica->ticks = 0;
    ReplicaMessage *message = replica_message_new(REPLICA_STATE);
    message->round = round;
    message->epoch = replica->promised;
    message->adopted = replica->adopted;
    message->end = replica_log_end(&replica->log);
    message->committed = replica->committed;
    message->electable = can_lead(replica) && !replica->disk.failed;
    replica_send(replica, message);
}

void replica_view(Replica *replica, const ReplicaEvent *event)
{
    replica->view = event->view;
    replica->electorate = event->electorate;
    replica->peer_count = MIN(event->node_count, REPLICA_MEMBERS_MAX);
    for (guint i = 0; i < replica->peer_count; i++)
        replica->peers[i] = (ReplicaPeer){.node = event->nodes[i]};
    ReplicaPeer *self = replica_peer(replica, replica->settings.node);
    if (self)
        self->birth = replica->birth;
    replica_round(replica, 0);
}

static gboolean has_state(const ReplicaPeer *peer)
{
    return peer->has_state;
}

static gboolean has_promised(const ReplicaPeer *peer)
{
    return peer->has_promised;
}

/* How many of those who could lead come before this node. In the first round the
 * best log proposes; when that fails, the next best in the next round. */
static gboolean is_my_turn(const Replica *replica)
{
    guint better = 0, candidates = 0;
    guint32 node = replica->settings.node;
    const ReplicaPeer *self = replica_peer((Replica *)replica, node);
    if (!self || !self->has_state || !self->electable)
        return FALSE;
    for (guint i = 0; i < replica->peer_count; i++) {
        const ReplicaPeer *peer = &replica->peers[i];
        if (!peer->has_state || !peer->electable)
            continue;
        candidates++;
        int order = compare_rank(replica, peer->adopted, peer->end, self->adopted, self->end);
        better += order > 0 || (order == 0 && peer->node < node);
    }
    return candidates > 0 && replica->round % candidates == better;
}

static void propose(Replica *replica)
{
    guint64 highest = replica->promised;
    for (guint i = 0; i < replica->peer_count; i++)
        highest = MAX(highest, replica->peers[i].promised);
    guint64 epoch = epoch_after(highest, replica->settings.node);
    if (!epoch)
        return;
    for (guint i = 0; i < replica->peer_count; i++)
        replica->peers[i].has_promised = FALSE;
    replica->promised = epoch;
    replica->phase = REPLICA_PROPOSING;
    replica->ticks = 0;
    replica->owes_propose = TRUE;
    if (replica_has_fault(replica, REPLICA_FAULT_PROMISE_UNSYNCED))
        replica_epoch_written(replica);
}

static void consider_proposing(Replica *replica)
{
    gboolean everybody = TRUE;
    for (guint i = 0; i < replica->peer_count; i++)
        everybody &= replica->peers[i].has_state;
    if (replica->phase != REPLICA_GATHERING || !can_lead(replica) || !is_my_turn(replica))
        return;
    if (!everybody && replica->ticks < REPLICA_GATHER_TICKS)
        return;
    if (replica_is_majority(replica, replica_count_votes(replica, has_state)))
        propose(replica);
}

void replica_on_state(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    if (message->round > replica->round)
        replica_round(replica, message->round);
    if (message->round < replica->round)
        return;
    peer->has_state = TRUE;
    peer->promised = message->epoch;
    peer->adopted = message->adopted;
    peer->end = message->end;
    peer->electable = message->electable;
    consider_proposing(replica);
}

void replica_on_propose(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    if (peer->node == replica->settings.node || message->round != replica->round ||
        replica_epoch_leader(message->epoch) != peer->node ||
        message->epoch <= replica->promised || replica->diverged)
        return;
    if (compare_rank(replica, message->adopted, message->end, replica->adopted,
                     replica_log_end(&replica->log)) < 0)
        return;
    replica_leave_epoch(replica);
    replica->promised = message->epoch;
    replica->phase = REPLICA_PROMISED;
    replica->ticks = 0;
    replica->owes_promise = TRUE;
    if (replica_has_fault(replica, REPLICA_FAULT_PROMISE_UNSYNCED))
        replica_epoch_written(replica);
}

static void send_propose(Replica *replica)
{
    ReplicaMessage *message = replica_message_new(REPLICA_PROPOSE);
    message->round = replica->round;
    message->epoch = replica->promised;
    message->adopted = replica->adopted;
    message->end = replica_log_end(&replica->log);
    replica_send(replica, message);
}

/* A majority serves no lower epoch any more: what has not been committed in those
 * never will be, except by way of the log that now leads. */
static void begin_leading(Replica *replica)
{
    replica->phase = REPLICA_LEADING;
    replica->ticks = 0;
    replica->epoch = replica->promised;
    replica->leader = replica->settings.node;
    replica->start = replica->announced = replica_log_end(&replica->log);
    for (guint i = 0; i < REPLICA_LEADS; i++)
        replica->leads[i] = 0;
    (void)replica_log_hash(&replica->log, replica->start, &replica->start_hash);
    replica_show(replica);
    replica_adopt(replica);
}

static void consider_leading(Replica *replica)
{
    if (replica->phase != REPLICA_PROPOSING)
        return;
    if (replica_is_majority(replica, replica_count_votes(replica, has_promised)) ||
        replica_has_fault(replica, REPLICA_FAULT_ADOPT_EARLY))
        begin_leading(replica);
}

void replica_on_promise(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message)
{
    gboolean mine = message->epoch == replica->promised ||
                    replica_has_fault(replica, REPLICA_FAULT_ANY_EPOCH);
    if (replica->phase != REPLICA_PROPOSING || !mine)
        return;
    peer->has_promised = TRUE;
    consider_leading(replica);
}

void replica_epoch_written(Replica *replica)
{
    if (replica->disk.promised < replica->promised &&
        !replica_has_fault(replica, REPLICA_FAULT_PROMISE_UNSYNCED))
        return;
    if (replica->owes_promise) {
        replica->owes_promise = FALSE;
        ReplicaMessage *message = replica_message_new(REPLICA_PROMISE);
        message->epoch = replica->promised;
        replica_send(replica, message);
    }
    if (replica->owes_propose) {
        replica->owes_propose = FALSE;
        send_propose(replica);
        ReplicaPeer *self = replica_peer(replica, replica->settings.node);
        if (self)
            self->has_promised = TRUE;
        consider_leading(replica);
    }
}

void replica_epoch_tick(Replica *replica)
{
    replica->ticks++;
    guint limit = REPLICA_LEADER_TICKS;
    switch (replica->phase) {
    case REPLICA_GATHERING:
        consider_proposing(replica);
        if (!replica_sees_majority(replica))
            return;
        limit = REPLICA_ROUND_TICKS;
        break;
    case REPLICA_PROPOSING:
    case REPLICA_PROMISED:
        limit = REPLICA_ROUND_TICKS;
        break;
    case REPLICA_LEADING:
        return;
    case REPLICA_CATCHING:
    case REPLICA_FOLLOWING:
        break;
    }
    if (replica->ticks > limit)
        replica_round(replica, replica->round + 1);
}
