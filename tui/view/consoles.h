/* view/consoles - the programs of guests and nodes, in tabs of one pane.
 *
 * A tab is a VM's serial console, a container's console, a shell in a container
 * or a shell on a node. Tabs stay open, and their programs run on, while the
 * person looks at another view; the view shows one of them.
 *
 * Every key goes to the program but Ctrl-], which asks for one more:
 *   Ctrl-]  leave to the view behind     f  full screen, and back
 *   t       the tabs, to choose from     n p 1-9  next, previous, that tab
 *   s [     scroll and search            c  copy the selection, or the screen
 *   k       close the tab (asks when its program still runs)
 *   r       open again what has ended    ?  these keys
 *   ]       send a Ctrl-] to the program
 * Scrolling: arrows, PgUp, PgDn, g, G move; / and ? search, n and N again;
 * Space or v begins a selection, c or Enter copies it (OSC 52), Esc ends.
 *
 * Output is read with a low priority and a bounded piece at a time, so that a
 * flood never delays a key; and drawn at most every CONSOLES_FRAME ms.
 *
 * How programs are reached is behind ConsolesOpener (view/consoles_link.h has
 * the real one, over links); what the view needs of the screen around it is
 * behind ConsolesHost. All in one thread, in its main context.
 */
#pragma once

#include "backend/wire/vocabulary.h"
#include "tui/widget/terminal.h"

#include <curses.h>

#define CONSOLES_FRAME   10   /* ms */
#define CONSOLES_HISTORY 5000 /* lines kept of each tab */
#define CONSOLES_MAX     32   /* tabs */

typedef enum { CONSOLE_GUEST_CONSOLE, CONSOLE_GUEST_SHELL, CONSOLE_NODE_SHELL } ConsoleWhat;

typedef struct {
    ConsoleWhat what;
    const char *node;  /* name of the node, as the model knows it */
    const char *guest; /* vm/100; NULL for a node's shell */
    const char *name;  /* for people: "db"; may be NULL */
} ConsoleTarget;

/* The far end of a tab's stream, the opener's own. */
typedef struct ConsoleStream ConsoleStream;

/* The answer to open(): a descriptor (non-blocking, owned by the tab from now
 * on), or -1 and an error. WIRE_ERROR_BUSY offers the person to take over. */
typedef void (*ConsoleOpened)(int descriptor, const GError *error, gpointer tab);

typedef struct {
    /* Starts to open. Answers exactly once, never from inside this call, unless
     * closed before. */
    ConsoleStream *(*open)(const ConsoleTarget *target, guint rows, guint columns,
                           gboolean take, ConsoleOpened opened, gpointer tab, gpointer user);
    void (*resize)(ConsoleStream *stream, guint rows, guint columns, gpointer user);
    /* Ends it, opened or not, and frees it. The descriptor has been closed. */
    void (*close)(ConsoleStream *stream, gpointer user);
} ConsolesOpener;

/* What is drawn how; the screen knows the colours. */
typedef enum {
    CONSOLES_TEXT,
    CONSOLES_TITLE,   /* where we are */
    CONSOLES_DIM,     /* keys, things at rest */
    CONSOLES_ACCENT,  /* the chosen tab, a match */
    CONSOLES_TROUBLE, /* an error */
} ConsolesRole;

typedef struct {
    /* Something is to be drawn: call consoles_draw() soon. */
    void (*changed)(gpointer user);
    /* The person leaves to the view behind. */
    void (*leave)(gpointer user);
    /* Text for the person's own clipboard; terminal_osc52() makes the bytes. */
    void (*copy)(const char *text, gpointer user);
    /* The guest rang. */
    void (*bell)(gpointer user);
    /* Sets the window's attributes for a role (wattr_set or the like). */
    void (*paint)(WINDOW *window, ConsolesRole role, gpointer user);
    /* Writes the line of running tasks ("" for none). */
    void (*tasks)(char *buffer, size_t size, gpointer user);
    gboolean ascii;      /* no characters beyond ASCII */
    const char *cluster; /* first word of the title; copied */
} ConsolesHost;

typedef struct Consoles Consoles;

Consoles *consoles_new(const ConsolesOpener *opener, gpointer opener_user,
                       const ConsolesHost *host, gpointer host_user);
/* Closes every tab. */
void consoles_free(Consoles *consoles);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Consoles, consoles_free)

/* Opens a tab, or goes to the one that is open for the same thing. FALSE with
 * WIRE_ERROR_LIMIT when there are CONSOLES_MAX. */
gboolean consoles_open(Consoles *consoles, const ConsoleTarget *target, GError **error);
/* The two that views call; console is TRUE for the console, FALSE for a shell. */
gboolean consoles_open_guest(Consoles *consoles, const char *node, const char *guest,
                             const char *name, gboolean console, GError **error);
gboolean consoles_open_node(Consoles *consoles, const char *node, GError **error);

guint consoles_count(const Consoles *consoles);
/* TRUE when the pane wants the whole screen, without status line and tree. */
gboolean consoles_fullscreen(const Consoles *consoles);

/* A key of the person's. */
void consoles_key(Consoles *consoles, TerminalKey key);
/* What came between the brackets of a paste. */
void consoles_paste(Consoles *consoles, const char *text, size_t length);

/* Draws into the window: what changed, or all of it. Leaves the window's cursor
 * where the program's is and sets *cursor to whether it is to be seen. Does not
 * refresh. The window's size is the pane's: a new one is passed on to the
 * programs. */
void consoles_draw(Consoles *consoles, WINDOW *window, gboolean all, gboolean *cursor);
