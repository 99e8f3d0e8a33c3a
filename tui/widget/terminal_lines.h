/* widget/terminal_lines - cells, and the lines that have scrolled away.
 *
 * A line is kept as its text in UTF-8 and its runs of cells that look alike,
 * without the blanks at its end: a line of 80 plain characters takes about 110
 * bytes. The store is a ring of at most a given number of lines and
 * TERMINAL_LINES_BYTES bytes; the oldest goes first.
 */
#pragma once

#include <glib.h>

#define TERMINAL_LINES_BYTES (8u << 20)
#define TERMINAL_CHARS_MAX   5

/* A colour: the terminal's default, one of 256, or 24 bits. */
#define TERMINAL_COLOUR_DEFAULT 0xffffffffu
#define TERMINAL_COLOUR_RGB     0x01000000u /* | red << 16 | green << 8 | blue */

enum {
    TERMINAL_BOLD = 1 << 0,
    TERMINAL_UNDERLINE = 1 << 1,
    TERMINAL_ITALIC = 1 << 2,
    TERMINAL_BLINK = 1 << 3,
    TERMINAL_REVERSE = 1 << 4,
    TERMINAL_STRIKE = 1 << 5,
    TERMINAL_HIDDEN = 1 << 6,
};

typedef struct {
    guint32 foreground, background;
    guint16 attributes;
} TerminalStyle;

/* chars[0] is a printable character, a blank is ' '; the others combine with it
 * and end with 0. A cell of width 2 is followed by one of width 0. */
typedef struct {
    gunichar chars[TERMINAL_CHARS_MAX];
    guint8 width;
    TerminalStyle style;
} TerminalCell;

typedef struct TerminalLines TerminalLines;

TerminalLines *terminal_lines_new(guint limit);
void terminal_lines_free(TerminalLines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TerminalLines, terminal_lines_free)

void terminal_lines_push(TerminalLines *lines, const TerminalCell *cells, guint columns);
/* Takes the newest line away. FALSE when there is none. */
gboolean terminal_lines_pop(TerminalLines *lines, TerminalCell *cells, guint columns);

guint terminal_lines_count(const TerminalLines *lines);
/* Reads a line, 0 being the oldest, padded with blanks to columns. */
void terminal_lines_read(const TerminalLines *lines, guint line, TerminalCell *cells,
                         guint columns);
size_t terminal_lines_bytes(const TerminalLines *lines);

gboolean terminal_style_equal(const TerminalStyle *a, const TerminalStyle *b);
void terminal_cell_blank(TerminalCell *cell);
