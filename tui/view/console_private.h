/* view/console_private - the console's parts, and what views may ask of it. */
#pragma once

#include "tui/view/view.h"
#include "tui/widget/chart.h"
#include "tui/widget/form.h"
#include "tui/widget/input.h"
#include "tui/widget/picker.h"

#define CONSOLE_VIEWS_MAX 32
#define CONSOLE_SPANS     3   /* of charts: hour, day, month */
#define CONSOLE_FRAME     100 /* ms between frames that no key asked for */

typedef struct {
    const ViewClass *class;
    gpointer self;
} View;

typedef struct State State;
typedef struct Panes Panes;

struct Console {
    const ConsoleOptions *options;
    GMainLoop *loop;
    Screen *screen;
    ActionKeys *keys;
    State *state;
    GPtrArray *clusters; /* Cluster, NULL until gone to */
    guint cluster;
    GPtrArray *panes; /* Panes of each cluster, NULL until one is opened */
    View views[CONSOLE_VIEWS_MAX];
    guint view_count;
    GPtrArray *overlays;
    GHashTable *prompts; /* of nodes: the Overlay that asks for its link */
    char *message;
    gint64 message_until; /* monotonic */
    guint frame;          /* source of the next frame, or 0 */
    gint64 last_frame;
    Input filter;
    char *filter_before;
    char *filter_error;
    GPtrArray *shared;                       /* shared.h: of each cluster, or NULL */
    char *shared_columns[OBJECT_KIND_COUNT]; /* of the cluster that is shown; or NULL */
    ChartStyle charts;
    guint span; /* of charts, below CONSOLE_SPANS */
    char *skin;
    GHashTable *own_tasks; /* ids of tasks that were asked for here */
    Role message_role;
    bool filtering, pasting, mouse;
    gpointer handed; /* to the view that is being opened */
    guint pending;   /* acts that no agent has answered yet */
};

/* console.c */
Cluster *console_cluster(const Console *console);
Model *console_model(const Console *console);
View *console_view(Console *console);
/* Something may look different now; draws soon. */
void console_changed(Console *console);
/* Without the pause between frames that pushes have: a program answers a key. */
void console_draw_soon(Console *console);
void console_say(Console *console, Role role, const char *format, ...) G_GNUC_PRINTF(3, 4);
void console_push(Console *console, Overlay *overlay);
void console_remove(Console *console, const Overlay *overlay);
void console_open(Console *console, const ViewClass *class, const Subject *subject);
void console_open_object(Console *console, const ModelObject *object);
void console_back(Console *console);
void console_close_views(Console *console);
void console_go_to_cluster(Console *console, guint cluster);

/* console_draw.c */
void console_draw(Console *console);

/* console_keys.c */
void console_key(Console *console, Key key);
void console_run_command(Console *console, const Action *action);
/* The places and kinds that hold now, for action_for_key. */
unsigned console_where(Console *console);
/* What the person set for a kind of table, "columns" or "sort"; or NULL. */
const char *console_layout(const Console *console, ObjectKind kind, const char *what);
/* What the person set for a kind of table is kept. */
void console_keep_layout(Console *console, const Table *table);
/* What acts are about: marked, or under the cursor. To be unreffed. */
GPtrArray *console_targets(Console *console);

/* console_acts.c: asks if need be, and calls the agents; or goes on in run.c or move.c. */
void console_act(Console *console, const Action *action, GPtrArray *targets);
/* Calls the agents for these subjects (Subject), with further parameters, without asking.
 * Steals both. */
void console_act_on(Console *console, const Action *action, GArray *subjects, json_t *params);
void console_show_error(Console *console, const char *title, const char *text);

/* run.c: acts that are commands of gantry's, run in a pane: which node, what is missing,
 * and off. */
void console_run_words(Console *console, const Action *action, const GPtrArray *targets);
/* Why it can't run now, about those targets where they are nodes; to be g_freed. */
char *console_run_refusal(Console *console, const Action *action, const GPtrArray *targets);

/* move.c: the choice of a node for guests, and then move_plan.c: what will move, and how;
 * that alone for a node that is drained. */
void console_move(Console *console, const Action *action, GPtrArray *targets);
void console_plan_move(Console *console, const Action *action, GArray *subjects,
                       const char *node);
void console_plan_drain(Console *console, const Action *action, const ModelObject *node);

/* own.c: commands of the person's own. where as of console_where(). */
#define CONSOLE_READONLY "the console was started with --readonly"
bool console_own_fits(const ConsoleCommand *command, unsigned where);
const ConsoleCommand *console_own_for_key(Console *console, Key key);
void console_own_run(Console *console, const ConsoleCommand *command, const GPtrArray *targets);

/* console_menus.c */
void console_menu(Console *console);
void console_sort_menu(Console *console);
void console_columns_menu(Console *console);
void console_palette(Console *console);

/* panes.c */
void console_open_program(Console *console, const ModelObject *object, bool is_console);
/* gantry with these words, in a pane; title is for people. */
void console_open_command(Console *console, const char *title, char *const *argv);
guint panes_count(const Panes *panes);
void panes_free(Panes *panes);

/* console_prompts.c */
void console_on_asking(Cluster *cluster, guint node, gpointer user);

/* state.c: what is kept between runs. Strings by key ("guests.columns"). A file
 * that can't be read is said in *trouble (to be g_freed) and ignored. */
State *state_load(char **trouble);
const char *state_get(const State *state, const char *key);
void state_set(State *state, const char *key, const char *value);
/* NULL, or why it could not be written; to be g_freed. */
char *state_save(State *state);
void state_free(State *state);
