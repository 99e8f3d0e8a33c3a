#include "agent/task/engine.h"

#include "agent/task/engine_private.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Which task cancels which on the same object, and then follows it. */
static const struct {
    const char *method, *overruled;
} overrules[] = {
    {"guest.stop", "guest.shutdown"},
    {"guest.stop", "guest.reboot"},
};

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

typedef struct {
    TaskEngine *engine;
    char *id;                /* or NULL when it was refused */
    TaskSubmitted submitted; /* of a refused one */
    gpointer user;
    GError *error;
} Token;

static Token *token_new(TaskEngine *engine, const char *id)
{
    Token *token = g_new0(Token, 1);
    token->engine = engine_ref(engine);
    token->id = g_strdup(id);
    return token;
}

static void token_free(gpointer data)
{
    Token *token = data;
    engine_unref(token->engine);
    g_free(token->id);
    g_clear_error(&token->error);
    g_free(token);
}

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
        engine_schedule(engine);
}

static void owner_free(gpointer data)
{
    Owner *owner = data;
    g_queue_clear(&owner->tasks);
    g_free(owner->name);
    g_free(owner);
}

void task_engine_free(TaskEngine *engine)
{
    if (!engine)
        return;
    engine->closed = TRUE;
    engine_detach(&engine->inotify_source);
    engine_detach(&engine->trim_source);
    engine_detach(&engine->load_source);
    g_queue_clear_full(&engine->owners, owner_free);
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

/* The queue. */

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

static Owner *find_owner(TaskEngine *engine, const char *name)
{
    for (GList *node = engine->owners.head; node; node = node->next)
        if (g_str_equal(((Owner *)node->data)->name, name))
            return node->data;
    return NULL;
}

void engine_enqueue(Task *task)
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

static void dequeue(Task *task)
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
        dequeue(task);
        return task;
    }
    return NULL;
}

void engine_schedule(TaskEngine *engine)
{
    Task *task;
    while ((task = take_next(engine))) {
        engine_occupy(task);
        follow_launch(task, FALSE);
    }
}

void engine_occupy(Task *task)
{
    if (takes_turn(task))
        task->engine->running++;
    if (*task->info->object)
        g_hash_table_insert(task->engine->active, task->info->object, task);
}

static void drop_entry(GHashTable *table, const Task *task)
{
    if (g_hash_table_lookup(table, task->info->object) == task)
        g_hash_table_remove(table, task->info->object);
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
    gboolean was_occupying = task->phase != PHASE_RECORDING && task->phase != PHASE_QUEUED;
    if (was_occupying && takes_turn(task))
        engine->running--;
    drop_entry(engine->active, task);
    drop_entry(engine->claims, task);
    task->phase = PHASE_ENDED;
    task->info->ended = (double)g_get_real_time() / G_USEC_PER_SEC;
    engine->ended++;
    engine_save(task);
    engine_changed(task);
    forget_oldest(engine);
    engine_schedule(engine);
}

/* Submission. */

static gboolean tell_refused(gpointer data)
{
    const Token *token = data;
    if (!token->engine->closed)
        token->submitted(NULL, token->error, token->user);
    return G_SOURCE_REMOVE;
}

static void refuse(TaskEngine *engine, TaskSubmitted done, gpointer user, GError *error)
{
    Token *token = token_new(engine, NULL);
    token->submitted = done;
    token->user = user;
    token->error = error;
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, tell_refused, token, token_free);
    g_source_attach(source, engine->context);
    g_source_unref(source);
}

static gboolean does_overrule(const char *method, const char *other)
{
    for (size_t i = 0; i < G_N_ELEMENTS(overrules); i++)
        if (g_str_equal(overrules[i].method, method) &&
            g_str_equal(overrules[i].overruled, other))
            return TRUE;
    return FALSE;
}

/* The task that has the object and makes way, in *other. */
static gboolean check_submission(const TaskEngine *engine, const TaskSubmission *submission,
                                 Task **other, GError **error)
{
    const GError *reason = local_reason(engine->local);
    *other = g_hash_table_lookup(engine->claims, submission->object);
    if (!engine->is_loaded)
        wire_error_set(error, reason ? WIRE_ERROR_STORAGE : WIRE_ERROR_UNAVAILABLE,
                       "tasks can't be started yet: %s",
                       reason ? reason->message : "the record of tasks is being read");
    else if (engine->queued >= TASK_QUEUE_MAX)
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "%d tasks are waiting already: try again when some have ended",
                       TASK_QUEUE_MAX);
    else if (*other && !does_overrule(submission->method, (*other)->info->method))
        wire_error_set(error, WIRE_ERROR_BUSY,
                       "%s is busy: %s of %s (%s) is %s; wait for it or cancel it",
                       submission->object, (*other)->info->method, (*other)->info->owner,
                       (*other)->info->id, task_state_name((*other)->info->state));
    else
        return TRUE;
    return FALSE;
}

/* Never smaller than the last one, also when the clock goes back. */
static char *make_id(TaskEngine *engine)
{
    engine->last_time = MAX(g_get_real_time(), engine->last_time + 1);
    return task_id_make(engine->last_time, engine->node);
}

static void set_text(char **field, const char *text)
{
    g_free(*field);
    *field = g_utf8_make_valid(text ? text : "", -1);
}

static TaskInfo *make_info(TaskEngine *engine, const TaskSubmission *submission)
{
    TaskInfo *info = task_info_new();
    g_free(info->id);
    info->id = make_id(engine);
    set_text(&info->method, submission->method);
    set_text(&info->object, submission->object);
    set_text(&info->name, submission->name);
    set_text(&info->native, submission->native);
    set_text(&info->owner, submission->owner);
    set_text(&info->boot, engine->boot);
    info->uid = submission->uid;
    if (submission->params)
        json_object_update(info->params, (json_t *)submission->params);
    info->created = (double)g_get_real_time() / G_USEC_PER_SEC;
    return info;
}

static void end_unbegun(Task *task)
{
    task->info->state = TASK_CANCELLED;
    task->info->code = WIRE_ERROR_CANCELLED;
    task->info->error = g_strdup_printf("cancelled by %s before it began", task->canceller);
    dequeue(task);
    engine_release(task);
}

static void recorded(const GError *error, gpointer data)
{
    Token *token = data;
    TaskEngine *engine = token->engine;
    Task *task = engine->closed ? NULL : engine_find(engine, token->id);
    if (task && error) {
        drop_entry(engine->claims, task);
        task->done(NULL, error, task->user);
        g_tree_remove(engine->tasks, token->id);
    } else if (task) {
        TaskSubmitted done = task->done;
        task->done = NULL;
        engine_enqueue(task);
        done(task->info->id, NULL, task->user);
        task = engine->closed ? NULL : engine_find(engine, token->id);
        if (task)
            engine_changed(task);
        if (task && task->is_cancelling && task->phase == PHASE_QUEUED)
            end_unbegun(task);
        else if (task)
            engine_schedule(engine);
    }
    token_free(token);
}

void task_engine_submit(TaskEngine *engine, const TaskSubmission *submission,
                        TaskSubmitted done, gpointer user)
{
    GError *error = NULL;
    Task *other;
    if (!check_submission(engine, submission, &other, &error)) {
        refuse(engine, done, user, error);
        return;
    }
    if (other) {
        g_autofree char *who =
            g_strdup_printf("%s (%s)", submission->owner, submission->method);
        (void)task_engine_cancel(engine, other->info->id, who, NULL);
    }
    Task *task = engine_add(engine, make_info(engine, submission), PHASE_RECORDING);
    task->done = done;
    task->user = user;
    local_task_save(engine->local, task->info, recorded, token_new(engine, task->info->id));
}

gboolean task_engine_cancel(TaskEngine *engine, const char *id, const char *who, GError **error)
{
    Task *task = engine_find(engine, id);
    if (!task || task->phase == PHASE_ENDED) {
        wire_error_set(error, task ? WIRE_ERROR_STATE : WIRE_ERROR_NOT_FOUND,
                       task ? "the task %s has ended already" : "there is no running task %s",
                       id);
        return FALSE;
    }
    if (task->is_cancelling)
        return TRUE;
    task->is_cancelling = TRUE;
    g_free(task->canceller);
    task->canceller = g_strdup(who);
    if (task->phase == PHASE_QUEUED)
        end_unbegun(task);
    else if (task->phase == PHASE_RUNNING)
        follow_terminate(task);
    return TRUE;
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
