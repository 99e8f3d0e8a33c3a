/* command/table - which nouns and verbs there are. Pure data. */
#pragma once

#include "backend/wire/method.h"
#include "backend/wire/object.h"

typedef enum {
    COMMAND_LIST,  /* the result has an array: rows of a table, of all targets together */
    COMMAND_SAME,  /* a list that is the same at all nodes of a cluster: one of them is asked */
    COMMAND_SHOW,  /* the result is one object: a field a line */
    COMMAND_ACT,   /* nothing to show, or a task to wait for */
    COMMAND_TEXT,  /* the result has a text: printed as it is */
    COMMAND_LINES, /* the result has lines */
    COMMAND_CONSOLE, /* a stream on the terminal */
    COMMAND_EXEC,    /* a stream and an exit status */
    COMMAND_LOG,     /* a task's log, followed with -f */
    COMMAND_CLUSTER_STATUS,
    COMMAND_CLUSTER_JOIN, /* over the member's session and one to each joiner */
    COMMAND_CLUSTER_DEVICE,
    COMMAND_CLUSTER_ADDRESS,
    COMMAND_CLUSTER_LINK,
    COMMAND_CLUSTER_RENAME,
    COMMAND_CONSOLE_SETTINGS,
    COMMAND_CLUSTER_SETTINGS, /* without arguments: shows them */
    COMMAND_GUEST_MIGRATE,    /* a plan for each, then each */
    COMMAND_GUEST_NOTES,
    COMMAND_NODE_DRAIN, /* and undrain */
    COMMAND_EVENTS,     /* what happens, until interrupted */
    COMMAND_API,
    COMMAND_WHOAMI,
} CommandKind;

typedef struct {
    const char *key;
    const char *heading;
    enum { AS_TEXT, AS_BYTES, AS_RATE, AS_PERCENT, AS_WHEN, AS_SINCE, AS_YES } as;
} CommandColumn;

typedef struct {
    const char *noun;
    const char *verb; /* NULL: the noun stands alone */
    CommandKind kind;
    const char *method;
    const char *key; /* of the array or text in the result */
    const CommandColumn *columns;
    ObjectKind object;     /* of a list or a show: for units */
    const char *help;      /* NULL: the method's */
    const WireMethod *own; /* of a command that is several methods: its parameters */
} Command;

/* Ended by one without a noun. */
const Command *command_table(void);
/* The row of its method, or its own; NULL when it has neither. */
const WireMethod *command_method(const Command *command);
/* NULL when there is none. verb may be NULL. */
const Command *command_find(const char *noun, const char *verb);
