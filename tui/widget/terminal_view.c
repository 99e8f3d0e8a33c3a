#include "tui/widget/terminal_view.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

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
static int reduce_colour(guint32 colour)
{
    enum { DIRECT = 1 << 24 };
    if (colour == TERMINAL_COLOUR_DEFAULT)
        return -1;
    int red = (int)(colour >> 16 & 0xff), green = (int)(colour >> 8 & 0xff);
    int blue = (int)(colour & 0xff);
    if (!(colour & TERMINAL_COLOUR_RGB)) {
        int index = blue;
        if (index < 8 || (index < COLORS && COLORS < DIRECT))
            return index;
        if (index < 16)
            return COLORS >= 16 && COLORS < DIRECT ? index : index - 8;
        rgb_of_256(index, &red, &green, &blue);
    }
    /* The first eight of a direct-colour terminal are the palette's. */
    if (COLORS >= DIRECT)
        return MAX(red << 16 | green << 8 | blue, 8);
    if (COLORS >= 256)
        return rgb_to_256(red, green, blue);
    return rgb_to_16(red, green, blue, COLORS);
}

static void style_to_curses(const TerminalStyle *style, attr_t *attributes, int *pair)
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
    if (!has_colors() || (style->foreground == TERMINAL_COLOUR_DEFAULT &&
                          style->background == TERMINAL_COLOUR_DEFAULT))
        return;
    int found = alloc_pair(reduce_colour(style->foreground), reduce_colour(style->background));
    *pair = MAX(found, 0);
}

/* Box drawing and blocks in ASCII. */
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
static void cell_text(const TerminalCell *cell, gboolean ascii, wchar_t *text)
{
    wchar_t first = (wchar_t)cell->chars[0];
    text[1] = 0;
    if (first >= 0x7f && ascii)
        text[0] = ascii_twin(cell->chars[0]);
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

static gboolean is_selected(const TerminalView *view, gint64 line, guint column)
{
    TerminalPlace from = view->from, to = view->to;
    if (!view->selecting)
        return FALSE;
    if (to.line < from.line || (to.line == from.line && to.column < from.column)) {
        from = view->to;
        to = view->from;
    }
    return (line > from.line || (line == from.line && column >= from.column)) &&
           (line < to.line || (line == to.line && column <= to.column));
}

static void draw_row(const TerminalView *view, const TerminalCell *cells, guint count, int row,
                     gboolean ascii)
{
    TerminalStyle shown = {TERMINAL_COLOUR_DEFAULT, TERMINAL_COLOUR_DEFAULT, 0};
    attr_t attributes = A_NORMAL;
    int pair = 0;
    wmove(view->window, view->row + row, view->column);
    int column = 0;
    while (column < view->columns) {
        TerminalCell blank;
        terminal_cell_blank(&blank);
        const TerminalCell *cell = column < (int)count ? &cells[column] : &blank;
        wchar_t text[CCHARW_MAX + 1] = L" ";
        int width = MAX(cell->width, 1);
        if (column + width <= view->columns)
            cell_text(cell, ascii, text);
        else
            width = 1;
        if (!terminal_style_equal(&cell->style, &shown)) {
            shown = cell->style;
            style_to_curses(&shown, &attributes, &pair);
        }
        attr_t mine = attributes;
        if (is_selected(view, view->top + row, (guint)column))
            mine ^= A_REVERSE;
        cchar_t glyph;
        if (setcchar(&glyph, text, mine, (short)pair, &pair) == OK)
            wadd_wch(view->window, &glyph);
        if (width == 2 && wcwidth(text[0]) != 2) {
            setcchar(&glyph, L" ", mine, (short)pair, &pair);
            wadd_wch(view->window, &glyph);
        }
        column += width;
    }
}

void terminal_view_draw(const TerminalView *view, Terminal *terminal, gboolean all)
{
    gboolean ascii = view->ascii || MB_CUR_MAX == 1;
    guint count = terminal_columns(terminal);
    g_autofree TerminalCell *cells = g_new(TerminalCell, count);
    gint64 screen = terminal_screen_line(terminal);
    for (int row = 0; row < view->rows; row++) {
        gint64 line = view->top + row, on_screen = line - screen;
        gboolean damaged = on_screen >= 0 && on_screen < (gint64)terminal_rows(terminal) &&
                           terminal_take_damage(terminal, (guint)on_screen);
        if (!damaged && !all)
            continue;
        (void)terminal_read_line(terminal, line, cells);
        draw_row(view, cells, count, row, ascii);
    }
}

static const struct {
    int curses;
    guint32 code;
    guint8 modifiers;
} special_keys[] = {
    {KEY_UP, TERMINAL_KEY_UP, 0},
    {KEY_DOWN, TERMINAL_KEY_DOWN, 0},
    {KEY_LEFT, TERMINAL_KEY_LEFT, 0},
    {KEY_RIGHT, TERMINAL_KEY_RIGHT, 0},
    {KEY_IC, TERMINAL_KEY_INSERT, 0},
    {KEY_DC, TERMINAL_KEY_DELETE, 0},
    {KEY_HOME, TERMINAL_KEY_HOME, 0},
    {KEY_END, TERMINAL_KEY_END, 0},
    {KEY_PPAGE, TERMINAL_KEY_PAGE_UP, 0},
    {KEY_NPAGE, TERMINAL_KEY_PAGE_DOWN, 0},
    {KEY_SR, TERMINAL_KEY_UP, TERMINAL_SHIFT},
    {KEY_SF, TERMINAL_KEY_DOWN, TERMINAL_SHIFT},
    {KEY_SLEFT, TERMINAL_KEY_LEFT, TERMINAL_SHIFT},
    {KEY_SRIGHT, TERMINAL_KEY_RIGHT, TERMINAL_SHIFT},
    {KEY_SHOME, TERMINAL_KEY_HOME, TERMINAL_SHIFT},
    {KEY_SEND, TERMINAL_KEY_END, TERMINAL_SHIFT},
    {KEY_SDC, TERMINAL_KEY_DELETE, TERMINAL_SHIFT},
    {KEY_BTAB, '\t', TERMINAL_SHIFT},
    {KEY_BACKSPACE, 0x7f, 0},
    {KEY_ENTER, '\r', 0},
};

gboolean terminal_key_from_curses(wint_t code, gboolean special, TerminalKey *key)
{
    if (!special) {
        /* ncurses in nl() mode says newline for Enter. */
        *key = (TerminalKey){code == '\n' ? '\r' : (guint32)code, 0};
        return TRUE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(special_keys); i++)
        if (special_keys[i].curses == (int)code) {
            *key = (TerminalKey){special_keys[i].code, special_keys[i].modifiers};
            return TRUE;
        }
    if ((int)code >= KEY_F(1) && (int)code <= KEY_F(24)) {
        *key = (TerminalKey){TERMINAL_KEY_F1 + (guint32)(code - KEY_F(1)), 0};
        return TRUE;
    }
    return FALSE;
}

char *terminal_osc52(const char *text)
{
    g_autofree char *encoded = g_base64_encode((const guchar *)text, strlen(text));
    return g_strconcat("\033]52;c;", encoded, "\a", NULL);
}
