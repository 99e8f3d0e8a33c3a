/* wire/message - JSON-RPC 2.0 messages: what stands on one line of the wire.
 *
 * One message a line, UTF-8, no raw newline inside, at most WIRE_MESSAGE_MAX
 * bytes. Three shapes:
 *   request       {"jsonrpc":"2.0","id":N,"method":M,"params":{...}}
 *   notification  the same without an id (agent to console only)
 *   response      {"jsonrpc":"2.0","id":N,"result":X} or
 *                 {..., "error":{"code":I,"message":S,"data":{"code":NAME,"field":F}}}
 * params is always an object. Ids are positive integers chosen by the asker.
 *
 * The first request of a session is "hello". See gantry-protocol(7).
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#define WIRE_MESSAGE_MAX (16u << 20)
#define WIRE_DEPTH_MAX   32 /* nesting that a message may have */

/* Version of the protocol: another major is refused, a newer minor is served. */
#define WIRE_PROTOCOL_MAJOR 1
#define WIRE_PROTOCOL_MINOR 0

typedef enum { WIRE_REQUEST, WIRE_NOTIFICATION, WIRE_RESPONSE, WIRE_FAILURE } WireMessageKind;

typedef struct {
    WireMessageKind kind;
    gint64 id;          /* 0 in a notification */
    const char *method; /* owned by root */
    json_t *params;     /* borrowed from root; never NULL in a request or notification */
    json_t *result;     /* borrowed from root, in a response */
    GError *error;      /* in a failure: what the peer reported */
    json_t *root;
} WireMessage;

/* Parses one line. WIRE_ERROR_PARSE when it is not a message. */
WireMessage *wire_message_parse(const char *line, size_t length, GError **error);
void wire_message_free(WireMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireMessage, wire_message_free)

/* Each returns a new line without the newline, to be freed with free(), and
 * steals params or result (which may be NULL for {} or null). */
char *wire_message_request(gint64 id, const char *method, json_t *params);
char *wire_message_notification(const char *method, json_t *params);
char *wire_message_response(gint64 id, json_t *result);
char *wire_message_failure(gint64 id, const GError *error);

/* jansson's reference, for g_autoptr: g_autoptr(json_t) value = json_object(); */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/* Member access that forgives: the fallback when absent or of another type. */
const char *wire_get_string(const json_t *object, const char *key, const char *fallback);
gint64 wire_get_integer(const json_t *object, const char *key, gint64 fallback);
double wire_get_number(const json_t *object, const char *key, double fallback);
gboolean wire_get_boolean(const json_t *object, const char *key, gboolean fallback);

/* How values are written everywhere: compact, and numbers to 15 digits, so that 0.1
 * is 0.1 and a time keeps its microseconds. */
#define WIRE_DUMP (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* A string from outside (a guest's name, a kernel's word) as JSON: bytes that
 * are not UTF-8 become U+FFFD, never a failure. */
json_t *wire_string(const char *text);
