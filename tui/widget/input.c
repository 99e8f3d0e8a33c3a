#include "tui/widget/input.h"

#include "tui/screen/text.h"

#include <string.h>

void input_init(Input *input, const char *text)
{
    *input = (Input){.text = g_string_new(text)};
    input->cursor = input->text->len;
}

void input_clear(Input *input)
{
    if (!input->text)
        return;
    explicit_bzero(input->text->str, input->text->allocated_len);
    g_string_free(input->text, TRUE);
    input->text = NULL;
}

void input_set(Input *input, const char *text)
{
    g_string_assign(input->text, text);
    input->cursor = input->text->len;
}

static gsize previous(const Input *input)
{
    const char *at = input->text->str + input->cursor;
    return input->cursor ? (gsize)(g_utf8_prev_char(at) - input->text->str) : 0;
}

static gsize next(const Input *input)
{
    const char *at = input->text->str + input->cursor;
    return *at ? (gsize)(g_utf8_next_char(at) - input->text->str) : input->cursor;
}

static void erase(Input *input, gsize from, gsize to)
{
    g_string_erase(input->text, (gssize)from, (gssize)(to - from));
    input->cursor = from;
}

static void erase_word(Input *input)
{
    gsize from = input->cursor;
    while (from > 0 && input->text->str[from - 1] == ' ')
        from--;
    while (from > 0 && input->text->str[from - 1] != ' ')
        from--;
    erase(input, from, input->cursor);
}

bool input_key(Input *input, Key key)
{
    switch (key) {
    case K_LEFT:
    case K_CTRL('b'):
        input->cursor = previous(input);
        return true;
    case K_RIGHT:
    case K_CTRL('f'):
        input->cursor = next(input);
        return true;
    case K_HOME:
    case K_CTRL('a'):
        input->cursor = 0;
        return true;
    case K_END:
    case K_CTRL('e'):
        input->cursor = input->text->len;
        return true;
    case K_BACKSPACE:
        erase(input, previous(input), input->cursor);
        return true;
    case K_DELETE:
    case K_CTRL('d'):
        erase(input, input->cursor, next(input));
        return true;
    case K_CTRL('w'):
        erase_word(input);
        return true;
    case K_CTRL('u'):
        erase(input, 0, input->cursor);
        return true;
    case K_CTRL('k'):
        g_string_truncate(input->text, input->cursor);
        return true;
    default:
        break;
    }
    if (key < 32 || key >= KEY_FIRST || key == 127 || (key >= 0x80 && key < 0xA0) ||
        !g_unichar_validate((gunichar)key))
        return false;
    if (input->text->len + 6 > INPUT_MAX)
        return true;
    char bytes[8];
    int length = g_unichar_to_utf8((gunichar)key, bytes);
    g_string_insert_len(input->text, (gssize)input->cursor, bytes, length);
    input->cursor += (gsize)length;
    return true;
}

void input_draw(const Input *input, Screen *screen, int row, int column, int columns)
{
    g_autofree char *dots = NULL;
    const char *text = input->text->str;
    gsize cursor = input->cursor;
    if (input->hidden) {
        glong count = g_utf8_strlen(text, -1);
        dots = g_strnfill((gsize)count, '*');
        cursor = (gsize)g_utf8_strlen(text, (gssize)cursor);
        text = dots;
    }
    g_autofree char *before = g_strndup(text, cursor);
    int at = text_columns(before, screen_utf8(screen));
    /* Long text scrolls so that the cursor is in sight. */
    while (at >= columns && *text) {
        int width = 0;
        const char *rest = text;
        (void)text_next(&rest, screen_utf8(screen), &width);
        text = rest;
        at -= width;
    }
    draw_field(screen, row, column, columns, ROLE_INPUT, ALIGN_LEFT, text);
    draw_cursor(screen, row, column + at);
}
