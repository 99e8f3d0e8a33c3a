/* wire/error - the closed list of things that can go wrong.
 *
 * Every function of Gantry that can fail takes a GError ** and, on failure,
 * leaves its out-parameters untouched and sets an error of the domain
 * WIRE_ERROR. The code says what kind of failure it is (a program decides by
 * it), the message says what failed, on what, and what to do (a person acts by
 * it), and the field names the parameter at fault, or is NULL. The three cross
 * the wire as they are.
 *
 * Messages start with a lower-case letter and have no full stop, so that a
 * caller can put its own context before them with g_prefix_error().
 */
#pragma once

#include <glib.h>

typedef enum {
    WIRE_ERROR_FAILED,      /* the operation was tried and did not work */
    WIRE_ERROR_PARSE,       /* not JSON, or not a JSON-RPC message */
    WIRE_ERROR_METHOD,      /* no such method */
    WIRE_ERROR_PARAMS,      /* a parameter is unknown, missing or of the wrong type */
    WIRE_ERROR_NOT_ALLOWED, /* the caller's role does not permit this */
    WIRE_ERROR_NOT_FOUND,   /* the object does not exist (any more) */
    WIRE_ERROR_AMBIGUOUS,   /* a name fits more than one object */
    WIRE_ERROR_STATE,       /* the object's present state does not permit this */
    WIRE_ERROR_BUSY,        /* somebody else is at it: a lock, another task */
    WIRE_ERROR_CONFLICT,    /* the object changed since it was looked at */
    WIRE_ERROR_LIMIT,       /* a stated limit: size, count, rate */
    WIRE_ERROR_TIMEOUT,     /* no answer within the deadline */
    WIRE_ERROR_UNAVAILABLE, /* a component is absent or does not answer */
    WIRE_ERROR_UNREACHABLE, /* the node could not be reached */
    WIRE_ERROR_AUTH,        /* SSH refused the person, or the host key changed */
    WIRE_ERROR_CANCELLED,   /* somebody asked for it to stop */
    WIRE_ERROR_VERSION,     /* the peer speaks another major version */
    WIRE_ERROR_STORAGE,     /* state could not be written: disk full, read-only, corrupt */
    WIRE_ERROR_CONFIG,      /* a configuration file is wrong */
    WIRE_ERROR_INTERNAL,    /* a defect of Gantry */
    WIRE_ERROR_COUNT
} WireErrorCode;

#define WIRE_ERROR (wire_error_quark())
GQuark wire_error_quark(void);

/* Sets *error (which may be NULL, as with g_set_error). */
void wire_error_set(GError **error, WireErrorCode code, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The same, naming the parameter at fault. */
void wire_error_set_field(GError **error, WireErrorCode code, const char *field,
                          const char *format, ...) G_GNUC_PRINTF(4, 5);

/* The parameter at fault, or NULL. Owned by the error. */
const char *wire_error_field(const GError *error);

/* The code of any GError: errors of other domains (g-io-error and such) are
 * WIRE_ERROR_FAILED. */
WireErrorCode wire_error_code(const GError *error);

/* The code's name on the wire ("not-allowed"), and back; an unknown name, from
 * a newer peer, is WIRE_ERROR_FAILED. */
const char *wire_error_name(WireErrorCode code);
WireErrorCode wire_error_from_name(const char *name);

/* What it means, in a few words. */
const char *wire_error_help(WireErrorCode code);

/* The exit status of the command line for a code:
 * 1 failed, 2 usage, 3 not allowed, 4 not reachable, 5 not found. */
int wire_error_exit_status(WireErrorCode code);
