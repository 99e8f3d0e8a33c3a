#include "backend/cluster/store.h"

#include "backend/cluster/store_disk.h"
#include "backend/cluster/store_transaction.h"
#include "backend/cluster/store_transport.h"
#include "backend/wire/error.h"

#include <string.h>

/* A transaction on its way, by its ticket. */
typedef struct {
    StoreTransaction *transaction;
    StoreDone done;
    gpointer user;
    guint64 revision; /* given when it was judged */
    GError *error;    /* why it was refused */
} Pending;

typedef struct {
    guint id;
    char *path;
    StoreChanged changed;
    gpointer user;
} Watch;

struct Store {
    Database *database;
    const StoreTransport *transport;
    gpointer transport_state;
    StoreEvents events;
    gpointer user;
    gboolean loaded, reading, closing;
    gboolean partial;   /* memory was read from a file that was not well */
    GError *unreadable; /* what could not be read of it */

    GTree *documents; /* path -> StoreDocument */
    guint64 revision, size;

    GQueue pending; /* of Pending, oldest first */
    guint64 pending_size;
    guint64 first_ticket; /* of the head of pending */
    GQueue rejected;      /* of Pending: wrong in themselves, to be answered soon */
    GSource *rejected_source;
    GQueue inbox; /* of StoreEvent, not yet fed */
    gboolean feeding;

    GPtrArray *watches; /* of Watch; a hole is NULL while telling */
    guint last_watch, telling;
};

/* What the transactions judged so far in a PERSIST would leave at a path. */
typedef struct {
    gboolean present;
    guint64 revision, size;
} Staged;

typedef struct {
    Store *store;
    guint64 first, last;
    StoreBatch batch;
} Persist;

static void feed(Store *store, StoreEventKind kind, guint64 first, guint64 last);

static void document_free(gpointer data)
{
    StoreDocument *document = data;
    g_bytes_unref(document->content);
    g_free(document);
}

static void watch_free(gpointer data)
{
    Watch *watch = data;
    if (!watch)
        return;
    g_free(watch->path);
    g_free(watch);
}

static void pending_free(Pending *pending)
{
    store_transaction_free(pending->transaction);
    g_clear_error(&pending->error);
    g_free(pending);
}

/* Paths: "guest/1" covers "guest/1" and "guest/1/x", not "guest/10". */
static gboolean path_covers(const char *above, const char *path)
{
    size_t length = strlen(above);
    return length == 0 ||
           (strncmp(above, path, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

static guint64 document_size(const char *path, GBytes *content)
{
    return strlen(path) + g_bytes_get_size(content);
}

/* Changes of memory, told to the watches. */

static void tell_watches(Store *store, const char *path, guint64 revision)
{
    const StoreDocument *document = store_get(store, path);
    store->telling++;
    guint count = store->watches->len;
    for (guint i = 0; i < count; i++) {
        const Watch *watch = g_ptr_array_index(store->watches, i);
        if (watch && path_covers(watch->path, path))
            watch->changed(path, document, revision, watch->user);
    }
    if (--store->telling == 0)
        while (g_ptr_array_remove(store->watches, NULL))
            continue;
}

static gboolean remove_document(Store *store, const char *path)
{
    const StoreDocument *old = store_get(store, path);
    if (!old)
        return FALSE;
    store->size -= document_size(path, old->content);
    return g_tree_remove(store->documents, path);
}

static void set_document(Store *store, const char *path, GBytes *content, guint64 revision)
{
    (void)remove_document(store, path);
    char *key = g_strdup(path);
    StoreDocument document = {key, revision, g_bytes_ref(content)};
    store->size += document_size(path, content);
    g_tree_insert(store->documents, key, g_memdup2(&document, sizeof document));
}

static void apply_transaction(Store *store, const Pending *pending)
{
    const GArray *operations = pending->transaction->operations;
    g_autoptr(GHashTable) changed = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < operations->len; i++) {
        const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
        if (operation->kind == STORE_PUT)
            set_document(store, operation->path, operation->content, pending->revision);
        else if (operation->kind != STORE_DELETE || !remove_document(store, operation->path))
            continue;
        g_hash_table_add(changed, operation->path);
    }
    store->revision = pending->revision;
    for (guint i = 0; i < operations->len; i++) {
        const char *path = g_array_index(operations, StoreOperation, i).path;
        if (g_hash_table_remove(changed, path))
            tell_watches(store, path, pending->revision);
    }
}

/* Judging. */

static Staged staged_at(const Store *store, GHashTable *overlay, const char *path)
{
    const Staged *staged = g_hash_table_lookup(overlay, path);
    if (staged)
        return *staged;
    const StoreDocument *document = store_get(store, path);
    if (!document)
        return (Staged){0};
    return (Staged){TRUE, document->revision, document_size(path, document->content)};
}

static gboolean check_condition(const StoreOperation *operation, const Staged *now,
                                GError **error)
{
    if (operation->kind == STORE_REQUIRE_ABSENT && now->present)
        wire_error_set(error, WIRE_ERROR_CONFLICT, "%s exists already", operation->path);
    else if (operation->kind == STORE_REQUIRE && !now->present)
        wire_error_set(error, WIRE_ERROR_CONFLICT, "%s does not exist any more",
                       operation->path);
    else if (operation->kind == STORE_REQUIRE && now->revision != operation->revision)
        wire_error_set(error, WIRE_ERROR_CONFLICT,
                       "%s was changed since it was read: look at it again", operation->path);
    else
        return TRUE;
    return FALSE;
}

/* The size that all documents would have with this transaction applied. */
static guint64 size_after(const Store *store, GHashTable *overlay, const GArray *operations,
                          guint64 size)
{
    g_autoptr(GHashTable) own = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    for (guint i = 0; i < operations->len; i++) {
        const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
        if (operation->kind != STORE_PUT && operation->kind != STORE_DELETE)
            continue;
        const guint64 *before = g_hash_table_lookup(own, operation->path);
        size -= before ? *before : staged_at(store, overlay, operation->path).size;
        guint64 now =
            operation->content ? document_size(operation->path, operation->content) : 0;
        size += now;
        g_hash_table_insert(own, operation->path, g_memdup2(&now, sizeof now));
    }
    return size;
}

static gboolean judge(const Store *store, GHashTable *overlay, const GArray *operations,
                      guint64 *size, GError **error)
{
    for (guint i = 0; i < operations->len; i++) {
        const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
        Staged now = staged_at(store, overlay, operation->path);
        if (!check_condition(operation, &now, error))
            return FALSE;
    }
    guint64 after = size_after(store, overlay, operations, *size);
    if (after > STORE_TOTAL_MAX && after > *size) {
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "the store is full: it takes up to %llu MiB; delete documents first",
                       STORE_TOTAL_MAX >> 20);
        return FALSE;
    }
    *size = after;
    return TRUE;
}

static void stage(GHashTable *overlay, GArray *writes, const GArray *operations,
                  guint64 revision)
{
    for (guint i = 0; i < operations->len; i++) {
        const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
        if (operation->kind != STORE_PUT && operation->kind != STORE_DELETE)
            continue;
        GBytes *content = operation->content;
        Staged staged = {content != NULL, revision,
                         content ? document_size(operation->path, content) : 0};
        g_hash_table_insert(overlay, operation->path, g_memdup2(&staged, sizeof staged));
        StoreWrite write = {.path = g_strdup(operation->path),
                            .content = content ? g_bytes_ref(content) : NULL,
                            .revision = revision};
        g_array_append_val(writes, write);
    }
}

/* The three actions. */

static void answer(Pending *pending)
{
    if (pending->done)
        pending->done(pending->error ? 0 : pending->revision, pending->error, pending->user);
    pending_free(pending);
}

static Pending *pending_at(Store *store, guint64 ticket)
{
    return g_queue_peek_nth(&store->pending, (guint)(ticket - store->first_ticket));
}

static void persist_free(gpointer data)
{
    Persist *persist = data;
    g_array_unref(persist->batch.writes);
    g_free(persist);
}

static gboolean write_batch(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_write(handle, &((Persist *)data)->batch, error);
}

static void persisted(const GError *error, gpointer data)
{
    const Persist *persist = data;
    Store *store = persist->store;
    for (guint64 ticket = persist->first; error && ticket <= persist->last; ticket++) {
        Pending *pending = pending_at(store, ticket);
        if (!pending->error)
            pending->error = g_error_copy(error);
    }
    feed(store, error ? STORE_FAILED : STORE_PERSISTED, persist->first, persist->last);
}

static void do_persist(Store *store, guint64 first, guint64 last)
{
    g_autoptr(GHashTable) overlay =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    Persist *persist = g_new0(Persist, 1);
    *persist = (Persist){.store = store, .first = first, .last = last};
    persist->batch.writes = g_array_new(FALSE, TRUE, sizeof(StoreWrite));
    g_array_set_clear_func(persist->batch.writes, store_write_clear);
    guint64 revision = store->revision, size = store->size;
    for (guint64 ticket = first; ticket <= last; ticket++) {
        Pending *pending = pending_at(store, ticket);
        const GArray *operations = pending->transaction->operations;
        /* What is not wholly known is not judged. */
        if (store->partial && !pending->error)
            pending->error = g_error_copy(store_reason(store));
        if (pending->error || !judge(store, overlay, operations, &size, &pending->error))
            continue;
        pending->revision = ++revision;
        stage(overlay, persist->batch.writes, operations, revision);
    }
    persist->batch.revision = revision > store->revision ? revision : 0;
    database_write(store->database, write_batch, persisted, persist, persist_free);
}

static void do_answer(Store *store, guint64 first, guint64 last)
{
    for (guint64 ticket = first; ticket <= last; ticket++) {
        Pending *pending = g_queue_pop_head(&store->pending);
        store->first_ticket = ticket + 1;
        store->pending_size -= pending->transaction->size;
        if (!pending->error)
            apply_transaction(store, pending);
        answer(pending);
    }
}

/* Callbacks may commit again: such events wait until the actions at hand are
 * carried out, so that nothing is judged against a state in the middle. */
static void drain_inbox(Store *store)
{
    if (store->feeding || !store->loaded || store->reading)
        return;
    store->feeding = TRUE;
    StoreEvent *event;
    while ((event = g_queue_pop_head(&store->inbox))) {
        g_autoptr(GArray) actions = g_array_new(FALSE, FALSE, sizeof(StoreAction));
        store->transport->step(store->transport_state, event, actions);
        g_free(event);
        for (guint i = 0; i < actions->len; i++) {
            const StoreAction *action = &g_array_index(actions, StoreAction, i);
            if (action->kind == STORE_PERSIST)
                do_persist(store, action->first, action->last);
            else
                do_answer(store, action->first, action->last);
        }
    }
    store->feeding = FALSE;
}

static void feed(Store *store, StoreEventKind kind, guint64 first, guint64 last)
{
    StoreEvent event = {kind, first, last};
    g_queue_push_tail(&store->inbox, g_memdup2(&event, sizeof event));
    drain_inbox(store);
}

static gboolean answer_rejected(gpointer data)
{
    Store *store = data;
    g_clear_pointer(&store->rejected_source, g_source_unref);
    Pending *pending;
    while ((pending = g_queue_pop_head(&store->rejected)))
        answer(pending);
    return G_SOURCE_REMOVE;
}

/* What is wrong in itself has no place in the order and does not wait for the disk. */
static void reject(Store *store, Pending *pending)
{
    g_queue_push_tail(&store->rejected, pending);
    if (store->rejected_source)
        return;
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    store->rejected_source = g_idle_source_new();
    g_source_set_priority(store->rejected_source, G_PRIORITY_DEFAULT);
    g_source_set_callback(store->rejected_source, answer_rejected, store, NULL);
    g_source_attach(store->rejected_source, context);
}

void store_commit(Store *store, StoreTransaction *transaction, StoreDone done, gpointer user)
{
    Pending *pending = g_new0(Pending, 1);
    *pending = (Pending){.transaction = transaction, .done = done, .user = user};
    pending->error = g_steal_pointer(&transaction->error);
    if (!pending->error && (store->pending.length >= STORE_PENDING_MAX ||
                            store->pending_size + transaction->size > STORE_PENDING_SIZE_MAX))
        wire_error_set(&pending->error, WIRE_ERROR_LIMIT,
                       "%u changes wait for the disk of %s: try again when it answers",
                       store->pending.length, database_path(store->database));
    if (pending->error) {
        reject(store, pending);
        return;
    }
    guint64 ticket = store->first_ticket + store->pending.length;
    store->pending_size += transaction->size;
    g_queue_push_tail(&store->pending, pending);
    feed(store, STORE_SUBMITTED, ticket, ticket);
}

/* Loading. */

static void snapshot_free(gpointer data)
{
    StoreSnapshot *snapshot = data;
    g_array_unref(snapshot->documents);
    g_free(snapshot);
}

typedef struct {
    GHashTable *found; /* path -> GBytes, borrowed from the snapshot */
    GPtrArray *gone;   /* paths in memory that are not in the file */
} Comparison;

static gboolean note_if_gone(gpointer key, gpointer value, gpointer data)
{
    const Comparison *comparison = data;
    if (!g_hash_table_contains(comparison->found, key))
        g_ptr_array_add(comparison->gone, g_strdup(key));
    return FALSE;
}

/* Brings memory to what the file has, telling the watches what differs. What
 * memory has and a damaged file does not show is kept. */
static void adopt_snapshot(Store *store, const StoreSnapshot *snapshot, gboolean complete)
{
    Comparison comparison = {g_hash_table_new(g_str_hash, g_str_equal),
                             g_ptr_array_new_with_free_func(g_free)};
    store->revision = MAX(store->revision, snapshot->revision);
    for (guint i = 0; i < snapshot->documents->len; i++) {
        const StoreWrite *read = &g_array_index(snapshot->documents, StoreWrite, i);
        const StoreDocument *have = store_get(store, read->path);
        g_hash_table_add(comparison.found, read->path);
        if (have && have->revision == read->revision &&
            g_bytes_equal(have->content, read->content))
            continue;
        set_document(store, read->path, read->content, read->revision);
        tell_watches(store, read->path, read->revision);
    }
    if (complete)
        g_tree_foreach(store->documents, note_if_gone, &comparison);
    for (guint i = 0; i < comparison.gone->len; i++) {
        const char *path = g_ptr_array_index(comparison.gone, i);
        (void)remove_document(store, path);
        tell_watches(store, path, store->revision);
    }
    g_hash_table_unref(comparison.found);
    g_ptr_array_unref(comparison.gone);
}

static void snapshot_read(const GError *error, gpointer data)
{
    Store *store = ((gpointer *)data)[0];
    StoreSnapshot *snapshot = ((gpointer *)data)[1];
    store->reading = FALSE;
    if (store->closing)
        return;
    g_clear_error(&store->unreadable);
    store->unreadable = error ? g_error_copy(error) : NULL;
    store->partial = error || database_health(store->database) != DATABASE_WRITABLE;
    store->feeding = TRUE;
    adopt_snapshot(store, snapshot, error == NULL);
    store->feeding = FALSE;
    gboolean first = !store->loaded;
    store->loaded = TRUE;
    if (first && store->events.loaded)
        store->events.loaded(store->user);
    drain_inbox(store);
}

static gboolean read_snapshot(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_read(handle, ((gpointer *)data)[1], error);
}

static void release_reading(gpointer data)
{
    snapshot_free(((gpointer *)data)[1]);
    g_free(data);
}

static void start_reading(Store *store)
{
    StoreSnapshot *snapshot = g_new0(StoreSnapshot, 1);
    snapshot->documents = g_array_new(FALSE, TRUE, sizeof(StoreWrite));
    g_array_set_clear_func(snapshot->documents, store_write_clear);
    gpointer *pair = g_new(gpointer, 2);
    pair[0] = store;
    pair[1] = snapshot;
    store->reading = TRUE;
    database_read(store->database, read_snapshot, snapshot_read, pair, release_reading);
}

static void health_changed(DatabaseHealth health, const GError *reason, gpointer user)
{
    Store *store = user;
    /* A disk that fills up later is no reason to read again. */
    if (!store->reading && (!store->loaded || (health == DATABASE_WRITABLE && store->partial)))
        start_reading(store);
    if (store->events.health)
        store->events.health(health, reason, store->user);
}

/* Opening, closing, reading. */

static int compare_paths(gconstpointer a, gconstpointer b, gpointer user)
{
    return strcmp(a, b);
}

Store *store_open(const StoreSettings *settings, const StoreEvents *events, gpointer user)
{
    Store *store = g_new0(Store, 1);
    store->transport = settings->transport;
    store->transport_state = settings->transport->begin();
    if (events)
        store->events = *events;
    store->user = user;
    store->first_ticket = 1;
    store->documents = g_tree_new_full(compare_paths, NULL, g_free, document_free);
    store->watches = g_ptr_array_new_with_free_func(watch_free);
    store->database = database_open(&(DatabaseSettings){.path = settings->path,
                                                        .migrations = store_migrations,
                                                        .size_max = settings->file_max},
                                    health_changed, store);
    return store;
}

void store_close(Store *store)
{
    if (!store)
        return;
    store->closing = TRUE;
    gboolean ended = database_close(store->database);
    store->feeding = TRUE;
    Pending *pending;
    while (ended && (pending = g_queue_pop_head(&store->pending))) {
        g_clear_error(&pending->error);
        wire_error_set(&pending->error, WIRE_ERROR_CANCELLED, "the store is being closed");
        answer(pending);
    }
    if (store->rejected_source)
        g_source_destroy(store->rejected_source);
    (void)answer_rejected(store);
    g_queue_clear_full(&store->pending, (GDestroyNotify)pending_free);
    g_queue_clear_full(&store->inbox, g_free);
    store->transport->end(store->transport_state);
    g_tree_unref(store->documents);
    g_ptr_array_unref(store->watches);
    g_clear_error(&store->unreadable);
    g_free(store);
}

gboolean store_is_loaded(const Store *store)
{
    return store->loaded;
}

const GError *store_reason(const Store *store)
{
    const GError *reason = database_reason(store->database);
    if (!reason && store->partial)
        reason = store->unreadable;
    return reason;
}

guint store_pending(const Store *store)
{
    return store->pending.length;
}

gint64 store_busy_since(Store *store)
{
    return database_busy_since(store->database);
}

guint64 store_revision(const Store *store)
{
    return store->revision;
}

guint64 store_size(const Store *store)
{
    return store->size;
}

const StoreDocument *store_get(const Store *store, const char *path)
{
    return g_tree_lookup(store->documents, path);
}

void store_each(const Store *store, const char *path,
                gboolean (*each)(const StoreDocument *document, gpointer user), gpointer user)
{
    GTreeNode *node = g_tree_lower_bound(store->documents, path);
    for (; node; node = g_tree_node_next(node)) {
        const StoreDocument *document = g_tree_node_value(node);
        if (path_covers(path, document->path)) {
            if (!each(document, user))
                return;
        } else if (!g_str_has_prefix(document->path, path)) {
            return;
        }
    }
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
