/* conf/schema - what a configuration file may hold, as constant tables.
 *
 * A table is an array of ConfEntry ended by one without a name. Checking a tree
 * (conf/yaml.h) against it refuses, with file, line and column, a key that the
 * table does not name, one that is missing, a value of another kind or outside
 * its limits; and it fills in the defaults. After that the getters below can't
 * fail: asking for a key that the table does not have is a defect of Gantry and
 * aborts.
 *
 *     static const ConfEntry tasks[] = {
 *         {"parallel", CONF_INTEGER, .min = 1, .max = 64, .fallback = "4",
 *          .help = "tasks that run at once"},
 *         {NULL}};
 */
#pragma once

#include "conf/yaml.h"

#include <stdbool.h>

typedef enum {
    CONF_STRING,  /* min and max are its length in bytes (0 and 0: 1 to 1024) */
    CONF_INTEGER, /* min and max are its value */
    CONF_BOOLEAN, /* true, false, yes, no, on, off */
    CONF_CHOICE,  /* one of choices; its value is the index */
    CONF_LIST,    /* min and max are its length (max 0: 1024), item its kind */
    CONF_MAPPING, /* the keys of members */
    CONF_TABLE,   /* any key, each value of the kind of item */
} ConfType;

typedef struct ConfEntry ConfEntry;
struct ConfEntry {
    const char *name;
    ConfType type;
    bool required;
    gint64 min, max;
    const char *choices;      /* with | between: "auto|8|16" */
    const char *fallback;     /* when it is not given; of a list: with commas between */
    const ConfEntry *members; /* of a mapping */
    const ConfEntry *item;    /* of a list or table: one entry, its name is not used */
    /* For a string, or the keys of a table: false when it is not well formed;
     * expected then says in words what was. */
    bool (*check)(const char *text);
    const char *expected;
    const char *help; /* what it is for, one line */
};

/* Checks a tree that must be a mapping with these members, and completes it. */
gboolean conf_schema_apply(ConfNode *root, const ConfEntry *members, GError **error);

/* Kind and limits in words: "a whole number from 1 to 64". Caller frees. */
char *conf_entry_describe(const ConfEntry *entry);

/* The member of a checked mapping. Never NULL; given is FALSE for a default. */
const ConfNode *conf_member(const ConfNode *mapping, const char *key);
/* The text of a string or choice, NULL when neither given nor defaulted. */
const char *conf_string(const ConfNode *mapping, const char *key);
/* 0 when neither given nor defaulted. */
gint64 conf_integer(const ConfNode *mapping, const char *key);
gboolean conf_boolean(const ConfNode *mapping, const char *key);
/* The index among choices. */
int conf_choice(const ConfNode *mapping, const char *key);
/* A list of strings, as a new NULL-terminated array. */
char **conf_strings(const ConfNode *mapping, const char *key);

/* The elements of a list or table (there with their key). */
guint conf_length(const ConfNode *node);
const ConfNode *conf_item(const ConfNode *node, guint index);

/* Checks that several entries use: an absolute path without "..", a Unix user
 * or group name, a host name's label or a name of ours (letters, digits, . _ -). */
bool conf_check_path(const char *text);
bool conf_check_account(const char *text);
bool conf_check_name(const char *text);
