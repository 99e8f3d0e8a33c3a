#include "tui/widget/terminal_filter.h"

#include <string.h>

enum { ESC = 0x1b, CAN = 0x18, SUB = 0x1a, BEL = 0x07, DEL = 0x7f, REPLACEMENT = 0xfffd };

gboolean terminal_is_combining(gunichar character)
{
    /* GLib counts the soft hyphen in; terminals give it a column. */
    return character >= 0x300 && g_unichar_iszerowidth(character);
}

static gboolean is_bidirectional_control(gunichar c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void emit_character(TerminalFilter *filter, gunichar c, GString *out)
{
    if ((c >= 0x80 && c < 0xa0) || is_bidirectional_control(c) || (c & 0xfffe) == 0xfffe ||
        !g_unichar_validate(c))
        c = REPLACEMENT;
    if (!terminal_is_combining(c)) {
        filter->combining = 0;
        filter->last = c;
    } else if (!filter->last || g_unichar_iswide(c) ||
               ++filter->combining > FILTER_COMBINING_MAX) {
        return;
    }
    g_string_append_unichar(out, c);
}

static void begin(TerminalFilter *filter, FilterState state, char byte)
{
    filter->state = state;
    filter->pending[0] = byte;
    filter->pending_length = 1;
    filter->number = 0;
    filter->separators = 0;
}

/* A control character acts at once, also inside a sequence. */
static void control_byte(TerminalFilter *filter, guchar byte, GString *out)
{
    if (byte == ESC) {
        begin(filter, FILTER_ESCAPE, ESC);
    } else if (byte == CAN || byte == SUB) {
        filter->state = FILTER_TEXT;
    } else if (byte != DEL && byte != 0) {
        g_string_append_c(out, (char)byte);
    }
}

static void text_byte(TerminalFilter *filter, guchar byte, GString *out)
{
    if (filter->needed) {
        if ((byte & 0xc0) == 0x80) {
            filter->character = filter->character << 6 | (byte & 0x3f);
            if (--filter->needed == 0)
                emit_character(
                    filter, filter->character < filter->least ? REPLACEMENT : filter->character,
                    out);
            return;
        }
        filter->needed = 0;
        emit_character(filter, REPLACEMENT, out);
    }
    if (byte < 0x20 || byte == DEL) {
        control_byte(filter, byte, out);
    } else if (byte < 0x80) {
        filter->combining = 0;
        filter->last = byte;
        g_string_append_c(out, (char)byte);
    } else if (byte >= 0xc2 && byte < 0xf5) {
        filter->needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
        filter->character = byte & (0x3f >> filter->needed);
        filter->least = filter->needed == 1 ? 0x80 : filter->needed == 2 ? 0x800 : 0x10000;
    } else {
        emit_character(filter, REPLACEMENT, out);
    }
}

/* Sequences that the emulator gets wrong, or that concern no guest. */
static gboolean is_unwanted(const TerminalFilter *filter, char final)
{
    char second = filter->pending_length > 1 ? filter->pending[1] : 0;
    if (second == '#' && final >= '3' && final <= '6')
        return TRUE; /* lines of double size */
    if (second == ' ')
        return TRUE; /* answers with 8-bit controls */
    if (second >= '!' && second <= '/' && strchr("P[]", final))
        return TRUE; /* libvterm 0.1.4 begins a string or a sequence here */
    /* Left and right margins. */
    return second == '[' && final == 's' &&
           strspn(filter->pending + 2, "0123456789;:") >= filter->pending_length - 2;
}

static void finish(TerminalFilter *filter, char final, GString *out)
{
    /* A request that has no answer, and no effect but to bring a cursor that was
     * saved in a larger screen back into this one. */
    static const char settle[] = "\033[0n";
    filter->state = FILTER_TEXT;
    filter->pending[filter->pending_length] = '\0';
    if (is_unwanted(filter, final))
        return;
    g_string_append_len(out, filter->pending, filter->pending_length);
    g_string_append_c(out, final);
    if (filter->pending_length == 1 && final == '8')
        g_string_append(out, settle);
}

static void escape_byte(TerminalFilter *filter, guchar byte, GString *out)
{
    if (byte < 0x20 || byte == DEL) {
        control_byte(filter, byte, out);
    } else if (byte >= 0x80) {
        filter->state = FILTER_TEXT;
        text_byte(filter, byte, out);
    } else if (byte < 0x30) {
        if (filter->pending_length < 4)
            filter->pending[filter->pending_length++] = (char)byte;
        filter->state = FILTER_INTERMEDIATE;
    } else if (filter->state == FILTER_INTERMEDIATE) {
        finish(filter, (char)byte, out);
    } else if (byte == '[') {
        filter->pending[filter->pending_length++] = '[';
        filter->state = FILTER_CONTROL;
    } else if (byte == ']' || byte == 'P' || byte == '_' || byte == '^' || byte == 'X') {
        filter->state = FILTER_STRING;
    } else {
        finish(filter, (char)byte, out);
    }
}

/* A digit more, unless the number would be over the limit: then its digits so
 * far become the limit's. */
static void number_digit(TerminalFilter *filter, guchar byte)
{
    if (filter->number > FILTER_NUMBER_MAX / 10) {
        for (guint i = filter->pending_length; i > 0 && g_ascii_isdigit(filter->pending[i - 1]);
             i--)
            filter->pending[i - 1] = '9';
        return;
    }
    filter->number = filter->number * 10 + (byte - '0');
    /* Leading zeros don't count, so that a flood of them is one. */
    if (filter->number < 10 && filter->pending[filter->pending_length - 1] == '0')
        filter->pending_length--;
    filter->pending[filter->pending_length++] = (char)byte;
}

static void repeat(TerminalFilter *filter, GString *out)
{
    guint times = CLAMP(filter->number, 1, FILTER_REPEAT_MAX);
    filter->state = FILTER_TEXT;
    for (guint i = 0; filter->last && i < times; i++)
        g_string_append_unichar(out, filter->last);
}

static void end_control_sequence(TerminalFilter *filter, guchar final, GString *out)
{
    if (final == 'b')
        repeat(filter, out);
    else if (filter->state == FILTER_CONTROL || final == 'm')
        finish(filter, (char) final, out);
    filter->state = FILTER_TEXT;
}

static void control_sequence_byte(TerminalFilter *filter, guchar byte, GString *out)
{
    if (byte < 0x20 || byte == DEL) {
        control_byte(filter, byte, out);
    } else if (byte >= 0x80) {
        filter->state = FILTER_TEXT;
        text_byte(filter, byte, out);
    } else if (byte >= 0x40) {
        end_control_sequence(filter, byte, out);
    } else if (filter->pending_length >= FILTER_SEQUENCE_MAX ||
               ((byte == ';' || byte == ':') &&
                ++filter->separators >= FILTER_PARAMETERS_MAX)) {
        filter->state = FILTER_CONTROL_LONG;
    } else if (filter->state == FILTER_CONTROL_LONG) {
        return;
    } else if (g_ascii_isdigit(byte)) {
        number_digit(filter, byte);
    } else {
        filter->number = 0;
        filter->pending[filter->pending_length++] = (char)byte;
    }
}

static void string_byte(TerminalFilter *filter, guchar byte)
{
    if (byte == CAN || byte == SUB || byte == BEL)
        filter->state = FILTER_TEXT;
    else if (byte == ESC)
        filter->state = FILTER_STRING_ESCAPE;
}

/* ESC \ ends a string; ESC and anything else is a sequence of its own. */
static void string_escape_byte(TerminalFilter *filter, guchar byte, GString *out)
{
    if (byte == '\\') {
        filter->state = FILTER_TEXT;
        return;
    }
    begin(filter, FILTER_ESCAPE, ESC);
    escape_byte(filter, byte, out);
}

void terminal_filter_feed(TerminalFilter *filter, const char *bytes, size_t length,
                          GString *out)
{
    for (size_t i = 0; i < length; i++) {
        guchar byte = (guchar)bytes[i];
        switch (filter->state) {
        case FILTER_TEXT:
            text_byte(filter, byte, out);
            break;
        case FILTER_ESCAPE:
        case FILTER_INTERMEDIATE:
            escape_byte(filter, byte, out);
            break;
        case FILTER_CONTROL:
        case FILTER_CONTROL_LONG:
            control_sequence_byte(filter, byte, out);
            break;
        case FILTER_STRING:
            string_byte(filter, byte);
            break;
        case FILTER_STRING_ESCAPE:
            string_escape_byte(filter, byte, out);
            break;
        }
    }
}
