/* view/console_scroll - moving about in what a terminal has shown: a cursor, a
 * selection, a search. Pure; the terminal is only read.
 */
#pragma once

#include "tui/widget/terminal.h"

typedef struct {
    TerminalPlace at;
    TerminalPlace anchor; /* the selection's other end, while selecting */
    gboolean selecting;
    gint64 top;      /* number of the line in the pane's first row */
    GString *needle; /* what was searched for last */
    gboolean up;     /* in which direction */
    gboolean typing; /* the needle is being typed */
    gboolean missed; /* the last search found nothing */
} ConsoleScroll;

typedef enum {
    SCROLL_STAYS, /* handled, or no key of ours */
    SCROLL_ENDS,
    SCROLL_COPIES, /* the selection is to be copied; and it ends */
} ScrollResult;

/* Begins at the terminal's cursor. */
void console_scroll_begin(ConsoleScroll *scroll, const Terminal *terminal);
void console_scroll_clear(ConsoleScroll *scroll);
ScrollResult console_scroll_key(ConsoleScroll *scroll, const Terminal *terminal,
                                TerminalKey key);
/* Brings cursor and top back to lines that still exist. */
void console_scroll_settle(ConsoleScroll *scroll, const Terminal *terminal);
