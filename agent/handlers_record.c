/* event.list, audit.list: what the local database remembers. */
#include "agent/agent.h"
#include "agent/cluster_audit.h"
#include "agent/handlers.h"
#include "agent/local/local.h"

enum { ROWS_DEFAULT = 200 };

static guint limit_of(const Request *request)
{
    return (guint)wire_get_integer(request->params, "limit", ROWS_DEFAULT);
}

static void answer_rows(Request *request, const char *name, json_t *rows, const GError *error)
{
    request_finish(request, error ? NULL : json_pack("{s:O}", name, rows),
                   error ? g_error_copy(error) : NULL);
}

static void on_events(json_t *rows, const GError *error, gpointer user)
{
    answer_rows(user, "events", rows, error);
}

static void on_audit(json_t *rows, const GError *error, gpointer user)
{
    const Request *request = user;
    g_autoptr(json_t) merged =
        error ? NULL : cluster_audit_merge(request->agent, rows, limit_of(request));
    answer_rows(user, "entries", merged, error);
}

static void serve_events(Request *request)
{
    local_event_list(request->agent->local, NULL, limit_of(request), on_events, request);
}

static void serve_audit(Request *request)
{
    local_audit_list(request->agent->local, NULL, limit_of(request), on_audit, request);
}

const HandlerRow handlers_record[] = {
    {"event.list", serve_events},
    {"audit.list", serve_audit},
    {NULL, NULL},
};
