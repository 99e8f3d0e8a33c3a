#include "tui/screen/private.h"
#include "tui/screen/text.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

enum { COLUMNS_MAX = 2048 };

static void use_style(const ScreenStyle *style)
{
    int pair = style->pair;
    (void)wattr_set(stdscr, style->attributes, (short)MIN(pair, SHRT_MAX), &pair);
}

/* Clips a run to the screen; false when nothing is left. */
static bool clip(int row, int column, int *columns)
{
    if (row < 0 || row >= LINES || column < 0 || column >= COLS || *columns <= 0)
        return false;
    *columns = MIN(*columns, MIN(COLS - column, COLUMNS_MAX));
    return true;
}

int draw_text(Screen *screen, int row, int column, int columns, Role role, const char *text)
{
    wchar_t fitted[COLUMNS_MAX * 3 + 2];
    if (!clip(row, column, &columns))
        return 0;
    int used = text_fit(text, columns, glyph_sign(GLYPH_MORE, &screen->glyphs), screen->utf8,
                        fitted, G_N_ELEMENTS(fitted));
    use_style(&screen->styles[role]);
    (void)mvwaddwstr(stdscr, row, column, fitted);
    return used;
}

int draw_printf(Screen *screen, int row, int column, int columns, Role role, const char *format,
                ...)
{
    char buffer[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)g_vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    return draw_text(screen, row, column, columns, role, buffer);
}

void draw_fill(Screen *screen, Box box, Role role)
{
    int columns = box.columns, pair = screen->styles[role].pair;
    cchar_t blank;
    (void)setcchar(&blank, L" ", screen->styles[role].attributes, (short)MIN(pair, SHRT_MAX),
                   &pair);
    for (int row = MAX(box.row, 0); row < box.row + box.rows && row < LINES; row++)
        if (clip(row, box.column, &columns))
            (void)mvwhline_set(stdscr, row, box.column, &blank, columns);
}

void draw_field(Screen *screen, int row, int column, int columns, Role role, Align align,
                const char *text)
{
    int width = text_columns(text, screen->utf8);
    int before = align == ALIGN_RIGHT ? MAX(columns - width, 0) : 0;
    if (before)
        draw_fill(screen, (Box){row, column, 1, before}, role);
    int used = draw_text(screen, row, column + before, columns - before, role, text);
    int after = columns - before - used;
    if (after > 0)
        draw_fill(screen, (Box){row, column + before + used, 1, after}, role);
}

void draw_glyph(Screen *screen, int row, int column, Role role, Glyph glyph)
{
    draw_sign(screen, row, column, role, glyph_sign(glyph, &screen->glyphs));
}

void draw_sign(Screen *screen, int row, int column, Role role, wchar_t sign)
{
    int columns = 1;
    if (!clip(row, column, &columns))
        return;
    use_style(&screen->styles[role]);
    (void)mvwaddnwstr(stdscr, row, column, &sign, 1);
}

Box draw_centre(const Screen *screen, int rows, int columns)
{
    Box box = {.rows = MIN(rows, LINES), .columns = MIN(columns, COLS)};
    box.row = (LINES - box.rows) / 2;
    box.column = (COLS - box.columns) / 2;
    return box;
}

Box draw_frame(Screen *screen, Box box, Role role, const char *title)
{
    draw_fill(screen, box, ROLE_TEXT);
    int bottom = box.row + box.rows - 1, right = box.column + box.columns - 1;
    for (int column = box.column + 1; column < right; column++) {
        draw_glyph(screen, box.row, column, role, GLYPH_HORIZONTAL);
        draw_glyph(screen, bottom, column, role, GLYPH_HORIZONTAL);
    }
    for (int row = box.row + 1; row < bottom; row++) {
        draw_glyph(screen, row, box.column, role, GLYPH_VERTICAL);
        draw_glyph(screen, row, right, role, GLYPH_VERTICAL);
    }
    draw_glyph(screen, box.row, box.column, role, GLYPH_TOP_LEFT);
    draw_glyph(screen, box.row, right, role, GLYPH_TOP_RIGHT);
    draw_glyph(screen, bottom, box.column, role, GLYPH_BOTTOM_LEFT);
    draw_glyph(screen, bottom, right, role, GLYPH_BOTTOM_RIGHT);
    if (title && *title) {
        int used =
            draw_text(screen, box.row, box.column + 2, box.columns - 5, ROLE_TITLE, title);
        draw_text(screen, box.row, box.column + 1, 1, ROLE_TEXT, " ");
        draw_text(screen, box.row, box.column + 2 + used, 1, ROLE_TEXT, " ");
    }
    return (Box){box.row + 1, box.column + 1, box.rows - 2, box.columns - 2};
}

void draw_cursor(Screen *screen, int row, int column)
{
    screen->cursor_row = row;
    screen->cursor_column = column;
}

void draw_window(Screen *screen, struct _win_st *window)
{
    int row = getbegy(window), column = getbegx(window);
    int bottom = MIN(row + getmaxy(window), LINES) - 1;
    int right = MIN(column + getmaxx(window), COLS) - 1;
    if (bottom >= row && right >= column)
        (void)copywin(window, stdscr, 0, 0, row, column, bottom, right, FALSE);
}
