/* widget/terminal - a terminal inside the screen: bytes in, cells out.
 *
 * It emulates an xterm with 256 and true colours, alternate screen, wide and
 * combining characters, and keeps the lines that scroll away. The emulation is
 * libvterm's, which no other file knows of; what a guest sends passes
 * widget/terminal_filter first, so that no byte sequence reaches the emulator,
 * or anything around it, that could do harm.
 *
 * What a guest may cause: cells, the cursor, the bell flag, and answers to its
 * own questions (what are you, where is the cursor), at most
 * TERMINAL_ANSWERS_MAX bytes a second. What it may not: a title, the clipboard,
 * keys, a size.
 *
 * Lines are numbered from 0, the first that ever was; the numbers of a line
 * does not change while it exists. Lines from terminal_first_line() up to
 * terminal_screen_line() have scrolled away, the rest is the screen. While the
 * alternate screen is on, nothing scrolls away.
 *
 * Pure but for the clock that the limit on answers needs, which the caller
 * passes in; no file descriptors, no ncurses.
 */
#pragma once

#include "tui/widget/terminal_lines.h"

/* libvterm 0.1.4 fails on a character that is wider than the screen. */
#define TERMINAL_ROWS_MIN    2
#define TERMINAL_COLUMNS_MIN 10
#define TERMINAL_ROWS_MAX    500
#define TERMINAL_COLUMNS_MAX 1000
#define TERMINAL_ANSWERS_MAX 1024 /* bytes a second */
#define TERMINAL_COPY_MAX    (512u << 10)
#define TERMINAL_PASTE_MAX   (1u << 20)

typedef struct Terminal Terminal;

/* Keys that are not characters, beyond Unicode. */
enum {
    TERMINAL_KEY_UP = 0x110000,
    TERMINAL_KEY_DOWN,
    TERMINAL_KEY_LEFT,
    TERMINAL_KEY_RIGHT,
    TERMINAL_KEY_INSERT,
    TERMINAL_KEY_DELETE,
    TERMINAL_KEY_HOME,
    TERMINAL_KEY_END,
    TERMINAL_KEY_PAGE_UP,
    TERMINAL_KEY_PAGE_DOWN,
    TERMINAL_KEY_F1, /* and on up to F24 */
    TERMINAL_KEY_F24 = TERMINAL_KEY_F1 + 23,
};
enum { TERMINAL_SHIFT = 1, TERMINAL_ALT = 2, TERMINAL_CTRL = 4 };

/* A control character (Enter 0x0d, Backspace 0x7f, Ctrl-A 0x01) is its code. */
typedef struct {
    guint32 code;
    guint8 modifiers;
} TerminalKey;

/* Bytes for the guest: keys, pastes, answers. */
typedef void (*TerminalOutput)(const char *bytes, size_t length, gpointer user);

/* Sizes are held to the limits above. */
Terminal *terminal_new(guint rows, guint columns, guint history, TerminalOutput output,
                       gpointer user);
void terminal_free(Terminal *terminal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Terminal, terminal_free)

/* The guest's output. now is monotonic, in microseconds. */
void terminal_feed(Terminal *terminal, const char *bytes, size_t length, gint64 now);
void terminal_resize(Terminal *terminal, guint rows, guint columns);
guint terminal_rows(const Terminal *terminal);
guint terminal_columns(const Terminal *terminal);

void terminal_key(Terminal *terminal, TerminalKey key);
/* As bracketed paste if the guest asked for it. Control characters but tab and
 * newline are left out: pasted text can't end the bracket. */
void terminal_paste(Terminal *terminal, const char *text, size_t length);

/* FALSE when the guest hides the cursor. */
gboolean terminal_cursor(const Terminal *terminal, guint *row, guint *column);
gboolean terminal_alternate(const Terminal *terminal);
/* TRUE once after the guest rang. */
gboolean terminal_take_bell(Terminal *terminal);

/* A row of the screen changed since the last call; forgets it. */
gboolean terminal_take_damage(Terminal *terminal, guint row);
gboolean terminal_damaged(const Terminal *terminal);
void terminal_damage_all(Terminal *terminal);

gint64 terminal_first_line(const Terminal *terminal);
gint64 terminal_screen_line(const Terminal *terminal);
/* Reads a line, of the history or the screen; cells has terminal_columns()
 * elements. FALSE, and blanks, when there is no such line. */
gboolean terminal_read_line(const Terminal *terminal, gint64 line, TerminalCell *cells);

typedef struct {
    gint64 line;
    guint column;
} TerminalPlace;

/* Finds text, without regard to case, from a place (not included) down or up.
 * FALSE, and *place as it was, when there is none. */
gboolean terminal_search(const Terminal *terminal, const char *text, gboolean up,
                         TerminalPlace *place);

/* The text from one place to another, both included, in either order; blanks at
 * the ends of lines left out, at most TERMINAL_COPY_MAX bytes. Caller frees. */
char *terminal_copy(const Terminal *terminal, TerminalPlace from, TerminalPlace to);
