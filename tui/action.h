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
} ActionDo;

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
    const char *params; /* JSON of further parameters; or a view's name */
    const char *field;  /* a parameter that is asked for */
    const char *prompt; /* and how */
    const char *help;
} Action;

#define ACTION_KEYS_MAX 4

/* The table, ended by one without a name. */
const Action *actions(void);
guint action_count(void);
const Action *action_find(const char *name);

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

/* Why this can't be done to that object now, in words to be g_freed; NULL when
 * it can. readonly: the console was started so. */
char *action_refusal(const Action *action, const Model *model, const ModelObject *object,
                     bool readonly);
