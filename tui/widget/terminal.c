#include "tui/widget/terminal.h"

#include "tui/widget/terminal_filter.h"

#include <string.h>
#include <vterm.h>

/* The emulator is fed in pieces, so that the filter's output stays small. */
enum { PIECE = 4096 };

struct Terminal {
    VTerm *vterm;
    VTermScreen *screen;
    TerminalFilter filter;
    GString *filtered;
    TerminalLines *history;
    gint64 pushed; /* number of the screen's first line */
    guint rows, columns;
    guint8 *damage; /* one a row */
    gboolean damaged;
    VTermPos cursor;
    gboolean cursor_hidden, alternate, bell;
    TerminalOutput output;
    gpointer user;
    gboolean feeding; /* what the emulator says now is an answer */
    gint64 answers_since;
    size_t answers;    /* bytes since then */
    TerminalCell *row; /* room for one line being pushed or popped */
};

static guint32 convert_colour(const VTermColor *colour)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(colour) || VTERM_COLOR_IS_DEFAULT_BG(colour))
        return TERMINAL_COLOUR_DEFAULT;
    if (VTERM_COLOR_IS_INDEXED(colour))
        return colour->indexed.idx;
    return TERMINAL_COLOUR_RGB | (guint32)colour->rgb.red << 16 |
           (guint32)colour->rgb.green << 8 | colour->rgb.blue;
}

static guint16 convert_attributes(const VTermScreenCellAttrs *attrs)
{
    guint attributes =
        (attrs->bold ? TERMINAL_BOLD : 0) | (attrs->underline ? TERMINAL_UNDERLINE : 0) |
        (attrs->italic ? TERMINAL_ITALIC : 0) | (attrs->blink ? TERMINAL_BLINK : 0) |
        (attrs->reverse ? TERMINAL_REVERSE : 0) | (attrs->strike ? TERMINAL_STRIKE : 0);
#if VTERM_VERSION_MAJOR > 0 || VTERM_VERSION_MINOR >= 2
    attributes |= attrs->conceal ? TERMINAL_HIDDEN : 0;
#endif
    return (guint16)attributes;
}

/* What the emulator holds is checked again: the screen relies on chars[0] being
 * one printable character of the stated width and the others combining. */
static void convert_cell(const VTermScreenCell *from, TerminalCell *cell)
{
    *cell = (TerminalCell){.width = from->width == 2 ? 2 : 1,
                           .style = {convert_colour(&from->fg), convert_colour(&from->bg),
                                     convert_attributes(&from->attrs)}};
    gunichar first = from->chars[0];
    if (first == 0 || first == G_MAXUINT32) /* the latter: half of a wide one, left alone */
        first = ' ';
    else if (!g_unichar_validate(first) || !g_unichar_isprint(first) ||
             terminal_is_combining(first))
        first = 0xfffd;
    cell->chars[0] = first;
    guint kept = 1;
    for (guint i = 1; i < VTERM_MAX_CHARS_PER_CELL && from->chars[i]; i++)
        if (kept < TERMINAL_CHARS_MAX && terminal_is_combining(from->chars[i]))
            cell->chars[kept++] = from->chars[i];
}

/* A line of the emulator, one cell at a time by get. The second half of a wide
 * cell is marked with chars[0] (uint32_t)-1 or is blank, by version; and a wide
 * cell may stand in the last column alone. */
static void convert_line(const VTermScreenCell *from, guint count, TerminalCell *cells,
                         guint columns)
{
    guint column = 0;
    while (column < columns) {
        if (column >= count) {
            terminal_cell_blank(&cells[column++]);
            continue;
        }
        TerminalCell *cell = &cells[column];
        convert_cell(&from[column], cell);
        if (cell->width == 2 && column + 1 >= columns) {
            cell->chars[0] = ' ';
            cell->chars[1] = 0;
            cell->width = 1;
        }
        if (cell->width == 2)
            cells[column + 1] = (TerminalCell){.style = cell->style};
        column += cell->width;
    }
}

static int on_damage(VTermRect rect, void *user)
{
    Terminal *terminal = user;
    for (int row = MAX(rect.start_row, 0); row < MIN(rect.end_row, (int)terminal->rows); row++)
        terminal->damage[row] = 1;
    terminal->damaged = TRUE;
    return 1;
}

static int on_move_cursor(VTermPos position, VTermPos old, int visible, void *user)
{
    Terminal *terminal = user;
    terminal->cursor = position;
    terminal->damaged = TRUE; /* the cursor alone is a reason to draw */
    return 1;
}

static int on_property(VTermProp property, VTermValue *value, void *user)
{
    Terminal *terminal = user;
    if (property == VTERM_PROP_CURSORVISIBLE) {
        terminal->cursor_hidden = !value->boolean;
        terminal->damaged = TRUE;
    } else if (property == VTERM_PROP_ALTSCREEN) {
        terminal->alternate = value->boolean;
    }
    return 1;
}

static int on_bell(void *user)
{
    ((Terminal *)user)->bell = TRUE;
    return 1;
}

static int on_push_line(int columns, const VTermScreenCell *cells, void *user)
{
    Terminal *terminal = user;
    guint count = (guint)MIN(columns, TERMINAL_COLUMNS_MAX);
    convert_line(cells, count, terminal->row, count);
    terminal_lines_push(terminal->history, terminal->row, count);
    terminal->pushed++;
    return 1;
}

static void restore_colour(guint32 colour, gboolean foreground, VTermColor *out)
{
    if (colour == TERMINAL_COLOUR_DEFAULT) {
        vterm_color_indexed(out, foreground ? 7 : 0);
        out->type |= foreground ? VTERM_COLOR_DEFAULT_FG : VTERM_COLOR_DEFAULT_BG;
    } else if (colour & TERMINAL_COLOUR_RGB) {
        vterm_color_rgb(out, (uint8_t)(colour >> 16), (uint8_t)(colour >> 8), (uint8_t)colour);
    } else {
        vterm_color_indexed(out, (uint8_t)colour);
    }
}

/* The screen grew: the newest line of the history comes back. */
static int on_pop_line(int columns, VTermScreenCell *cells, void *user)
{
    Terminal *terminal = user;
    guint count = (guint)MIN(columns, TERMINAL_COLUMNS_MAX);
    if (!terminal_lines_pop(terminal->history, terminal->row, count))
        return 0;
    terminal->pushed--;
    memset(cells, 0, (size_t)columns * sizeof *cells);
    for (guint i = 0; i < count; i++) {
        const TerminalCell *from = &terminal->row[i];
        VTermScreenCell *cell = &cells[i];
        for (guint j = 0; j < TERMINAL_CHARS_MAX && from->chars[j]; j++)
            cell->chars[j] = from->chars[j];
        cell->width = (char)MAX(from->width, 1);
        cell->attrs.bold = (from->style.attributes & TERMINAL_BOLD) != 0;
        cell->attrs.underline = (from->style.attributes & TERMINAL_UNDERLINE) != 0;
        cell->attrs.italic = (from->style.attributes & TERMINAL_ITALIC) != 0;
        cell->attrs.blink = (from->style.attributes & TERMINAL_BLINK) != 0;
        cell->attrs.reverse = (from->style.attributes & TERMINAL_REVERSE) != 0;
        cell->attrs.strike = (from->style.attributes & TERMINAL_STRIKE) != 0;
        restore_colour(from->style.foreground, TRUE, &cell->fg);
        restore_colour(from->style.background, FALSE, &cell->bg);
    }
    return 1;
}

static const VTermScreenCallbacks screen_callbacks = {
    .damage = on_damage,
    .movecursor = on_move_cursor,
    .settermprop = on_property,
    .bell = on_bell,
    .sb_pushline = on_push_line,
    .sb_popline = on_pop_line,
};

static void on_output(const char *bytes, size_t length, void *user)
{
    Terminal *terminal = user;
    if (terminal->feeding) {
        if (terminal->answers + length > TERMINAL_ANSWERS_MAX)
            return;
        terminal->answers += length;
    }
    terminal->output(bytes, length, terminal->user);
}

Terminal *terminal_new(guint rows, guint columns, guint history, TerminalOutput output,
                       gpointer user)
{
    Terminal *terminal = g_new0(Terminal, 1);
    terminal->rows = CLAMP(rows, TERMINAL_ROWS_MIN, TERMINAL_ROWS_MAX);
    terminal->columns = CLAMP(columns, TERMINAL_COLUMNS_MIN, TERMINAL_COLUMNS_MAX);
    terminal->output = output;
    terminal->user = user;
    terminal->filtered = g_string_new(NULL);
    terminal->history = terminal_lines_new(MAX(history, 1));
    terminal->damage = g_new0(guint8, TERMINAL_ROWS_MAX);
    terminal->row = g_new0(TerminalCell, TERMINAL_COLUMNS_MAX);
    terminal->vterm = vterm_new((int)terminal->rows, (int)terminal->columns);
    vterm_set_utf8(terminal->vterm, 1);
    vterm_output_set_callback(terminal->vterm, on_output, terminal);
    terminal->screen = vterm_obtain_screen(terminal->vterm);
    vterm_screen_set_callbacks(terminal->screen, &screen_callbacks, terminal);
    vterm_screen_enable_altscreen(terminal->screen, 1);
    vterm_screen_set_damage_merge(terminal->screen, VTERM_DAMAGE_ROW);
    vterm_screen_reset(terminal->screen, 1);
    terminal_damage_all(terminal);
    return terminal;
}

void terminal_free(Terminal *terminal)
{
    if (!terminal)
        return;
    vterm_free(terminal->vterm);
    terminal_lines_free(terminal->history);
    g_string_free(terminal->filtered, TRUE);
    g_free(terminal->damage);
    g_free(terminal->row);
    g_free(terminal);
}

void terminal_feed(Terminal *terminal, const char *bytes, size_t length, gint64 now)
{
    if (now - terminal->answers_since >= G_USEC_PER_SEC) {
        terminal->answers_since = now;
        terminal->answers = 0;
    }
    terminal->feeding = TRUE;
    while (length) {
        size_t piece = MIN(length, PIECE);
        g_string_truncate(terminal->filtered, 0);
        terminal_filter_feed(&terminal->filter, bytes, piece, terminal->filtered);
        vterm_input_write(terminal->vterm, terminal->filtered->str, terminal->filtered->len);
        bytes += piece;
        length -= piece;
    }
    vterm_screen_flush_damage(terminal->screen);
    terminal->feeding = FALSE;
}

void terminal_resize(Terminal *terminal, guint rows, guint columns)
{
    rows = CLAMP(rows, TERMINAL_ROWS_MIN, TERMINAL_ROWS_MAX);
    columns = CLAMP(columns, TERMINAL_COLUMNS_MIN, TERMINAL_COLUMNS_MAX);
    if (rows == terminal->rows && columns == terminal->columns)
        return;
    terminal->rows = rows;
    terminal->columns = columns;
    /* As xterm does, without a scrolling region; libvterm 0.1.4 would keep one that
     * lies outside, and leave the cursor there, until a sequence brings it back. */
    char text[64];
    int length = g_snprintf(text, sizeof text, "\033[r\033[%d;%dH", terminal->cursor.row + 1,
                            terminal->cursor.col + 1);
    vterm_input_write(terminal->vterm, text, (size_t)length);
    vterm_set_size(terminal->vterm, (int)rows, (int)columns);
    vterm_input_write(terminal->vterm, "\033[0n", 4);
    vterm_screen_flush_damage(terminal->screen);
    terminal_damage_all(terminal);
}

guint terminal_rows(const Terminal *terminal)
{
    return terminal->rows;
}

guint terminal_columns(const Terminal *terminal)
{
    return terminal->columns;
}

void terminal_key(Terminal *terminal, TerminalKey key)
{
    static const VTermKey keys[] = {
        VTERM_KEY_UP,  VTERM_KEY_DOWN, VTERM_KEY_LEFT, VTERM_KEY_RIGHT,  VTERM_KEY_INS,
        VTERM_KEY_DEL, VTERM_KEY_HOME, VTERM_KEY_END,  VTERM_KEY_PAGEUP, VTERM_KEY_PAGEDOWN,
    };
    VTermModifier modifiers =
        (VTermModifier)((key.modifiers & TERMINAL_SHIFT ? VTERM_MOD_SHIFT : 0) |
                        (key.modifiers & TERMINAL_ALT ? VTERM_MOD_ALT : 0) |
                        (key.modifiers & TERMINAL_CTRL ? VTERM_MOD_CTRL : 0));
    if (key.code == '\r') {
        vterm_keyboard_key(terminal->vterm, VTERM_KEY_ENTER, modifiers);
    } else if (key.code == '\t' && key.modifiers & TERMINAL_SHIFT) {
        vterm_keyboard_key(terminal->vterm, VTERM_KEY_TAB, VTERM_MOD_SHIFT);
    } else if (key.code < 0x20 || key.code == 0x7f) {
        /* As they are: the emulator would write some in forms few guests know. */
        char bytes[2] = {0x1b, (char)key.code};
        gboolean alt = (key.modifiers & TERMINAL_ALT) != 0;
        terminal->output(alt ? bytes : bytes + 1, alt ? 2 : 1, terminal->user);
    } else if (key.code < TERMINAL_KEY_UP) {
        if (g_unichar_validate(key.code))
            vterm_keyboard_unichar(terminal->vterm, key.code, modifiers);
    } else if (key.code >= TERMINAL_KEY_F1 && key.code <= TERMINAL_KEY_F24) {
        vterm_keyboard_key(terminal->vterm,
                           (VTermKey)VTERM_KEY_FUNCTION(1 + (int)(key.code - TERMINAL_KEY_F1)),
                           modifiers);
    } else if (key.code - TERMINAL_KEY_UP < G_N_ELEMENTS(keys)) {
        vterm_keyboard_key(terminal->vterm, keys[key.code - TERMINAL_KEY_UP], modifiers);
    }
}

void terminal_paste(Terminal *terminal, const char *text, size_t length)
{
    g_autoptr(GString) clean = g_string_new(NULL);
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)MIN(length, TERMINAL_PASTE_MAX));
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '\n' || c == '\r') {
            /* A terminal sends Enter; CR LF is one. */
            if (c == '\r' || at == valid || at[-1] != '\r')
                g_string_append_c(clean, '\r');
        } else if (c == '\t' || !g_unichar_iscntrl(c)) {
            g_string_append_unichar(clean, c);
        }
    }
    vterm_keyboard_start_paste(terminal->vterm);
    terminal->output(clean->str, clean->len, terminal->user);
    vterm_keyboard_end_paste(terminal->vterm);
}

gboolean terminal_cursor(const Terminal *terminal, guint *row, guint *column)
{
    *row = (guint)CLAMP(terminal->cursor.row, 0, (int)terminal->rows - 1);
    *column = (guint)CLAMP(terminal->cursor.col, 0, (int)terminal->columns - 1);
    return !terminal->cursor_hidden;
}

gboolean terminal_alternate(const Terminal *terminal)
{
    return terminal->alternate;
}

gboolean terminal_take_bell(Terminal *terminal)
{
    gboolean bell = terminal->bell;
    terminal->bell = FALSE;
    return bell;
}

gboolean terminal_damaged(const Terminal *terminal)
{
    return terminal->damaged;
}

gboolean terminal_take_damage(Terminal *terminal, guint row)
{
    terminal->damaged = FALSE;
    if (row >= terminal->rows || !terminal->damage[row])
        return FALSE;
    terminal->damage[row] = 0;
    return TRUE;
}

void terminal_damage_all(Terminal *terminal)
{
    memset(terminal->damage, 1, terminal->rows);
    terminal->damaged = TRUE;
}

gint64 terminal_screen_line(const Terminal *terminal)
{
    return terminal->pushed;
}

gint64 terminal_first_line(const Terminal *terminal)
{
    return terminal->pushed - (gint64)terminal_lines_count(terminal->history);
}

gboolean terminal_read_line(const Terminal *terminal, gint64 line, TerminalCell *cells)
{
    gint64 first = terminal_first_line(terminal), row = line - terminal->pushed;
    if (line < first || row >= (gint64)terminal->rows) {
        for (guint i = 0; i < terminal->columns; i++)
            terminal_cell_blank(&cells[i]);
        return FALSE;
    }
    if (row < 0) {
        terminal_lines_read(terminal->history, (guint)(line - first), cells, terminal->columns);
        return TRUE;
    }
    VTermScreenCell *screen = g_newa0(VTermScreenCell, terminal->columns);
    for (guint i = 0; i < terminal->columns; i++)
        (void)vterm_screen_get_cell(terminal->screen, (VTermPos){(int)row, (int)i}, &screen[i]);
    convert_line(screen, terminal->columns, cells, terminal->columns);
    return TRUE;
}
