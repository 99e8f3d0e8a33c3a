#include "tests/unit/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vterm.h>

struct TestTerminal {
    int master, slave;
    int rows, columns;
    size_t bytes;
    VTerm *vt;
};

TestTerminal *test_terminal_new(int rows, int columns)
{
    TestTerminal *terminal = g_new0(TestTerminal, 1);
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    g_assert_cmpint(openpty(&terminal->master, &terminal->slave, NULL, NULL, &size), ==, 0);
    g_assert_cmpint(fcntl(terminal->master, F_SETFL, O_NONBLOCK), ==, 0);
    terminal->rows = rows;
    terminal->columns = columns;
    terminal->vt = vterm_new(rows, columns);
    vterm_set_utf8(terminal->vt, 1);
    vterm_screen_enable_altscreen(vterm_obtain_screen(terminal->vt), 1);
    vterm_screen_reset(vterm_obtain_screen(terminal->vt), 1);
    return terminal;
}

void test_terminal_free(TestTerminal *terminal)
{
    (void)close(terminal->master);
    (void)close(terminal->slave);
    vterm_free(terminal->vt);
    g_free(terminal);
}

int test_terminal_descriptor(const TestTerminal *terminal)
{
    return terminal->slave;
}

Screen *test_terminal_screen(TestTerminal *terminal, const ScreenEvents *events, gpointer user)
{
    static const ScreenEvents none = {0};
    g_autoptr(GError) error = NULL;
    ScreenOptions options = {.input = terminal->slave,
                             .output = terminal->slave,
                             .term = "xterm-256color",
                             .colours = 256};
    Screen *screen = screen_open(&options, events ? events : &none, user, &error);
    g_assert_no_error(error);
    return screen;
}

void test_terminal_read(TestTerminal *terminal)
{
    char buffer[65536];
    ssize_t n;
    while ((n = read(terminal->master, buffer, sizeof buffer)) > 0) {
        vterm_input_write(terminal->vt, buffer, (size_t)n);
        terminal->bytes += (size_t)n;
    }
}

size_t test_terminal_bytes(const TestTerminal *terminal)
{
    return terminal->bytes;
}

char *test_terminal_row(const TestTerminal *terminal, int row)
{
    GString *text = g_string_new(NULL);
    for (int column = 0; column < terminal->columns; column++) {
        VTermScreenCell cell;
        VTermPos position = {row, column};
        (void)vterm_screen_get_cell(vterm_obtain_screen(terminal->vt), position, &cell);
        if (cell.chars[0] == (uint32_t)-1)
            continue;
        if (!cell.chars[0])
            g_string_append_c(text, ' ');
        for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
            g_string_append_unichar(text, cell.chars[i]);
    }
    while (text->len && text->str[text->len - 1] == ' ')
        g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

void test_terminal_type(TestTerminal *terminal, const char *bytes)
{
    g_assert_cmpint(write(terminal->master, bytes, strlen(bytes)), ==, (ssize_t)strlen(bytes));
}

void test_terminal_resize(TestTerminal *terminal, int rows, int columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    g_assert_cmpint(ioctl(terminal->master, TIOCSWINSZ, &size), ==, 0);
    vterm_set_size(terminal->vt, rows, columns);
    terminal->rows = rows;
    terminal->columns = columns;
}

void test_terminal_colour(const TestTerminal *terminal, int row, int column, int *red,
                          int *green, int *blue)
{
    VTermScreenCell cell;
    VTermPos position = {row, column};
    (void)vterm_screen_get_cell(vterm_obtain_screen(terminal->vt), position, &cell);
    vterm_screen_convert_color_to_rgb(vterm_obtain_screen(terminal->vt), &cell.fg);
    *red = cell.fg.rgb.red;
    *green = cell.fg.rgb.green;
    *blue = cell.fg.rgb.blue;
}
