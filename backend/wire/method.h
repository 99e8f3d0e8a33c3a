/* wire/method - the table of methods: name, parameters, privilege, task or not.
 *
 * One row a method. The agent binds a handler to each row and checks every
 * request against it; the command line builds its arguments from it; the
 * manual page of the protocol is made from it. A unit test checks that every
 * row has a handler and every handler a row.
 *
 * A parameter that the row does not name is an error, as is one of another
 * type or outside its limits.
 */
#pragma once

#include "backend/wire/vocabulary.h"

#include <glib.h>
#include <jansson.h>

#define WIRE_STRING_MAX 65536 /* bytes of a string, where its row says no other limit */

typedef enum {
    WIRE_TYPE_STRING,  /* min and max are its length in bytes */
    WIRE_TYPE_INTEGER, /* min and max are its value */
    WIRE_TYPE_BOOLEAN,
    WIRE_TYPE_STRINGS, /* an array of strings, min and max are its length */
    WIRE_TYPE_GUEST,   /* a string: vm/100, 100 or a name that one guest has */
    WIRE_TYPE_TASK,    /* a string: a task's identifier */
} WireType;

typedef struct {
    const char *name;
    WireType type;
    bool required;
    gint64 min, max;     /* as above; both 0: the type's own limits */
    const char *choices; /* for a string: the words it may be, with | between */
    const char *help;
    bool secret;   /* its value is never put on record */
    bool verbatim; /* a list whose words may begin with a dash: a program's arguments */
} WireParameter;

typedef struct {
    const char *name;                /* noun.verb */
    WireRole role;                   /* the least role that may call it */
    bool task;                       /* answers {"task": id} and goes on as a task */
    bool audited;                    /* goes into the audit table (every change does) */
    const WireParameter *parameters; /* ended by one without a name; may be NULL */
    const char *help;
    const char *result; /* what comes back, in words */
    bool stored;        /* it changes the store: how often is limited for each user */
} WireMethod;

/* The rows, ended by one without a name. */
const WireMethod *wire_methods(void);
const WireMethod *wire_method_find(const char *name);

/* Checks params (an object) against the row. WIRE_ERROR_PARAMS with the field
 * and what was expected. */
gboolean wire_method_check(const WireMethod *method, const json_t *params, GError **error);

/* A parameter's type in words: "a whole number from 0 to 3600". Caller frees. */
char *wire_parameter_describe(const WireParameter *parameter);

/* Turns the text of a command-line argument into a value of the parameter's
 * type (a list is split at commas). WIRE_ERROR_PARAMS when it does not fit. */
json_t *wire_parameter_from_text(const WireParameter *parameter, const char *text,
                                 GError **error);
