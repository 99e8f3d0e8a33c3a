#include "backend/cluster/store_private.h"
#include "backend/wire/error.h"

#include <string.h>

#define TICK 100 /* ms; the replica's own times are in ticks */
/* Ticks after which documents are shown though the log's end is not known to hold. */
#define LOADED_TICKS 20

static const ReplicaSettings settings = {
    .keep = 16384,
    .size_kept = 4 << 20,
    .size_max = 64 << 20,
    .piece_size = 512 << 10,
    .batch_size = 2 << 20,
};

gboolean store_is_alone(const Store *store)
{
    const ReplicaMembers *members = store_members(store);
    return !store->grouped && members && members->count > 0 &&
           replica_members_total(members) ==
               replica_members_votes(members, store->node, store->birth);
}

/* ---- events ---- */

static void input_free(gpointer data)
{
    StoreInput *input = data;
    g_clear_pointer(&input->event.bytes, g_bytes_unref);
    g_free(input->nodes);
    g_free(input->base);
    g_free(input);
}

void store_feed(Store *store, const ReplicaEvent *event)
{
    StoreInput *input = g_new0(StoreInput, 1);
    input->event = *event;
    if (event->bytes)
        (void)g_bytes_ref(event->bytes);
    if (event->nodes)
        input->event.nodes = input->nodes =
            g_memdup2(event->nodes, event->node_count * sizeof *event->nodes);
    if (event->base)
        input->event.base = input->base = g_memdup2(event->base, sizeof *event->base);
    g_queue_push_tail(&store->inbox, input);
}

static gboolean on_tick(gpointer user)
{
    Store *store = user;
    store->ticks++;
    if (store->ticks == LOADED_TICKS)
        store_tell_loaded(store);
    store_feed(store, &(ReplicaEvent){.kind = REPLICA_TICKED});
    store_drain(store);
    return G_SOURCE_CONTINUE;
}

/* A cluster of one that works needs no sense of time. */
static void keep_ticking(Store *store)
{
    gboolean needed = store->replica && !store->closing &&
                      (!store_is_alone(store) || store->health != REPLICA_WORKING);
    if (needed == (store->ticker != NULL))
        return;
    if (!needed) {
        g_source_destroy(store->ticker);
        g_clear_pointer(&store->ticker, g_source_unref);
        return;
    }
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    store->ticker = g_timeout_source_new(TICK);
    g_source_set_callback(store->ticker, on_tick, store, NULL);
    g_source_attach(store->ticker, context);
}

/* ---- the disk ---- */

typedef struct {
    Store *store;
    StoreBatch batch;
} Writing;

static void change_free(gpointer data)
{
    StoreChange *change = data;
    g_array_unref(change->writes);
    g_free(change);
}

static void writing_free(gpointer data)
{
    Writing *writing = data;
    replica_batch_free(writing->batch.replica);
    g_clear_pointer(&writing->batch.install, g_array_unref);
    g_ptr_array_unref(writing->batch.changes);
    g_free(writing);
}

static gboolean run_write(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_write(handle, &((Writing *)data)->batch, error);
}

/* What the file has now need not be kept for it. */
static void forget_written(Store *store, const StoreBatch *batch)
{
    if (batch->install == store->install)
        g_clear_pointer(&store->install, g_array_unref);
    const StoreChange *change;
    while ((change = g_queue_peek_head(&store->changes)) &&
           change->index <= batch->replica->applied)
        change_free(g_queue_pop_head(&store->changes));
}

static void on_written(const GError *error, gpointer data)
{
    const Writing *writing = data;
    Store *store = writing->store;
    if (!store->replica)
        return;
    if (!error)
        forget_written(store, &writing->batch);
    ReplicaEvent event = {.kind = error ? REPLICA_WRITE_FAILED : REPLICA_WRITTEN,
                          .token = writing->batch.replica->token};
    store_feed(store, &event);
    store_drain(store);
}

/* Takes the batch. The documents' changes go with it as far as it says, those of
 * batches that failed among them. */
static void do_write(Store *store, ReplicaBatch *replica)
{
    Writing *writing = g_new0(Writing, 1);
    writing->store = store;
    StoreBatch *batch = &writing->batch;
    batch->replica = replica;
    batch->changes = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    if (store->install) {
        batch->install = g_array_ref(store->install);
        batch->has_revision = TRUE;
        batch->revision = store->install_revision;
    }
    for (GList *node = store->changes.head; node; node = node->next) {
        const StoreChange *change = node->data;
        if (change->index > replica->applied)
            break;
        g_ptr_array_add(batch->changes, g_array_ref(change->writes));
        batch->has_revision = TRUE;
        batch->revision = change->revision;
    }
    database_write(store->database, run_write, on_written, writing, writing_free);
}

/* ---- applying ---- */

static void note_verdict(Store *store, guint64 index, guint64 revision, GError *error)
{
    g_clear_error(&store->verdict);
    store->verdict_index = index;
    store->verdict_revision = revision;
    store->verdict = error;
}

static void tell_changes(Store *store, const GArray *writes, guint64 revision)
{
    for (guint i = 0; i < writes->len; i++)
        store_tell_watches(store, g_array_index(writes, StoreWrite, i).path, revision);
}

static void apply_transaction(Store *store, const ReplicaEntry *entry)
{
    GError *error = NULL;
    g_autoptr(StoreTransaction) transaction = store_transaction_decode(entry->bytes, &error);
    g_autoptr(GArray) writes = store_writes_new();
    if (!transaction ||
        !store_documents_apply(&store->documents, transaction, writes, &error)) {
        note_verdict(store, entry->index, 0, error);
        return;
    }
    guint64 revision = store->documents.revision;
    StoreChange *change = g_new0(StoreChange, 1);
    *change = (StoreChange){entry->index, revision, g_array_ref(writes)};
    g_queue_push_tail(&store->changes, change);
    note_verdict(store, entry->index, revision, NULL);
    tell_changes(store, writes, revision);
}

static void do_apply(Store *store, const ReplicaEntry *entry)
{
    note_verdict(store, entry->index, store->documents.revision, NULL);
    if (entry->kind == REPLICA_TRANSACTION)
        apply_transaction(store, entry);
    if (entry->index % REPLICA_CHECK_INTERVAL != 0)
        return;
    ReplicaEvent event = {.kind = REPLICA_APPLIED,
                          .index = entry->index,
                          .digest = store_documents_digest(&store->documents)};
    store_feed(store, &event);
}

/* ---- answering ---- */

static GError *refusal(const Store *store, WireErrorCode code)
{
    GError *error = NULL;
    switch (code) {
    case WIRE_ERROR_STATE:
        wire_error_set(&error, code,
                       "the store of this node differs from the other nodes' and takes no "
                       "changes: see gantry cluster status");
        break;
    case WIRE_ERROR_LIMIT:
        wire_error_set(&error, code,
                       "too many changes wait for the cluster's nodes: try again "
                       "when they answer");
        break;
    case WIRE_ERROR_CONFLICT:
        wire_error_set(&error, code,
                       "the cluster's members were changed at the same time: look again");
        break;
    case WIRE_ERROR_STORAGE:
        if (database_reason(store->database))
            return g_error_copy(database_reason(store->database));
        wire_error_set(&error, code, "the store's file %s could not be written",
                       database_path(store->database));
        break;
    default:
        wire_error_set(&error, WIRE_ERROR_UNAVAILABLE,
                       "nothing can be changed: this node does not see a majority of the "
                       "cluster's nodes. See gantry cluster status for what to do");
    }
    return error;
}

static GError *doubt(void)
{
    GError *error = NULL;
    wire_error_set(&error, WIRE_ERROR_TIMEOUT,
                   "the majority of the cluster's nodes was lost on the way: the change may "
                   "have been made, or be made when they are back. Look before trying again");
    return error;
}

static void do_answer(Store *store, const ReplicaAction *action)
{
    GError *error = NULL;
    guint64 revision = 0;
    switch (action->outcome) {
    case REPLICA_APPLIED_AT:
        if (action->index != store->verdict_index)
            error = doubt();
        else if (store->verdict)
            error = g_error_copy(store->verdict);
        else
            revision = store->verdict_revision;
        break;
    case REPLICA_REFUSED:
        error = refusal(store, action->code);
        break;
    case REPLICA_IN_DOUBT:
        error = action->code == WIRE_ERROR_STORAGE ? refusal(store, action->code) : doubt();
        break;
    }
    store_answer(store, action->ticket, revision, error);
}

/* ---- documents for others, and from others ---- */

static void let_go(Store *store)
{
    g_clear_pointer(&store->held.pieces, store_pieces_free);
}

static void hold(Store *store, const ReplicaBase *base)
{
    let_go(store);
    store->held = (StoreHeld){.pieces = store_pieces_new(&store->documents),
                              .base = *base,
                              .digest = store_documents_digest(&store->documents)};
}

static void do_read_piece(Store *store, const ReplicaAction *action)
{
    StoreHeld *held = &store->held;
    guint64 offset = action->offset;
    if (offset == 0 || !held->pieces || held->base.index != action->index) {
        hold(store, action->base);
        offset = 0;
    }
    gboolean last;
    g_autoptr(GBytes) bytes =
        store_pieces_read(held->pieces, offset, settings.piece_size, &last);
    store_feed(store, &(ReplicaEvent){.kind = REPLICA_PIECE_READ,
                                      .node = action->node,
                                      .base = &held->base,
                                      .digest = held->digest,
                                      .offset = offset,
                                      .last = last,
                                      .bytes = bytes});
    if (last)
        let_go(store);
}

static void do_keep_piece(Store *store, const ReplicaAction *action)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(action->bytes, &size);
    if (!store->kept)
        store->kept = g_byte_array_new();
    /* Too large is not whole, and will not be read. */
    if (action->offset > store->kept->len || action->offset + size > STORE_PIECES_MAX)
        return;
    g_byte_array_set_size(store->kept, (guint)action->offset);
    if (size > 0)
        g_byte_array_append(store->kept, data, (guint)size);
}

typedef struct {
    GHashTable *found; /* paths that are to stay */
    GPtrArray *gone;
} Comparison;

static gboolean note_if_gone(gpointer path, gpointer value, gpointer data)
{
    const Comparison *comparison = data;
    if (!g_hash_table_contains(comparison->found, path))
        g_ptr_array_add(comparison->gone, g_strdup(path));
    return FALSE;
}

/* Makes memory what the list says and tells the watches what differs. With keep, what is
 * not in the list stays. */
void store_adopt(Store *store, const GArray *documents, guint64 revision, gboolean keep)
{
    g_autoptr(GHashTable) found = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
    store->documents.revision = keep ? MAX(store->documents.revision, revision) : revision;
    for (guint i = 0; i < documents->len; i++) {
        const StoreWrite *read = &g_array_index(documents, StoreWrite, i);
        const StoreDocument *have = store_documents_get(&store->documents, read->path);
        g_hash_table_add(found, read->path);
        if (have && have->revision == read->revision &&
            store_content_equal(have->content, read->content))
            continue;
        store_documents_put(&store->documents, read->path, read->content, read->revision);
        store_tell_watches(store, read->path, read->revision);
    }
    if (!keep)
        g_tree_foreach(store->documents.tree, note_if_gone, &(Comparison){found, gone});
    for (guint i = 0; i < gone->len; i++) {
        (void)store_documents_remove(&store->documents, gone->pdata[i]);
        store_tell_watches(store, gone->pdata[i], store->documents.revision);
    }
}

/* Documents that cannot be read leave what there was: the next digest shows that they
 * differ, and this node stops. */
static void do_load(Store *store)
{
    g_autoptr(GBytes) whole = g_byte_array_free_to_bytes(
        store->kept ? g_steal_pointer(&store->kept) : g_byte_array_new());
    guint64 revision = 0;
    g_autoptr(GArray) documents = store_pieces_parse(whole, &revision, NULL);
    if (documents)
        store_adopt(store, documents, revision, FALSE);
    g_queue_clear_full(&store->changes, change_free);
    g_clear_pointer(&store->install, g_array_unref);
    store->install = store_documents_list(&store->documents);
    store->install_revision = store->documents.revision;
}

/* ---- the loop ---- */

static void do_send(Store *store, GBytes *bytes)
{
    if (store->grouped && store->group.send)
        store->group.send(bytes, store->group.user);
    else if (!store->grouped)
        store_feed(store, &(ReplicaEvent){
                              .kind = REPLICA_RECEIVED, .node = store->node, .bytes = bytes});
}

/* Whoever is alone has nobody to hurry to. */
static void do_hurry(Store *store, guint32 node, GBytes *bytes)
{
    if (!store->grouped || !store->group.send)
        return;
    if (store->group.hurry)
        store->group.hurry(node, bytes, store->group.user);
    else
        store->group.send(bytes, store->group.user);
}

static void do_report(Store *store, ReplicaHealth health)
{
    store->health = health;
    keep_ticking(store);
    if (health == REPLICA_WORKING || health == REPLICA_DISK || health == REPLICA_DIVERGED)
        store_tell_loaded(store);
    if (store->events.group && !store->closing)
        store->events.group(store->user);
}

static void carry_out(Store *store, ReplicaAction *action)
{
    switch (action->kind) {
    case REPLICA_SEND:
        do_send(store, action->bytes);
        break;
    case REPLICA_HURRY:
        do_hurry(store, action->node, action->bytes);
        break;
    case REPLICA_WRITE:
        do_write(store, g_steal_pointer(&action->batch));
        break;
    case REPLICA_APPLY:
        do_apply(store, action->entry);
        break;
    case REPLICA_ANSWER:
        do_answer(store, action);
        break;
    case REPLICA_READ_PIECE:
        do_read_piece(store, action);
        break;
    case REPLICA_KEEP_PIECE:
        do_keep_piece(store, action);
        break;
    case REPLICA_LOAD:
        do_load(store);
        break;
    case REPLICA_REPORT:
        do_report(store, action->health);
        break;
    }
}

void store_drain(Store *store)
{
    if (store->feeding || !store->replica || store->reading)
        return;
    store->feeding = TRUE;
    StoreInput *input;
    while (store->replica && (input = g_queue_pop_head(&store->inbox))) {
        g_autoptr(GArray) actions = replica_actions_new();
        replica_step(store->replica, &input->event, actions);
        input_free(input);
        for (guint i = 0; i < actions->len; i++)
            carry_out(store, &g_array_index(actions, ReplicaAction, i));
    }
    store->feeding = FALSE;
}

void store_machine_start(Store *store, const ReplicaDurable *durable)
{
    ReplicaSettings own = settings;
    own.node = store->node;
    store->replica = replica_new(&own, durable);
    store->health = REPLICA_ELECTING;
    store->ticks = 0;
    keep_ticking(store);
    if (!store->grouped)
        store->view = (ReplicaEvent){.view = (guint64)g_random_int() << 32 | g_random_int(),
                                     .nodes = &store->node,
                                     .node_count = 1};
    store->view.kind = REPLICA_VIEW_CHANGED;
    store_feed(store, &store->view);
    /* What was wanted before has its turn after it. */
    g_queue_push_head(&store->inbox, g_queue_pop_tail(&store->inbox));
}

static void drop_network_input(Store *store)
{
    for (GList *node = store->inbox.head, *next; node; node = next) {
        next = node->next;
        StoreInput *input = node->data;
        if (input->event.kind == REPLICA_SUBMITTED)
            continue;
        input_free(input);
        g_queue_delete_link(&store->inbox, node);
    }
}

void store_machine_stop(Store *store)
{
    drop_network_input(store);
    g_clear_pointer(&store->replica, replica_free);
    g_queue_clear_full(&store->changes, change_free);
    g_clear_pointer(&store->install, g_array_unref);
    g_clear_pointer(&store->kept, g_byte_array_unref);
    let_go(store);
    keep_ticking(store);
}

void store_machine_close(Store *store)
{
    store_machine_stop(store);
    g_queue_clear_full(&store->inbox, input_free);
    g_clear_error(&store->verdict);
}
