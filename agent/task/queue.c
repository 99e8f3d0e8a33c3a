/* Whose turn it is. */
#include "agent/task/engine_private.h"

/* Tasks that mostly wait for others: they take no turn, or two nodes that move guests to
 * each other could wait for each other for ever. */
static const char *const waiting_methods[] = {"migration.receive", "node.drain",
                                              "node.undrain"};

static gboolean takes_turn(const Task *task)
{
    for (size_t i = 0; i < G_N_ELEMENTS(waiting_methods); i++)
        if (g_str_equal(waiting_methods[i], task->info->method))
            return FALSE;
    return TRUE;
}

static void owner_free(gpointer data)
{
    Owner *owner = data;
    g_queue_clear(&owner->tasks);
    g_free(owner->name);
    g_free(owner);
}

static Owner *find_owner(TaskEngine *engine, const char *name)
{
    for (GList *node = engine->owners.head; node; node = node->next)
        if (g_str_equal(((Owner *)node->data)->name, name))
            return node->data;
    return NULL;
}

void queue_add(Task *task)
{
    Owner *owner = find_owner(task->engine, task->info->owner);
    if (!owner) {
        owner = g_new0(Owner, 1);
        owner->name = g_strdup(task->info->owner);
        g_queue_push_tail(&task->engine->owners, owner);
    }
    g_queue_push_tail(&owner->tasks, task);
    task->phase = PHASE_QUEUED;
    task->engine->queued++;
}

void queue_remove(Task *task)
{
    Owner *owner = find_owner(task->engine, task->info->owner);
    if (!owner || !g_queue_remove(&owner->tasks, task))
        return;
    task->engine->queued--;
    if (g_queue_is_empty(&owner->tasks)) {
        g_queue_remove(&task->engine->owners, owner);
        owner_free(owner);
    }
}

/* The first task of an owner whose object nobody is at work on; when it is nobody's turn,
 * of those that need none. */
static Task *find_startable(const TaskEngine *engine, const Owner *owner)
{
    gboolean full = engine->running >= engine->parallel;
    for (GList *node = owner->tasks.head; node; node = node->next)
        if (!g_hash_table_contains(engine->active, ((Task *)node->data)->info->object) &&
            !(full && takes_turn(node->data)))
            return node->data;
    return NULL;
}

static Task *take_next(TaskEngine *engine)
{
    for (GList *node = engine->owners.head; node; node = node->next) {
        Owner *owner = node->data;
        Task *task = find_startable(engine, owner);
        if (!task)
            continue;
        g_queue_unlink(&engine->owners, node);
        g_queue_push_tail_link(&engine->owners, node);
        queue_remove(task);
        return task;
    }
    return NULL;
}

void queue_start(TaskEngine *engine)
{
    Task *task;
    while ((task = take_next(engine))) {
        queue_occupy(task);
        follow_launch(task, FALSE);
    }
}

void queue_occupy(Task *task)
{
    if (takes_turn(task))
        task->engine->running++;
    if (*task->info->object)
        g_hash_table_insert(task->engine->active, task->info->object, task);
}

void queue_vacate(Task *task)
{
    TaskEngine *engine = task->engine;
    if (task->phase == PHASE_RECORDING || task->phase == PHASE_QUEUED)
        return;
    if (takes_turn(task))
        engine->running--;
    if (g_hash_table_lookup(engine->active, task->info->object) == task)
        g_hash_table_remove(engine->active, task->info->object);
}

void queue_clear(TaskEngine *engine)
{
    g_queue_clear_full(&engine->owners, owner_free);
}
