/* screen/private - what screen.c, relay.c and draw.c share. */
#pragma once

#include "tui/screen/draw.h"
#include "tui/screen/font.h"
#include "tui/screen/relay.h"
#include "tui/screen/screen.h"

/* ncurses has names of its own for keys and much else; only these files see it. */
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <termios.h>

typedef struct {
    attr_t attributes;
    int pair;
} ScreenStyle;

struct Screen {
    ScreenEvents events;
    gpointer user;
    int input, output; /* ours to close when opened */
    bool opened;
    bool ascii, utf8, too_small, lost;
    int colours; /* what the terminal shows; 0: none */
    bool exact;  /* and every colour of 24 bits */
    char *term;
    Font *font; /* NULL: shows everything */
    GlyphSet glyphs;
    SCREEN *curses;
    FILE *paint, *keys; /* ncurses's output (a memory file) and input */
    Relay *relay;
    ScreenStyle styles[ROLE_COUNT];
    Skin *skin;
    int cursor_row, cursor_column;
    ScreenMouse mouse;
    Key held; /* read ahead */
    GSource *sources[3];
    struct termios before; /* as the terminal was */
    int before_flags;      /* of output, where it could not be opened anew; or -1 */
    WINDOW *pad;           /* keys are read through it, so that reading draws nothing */
    gint64 pressed;        /* when the mouse was last pressed, monotonic */
};

/* Does terminfo know the terminal, and can it place the cursor? */
bool screen_check_term(const char *term, int output, GError **error);
