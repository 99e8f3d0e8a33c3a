#include "agent/session.h"

#include "agent/agent.h"
#include "agent/handlers.h"
#include "agent/inventory.h"
#include "agent/rate.h"
#include "agent/request.h"
#include "agent/roles.h"
#include "agent/stream.h"
#include "backend/wire/channel.h"
#include "backend/wire/error.h"
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    int number;
    InventoryWatch *watch;
} Watch;

enum { WATCHES_MAX = 8, IDENTITY_DEADLINE = 5000 };

struct Session {
    SessionTable *table;
    WireChannel *channel;
    Identity *identity; /* NULL until hello was answered */
    uid_t uid;
    pid_t pid;
    gboolean greeted; /* hello came; its answer may still be under way */
    guint hello_deadline;
    GPtrArray *requests; /* under way */
    GArray *watches;     /* of Watch */
    int watch_number;
};

struct SessionTable {
    Agent *agent;
    GPtrArray *sessions;
    RateTable *changes; /* of the store, by user */
};

static void session_free(gpointer data)
{
    Session *session = data;
    for (guint i = 0; i < session->watches->len; i++)
        inventory_unwatch(session->table->agent->inventory,
                          g_array_index(session->watches, Watch, i).watch);
    for (guint i = 0; i < session->requests->len; i++)
        ((Request *)session->requests->pdata[i])->session = NULL;
    if (session->hello_deadline)
        g_source_remove(session->hello_deadline);
    g_ptr_array_unref(session->requests);
    g_array_unref(session->watches);
    wire_channel_free(session->channel);
    identity_free(session->identity);
    g_free(session);
}

static void session_end(Session *session)
{
    g_ptr_array_remove(session->table->sessions, session);
}

/* ---- requests ---- */

void session_send(Session *session, char *line)
{
    wire_channel_send_steal(session->channel, line);
}

void session_add_request(Session *session, Request *request)
{
    g_ptr_array_add(session->requests, request);
}

void session_forget_request(Session *session, Request *request)
{
    g_ptr_array_remove(session->requests, request);
}

static void refuse(Session *session, gint64 id, GError *error)
{
    wire_channel_send_steal(session->channel, wire_message_failure(id, error));
    g_error_free(error);
}

static Request *new_request(Session *session, const WireMessage *message,
                            const WireMethod *method)
{
    return request_new(session->table->agent, session, session->identity, session->uid, message,
                       method);
}

static gboolean may_call(const Session *session, const WireMethod *method, GError **error)
{
    if (wire_role_permits(session->identity->role, method->role))
        return TRUE;
    if (method->role == WIRE_ROLE_PEER || session->identity->role == WIRE_ROLE_PEER)
        wire_error_set(error, WIRE_ERROR_NOT_ALLOWED,
                       method->role == WIRE_ROLE_PEER ? "%s is for the agents of other nodes"
                                                      : "%s is not for agents of other nodes",
                       method->name);
    else
        wire_error_set(
            error, WIRE_ERROR_NOT_ALLOWED,
            "%s needs the role %s, %s is %s on %s: ask an administrator to add the user "
            "to a role in gantryd.yaml",
            method->name, wire_role_name(method->role), session->identity->user,
            wire_role_name(session->identity->role), session->table->agent->node);
    return FALSE;
}

/* Other agents do only what some person asked for there. */
static gboolean may_change_again(const Session *session, const WireMethod *method,
                                 GError **error)
{
    const AgentConfig *config = session->table->agent->config;
    const RateLimit limit = {config->session_changes, config->session_changes_at_once};
    gint64 wait;
    if (!method->stored || session->identity->role == WIRE_ROLE_PEER ||
        rate_take(session->table->changes, session->uid, &limit, g_get_monotonic_time(), &wait))
        return TRUE;
    wire_error_set(
        error, WIRE_ERROR_LIMIT,
        "%s makes too many changes on %s: %u a second, %u at once (sessions.changes in "
        "gantryd.yaml); try again in %.2f s",
        session->identity->user, session->table->agent->node, limit.rate, limit.burst,
        (double)wait / G_USEC_PER_SEC);
    return FALSE;
}

static WireRole role_now(const Session *session, const Identity *identity, const char *without)
{
    if (identity->role == WIRE_ROLE_PEER)
        return WIRE_ROLE_PEER;
    const Agent *agent = session->table->agent;
    return MAX(identity_role(identity, agent->config),
               roles_find(agent->store, identity, without));
}

WireRole session_role_without(const Session *session, const char *path)
{
    return session->identity ? role_now(session, session->identity, path) : WIRE_ROLE_NONE;
}

static void serve(Session *session, const WireMessage *message)
{
    GError *error = NULL;
    const WireMethod *method = wire_method_find(message->method);
    RequestHandler handler = method ? handlers_find(method->name) : NULL;
    if (!handler) {
        wire_error_set_field(&error, WIRE_ERROR_METHOD, "method", "there is no method '%s'",
                             message->method);
        refuse(session, message->id, error);
        return;
    }
    if (session->requests->len >= SESSION_REQUESTS_MAX) {
        wire_error_set(&error, WIRE_ERROR_LIMIT,
                       "%d requests of this session are under way, wait for one to end",
                       SESSION_REQUESTS_MAX);
        refuse(session, message->id, error);
        return;
    }
    /* The role first: who may not call a method learns nothing about it. */
    session->identity->role = role_now(session, session->identity, NULL);
    Request *request = new_request(session, message, method);
    if (!may_call(session, method, &error) ||
        !wire_method_check(method, message->params, &error) ||
        !may_change_again(session, method, &error)) {
        request_fail(request, error);
        return;
    }
    handler(request);
}

/* ---- hello ---- */

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
        refuse(session, id, error);
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

static void expect_hello(Session *session)
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
        expect_hello(session);
        request_fail(hello, g_error_copy(failure));
        return;
    }
    if (!speak_for_peer(identity, session->table->agent->node, hello->params, &error)) {
        expect_hello(session);
        request_fail(hello, error);
        return;
    }
    identity->role = role_now(session, identity, NULL);
    if (identity->role == WIRE_ROLE_NONE) {
        wire_error_set(&error, WIRE_ERROR_NOT_ALLOWED,
                       "%s has no role on %s: ask an administrator to give the user or one of "
                       "its groups one, with gantry role set or in gantryd.yaml",
                       identity->user, session->table->agent->node);
        expect_hello(session);
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

static void greet(Session *session, const WireMessage *message)
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
        refuse(session, message->id, error);
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
                               .user = new_request(session, message, hello)});
}

/* ---- the connection ---- */

static void on_line(const char *line, size_t length, gpointer user)
{
    Session *session = user;
    GError *error = NULL;
    g_autoptr(WireMessage) message = wire_message_parse(line, length, &error);
    if (!message) {
        refuse(session, 0, error);
        return;
    }
    if (message->kind != WIRE_REQUEST) {
        wire_error_set(&error, WIRE_ERROR_PARSE, "only requests are understood here");
        refuse(session, message->id, error);
        return;
    }
    if (session->identity)
        serve(session, message);
    else
        greet(session, message);
}

static void on_closed(const GError *error, gpointer user)
{
    Session *session = user;
    if (error) {
        g_info("session of uid %u closed: %s", (unsigned)session->uid, error->message);
        wire_channel_send_last(session->channel, wire_message_failure(0, error));
    }
    session_end(session);
}

static guint sessions_of(const SessionTable *table, uid_t uid)
{
    guint count = 0;
    for (guint i = 0; i < table->sessions->len; i++)
        count += ((const Session *)table->sessions->pdata[i])->uid == uid;
    return count;
}

static gboolean has_room(const SessionTable *table, uid_t uid, GError **error)
{
    const AgentConfig *config = table->agent->config;
    if (table->sessions->len >= config->session_max) {
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "%u sessions are open on %s, which is the limit (sessions.max)",
                       table->sessions->len, table->agent->node);
        return FALSE;
    }
    if (uid != 0 && sessions_of(table, uid) >= config->session_max_per_user) {
        wire_error_set(error, WIRE_ERROR_LIMIT,
                       "this user has %u sessions open on %s, which is the limit "
                       "(sessions.max_per_user)",
                       config->session_max_per_user, table->agent->node);
        return FALSE;
    }
    return TRUE;
}

/* Says why and hangs up; the little that is sent fits any socket's buffer. */
static void turn_away(int descriptor, GError *error)
{
    char *line = wire_message_failure(0, error);
    struct iovec parts[] = {{line, strlen(line)}, {(char[]){'\n'}, 1}};
    if (writev(descriptor, parts, 2) < 0)
        g_info("could not tell a peer that it was turned away: %s", g_strerror(errno));
    free(line);
    g_error_free(error);
    close(descriptor);
}

void session_table_accept(SessionTable *table, int descriptor)
{
    static const WireChannelEvents events = {on_line, on_closed};
    GError *error = NULL;
    uid_t uid;
    pid_t pid;
    if (identity_peer(descriptor, &uid, &pid) < 0) {
        close(descriptor);
        return;
    }
    if (!has_room(table, uid, &error)) {
        turn_away(descriptor, error);
        return;
    }
    Session *session = g_new0(Session, 1);
    session->table = table;
    session->uid = uid;
    session->pid = pid;
    session->requests = g_ptr_array_new();
    session->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
    session->channel = wire_channel_new(descriptor, &events, session);
    expect_hello(session);
    g_ptr_array_add(table->sessions, session);
}

SessionTable *session_table_new(Agent *agent)
{
    SessionTable *table = g_new0(SessionTable, 1);
    table->agent = agent;
    table->sessions = g_ptr_array_new_with_free_func(session_free);
    table->changes = rate_table_new();
    return table;
}

void session_table_free(SessionTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->sessions);
    rate_table_free(table->changes);
    g_free(table);
}

guint session_table_count(const SessionTable *table)
{
    return table->sessions->len;
}

/* ---- watches ---- */

static void watch_send(const char *line, size_t length, gpointer user)
{
    wire_channel_send(((Session *)user)->channel, line, length);
}

static size_t watch_backlog(gpointer user)
{
    return wire_channel_backlog(((Session *)user)->channel);
}

int session_reserve_watch(Session *session, GError **error)
{
    if (session->watches->len >= WATCHES_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "a session can have %d watches", WATCHES_MAX);
        return 0;
    }
    return ++session->watch_number;
}

void session_watch(Session *session, int number, unsigned kinds)
{
    static const InventoryWatcher watcher = {watch_send, watch_backlog};
    Watch watch = {.number = number};
    watch.watch = inventory_watch(session->table->agent->inventory, kinds, watch.number,
                                  &watcher, session);
    g_array_append_val(session->watches, watch);
}

gboolean session_unwatch(Session *session, int number)
{
    for (guint i = 0; i < session->watches->len; i++) {
        const Watch *watch = &g_array_index(session->watches, Watch, i);
        if (watch->number != number)
            continue;
        inventory_unwatch(session->table->agent->inventory, watch->watch);
        g_array_remove_index_fast(session->watches, i);
        return TRUE;
    }
    return FALSE;
}
