/* request - one call of a method, from its check to its answer.
 *
 * A handler gets a request whose parameters are checked and whose caller may call
 * the method, and owns it from then on: it answers at once or later, with
 * request_answer() or request_fail(), exactly once. What the method table marks as
 * audited leaves its trace there, also when the session has ended meanwhile and
 * nobody hears the answer.
 */
#pragma once

#include "agent/session.h"
#include "backend/wire/message.h"
#include "backend/wire/method.h"

typedef struct Request {
    Agent *agent;
    Session *session; /* NULL once the session has ended */
    gint64 id;
    const WireMethod *method;
    json_t *params; /* checked; owned by the request */
    char *object;   /* what it is about (vm/100), for the audit; NULL: nothing yet */
    char *user;     /* who asks, also after the session has ended */
    uid_t uid;
    WireRole role;
    char *peer; /* the node whose agent asks; NULL: a person */
} Request;

typedef void (*RequestHandler)(Request *request);

/* A request of a session: who is the session's identity, or NULL before hello. */
Request *request_new(Agent *agent, Session *session, const Identity *who, uid_t uid,
                     const WireMessage *message, const WireMethod *method);
/* Drops it without an answer, for one whose session has ended. */
void request_free(Request *request);

/* Answers and frees the request. result and error are stolen. */
void request_answer(Request *request, json_t *result);
/* With an object of one member, whose text (stolen) is JSON already. Not for
 * methods that are audited. */
void request_answer_list(Request *request, const char *member, GString *list);
void request_fail(Request *request, GError *error);
/* Either: with what a GError * function left. */
void request_finish(Request *request, json_t *result, GError *error);
