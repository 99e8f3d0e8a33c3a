#include "backend/cluster/store_private.h"
#include "backend/wire/error.h"

#include <string.h>

#define ALONE 1 /* a node's number in a cluster of one */

static guint64 random_number(void)
{
    guint64 number;
    do
        number = (guint64)g_random_int() << 32 | g_random_int();
    while (number == 0);
    /* SQLite's integers have a sign, and people read it. */
    return number & G_MAXINT64;
}

/* ---- beginning anew ---- */

/* Takes the documents, which may be NULL. */
static StoreBeginning *begin_alone(GArray *documents, guint64 revision)
{
    StoreBeginning *beginning = g_new0(StoreBeginning, 1);
    *beginning = (StoreBeginning){.node = ALONE,
                                  .cluster = random_number(),
                                  .birth = random_number(),
                                  .revision = revision,
                                  .documents = documents};
    ReplicaMembers members = {.count = 1};
    members.list[0] = (ReplicaMember){.node = ALONE, .votes = 1, .birth = beginning->birth};
    beginning->base = replica_base_found(beginning->cluster, &members);
    return beginning;
}

/* In the group's cluster, without anything. */
static StoreBeginning *begin_joining(const StoreGroup *group, GArray *former)
{
    StoreBeginning *beginning = g_new0(StoreBeginning, 1);
    *beginning = (StoreBeginning){.node = group->node,
                                  .cluster = group->cluster,
                                  .birth = random_number(),
                                  .former = former};
    return beginning;
}

typedef struct {
    Store *store;
    StoreBeginning *beginning;
} Begin;

static void begin_free(gpointer data)
{
    Begin *begin = data;
    store_beginning_free(begin->beginning);
    g_free(begin);
}

static gboolean run_begin(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_begin(handle, ((Begin *)data)->beginning, error);
}

/* A file that cannot be begun anew is not used: it is tried again when it is well. */
static void on_begun(const GError *error, gpointer data)
{
    Store *store = ((Begin *)data)->store;
    store->reading = FALSE;
    if (store->closing)
        return;
    if (!error) {
        store_load(store);
        return;
    }
    store->partial = TRUE;
    g_clear_error(&store->unreadable);
    store->unreadable = g_error_copy(error);
    store_answer_all(store, error);
    store_tell_loaded(store);
}

static void begin(Store *store, StoreBeginning *beginning)
{
    Begin *begin = g_new(Begin, 1);
    *begin = (Begin){store, beginning};
    store_machine_stop(store);
    store->reading = TRUE;
    database_write(store->database, run_begin, on_begun, begin, begin_free);
}

static gboolean run_begin_first(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_begin_first(handle, data, error);
}

/* ---- the group ---- */

/* Nobody else is, or ever was, in this store. */
static gboolean is_own(const Store *store)
{
    const ReplicaMembers *members = store_members(store);
    for (guint i = 0; members && i < members->count; i++)
        if (members->list[i].node != store->node || members->list[i].birth != store->birth)
            return FALSE;
    return TRUE;
}

static gboolean is_blank(const Store *store)
{
    const ReplicaMembers *members = store_members(store);
    return members && members->count == 0;
}

static void refuse_foreign(Store *store)
{
    wire_error_set(&store->foreign, WIRE_ERROR_STATE,
                   "the store of this node, %s, belongs to another cluster (its number is "
                   "%" G_GINT64_MODIFIER "x, and %" G_GINT64_MODIFIER
                   "x here): gantry cluster resync on it takes this cluster's "
                   "documents in its place",
                   database_path(store->database), store->cluster, store->group.cluster);
    store_machine_stop(store);
    store_answer_all(store, store->foreign);
    if (store->events.group)
        store->events.group(store->user);
}

/* Whether the store is, or will be, the group's. */
static void settle_in_group(Store *store)
{
    g_clear_error(&store->foreign);
    if (!store->grouped || !store->replica ||
        (store->cluster == store->group.cluster && store->node == store->group.node))
        return;
    if (!is_own(store))
        refuse_foreign(store);
    else
        begin(store,
              begin_joining(&store->group,
                            is_blank(store) ? NULL : store_documents_list(&store->documents)));
}

void store_join(Store *store, const StoreGroup *group)
{
    gboolean alone = store_is_alone(store);
    store->grouped = TRUE;
    store->group = *group;
    store->view = (ReplicaEvent){.kind = REPLICA_VIEW_CHANGED};
    if (store->reading || !store->replica)
        return;
    /* What a founder is asked between this view and the group's waits. */
    if (!alone)
        store_view(store, 0, NULL, 0, 0);
    settle_in_group(store);
    store_drain(store);
}

void store_part(Store *store)
{
    gboolean was_foreign = store->foreign != NULL;
    store->grouped = FALSE;
    g_clear_error(&store->foreign);
    if (store->reading || (!store->replica && !was_foreign))
        return;
    if (store->replica && is_own(store) && !is_blank(store)) {
        guint64 view = random_number();
        store_feed(store, &(ReplicaEvent){.kind = REPLICA_VIEW_CHANGED,
                                          .view = view,
                                          .nodes = &store->node,
                                          .node_count = 1});
        store_drain(store);
        return;
    }
    begin(store,
          begin_alone(store_documents_list(&store->documents), store->documents.revision));
}

gboolean store_resync(Store *store, GError **error)
{
    if (!store->grouped || store->reading) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "this node is in no cluster whose documents it could take");
        return FALSE;
    }
    if (store->replica && store->health == REPLICA_DIVERGED) {
        store_feed(store, &(ReplicaEvent){.kind = REPLICA_RESYNC_ASKED});
        store_drain(store);
        return TRUE;
    }
    if (store->replica) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "the store of this node is the cluster's: nothing is to be taken");
        return FALSE;
    }
    /* A foreign store's documents are put aside, a damaged one's are the cluster's. */
    GArray *former = store->foreign ? store_documents_list(&store->documents) : NULL;
    g_clear_error(&store->foreign);
    begin(store, begin_joining(&store->group, former));
    return TRUE;
}

/* ---- reading ---- */

typedef struct {
    Store *store;
    StoreSnapshot *snapshot;
} Load;

static void load_free(gpointer data)
{
    Load *load = data;
    store_snapshot_free(load->snapshot);
    g_free(load);
}

static gboolean run_read(sqlite3 *handle, gpointer data, GError **error)
{
    return store_disk_read(handle, ((Load *)data)->snapshot, error);
}

/* What memory has and a damaged file does not show is kept; so is what this node had
 * alone, until the group's documents come. */
static void take_documents(Store *store, const StoreSnapshot *snapshot, gboolean complete)
{
    gboolean joining = snapshot->node != 0 && snapshot->durable.base.members.count == 0;
    const GArray *documents =
        joining && snapshot->former->len > 0 ? snapshot->former : snapshot->documents;
    store->feeding = TRUE;
    if (!joining || snapshot->documents->len > 0 || snapshot->former->len > 0)
        store_adopt(store, documents, snapshot->revision, !complete);
    store->feeding = FALSE;
    g_clear_pointer(&store->former, g_array_unref);
    if (snapshot->former->len > 0)
        store->former = g_array_ref(snapshot->former);
}

static void on_read(const GError *error, gpointer data)
{
    Store *store = ((Load *)data)->store;
    StoreSnapshot *snapshot = ((Load *)data)->snapshot;
    store->reading = FALSE;
    if (store->closing)
        return;
    g_clear_error(&store->unreadable);
    store->unreadable = error ? g_error_copy(error) : NULL;
    store->partial = error || database_health(store->database) != DATABASE_WRITABLE;
    take_documents(store, snapshot, error == NULL);
    store->node = snapshot->node;
    store->cluster = snapshot->durable.cluster;
    store->birth = snapshot->durable.birth;
    store->read = TRUE;
    if (store->partial) {
        store_answer_all(store, store_reason(store));
        store_tell_loaded(store);
        return;
    }
    store_machine_start(store, &snapshot->durable);
    settle_in_group(store);
    if (!store_is_alone(store))
        store_tell_loaded(store);
    store_drain(store);
}

void store_load(Store *store)
{
    Load *load = g_new(Load, 1);
    *load = (Load){store, store_snapshot_new()};
    store->reading = TRUE;
    store_machine_stop(store);
    if (database_health(store->database) == DATABASE_WRITABLE)
        database_write(store->database, run_begin_first, NULL, begin_alone(NULL, 0),
                       store_beginning_free);
    database_read(store->database, run_read, on_read, load, load_free);
}

void store_load_again(Store *store, DatabaseHealth health)
{
    /* A disk that fills up later is no reason to read again. */
    if (!store->reading && (!store->read || (health == DATABASE_WRITABLE && store->partial)))
        store_load(store);
    else if (store->replica && health == DATABASE_WRITABLE) {
        store_feed(store, &(ReplicaEvent){.kind = REPLICA_TICKED});
        store_drain(store);
    }
}
