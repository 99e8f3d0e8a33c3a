#include "agent/move/drain.h"

#include "agent/move/drain_private.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { PARALLEL_DEFAULT = 1, NAMED_MAX = 10, LOOK_US = 1000000 };

/* ---- beginning and end ---- */

static void peer_free(gpointer data)
{
    DrainPeer *peer = data;
    move_session_clear(&peer->session);
    move_route_clear(&peer->route);
    g_free(peer);
}

static void guest_free(gpointer data)
{
    DrainGuest *guest = data;
    json_decref(guest->object);
    json_decref(guest->plan);
    g_free(guest->from);
    g_free(guest->to);
    g_free(guest->task);
    g_free(guest->error);
    g_free(guest);
}

static Drain drain_begin(const TaskRequest *request, const Job *job)
{
    return (Drain){.request = request,
                   .job = job,
                   .own = wire_get_string(request->settings, "node", ""),
                   .state = wire_get_string(request->settings, "state", ""),
                   .back = strcmp(request->method, "node.undrain") == 0,
                   .parallel =
                       (guint)wire_get_integer(request->params, "parallel", PARALLEL_DEFAULT),
                   .began = g_get_real_time() / G_USEC_PER_SEC,
                   .peers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, peer_free),
                   .guests = g_ptr_array_new_with_free_func(guest_free)};
}

static void drain_end(Drain *drain)
{
    g_hash_table_unref(drain->peers);
    g_ptr_array_unref(drain->guests);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Drain, drain_end)

DrainGuest *drain_add(Drain *drain, const json_t *object, const char *from)
{
    DrainGuest *guest = g_new0(DrainGuest, 1);
    guest->object = json_deep_copy(object);
    guest->id = wire_get_string(guest->object, "id", "?");
    guest->from = g_strdup(from);
    g_ptr_array_add(drain->guests, guest);
    return guest;
}

/* ---- agents ---- */

json_t *drain_call(Drain *drain, const char *node, const char *method, json_t *params,
                   gboolean *refused, GError **error)
{
    DrainPeer *peer = g_hash_table_lookup(drain->peers, node);
    if (!peer) {
        peer = g_new0(DrainPeer, 1);
        if (!move_route_open(&peer->route, drain->request, drain->job, node, error)) {
            json_decref(params);
            peer_free(peer);
            return NULL;
        }
        peer->session.route = &peer->route;
        g_hash_table_insert(drain->peers, g_strdup(node), peer);
    }
    return move_session_call(&peer->session, method, params, refused, error);
}

json_t *drain_wish(const Drain *drain, const DrainGuest *guest)
{
    static const char *const same[] = {"with_disks", "storage", "bandwidth"};
    json_t *wish =
        json_pack("{s:o,s:o}", "guest", wire_string(guest->id), "node", wire_string(guest->to));
    for (size_t i = 0; i < G_N_ELEMENTS(same); i++)
        if (json_object_get(drain->request->params, same[i]))
            json_object_set(wish, same[i], json_object_get(drain->request->params, same[i]));
    return wish;
}

/* ---- what is said of it ---- */

static json_t *plans_json(const Drain *drain)
{
    json_t *plans = json_array();
    for (guint i = 0; i < drain->guests->len; i++)
        json_array_append(plans, ((const DrainGuest *)drain->guests->pdata[i])->plan);
    return json_pack("{s:o,s:I}", "guests", plans, "blocked",
                     (json_int_t)drain_count_blocked(drain));
}

static json_t *result_json(const Drain *drain)
{
    json_t *rows = json_array();
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        gboolean moved = guest->state == DRAIN_MOVED;
        json_t *row =
            json_pack("{s:o,s:o,s:o,s:b}", "guest", wire_string(guest->id), "name",
                      wire_string(wire_get_string(guest->object, "name", guest->id)), "node",
                      wire_string(moved ? guest->to : guest->from), "moved", moved);
        if (guest->task)
            json_object_set_new(row, "task", wire_string(guest->task));
        if (guest->error)
            json_object_set_new(row, "error", wire_string(guest->error));
        json_array_append_new(rows, row);
    }
    return json_pack("{s:o,s:I}", "guests", rows, "moved",
                     (json_int_t)drain_count(drain, DRAIN_MOVED));
}

static void append_named(GString *text, const DrainGuest *guest)
{
    g_string_append_printf(text, "; %s %s: %s", guest->id,
                           wire_get_string(guest->object, "name", ""),
                           guest->error ? guest->error : "it failed");
}

/* The guests that did not move, each with why; those that were to be skipped are none. */
static gboolean tell_failures(const Drain *drain, GError **error)
{
    g_autoptr(GString) named = g_string_new(NULL);
    guint failed = 0;
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state != DRAIN_FAILED || !guest->tried)
            continue;
        if (failed++ < NAMED_MAX)
            append_named(named, guest);
    }
    if (!failed)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_FAILED, "%u of %u guests did not move%s%s", failed,
                   drain->guests->len, named->str, failed > NAMED_MAX ? "; and more" : "");
    return FALSE;
}

static gboolean tell_blocked(const Drain *drain, GError **error)
{
    guint blocked = drain_count_blocked(drain);
    g_autoptr(GString) named = g_string_new(NULL);
    if (blocked == 0 || wire_get_boolean(drain->request->params, "skip", FALSE))
        return TRUE;
    guint shown = 0;
    for (guint i = 0; i < drain->guests->len && shown < NAMED_MAX; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state != DRAIN_FAILED)
            continue;
        append_named(named, guest);
        shown++;
    }
    wire_error_set(error, WIRE_ERROR_STATE,
                   "nothing was moved: %u of %u guests can't go (skip leaves them here)%s",
                   blocked, drain->guests->len, named->str);
    return FALSE;
}

/* ---- the tasks ---- */

static gboolean run_drain(const TaskRequest *request, const Job *job, gconstpointer user,
                          json_t **result, GError **error)
{
    g_auto(Drain) drain = drain_begin(request, job);
    if (!drain_plan(&drain, error))
        return FALSE;
    if (wire_get_boolean(request->params, "plan", FALSE)) {
        *result = plans_json(&drain);
        return TRUE;
    }
    if (!tell_blocked(&drain, error) || !drain_move_all(&drain, error) ||
        !tell_failures(&drain, error))
        return FALSE;
    *result = result_json(&drain);
    return TRUE;
}

/* The moves go on by themselves: it is waited until they have ended. */
static gboolean recover_drain(const TaskRequest *request, const json_t *note, const Job *job,
                              gconstpointer user, char **outcome, GError **error)
{
    g_auto(Drain) drain = drain_begin(request, job);
    size_t index;
    const json_t *move;
    json_array_foreach(json_object_get(note, "moves"), index, move)
    {
        const char *task = wire_get_string(move, "task", NULL);
        const char *node = wire_get_string(move, "node", NULL);
        if (!task || !node)
            continue;
        DrainGuest *guest = drain_add(&drain, json_object_get(move, "object"), node);
        guest->task = g_strdup(task);
        guest->state = DRAIN_MOVES;
        while (!drain_look(&drain, guest)) {
            if (!job_continue(job, error))
                return FALSE;
            job_progress(job, -1, "waiting for the moves that were begun");
            g_usleep(LOOK_US);
        }
        if (!drain_update_list(&drain, guest, error))
            return FALSE;
    }
    *outcome =
        g_strdup_printf("of the guests that were on their way %u moved and %u did not",
                        drain_count(&drain, DRAIN_MOVED), drain_count(&drain, DRAIN_FAILED));
    return TRUE;
}

TaskHandler drain_handler(void)
{
    return (TaskHandler){.method = "node.drain", .run = run_drain, .recover = recover_drain};
}

TaskHandler undrain_handler(void)
{
    return (TaskHandler){.method = "node.undrain", .run = run_drain, .recover = recover_drain};
}
