/* Sessions and their table: the connection, and the watches on it. */
#include "agent/session_private.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WATCHES_MAX = 8 };

static void session_free(gpointer data)
{
    Session *session = data;
    for (guint i = 0; i < session->watches->len; i++)
        inventory_unwatch(session->table->agent->inventory,
                          g_array_index(session->watches, SessionWatch, i).watch);
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

void session_end(Session *session)
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

void session_refuse(Session *session, gint64 id, GError *error)
{
    wire_channel_send_steal(session->channel, wire_message_failure(id, error));
    g_error_free(error);
}

Request *session_request(Session *session, const WireMessage *message, const WireMethod *method)
{
    return request_new(session->table->agent, session, session->identity, session->uid, message,
                       method);
}

/* ---- the connection ---- */

static void on_line(const char *line, size_t length, gpointer user)
{
    Session *session = user;
    GError *error = NULL;
    g_autoptr(WireMessage) message = wire_message_parse(line, length, &error);
    if (!message) {
        session_refuse(session, 0, error);
        return;
    }
    if (message->kind != WIRE_REQUEST) {
        wire_error_set(&error, WIRE_ERROR_PARSE, "only requests are understood here");
        session_refuse(session, message->id, error);
        return;
    }
    if (session->identity)
        session_serve(session, message);
    else
        session_greet(session, message);
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
    session->watches = g_array_new(FALSE, FALSE, sizeof(SessionWatch));
    session->channel = wire_channel_new(descriptor, &events, session);
    session_expect_hello(session);
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
    SessionWatch watch = {.number = number};
    watch.watch = inventory_watch(session->table->agent->inventory, kinds, watch.number,
                                  &watcher, session);
    g_array_append_val(session->watches, watch);
}

gboolean session_unwatch(Session *session, int number)
{
    for (guint i = 0; i < session->watches->len; i++) {
        const SessionWatch *watch = &g_array_index(session->watches, SessionWatch, i);
        if (watch->number != number)
            continue;
        inventory_unwatch(session->table->agent->inventory, watch->watch);
        g_array_remove_index_fast(session->watches, i);
        return TRUE;
    }
    return FALSE;
}
