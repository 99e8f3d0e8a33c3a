/* task.*: tasks on record, their logs and their ends. */
#include "agent/agent.h"
#include "agent/handlers.h"
#include "agent/task_board.h"
#include "backend/wire/error.h"

enum { LIST_DEFAULT = 200 };

static const char *asked_task(const Request *request)
{
    return wire_get_string(request->params, "task", "");
}

static json_t *task_json(const Request *request, const TaskInfo *info, gboolean full)
{
    json_t *object = task_info_json(info, full);
    json_object_set_new(object, "node", wire_string(request->agent->node));
    return object;
}

static void on_listed(GPtrArray *tasks, const GError *error, gpointer user)
{
    Request *request = user;
    if (error) {
        request_fail(request, g_error_copy(error));
        return;
    }
    json_t *list = json_array();
    for (guint i = 0; i < tasks->len; i++)
        json_array_append_new(list, task_json(request, tasks->pdata[i], FALSE));
    request_answer(request, json_pack("{s:o}", "tasks", list));
}

/* What is in memory is newer than the record: progress is not written to it. */
static void serve_list(Request *request)
{
    guint limit = (guint)wire_get_integer(request->params, "limit", LIST_DEFAULT);
    g_autoptr(GPtrArray) tasks =
        task_engine_list(task_board_engine(request->agent->tasks), limit);
    if (tasks->len < limit && tasks->len >= TASK_KEPT_IN_MEMORY)
        local_task_list(request->agent->local, NULL, limit, on_listed, request);
    else
        on_listed(tasks, NULL, request);
}

static void on_found(GPtrArray *tasks, const GError *error, gpointer user)
{
    Request *request = user;
    GError *missing = error ? g_error_copy(error) : NULL;
    if (!missing && tasks->len == 0)
        wire_error_set_field(&missing, WIRE_ERROR_NOT_FOUND, "task", "there is no task %s",
                             asked_task(request));
    request_finish(request, missing ? NULL : task_json(request, tasks->pdata[0], TRUE),
                   missing);
}

static void serve_show(Request *request)
{
    const TaskInfo *info =
        task_engine_find(task_board_engine(request->agent->tasks), asked_task(request));
    if (info)
        request_answer(request, task_json(request, info, TRUE));
    else
        local_task_find(request->agent->local, asked_task(request), on_found, request);
}

static void on_log(const TaskLogPiece *piece, const GError *error, gpointer user)
{
    Request *request = user;
    if (error)
        request_fail(request, g_error_copy(error));
    else
        request_answer(request, json_pack("{s:o,s:I,s:I,s:b}", "text", wire_string(piece->text),
                                          "offset", (json_int_t)piece->next, "size",
                                          (json_int_t)piece->size, "end", piece->end));
}

static void serve_log(Request *request)
{
    task_log_read(task_board_engine(request->agent->tasks), asked_task(request),
                  (guint64)wire_get_integer(request->params, "offset", 0), on_log, request);
}

static void serve_cancel(Request *request)
{
    GError *error = NULL;
    (void)task_engine_cancel(task_board_engine(request->agent->tasks), asked_task(request),
                             request->user, &error);
    request_finish(request, error ? NULL : json_object(), error);
}

static void serve_wait(Request *request)
{
    task_board_wait(request->agent->tasks, asked_task(request),
                    (guint)wire_get_integer(request->params, "timeout", 0), request);
}

const HandlerRow handlers_task[] = {
    {"task.list", serve_list},     {"task.show", serve_show}, {"task.log", serve_log},
    {"task.cancel", serve_cancel}, {"task.wait", serve_wait}, {NULL, NULL},
};
