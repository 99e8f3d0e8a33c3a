#include "tui/view/console_scroll.h"

enum {
    ESC = 0x1b,
    CTRL_B = 2,
    CTRL_C = 3,
    CTRL_F = 6,
    CTRL_U = 21,
    DEL = 0x7f,
    NEEDLE_MAX = 256
};

void console_scroll_begin(ConsoleScroll *scroll, const Terminal *terminal)
{
    guint row = 0, column = 0;
    (void)terminal_cursor(terminal, &row, &column);
    scroll->top = terminal_screen_line(terminal);
    scroll->at = (TerminalPlace){scroll->top + row, column};
    scroll->selecting = scroll->typing = scroll->missed = FALSE;
    if (!scroll->needle)
        scroll->needle = g_string_new(NULL);
}

void console_scroll_clear(ConsoleScroll *scroll)
{
    if (scroll->needle)
        g_string_free(scroll->needle, TRUE);
    scroll->needle = NULL;
}

void console_scroll_settle(ConsoleScroll *scroll, const Terminal *terminal)
{
    gint64 first = terminal_first_line(terminal), screen = terminal_screen_line(terminal);
    gint64 rows = terminal_rows(terminal);
    scroll->at.line = CLAMP(scroll->at.line, first, screen + rows - 1);
    scroll->at.column = MIN(scroll->at.column, terminal_columns(terminal) - 1);
    if (scroll->at.line < scroll->top)
        scroll->top = scroll->at.line;
    if (scroll->at.line >= scroll->top + rows)
        scroll->top = scroll->at.line - rows + 1;
    scroll->top = CLAMP(scroll->top, first, screen);
}

/* Moves by whole pages take the view along. */
static void move_page(ConsoleScroll *scroll, const Terminal *terminal, int direction)
{
    gint64 step = MAX((gint64)terminal_rows(terminal) - 1, 1) * direction;
    scroll->at.line += step;
    scroll->top += step;
}

static void search(ConsoleScroll *scroll, const Terminal *terminal, gboolean up)
{
    scroll->missed = scroll->needle->len > 0 &&
                     !terminal_search(terminal, scroll->needle->str, up, &scroll->at);
}

static void type_needle(ConsoleScroll *scroll, const Terminal *terminal, TerminalKey key)
{
    GString *needle = scroll->needle;
    if (key.code == '\r') {
        scroll->typing = FALSE;
        search(scroll, terminal, scroll->up);
    } else if (key.code == ESC || key.code == CTRL_C) {
        scroll->typing = FALSE;
    } else if (key.code == CTRL_U) {
        g_string_truncate(needle, 0);
    } else if (key.code == DEL || key.code == '\b') {
        const char *last = g_utf8_find_prev_char(needle->str, needle->str + needle->len);
        g_string_truncate(needle, last ? (gsize)(last - needle->str) : 0);
    } else if (key.code >= ' ' && key.code < TERMINAL_KEY_UP && !key.modifiers &&
               needle->len < NEEDLE_MAX && g_unichar_validate(key.code)) {
        g_string_append_unichar(needle, key.code);
    }
}

static void begin_search(ConsoleScroll *scroll, gboolean up)
{
    g_string_truncate(scroll->needle, 0);
    scroll->typing = TRUE;
    scroll->missed = FALSE;
    scroll->up = up;
}

static void toggle_selection(ConsoleScroll *scroll)
{
    scroll->selecting = !scroll->selecting;
    scroll->anchor = scroll->at;
}

/* Moves; FALSE when the key is none of a move. */
static gboolean move_key(ConsoleScroll *scroll, const Terminal *terminal, guint32 code)
{
    switch (code) {
    case TERMINAL_KEY_UP:
    case 'k':
        scroll->at.line--;
        return TRUE;
    case TERMINAL_KEY_DOWN:
    case 'j':
        scroll->at.line++;
        return TRUE;
    case TERMINAL_KEY_LEFT:
    case 'h':
        scroll->at.column -= scroll->at.column > 0;
        return TRUE;
    case TERMINAL_KEY_RIGHT:
    case 'l':
        scroll->at.column++;
        return TRUE;
    case TERMINAL_KEY_HOME:
    case '0':
        scroll->at.column = 0;
        return TRUE;
    case TERMINAL_KEY_END:
    case '$':
        scroll->at.column = terminal_columns(terminal) - 1;
        return TRUE;
    case TERMINAL_KEY_PAGE_UP:
    case CTRL_B:
        move_page(scroll, terminal, -1);
        return TRUE;
    case TERMINAL_KEY_PAGE_DOWN:
    case CTRL_F:
        move_page(scroll, terminal, 1);
        return TRUE;
    case 'g':
        scroll->at = (TerminalPlace){terminal_first_line(terminal), 0};
        return TRUE;
    case 'G':
        scroll->at = (TerminalPlace){G_MAXINT64 / 2, 0};
        return TRUE;
    default:
        return FALSE;
    }
}

ScrollResult console_scroll_key(ConsoleScroll *scroll, const Terminal *terminal,
                                TerminalKey key)
{
    if (scroll->typing) {
        type_needle(scroll, terminal, key);
    } else if (key.code == '/' || key.code == '?') {
        begin_search(scroll, key.code == '?');
    } else if (key.code == 'n' || key.code == 'N') {
        search(scroll, terminal, scroll->up == (key.code == 'n'));
    } else if (key.code == ' ' || key.code == 'v') {
        toggle_selection(scroll);
    } else if (key.code == 'c' || key.code == 'y' || key.code == '\r') {
        return scroll->selecting ? SCROLL_COPIES : SCROLL_STAYS;
    } else if (key.code == ESC && scroll->selecting) {
        scroll->selecting = FALSE;
    } else if (key.code == ESC || key.code == 'q' || key.code == CTRL_C) {
        return SCROLL_ENDS;
    } else {
        (void)move_key(scroll, terminal, key.code);
    }
    console_scroll_settle(scroll, terminal);
    return SCROLL_STAYS;
}
