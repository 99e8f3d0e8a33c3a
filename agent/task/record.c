#include "agent/task/engine_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TRIM_INTERVAL_S (24 * 3600)
#define LOAD_RETRY_S    5

/* Keeping within the limits: rows first, then the directories without a row. */

static void run_clean(Errand *errand)
{
    int tasks = errand_directory(errand->engine, NULL);
    int fd = tasks < 0 ? -1 : openat(tasks, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (!task_id_check(entry->d_name) || g_hash_table_contains(errand->ids, entry->d_name))
            continue;
        /* Made after the identifiers were read: not a leftover. */
        if ((guint64)task_id_time(entry->d_name) > errand->offset)
            continue;
        g_auto(TaskSight) sight;
        task_files_look(tasks, entry->d_name, &sight);
        if (sight.life != TASK_LIFE_ALIVE)
            (void)task_files_remove(tasks, entry->d_name);
    }
    (void)closedir(directory);
}

static gboolean add_id(gpointer key, gpointer value, gpointer data)
{
    g_hash_table_add(data, g_strdup(key));
    return FALSE;
}

static void ids_read(GHashTable *ids, const GError *error, gpointer data)
{
    TaskEngine *engine = data;
    if (ids && !engine->closed) {
        Errand *errand = errand_new(engine, NULL, run_clean, NULL);
        errand->ids = g_hash_table_ref(ids);
        errand->offset = (guint64)engine->last_time;
        g_tree_foreach(engine->tasks, add_id, errand->ids);
        errand_start(errand);
    }
    engine_unref(engine);
}

static gboolean trim(gpointer data)
{
    TaskEngine *engine = data;
    local_trim(engine->local, engine->keep_days, NULL, NULL);
    local_task_ids(engine->local, ids_read, engine_ref(engine));
    return G_SOURCE_CONTINUE;
}

/* Loading. */

static gboolean load_again(gpointer data)
{
    TaskEngine *engine = data;
    g_clear_pointer(&engine->load_source, g_source_unref);
    record_load(engine);
    return G_SOURCE_REMOVE;
}

/* One task of the record: what had not ended is looked after. */
static void take_task(TaskEngine *engine, const TaskInfo *record)
{
    gboolean ended = task_info_ended(record) && !record->unrecovered;
    gint64 time = task_id_check(record->id) ? task_id_time(record->id) : 0;
    engine->last_time = MAX(engine->last_time, time);
    Task *task =
        engine_add(engine, task_info_copy(record), ended ? PHASE_ENDED : PHASE_SETTLING);
    if (ended)
        return;
    if (!record->unrecovered)
        g_clear_pointer(&task->info->error, g_free);
    gboolean is_queued =
        record->state == TASK_QUEUED && g_str_equal(record->boot, engine->boot);
    if (is_queued) {
        queue_add(task);
    } else {
        queue_occupy(task);
        follow_settle(task);
    }
}

static void loaded(GPtrArray *tasks, const GError *error, gpointer data)
{
    TaskEngine *engine = data;
    if (engine->closed) {
        engine_unref(engine);
        return;
    }
    for (guint i = 0; tasks && i < tasks->len; i++)
        take_task(engine, g_ptr_array_index(tasks, i));
    engine->is_loaded = tasks != NULL;
    if (engine->events.loaded)
        engine->events.loaded(error, engine->user);
    if (tasks) {
        engine->trim_source =
            engine_attach(engine, g_timeout_source_new_seconds(TRIM_INTERVAL_S), trim, engine);
        (void)trim(engine);
        queue_start(engine);
    } else {
        engine->load_source = engine_attach(engine, g_timeout_source_new_seconds(LOAD_RETRY_S),
                                            load_again, engine);
    }
    engine_unref(engine);
}

void record_load(TaskEngine *engine)
{
    local_task_load(engine->local, TASK_KEPT_IN_MEMORY, loaded, engine_ref(engine));
}
