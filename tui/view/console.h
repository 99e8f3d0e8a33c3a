/* view/console - the full-screen console over one or more clusters.
 *
 * console_run() takes the terminal, connects to every target of the first
 * cluster and shows the dashboard until the person leaves. console_plain()
 * connects, prints the dashboard once as text and is done.
 */
#pragma once

#include "conf/console.h"
#include "tui/action.h"
#include "tui/screen/skin.h"

#include <glib.h>

typedef struct {
    const char *target; /* as in link/target.h */
    const char *via;    /* another target of the same cluster to go through, or NULL */
} ClusterMember;

typedef struct {
    const char *name; /* for people */
    const ClusterMember *targets;
    guint target_count;
} ClusterSetup;

typedef struct {
    const ClusterSetup *clusters; /* at least one, with at least one target each */
    guint cluster_count;
    const char *ssh_config; /* as in LinkOptions, or NULL */
    gboolean readonly;
    gboolean ascii;
    gboolean mouse;
    gboolean no_color;
    int colours;        /* 8, 16, 256, SKIN_EXACT; 0: what the terminal has */
    const Skin *skin;   /* NULL: the one chosen last, else "terminal" */
    const char *charts; /* braille, blocks, ascii; NULL: the one chosen last */
    const char *columns[OBJECT_KIND_COUNT]; /* of tables at first; NULL: the usual */
    const ActionBinding *bindings;
    guint binding_count;
    const ConsoleCommand *commands; /* ended by one without a name; may be NULL */
    const ConsoleConfig *own;       /* the person's file, over what a cluster says; or NULL */
} ConsoleOptions;

/* FALSE when the terminal can't be used or a binding is wrong; nothing was shown
 * then. TRUE when the person left, or the terminal went away. Needs a main
 * context that no other loop runs. Sets no signal handlers but those of TERM,
 * HUP, INT and WINCH, for as long as it runs. */
gboolean console_run(const ConsoleOptions *options, GError **error);

#define CONSOLE_PLAIN_DEADLINE 15 /* seconds */
/* Prints to standard output; TRUE only when every node answered in time. Why one
 * did not is part of the text. */
gboolean console_plain(const ConsoleOptions *options);
