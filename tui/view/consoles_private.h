/* view/consoles_private - what consoles.c (keys) and consoles_draw.c share. */
#pragma once

#include "tui/view/console_scroll.h"
#include "tui/view/console_tab.h"
#include "tui/widget/terminal_view.h"

typedef enum {
    CONSOLES_PROGRAM, /* keys go to the program */
    CONSOLES_COMMAND, /* after Ctrl-] */
    CONSOLES_HELP,    /* the same, with the keys shown and time to choose */
    CONSOLES_TABS,    /* choosing a tab */
    CONSOLES_SCROLL,
    CONSOLES_CLOSE, /* asking whether to close a tab whose program runs */
} ConsolesMode;

struct Consoles {
    ConsolesHost host;
    gpointer host_user;
    char *cluster;
    ConsoleTabContext context;
    GPtrArray *tabs; /* of ConsoleTab, owned */
    guint current;   /* index of the one that is shown */
    guint chosen;    /* in the list of tabs */
    ConsolesMode mode;
    ConsolesMode before; /* of the prefix: what it goes back to */
    ConsoleScroll scroll;
    gboolean fullscreen;
    gboolean repaint; /* the pane holds something else than its terminal */
    char *notice;     /* shown until the next key */
    TerminalView *view;
    guint rows, columns; /* the pane's size at the last drawing */
    GSource *frame;      /* what changed will be told to the host */
    GSource *prefix;     /* Ctrl-] alone will leave */
};

/* NULL when there is none. */
ConsoleTab *consoles_current(const Consoles *consoles);
