#include "backend/cluster/store_private.h"
#include "backend/wire/error.h"

#include <string.h>

typedef struct {
    guint id;
    char *path;
    StoreChanged changed;
    gpointer user;
} Watch;

static void watch_free(gpointer data)
{
    Watch *watch = data;
    if (!watch)
        return;
    g_free(watch->path);
    g_free(watch);
}

/* ---- answers ---- */

static void pending_free(gpointer data)
{
    StorePending *pending = data;
    g_clear_error(&pending->error);
    g_free(pending);
}

void store_answer(Store *store, guint64 ticket, guint64 revision, GError *error)
{
    g_autoptr(GError) owned = error;
    StorePending *pending = g_hash_table_lookup(store->pending, &ticket);
    if (!pending)
        return;
    g_hash_table_remove(store->pending, &ticket);
    store->pending_size -= pending->size;
    if (pending->done)
        pending->done(owned ? 0 : revision, owned, pending->user);
    pending_free(pending);
}

static int compare_tickets(gconstpointer a, gconstpointer b)
{
    guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
    return x < y ? -1 : x > y;
}

void store_answer_all(Store *store, const GError *error)
{
    GHashTableIter iterator;
    gpointer key;
    g_autoptr(GArray) tickets = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_hash_table_iter_init(&iterator, store->pending);
    while (g_hash_table_iter_next(&iterator, &key, NULL))
        g_array_append_vals(tickets, key, 1);
    g_array_sort(tickets, compare_tickets);
    for (guint i = 0; i < tickets->len; i++)
        store_answer(store, g_array_index(tickets, guint64, i), 0, g_error_copy(error));
}

static gboolean answer_rejected(gpointer data)
{
    Store *store = data;
    g_clear_pointer(&store->rejected_source, g_source_unref);
    StorePending *pending;
    while ((pending = g_queue_pop_head(&store->rejected))) {
        if (pending->done)
            pending->done(0, pending->error, pending->user);
        pending_free(pending);
    }
    return G_SOURCE_REMOVE;
}

/* What is wrong in itself has no place in the order and does not wait for the disk.
 * Takes the error. */
static void reject(Store *store, StorePending *pending, GError *error)
{
    pending->error = error;
    g_queue_push_tail(&store->rejected, pending);
    if (store->rejected_source)
        return;
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    store->rejected_source = g_idle_source_new();
    g_source_set_priority(store->rejected_source, G_PRIORITY_DEFAULT);
    g_source_set_callback(store->rejected_source, answer_rejected, store, NULL);
    g_source_attach(store->rejected_source, context);
}

/* ---- commits ---- */

/* Whether something of this size can be taken now. A disk that fails is no reason while
 * there is a log: it is tried again, and in a group the others go on without it. */
static gboolean can_take(const Store *store, gsize size, GError **error)
{
    const GError *reason = store->replica || store->reading ? NULL : store_reason(store);
    if (reason && store->read) {
        g_propagate_error(error, g_error_copy(reason));
        return FALSE;
    }
    guint count = g_hash_table_size(store->pending);
    if (count < STORE_PENDING_MAX && store->pending_size + size <= STORE_PENDING_SIZE_MAX)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_LIMIT,
                   "%u changes wait for the disk of %s: try again when it answers", count,
                   database_path(store->database));
    return FALSE;
}

/* Takes the error, with which it is refused at once. */
static void submit(Store *store, ReplicaEvent *event, gsize size, StoreDone done, gpointer user,
                   GError *error)
{
    StorePending *pending = g_new0(StorePending, 1);
    *pending = (StorePending){
        .ticket = ++store->last_ticket, .size = size, .done = done, .user = user};
    if (!error && store->closing)
        wire_error_set(&error, WIRE_ERROR_CANCELLED, "the store is being closed");
    if (!error)
        (void)can_take(store, size, &error);
    if (error) {
        reject(store, pending, error);
        return;
    }
    event->ticket = pending->ticket;
    store->pending_size += size;
    g_hash_table_insert(store->pending, &pending->ticket, pending);
    store_feed(store, event);
    store_drain(store);
}

void store_commit(Store *store, StoreTransaction *transaction, StoreDone done, gpointer user)
{
    g_autoptr(StoreTransaction) owned = transaction;
    g_autoptr(GBytes) bytes = store_transaction_encode(owned);
    submit(store, &(ReplicaEvent){.kind = REPLICA_SUBMITTED, .bytes = bytes}, owned->size, done,
           user, g_steal_pointer(&owned->error));
}

void store_change_members(Store *store, const ReplicaChange *change, StoreDone done,
                          gpointer user)
{
    submit(store, &(ReplicaEvent){.kind = REPLICA_CHANGE_SUBMITTED, .change = *change}, 0, done,
           user, NULL);
}

/* ---- the group ---- */

void store_view(Store *store, guint64 view, const guint32 *nodes, guint count, guint electorate)
{
    if (!store->grouped)
        return;
    count = MIN(count, REPLICA_MEMBERS_MAX);
    if (count > 0)
        memcpy(store->view_nodes, nodes, count * sizeof *nodes);
    store->view = (ReplicaEvent){.kind = REPLICA_VIEW_CHANGED,
                                 .view = view,
                                 .nodes = store->view_nodes,
                                 .node_count = count,
                                 .electorate = electorate};
    if (!store->replica)
        return;
    store_feed(store, &store->view);
    store_drain(store);
}

void store_receive(Store *store, guint32 node, GBytes *message)
{
    if (!store->grouped || !store->replica)
        return;
    store_feed(store,
               &(ReplicaEvent){.kind = REPLICA_RECEIVED, .node = node, .bytes = message});
    store_drain(store);
}

void store_mute(Store *store)
{
    store->group.send = NULL;
}

const ReplicaMembers *store_members(const Store *store)
{
    return store->replica ? &replica_log(store->replica)->members : NULL;
}

guint64 store_cluster(const Store *store)
{
    return store->cluster;
}

guint64 store_birth(const Store *store)
{
    return store->birth;
}

const GArray *store_former(const Store *store)
{
    return store->former;
}

static gboolean run_forget(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_forget_former(handle, error);
}

void store_forget_former(Store *store)
{
    g_clear_pointer(&store->former, g_array_unref);
    database_write(store->database, run_forget, NULL, NULL, NULL);
}

static StoreState judge_state(const Store *store)
{
    static const StoreState states[] = {
        [REPLICA_NO_MAJORITY] = STORE_NO_MAJORITY, [REPLICA_ELECTING] = STORE_ELECTING,
        [REPLICA_SYNCING] = STORE_SYNCING,         [REPLICA_WORKING] = STORE_WORKING,
        [REPLICA_STRANGER] = STORE_JOINING,        [REPLICA_DISK] = STORE_FAILING,
        [REPLICA_DIVERGED] = STORE_DIVERGED,
    };
    if (store->foreign)
        return STORE_FOREIGN;
    if (!store->read || store->reading)
        return STORE_OPENING;
    if (!store->replica)
        return STORE_FAILING;
    if (store_members(store)->count == 0)
        return STORE_JOINING;
    return states[store->health];
}

void store_status(const Store *store, StoreStatus *status)
{
    *status = (StoreStatus){.state = judge_state(store),
                            .grouped = store->grouped,
                            .revision = store->documents.revision};
    if (store->replica)
        replica_status(store->replica, &status->log);
}

const char *store_state_name(StoreState state)
{
    static const char *const names[] = {"opening",  "working",  "no-majority",
                                        "electing", "syncing",  "joining",
                                        "failing",  "diverged", "foreign"};
    return names[state];
}

/* ---- opening and closing ---- */

static void on_health(DatabaseHealth health, const GError *reason, gpointer user)
{
    Store *store = user;
    store_load_again(store, health);
    if (store->events.health)
        store->events.health(health, reason, store->user);
}

void store_tell_loaded(Store *store)
{
    if (store->loaded || store->closing)
        return;
    store->loaded = TRUE;
    if (store->events.loaded)
        store->events.loaded(store->user);
}

Store *store_open(const StoreSettings *settings, const StoreEvents *events, gpointer user)
{
    Store *store = g_new0(Store, 1);
    if (events)
        store->events = *events;
    store->user = user;
    store->pending = g_hash_table_new(g_int64_hash, g_int64_equal);
    store->watches = g_ptr_array_new_with_free_func(watch_free);
    store_documents_init(&store->documents);
    store_machine_stop(store);
    store->database = database_open(&(DatabaseSettings){.path = settings->path,
                                                        .migrations = store_migrations,
                                                        .size_max = settings->file_max},
                                    on_health, store);
    return store;
}

void store_finish(Store *store)
{
    if (store->closing)
        return;
    /* So that whoever reads the file finds all in the documents. */
    store_feed(store, &(ReplicaEvent){.kind = REPLICA_SETTLE_ASKED});
    store_drain(store);
    store->closing = TRUE;
    gboolean ended = database_close(store->database);
    g_autoptr(GError) error = NULL;
    wire_error_set(&error, WIRE_ERROR_CANCELLED, "the store is being closed");
    store->feeding = TRUE;
    if (ended)
        store_answer_all(store, error);
    if (store->rejected_source)
        g_source_destroy(store->rejected_source);
    (void)answer_rejected(store);
    store_machine_close(store);
}

void store_close(Store *store)
{
    if (!store)
        return;
    store_finish(store);
    (void)answer_rejected(store);
    GHashTableIter iterator;
    gpointer pending;
    g_hash_table_iter_init(&iterator, store->pending);
    while (g_hash_table_iter_next(&iterator, NULL, &pending))
        pending_free(pending);
    g_hash_table_unref(store->pending);
    g_ptr_array_unref(store->watches);
    store_documents_clear(&store->documents);
    g_clear_pointer(&store->former, g_array_unref);
    g_clear_error(&store->unreadable);
    g_clear_error(&store->foreign);
    g_free(store);
}

/* ---- reading ---- */

gboolean store_is_loaded(const Store *store)
{
    return store->loaded;
}

const GError *store_reason(const Store *store)
{
    const GError *reason = database_reason(store->database);
    if (!reason && store->partial)
        reason = store->unreadable;
    return reason ? reason : store->foreign;
}

guint store_pending(const Store *store)
{
    return g_hash_table_size(store->pending);
}

gint64 store_busy_since(Store *store)
{
    return database_busy_since(store->database);
}

guint64 store_revision(const Store *store)
{
    return store->documents.revision;
}

guint64 store_size(const Store *store)
{
    return store->documents.size;
}

const StoreDocument *store_get(const Store *store, const char *path)
{
    return store_documents_get(&store->documents, path);
}

void store_each(const Store *store, const char *path,
                gboolean (*each)(const StoreDocument *document, gpointer user), gpointer user)
{
    store_documents_each(&store->documents, path, each, user);
}

/* ---- watches ---- */

void store_tell_watches(Store *store, const char *path, guint64 revision)
{
    const StoreDocument *document = store_get(store, path);
    store->telling++;
    guint count = store->watches->len;
    for (guint i = 0; i < count; i++) {
        const Watch *watch = g_ptr_array_index(store->watches, i);
        if (watch && store_path_covers(watch->path, path))
            watch->changed(path, document, revision, watch->user);
    }
    if (--store->telling == 0)
        while (g_ptr_array_remove(store->watches, NULL))
            continue;
}

guint store_watch(Store *store, const char *path, StoreChanged changed, gpointer user,
                  GError **error)
{
    if (*path && !store_path_check(path, error))
        return 0;
    if (store->watches->len >= STORE_WATCHES_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "the store has %d watches already",
                       STORE_WATCHES_MAX);
        return 0;
    }
    Watch *watch = g_new0(Watch, 1);
    *watch = (Watch){++store->last_watch, g_strdup(path), changed, user};
    g_ptr_array_add(store->watches, watch);
    return watch->id;
}

void store_unwatch(Store *store, guint id)
{
    for (guint i = 0; i < store->watches->len; i++) {
        Watch *watch = g_ptr_array_index(store->watches, i);
        if (!watch || watch->id != id)
            continue;
        if (store->telling) {
            watch_free(watch);
            g_ptr_array_index(store->watches, i) = NULL;
        } else {
            g_ptr_array_remove_index(store->watches, i);
        }
        return;
    }
}
