#include "backend/cluster/replica_state.h"

#define PENDING_MAX      4096
#define PENDING_SIZE_MAX (64u << 20)

static void request_free(gpointer data)
{
    ReplicaRequest *request = data;
    g_bytes_unref(request->bytes);
    g_free(request);
}

void replica_requests_clear(Replica *replica)
{
    g_queue_clear_full(&replica->requests, request_free);
}

static void answer(Replica *replica, guint64 ticket, ReplicaOutcome outcome, guint64 index,
                   WireErrorCode code)
{
    ReplicaAction *action = replica_act(replica, REPLICA_ANSWER);
    action->ticket = ticket;
    action->outcome = outcome;
    action->index = index;
    action->code = code;
}

static void pop_head(Replica *replica, ReplicaOutcome outcome, guint64 index,
                     WireErrorCode code)
{
    ReplicaRequest *request = g_queue_pop_head(&replica->requests);
    if (!request->answered)
        answer(replica, request->ticket, outcome, index, code);
    replica->request_size -= g_bytes_get_size(request->bytes);
    request_free(request);
}

static const ReplicaMember *find_self(const Replica *replica, const ReplicaMembers *members)
{
    const ReplicaMember *member =
        replica_members_find((ReplicaMembers *)members, replica->settings.node);
    return member && member->birth == replica->birth ? member : NULL;
}

/* The last of this node's requests that has its place in the log. */
static guint64 find_placed(const Replica *replica)
{
    const ReplicaMember *self = find_self(replica, &replica->log.members);
    return self && self->incarnation == replica->incarnation ? self->sequence : 0;
}

/* Whether a request can be taken at all; else *code says why not. */
static gboolean can_take(const Replica *replica, gsize size, WireErrorCode *code)
{
    if (replica->diverged)
        *code = WIRE_ERROR_STATE;
    else if (replica->epoch == 0 && !replica_sees_majority(replica))
        *code = WIRE_ERROR_UNAVAILABLE;
    else if (!find_self(replica, &replica->log.members))
        *code = WIRE_ERROR_UNAVAILABLE;
    else if (size > REPLICA_TRANSACTION_SIZE || replica->requests.length >= PENDING_MAX ||
             replica->request_size + size > PENDING_SIZE_MAX)
        *code = WIRE_ERROR_LIMIT;
    else
        return TRUE;
    return FALSE;
}

void replica_submit(Replica *replica, guint64 ticket, ReplicaEntryKind kind, GBytes *bytes)
{
    WireErrorCode code;
    if (!can_take(replica, g_bytes_get_size(bytes), &code)) {
        answer(replica, ticket, REPLICA_REFUSED, 0, code);
        return;
    }
    ReplicaRequest *request = g_new0(ReplicaRequest, 1);
    *request = (ReplicaRequest){.ticket = ticket,
                                .sequence = replica->next_sequence++,
                                .kind = kind,
                                .bytes = g_bytes_ref(bytes)};
    replica->request_size += g_bytes_get_size(bytes);
    g_queue_push_tail(&replica->requests, request);
    replica_send_requests(replica);
}

static void send_request(Replica *replica, ReplicaRequest *request)
{
    gboolean again = request->ever_sent;
    request->sent = request->ever_sent = TRUE;
    ReplicaMessage *message = replica_message_new(REPLICA_REQUEST);
    ReplicaEntry *entry =
        replica_entry_new(request->kind, replica->settings.node, replica->incarnation,
                          request->sequence, request->bytes);
    message->epoch = replica->epoch;
    message->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
    g_ptr_array_add(message->entries, replica_entry_ref(entry));
    if (again)
        replica_send(replica, message);
    else
        replica_hurry(replica, 0, message);
    replica_take_own(replica, entry);
}

/* Sends what the window allows, in order. Those that have their place already, as
 * far as this node's log says, are not sent again. */
void replica_send_requests(Replica *replica)
{
    if (!replica->epoch || replica->disk.incarnation != replica->incarnation)
        return;
    guint64 placed = find_placed(replica);
    if (replica_has_fault(replica, REPLICA_FAULT_NO_DEDUPE))
        placed = 0;
    guint outstanding = 0;
    for (GList *node = replica->requests.head; node && outstanding < REPLICA_WINDOW;
         node = node->next) {
        ReplicaRequest *request = node->data;
        if (request->sequence <= placed && replica_is_in_line(replica))
            continue;
        outstanding++;
        if (!request->sent)
            send_request(replica, request);
    }
}

void replica_resend_requests(Replica *replica)
{
    for (GList *node = replica->requests.head; node; node = node->next)
        ((ReplicaRequest *)node->data)->sent = FALSE;
    replica->request_ticks = 0;
    replica_send_requests(replica);
}

void replica_request_applied(Replica *replica, const ReplicaEntry *entry, gboolean accepted)
{
    const ReplicaRequest *head = g_queue_peek_head(&replica->requests);
    if (entry->origin != replica->settings.node || entry->incarnation != replica->incarnation ||
        !head || head->sequence != entry->sequence)
        return;
    replica->request_ticks = 0;
    if (accepted)
        pop_head(replica, REPLICA_APPLIED_AT, entry->index, 0);
    else
        pop_head(replica, REPLICA_REFUSED, entry->index, WIRE_ERROR_CONFLICT);
}

/* Begins anew with what the others know of this node's requests. */
static void new_session(Replica *replica)
{
    while (replica->requests.length > 0) {
        const ReplicaRequest *head = g_queue_peek_head(&replica->requests);
        pop_head(replica, head->ever_sent ? REPLICA_IN_DOUBT : REPLICA_REFUSED, 0,
                 WIRE_ERROR_UNAVAILABLE);
    }
    replica->incarnation++;
    replica->next_sequence = 1;
}

void replica_check_session(Replica *replica)
{
    const ReplicaMember *self = find_self(replica, &replica->members);
    gboolean known = self && self->incarnation == replica->incarnation;
    const ReplicaRequest *head;
    /* They are in the documents that were loaded; what came of them is not told. */
    while (known && (head = g_queue_peek_head(&replica->requests)) &&
           head->sequence <= self->sequence)
        pop_head(replica, REPLICA_IN_DOUBT, 0, 0);
    head = g_queue_peek_head(&replica->requests);
    guint64 next = head ? head->sequence : replica->next_sequence;
    if (next != (known ? self->sequence + 1 : 1))
        new_session(replica);
}

/* Nobody leads, and it takes long. */
static void doubt(Replica *replica)
{
    const ReplicaRequest *tail;
    while ((tail = g_queue_peek_tail(&replica->requests)) && !tail->ever_sent) {
        ReplicaRequest *request = g_queue_pop_tail(&replica->requests);
        answer(replica, request->ticket, REPLICA_REFUSED, 0, WIRE_ERROR_UNAVAILABLE);
        replica->request_size -= g_bytes_get_size(request->bytes);
        replica->next_sequence--;
        request_free(request);
    }
    for (GList *node = replica->requests.head; node; node = node->next) {
        ReplicaRequest *request = node->data;
        if (!request->answered)
            answer(replica, request->ticket, REPLICA_IN_DOUBT, 0, 0);
        request->answered = TRUE;
    }
}

/* Nobody but this node votes, or listens. */
static gboolean is_alone(const Replica *replica)
{
    const ReplicaMembers *members = &replica->log.members;
    return replica->peer_count == 1 && replica->phase == REPLICA_LEADING &&
           replica_members_total(members) ==
               replica_members_votes(members, replica->settings.node, replica->birth);
}

void replica_withdraw(Replica *replica)
{
    guint64 synced = replica->disk.synced, placed = find_placed(replica);
    if (!is_alone(replica) || replica->start > synced || replica->committed > synced)
        return;
    /* One that is on its way to this node itself would get its place later. */
    for (GList *node = replica->requests.head; node; node = node->next) {
        const ReplicaRequest *request = node->data;
        if (request->sent && request->sequence > placed)
            return;
    }
    replica_log_truncate(&replica->log, synced);
    replica_disk_cut(replica, synced);
    replica->announced = MIN(replica->announced, synced);
    for (guint i = 0; i < REPLICA_LEADS; i++)
        replica->leads[i] = MIN(replica->leads[i], synced);
    while (replica->requests.length > 0) {
        const ReplicaRequest *head = g_queue_peek_head(&replica->requests);
        pop_head(replica, head->ever_sent ? REPLICA_IN_DOUBT : REPLICA_REFUSED, 0,
                 WIRE_ERROR_STORAGE);
    }
    replica->next_sequence = find_placed(replica) + 1;
}

void replica_request_tick(Replica *replica)
{
    if (replica->epoch)
        replica->leaderless_ticks = 0;
    else if (++replica->leaderless_ticks == REPLICA_DOUBT_TICKS)
        doubt(replica);
    if (replica->requests.length > 0 && replica->epoch &&
        ++replica->request_ticks > REPLICA_RETRY_TICKS)
        replica_resend_requests(replica);
}
