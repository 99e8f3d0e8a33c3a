/* session_private - what the parts of session.h share: the connection and the table of sessions
 * (session.c), hello (session_hello.c), and requests (session_serve.c).
 */
#pragma once

#include "agent/agent.h"
#include "agent/rate.h"
#include "agent/request.h"
#include "agent/session.h"
#include "backend/wire/channel.h"

typedef struct {
    int number;
    InventoryWatch *watch;
} SessionWatch;

struct Session {
    SessionTable *table;
    WireChannel *channel;
    Identity *identity; /* NULL until hello was answered */
    uid_t uid;
    pid_t pid;
    gboolean greeted; /* hello came; its answer may still be under way */
    guint hello_deadline;
    GPtrArray *requests; /* under way */
    GArray *watches;     /* of SessionWatch */
    int watch_number;
};

struct SessionTable {
    Agent *agent;
    GPtrArray *sessions;
    RateTable *changes; /* of the store, by user */
};

/* ---- session.c ---- */

/* Closes and frees it. */
void session_end(Session *session);
/* Takes the error. */
void session_refuse(Session *session, gint64 id, GError *error);
/* A request that counts as under way until it is answered. */
Request *session_request(Session *session, const WireMessage *message,
                         const WireMethod *method);

/* ---- session_hello.c ---- */

/* Ends the session unless hello comes in time. */
void session_expect_hello(Session *session);
/* A request before hello was answered, which must be hello itself. May end the session later,
 * not at once. */
void session_greet(Session *session, const WireMessage *message);

/* ---- session_serve.c ---- */

/* A role by what gantryd.yaml and the store say now; without: see session_role_without(). */
WireRole session_role_now(const Session *session, const Identity *identity,
                          const char *without);
void session_serve(Session *session, const WireMessage *message);
