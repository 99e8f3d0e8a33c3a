/* guest.migrate, guest.plan, node.drain and node.undrain, which people ask for, and
 * migration.*, which the agents of other nodes do, and tasks of this one. What libvirt must be
 * asked is asked in a worker. */
#include "agent/agent.h"
#include "agent/cluster_settings.h"
#include "agent/guests.h"
#include "agent/handlers.h"
#include "agent/move/check.h"
#include "agent/move/place.h"
#include "agent/task_board.h"
#include "backend/wire/error.h"

#include <string.h>

enum { CHECK_DEADLINE = 30000, LOOK_DEADLINE = 15000 /* ms */ };

/* ---- for people ---- */

static void on_submitted(const char *task, const GError *error, gpointer user)
{
    request_finish(user, task ? json_pack("{s:s}", "task", task) : NULL,
                   error ? g_error_copy(error) : NULL);
}

static gboolean may_move(const Request *request, const Guest *guest, GError **error)
{
    GuestState state = guest_is_settled(guest) ? guest->summary->state : GUEST_STATE_UNKNOWN;
    const char *refusal = guest_act_refusal(guest->summary->kind, state, GUEST_ACT_MIGRATE);
    const char *node = wire_get_string(request->params, "node", "");
    if (g_str_equal(node, request->agent->node))
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "node", "%s %s is on %s already",
                             guest->id, guest->summary->name, node);
    else if (guest->stale_since)
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "%s %s can't be moved: its %s driver does not answer", guest->id,
                       guest->summary->name, guest->driver->name);
    else if (refusal)
        wire_error_set(error, WIRE_ERROR_STATE, "%s %s can't be moved: it %s", guest->id,
                       guest->summary->name, refusal);
    else
        return TRUE;
    return FALSE;
}

static void add_bandwidth(const Request *request, json_t *params)
{
    gint64 usual = cluster_settings_integer(request->agent->store, "move_bandwidth");
    if (usual > 0 && !json_object_get(params, "bandwidth"))
        json_object_set_new(params, "bandwidth", json_integer(usual));
}

/* Starts that task on the guest of the request. Tags and notes go with it. */
static void submit_move(Request *request, const char *method)
{
    GError *error = NULL;
    const Guest *guest = guest_table_resolve(
        request->agent->guests, wire_get_string(request->params, "guest", ""), &error);
    if (guest && !request->object)
        request->object = g_strdup(guest->id);
    if (!guest || !may_move(request, guest, &error)) {
        request_fail(request, error);
        return;
    }
    g_autoptr(json_t) params = json_copy(request->params);
    json_object_del(params, "plan"); /* migration.send's: it is in the method now */
    add_bandwidth(request, params);
    json_object_set_new(params, "document",
                        guest_table_document(request->agent->guests, guest));
    task_engine_submit(task_board_engine(request->agent->tasks),
                       &(TaskSubmission){.method = method,
                                         .object = guest->id,
                                         .name = guest->summary->name,
                                         .native = guest->summary->native,
                                         .params = params,
                                         .owner = request->user,
                                         .uid = request->uid},
                       on_submitted, request);
}

static void serve_migrate(Request *request)
{
    submit_move(request, request->method->name);
}

/* What the person did not say is as set for the cluster. */
static void add_settings(const Request *request, json_t *params)
{
    static const char *const same[][2] = {{"parallel", "drain_parallel"},
                                          {"order", "drain_order"}};
    g_autoptr(json_t) all = cluster_settings_all(request->agent->store);
    for (size_t i = 0; i < G_N_ELEMENTS(same); i++)
        if (!json_object_get(params, same[i][0]))
            json_object_set(params, same[i][0], json_object_get(all, same[i][1]));
}

/* The node is the task's object: no two at once. */
static void serve_drain(Request *request)
{
    const char *node = request->agent->node;
    g_autoptr(json_t) params = json_copy(request->params);
    add_settings(request, params);
    request->object = g_strdup(node);
    task_engine_submit(task_board_engine(request->agent->tasks),
                       &(TaskSubmission){.method = request->method->name,
                                         .object = node,
                                         .name = node,
                                         .params = params,
                                         .owner = request->user,
                                         .uid = request->uid},
                       on_submitted, request);
}

/* ---- for other agents ---- */

/* A node may have guests brought to it, and this one's own task may send them away; no
 * node sends another's to a third. */
static void serve_send(Request *request)
{
    const char *node = wire_get_string(request->params, "node", "");
    GError *error = NULL;
    if (g_strcmp0(request->peer, request->agent->node) != 0 &&
        g_strcmp0(request->peer, node) != 0) {
        wire_error_set_field(&error, WIRE_ERROR_NOT_ALLOWED, "node",
                             "%s may have guests of %s brought to itself only", request->peer,
                             request->agent->node);
        request_fail(request, error);
        return;
    }
    submit_move(request, wire_get_boolean(request->params, "plan", FALSE) ? "guest.plan"
                                                                          : "guest.migrate");
}

static void serve_cancel(Request *request)
{
    GError *error = NULL;
    TaskEngine *engine = task_board_engine(request->agent->tasks);
    const char *id = wire_get_string(request->params, "task", "");
    const TaskInfo *task = task_engine_find(engine, id);
    if (task && !g_str_equal(task->method, "guest.migrate") &&
        !g_str_equal(task->method, "guest.plan"))
        wire_error_set_field(&error, WIRE_ERROR_NOT_ALLOWED, "task", "%s moves no guest", id);
    else
        (void)task_engine_cancel(engine, id, request->user, &error);
    request_finish(request, error ? NULL : json_object(), error);
}

typedef struct {
    GuestSettings settings;
    char *uri;
    GStrv paths;
    MoveOffer *offer; /* of a check */
    char *storage;
    GuestKind kind; /* of a look */
    char *native;
} Question;

static Question *question_new(const Request *request)
{
    const AgentConfig *config = request->agent->config;
    Question *question = g_new0(Question, 1);
    question->uri = g_strdup(config->libvirt_uri);
    question->paths = g_strdupv(config->lxc_paths);
    question->settings = (GuestSettings){question->uri, (const char *const *)question->paths};
    return question;
}

static void question_free(gpointer data)
{
    Question *question = data;
    move_offer_free(question->offer);
    g_strfreev(question->paths);
    g_free(question->uri);
    g_free(question->storage);
    g_free(question->native);
    g_free(question);
}

static void release_json(gpointer json)
{
    json_decref(json);
}

static void ask(Request *request, Question *question, WorkerFunction run, guint deadline,
                WorkerDone done)
{
    worker_submit(request->agent->workers, &(WorkerJob){.key = "moves of other nodes",
                                                        .deadline = deadline,
                                                        .run = run,
                                                        .data = question,
                                                        .free_data = question_free,
                                                        .free_result = release_json,
                                                        .done = done,
                                                        .user = request});
}

static MoveOffer *read_offer(const Request *request, GError **error)
{
    const char *text = wire_get_string(request->params, "offer", "");
    return move_offer_parse(text, strlen(text), error);
}

static const char *storage_path(const Agent *agent, const char *name)
{
    for (guint i = 0; name && i < agent->config->storage_count; i++)
        if (g_str_equal(agent->config->storages[i].name, name))
            return agent->config->storages[i].path;
    return NULL;
}

static gpointer run_check(gpointer data, GError **error)
{
    const Question *question = data;
    g_autoptr(MoveVerdict) verdict =
        move_check(&question->settings, question->offer, question->storage, error);
    return verdict ? move_verdict_json(verdict) : NULL;
}

static void on_answer(gpointer result, const GError *error, gpointer user)
{
    request_finish(user, result, error ? g_error_copy(error) : NULL);
}

static void serve_check(Request *request)
{
    GError *error = NULL;
    MoveOffer *offer = read_offer(request, &error);
    if (!offer) {
        request_fail(request, error);
        return;
    }
    Question *question = question_new(request);
    question->offer = offer;
    question->storage = g_strdup(storage_path(request->agent, offer->storage));
    ask(request, question, run_check, CHECK_DEADLINE, on_answer);
}

static gpointer run_look(gpointer data, GError **error)
{
    const Question *question = data;
    return move_look(&question->settings, question->kind, question->native, FALSE, error);
}

/* Whether a task is at work on it is looked at after where it is: see move/reception.c. */
static void on_looked(gpointer result, const GError *error, gpointer user)
{
    Request *request = user;
    const TaskEngine *engine = task_board_engine(request->agent->tasks);
    const char *native = wire_get_string(request->params, "native", "");
    if (!result) {
        request_fail(request, g_error_copy(error));
        return;
    }
    g_autoptr(GPtrArray) tasks = task_engine_list(engine, TASK_KEPT_IN_MEMORY);
    gboolean busy = FALSE;
    for (guint i = 0; i < tasks->len && !busy; i++) {
        const TaskInfo *task = tasks->pdata[i];
        busy = !task_info_ended(task) && g_strcmp0(task->native, native) == 0;
    }
    json_object_set_new(result, "busy", json_boolean(busy));
    request_answer(request, result);
}

static void serve_outcome(Request *request)
{
    Question *question = question_new(request);
    (void)guest_kind_from_name(wire_get_string(request->params, "kind", ""), &question->kind);
    question->native = g_strdup(wire_get_string(request->params, "native", ""));
    ask(request, question, run_look, LOOK_DEADLINE, on_looked);
}

typedef struct {
    Request *request;
    int number;
} Receiving;

static void on_receiving(const char *task, const GError *error, gpointer user)
{
    g_autofree Receiving *receiving = user;
    request_finish(receiving->request,
                   task ? json_pack("{s:s,s:i}", "task", task, "number", receiving->number)
                        : NULL,
                   error ? g_error_copy(error) : NULL);
}

static void serve_receive(Request *request)
{
    GError *error = NULL;
    g_autoptr(MoveOffer) offer = read_offer(request, &error);
    if (offer && !move_id_is_valid(offer->id))
        wire_error_set_field(&error, WIRE_ERROR_PARAMS, "offer", "the move has no identifier");
    if (!offer || error) {
        request_fail(request, error);
        return;
    }
    /* Before it comes, or it would get a number of its own. */
    Receiving *receiving = g_new(Receiving, 1);
    receiving->request = request;
    receiving->number = offer->number;
    guest_table_expect_move(request->agent->guests, offer->kind, offer->number, offer->native,
                            offer->name);
    request->object = g_strdup_printf("%s/%d", guest_kind_name(offer->kind), receiving->number);
    task_engine_submit(task_board_engine(request->agent->tasks),
                       &(TaskSubmission){.method = request->method->name,
                                         .object = request->object,
                                         .name = offer->name,
                                         .native = offer->native,
                                         .params = request->params,
                                         .owner = request->user,
                                         .uid = request->uid},
                       on_receiving, receiving);
}

const HandlerRow handlers_move[] = {
    {"guest.plan", serve_migrate},        {"guest.migrate", serve_migrate},
    {"migration.check", serve_check},     {"migration.receive", serve_receive},
    {"migration.outcome", serve_outcome}, {"migration.send", serve_send},
    {"migration.cancel", serve_cancel},   {"node.drain", serve_drain},
    {"node.undrain", serve_drain},        {NULL, NULL},
};
