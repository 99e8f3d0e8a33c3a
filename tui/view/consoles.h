/* view/consoles - the programs of guests and nodes, in tabs of one pane.
 *
 * A tab is a VM's serial console, a container's console, a shell in a container,
 * a shell on a node, or gantry itself with a command, run on this machine. What a
 * command has said stays when it has ended, until a key. Tabs stay open, and their
 * programs run on, while the person looks at another view; the view shows one of them.
 *
 * Every key goes to the program but Ctrl-]. It leaves to the view behind: at once
 * when it is pressed twice or Esc follows, else after CONSOLES_PREFIX ms, unless
 * one of these follows:
 *   ?  these keys, and time to choose    f  full screen, and back
 *   t       the tabs, to choose from     n p 1-9  next, previous, that tab
 *   s [     scroll and search            c  copy the selection, or the screen
 *   k       close the tab (asks when its program still runs)
 *   r       open again what has ended    ]  send a Ctrl-] to the program
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

#include "tui/screen/draw.h"

#define CONSOLES_FRAME   10   /* ms */
#define CONSOLES_PREFIX  1000 /* ms */
#define CONSOLES_HISTORY 5000 /* lines kept of each tab */
#define CONSOLES_MAX     32   /* tabs */

typedef enum {
    CONSOLE_GUEST_CONSOLE,
    CONSOLE_GUEST_SHELL,
    CONSOLE_NODE_SHELL,
    CONSOLE_COMMAND
} ConsoleWhat;

typedef struct {
    ConsoleWhat what;
    const char *node;  /* name of the node, as the model knows it; NULL for a command */
    const char *guest; /* vm/100; NULL for a node's shell and a command */
    const char *name;  /* for people: "db"; may be NULL; not for a command */
    char *const *argv; /* of a command: gantry's words; else NULL */
} ConsoleTarget;

/* The far end of a tab's stream, the opener's own. */
typedef struct ConsoleStream ConsoleStream;

/* The answer to open(): a descriptor (non-blocking, owned by the tab from now
 * on), or -1 and an error. WIRE_ERROR_BUSY offers the person to take over. */
typedef void (*ConsoleOpened)(int descriptor, const GError *error, gpointer tab);

/* How a program ended, for people; NULL when there is nothing to say. */
typedef void (*ConsoleEnded)(const char *reason, gpointer tab);

typedef struct {
    /* Starts to open. Answers exactly once, never from inside this call, unless
     * closed before. */
    ConsoleStream *(*open)(const ConsoleTarget *target, guint rows, guint columns,
                           gboolean take, ConsoleOpened opened, gpointer tab, gpointer user);
    void (*resize)(ConsoleStream *stream, guint rows, guint columns, gpointer user);
    /* The end of its bytes was read: asks how it ended. Answers at most once, maybe
     * from inside this call, and not after close(). */
    void (*ended)(ConsoleStream *stream, ConsoleEnded ended, gpointer tab, gpointer user);
    /* Ends it, opened or not, and frees it. The descriptor has been closed. */
    void (*close)(ConsoleStream *stream, gpointer user);
} ConsolesOpener;

typedef struct {
    /* Something is to be drawn: call consoles_draw() soon. */
    void (*changed)(gpointer user);
    /* The person leaves to the view behind. */
    void (*leave)(gpointer user);
    /* Writes the line of running tasks ("" for none). */
    void (*tasks)(char *buffer, size_t size, gpointer user);
    /* Writes how the target stands ("v1 is stopped"), "" when it runs or nothing is
     * known: the reason behind many an ended tab. */
    void (*standing)(const ConsoleTarget *target, char *buffer, size_t size, gpointer user);
    Screen *screen;      /* clipboard and bell go there */
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
/* Runs gantry with these words (the first is its name); title is for people. */
gboolean consoles_open_command(Consoles *consoles, const char *title, char *const *argv,
                               GError **error);

guint consoles_count(const Consoles *consoles);
/* TRUE when the pane wants the whole screen, without status line and tree. */
gboolean consoles_fullscreen(const Consoles *consoles);

/* A key of the person's; not K_MOUSE, K_PASTE_BEGIN, K_PASTE_END. */
void consoles_key(Consoles *consoles, Key key);
/* What came between the brackets of a paste. */
void consoles_paste(Consoles *consoles, const char *text, size_t length);

/* Draws between screen_begin() and screen_end(): title and keys, tabs, the pane,
 * the tasks; in full screen the pane alone. The pane's size is passed on to the
 * programs when it is another. */
void consoles_draw(Consoles *consoles, Box box);
