#include "agent/task/engine_private.h"
#include "backend/wire/error.h"

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

TaskEngine *engine_ref(TaskEngine *engine)
{
    g_atomic_ref_count_inc(&engine->references);
    return engine;
}

void engine_unref(TaskEngine *engine)
{
    if (!g_atomic_ref_count_dec(&engine->references))
        return;
    if (engine->tasks_directory >= 0)
        (void)close(engine->tasks_directory);
    if (engine->inotify >= 0)
        (void)close(engine->inotify);
    g_main_context_unref(engine->context);
    g_free(engine->directory);
    g_free(engine);
}

GSource *engine_attach(TaskEngine *engine, GSource *source, GSourceFunc function, gpointer data)
{
    g_source_set_callback(source, function, data, NULL);
    g_source_attach(source, engine->context);
    return source;
}

void engine_detach(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

void engine_changed(const Task *task)
{
    if (task->engine->events.changed)
        task->engine->events.changed(task->info, task->engine->user);
}

void engine_save(const Task *task)
{
    local_task_save(task->engine->local, task->info, NULL, NULL);
}

static void task_free(gpointer data)
{
    Task *task = data;
    follow_forget(task);
    task_info_free(task->info);
    g_free(task->canceller);
    g_free(task->exit);
    g_free(task);
}

static int compare_ids(gconstpointer a, gconstpointer b, gpointer user)
{
    return strcmp(a, b);
}

static char *read_boot_id(void)
{
    char *text = NULL;
    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
        return g_strdup("");
    return g_strchomp(text);
}

TaskEngine *task_engine_new(const TaskSettings *settings, Local *local,
                            const TaskEvents *events, gpointer user)
{
    TaskEngine *engine = g_new0(TaskEngine, 1);
    g_atomic_ref_count_init(&engine->references);
    engine->context = g_main_context_ref_thread_default();
    engine->local = local;
    if (events)
        engine->events = *events;
    engine->user = user;
    engine->directory = g_strdup(settings->directory);
    engine->node = g_strdup(settings->node);
    engine->boot = read_boot_id();
    engine->tasks = g_tree_new_full(compare_ids, NULL, NULL, task_free);
    engine->claims = g_hash_table_new(g_str_hash, g_str_equal);
    engine->active = g_hash_table_new(g_str_hash, g_str_equal);
    engine->watches = g_hash_table_new(NULL, NULL);
    engine->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    task_engine_reload(engine, settings);
    errand_pool_start(engine);
    follow_watch_events(engine);
    record_load(engine);
    return engine;
}

void task_engine_reload(TaskEngine *engine, const TaskSettings *settings)
{
    engine->parallel = settings->parallel ? settings->parallel : TASK_PARALLEL_DEFAULT;
    engine->keep_days = settings->keep_days ? settings->keep_days : LOCAL_TASK_DAYS;
    engine->grace = settings->grace ? settings->grace : TASK_GRACE_S;
    json_decref(engine->settings);
    engine->settings = settings->settings ? json_deep_copy(settings->settings) : json_object();
    if (engine->is_loaded)
        queue_start(engine);
}

void task_engine_free(TaskEngine *engine)
{
    if (!engine)
        return;
    engine->closed = TRUE;
    engine_detach(&engine->inotify_source);
    engine_detach(&engine->trim_source);
    engine_detach(&engine->load_source);
    queue_clear(engine);
    g_hash_table_unref(engine->claims);
    g_hash_table_unref(engine->active);
    g_tree_unref(engine->tasks);
    g_hash_table_unref(engine->watches);
    json_decref(engine->settings);
    g_free(engine->node);
    g_free(engine->boot);
    g_thread_pool_free(engine->pool, FALSE, FALSE);
    engine_unref(engine);
}

/* The tasks in memory. */

Task *engine_find(const TaskEngine *engine, const char *id)
{
    return id ? g_tree_lookup(engine->tasks, id) : NULL;
}

Task *engine_add(TaskEngine *engine, TaskInfo *info, TaskPhase phase)
{
    Task *task = g_new0(Task, 1);
    task->engine = engine;
    task->info = info;
    task->phase = phase;
    task->pidfd = -1;
    task->watch = -1;
    g_tree_insert(engine->tasks, info->id, task);
    if (phase == PHASE_ENDED)
        engine->ended++;
    else if (*info->object)
        g_hash_table_insert(engine->claims, info->object, task);
    return task;
}

static void drop_claim(const Task *task)
{
    GHashTable *claims = task->engine->claims;
    if (g_hash_table_lookup(claims, task->info->object) == task)
        g_hash_table_remove(claims, task->info->object);
}

void engine_remove(Task *task)
{
    drop_claim(task);
    g_tree_remove(task->engine->tasks, task->info->id);
}

/* The oldest ended ones leave the memory. */
static void forget_oldest(TaskEngine *engine)
{
    GTreeNode *node = g_tree_node_first(engine->tasks);
    while (node && engine->ended > TASK_KEPT_IN_MEMORY) {
        const Task *task = g_tree_node_value(node);
        node = g_tree_node_next(node);
        if (task->phase != PHASE_ENDED)
            continue;
        g_autofree char *id = g_strdup(task->info->id);
        engine->ended--;
        g_tree_remove(engine->tasks, id);
        if (engine->events.removed)
            engine->events.removed(id, engine->user);
    }
}

void engine_release(Task *task)
{
    TaskEngine *engine = task->engine;
    queue_vacate(task);
    drop_claim(task);
    task->phase = PHASE_ENDED;
    task->info->ended = (double)g_get_real_time() / G_USEC_PER_SEC;
    engine->ended++;
    engine_save(task);
    engine_changed(task);
    forget_oldest(engine);
    queue_start(engine);
}

/* The lists. */

const TaskInfo *task_engine_find(const TaskEngine *engine, const char *id)
{
    const Task *task = engine_find(engine, id);
    return task ? task->info : NULL;
}

const TaskInfo *task_engine_find_object(const TaskEngine *engine, const char *object)
{
    const Task *task = g_hash_table_lookup(engine->active, object);
    if (!task)
        task = g_hash_table_lookup(engine->claims, object);
    return task ? task->info : NULL;
}

GPtrArray *task_engine_list(const TaskEngine *engine, guint limit)
{
    GPtrArray *list = g_ptr_array_new();
    GTreeNode *node = g_tree_node_last(engine->tasks);
    for (; node && list->len < limit; node = g_tree_node_previous(node))
        g_ptr_array_add(list, ((Task *)g_tree_node_value(node))->info);
    return list;
}

guint task_engine_count_running(const TaskEngine *engine)
{
    return engine->running;
}

/* The log. */

static void run_log(Errand *errand)
{
    int tasks = errand_directory(errand->engine, &errand->error);
    if (tasks >= 0)
        errand->text = task_files_log_piece(tasks, errand->id, errand->offset, &errand->next,
                                            &errand->size, &errand->error);
}

static void log_done(Errand *errand)
{
    const Task *task = engine_find(errand->engine, errand->id);
    gboolean can_grow = task && task->phase != PHASE_ENDED;
    TaskLogPiece piece = {errand->text ? errand->text : "", errand->next, errand->size,
                          !can_grow && errand->next >= errand->size};
    /* A task that has not begun has no directory and an empty log. */
    gboolean is_empty =
        can_grow && g_error_matches(errand->error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    if (errand->error && !is_empty)
        errand->log_done(NULL, errand->error, errand->user);
    else
        errand->log_done(&piece, NULL, errand->user);
}

void task_log_read(TaskEngine *engine, const char *id, guint64 offset, TaskLogRead done,
                   gpointer user)
{
    Errand *errand = errand_new(engine, id, run_log, log_done);
    errand->offset = offset;
    errand->log_done = done;
    errand->user = user;
    errand_start(errand);
}
