/* screen - the person's terminal: frames out, keys in.
 *
 * ncurses paints into memory instead of the terminal (newterm() on a memory
 * file), so that a frame leaves as one write, and the program never waits for
 * a terminal that stops reading: while an old frame is not taken, no new one is
 * made, and when it is, one frame shows how things stand by then.
 *
 * Drawing: screen_begin(), draw the whole picture with the functions of
 * draw.h, screen_end(). Only cells that differ are sent. One Screen a process
 * (ncurses knows one).
 *
 * The terminal is put into raw mode by hand and restored by screen_close(), also
 * when it hangs up. Its other users' descriptors are not touched: it is opened
 * anew where that is possible.
 */
#pragma once

#include "tui/screen/glyph.h"
#include "tui/screen/key.h"
#include "tui/screen/skin.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Screen Screen;

#define SCREEN_ROWS_MIN    16
#define SCREEN_COLUMNS_MIN 60

typedef struct {
    int input, output; /* descriptors of the terminal */
    const char *term;  /* NULL: $TERM */
    bool ascii;        /* signs in ASCII even where UTF-8 would do */
    bool mouse;
    bool no_color;    /* as does NO_COLOR in the environment */
    int colours;      /* 8, 16, 256, SKIN_EXACT for all; 0: what the terminal has */
    const Skin *skin; /* copied; NULL: the built-in "terminal" */
} ScreenOptions;

typedef struct {
    void (*input)(gpointer user);   /* keys may be there: screen_read() until KEY_NOTHING */
    void (*resized)(gpointer user); /* and the screen is to be drawn again */
    void (*ready)(gpointer user);   /* the terminal took the last frame: draw if needed */
    void (*lost)(gpointer user);    /* the terminal is gone */
} ScreenEvents;

/* WIRE_ERROR_UNAVAILABLE: not a terminal, TERM unknown or incapable; nothing has
 * been written then. */
Screen *screen_open(const ScreenOptions *options, const ScreenEvents *events, gpointer user,
                    GError **error);
/* Restores the terminal; NULL is accepted. */
void screen_close(Screen *screen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Screen, screen_close)

int screen_rows(const Screen *screen);
int screen_columns(const Screen *screen);
bool screen_is_too_small(const Screen *screen);
bool screen_ascii(const Screen *screen);
/* Whether the terminal can show the sign, whatever was asked for. */
bool screen_shows(const Screen *screen, gunichar sign);
/* The forms of our own signs; valid as long as the screen. */
const GlyphSet *screen_glyphs(const Screen *screen);
bool screen_utf8(const Screen *screen);
int screen_colours(const Screen *screen);

/* FALSE when the terminal has not taken the last frame: do not draw now. */
bool screen_begin(Screen *screen);
void screen_end(Screen *screen);
/* Forgets what the terminal shows: the next frame paints every cell. */
void screen_repaint(Screen *screen);
void screen_set_skin(Screen *screen, const Skin *skin);
void screen_set_mouse(Screen *screen, bool on);

/* The next key, or KEY_NOTHING. K_MOUSE: see screen_mouse(). */
Key screen_read(Screen *screen);
typedef struct {
    int row, column;
    enum { MOUSE_PRESS, MOUSE_DOUBLE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN } what;
} ScreenMouse;
bool screen_mouse(const Screen *screen, ScreenMouse *out);

/* Bytes for the terminal itself (OSC 52, bell), with the next frame. */
void screen_send(Screen *screen, const char *bytes, size_t length);

/* Totals since screen_open, for measuring. */
guint64 screen_bytes(const Screen *screen);
guint64 screen_frames(const Screen *screen);
