/* widget/terminal_view - a terminal's lines on the screen.
 *
 * The pane is a curses window of its own that keeps what it showed, so only
 * rows that changed are drawn again. Colours are brought down to what the screen
 * has: 256, 16, 8, or none. Colour pairs are taken with alloc_pair(), which
 * reuses the oldest and leaves those of init_pair() alone. What the outer
 * terminal would show in another width than the guest meant is replaced, so that
 * a guest can't shift what stands beside the pane; where the screen is ASCII,
 * line drawing becomes + - | and everything else beyond ASCII '?'.
 */
#pragma once

#include "tui/screen/draw.h"
#include "tui/widget/terminal.h"

typedef struct TerminalView TerminalView;

typedef struct {
    gint64 top;         /* number of the line in the pane's first row */
    gboolean selecting; /* from and to, both included, are shown reversed */
    TerminalPlace from, to;
} TerminalFrame;

TerminalView *terminal_view_new(void);
void terminal_view_free(TerminalView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TerminalView, terminal_view_free)

/* Puts the terminal on the picture. Rows are drawn again where the terminal was
 * damaged (the damage is taken) and all when the frame or the box differ from
 * the last time or all is TRUE. */
void terminal_view_draw(TerminalView *view, Screen *screen, Box box, Terminal *terminal,
                        const TerminalFrame *frame, gboolean all);

/* FALSE when it is not a key for a terminal (the mouse, the ends of a paste). */
gboolean terminal_key_from_screen(Key key, TerminalKey *out);

/* The bytes that put text into the clipboard of the terminal we run in (OSC 52).
 * Caller frees. */
char *terminal_osc52(const char *text);
