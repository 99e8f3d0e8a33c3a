#include "agent/storages.h"

#include "agent/alarms.h"
#include "agent/figure.h"
#include "agent/inventory.h"
#include "backend/storage/storage.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { DEADLINE = 5000, POOLS_EVERY_ROUNDS = 3, VOLUMES_DEADLINE = 20000 };

typedef struct {
    char *name;
    char *path;      /* NULL: a libvirt pool */
    gint64 answered; /* seconds since 1970 */
    gboolean waiting;
    guint round; /* in which it was last seen */
} Entry;

struct StorageTable {
    Agent *agent;
    GHashTable *entries; /* name -> Entry */
    guint timer;
    guint round;
    gboolean pools_waiting;
};

/* What a worker is told, and what its answer is about. */
typedef struct {
    StorageTable *table;
    char *name, *path, *uri;
    GStrv known;
    Request *request;
} Work;

static void work_free(gpointer data)
{
    Work *work = data;
    g_free(work->name);
    g_free(work->path);
    g_free(work->uri);
    g_strfreev(work->known);
    g_free(work);
}

static void entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->name);
    g_free(entry->path);
    g_free(entry);
}

static gint64 now(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

static Entry *entry_of(StorageTable *table, const char *name, const char *path)
{
    Entry *entry = g_hash_table_lookup(table->entries, name);
    if (!entry) {
        entry = g_new0(Entry, 1);
        entry->name = g_strdup(name);
        entry->answered = now();
        g_hash_table_insert(table->entries, entry->name, entry);
    }
    if (g_strcmp0(entry->path, path) != 0) {
        g_free(entry->path);
        entry->path = g_strdup(path);
    }
    return entry;
}

/* ---- what was found ---- */

static char *silent_key(const char *name)
{
    return g_strdup_printf("silent/%s", name);
}

static void publish(StorageTable *table, Entry *entry, const Storage *storage)
{
    g_autofree char *key = silent_key(entry->name), *failed = NULL;
    entry->answered = now();
    entry->round = table->round;
    gboolean known = storage->total > 0;
    inventory_update(
        table->agent->inventory, OBJECT_STORAGE, entry->name,
        json_pack("{s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:n}", "node", table->agent->node, "type",
                  wire_string(storage->type), "path", wire_string(storage->path), "filesystem",
                  wire_string(storage->filesystem), "state", storage_state_name(storage->state),
                  "reason", wire_string(storage->reason), "total",
                  figure_known((gint64)storage->total), "used",
                  known ? json_integer((json_int_t)storage->used) : json_null(),
                  "stale_since"));
    alarms_clear(table->agent->alarms, key);
    failed = g_strdup_printf("storage/%s", entry->name);
    if (storage->state == STORAGE_FAILED)
        alarms_raise(table->agent->alarms, EVENT_ERROR, failed, entry->name,
                     "storage %s on %s: %s", entry->name, table->agent->node,
                     storage->reason ? storage->reason : "it can't be used");
    else
        alarms_clear(table->agent->alarms, failed);
}

static void publish_silence(StorageTable *table, const Entry *entry, const GError *error)
{
    g_autofree char *key = silent_key(entry->name);
    inventory_update(table->agent->inventory, OBJECT_STORAGE, entry->name,
                     json_pack("{s:s,s:s,s:s,s:o,s:I}", "node", table->agent->node, "type",
                               entry->path ? "dir" : "pool", "state", "silent", "reason",
                               wire_string(error->message), "stale_since",
                               (json_int_t)entry->answered));
    alarms_raise(table->agent->alarms, EVENT_ERROR, key, entry->name,
                 "storage %s on %s does not answer: check its server or disk", entry->name,
                 table->agent->node);
}

/* ---- directories ---- */

static gpointer run_measure(gpointer data, GError **error)
{
    const Work *work = data;
    return storage_measure(work->name, work->path);
}

static void release_storage(gpointer storage)
{
    storage_free(storage);
}

static void on_measured(gpointer result, const GError *error, gpointer user)
{
    const Work *work = user;
    g_autoptr(Storage) storage = result;
    Entry *entry = g_hash_table_lookup(work->table->entries, work->name);
    if (!entry)
        return;
    entry->waiting = FALSE;
    if (storage)
        publish(work->table, entry, storage);
    else
        publish_silence(work->table, entry, error);
}

static void submit(StorageTable *table, const char *key, guint deadline, Work *work,
                   WorkerFunction run, GDestroyNotify free_result, WorkerDone done)
{
    work->table = table;
    worker_submit(table->agent->workers, &(WorkerJob){.key = key,
                                                      .deadline = deadline,
                                                      .run = run,
                                                      .data = work,
                                                      .free_data = work_free,
                                                      .free_result = free_result,
                                                      .done = done,
                                                      .user = work});
}

static void measure(StorageTable *table, Entry *entry)
{
    entry->round = table->round;
    if (entry->waiting)
        return;
    entry->waiting = TRUE;
    g_autofree char *key = g_strdup_printf("storage %s", entry->name);
    Work *work = g_new0(Work, 1);
    work->name = g_strdup(entry->name);
    work->path = g_strdup(entry->path);
    submit(table, key, DEADLINE, work, run_measure, release_storage, on_measured);
}

/* ---- pools ---- */

static gpointer run_pools(gpointer data, GError **error)
{
    const Work *work = data;
    return storage_pools_read(work->uri, (const char *const *)work->known, error);
}

static void release_array(gpointer array)
{
    g_ptr_array_unref(array);
}

static gboolean is_pool(const Entry *entry)
{
    return entry->path == NULL;
}

static void drop_lost_pools(StorageTable *table)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, table->entries);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const Entry *entry = value;
        if (!is_pool(entry) || entry->round == table->round)
            continue;
        inventory_remove(table->agent->inventory, OBJECT_STORAGE, entry->name);
        g_hash_table_iter_remove(&iterator);
    }
}

static void on_pools(gpointer result, const GError *error, gpointer user)
{
    StorageTable *table = ((const Work *)user)->table;
    g_autoptr(GPtrArray) pools = result;
    table->pools_waiting = FALSE;
    if (!pools) {
        /* Without libvirt there are no pools; with one that hangs they are silent. */
        GHashTableIter iterator;
        gpointer value;
        g_hash_table_iter_init(&iterator, table->entries);
        while (g_hash_table_iter_next(&iterator, NULL, &value))
            if (is_pool(value))
                publish_silence(table, value, error);
        return;
    }
    for (guint i = 0; i < pools->len; i++) {
        const Storage *pool = pools->pdata[i];
        const Entry *present = g_hash_table_lookup(table->entries, pool->name);
        /* A configured directory of the same name is the one that is shown. */
        if (!present || is_pool(present))
            publish(table, entry_of(table, pool->name, NULL), pool);
    }
    drop_lost_pools(table);
}

static GStrv configured_paths(const StorageTable *table)
{
    const AgentConfig *config = table->agent->config;
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    for (guint i = 0; i < config->storage_count; i++)
        g_strv_builder_add(paths, config->storages[i].path);
    return g_strv_builder_end(paths);
}

static void read_pools(StorageTable *table)
{
    if (table->pools_waiting)
        return;
    table->pools_waiting = TRUE;
    Work *work = g_new0(Work, 1);
    work->uri = g_strdup(table->agent->config->libvirt_uri);
    work->known = configured_paths(table);
    submit(table, "libvirt's pools", DEADLINE, work, run_pools, release_array, on_pools);
}

/* ---- the table ---- */

static gboolean on_round(gpointer user)
{
    StorageTable *table = user;
    const AgentConfig *config = table->agent->config;
    if (table->round % POOLS_EVERY_ROUNDS == 0)
        read_pools(table);
    table->round++;
    for (guint i = 0; i < config->storage_count; i++)
        measure(table, entry_of(table, config->storages[i].name, config->storages[i].path));
    return G_SOURCE_CONTINUE;
}

StorageTable *storage_table_new(Agent *agent)
{
    StorageTable *table = g_new0(StorageTable, 1);
    table->agent = agent;
    table->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    table->timer = g_timeout_add_seconds(STORAGE_EVERY, on_round, table);
    (void)on_round(table);
    return table;
}

void storage_table_free(StorageTable *table)
{
    if (!table)
        return;
    g_source_remove(table->timer);
    g_hash_table_destroy(table->entries);
    g_free(table);
}

void storage_table_reload(StorageTable *table)
{
    GHashTableIter iterator;
    gpointer value;
    (void)on_round(table);
    g_hash_table_iter_init(&iterator, table->entries);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const Entry *entry = value;
        if (is_pool(entry) || entry->round == table->round)
            continue;
        g_autofree char *key = silent_key(entry->name);
        alarms_clear(table->agent->alarms, key);
        inventory_remove(table->agent->inventory, OBJECT_STORAGE, entry->name);
        g_hash_table_iter_remove(&iterator);
    }
}

/* ---- volumes ---- */

static json_t *volume_json(const StorageVolume *volume)
{
    return json_pack("{s:o,s:o,s:I,s:I,s:o,s:o,s:b,s:b}", "name", wire_string(volume->name),
                     "format", wire_string(volume->format), "size", (json_int_t)volume->size,
                     "allocation", (json_int_t)volume->allocation, "modified",
                     figure_known(volume->modified), "backing", wire_string(volume->backing),
                     "damaged", volume->damaged, "encrypted", volume->encrypted);
}

static gpointer run_volumes(gpointer data, GError **error)
{
    const Work *work = data;
    StorageListing listing = {0};
    gboolean read = work->path
                        ? storage_volumes_read(work->path, &listing, error)
                        : storage_pool_volumes_read(work->uri, work->name, &listing, error);
    if (!read)
        return NULL;
    json_t *volumes = json_array();
    for (guint i = 0; i < listing.volumes->len; i++)
        json_array_append_new(volumes, volume_json(listing.volumes->pdata[i]));
    json_t *answer = json_pack("{s:o,s:b}", "volumes", volumes, "more", listing.more);
    storage_listing_clear(&listing);
    return answer;
}

static void release_json(gpointer json)
{
    json_decref(json);
}

static void on_volumes(gpointer result, const GError *error, gpointer user)
{
    const Work *work = user;
    if (result)
        json_object_set(result, "storage",
                        (json_t *)(gintptr)inventory_find(work->table->agent->inventory,
                                                          OBJECT_STORAGE, work->name));
    request_finish(work->request, result, error ? g_error_copy(error) : NULL);
}

void storage_table_show(StorageTable *table, const char *name, Request *request)
{
    const Entry *entry = g_hash_table_lookup(table->entries, name);
    if (!entry) {
        GError *error = NULL;
        wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "storage",
                             "there is no storage %s on %s", name, table->agent->node);
        request_fail(request, error);
        return;
    }
    g_autofree char *key = g_strdup_printf("storage %s", name);
    Work *work = g_new0(Work, 1);
    work->name = g_strdup(name);
    work->path = g_strdup(entry->path);
    work->uri = g_strdup(table->agent->config->libvirt_uri);
    work->request = request;
    submit(table, key, VOLUMES_DEADLINE, work, run_volumes, release_json, on_volumes);
}
