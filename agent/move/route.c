#include "agent/move/route.h"

#include "agent/move/purpose.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

enum { CALL_SECONDS = 60, HELLO = 1 /* its number */ };

gboolean move_route_open(MoveRoute *route, const TaskRequest *request, const Job *job,
                         const char *node, GError **error)
{
    const json_t *settings = request->settings;
    size_t index;
    const json_t *path;
    *route = (MoveRoute){.request = request,
                         .job = job,
                         .own = wire_get_string(settings, "node", ""),
                         .node = g_strdup(node),
                         .port = (guint)wire_get_integer(settings, "cluster_port", PEER_PORT),
                         .lxc_paths = g_ptr_array_new()};
    json_array_foreach(json_object_get(settings, "lxc_paths"), index, path)
    {
        if (json_is_string(path))
            g_ptr_array_add(route->lxc_paths, (gpointer)(gintptr)json_string_value(path));
    }
    g_ptr_array_add(route->lxc_paths, NULL);
    route->settings.libvirt_uri = wire_get_string(settings, "libvirt_uri", "qemu:///system");
    route->settings.lxc_paths = (const char *const *)route->lxc_paths->pdata;
    route->book = peer_book_read(error);
    return route->book != NULL;
}

void move_route_clear(MoveRoute *route)
{
    peer_book_free(route->book);
    g_free(route->node);
    if (route->lxc_paths)
        g_ptr_array_unref(route->lxc_paths);
    *route = (MoveRoute){0};
}

const char *move_settings_storage(const json_t *settings, const char *name)
{
    return name ? wire_get_string(json_object_get(settings, "storages"), name, NULL) : NULL;
}

/* ---- calls ---- */

/* The response with that number; what else comes is not for a caller that waits. */
static json_t *await_response(const MoveSession *session, gint64 id, gboolean *refused,
                              GError **error)
{
    for (;;) {
        g_autoptr(json_t) line =
            peer_stream_receive(session->stream, CALL_SECONDS, NULL, error);
        const json_t *failure = json_object_get(line, "error");
        if (!line)
            return NULL;
        if (wire_get_integer(line, "id", 0) != id && !(failure && id == HELLO))
            continue;
        if (!failure)
            return json_incref(json_object_get(line, "result"));
        const json_t *data = json_object_get(failure, "data");
        if (refused)
            *refused = TRUE;
        wire_error_set(error, wire_error_from_name(wire_get_string(data, "code", "failed")),
                       "%s: %s", session->route->node,
                       wire_get_string(failure, "message", "refused"));
        return NULL;
    }
}

/* The door says hello itself, for the person. */
static gboolean open_session(MoveSession *session, gboolean *refused, GError **error)
{
    const MoveRoute *route = session->route;
    json_t *purpose = move_purpose_line(
        &(MovePurpose){.kind = MOVE_PURPOSE_RPC, .person = route->request->owner});
    session->calls = HELLO;
    session->stream =
        peer_book_ask(route->book, route->own, route->node, route->port, purpose, error);
    g_autoptr(json_t) hello =
        session->stream ? await_response(session, HELLO, refused, error) : NULL;
    return hello != NULL;
}

void move_session_clear(MoveSession *session)
{
    peer_stream_free(g_steal_pointer(&session->stream));
}

json_t *move_session_call(MoveSession *session, const char *method, json_t *params,
                          gboolean *refused, GError **error)
{
    g_autoptr(json_t) given = params;
    if (!session->stream && !open_session(session, refused, error)) {
        move_session_clear(session);
        return NULL;
    }
    gint64 id = ++session->calls;
    gboolean answered = FALSE;
    g_autoptr(json_t) message = json_pack("{s:s,s:I,s:s,s:O}", "jsonrpc", "2.0", "id",
                                          (json_int_t)id, "method", method, "params", given);
    json_t *result = peer_stream_send(session->stream, message, CALL_SECONDS, error)
                         ? await_response(session, id, &answered, error)
                         : NULL;
    if (!result && !answered)
        move_session_clear(session);
    if (refused && answered)
        *refused = TRUE;
    return result;
}

json_t *move_route_call(const MoveRoute *route, const char *method, json_t *params,
                        GError **error)
{
    g_auto(MoveSession) session = {.route = route};
    return move_session_call(&session, method, params, NULL, error);
}

PeerStream *move_route_reception(const MoveRoute *route, const char *id, gboolean fresh,
                                 GError **error)
{
    json_t *purpose = move_purpose_line(
        &(MovePurpose){.kind = MOVE_PURPOSE_RECEPTION, .id = id, .fresh = fresh});
    return peer_book_ask(route->book, route->own, route->node, route->port, purpose, error);
}

PeerRelay *move_route_relay(const MoveRoute *route, const char *id, const char *name,
                            const char *path, uid_t uid, gid_t gid, GError **error)
{
    g_autoptr(json_t) purpose = move_purpose_line(&(MovePurpose){
        .kind = name ? MOVE_PURPOSE_SOCKET : MOVE_PURPOSE_LIBVIRT, .id = id, .name = name});
    return peer_relay_new(route->book,
                          &(PeerRelayAsk){route->own, route->node, route->port, purpose}, path,
                          uid, gid, error);
}

static gboolean is_cancelled(gpointer user)
{
    return !job_continue(((const MoveRoute *)user)->job, NULL);
}

json_t *move_command(PeerStream *control, const MoveRoute *route, json_t *command,
                     guint seconds, gboolean *refused, GError **error)
{
    g_autoptr(json_t) line = command;
    const PeerPatience patience = {is_cancelled, (gpointer)(gintptr)route};
    g_autoptr(json_t) answer = peer_stream_send(control, line, seconds, error)
                                   ? peer_stream_receive(control, seconds, &patience, error)
                                   : NULL;
    const json_t *failure = json_object_get(answer, "error");
    if (!answer)
        return NULL;
    if (!failure)
        return json_incref(json_object_get(answer, "done"));
    if (refused)
        *refused = TRUE;
    wire_error_set(error, wire_error_from_name(wire_get_string(failure, "code", "failed")),
                   "%s: %s", route->node, wire_get_string(failure, "message", "failed"));
    return NULL;
}
