/* session - one connection to the agent's socket, and the requests on it.
 *
 * A session begins with hello; until then nothing else is served, and one that
 * says nothing is closed after SESSION_HELLO_DEADLINE. After hello it has an
 * identity and a role. Requests (request.h) are checked against the method table
 * and authorised here, then handed to the method's handler. A session that ends
 * leaves its requests unanswered: their answers are dropped.
 *
 * Limits: SESSION_REQUESTS_MAX requests under way in a session; sessions in all
 * and per user by the configuration. Over a limit the answer is a "limit" error.
 */
#pragma once

#include "agent/identity.h"
#include "agent/inventory.h"

#include <jansson.h>

#define SESSION_HELLO_DEADLINE 10 /* seconds */
#define SESSION_REQUESTS_MAX   256

typedef struct Agent Agent;
typedef struct Session Session;
struct Request;

typedef struct SessionTable SessionTable;

SessionTable *session_table_new(Agent *agent);
void session_table_free(SessionTable *table);
guint session_table_count(const SessionTable *table);
/* Takes the connected descriptor. */
void session_table_accept(SessionTable *table, int descriptor);

/* The role of its identity, by gantryd.yaml and the store (roles.h), as it is now; and as it
 * would be without that document of the store. */
WireRole session_role_without(const Session *session, const char *path);

/* A line for the peer; takes what wire_message_*() made. */
void session_send(Session *session, char *line);
/* Requests under way: the session forgets those that were answered, and takes
 * itself out of those that it leaves behind. */
void session_add_request(Session *session, struct Request *request);
void session_forget_request(Session *session, struct Request *request);

/* For watch.open and watch.close. Reserving and beginning are apart so that the
 * answer with the watch's number goes out before the watch's first piece. */
int session_reserve_watch(Session *session, GError **error); /* 0: too many */
void session_watch(Session *session, int number, unsigned kinds);
gboolean session_unwatch(Session *session, int number);
