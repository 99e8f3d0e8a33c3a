/* screen/draw - putting text on the picture between screen_begin and screen_end.
 *
 * Everything is clipped: at the screen's edge, and at the width given. Text is
 * made harmless as text.h says; nothing here can damage the screen.
 */
#pragma once

#include "tui/screen/glyph.h"
#include "tui/screen/screen.h"

typedef struct {
    int row, column, rows, columns;
} Box;

typedef enum { ALIGN_LEFT, ALIGN_RIGHT } Align;

/* Text of at most so many columns; returns the columns used. */
int draw_text(Screen *screen, int row, int column, int columns, Role role, const char *text);
int draw_printf(Screen *screen, int row, int column, int columns, Role role, const char *format,
                ...) G_GNUC_PRINTF(6, 7);
/* A field exactly so wide: padded with spaces, aligned, cut with a sign. */
void draw_field(Screen *screen, int row, int column, int columns, Role role, Align align,
                const char *text);
void draw_glyph(Screen *screen, int row, int column, Role role, Glyph glyph);
/* One character of ours (a chart's): must be one column wide. */
void draw_sign(Screen *screen, int row, int column, Role role, wchar_t sign);
void draw_fill(Screen *screen, Box box, Role role);
/* A border with a title; the inside is cleared. Returns the inside. */
Box draw_frame(Screen *screen, Box box, Role role, const char *title);
/* A box of that size in the middle of the screen, made smaller to fit. */
Box draw_centre(const Screen *screen, int rows, int columns);
/* Where the terminal's cursor shall stand after this frame; hidden otherwise. */
void draw_cursor(Screen *screen, int row, int column);

/* Copies a curses WINDOW (a pane's) onto the picture, where it stands. */
struct _win_st;
void draw_window(Screen *screen, struct _win_st *window);
