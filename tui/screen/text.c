#include "tui/screen/text.h"

#include <glib.h>
#include <string.h>

enum { MARKS_MAX = 2 };

/* Invisible, or able to reorder what stands beside it. */
static bool is_deceptive(gunichar c)
{
    return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0x061C || c == 0xFEFF || c == 0x00AD ||
           (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF) || c == 0x2028 ||
           c == 0x2029 || (c >= 0xFE00 && c <= 0xFE0F);
}

static int columns_of(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    /* What the C library cannot place, ncurses cannot either. */
    int width = wcwidth((wchar_t)c);
    return width < 0 ? -1 : width;
}

wchar_t text_next(const char **text, bool utf8, int *columns)
{
    while (**text) {
        gunichar c = g_utf8_get_char_validated(*text, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            (*text)++;
            *columns = 1;
            return utf8 ? 0xFFFD : L'?';
        }
        *text = g_utf8_next_char(*text);
        if (is_deceptive(c))
            continue;
        if (c == '\t')
            c = ' ';
        *columns = 1;
        if (c < 0x20 || (c >= 0x7F && c < 0xA0))
            return utf8 ? 0xFFFD : L'?';
        if (c < 0x7F)
            return (wchar_t)c;
        if (!utf8)
            return L'?';
        *columns = columns_of(c);
        if (*columns >= 0)
            return (wchar_t)c;
        *columns = 1;
        return 0xFFFD;
    }
    return 0;
}

int text_columns(const char *text, bool utf8)
{
    int total = 0, columns;
    while (text_next(&text, utf8, &columns))
        total += columns;
    return total;
}

int text_fit(const char *text, int columns, wchar_t more, bool utf8, wchar_t *out, size_t count)
{
    int used = 0, width, marks = 0;
    size_t n = 0;
    /* Where to cut if more does not fit. */
    size_t cut = 0;
    int cut_used = 0;
    wchar_t c;
    while (n + 2 < count && (c = text_next(&text, utf8, &width))) {
        if (width == 0) {
            if (n > 0 && marks++ < MARKS_MAX)
                out[n++] = c;
            continue;
        }
        if (used + width > columns) {
            if (more && columns > 0) {
                n = cut;
                used = cut_used;
                out[n++] = more;
                used++;
            }
            break;
        }
        marks = 0;
        out[n++] = c;
        used += width;
        if (used <= columns - 1) {
            cut = n;
            cut_used = used;
        }
    }
    out[n] = 0;
    return used;
}

char *text_clean(const char *text)
{
    GString *clean = g_string_new(NULL);
    while (*text) {
        if (*text == '\n' || *text == '\t') {
            g_string_append_c(clean, *text++);
            continue;
        }
        if (*text == '\r' && text[1] == '\n') {
            text++;
            continue;
        }
        int columns;
        wchar_t c = text_next(&text, true, &columns);
        if (c)
            g_string_append_unichar(clean, (gunichar)c);
    }
    return g_string_free(clean, FALSE);
}

/* Breaks at spaces where it can. */
static void wrap_line(GPtrArray *lines, const char *line, int columns)
{
    while (lines->len < TEXT_LINES_MAX) {
        const char *cursor = line, *space = NULL;
        int used = 0, width;
        while (*cursor) {
            const char *here = cursor;
            if (!text_next(&cursor, true, &width))
                break;
            if (used + width > columns) {
                cursor = here;
                if (*here == ' ')
                    space = here;
                break;
            }
            used += width;
            if (*here == ' ')
                space = here;
        }
        if (!*cursor) {
            g_ptr_array_add(lines, g_strdup(line));
            return;
        }
        const char *end = space && space > line ? space : cursor;
        if (end == line)
            return;
        g_ptr_array_add(lines, g_strndup(line, (gsize)(end - line)));
        line = end + (end == space);
    }
}

char **text_wrap(const char *text, int columns)
{
    GPtrArray *lines = g_ptr_array_new();
    g_autofree char *clean = text_clean(text);
    g_auto(GStrv) parts = g_strsplit(clean, "\n", -1);
    for (char **part = parts; *part; part++)
        wrap_line(lines, *part, MAX(columns, 4));
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(lines, FALSE);
}
