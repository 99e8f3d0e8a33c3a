/* node.*, storage.*, link.*, event.*, alarm.*: what this node shows of itself. */
#include "agent/agent.h"
#include "agent/guests.h"
#include "agent/handlers.h"
#include "agent/links.h"
#include "agent/monitor.h"
#include "agent/past.h"
#include "agent/storages.h"
#include "agent/survey.h"
#include "backend/node/upkeep.h"
#include "backend/wire/error.h"

enum { LOG_LINES = 100, LOG_DEADLINE = 5000 };

static void answer_list(Request *request, const char *name, ObjectKind kind)
{
    request_answer_list(request, name, inventory_list(request->agent->inventory, kind, NULL));
}

static void serve_list(Request *request)
{
    node_monitor_publish(request->agent->monitor);
    answer_list(request, "nodes", OBJECT_NODE);
}

static void serve_show(Request *request)
{
    const Agent *agent = request->agent;
    node_monitor_publish(agent->monitor);
    json_t *answer = json_copy(
        (json_t *)(gintptr)inventory_find(agent->inventory, OBJECT_NODE, agent->node));
    g_autoptr(json_t) detail = node_monitor_detail(agent->monitor);
    g_autoptr(json_t) survey = survey_detail(agent->survey);
    json_object_update(answer, detail);
    json_object_update(answer, survey);
    request_answer(request, answer);
}

static void serve_history(Request *request)
{
    GError *error = NULL;
    const Agent *agent = request->agent;
    const char *name = wire_get_string(request->params, "guest", NULL);
    const Guest *guest = name ? guest_table_resolve(agent->guests, name, &error) : NULL;
    json_t *answer = NULL;
    if (!error)
        answer = past_query(agent->past, guest ? guest->id : NULL,
                            wire_get_string(request->params, "span", ""),
                            wire_get_integer(request->params, "since", G_MININT64),
                            (int)wire_get_integer(request->params, "step", 1), &error);
    request_finish(request, answer, error);
}

typedef struct {
    guint lines;
} LogAsk;

static gpointer read_log(gpointer data, GError **error)
{
    const char *source;
    g_autoptr(GPtrArray) lines =
        node_log_read(((const LogAsk *)data)->lines, LOG_DEADLINE, &source, error);
    if (!lines)
        return NULL;
    json_t *list = json_array();
    for (guint i = 0; i < lines->len; i++)
        json_array_append_new(list, wire_string(lines->pdata[i]));
    return json_pack("{s:s,s:o}", "source", source, "lines", list);
}

static void release_json(gpointer json)
{
    json_decref(json);
}

static void on_log(gpointer result, const GError *error, gpointer user)
{
    request_finish(user, result, error ? g_error_copy(error) : NULL);
}

static void serve_syslog(Request *request)
{
    LogAsk *ask = g_new(LogAsk, 1);
    ask->lines = (guint)wire_get_integer(request->params, "lines", LOG_LINES);
    worker_submit(request->agent->workers, &(WorkerJob){.key = "the system's log",
                                                        .deadline = LOG_DEADLINE + 1000,
                                                        .run = read_log,
                                                        .data = ask,
                                                        .free_data = g_free,
                                                        .free_result = release_json,
                                                        .done = on_log,
                                                        .user = request});
}

static void serve_links(Request *request)
{
    link_table_publish(request->agent->links, node_monitor_rates(request->agent->monitor));
    answer_list(request, "links", OBJECT_LINK);
}

static void serve_storages(Request *request)
{
    answer_list(request, "storages", OBJECT_STORAGE);
}

static void serve_storage(Request *request)
{
    storage_table_show(request->agent->storages,
                       wire_get_string(request->params, "storage", ""), request);
}

static void serve_alarms(Request *request)
{
    answer_list(request, "alarms", OBJECT_ALARM);
}

const HandlerRow handlers_node[] = {
    {"node.list", serve_list},
    {"node.show", serve_show},
    {"node.history", serve_history},
    {"node.syslog", serve_syslog},
    {"storage.list", serve_storages},
    {"storage.show", serve_storage},
    {"link.list", serve_links},
    {"alarm.list", serve_alarms},
    {NULL, NULL},
};
