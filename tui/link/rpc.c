#include "tui/link/rpc.h"

#include "backend/wire/channel.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "config.h"

enum { HELLO_DEADLINE = 10000 /* ms */ };

typedef struct {
    RpcClient *client;
    gint64 id;
    RpcReply reply;
    gpointer user;
    GSource *deadline;
    char *method;
} Call;

struct RpcClient {
    gint references;
    gboolean freed;
    WireChannel *channel;
    GMainContext *context;
    RpcEvents events;
    gpointer user;
    char *name;
    RpcPeer *peer;
    gint64 last_id;
    GHashTable *calls; /* id -> Call, which it owns */
    GQueue early;      /* lines to send once hello is answered */
};

static void peer_free(RpcPeer *peer)
{
    if (!peer)
        return;
    g_free(peer->agent);
    g_free(peer->node);
    g_free(peer->user);
    g_free(peer->role);
    json_decref(peer->peers);
    g_free(peer);
}

static void call_free(gpointer data)
{
    Call *call = data;
    if (call->deadline) {
        g_source_destroy(call->deadline);
        g_source_unref(call->deadline);
    }
    g_free(call->method);
    g_free(call);
}

/* The client lives on until the outermost event has returned. */
static void release(RpcClient *client)
{
    if (--client->references > 0)
        return;
    g_hash_table_unref(client->calls);
    g_queue_clear_full(&client->early, free);
    g_main_context_unref(client->context);
    peer_free(client->peer);
    g_free(client->name);
    g_free(client);
}

static void answer(Call *call, const json_t *result, const GError *error)
{
    g_hash_table_steal(call->client->calls, &call->id);
    if (call->reply)
        call->reply(result, error, call->user);
    call_free(call);
}

/* Answers every pending call, also those made by the replies, with an error. */
static void answer_all(RpcClient *client, const GError *error)
{
    GHashTableIter iter;
    gpointer call;
    for (;;) {
        g_hash_table_iter_init(&iter, client->calls);
        if (!g_hash_table_iter_next(&iter, NULL, &call))
            return;
        answer(call, NULL, error);
    }
}

void rpc_client_lose(RpcClient *client, const GError *reason)
{
    g_clear_pointer(&client->channel, wire_channel_free);
    g_autoptr(GError) lost = NULL;
    wire_error_set(&lost, WIRE_ERROR_UNREACHABLE, "the connection to %s was lost: %s",
                   client->name, reason->message);
    client->references++;
    answer_all(client, lost);
    release(client);
}

static void close_with(RpcClient *client, const GError *error)
{
    if (!client->channel)
        return;
    g_clear_pointer(&client->channel, wire_channel_free);
    client->references++;
    if (client->events.closed)
        client->events.closed(error, client->user);
    if (!client->freed)
        rpc_client_lose(client, error);
    release(client);
}

static void take_line(const char *text, size_t length, gpointer user)
{
    RpcClient *client = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(WireMessage) message = wire_message_parse(text, length, &error);
    if (!message || message->kind == WIRE_REQUEST) {
        g_autoptr(GError) broken = NULL;
        wire_error_set(&broken, WIRE_ERROR_PARSE, "%s does not speak Gantry's protocol: %s",
                       client->name, error ? error->message : "it sent a request");
        close_with(client, broken);
        return;
    }
    client->references++;
    if (message->kind == WIRE_NOTIFICATION) {
        if (client->events.notified && client->peer)
            client->events.notified(message->method, message->params, client->user);
    } else {
        Call *call = g_hash_table_lookup(client->calls, &message->id);
        if (call)
            answer(call, message->kind == WIRE_RESPONSE ? message->result : NULL,
                   message->error);
    }
    release(client);
}

static void on_closed(const GError *error, gpointer user)
{
    RpcClient *client = user;
    g_autoptr(GError) lost = NULL;
    wire_error_set(&lost, WIRE_ERROR_UNREACHABLE, "%s",
                   error ? error->message : "the agent closed the connection");
    close_with(client, lost);
}

static RpcPeer *peer_new(const json_t *hello)
{
    RpcPeer *peer = g_new0(RpcPeer, 1);
    peer->major = (int)wire_get_integer(hello, "major", 0);
    peer->minor = (int)wire_get_integer(hello, "minor", 0);
    peer->agent = g_strdup(wire_get_string(hello, "agent", "?"));
    peer->node = g_strdup(wire_get_string(hello, "node", "?"));
    peer->user = g_strdup(wire_get_string(hello, "user", "?"));
    peer->role = g_strdup(wire_get_string(hello, "role", "?"));
    peer->peers = json_incref(json_object_get(hello, "peers"));
    return peer;
}

static void refuse_version(RpcClient *client, const RpcPeer *peer)
{
    g_autoptr(GError) error = NULL;
    gboolean agent_is_old = peer->major < WIRE_PROTOCOL_MAJOR;
    wire_error_set(&error, WIRE_ERROR_VERSION,
                   "gantryd %s on %s speaks protocol %d.%d, this gantry " GANTRY_VERSION
                   " speaks %d.%d: update %s",
                   peer->agent, client->name, peer->major, peer->minor, WIRE_PROTOCOL_MAJOR,
                   WIRE_PROTOCOL_MINOR, agent_is_old ? "the agent there" : "gantry here");
    close_with(client, error);
}

static void on_hello(const json_t *result, const GError *error, gpointer user)
{
    RpcClient *client = user;
    if (!client->channel)
        return; /* closed or freed: this answer is only the echo of that */
    if (error) {
        close_with(client, error);
        return;
    }
    RpcPeer *peer = peer_new(result);
    if (peer->major != WIRE_PROTOCOL_MAJOR) {
        refuse_version(client, peer);
        peer_free(peer);
        return;
    }
    client->peer = peer;
    for (char *line; (line = g_queue_pop_head(&client->early));)
        wire_channel_send_steal(client->channel, line);
    if (client->events.ready)
        client->events.ready(peer, client->user);
}

static gboolean on_deadline(gpointer user)
{
    Call *call = user;
    RpcClient *client = call->client;
    g_autoptr(GError) error = NULL;
    if (client->channel)
        wire_error_set(&error, WIRE_ERROR_TIMEOUT, "%s did not answer %s in time", client->name,
                       call->method);
    else
        wire_error_set(&error, WIRE_ERROR_UNREACHABLE, "%s: not connected to %s", call->method,
                       client->name);
    client->references++;
    answer(call, NULL, error);
    release(client);
    return G_SOURCE_REMOVE;
}

static Call *call_new(RpcClient *client, const char *method, guint deadline, RpcReply reply,
                      gpointer user)
{
    Call *call = g_new0(Call, 1);
    call->client = client;
    call->id = ++client->last_id;
    call->method = g_strdup(method);
    call->reply = reply;
    call->user = user;
    if (deadline) {
        call->deadline = g_timeout_source_new(deadline);
        g_source_set_callback(call->deadline, on_deadline, call, NULL);
        g_source_attach(call->deadline, client->context);
    }
    g_hash_table_insert(client->calls, &call->id, call);
    return call;
}

/* On a closed client: the answer comes at once from the main loop. */
static void fail_soon(Call *call)
{
    if (call->deadline) {
        g_source_destroy(call->deadline);
        g_source_unref(call->deadline);
    }
    call->deadline = g_idle_source_new();
    g_source_set_callback(call->deadline, on_deadline, call, NULL);
    g_source_attach(call->deadline, call->client->context);
}

gint64 rpc_call(RpcClient *client, const char *method, json_t *params, guint deadline,
                RpcReply reply, gpointer user)
{
    Call *call = call_new(client, method, deadline, reply, user);
    char *line = wire_message_request(call->id, method, params);
    gboolean hello = reply == on_hello;
    if (!client->channel) {
        free(line);
        fail_soon(call);
    } else if (hello || client->peer) {
        wire_channel_send_steal(client->channel, line);
    } else {
        g_queue_push_tail(&client->early, line);
    }
    return call->id;
}

void rpc_cancel(RpcClient *client, gint64 call)
{
    g_hash_table_remove(client->calls, &call);
}

RpcClient *rpc_client_new(int descriptor, const char *name, const RpcEvents *events,
                          gpointer user)
{
    static const WireChannelEvents channel_events = {.line = take_line, .closed = on_closed};
    RpcClient *client = g_new0(RpcClient, 1);
    client->references = 1;
    client->context = g_main_context_ref_thread_default();
    client->events = *events;
    client->user = user;
    client->name = g_strdup(name);
    client->calls = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, call_free);
    g_queue_init(&client->early);
    client->channel = wire_channel_new(descriptor, &channel_events, client);
    rpc_call(client, "hello",
             json_pack("{s:i,s:i,s:s}", "major", WIRE_PROTOCOL_MAJOR, "minor",
                       WIRE_PROTOCOL_MINOR, "client", "gantry " GANTRY_VERSION),
             HELLO_DEADLINE, on_hello, client);
    return client;
}

void rpc_client_free(RpcClient *client)
{
    if (!client || client->freed)
        return;
    client->freed = TRUE;
    client->events = (RpcEvents){0};
    g_clear_pointer(&client->channel, wire_channel_free);
    g_autoptr(GError) error = NULL;
    wire_error_set(&error, WIRE_ERROR_CANCELLED, "the connection to %s was closed",
                   client->name);
    answer_all(client, error);
    release(client);
}

const RpcPeer *rpc_client_peer(const RpcClient *client)
{
    return client->peer;
}
