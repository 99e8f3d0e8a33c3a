/* session.*, watch.*: what a session asks about itself. */
#include "agent/agent.h"
#include "agent/handlers.h"
#include "backend/wire/error.h"

static void serve_hello(Request *request)
{
    GError *error = NULL;
    wire_error_set(&error, WIRE_ERROR_STATE, "this session has said hello already");
    request_fail(request, error);
}

static void serve_ping(Request *request)
{
    request_answer(request, json_object());
}

static json_t *parameters_json(const WireParameter *parameters)
{
    json_t *list = json_array();
    for (const WireParameter *p = parameters; p && p->name; p++) {
        g_autofree char *expected = wire_parameter_describe(p);
        json_array_append_new(list, json_pack("{s:s,s:b,s:s,s:s}", "name", p->name, "required",
                                              p->required, "type", expected, "help", p->help));
    }
    return list;
}

static void serve_methods(Request *request)
{
    json_t *list = json_array();
    for (const WireMethod *method = wire_methods(); method->name; method++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:s,s:s,s:o}", "name", method->name,
                                              "role", wire_role_name(method->role), "task",
                                              method->task, "help", method->help, "result",
                                              method->result, "parameters",
                                              parameters_json(method->parameters)));
    request_answer(request, json_pack("{s:o}", "methods", list));
}

static gboolean read_kinds(const json_t *names, unsigned *kinds, GError **error)
{
    unsigned found = 0;
    size_t index;
    json_t *name;
    json_array_foreach(names, index, name)
    {
        ObjectKind kind;
        if (!object_kind_from_name(json_string_value(name), &kind)) {
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "kinds",
                                 "there is no kind of object '%s'", json_string_value(name));
            return FALSE;
        }
        found |= 1u << kind;
    }
    *kinds = found ? found : (1u << OBJECT_KIND_COUNT) - 1;
    return TRUE;
}

static void serve_watch_open(Request *request)
{
    GError *error = NULL;
    unsigned kinds;
    Session *session = request->session;
    int number = 0;
    if (read_kinds(json_object_get(request->params, "kinds"), &kinds, &error))
        number = session_reserve_watch(session, &error);
    if (!number) {
        request_fail(request, error);
        return;
    }
    request_answer(request, json_pack("{s:i}", "watch", number));
    session_watch(session, number, kinds);
}

static void serve_watch_close(Request *request)
{
    GError *error = NULL;
    int number = (int)wire_get_integer(request->params, "watch", 0);
    if (!session_unwatch(request->session, number))
        wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "watch", "there is no watch %d",
                             number);
    request_finish(request, error ? NULL : json_object(), error);
}

const HandlerRow handlers_session[] = {
    {"hello", serve_hello},
    {"session.ping", serve_ping},
    {"session.methods", serve_methods},
    {"watch.open", serve_watch_open},
    {"watch.close", serve_watch_close},
    {NULL, NULL},
};
