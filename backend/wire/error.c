#include "backend/wire/error.h"

typedef struct {
    char *field;
} WireErrorPrivate;

static void wire_error_private_init(WireErrorPrivate *private)
{
    private->field = NULL;
}

static void wire_error_private_copy(const WireErrorPrivate *from, WireErrorPrivate *to)
{
    to->field = g_strdup(from->field);
}

static void wire_error_private_clear(WireErrorPrivate *private)
{
    g_clear_pointer(&private->field, g_free);
}

G_DEFINE_EXTENDED_ERROR(WireError, wire_error)

static const struct {
    const char *name;
    int exit_status;
    const char *help;
} codes[WIRE_ERROR_COUNT] = {
    [WIRE_ERROR_FAILED] = {"failed", 1, "it was tried and did not work"},
    [WIRE_ERROR_PARSE] = {"parse", 1, "not JSON, or not a JSON-RPC message"},
    [WIRE_ERROR_METHOD] = {"method", 2, "there is no such method"},
    [WIRE_ERROR_PARAMS] =
        {"params", 2,
         "a parameter is unknown, missing, of the wrong type or outside its limits"},
    [WIRE_ERROR_NOT_ALLOWED] = {"not-allowed", 3, "the caller's role does not permit this"},
    [WIRE_ERROR_NOT_FOUND] = {"not-found", 5, "the object does not exist, or not any more"},
    [WIRE_ERROR_AMBIGUOUS] = {"ambiguous", 5, "a name fits more than one object"},
    [WIRE_ERROR_STATE] = {"state", 1, "the object's present state does not permit this"},
    [WIRE_ERROR_BUSY] = {"busy", 1, "somebody else is at it"},
    [WIRE_ERROR_CONFLICT] = {"conflict", 1, "the object changed since it was looked at"},
    [WIRE_ERROR_LIMIT] = {"limit", 1, "a stated limit of size, count or rate"},
    [WIRE_ERROR_TIMEOUT] = {"timeout", 1, "no answer within the deadline"},
    [WIRE_ERROR_UNAVAILABLE] = {"unavailable", 1, "a component is absent or does not answer"},
    [WIRE_ERROR_UNREACHABLE] = {"unreachable", 4, "the node could not be reached"},
    [WIRE_ERROR_AUTH] = {"auth", 4, "SSH refused the person, or the host key changed"},
    [WIRE_ERROR_CANCELLED] = {"cancelled", 1, "somebody asked for it to stop"},
    [WIRE_ERROR_VERSION] = {"version", 4, "the peer speaks another major version"},
    [WIRE_ERROR_STORAGE] = {"storage", 1,
                            "state could not be written: disk full, read-only, damaged"},
    [WIRE_ERROR_CONFIG] = {"config", 2, "a configuration file is wrong"},
    [WIRE_ERROR_INTERNAL] = {"internal", 1, "a defect of Gantry"},
};

G_GNUC_PRINTF(4, 0)
static void set_error(GError **error, WireErrorCode code, const char *field, const char *format,
                      va_list arguments)
{
    if (!error)
        return;
    GError *made = g_error_new_valist(WIRE_ERROR, (int)code, format, arguments);
    wire_error_get_private(made)->field = g_strdup(field);
    g_propagate_error(error, made);
}

void wire_error_set(GError **error, WireErrorCode code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_error(error, code, NULL, format, arguments);
    va_end(arguments);
}

void wire_error_set_field(GError **error, WireErrorCode code, const char *field,
                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_error(error, code, field, format, arguments);
    va_end(arguments);
}

const char *wire_error_field(const GError *error)
{
    return error && error->domain == WIRE_ERROR ? wire_error_get_private(error)->field : NULL;
}

WireErrorCode wire_error_code(const GError *error)
{
    if (!error || error->domain != WIRE_ERROR || error->code < 0 ||
        error->code >= WIRE_ERROR_COUNT)
        return WIRE_ERROR_FAILED;
    return (WireErrorCode)error->code;
}

const char *wire_error_name(WireErrorCode code)
{
    return (int)code >= 0 && code < WIRE_ERROR_COUNT ? codes[code].name : "failed";
}

WireErrorCode wire_error_from_name(const char *name)
{
    for (int i = 0; name && i < WIRE_ERROR_COUNT; i++)
        if (g_str_equal(codes[i].name, name))
            return (WireErrorCode)i;
    return WIRE_ERROR_FAILED;
}

const char *wire_error_help(WireErrorCode code)
{
    return (int)code >= 0 && code < WIRE_ERROR_COUNT ? codes[code].help : "";
}

int wire_error_exit_status(WireErrorCode code)
{
    return (int)code >= 0 && code < WIRE_ERROR_COUNT ? codes[code].exit_status : 1;
}
