/* The beginning of a session: who it is, and for whom it speaks. */
#include "agent/session_private.h"
#include "agent/stream.h"
#include "backend/wire/error.h"
#include "config.h"

#include <string.h>

enum { IDENTITY_DEADLINE = 5000 /* ms */ };

static gboolean version_is_served(const json_t *params, GError **error)
{
    gint64 major = wire_get_integer(params, "major", 0);
    if (major == WIRE_PROTOCOL_MAJOR)
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_VERSION, "major",
                         "this agent (%s) speaks protocol %d, the client %d: update %s",
                         GANTRY_VERSION, WIRE_PROTOCOL_MAJOR, (int)major,
                         major < WIRE_PROTOCOL_MAJOR ? "the console" : "the agent");
    return FALSE;
}

static json_t *greeting(const Session *session)
{
    const Agent *agent = session->table->agent;
    const json_t *self = inventory_find(agent->inventory, OBJECT_NODE, agent->node);
    return json_pack("{s:i,s:i,s:s,s:o,s:o,s:s,s:O*}", "major", WIRE_PROTOCOL_MAJOR, "minor",
                     WIRE_PROTOCOL_MINOR, "agent", GANTRY_VERSION, "node",
                     wire_string(agent->node), "user", wire_string(session->identity->user),
                     "role", wire_role_name(session->identity->role), "peers",
                     json_object_get(self, "peers"));
}

static void become_stream(Session *session, gint64 id, const char *stream)
{
    GError *error = NULL;
    StreamTable *streams = session->table->agent->streams;
    if (!stream_claim(streams, stream, session->uid, &error)) {
        session_refuse(session, id, error);
        return;
    }
    wire_channel_send_steal(session->channel, wire_message_response(id, greeting(session)));
    int descriptor = wire_channel_steal_descriptor(g_steal_pointer(&session->channel));
    stream_attach(streams, stream, descriptor);
    session_end(session);
}

typedef struct {
    uid_t uid;
    pid_t pid;
} Peer;

static gpointer resolve_in_worker(gpointer data, GError **error)
{
    const Peer *peer = data;
    return identity_resolve(peer->uid, peer->pid);
}

static gboolean on_hello_deadline(gpointer user)
{
    Session *session = user;
    session->hello_deadline = 0;
    session_end(session);
    return G_SOURCE_REMOVE;
}

void session_expect_hello(Session *session)
{
    session->greeted = FALSE;
    session->hello_deadline =
        g_timeout_add_seconds(SESSION_HELLO_DEADLINE, on_hello_deadline, session);
}

/* `gantryd peer` says for whom it speaks: another node, which asks for a person there. Only
 * root may; nobody else's word is worth anything. */
static gboolean speak_for_peer(Identity *identity, const char *own, const json_t *params,
                               GError **error)
{
    const char *peer = wire_get_string(params, "peer", NULL);
    const char *person = wire_get_string(params, "person", NULL);
    if (!peer && !person)
        return TRUE;
    if (identity->uid != 0 || !peer || !person) {
        wire_error_set_field(error, WIRE_ERROR_NOT_ALLOWED, "peer",
                             "only gantryd itself speaks for other nodes");
        return FALSE;
    }
    g_free(identity->user);
    /* A task of this node that asks its own agent asks for a person of this node. */
    identity->user = strchr(person, '@') || g_str_equal(peer, own)
                         ? g_strdup(person)
                         : g_strdup_printf("%s@%s", person, peer);
    identity->peer = g_strdup(peer);
    identity->role = WIRE_ROLE_PEER;
    return TRUE;
}

static void on_identity(gpointer result, const GError *failure, gpointer user)
{
    g_autoptr(Identity) identity = result;
    Request *hello = user;
    Session *session = hello->session;
    GError *error = NULL;
    if (!session) {
        request_free(hello);
        return;
    }
    if (!identity) {
        session_expect_hello(session);
        request_fail(hello, g_error_copy(failure));
        return;
    }
    if (!speak_for_peer(identity, session->table->agent->node, hello->params, &error)) {
        session_expect_hello(session);
        request_fail(hello, error);
        return;
    }
    identity->role = session_role_now(session, identity, NULL);
    if (identity->role == WIRE_ROLE_NONE) {
        wire_error_set(&error, WIRE_ERROR_NOT_ALLOWED,
                       "%s has no role on %s: ask an administrator to give the user or one of "
                       "its groups one, with gantry role set or in gantryd.yaml",
                       identity->user, session->table->agent->node);
        session_expect_hello(session);
        request_fail(hello, error);
        return;
    }
    session->identity = g_steal_pointer(&identity);
    const char *stream = wire_get_string(hello->params, "stream", NULL);
    if (stream) {
        g_autofree char *name = g_strdup(stream);
        gint64 id = hello->id;
        request_free(hello);
        become_stream(session, id, name);
        return;
    }
    request_answer(hello, greeting(session));
}

void session_greet(Session *session, const WireMessage *message)
{
    GError *error = NULL;
    const WireMethod *hello = wire_method_find("hello");
    if (g_strcmp0(message->method, "hello") != 0)
        wire_error_set(&error, WIRE_ERROR_PARSE, "the first request must be hello");
    else if (session->greeted)
        wire_error_set(&error, WIRE_ERROR_PARSE, "hello is still being answered");
    else if (version_is_served(message->params, &error))
        (void)wire_method_check(hello, message->params, &error);
    if (error) {
        session_refuse(session, message->id, error);
        return;
    }
    session->greeted = TRUE;
    g_clear_handle_id(&session->hello_deadline, g_source_remove);
    Peer *peer = g_new(Peer, 1);
    *peer = (Peer){session->uid, session->pid};
    worker_submit(session->table->agent->workers,
                  &(WorkerJob){.key = "user database",
                               .deadline = IDENTITY_DEADLINE,
                               .run = resolve_in_worker,
                               .data = peer,
                               .free_data = g_free,
                               .free_result = (GDestroyNotify)identity_free,
                               .done = on_identity,
                               .user = session_request(session, message, hello)});
}
