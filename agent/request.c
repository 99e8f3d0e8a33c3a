#include "agent/request.h"

#include "agent/audit.h"

Request *request_new(Agent *agent, Session *session, const Identity *who, uid_t uid,
                     const WireMessage *message, const WireMethod *method)
{
    Request *request = g_new0(Request, 1);
    request->agent = agent;
    request->session = session;
    request->id = message->id;
    request->method = method;
    request->params = json_incref(message->params);
    request->uid = uid;
    if (who) {
        request->user = g_strdup(who->user);
        request->role = who->role;
        request->peer = g_strdup(who->peer);
    }
    session_add_request(session, request);
    return request;
}

void request_free(Request *request)
{
    if (request->session)
        session_forget_request(request->session, request);
    json_decref(request->params);
    g_free(request->object);
    g_free(request->user);
    g_free(request->peer);
    g_free(request);
}

void request_answer(Request *request, json_t *result)
{
    if (request->method->audited)
        audit_record(request, result, NULL);
    if (request->session)
        session_send(request->session, wire_message_response(request->id, result));
    else
        json_decref(result);
    request_free(request);
}

void request_answer_list(Request *request, const char *member, GString *list)
{
    if (request->session) {
        g_autofree char *head = g_strdup_printf(
            "{\"jsonrpc\":\"2.0\",\"id\":%" G_GINT64_FORMAT ",\"result\":{\"%s\":", request->id,
            member);
        g_string_prepend(list, head);
        g_string_append(list, "}}");
        session_send(request->session, g_string_free(list, FALSE));
    } else {
        g_string_free(list, TRUE);
    }
    request_free(request);
}

void request_fail(Request *request, GError *error)
{
    if (request->method->audited)
        audit_record(request, NULL, error);
    if (request->session)
        session_send(request->session, wire_message_failure(request->id, error));
    g_error_free(error);
    request_free(request);
}

void request_finish(Request *request, json_t *result, GError *error)
{
    if (error)
        request_fail(request, error);
    else
        request_answer(request, result);
}
