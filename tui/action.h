/* action - everything that a person can ask for, in one table.
 *
 * A row is a command of the console's own (move, sort, open) or a method of an
 * agent (start a guest). The table drives keys, menus, the palette, help, the
 * line of keys and confirmation. An action that can't be used now is shown
 * greyed with the reason; nothing that stops or destroys sits on a single key.
 *
 * Pure: knows the model, not the screen.
 */
#pragma once

#include "tui/model/model.h"
#include "tui/screen/key.h"

#include <stdbool.h>

/* Where an action makes sense: kinds of objects (1 << ObjectKind) and places. */
enum {
    ON_NODE = 1 << OBJECT_NODE,
    ON_GUEST = 1 << OBJECT_GUEST,
    ON_STORAGE = 1 << OBJECT_STORAGE,
    ON_LINK = 1 << OBJECT_LINK,
    ON_TASK = 1 << OBJECT_TASK,
    ON_EVENT = 1 << OBJECT_EVENT,
    ON_ALARM = 1 << OBJECT_ALARM,
    IN_ANY = 1 << 16,
    IN_TABLE = 1 << 17,
    IN_DASHBOARD = 1 << 18,
    IN_CHARTS = 1 << 19,
    IN_CLUSTER = 1 << 20,
};

typedef enum {
    DANGER_NONE, /* done at once for one object, asked for several */
    DANGER_ASK,  /* asked, with y */
    DANGER_NAME, /* the object's name must be typed */
} Danger;

typedef enum {
    DO_NONE, /* calls a method */
    DO_OPEN,
    DO_BACK,
    DO_QUIT,
    DO_PALETTE,
    DO_MENU,
    DO_HELP,
    DO_FILTER,
    DO_SORT,
    DO_REVERSE,
    DO_COLUMNS,
    DO_MARK,
    DO_RANGE,
    DO_MARK_ALL,
    DO_UNMARK,
    DO_UP,
    DO_DOWN,
    DO_LEFT,
    DO_RIGHT,
    DO_PAGE_UP,
    DO_PAGE_DOWN,
    DO_FIRST,
    DO_LAST,
    DO_VIEW, /* the view that params names */
    DO_REPAINT,
    DO_RETRY,
    DO_MOUSE,
    DO_CHARTS,
    DO_SPAN,
    DO_SKIN,
    DO_CONSOLE,
    DO_SHELL,
    DO_DEFINITION,
    DO_SYSLOG,
    DO_RUN,  /* runs the command line in a pane: its words are in params */
    DO_MOVE, /* shows a plan, and asks where to before it for guests */
} ActionDo;

/* What an act on a node or the cluster needs before it can be offered. */
enum {
    RUN_ON_NODE = 1 << 0,   /* is about one node, chosen first where none is */
    RUN_AT_NODE = 1 << 1,   /* and asks that node, which must be reached */
    RUN_BY_MEMBER = 1 << 2, /* asks a member of the cluster, another one than the node */
    RUN_CLUSTERED = 1 << 3, /* the node must be in a cluster */
    RUN_ALONE = 1 << 4,     /* the node must be in none */
    RUN_MISSING = 1 << 5,   /* the node must be off */
    RUN_QUORATE = 1 << 6,   /* the cluster must be quorate */
    RUN_ON_GUEST = 1 << 7,  /* is about one guest that is chosen, and its node */
};

/* What a person is asked for before a command runs. */
typedef struct {
    const char *label;
    bool optional;
    bool each_node; /* is filled with "NODE=" of every node of the cluster */
} ActionAsk;

typedef struct {
    const char *name;  /* for rebinding: "guest.start", "sort" */
    const char *label; /* for people: "start" */
    const char *keys;  /* defaults, with spaces; may be NULL */
    const char *menu;  /* its key in the menu of acts; may be NULL */
    unsigned where;
    ActionDo command;
    int act; /* GuestAct for acts on guests, else -1 */
    Danger danger;
    const char *method;
    const char
        *params;        /* JSON of further parameters; a view's name; or the words of a command
                         * with {at} and {member}, targets of SSH, {name} of the node, {guest}, {0} and
                         * so on: the answers to asks, and {0?word}: the word after a yes */
    const char *field;  /* a parameter that is asked for */
    const char *prompt; /* and how */
    const char *help;
    unsigned needs;        /* of DO_RUN, and of DO_MOVE on nodes */
    const ActionAsk *asks; /* of DO_RUN; ended by one without a label; may be NULL */
} Action;

#define ACTION_KEYS_MAX 4

/* The table, ended by one without a name. */
const Action *actions(void);
guint action_count(void);
const Action *action_find(const char *name);
/* It is about chosen objects, not about the screen. */
bool action_is_act(const Action *action);

/* What the person said of keys: the action's name and its keys with spaces. */
typedef struct {
    const char *action;
    const char *keys;
} ActionBinding;

typedef struct ActionKeys ActionKeys;
/* The table's keys with bindings put over them. WIRE_ERROR_CONFIG for an unknown
 * action or key. */
ActionKeys *action_keys_new(const ActionBinding *bindings, guint count, GError **error);
void action_keys_free(ActionKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ActionKeys, action_keys_free)
/* The first action whose key this is at a place; or NULL. */
const Action *action_for_key(const ActionKeys *keys, Key key, unsigned where);
/* Its first key's name, "" when it has none; into buffer. */
const char *action_key_text(const ActionKeys *keys, const Action *action, char *buffer,
                            size_t size);

/* The node that is asked about the cluster: a quorate one if there is one, since the others
 * may see less, and not that one if it can be avoided. NULL when none is reached. */
const ModelNode *action_member(const Model *model, const ModelNode *but);

/* Why this can't be done to that object now, in words to be g_freed; NULL when
 * it can. readonly: the console was started so. object may be NULL for what is about the
 * cluster, or about a node that is chosen later. */
char *action_refusal(const Action *action, const Model *model, const ModelObject *object,
                     bool readonly);
/* The reason of the first when it can be done to none of them; NULL when it can to one. */
char *action_refusal_of_all(const Action *action, const Model *model, const GPtrArray *objects,
                            bool readonly);
