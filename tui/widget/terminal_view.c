#include "tui/widget/terminal_view.h"

#define NCURSES_NOMACROS 1
#include <curses.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct TerminalView {
    WINDOW *window;
    Box box;
    TerminalFrame frame;  /* as drawn last */
    int colours;          /* that the screen has */
    const Screen *screen; /* while it draws */
};

/* The nearest of the six steps of a 256-colour cube: 0, 95, 135 ... 255. */
static int cube_step(int level)
{
    return level < 48 ? 0 : level < 115 ? 1 : (level - 35) / 40;
}

static int rgb_to_256(int red, int green, int blue)
{
    static const int levels[] = {0, 95, 135, 175, 215, 255};
    int r = cube_step(red), g = cube_step(green), b = cube_step(blue);
    int grey = (red + green + blue) / 3;
    int step = grey < 8 ? 0 : grey > 238 ? 23 : (grey - 3) / 10;
    int shade = 8 + step * 10;
    int cube_error = abs(levels[r] - red) + abs(levels[g] - green) + abs(levels[b] - blue);
    int grey_error = abs(shade - red) + abs(shade - green) + abs(shade - blue);
    return grey_error < cube_error ? 232 + step : 16 + 36 * r + 6 * g + b;
}

static void rgb_of_256(int index, int *red, int *green, int *blue)
{
    static const int levels[] = {0, 95, 135, 175, 215, 255};
    if (index >= 232) {
        *red = *green = *blue = 8 + (index - 232) * 10;
    } else {
        index -= 16;
        *red = levels[index / 36];
        *green = levels[index / 6 % 6];
        *blue = levels[index % 6];
    }
}

/* One of the eight, with the bright half when there are sixteen. */
static int rgb_to_16(int red, int green, int blue, int colours)
{
    int top = MAX(red, MAX(green, blue));
    if (top < 48)
        return 0;
    int limit = top / 2;
    int index = (red > limit ? 1 : 0) | (green > limit ? 2 : 0) | (blue > limit ? 4 : 0);
    return colours >= 16 && top > 208 ? index + 8 : index;
}

/* A colour as ncurses has it, -1 the default. */
static int reduce_colour(guint32 colour, int colours)
{
    if (colour == TERMINAL_COLOUR_DEFAULT)
        return -1;
    int red = (int)(colour >> 16 & 0xff), green = (int)(colour >> 8 & 0xff);
    int blue = (int)(colour & 0xff);
    if (!(colour & TERMINAL_COLOUR_RGB)) {
        int index = blue;
        if (index < colours)
            return index;
        if (index < 16)
            return index % 8;
        rgb_of_256(index, &red, &green, &blue);
    }
    return colours >= 256 ? rgb_to_256(red, green, blue) : rgb_to_16(red, green, blue, colours);
}

static void style_to_curses(const TerminalStyle *style, int colours, attr_t *attributes,
                            int *pair)
{
    static const struct {
        guint16 ours;
        attr_t theirs;
    } table[] = {{TERMINAL_BOLD, A_BOLD},       {TERMINAL_UNDERLINE, A_UNDERLINE},
                 {TERMINAL_ITALIC, A_ITALIC},   {TERMINAL_BLINK, A_BLINK},
                 {TERMINAL_REVERSE, A_REVERSE}, {TERMINAL_HIDDEN, A_INVIS}};
    *attributes = A_NORMAL;
    for (guint i = 0; i < G_N_ELEMENTS(table); i++)
        if (style->attributes & table[i].ours)
            *attributes |= table[i].theirs;
    *pair = 0;
    if (colours < 8 || (style->foreground == TERMINAL_COLOUR_DEFAULT &&
                        style->background == TERMINAL_COLOUR_DEFAULT))
        return;
    int found = alloc_pair(reduce_colour(style->foreground, colours),
                           reduce_colour(style->background, colours));
    *pair = MAX(found, 0);
}

/* Box drawing and blocks in ASCII; '?' for all else. */
static wchar_t ascii_twin(gunichar c)
{
    if (c == 0x2500 || c == 0x2501 || c == 0x2550)
        return L'-';
    if (c == 0x2502 || c == 0x2503 || c == 0x2551)
        return L'|';
    if (c > 0x2503 && c < 0x2580)
        return L'+';
    if (c >= 0x2580 && c < 0x25a0)
        return L'#';
    return c == 0xa0 ? L' ' : L'?';
}

/* The cell as wide characters that take exactly its width on the screen. */
static void cell_text(const TerminalCell *cell, const Screen *screen, wchar_t *text)
{
    wchar_t first = (wchar_t)cell->chars[0];
    gboolean ascii = !screen_utf8(screen);
    wchar_t twin = screen_shows(screen, cell->chars[0]) ? L'?' : ascii_twin(cell->chars[0]);
    text[1] = 0;
    /* What has no twin the terminal replaces better, if it takes UTF-8. */
    if (first >= 0x7f && (ascii || twin != L'?'))
        text[0] = twin;
    else if (first < ' ' || wcwidth(first) != cell->width)
        text[0] = ascii ? L'?' : 0xfffd;
    else {
        int length = 0;
        text[length++] = first;
        for (guint i = 1; i < TERMINAL_CHARS_MAX && cell->chars[i] && !ascii; i++)
            if (length < CCHARW_MAX - 1 && wcwidth((wchar_t)cell->chars[i]) == 0)
                text[length++] = (wchar_t)cell->chars[i];
        text[length] = 0;
    }
}

static gboolean is_selected(const TerminalFrame *frame, gint64 line, guint column)
{
    TerminalPlace from = frame->from, to = frame->to;
    if (!frame->selecting)
        return FALSE;
    if (to.line < from.line || (to.line == from.line && to.column < from.column)) {
        from = frame->to;
        to = frame->from;
    }
    return (line > from.line || (line == from.line && column >= from.column)) &&
           (line < to.line || (line == to.line && column <= to.column));
}

static void draw_cell(const TerminalView *view, const TerminalCell *cell, int width,
                      attr_t attributes, int pair)
{
    wchar_t text[CCHARW_MAX + 1] = L" ";
    if (cell->width == width)
        cell_text(cell, view->screen, text);
    cchar_t glyph;
    if (setcchar(&glyph, text, attributes, (short)MIN(pair, SHRT_MAX), &pair) == OK)
        (void)wadd_wch(view->window, &glyph);
    /* A wide cell of which something narrow is shown. */
    if (width == 2 && wcwidth(text[0]) != 2 &&
        setcchar(&glyph, L" ", attributes, (short)MIN(pair, SHRT_MAX), &pair) == OK)
        (void)wadd_wch(view->window, &glyph);
}

static void draw_row(const TerminalView *view, const TerminalCell *cells, guint count, int row)
{
    TerminalCell blank;
    terminal_cell_blank(&blank);
    TerminalStyle shown = blank.style;
    attr_t attributes = A_NORMAL;
    int pair = 0;
    (void)wmove(view->window, row, 0);
    for (int column = 0, width = 1; column < view->box.columns; column += width) {
        const TerminalCell *cell = column < (int)count ? &cells[column] : &blank;
        width = cell->width == 2 && column + 2 <= view->box.columns ? 2 : 1;
        if (!terminal_style_equal(&cell->style, &shown)) {
            shown = cell->style;
            style_to_curses(&shown, view->colours, &attributes, &pair);
        }
        gboolean selected = is_selected(&view->frame, view->frame.top + row, (guint)column);
        draw_cell(view, cell, width, selected ? attributes ^ A_REVERSE : attributes, pair);
    }
}

TerminalView *terminal_view_new(void)
{
    return g_new0(TerminalView, 1);
}

void terminal_view_free(TerminalView *view)
{
    if (!view)
        return;
    if (view->window)
        (void)delwin(view->window);
    g_free(view);
}

/* Brings the window to where it shall be. TRUE when it is a new one. */
static gboolean place(TerminalView *view, Box box)
{
    const Box *now = &view->box;
    if (view->window && now->row == box.row && now->column == box.column &&
        now->rows == box.rows && now->columns == box.columns)
        return FALSE;
    if (view->window)
        (void)delwin(view->window);
    view->window = newwin(box.rows, box.columns, box.row, box.column);
    view->box = box;
    return TRUE;
}

static gboolean same_frame(const TerminalFrame *a, const TerminalFrame *b)
{
    return a->top == b->top && a->selecting == b->selecting &&
           (!a->selecting ||
            (a->from.line == b->from.line && a->from.column == b->from.column &&
             a->to.line == b->to.line && a->to.column == b->to.column));
}

void terminal_view_draw(TerminalView *view, Screen *screen, Box box, Terminal *terminal,
                        const TerminalFrame *frame, gboolean all)
{
    if (box.rows < 1 || box.columns < 1)
        return;
    all |= place(view, box) || !same_frame(&view->frame, frame);
    if (!view->window)
        return; /* the screen is smaller than the box */
    view->frame = *frame;
    view->colours = screen_colours(screen);
    view->screen = screen;
    guint count = terminal_columns(terminal);
    TerminalCell *cells = g_new(TerminalCell, count);
    gint64 top = terminal_screen_line(terminal);
    for (int row = 0; row < box.rows; row++) {
        gint64 line = frame->top + row, on_screen = line - top;
        gboolean damaged = on_screen >= 0 && on_screen < (gint64)terminal_rows(terminal) &&
                           terminal_take_damage(terminal, (guint)on_screen);
        if (!damaged && !all)
            continue;
        (void)terminal_read_line(terminal, line, cells);
        draw_row(view, cells, count, row);
    }
    g_free(cells);
    draw_window(screen, view->window);
}

gboolean terminal_key_from_screen(Key key, TerminalKey *out)
{
    static const guint32 named[] = {
        TERMINAL_KEY_UP,     TERMINAL_KEY_DOWN,   TERMINAL_KEY_LEFT,    TERMINAL_KEY_RIGHT,
        TERMINAL_KEY_HOME,   TERMINAL_KEY_END,    TERMINAL_KEY_PAGE_UP, TERMINAL_KEY_PAGE_DOWN,
        TERMINAL_KEY_INSERT, TERMINAL_KEY_DELETE,
    };
    if (key < 0)
        return FALSE;
    guint32 code = (guint32)(key & ~KEY_ALT);
    guint modifiers =
        (key & KEY_ALT ? TERMINAL_ALT : 0) | (code == K_BACK_TAB ? TERMINAL_SHIFT : 0);
    if (code >= K_UP && code - K_UP < G_N_ELEMENTS(named))
        code = named[code - K_UP];
    else if (code == K_BACK_TAB)
        code = '\t';
    else if (code >= K_F1 && code < K_F1 + 24)
        code = TERMINAL_KEY_F1 + (code - K_F1);
    else if (code >= KEY_FIRST)
        return FALSE;
    *out = (TerminalKey){code, (guint8)modifiers};
    return TRUE;
}

char *terminal_osc52(const char *text)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)text, strlen(text));
    return g_strconcat("\033]52;c;", encoded, "\a", NULL);
}
