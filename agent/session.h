/* session - one connection to the agent's socket, and the requests on it.
 *
 * A session begins with hello; until then nothing else is served, and one that
 * says nothing is closed after SESSION_HELLO_DEADLINE. After hello it has an
 * identity and a role. Requests are checked against the method table, authorised
 * and audited here, then handed to the method's handler, which answers at once
 * or later with request_answer() or request_fail(), exactly once. A session that
 * ends leaves its requests unanswered: their answers are dropped.
 *
 * Limits: SESSION_REQUESTS_MAX requests under way in a session; sessions in all
 * and per user by the configuration. Over a limit the answer is a "limit" error.
 */
#pragma once

#include "agent/identity.h"
#include "agent/inventory.h"
#include "backend/wire/message.h"
#include "backend/wire/method.h"

#define SESSION_HELLO_DEADLINE 10 /* seconds */
#define SESSION_REQUESTS_MAX   256

typedef struct Agent Agent;
typedef struct Session Session;

typedef struct {
    Agent *agent;
    Session *session; /* NULL once the session has ended */
    gint64 id;
    const WireMethod *method;
    json_t *params; /* checked; owned by the request */
    char *object;   /* what it is about (vm/100), for the audit; NULL: nothing yet */
    char *user;     /* who asks, also after the session has ended */
    uid_t uid;
    WireRole role;
} Request;

typedef void (*RequestHandler)(Request *request);

/* Answers and frees the request. result and error are stolen. */
void request_answer(Request *request, json_t *result);
/* With an object of one member, whose text (stolen) is JSON already. Not for
 * methods that are audited. */
void request_answer_list(Request *request, const char *member, GString *list);
void request_fail(Request *request, GError *error);
/* Either: with what a GError * function left. */
void request_finish(Request *request, json_t *result, GError *error);

typedef struct SessionTable SessionTable;

SessionTable *session_table_new(Agent *agent);
void session_table_free(SessionTable *table);
guint session_table_count(const SessionTable *table);
/* Takes the connected descriptor. */
void session_table_accept(SessionTable *table, int descriptor);

/* For watch.open and watch.close. Reserving and beginning are apart so that the
 * answer with the watch's number goes out before the watch's first piece. */
int session_reserve_watch(Session *session, GError **error); /* 0: too many */
void session_watch(Session *session, int number, unsigned kinds);
gboolean session_unwatch(Session *session, int number);
