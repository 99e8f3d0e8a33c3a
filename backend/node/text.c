#include "backend/node/text.h"

#include <string.h>

static gboolean is_unfit(gunichar c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

char *node_text_clean(const char *text, gssize length)
{
    g_autofree char *valid = g_utf8_make_valid(text, length);
    GString *clean = g_string_sized_new(strlen(valid));
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_string_append_unichar(clean, c == '\t' ? ' ' : is_unfit(c) ? 0xfffd : c);
    }
    return g_string_free(clean, FALSE);
}

GPtrArray *node_text_tail(const char *text, size_t length, guint count, size_t line_max)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    size_t end = length;
    while (end > 0 && lines->len < count) {
        const char *newline = memrchr(text, '\n', end);
        size_t start = newline ? (size_t)(newline - text) + 1 : 0;
        if (end > start) {
            size_t kept = MIN(end - start, line_max);
            g_ptr_array_add(lines, node_text_clean(text + start, (gssize)kept));
        }
        end = newline ? (size_t)(newline - text) : 0;
    }
    for (guint i = 0; i < lines->len / 2; i++) {
        gpointer other = lines->pdata[i];
        lines->pdata[i] = lines->pdata[lines->len - 1 - i];
        lines->pdata[lines->len - 1 - i] = other;
    }
    return lines;
}
