/* Any bytes as a guest's output, between them resizes, keys and pastes: what is
 * read back is fit for a screen, and what is answered is bounded. */
#include "tui/widget/terminal.h"
#include "tui/widget/terminal_filter.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(const char *bytes, size_t length, gpointer user)
{
    *(size_t *)user += length;
}

static void check_lines(Terminal *terminal)
{
    guint columns = terminal_columns(terminal);
    g_autofree TerminalCell *cells = g_new(TerminalCell, columns);
    gint64 end = terminal_screen_line(terminal) + terminal_rows(terminal);
    for (gint64 line = terminal_first_line(terminal); line < end; line++) {
        g_assert(terminal_read_line(terminal, line, cells));
        for (guint i = 0; i < columns; i += cells[i].width) {
            g_assert(cells[i].width == 1 || cells[i].width == 2);
            g_assert(i + cells[i].width <= columns);
            g_assert(g_unichar_isprint(cells[i].chars[0]) || cells[i].chars[0] == 0xfffd);
            g_assert(!terminal_is_combining(cells[i].chars[0]));
            for (guint j = 1; j < TERMINAL_CHARS_MAX && cells[i].chars[j]; j++)
                g_assert(terminal_is_combining(cells[i].chars[j]));
        }
    }
}

/* A byte 0xf8..0xff, never part of UTF-8, is an act of the person's. */
static void act(Terminal *terminal, const uint8_t *data)
{
    switch (data[0]) {
    case 0xf8:
        terminal_resize(terminal, data[1] % 32, data[2] % 64);
        break;
    case 0xf9:
        terminal_key(terminal, (TerminalKey){TERMINAL_KEY_UP + data[1], data[2]});
        break;
    case 0xfa:
        terminal_key(terminal, (TerminalKey){data[1], data[2]});
        break;
    default:
        terminal_paste(terminal, (const char *)data, 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t sent = 0, answers = 0;
    g_autoptr(Terminal) terminal = terminal_new(6, 12, 20, count, &sent);
    for (size_t i = 0; i < size;) {
        size_t begin = i;
        while (i < size && data[i] < 0xf8)
            i++;
        size_t before = sent;
        terminal_feed(terminal, (const char *)data + begin, i - begin, 1);
        answers += sent - before;
        if (i + 3 <= size)
            act(terminal, data + i);
        i += 3;
    }
    g_assert(answers <= TERMINAL_ANSWERS_MAX);
    check_lines(terminal);
    TerminalPlace place = {0, 0};
    (void)terminal_search(terminal, "a", FALSE, &place);
    g_free(terminal_copy(terminal, (TerminalPlace){0, 3}, (TerminalPlace){30, 2}));
    return 0;
}
