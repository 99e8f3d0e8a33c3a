/* node.*, storage.*, link.*, event.*, alarm.*: what this node shows of itself. */
#include "agent/agent.h"
#include "agent/handlers.h"
#include "agent/monitor.h"
#include "agent/past.h"
#include "backend/wire/error.h"

static void answer_list(Request *request, const char *name, ObjectKind kind)
{
    request_answer(request,
                   json_pack("{s:o}", name, inventory_list(request->agent->inventory, kind)));
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
    json_object_update(answer, detail);
    request_answer(request, answer);
}

static void serve_alarms(Request *request)
{
    answer_list(request, "alarms", OBJECT_ALARM);
}

const HandlerRow handlers_node[] = {
    {"node.list", serve_list},
    {"node.show", serve_show},
    {"alarm.list", serve_alarms},
    {NULL, NULL},
};
