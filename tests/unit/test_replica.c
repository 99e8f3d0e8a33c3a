#include "backend/cluster/replica.h"
#include "backend/cluster/replica_message.h"

#include <string.h>

#define NODES   3
#define CLUSTER 77

/* Three nodes whose network and disks do what a test says. The documents of a node are
 * the transactions' text, one after another. */
typedef struct {
    guint32 id;
    Replica *replica;
    ReplicaDurable disk;
    GString *documents, *disk_documents, *pieces, *held;
    guint lengths[256]; /* of the documents, by the last entry that they show */
    ReplicaBase held_base;
    ReplicaBatch *batch; /* being written */
    gboolean slow;       /* only write_all() ends it */
    guint group;         /* 0: alone, hears nobody */
    GQueue inbox;        /* of Letter */
    ReplicaHealth health;
    guint answers;
    ReplicaOutcome outcome; /* of the last answer */
    WireErrorCode code;
    guint64 index;
} Node;

typedef struct {
    guint32 sender;
    GBytes *bytes;
} Letter;

typedef struct {
    Node nodes[NODES + 1];
    guint64 views;
    gboolean lost; /* what goes the short way is */
} Fixture;

static void step(Fixture *fixture, Node *node, const ReplicaEvent *event);

static void letter_free(gpointer data)
{
    Letter *letter = data;
    g_bytes_unref(letter->bytes);
    g_free(letter);
}

static ReplicaHash digest_of(const GString *documents)
{
    ReplicaHash digest = {0};
    guint32 hash = g_str_hash(documents->str);
    memcpy(digest.bytes, &hash, sizeof hash);
    return digest;
}

static void send(Fixture *fixture, const Node *from, GBytes *bytes)
{
    for (guint i = 1; i <= NODES; i++) {
        Node *to = &fixture->nodes[i];
        if (to != from && (to->group == 0 || to->group != from->group))
            continue;
        Letter letter = {from->id, g_bytes_ref(bytes)};
        g_queue_push_tail(&to->inbox, g_memdup2(&letter, sizeof letter));
    }
}

static void hurry(Fixture *fixture, const Node *from, const ReplicaAction *action)
{
    for (guint i = 1; i <= NODES && !fixture->lost; i++) {
        Node *to = &fixture->nodes[i];
        if (to == from || to->group == 0 || to->group != from->group ||
            (action->node != 0 && action->node != i))
            continue;
        Letter letter = {from->id, g_bytes_ref(action->bytes)};
        g_queue_push_tail(&to->inbox, g_memdup2(&letter, sizeof letter));
    }
}

static void apply(Fixture *fixture, Node *node, const ReplicaEntry *entry)
{
    gsize size;
    const char *text = g_bytes_get_data(entry->bytes, &size);
    if (entry->kind == REPLICA_TRANSACTION)
        g_string_append_len(node->documents, text, (gssize)size);
    g_assert_cmpuint(entry->index, <, G_N_ELEMENTS(node->lengths));
    node->lengths[entry->index] = (guint)node->documents->len;
    if (entry->index % REPLICA_CHECK_INTERVAL == 0)
        step(fixture, node,
             &(ReplicaEvent){.kind = REPLICA_APPLIED,
                             .index = entry->index,
                             .digest = digest_of(node->documents)});
}

static void read_piece(Fixture *fixture, Node *node, const ReplicaAction *action)
{
    if (action->offset == 0) {
        g_string_assign(node->held, node->documents->str);
        node->held_base = *action->base;
    }
    gsize size = MIN(node->held->len - action->offset, 10);
    g_autoptr(GBytes) bytes = g_bytes_new(node->held->str + action->offset, size);
    step(fixture, node,
         &(ReplicaEvent){.kind = REPLICA_PIECE_READ,
                         .node = action->node,
                         .base = &node->held_base,
                         .digest = digest_of(node->held),
                         .offset = action->offset,
                         .last = action->offset + size == node->held->len,
                         .bytes = bytes});
}

static void carry_out(Fixture *fixture, Node *node, ReplicaAction *action)
{
    switch (action->kind) {
    case REPLICA_SEND:
        send(fixture, node, action->bytes);
        break;
    case REPLICA_HURRY:
        hurry(fixture, node, action);
        break;
    case REPLICA_WRITE:
        g_assert_null(node->batch);
        node->batch = g_steal_pointer(&action->batch);
        break;
    case REPLICA_APPLY:
        apply(fixture, node, action->entry);
        break;
    case REPLICA_ANSWER:
        node->answers++;
        node->outcome = action->outcome;
        node->code = action->code;
        node->index = action->index;
        break;
    case REPLICA_READ_PIECE:
        read_piece(fixture, node, action);
        break;
    case REPLICA_KEEP_PIECE:
        g_string_truncate(node->pieces, action->offset);
        g_string_append_len(node->pieces, g_bytes_get_data(action->bytes, NULL),
                            (gssize)g_bytes_get_size(action->bytes));
        break;
    case REPLICA_LOAD:
        g_string_assign(node->documents, node->pieces->str);
        node->lengths[action->index] = (guint)node->documents->len;
        break;
    case REPLICA_REPORT:
        node->health = action->health;
        break;
    }
}

static void step(Fixture *fixture, Node *node, const ReplicaEvent *event)
{
    g_autoptr(GArray) actions = replica_actions_new();
    replica_step(node->replica, event, actions);
    for (guint i = 0; i < actions->len; i++)
        carry_out(fixture, node, &g_array_index(actions, ReplicaAction, i));
}

/* The disk of a test keeps all entries since its base. */
static void end_write(Fixture *fixture, Node *node, gboolean good)
{
    g_autoptr(ReplicaBatch) batch = g_steal_pointer(&node->batch);
    ReplicaDurable *disk = &node->disk;
    if (good) {
        if (batch->install) {
            g_ptr_array_set_size(disk->entries, 0);
            disk->base = batch->base;
        }
        g_ptr_array_set_size(disk->entries, (gint)(batch->first - 1 - disk->base.index));
        for (guint i = 0; i < batch->entries->len; i++)
            g_ptr_array_add(disk->entries,
                            replica_entry_ref(g_ptr_array_index(batch->entries, i)));
        disk->incarnation = batch->incarnation;
        disk->promised = batch->promised;
        disk->adopted = batch->adopted;
        disk->diverged = batch->diverged;
        disk->applied = batch->applied;
        g_string_assign(node->disk_documents, node->documents->str);
        g_string_truncate(node->disk_documents, node->lengths[batch->applied]);
    }
    step(fixture, node,
         &(ReplicaEvent){.kind = good ? REPLICA_WRITTEN : REPLICA_WRITE_FAILED,
                         .token = batch->token});
}

/* One thing that can happen; FALSE when nothing can. */
static gboolean go_on(Fixture *fixture, Node *node)
{
    if (!node->replica)
        return FALSE;
    if (node->batch && !node->slow) {
        end_write(fixture, node, TRUE);
        return TRUE;
    }
    Letter *letter = g_queue_pop_head(&node->inbox);
    if (!letter)
        return FALSE;
    step(fixture, node,
         &(ReplicaEvent){
             .kind = REPLICA_RECEIVED, .node = letter->sender, .bytes = letter->bytes});
    letter_free(letter);
    return TRUE;
}

static void settle(Fixture *fixture)
{
    for (gboolean busy = TRUE; busy;) {
        busy = FALSE;
        for (guint i = 1; i <= NODES; i++)
            busy |= go_on(fixture, &fixture->nodes[i]);
    }
}

static void tick(Fixture *fixture, guint count)
{
    for (; count > 0; count--) {
        for (guint i = 1; i <= NODES; i++)
            if (fixture->nodes[i].replica)
                step(fixture, &fixture->nodes[i], &(ReplicaEvent){.kind = REPLICA_TICKED});
        settle(fixture);
    }
}

/* Puts these nodes together; the others stay as they are. */
static void connect_nodes(Fixture *fixture, const char *who)
{
    guint32 nodes[NODES];
    guint count = 0;
    fixture->views++;
    for (const char *c = who; *c; c++)
        nodes[count++] = (guint32)(*c - '0');
    for (guint i = 0; i < count; i++)
        fixture->nodes[nodes[i]].group = count > 1 ? (guint)fixture->views : 0;
    for (guint i = 0; i < count; i++)
        step(fixture, &fixture->nodes[nodes[i]],
             &(ReplicaEvent){.kind = REPLICA_VIEW_CHANGED,
                             .view = fixture->views,
                             .nodes = nodes,
                             .node_count = count});
    settle(fixture);
}

static void submit(Fixture *fixture, guint32 node, const char *text)
{
    g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
    step(fixture, &fixture->nodes[node],
         &(ReplicaEvent){.kind = REPLICA_SUBMITTED, .ticket = 1, .bytes = bytes});
    settle(fixture);
}

static void start(Node *node, guint64 keep)
{
    ReplicaSettings settings = {.node = node->id,
                                .keep = keep,
                                .size_kept = 1 << 19,
                                .size_max = 1 << 20,
                                .piece_size = 64,
                                .batch_size = 1 << 16};
    node->replica = replica_new(&settings, &node->disk);
    g_string_assign(node->documents, node->disk_documents->str);
}

static void crash(Node *node)
{
    g_clear_pointer(&node->replica, replica_free);
    g_clear_pointer(&node->batch, replica_batch_free);
    g_queue_clear_full(&node->inbox, letter_free);
    node->group = 0;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    ReplicaMembers members = {.count = NODES};
    for (guint32 i = 1; i <= NODES; i++)
        members.list[i - 1] = (ReplicaMember){.node = i, .votes = 1, .birth = i};
    for (guint32 i = 1; i <= NODES; i++) {
        Node *node = &fixture->nodes[i];
        node->id = i;
        node->disk = (ReplicaDurable){
            .cluster = CLUSTER, .birth = i, .base = replica_base_found(CLUSTER, &members)};
        node->disk.entries = g_ptr_array_new_with_free_func(replica_entry_unref);
        node->documents = g_string_new(NULL);
        node->disk_documents = g_string_new(NULL);
        node->pieces = g_string_new(NULL);
        node->held = g_string_new(NULL);
        start(node, GPOINTER_TO_SIZE(data));
    }
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    for (guint i = 1; i <= NODES; i++) {
        Node *node = &fixture->nodes[i];
        crash(node);
        g_ptr_array_unref(node->disk.entries);
        g_string_free(node->documents, TRUE);
        g_string_free(node->disk_documents, TRUE);
        g_string_free(node->pieces, TRUE);
        g_string_free(node->held, TRUE);
    }
}

/* The others hear of what is committed with the next tick. */
static void submit_and_tell(Fixture *fixture, guint32 node, const char *text)
{
    submit(fixture, node, text);
    tick(fixture, 1);
}

static void assert_documents(const Fixture *fixture, guint32 node, const char *expected)
{
    g_assert_cmpstr(fixture->nodes[node].documents->str, ==, expected);
}

static void test_commit(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 1, "a");
    submit_and_tell(fixture, 3, "b");
    for (guint32 i = 1; i <= NODES; i++) {
        assert_documents(fixture, i, "ab");
        g_assert_cmpint(fixture->nodes[i].health, ==, REPLICA_WORKING);
    }
    g_assert_cmpuint(fixture->nodes[3].answers, ==, 1);
    g_assert_cmpint(fixture->nodes[3].outcome, ==, REPLICA_APPLIED_AT);
    g_assert_cmpuint(fixture->nodes[3].index, ==, 2);
}

/* Who asks is answered at once; the others know with the next tick, or with what follows. */
static void test_answer(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 3, "a");
    g_assert_cmpuint(fixture->nodes[3].answers, ==, 1);
    assert_documents(fixture, 3, "a");
    assert_documents(fixture, 2, "");
    submit(fixture, 3, "b");
    assert_documents(fixture, 2, "a");
    tick(fixture, 1);
    assert_documents(fixture, 2, "ab");
}

/* Nothing that goes the short way arrives: all goes on by the other. */
static void test_short_way_lost(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    fixture->lost = TRUE;
    submit(fixture, 1, "a");
    submit(fixture, 3, "b");
    tick(fixture, REPLICA_RETRY_TICKS + 4 * REPLICA_AGAIN_TICKS);
    for (guint32 i = 1; i <= NODES; i++)
        assert_documents(fixture, i, "ab");
    g_assert_cmpuint(fixture->nodes[1].answers, ==, 1);
    g_assert_cmpuint(fixture->nodes[3].answers, ==, 1);
    fixture->lost = FALSE;
    submit_and_tell(fixture, 2, "c");
    for (guint32 i = 1; i <= NODES; i++)
        assert_documents(fixture, i, "abc");
}

/* With a digest the leader's ack is told to all. A follower that counted it, and settled what
 * the leader has not, would not repeat its own ack that was lost. */
static void test_ack_lost(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    for (guint i = 0; i < REPLICA_CHECK_INTERVAL; i++)
        submit(fixture, 1, "a");
    fixture->lost = TRUE;
    submit(fixture, 1, "b");
    tick(fixture, 4 * REPLICA_HEARTBEAT_TICKS);
    g_assert_cmpuint(fixture->nodes[1].answers, ==, REPLICA_CHECK_INTERVAL + 1);
}

/* What is too large for the short way, and what follows it meanwhile. */
static void test_large(Fixture *fixture, gconstpointer data)
{
    g_autofree char *large = g_strnfill((gsize)2 * REPLICA_HURRY_MAX, 'x');
    g_autofree char *all = g_strconcat("a", large, "b", NULL);
    connect_nodes(fixture, "123");
    submit(fixture, 2, "a");
    submit(fixture, 2, large);
    submit_and_tell(fixture, 3, "b");
    for (guint32 i = 1; i <= NODES; i++)
        assert_documents(fixture, i, all);
}

static void test_majority_of_disks(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    fixture->nodes[1].slow = fixture->nodes[2].slow = TRUE;
    submit(fixture, 1, "a");
    g_assert_cmpuint(fixture->nodes[1].answers, ==, 0);
    assert_documents(fixture, 3, "");
    end_write(fixture, &fixture->nodes[2], TRUE);
    settle(fixture);
    g_assert_cmpuint(fixture->nodes[1].answers, ==, 1);
    assert_documents(fixture, 1, "a");
}

static void test_no_majority(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 1, "a");
    connect_nodes(fixture, "1");
    connect_nodes(fixture, "23");
    g_assert_cmpint(fixture->nodes[1].health, ==, REPLICA_NO_MAJORITY);
    submit(fixture, 1, "x");
    g_assert_cmpint(fixture->nodes[1].outcome, ==, REPLICA_REFUSED);
    g_assert_cmpint(fixture->nodes[1].code, ==, WIRE_ERROR_UNAVAILABLE);
    submit_and_tell(fixture, 2, "b");
    assert_documents(fixture, 3, "ab");
    connect_nodes(fixture, "123");
    assert_documents(fixture, 1, "ab");
}

/* What was under way when the majority was lost is answered, and may still be done. */
static void test_doubt(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    fixture->nodes[2].slow = fixture->nodes[3].slow = TRUE;
    submit(fixture, 1, "a");
    connect_nodes(fixture, "1");
    g_assert_cmpuint(fixture->nodes[1].answers, ==, 0);
    tick(fixture, REPLICA_DOUBT_TICKS + 1);
    g_assert_cmpuint(fixture->nodes[1].answers, ==, 1);
    g_assert_cmpint(fixture->nodes[1].outcome, ==, REPLICA_IN_DOUBT);
    fixture->nodes[2].slow = fixture->nodes[3].slow = FALSE;
    connect_nodes(fixture, "123");
    for (guint32 i = 1; i <= NODES; i++)
        assert_documents(fixture, i, "a");
    g_assert_cmpuint(fixture->nodes[1].answers, ==, 1);
}

/* A long tail that nobody acked loses against a short one of a later epoch. */
static void test_stale_tail(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 1, "a");
    fixture->nodes[2].group = fixture->nodes[3].group = 0;
    for (guint i = 0; i < 5; i++)
        submit(fixture, 1, "x");
    crash(&fixture->nodes[1]);
    connect_nodes(fixture, "23");
    submit(fixture, 2, "b");
    start(&fixture->nodes[1], 100);
    g_assert_cmpuint(fixture->nodes[1].disk.entries->len, ==, 6);
    connect_nodes(fixture, "123");
    submit_and_tell(fixture, 1, "c");
    for (guint32 i = 1; i <= NODES; i++)
        assert_documents(fixture, i, "abc");
}

/* The log is too short for whoever was away: the documents come in pieces. */
static void test_return_far_behind(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    connect_nodes(fixture, "12");
    fixture->nodes[3].group = 0;
    for (guint i = 0; i < 40; i++)
        submit(fixture, 1 + i % 2, "z");
    connect_nodes(fixture, "123");
    g_assert_cmpstr(fixture->nodes[3].documents->str, ==, fixture->nodes[1].documents->str);
    g_assert_cmpuint(fixture->nodes[3].pieces->len, >, 20);
    submit_and_tell(fixture, 3, "!");
    g_assert_cmpint(fixture->nodes[3].outcome, ==, REPLICA_APPLIED_AT);
    g_assert_true(g_str_has_suffix(fixture->nodes[2].documents->str, "z!"));
}

static void test_all_crash(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 2, "a");
    submit(fixture, 2, "b");
    for (guint i = 1; i <= NODES; i++)
        crash(&fixture->nodes[i]);
    for (guint i = 1; i <= NODES; i++)
        start(&fixture->nodes[i], 100);
    connect_nodes(fixture, "13");
    assert_documents(fixture, 1, "ab");
    assert_documents(fixture, 3, "ab");
}

/* The leader's disk fails; the others are a majority. */
static void test_disk_full(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    Node *node = &fixture->nodes[1];
    node->slow = TRUE;
    submit(fixture, 1, "a");
    end_write(fixture, node, FALSE);
    g_assert_cmpint(node->health, ==, REPLICA_DISK);
    g_assert_cmpuint(node->answers, ==, 1);
    submit(fixture, 2, "b");
    node->slow = FALSE;
    tick(fixture, 1);
    g_assert_cmpint(node->health, ==, REPLICA_WORKING);
    g_assert_cmpuint(node->disk.entries->len, ==, 2);
}

/* A node whose documents went bad notices, stops, and is repaired. */
static void test_diverged(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    Node *bad = &fixture->nodes[3];
    g_string_assign(bad->documents, "bad");
    for (guint i = 0; i < 70; i++)
        submit_and_tell(fixture, 1, "a");
    g_assert_cmpint(bad->health, ==, REPLICA_DIVERGED);
    submit(fixture, 3, "x");
    g_assert_cmpint(bad->outcome, ==, REPLICA_REFUSED);
    g_assert_true(bad->disk.diverged);
    g_assert_cmpint(fixture->nodes[1].health, ==, REPLICA_WORKING);
    step(fixture, bad, &(ReplicaEvent){.kind = REPLICA_RESYNC_ASKED});
    tick(fixture, 2 * REPLICA_RETRY_TICKS);
    g_assert_cmpint(bad->health, ==, REPLICA_WORKING);
    g_assert_cmpstr(bad->documents->str, ==, fixture->nodes[1].documents->str);
    g_assert_false(bad->disk.diverged);
}

/* A database that this program cannot have written is not believed. */
static void test_torn(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 1, "a");
    submit(fixture, 1, "b");
    Node *torn = &fixture->nodes[2];
    crash(torn);
    g_ptr_array_set_size(torn->disk.entries, 1);
    torn->disk.applied = 2;
    start(torn, 100);
    connect_nodes(fixture, "12");
    g_assert_cmpint(torn->health, ==, REPLICA_DIVERGED);
    g_assert_cmpint(fixture->nodes[1].health, !=, REPLICA_WORKING);
    connect_nodes(fixture, "123");
    g_assert_cmpint(fixture->nodes[1].health, ==, REPLICA_WORKING);
    step(fixture, torn, &(ReplicaEvent){.kind = REPLICA_RESYNC_ASKED});
    tick(fixture, 2 * REPLICA_RETRY_TICKS);
    g_assert_cmpint(torn->health, ==, REPLICA_WORKING);
    assert_documents(fixture, 2, "ab");
}

static void change(Fixture *fixture, guint32 at, const ReplicaChange *wish)
{
    step(fixture, &fixture->nodes[at],
         &(ReplicaEvent){.kind = REPLICA_CHANGE_SUBMITTED, .ticket = 1, .change = *wish});
    settle(fixture);
}

/* A node that lost its disk has no vote until it was removed and added again. */
static void test_lost_disk(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "123");
    submit(fixture, 1, "a");
    Node *node = &fixture->nodes[3];
    crash(node);
    node->disk.birth = 33;
    node->disk.base = (ReplicaBase){0};
    node->disk.promised = node->disk.adopted = node->disk.applied = 0;
    g_ptr_array_set_size(node->disk.entries, 0);
    g_string_truncate(node->disk_documents, 0);
    start(node, 100);
    connect_nodes(fixture, "13");
    g_assert_cmpint(fixture->nodes[1].health, ==, REPLICA_NO_MAJORITY);
    connect_nodes(fixture, "123");
    g_assert_cmpint(node->health, ==, REPLICA_STRANGER);
    assert_documents(fixture, 3, "a");
    change(fixture, 1, &(ReplicaChange){.node = 3, .birth = 33, .votes = 1});
    g_assert_cmpint(fixture->nodes[1].outcome, ==, REPLICA_REFUSED);
    change(fixture, 1, &(ReplicaChange){.node = 3, .birth = 3, .remove = TRUE});
    change(fixture, 1, &(ReplicaChange){.node = 3, .birth = 33});
    change(fixture, 1, &(ReplicaChange){.node = 3, .birth = 33, .votes = 1});
    g_assert_cmpint(node->health, ==, REPLICA_WORKING);
    connect_nodes(fixture, "13");
    submit_and_tell(fixture, 3, "b");
    assert_documents(fixture, 1, "ab");
}

static void test_foreign(Fixture *fixture, gconstpointer data)
{
    connect_nodes(fixture, "12");
    ReplicaMessage message = {.kind = REPLICA_STATE, .cluster = CLUSTER + 1, .view = 1};
    g_autoptr(GBytes) bytes = replica_message_encode(&message);
    g_autoptr(GBytes) rubbish = g_bytes_new_static("rubbish", 7);
    step(fixture, &fixture->nodes[1],
         &(ReplicaEvent){.kind = REPLICA_RECEIVED, .node = 2, .bytes = bytes});
    step(fixture, &fixture->nodes[1],
         &(ReplicaEvent){.kind = REPLICA_RECEIVED, .node = 2, .bytes = rubbish});
    ReplicaStatus status;
    replica_status(fixture->nodes[1].replica, &status);
    g_assert_cmpuint(status.foreign, ==, 1);
    g_assert_cmpuint(status.senseless, ==, 1);
}

/* Every message that is too short or too long is refused as a whole. */
static void test_encoding(void)
{
    g_autoptr(ReplicaMessage) message = replica_message_new(REPLICA_ENTRIES);
    message->cluster = CLUSTER;
    message->index = 9;
    message->entries = g_ptr_array_new_with_free_func(replica_entry_unref);
    g_autoptr(GBytes) text = g_bytes_new_static("text", 4);
    for (guint64 i = 1; i <= 3; i++)
        g_ptr_array_add(message->entries,
                        replica_entry_new(REPLICA_TRANSACTION, 2, 5, i, text));
    g_autoptr(GBytes) bytes = replica_message_encode(message);
    g_autoptr(ReplicaMessage) read = replica_message_decode(bytes, NULL);
    g_assert_nonnull(read);
    g_assert_cmpuint(read->index, ==, 9);
    g_assert_cmpuint(read->entries->len, ==, 3);
    const ReplicaEntry *last = g_ptr_array_index(read->entries, 2);
    g_assert_cmpuint(last->sequence, ==, 3);
    g_assert_true(g_bytes_equal(last->bytes, text));
    for (gsize size = 0; size < g_bytes_get_size(bytes); size++) {
        g_autoptr(GBytes) part = g_bytes_new_from_bytes(bytes, 0, size);
        g_assert_null(replica_message_decode(part, NULL));
    }
    g_autoptr(GByteArray) more = g_bytes_unref_to_array(g_bytes_ref(bytes));
    g_byte_array_append(more, (const guint8 *)"", 1);
    g_autoptr(GBytes) longer = g_bytes_new(more->data, more->len);
    g_autoptr(GError) error = NULL;
    g_assert_null(replica_message_decode(longer, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_PARSE);
    more->data[0] = REPLICA_VERSION + 1;
    g_autoptr(GBytes) newer = g_bytes_new(more->data, more->len);
    g_clear_error(&error);
    g_assert_null(replica_message_decode(newer, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_VERSION);
}

static void test_members(void)
{
    ReplicaMembers members = {0};
    ReplicaChange wish = {.node = 5, .birth = 50, .votes = 1};
    g_assert_true(replica_members_change(&members, &wish));
    wish.votes = 3;
    g_assert_false(replica_members_change(&members, &wish)); /* two votes at a time */
    wish = (ReplicaChange){.node = 5, .birth = 50, .remove = TRUE};
    g_assert_false(replica_members_change(&members, &wish)); /* the last vote */
    wish = (ReplicaChange){.node = 2, .birth = 20};
    g_assert_true(replica_members_change(&members, &wish));
    g_assert_cmpuint(members.list[0].node, ==, 2);
    wish.birth = 21;
    wish.votes = 1;
    g_assert_false(replica_members_change(&members, &wish)); /* not who it was */
    members.list[0].sequence = 7;
    wish = (ReplicaChange){.node = 2, .birth = 20, .remove = TRUE};
    g_assert_true(replica_members_change(&members, &wish));
    g_assert_null(replica_members_find(&members, 2));
    wish.remove = FALSE;
    g_assert_true(replica_members_change(&members, &wish));
    g_assert_cmpuint(replica_members_find(&members, 2)->sequence, ==, 7);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        gsize keep; /* entries that the nodes keep */
        void (*run)(Fixture *fixture, gconstpointer data);
    } scenarios[] = {
        {"/replica/commit", 100, test_commit},
        {"/replica/answer", 100, test_answer},
        {"/replica/short-way-lost", 100, test_short_way_lost},
        {"/replica/ack-lost", 100, test_ack_lost},
        {"/replica/large", 100, test_large},
        {"/replica/majority-of-disks", 100, test_majority_of_disks},
        {"/replica/no-majority", 100, test_no_majority},
        {"/replica/doubt", 100, test_doubt},
        {"/replica/stale-tail", 100, test_stale_tail},
        {"/replica/far-behind", 4, test_return_far_behind},
        {"/replica/all-crash", 100, test_all_crash},
        {"/replica/disk-full", 100, test_disk_full},
        {"/replica/diverged", 100, test_diverged},
        {"/replica/torn", 100, test_torn},
        {"/replica/lost-disk", 100, test_lost_disk},
        {"/replica/foreign", 100, test_foreign},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++)
        g_test_add(scenarios[i].name, Fixture, GSIZE_TO_POINTER(scenarios[i].keep), set_up,
                   scenarios[i].run, tear_down);
    g_test_add_func("/replica/encoding", test_encoding);
    g_test_add_func("/replica/members", test_members);
    return g_test_run();
}
