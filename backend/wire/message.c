#include "backend/wire/message.h"

#include "backend/wire/error.h"

#include <string.h>

/* jansson has no depth limit of ours to set, so depth is counted beforehand. */
static gboolean depth_is_sane(const char *line, size_t length)
{
    int depth = 0;
    gboolean in_string = FALSE;
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = FALSE;
        } else if (c == '"') {
            in_string = TRUE;
        } else if (c == '{' || c == '[') {
            if (++depth > WIRE_DEPTH_MAX)
                return FALSE;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return TRUE;
}

static GError *failure_from_json(const json_t *error)
{
    const json_t *data = json_object_get(error, "data");
    const char *message = wire_get_string(error, "message", "the agent reported an error");
    GError *made = NULL;
    wire_error_set_field(&made, wire_error_from_name(wire_get_string(data, "code", "failed")),
                         wire_get_string(data, "field", NULL), "%s", message);
    return made;
}

static gboolean classify(WireMessage *message, GError **error)
{
    json_t *root = message->root;
    const json_t *id = json_object_get(root, "id");
    json_t *result = json_object_get(root, "result");
    json_t *failure = json_object_get(root, "error");

    if (!json_is_object(root) ||
        g_strcmp0(wire_get_string(root, "jsonrpc", NULL), "2.0") != 0) {
        wire_error_set(error, WIRE_ERROR_PARSE, "not a JSON-RPC 2.0 message");
        return FALSE;
    }
    if (id && !json_is_null(id) && (!json_is_integer(id) || json_integer_value(id) <= 0)) {
        wire_error_set_field(error, WIRE_ERROR_PARSE, "id", "the id is not a positive integer");
        return FALSE;
    }
    message->id = json_is_integer(id) ? json_integer_value(id) : 0;
    message->method = wire_get_string(root, "method", NULL);
    if (message->method) {
        message->params = json_object_get(root, "params");
        if (!message->params) {
            message->params = json_object();
            json_object_set_new(root, "params", message->params);
        }
        if (!json_is_object(message->params)) {
            wire_error_set_field(error, WIRE_ERROR_PARSE, "params", "params is not an object");
            return FALSE;
        }
        message->kind = message->id ? WIRE_REQUEST : WIRE_NOTIFICATION;
    } else if (json_is_object(failure)) {
        message->kind = WIRE_FAILURE;
        message->error = failure_from_json(failure);
    } else if (result && message->id) {
        message->kind = WIRE_RESPONSE;
        message->result = result;
    } else {
        wire_error_set(error, WIRE_ERROR_PARSE,
                       "neither a request nor a response: no method, result or error");
        return FALSE;
    }
    return TRUE;
}

WireMessage *wire_message_parse(const char *line, size_t length, GError **error)
{
    if (length > WIRE_MESSAGE_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "a message is larger than %u MiB",
                       WIRE_MESSAGE_MAX >> 20);
        return NULL;
    }
    if (!depth_is_sane(line, length)) {
        wire_error_set(error, WIRE_ERROR_PARSE, "a message is nested deeper than %d",
                       WIRE_DEPTH_MAX);
        return NULL;
    }
    json_error_t where;
    g_autoptr(WireMessage) message = g_new0(WireMessage, 1);
    message->root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
    if (!message->root) {
        wire_error_set(error, WIRE_ERROR_PARSE, "not JSON: %s at byte %d", where.text,
                       where.position);
        return NULL;
    }
    if (!classify(message, error))
        return NULL;
    return g_steal_pointer(&message);
}

void wire_message_free(WireMessage *message)
{
    if (!message)
        return;
    json_decref(message->root);
    g_clear_error(&message->error);
    g_free(message);
}

static char *dump_and_release(json_t *root)
{
    char *line = json_dumps(root, WIRE_DUMP);
    json_decref(root);
    return line;
}

static json_t *envelope(gint64 id)
{
    json_t *root = json_object();
    json_object_set_new(root, "jsonrpc", json_string("2.0"));
    if (id)
        json_object_set_new(root, "id", json_integer(id));
    return root;
}

char *wire_message_request(gint64 id, const char *method, json_t *params)
{
    json_t *root = envelope(id);
    json_object_set_new(root, "method", json_string(method));
    json_object_set_new(root, "params", params ? params : json_object());
    return dump_and_release(root);
}

char *wire_message_notification(const char *method, json_t *params)
{
    return wire_message_request(0, method, params);
}

char *wire_message_response(gint64 id, json_t *result)
{
    json_t *root = envelope(id);
    json_object_set_new(root, "result", result ? result : json_null());
    return dump_and_release(root);
}

/* The numbers that JSON-RPC reserves; everything of ours is -32000. */
static int rpc_number(WireErrorCode code)
{
    switch (code) {
    case WIRE_ERROR_PARSE:
        return -32700;
    case WIRE_ERROR_METHOD:
        return -32601;
    case WIRE_ERROR_PARAMS:
        return -32602;
    case WIRE_ERROR_INTERNAL:
        return -32603;
    default:
        return -32000;
    }
}

char *wire_message_failure(gint64 id, const GError *error)
{
    WireErrorCode code = wire_error_code(error);
    json_t *data = json_object();
    json_object_set_new(data, "code", json_string(wire_error_name(code)));
    if (wire_error_field(error))
        json_object_set_new(data, "field", wire_string(wire_error_field(error)));
    json_t *failure = json_object();
    json_object_set_new(failure, "code", json_integer(rpc_number(code)));
    json_object_set_new(failure, "message", wire_string(error->message));
    json_object_set_new(failure, "data", data);

    json_t *root = envelope(id);
    if (!id)
        json_object_set_new(root, "id", json_null());
    json_object_set_new(root, "error", failure);
    return dump_and_release(root);
}

const char *wire_get_string(const json_t *object, const char *key, const char *fallback)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : fallback;
}

gint64 wire_get_integer(const json_t *object, const char *key, gint64 fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double wire_get_number(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

gboolean wire_get_boolean(const json_t *object, const char *key, gboolean fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

json_t *wire_string(const char *text)
{
    if (!text)
        return json_null();
    json_t *value = json_string(text);
    if (value)
        return value;
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}
