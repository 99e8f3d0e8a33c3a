#include "tui/widget/terminal.h"
#include "tui/widget/terminal_filter.h"
#include "tui/widget/terminal_view.h"

#include <string.h>

typedef struct {
    Terminal *terminal;
    GString *output;
} Fixture;

static void collect(const char *bytes, size_t length, gpointer user)
{
    g_string_append_len(user, bytes, (gssize)length);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->output = g_string_new(NULL);
    fixture->terminal = terminal_new(5, 20, 100, collect, fixture->output);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    terminal_free(fixture->terminal);
    g_string_free(fixture->output, TRUE);
}

static void feed(Fixture *fixture, const char *text)
{
    terminal_feed(fixture->terminal, text, strlen(text), 1);
}

static char *line_text(Fixture *fixture, gint64 line)
{
    return terminal_copy(fixture->terminal, (TerminalPlace){line, 0},
                         (TerminalPlace){line, TERMINAL_COLUMNS_MAX});
}

static void assert_row(Fixture *fixture, guint row, const char *expected)
{
    g_autofree char *text =
        line_text(fixture, terminal_screen_line(fixture->terminal) + (gint64)row);
    g_assert_cmpstr(text, ==, expected);
}

static void assert_cursor(Fixture *fixture, guint row, guint column)
{
    guint at_row = 0, at_column = 0;
    (void)terminal_cursor(fixture->terminal, &at_row, &at_column);
    g_assert_cmpuint(at_row, ==, row);
    g_assert_cmpuint(at_column, ==, column);
}

static TerminalCell cell_at(Fixture *fixture, guint row, guint column)
{
    TerminalCell *cells = g_newa(TerminalCell, terminal_columns(fixture->terminal));
    gint64 line = terminal_screen_line(fixture->terminal) + (gint64)row;
    g_assert_true(terminal_read_line(fixture->terminal, line, cells));
    return cells[column];
}

static void test_cursor_moves(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "abc\r\n\033[3;5Hx\033[A\033[2Dy\033[1;1H");
    assert_row(fixture, 0, "abc");
    assert_row(fixture, 2, "    x");
    assert_row(fixture, 1, "   y");
    assert_cursor(fixture, 0, 0);
    feed(fixture, "\033[99999999999999999999;99999999999999999999H");
    assert_cursor(fixture, 4, 19);
    feed(fixture, "\033[?25l");
    guint row, column;
    g_assert_false(terminal_cursor(fixture->terminal, &row, &column));
}

static void test_styles(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "\033[1;4;31mA\033[0;38;5;200;48;2;1;2;3mB\033[mC");
    TerminalCell cell = cell_at(fixture, 0, 0);
    g_assert_cmpuint(cell.style.attributes, ==, TERMINAL_BOLD | TERMINAL_UNDERLINE);
    g_assert_cmpuint(cell.style.foreground & 7, ==, 1);
    cell = cell_at(fixture, 0, 1);
    g_assert_cmpuint(cell.style.foreground, ==, 200);
    g_assert_cmpuint(cell.style.background, ==, TERMINAL_COLOUR_RGB | 0x010203);
    cell = cell_at(fixture, 0, 2);
    g_assert_cmpuint(cell.style.foreground, ==, TERMINAL_COLOUR_DEFAULT);
    g_assert_cmpuint(cell.style.background, ==, TERMINAL_COLOUR_DEFAULT);
}

static void test_alternate_screen(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "shell$ \033[?1049h\033[2J\033[Hvim");
    g_assert_true(terminal_alternate(fixture->terminal));
    assert_row(fixture, 0, "vim");
    feed(fixture, "\n\n\n\n\n\n\n\n");
    g_assert_cmpint(terminal_screen_line(fixture->terminal), ==, 0);
    feed(fixture, "\033[?1049l");
    g_assert_false(terminal_alternate(fixture->terminal));
    assert_row(fixture, 0, "shell$");
}

static void test_wide_and_combining(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "日本e\xcc\x81x");
    TerminalCell cell = cell_at(fixture, 0, 0);
    g_assert_cmpuint(cell.width, ==, 2);
    g_assert_cmpuint(cell.chars[0], ==, 0x65e5);
    g_assert_cmpuint(cell_at(fixture, 0, 1).width, ==, 0);
    cell = cell_at(fixture, 0, 4);
    g_assert_cmpuint(cell.chars[0], ==, 'e');
    g_assert_cmpuint(cell.chars[1], ==, 0x301);
    g_assert_cmpuint(cell_at(fixture, 0, 5).chars[0], ==, 'x');
    /* A wide one half overwritten, one in the last column, and pieces of one. */
    feed(fixture, "\033[1;2HX\033[2;20H日\033[3;1H");
    terminal_feed(fixture->terminal, "\xe6", 1, 1);
    terminal_feed(fixture->terminal, "\x97\xa5!", 3, 1);
    assert_row(fixture, 2, "日!");
    g_assert_cmpuint(cell_at(fixture, 0, 1).chars[0], ==, 'X');
    for (guint i = 0; i < 20; i++)
        g_assert_cmpuint(cell_at(fixture, 1, i).chars[0] == 0xffffffff, ==, 0);
}

static void test_history(Fixture *fixture, gconstpointer data)
{
    for (int i = 0; i < 300; i++) {
        g_autofree char *line = g_strdup_printf("\033[3%dmline %d 日本\033[m\r\n", i % 8, i);
        feed(fixture, line);
    }
    gint64 screen = terminal_screen_line(fixture->terminal);
    g_assert_cmpint(screen, ==, 296);
    g_assert_cmpint(terminal_first_line(fixture->terminal), ==, 196);
    for (gint64 i = 196; i < 300; i++) {
        g_autofree char *text = line_text(fixture, i);
        g_autofree char *expected = g_strdup_printf("line %d 日本", (int)i);
        g_assert_cmpstr(text, ==, expected);
    }
    TerminalCell cells[20];
    g_assert_true(terminal_read_line(fixture->terminal, 201, cells));
    g_assert_cmpuint(cells[0].style.foreground, ==, 201 % 8);
    g_assert_cmpuint(cells[9].width, ==, 2);
    g_assert_cmpuint(cells[10].width, ==, 0);
    g_assert_false(terminal_read_line(fixture->terminal, 195, cells));
    g_assert_cmpuint(cells[0].chars[0], ==, ' ');
    /* Growing takes lines back, shrinking gives them to the history. */
    terminal_resize(fixture->terminal, 10, 20);
    g_assert_cmpint(terminal_screen_line(fixture->terminal), ==, 291);
    assert_row(fixture, 0, "line 291 日本");
    terminal_resize(fixture->terminal, 3, 20);
    g_assert_cmpint(terminal_screen_line(fixture->terminal), ==, 298);
    assert_row(fixture, 0, "line 298 日本");
}

static void test_history_is_compact(void)
{
    g_autoptr(TerminalLines) lines = terminal_lines_new(5000);
    TerminalCell cells[200];
    for (guint i = 0; i < 200; i++) {
        terminal_cell_blank(&cells[i]);
        if (i < 80)
            cells[i].chars[0] = 'x';
    }
    for (int i = 0; i < 5000; i++)
        terminal_lines_push(lines, cells, 200);
    g_assert_cmpuint(terminal_lines_bytes(lines), <, 640000);
    /* The worst that a guest can do: every cell another style and five long characters. */
    TerminalCell worst[TERMINAL_COLUMNS_MAX];
    for (guint i = 0; i < TERMINAL_COLUMNS_MAX; i++)
        worst[i] = (TerminalCell){{0x1f600, 0x1e008, 0x1e008, 0x1e008, 0x1e008}, 1, {i, i, 0}};
    for (int i = 0; i < 1000; i++)
        terminal_lines_push(lines, worst, TERMINAL_COLUMNS_MAX);
    g_assert_cmpuint(terminal_lines_bytes(lines), <=, TERMINAL_LINES_BYTES);
    TerminalCell back[TERMINAL_COLUMNS_MAX];
    terminal_lines_read(lines, terminal_lines_count(lines) - 1, back, TERMINAL_COLUMNS_MAX);
    for (guint i = 0; i < TERMINAL_COLUMNS_MAX; i++) {
        g_assert_cmpmem(back[i].chars, sizeof back[i].chars, worst[i].chars,
                        sizeof worst[i].chars);
        g_assert_true(terminal_style_equal(&back[i].style, &worst[i].style));
    }
}

static void test_search(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "one Error two\r\nx\r\n\r\n\r\n\r\n\r\n\r\n\r\nérror error\r\n");
    TerminalPlace place = {terminal_screen_line(fixture->terminal) + 5, 0};
    g_assert_true(terminal_search(fixture->terminal, "ERROR", TRUE, &place));
    g_assert_cmpint(place.line, ==, 8);
    g_assert_cmpuint(place.column, ==, 6);
    g_assert_true(terminal_search(fixture->terminal, "error", TRUE, &place));
    g_assert_cmpint(place.line, ==, 0);
    g_assert_cmpuint(place.column, ==, 4);
    g_assert_false(terminal_search(fixture->terminal, "error", TRUE, &place));
    g_assert_cmpint(place.line, ==, 0);
    g_assert_true(terminal_search(fixture->terminal, "ÉRROR", FALSE, &place));
    g_assert_cmpuint(place.column, ==, 0);
    g_assert_true(terminal_search(fixture->terminal, "rror", FALSE, &place));
    g_assert_cmpuint(place.column, ==, 1);
    g_assert_false(terminal_search(fixture->terminal, "", FALSE, &place));
    g_assert_false(terminal_search(fixture->terminal, "\xff", FALSE, &place));
}

static void test_copy(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "hello world\r\n  second\r\nthird");
    g_autofree char *forward =
        terminal_copy(fixture->terminal, (TerminalPlace){0, 6}, (TerminalPlace){2, 1});
    g_assert_cmpstr(forward, ==, "world\n  second\nth");
    g_autofree char *backward =
        terminal_copy(fixture->terminal, (TerminalPlace){2, 1}, (TerminalPlace){0, 6});
    g_assert_cmpstr(backward, ==, forward);
    g_autofree char *osc = terminal_osc52("hi");
    g_assert_cmpstr(osc, ==, "\033]52;c;aGk=\a");
}

static void assert_key(Fixture *fixture, guint32 code, guint8 modifiers, const char *bytes)
{
    g_string_truncate(fixture->output, 0);
    terminal_key(fixture->terminal, (TerminalKey){code, modifiers});
    g_assert_cmpstr(fixture->output->str, ==, bytes);
}

static void test_keys(Fixture *fixture, gconstpointer data)
{
    assert_key(fixture, 'a', 0, "a");
    assert_key(fixture, 0xe9, 0, "é");
    assert_key(fixture, 3, 0, "\003");
    assert_key(fixture, '\r', 0, "\r");
    assert_key(fixture, 0x7f, 0, "\177");
    assert_key(fixture, 'x', TERMINAL_ALT, "\033x");
    assert_key(fixture, TERMINAL_KEY_UP, 0, "\033[A");
    assert_key(fixture, TERMINAL_KEY_UP, TERMINAL_CTRL, "\033[1;5A");
    assert_key(fixture, TERMINAL_KEY_DELETE, 0, "\033[3~");
    assert_key(fixture, TERMINAL_KEY_F1, 0, "\033OP");
    assert_key(fixture, TERMINAL_KEY_F1 + 11, 0, "\033[24~");
    assert_key(fixture, '\t', 0, "\t");
    assert_key(fixture, '\t', TERMINAL_SHIFT, "\033[Z");
    assert_key(fixture, TERMINAL_KEY_F24 + 100, 0, "");
    feed(fixture, "\033[?1h");
    assert_key(fixture, TERMINAL_KEY_UP, 0, "\033OA");
}

static void test_paste(Fixture *fixture, gconstpointer data)
{
    static const char text[] = "ls\nrm\t-r\033[201~\r\nx\x03\xc2\x9b";
    terminal_paste(fixture->terminal, text, strlen(text));
    g_assert_cmpstr(fixture->output->str, ==, "ls\rrm\t-r[201~\rx");
    g_string_truncate(fixture->output, 0);
    feed(fixture, "\033[?2004h");
    terminal_paste(fixture->terminal, text, strlen(text));
    g_assert_cmpstr(fixture->output->str, ==, "\033[200~ls\rrm\t-r[201~\rx\033[201~");
}

static void test_damage(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 5; i++)
        g_assert_true(terminal_take_damage(fixture->terminal, i));
    g_assert_false(terminal_damaged(fixture->terminal));
    feed(fixture, "\033[3;1Hx");
    g_assert_true(terminal_damaged(fixture->terminal));
    g_assert_false(terminal_take_damage(fixture->terminal, 1));
    g_assert_true(terminal_take_damage(fixture->terminal, 2));
    g_assert_false(terminal_take_damage(fixture->terminal, 2));
    g_assert_false(terminal_take_bell(fixture->terminal));
    feed(fixture, "\a");
    g_assert_true(terminal_take_bell(fixture->terminal));
    g_assert_false(terminal_take_bell(fixture->terminal));
}

/* A guest's questions are answered to it, up to a limit a second. */
static void test_answers_are_limited(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "\033[6n");
    g_assert_cmpstr(fixture->output->str, ==, "\033[1;1R");
    for (int i = 0; i < 10000; i++)
        feed(fixture, "\033[6n\033[c");
    g_assert_cmpuint(fixture->output->len, <=, TERMINAL_ANSWERS_MAX);
    gsize before = fixture->output->len;
    terminal_feed(fixture->terminal, "\033[6n", 4, (gint64)2 * G_USEC_PER_SEC);
    g_assert_cmpuint(fixture->output->len, ==, before + 6);
}

static const char *const hostile[] = {
    "\033]0;title\a",       "\033]2;title\033\\",
    "\033]52;c;aGk=\a",     "\033]52;c;?\a",
    "\033P$qm\033\\",       "\033P+q544e\033\\",
    "\033_Gi=1;AAAA\033\\", "\033^private\033\\",
    "\033Xsos\033\\",       "\033]4;1;?\a",
    "\033]10;?\a",          "\033]8;;http://example.org\a",
    "\033[8;9999;9999t",    "\033[3;1;1t",
    "\033]50;font\a",       "\033[21t",
    "\033]1337;File=:AA\a", "\302\2350;title\a",
    "\033P0;1|17/ab\033\\", "\033[?1000h\033[?1006h\033[?1003h",
};

/* They leave no answer, no size and no text that would be drawn as a control. */
static void test_hostile_sequences(Fixture *fixture, gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS(hostile); i++) {
        feed(fixture, "\033c");
        feed(fixture, hostile[i]);
        feed(fixture, "\r\nsafe");
        g_assert_cmpstr(fixture->output->str, ==, "");
        g_assert_cmpuint(terminal_rows(fixture->terminal), ==, 5);
        g_assert_cmpuint(terminal_columns(fixture->terminal), ==, 20);
        assert_row(fixture, 1, "safe");
    }
}

static void assert_filtered(const char *in, const char *expected)
{
    g_autoptr(GString) whole = g_string_new(NULL), pieces = g_string_new(NULL);
    TerminalFilter one = {0}, other = {0};
    terminal_filter_feed(&one, in, strlen(in), whole);
    g_assert_cmpstr(whole->str, ==, expected);
    for (const char *at = in; *at; at++)
        terminal_filter_feed(&other, at, 1, pieces);
    g_assert_cmpstr(pieces->str, ==, expected);
}

static void test_filter(void)
{
    assert_filtered("plain\r\n\t", "plain\r\n\t");
    assert_filtered("a\033]0;x\033[1m\ab", "a\033[1m\ab");
    assert_filtered("a\033]0;x\033\\b\033Pq\033\\c", "abc");
    assert_filtered("\033[12345678901234567890A", "\033[9999A");
    assert_filtered("\033[1;00000000000000000000000002H", "\033[1;2H");
    assert_filtered("\033[10;0;00m", "\033[10;0;0m");
    assert_filtered("\033[?1049h\033[38;2;1;2;3m\033(0\033#8\0337",
                    "\033[?1049h\033[38;2;1;2;3m\033(0\033#8\0337");
    assert_filtered("\0338\033 Fa\033[2;3sb\033[s\033[?1s", "\0338\033[0nab\033[?1s");
    assert_filtered("\033%P$qm\033(]52;c;?\a\033([6n", "$qm52;c;?\a6n");
    assert_filtered("\033#6\033#3a\033#8", "a\033#8");
    assert_filtered("\033[1\rm", "\r\033[1m");
    assert_filtered("\033[1\030m\033[\033[2J", "m\033[2J");
    assert_filtered("\xff\xc3(\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd(");
    assert_filtered("\xc0\xaf\xed\xa0\x80\xe0\x80\xaf",
                    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_filtered("\xc2\x9b"
                    "31m\xe2\x80\xae",
                    "\xef\xbf\xbd"
                    "31m\xef\xbf\xbd");
    g_autoptr(GString) flood = g_string_new("e");
    for (int i = 0; i < 10000; i++)
        g_string_append(flood, "\xcc\x81");
    g_string_append(flood, "f");
    assert_filtered(flood->str, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81"
                                "f");
    assert_filtered("\xcc\x81"
                    "a\xe3\x82\x99",
                    "a");
    assert_filtered("\033[3bx\033[3b\033[m\033[b\xe6\x97\xa5\033[2b", "xxxx\033[mx日日日");
    g_autofree char *parameters = g_strnfill(100000, ';');
    g_autofree char *colours = g_strconcat("\033[1;31", parameters, "mx", NULL);
    g_autofree char *expected = g_strndup(parameters, FILTER_PARAMETERS_MAX - 2);
    g_autofree char *cut = g_strconcat("\033[1;31", expected, "mx", NULL);
    assert_filtered(colours, cut);
    g_autofree char *others = g_strconcat("\033[", parameters, "Hx", NULL);
    assert_filtered(others, "x");
}

/* Sizes are held to limits, whatever the pane asks for. */
static void test_sizes(Fixture *fixture, gconstpointer data)
{
    terminal_resize(fixture->terminal, 1000000, 1000000);
    g_assert_cmpuint(terminal_rows(fixture->terminal), ==, TERMINAL_ROWS_MAX);
    g_assert_cmpuint(terminal_columns(fixture->terminal), ==, TERMINAL_COLUMNS_MAX);
    feed(fixture, "\033[?1049h\033[999;999Hx\033[999Lx\033[999b");
    terminal_resize(fixture->terminal, 0, 0);
    feed(fixture, "日日\r\n\033[?1049lab\r\n");
    g_assert_cmpuint(terminal_rows(fixture->terminal), ==, TERMINAL_ROWS_MIN);
    g_assert_cmpuint(terminal_columns(fixture->terminal), ==, TERMINAL_COLUMNS_MIN);
    terminal_resize(fixture->terminal, 24, 80);
    feed(fixture, "\033c\033[2;3r\033[?69h\033[2;3s\033[99Mxy");
    assert_row(fixture, 0, "xy");
}

/* Where the cursor, the saved one and the scrolling region are when it shrinks. */
static void test_shrinking(Fixture *fixture, gconstpointer data)
{
    feed(fixture, "\033[5;20H\0337one\r\ntwo\r\n\r\n\r\nx\033[4;5r\033[1;1H");
    terminal_resize(fixture->terminal, 2, 10);
    assert_cursor(fixture, 0, 0);
    feed(fixture, "\0338y\r\nz\n\n");
    assert_cursor(fixture, 1, 1);
    feed(fixture, "\033[?1049h\033[2;10H");
    terminal_resize(fixture->terminal, 10, 20);
    feed(fixture, "\033[10;20H\0337");
    terminal_resize(fixture->terminal, 2, 10);
    feed(fixture, "\033[?1048lq\033[?1049lw\r\nend");
    assert_row(fixture, 1, "end");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)
    ADD("/terminal/cursor", test_cursor_moves);
    ADD("/terminal/styles", test_styles);
    ADD("/terminal/alternate", test_alternate_screen);
    ADD("/terminal/wide", test_wide_and_combining);
    ADD("/terminal/history", test_history);
    ADD("/terminal/search", test_search);
    ADD("/terminal/copy", test_copy);
    ADD("/terminal/keys", test_keys);
    ADD("/terminal/paste", test_paste);
    ADD("/terminal/damage", test_damage);
    ADD("/terminal/answers", test_answers_are_limited);
    ADD("/terminal/hostile", test_hostile_sequences);
    ADD("/terminal/sizes", test_sizes);
    ADD("/terminal/shrinking", test_shrinking);
    g_test_add_func("/terminal/compact", test_history_is_compact);
    g_test_add_func("/terminal/filter", test_filter);
    return g_test_run();
}
