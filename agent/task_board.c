#include "agent/task_board.h"

#include "agent/alarms.h"
#include "agent/cluster.h"
#include "agent/events.h"
#include "agent/guests.h"
#include "agent/inventory.h"
#include "agent/task/guest_handlers.h"
#include "backend/wire/error.h"

#include <string.h>

struct TaskBoard {
    Agent *agent;
    TaskEngine *engine;
    char *directory;
    GPtrArray *waiters; /* of Waiter */
    GHashTable *ending; /* ids of tasks whose end is told when their guest was looked at */
    guint trim;
    void (*read)(gpointer user); /* see task_board_start() */
    gpointer user;
};

typedef struct {
    TaskBoard *board;
    char *id;
    Request *request;
    guint deadline;
} Waiter;

enum { TRIM_EVERY = 3600 };

/* ---- waiting for an end ---- */

static void waiter_free(gpointer data)
{
    Waiter *waiter = data;
    g_clear_handle_id(&waiter->deadline, g_source_remove);
    if (waiter->request) {
        GError *error = NULL;
        wire_error_set(&error, WIRE_ERROR_CANCELLED, "the agent stops");
        request_fail(waiter->request, error);
    }
    g_free(waiter->id);
    g_free(waiter);
}

static gboolean on_waited_too_long(gpointer user)
{
    Waiter *waiter = user;
    GError *error = NULL;
    wire_error_set(&error, WIRE_ERROR_TIMEOUT, "task %s has not ended yet", waiter->id);
    request_fail(g_steal_pointer(&waiter->request), error);
    waiter->deadline = 0;
    g_ptr_array_remove(waiter->board->waiters, waiter);
    return G_SOURCE_REMOVE;
}

static json_t *info_json(const TaskBoard *board, const TaskInfo *info, gboolean full)
{
    json_t *object = task_info_json(info, full);
    json_object_set_new(object, "node", wire_string(board->agent->node));
    return object;
}

static void answer_waiters(TaskBoard *board, const TaskInfo *info)
{
    for (guint i = board->waiters->len; i > 0; i--) {
        Waiter *waiter = board->waiters->pdata[i - 1];
        if (!g_str_equal(waiter->id, info->id))
            continue;
        request_answer(g_steal_pointer(&waiter->request), info_json(board, info, TRUE));
        g_ptr_array_remove_index(board->waiters, i - 1);
    }
}

void task_board_wait(TaskBoard *board, const char *id, guint timeout, Request *request)
{
    GError *error = NULL;
    const TaskInfo *info = task_engine_find(board->engine, id);
    if (!info) {
        wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "task", "there is no task %s", id);
        request_fail(request, error);
        return;
    }
    if (task_info_ended(info) && !g_hash_table_contains(board->ending, id)) {
        request_answer(request, info_json(board, info, TRUE));
        return;
    }
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->board = board;
    waiter->id = g_strdup(id);
    waiter->request = request;
    if (timeout)
        waiter->deadline = g_timeout_add_seconds(timeout, on_waited_too_long, waiter);
    g_ptr_array_add(board->waiters, waiter);
}

/* ---- what an end means for others ---- */

static void tell_end(const TaskBoard *board, const TaskInfo *info)
{
    if (info->state == TASK_FAILED)
        event_log_add(board->agent->events, EVENT_ERROR, info->object, info->owner,
                      "%s of %s failed: %s", info->method, info->name,
                      info->error ? info->error : "for an unknown reason");
    else
        event_log_add(board->agent->events, EVENT_INFO, info->object, info->owner,
                      "%s of %s %s", info->method, info->name,
                      info->state == TASK_DONE ? "is done" : "was cancelled");
}

static void settle_guest(const TaskBoard *board, const TaskInfo *info)
{
    GuestTable *guests = board->agent->guests;
    if (g_str_equal(info->method, "guest.rename") && info->state != TASK_DONE &&
        g_str_has_prefix(info->object, "ct/"))
        guest_table_expect(guests, info->object, info->native);
    if (g_str_equal(info->method, "guest.delete") && info->state == TASK_DONE)
        guest_table_forget(guests, info->object);
    /* A guest that has moved away is known there; one that did not arrive is not here. */
    gboolean comes = g_str_equal(info->method, "migration.receive");
    if (comes && info->state == TASK_DONE)
        guest_table_take(guests, info->object);
    else if ((comes || g_str_equal(info->method, "guest.migrate")) &&
             !guest_table_find(guests, info->object))
        guest_table_part(guests, info->object);
}

static void show(TaskBoard *board, const TaskInfo *info)
{
    if (g_str_has_prefix(info->method, "cluster."))
        cluster_part_refresh(board->agent->cluster);
    inventory_update(board->agent->inventory, OBJECT_TASK, info->id,
                     info_json(board, info, FALSE));
    if (task_info_ended(info))
        answer_waiters(board, info);
}

/* ---- an end is told when what the task did can be seen ---- */

typedef struct {
    TaskBoard *board;
    char *id;
} Ending;

static void ending_free(gpointer data)
{
    Ending *ending = data;
    g_free(ending->id);
    g_free(ending);
}

static void on_guest_seen(gpointer user)
{
    const Ending *ending = user;
    TaskBoard *board = ending->board;
    g_hash_table_remove(board->ending, ending->id);
    const TaskInfo *info = board->engine ? task_engine_find(board->engine, ending->id) : NULL;
    if (!info)
        return;
    settle_guest(board, info);
    tell_end(board, info);
    show(board, info);
}

static void end_task(TaskBoard *board, const TaskInfo *info)
{
    Ending *ending = g_new(Ending, 1);
    *ending = (Ending){board, g_strdup(info->id)};
    g_hash_table_add(board->ending, g_strdup(info->id));
    if (guest_table_look_then(board->agent->guests, info->object, on_guest_seen, ending,
                              ending_free))
        return;
    on_guest_seen(ending);
    ending_free(ending);
}

static void on_task_changed(const TaskInfo *info, gpointer user)
{
    TaskBoard *board = user;
    gboolean ended = task_info_ended(info);
    if (g_hash_table_contains(board->ending, info->id))
        return;
    const json_t *before = inventory_find(board->agent->inventory, OBJECT_TASK, info->id);
    const char *state = wire_get_string(before, "state", NULL);
    if (*info->object)
        guest_table_set_task(board->agent->guests, info->object, ended ? NULL : info->id,
                             ended ? NULL : info->owner);
    /* An end is news once, and not when it is read back at the agent's start. */
    if (ended && state && (g_str_equal(state, "queued") || g_str_equal(state, "running")))
        end_task(board, info);
    else
        show(board, info);
}

static void on_task_removed(const char *id, gpointer user)
{
    inventory_remove(((TaskBoard *)user)->agent->inventory, OBJECT_TASK, id);
}

static void on_tasks_loaded(const GError *error, gpointer user)
{
    TaskBoard *board = user;
    if (error)
        alarms_raise(board->agent->alarms, EVENT_ERROR, "tasks", board->agent->node,
                     "no task can be started on %s: %s", board->agent->node, error->message);
    else
        alarms_clear(board->agent->alarms, "tasks");
    board->read(board->user);
}

/* ---- the database and the engine ---- */

static void on_local_health(DatabaseHealth health, const GError *reason, gpointer user)
{
    Agent *agent = user;
    if (reason)
        alarms_raise(agent->alarms, EVENT_ERROR, "local", agent->node, "%s", reason->message);
    else
        alarms_clear(agent->alarms, "local");
}

static gboolean on_trim(gpointer user)
{
    const TaskBoard *board = user;
    local_trim(board->agent->local, board->agent->config->task_keep_days, NULL, NULL);
    return G_SOURCE_CONTINUE;
}

TaskBoard *task_board_new(Agent *agent)
{
    g_autofree char *path = g_build_filename(agent->config->state, "local.db", NULL);
    TaskBoard *board = g_new0(TaskBoard, 1);
    board->agent = agent;
    board->directory = g_build_filename(agent->config->state, "tasks", NULL);
    board->waiters = g_ptr_array_new_with_free_func(waiter_free);
    board->ending = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    agent->local = local_open(path, on_local_health, agent);
    board->trim = g_timeout_add_seconds(TRIM_EVERY, on_trim, board);
    return board;
}

static TaskSettings settings_of(const TaskBoard *board, const json_t *told)
{
    const AgentConfig *config = board->agent->config;
    return (TaskSettings){.directory = board->directory,
                          .node = config->node,
                          .parallel = config->task_parallel,
                          .keep_days = config->task_keep_days,
                          .settings = told};
}

static json_t *words_json(char *const *words)
{
    json_t *list = json_array();
    for (; *words; words++)
        json_array_append_new(list, wire_string(*words));
    return list;
}

/* What the handlers of all tasks are told. */
static json_t *task_settings(const TaskBoard *board)
{
    const AgentConfig *config = board->agent->config;
    json_t *settings = task_guest_settings(
        &(GuestSettings){config->libvirt_uri, (const char *const *)config->lxc_paths});
    json_object_set_new(settings, "node", wire_string(config->node));
    json_t *storages = json_object();
    for (guint i = 0; i < config->storage_count; i++)
        json_object_set_new(storages, config->storages[i].name,
                            wire_string(config->storages[i].path));
    json_object_set_new(settings, "storages", storages);
    json_object_set_new(settings, "state", wire_string(config->state));
    json_object_set_new(settings, "socket", wire_string(config->socket));
    json_object_set_new(settings, "cluster_port", json_integer(config->cluster_port));
    json_object_set_new(settings, "cluster_start", words_json(config->cluster_start));
    json_object_set_new(settings, "cluster_stop", words_json(config->cluster_stop));
    return settings;
}

void task_board_start(TaskBoard *board, void (*read)(gpointer user), gpointer user)
{
    static const TaskEvents events = {on_task_changed, on_task_removed, on_tasks_loaded};
    g_autoptr(json_t) told = task_settings(board);
    TaskSettings settings = settings_of(board, told);
    board->read = read;
    board->user = user;
    board->engine = task_engine_new(&settings, board->agent->local, &events, board);
}

void task_board_reload(TaskBoard *board)
{
    g_autoptr(json_t) told = task_settings(board);
    TaskSettings settings = settings_of(board, told);
    if (board->engine)
        task_engine_reload(board->engine, &settings);
}

void task_board_stop(TaskBoard *board)
{
    g_ptr_array_set_size(board->waiters, 0);
    g_clear_pointer(&board->engine, task_engine_free);
}

void task_board_free(TaskBoard *board)
{
    if (!board)
        return;
    g_source_remove(board->trim);
    (void)local_close(board->agent->local);
    g_ptr_array_unref(board->waiters);
    g_hash_table_unref(board->ending);
    g_free(board->directory);
    g_free(board);
}

TaskEngine *task_board_engine(const TaskBoard *board)
{
    return board->engine;
}
