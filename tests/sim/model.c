#include "tests/sim/model.h"

#include <string.h>

typedef struct {
    ReplicaHash hash;
    guint64 digest;
    guint64 epoch;  /* in which it was seen to be committed */
    guint64 ticket; /* 0: a change */
} Fact;

typedef enum { PENDING, APPLIED, REFUSED, IN_DOUBT } Fate;

typedef struct {
    guint32 node;
    Fate fate;
    guint64 after; /* what was acknowledged when it was submitted */
    guint64 index; /* where it was applied, 0: nowhere */
} Ticket;

/* The members from an entry on. */
typedef struct {
    guint64 index;
    ReplicaMembers members;
} Version;

struct Model {
    GArray *facts;        /* of Fact, from index 1 */
    GArray *tickets;      /* of Ticket, from ticket 1 */
    GPtrArray *versions;  /* of Version: those applied */
    GPtrArray *counted;   /* of Version: those that a leader had in its log */
    guint64 acknowledged; /* the highest index that was answered */
    guint pending;
    GArray *answered; /* indexes, in the present step */
};

static void add_version(GPtrArray *versions, guint64 index, const ReplicaMembers *members)
{
    Version *version = g_new0(Version, 1);
    *version = (Version){index, *members};
    g_ptr_array_add(versions, version);
}

Model *model_new(const ReplicaMembers *members)
{
    Model *model = g_new0(Model, 1);
    model->facts = g_array_new(FALSE, TRUE, sizeof(Fact));
    model->tickets = g_array_new(FALSE, TRUE, sizeof(Ticket));
    model->answered = g_array_new(FALSE, FALSE, sizeof(guint64));
    model->versions = g_ptr_array_new_with_free_func(g_free);
    model->counted = g_ptr_array_new_with_free_func(g_free);
    add_version(model->versions, 0, members);
    return model;
}

void model_free(Model *model)
{
    if (!model)
        return;
    g_array_unref(model->facts);
    g_array_unref(model->tickets);
    g_array_unref(model->answered);
    g_ptr_array_unref(model->versions);
    g_ptr_array_unref(model->counted);
    g_free(model);
}

guint64 model_length(const Model *model)
{
    return model->facts->len;
}

guint model_pending(const Model *model)
{
    return model->pending;
}

const ReplicaMembers *model_members(const Model *model)
{
    const Version *last = g_ptr_array_index(model->versions, model->versions->len - 1);
    return &last->members;
}

static const ReplicaMembers *members_at(const Model *model, guint64 index)
{
    for (guint i = model->versions->len; i-- > 1;) {
        const Version *version = g_ptr_array_index(model->versions, i);
        if (version->index <= index)
            return &version->members;
    }
    return &((const Version *)g_ptr_array_index(model->versions, 0))->members;
}

static Fact *fact_at(Model *model, guint64 index)
{
    if (index == 0 || index > model->facts->len)
        return NULL;
    return &g_array_index(model->facts, Fact, index - 1);
}

static Ticket *ticket_at(Model *model, guint64 ticket)
{
    return &g_array_index(model->tickets, Ticket, ticket - 1);
}

void model_submitted(World *world, guint64 ticket, guint32 node)
{
    Model *model = world->model;
    Ticket new = {.node = node, .after = model->acknowledged};
    g_array_append_val(model->tickets, new);
    model->pending++;
}

static guint64 ticket_of(const ReplicaEntry *entry)
{
    gsize size;
    const void *data = g_bytes_get_data(entry->bytes, &size);
    Transaction transaction = {0};
    if (entry->kind == REPLICA_TRANSACTION && size == sizeof transaction)
        memcpy(&transaction, data, size);
    return transaction.id;
}

/* The first node that applies an entry says what it is. */
static void learn(World *world, const Node *node, const ReplicaEntry *entry)
{
    Model *model = world->model;
    ReplicaStatus status;
    replica_status(node->replica, &status);
    Fact fact = {entry->hash, node->documents.digest, status.epoch, ticket_of(entry)};
    g_array_append_val(model->facts, fact);
    if (entry->kind == REPLICA_CHANGE) {
        ReplicaMembers members = *model_members(model);
        (void)replica_members_enter(&members, entry);
        add_version(model->versions, entry->index, &members);
    }
    if (fact.ticket == 0)
        return;
    Ticket *ticket = ticket_at(model, fact.ticket);
    if (ticket->index > 0)
        world_fail(world,
                   "transaction %" G_GUINT64_FORMAT " is applied twice, at %" G_GUINT64_FORMAT
                   " and %" G_GUINT64_FORMAT,
                   fact.ticket, ticket->index, entry->index);
    if (ticket->fate == REFUSED)
        world_fail(world, "transaction %" G_GUINT64_FORMAT " was refused, and is applied",
                   fact.ticket);
    if (entry->index <= ticket->after)
        world_fail(world,
                   "transaction %" G_GUINT64_FORMAT " got the place %" G_GUINT64_FORMAT
                   " before what had been acknowledged",
                   fact.ticket, entry->index);
    ticket->index = entry->index;
}

void model_applied(World *world, const Node *node, const ReplicaEntry *entry)
{
    const Fact *fact = fact_at(world->model, entry->index);
    if (!fact)
        learn(world, node, entry);
    else if (!replica_hash_equal(&fact->hash, &entry->hash) ||
             fact->digest != node->documents.digest)
        world_fail(world, "node %u applies another entry %" G_GUINT64_FORMAT " than others did",
                   node->id, entry->index);
}

void model_loaded(World *world, const Node *node)
{
    const Fact *fact = fact_at(world->model, node->documents.applied);
    if (node->documents.applied > 0 && (!fact || fact->digest != node->documents.digest))
        world_fail(world, "node %u loads documents of %" G_GUINT64_FORMAT " that nobody had",
                   node->id, node->documents.applied);
}

/* The votes of those that have an entry on disk. A node whose disk was lost since may
 * have had it. */
static gboolean is_on_majority(const World *world, const ReplicaMembers *members, guint64 index,
                               const ReplicaHash *hash)
{
    guint votes = 0;
    for (guint i = 0; i < members->count; i++) {
        const Node *node = &world->nodes[members->list[i].node];
        if (node->disk.birth != members->list[i].birth || disk_has(&node->disk, index, hash))
            votes += members->list[i].votes;
    }
    return replica_members_is_majority(members, votes);
}

/* An entry is safe when a majority has it: of the members as of the entry, or as of a
 * later one, committed or not, which a leader counted by. (Majorities of members that
 * follow each other overlap.) */
static gboolean is_safe(const World *world, guint64 index)
{
    const Model *model = world->model;
    const ReplicaHash *hash = &g_array_index(model->facts, Fact, index - 1).hash;
    if (is_on_majority(world, members_at(model, index), index, hash))
        return TRUE;
    for (guint i = 0; i < model->counted->len; i++) {
        const Version *version = g_ptr_array_index(model->counted, i);
        if (version->index > index && is_on_majority(world, &version->members, index, hash))
            return TRUE;
    }
    return FALSE;
}

void model_checked(World *world, const Node *node)
{
    GArray *answered = world->model->answered;
    for (guint i = 0; i < answered->len; i++) {
        guint64 index = g_array_index(answered, guint64, i);
        if (!is_safe(world, index))
            world_fail(world,
                       "node %u acknowledges %" G_GUINT64_FORMAT
                       ", which is not on the disks of a majority",
                       node->id, index);
    }
    g_array_set_size(answered, 0);
}

void model_answered(World *world, const Node *node, const ReplicaAction *answer)
{
    Model *model = world->model;
    if (answer->ticket == 0)
        return;
    Ticket *ticket = ticket_at(model, answer->ticket);
    if (ticket->fate != PENDING || ticket->node != node->id) {
        world_fail(world, "ticket %" G_GUINT64_FORMAT " is answered twice", answer->ticket);
        return;
    }
    model->pending--;
    ticket->fate = IN_DOUBT;
    if (answer->outcome == REPLICA_REFUSED) {
        ticket->fate = REFUSED;
        if (ticket->index > 0)
            world_fail(world, "ticket %" G_GUINT64_FORMAT " is refused, and was applied",
                       answer->ticket);
    } else if (answer->outcome == REPLICA_APPLIED_AT) {
        ticket->fate = APPLIED;
        const Fact *fact = fact_at(model, answer->index);
        if (!fact || fact->ticket != answer->ticket ||
            node->documents.applied < answer->index) {
            world_fail(world, "ticket %" G_GUINT64_FORMAT " is answered with a wrong index",
                       answer->ticket);
            return;
        }
        model->acknowledged = MAX(model->acknowledged, answer->index);
        g_array_append_val(model->answered, answer->index);
    }
}

void model_forgotten(World *world, guint32 node)
{
    Model *model = world->model;
    g_array_set_size(model->answered, 0);
    for (guint i = model->tickets->len; model->pending > 0 && i-- > 0;) {
        Ticket *ticket = &g_array_index(model->tickets, Ticket, i);
        if (ticket->node != node || ticket->fate != PENDING)
            continue;
        ticket->fate = IN_DOUBT;
        model->pending--;
    }
}

/* Whoever begins to lead must have all that was committed in epochs before its own.
 * (It may be late: what a later epoch has committed, it need not have.) */
static void check_complete(World *world, const Node *node, const ReplicaStatus *status)
{
    guint64 index = model_length(world->model);
    while (index > 0 && fact_at(world->model, index)->epoch >= status->epoch)
        index--;
    if (index > 0 && index >= status->base &&
        !replica_log_has(replica_log(node->replica), index,
                         &fact_at(world->model, index)->hash))
        world_fail(world, "node %u leads without the entry %" G_GUINT64_FORMAT, node->id,
                   index);
}

void model_stepped(World *world, Node *node)
{
    ReplicaStatus status;
    replica_status(node->replica, &status);
    if (status.applied < node->documents.applied)
        world_fail(world, "node %u goes back from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                   node->id, node->documents.applied, status.applied);
    if (status.health == REPLICA_DIVERGED)
        world_fail(world, "node %u says that it differs", node->id);
    if (status.leader != node->id)
        return;
    const ReplicaLog *log = replica_log(node->replica);
    if (log->changed != node->counted) {
        node->counted = log->changed;
        add_version(world->model->counted, log->changed, &log->members);
    }
    if (status.epoch == node->led)
        return;
    node->led = status.epoch;
    world_note(world, "leads", node->id, status.epoch >> 32, status.end);
    check_complete(world, node, &status);
}
