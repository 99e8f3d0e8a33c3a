/* widget/terminal_view - draws a terminal's lines into an ncurses window.
 *
 * Only rows that changed are drawn. Colours are brought down to what the screen
 * has: true colour where COLORS says so, 256, 16, 8, or none. Colour pairs are
 * taken with alloc_pair(), which reuses the oldest and leaves those of
 * init_pair() alone. What the outer terminal would show in another width than
 * the guest meant is replaced, so that a guest can't shift what stands beside
 * the pane; in a locale without UTF-8, or with ascii, line drawing becomes
 * + - | and everything else beyond ASCII '?'.
 */
#pragma once

#include "tui/widget/terminal.h"

#include <curses.h>

typedef struct {
    WINDOW *window;
    int row, column;   /* of the pane's top left in the window */
    int rows, columns; /* the pane's size */
    gint64 top;        /* number of the line shown in its first row */
    gboolean ascii;
    gboolean selecting; /* from and to, both included, are shown reversed */
    TerminalPlace from, to;
} TerminalView;

/* Draws the rows that changed, or all. Takes the damage. */
void terminal_view_draw(const TerminalView *view, Terminal *terminal, gboolean all);

/* A key as ncurses' wget_wch() tells it: special for KEY_CODE_YES. FALSE when it
 * is not a key for a terminal (KEY_RESIZE, KEY_MOUSE). */
gboolean terminal_key_from_curses(wint_t code, gboolean special, TerminalKey *key);

/* The bytes that put text into the clipboard of the terminal we run in (OSC 52).
 * Caller frees. */
char *terminal_osc52(const char *text);
