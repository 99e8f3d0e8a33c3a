/* Searching and copying: both read a terminal only by its lines. */
#include "tui/widget/terminal.h"

#include <string.h>

/* A line's cells as text, and for each byte of it the column it stands in. */
typedef struct {
    GString *text;
    GArray *columns; /* of guint16 */
    TerminalCell *cells;
} LineText;

static void line_text_init(LineText *line, const Terminal *terminal)
{
    line->text = g_string_new(NULL);
    line->columns = g_array_new(FALSE, FALSE, sizeof(guint16));
    line->cells = g_new(TerminalCell, terminal_columns(terminal));
}

static void line_text_clear(LineText *line)
{
    g_string_free(line->text, TRUE);
    g_array_unref(line->columns);
    g_free(line->cells);
}

/* Columns from..to, without the blanks at the end. */
static void line_text_read(LineText *line, const Terminal *terminal, gint64 number, guint from,
                           guint to, gboolean fold)
{
    (void)terminal_read_line(terminal, number, line->cells);
    g_string_truncate(line->text, 0);
    g_array_set_size(line->columns, 0);
    for (guint i = from; i <= to && i < terminal_columns(terminal); i++)
        for (guint j = 0; j < TERMINAL_CHARS_MAX && line->cells[i].chars[j]; j++) {
            gunichar c = line->cells[i].chars[j];
            g_string_append_unichar(line->text, fold ? g_unichar_tolower(c) : c);
            guint16 column = (guint16)i;
            while (line->columns->len < line->text->len)
                g_array_append_val(line->columns, column);
        }
    while (line->text->len && line->text->str[line->text->len - 1] == ' ')
        g_string_truncate(line->text, line->text->len - 1);
}

/* The match in this line that is next to column (-1: from the line's start;
 * going up, columns: from its end). Returns its column or -1. */
static int find_in_line(const LineText *line, const char *needle, gboolean up, int column)
{
    int found = -1;
    for (const char *at = strstr(line->text->str, needle); at; at = strstr(at + 1, needle)) {
        int here = g_array_index(line->columns, guint16, at - line->text->str);
        if (!up && here > column)
            return here;
        if (up && here >= column)
            break;
        if (up)
            found = here;
    }
    return found;
}

gboolean terminal_search(const Terminal *terminal, const char *text, gboolean up,
                         TerminalPlace *place)
{
    if (!*text)
        return FALSE;
    g_autoptr(GString) needle = g_string_new(NULL);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    for (const char *at = valid; *at; at = g_utf8_next_char(at))
        g_string_append_unichar(needle, g_unichar_tolower(g_utf8_get_char(at)));
    LineText line;
    line_text_init(&line, terminal);
    gint64 first = terminal_first_line(terminal);
    gint64 last = terminal_screen_line(terminal) + terminal_rows(terminal) - 1;
    int width = (int)terminal_columns(terminal), column = (int)place->column;
    int found = -1;
    for (gint64 number = CLAMP(place->line, first, last);
         found < 0 && number >= first && number <= last; number += up ? -1 : 1) {
        line_text_read(&line, terminal, number, 0, (guint)width - 1, TRUE);
        found = find_in_line(&line, needle->str, up,
                             number == place->line ? column
                             : up                  ? width
                                                   : -1);
        if (found >= 0)
            *place = (TerminalPlace){number, (guint)found};
    }
    line_text_clear(&line);
    return found >= 0;
}

static gboolean is_before(TerminalPlace a, TerminalPlace b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

char *terminal_copy(const Terminal *terminal, TerminalPlace from, TerminalPlace to)
{
    if (is_before(to, from)) {
        TerminalPlace other = from;
        from = to;
        to = other;
    }
    gint64 first = terminal_first_line(terminal);
    gint64 last = terminal_screen_line(terminal) + terminal_rows(terminal) - 1;
    guint width = terminal_columns(terminal);
    g_autoptr(GString) text = g_string_new(NULL);
    LineText line;
    line_text_init(&line, terminal);
    for (gint64 number = MAX(from.line, first); number <= MIN(to.line, last); number++) {
        line_text_read(&line, terminal, number, number == from.line ? from.column : 0,
                       number == to.line ? to.column : width - 1, FALSE);
        if (text->len + line.text->len + 1 > TERMINAL_COPY_MAX)
            break;
        g_string_append_len(text, line.text->str, (gssize)line.text->len);
        if (number < to.line)
            g_string_append_c(text, '\n');
    }
    line_text_clear(&line);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
