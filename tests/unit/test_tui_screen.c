#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tests/unit/terminal.h"
#include "tui/screen/draw.h"
#include "tui/screen/text.h"
#include "tui/widget/chart.h"
#include "tui/widget/table.h"

#include <locale.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void check_fit(const char *text, int columns, const wchar_t *expected, int used)
{
    wchar_t out[64];
    g_assert_cmpint(text_fit(text, columns, L'~', true, out, G_N_ELEMENTS(out)), ==, used);
    g_assert_cmpint(wcscmp(out, expected), ==, 0);
}

static void test_text(void)
{
    check_fit("hello", 10, L"hello", 5);
    check_fit("hello", 5, L"hello", 5);
    check_fit("hello", 4, L"hel~", 4);
    check_fit("日本語", 6, L"日本語", 6);
    check_fit("日本語", 5, L"日本~", 5);
    check_fit("日本語", 4, L"日~", 3);
    check_fit("a\033[31mb", 20, L"a\uFFFD[31mb", 7);
    check_fit("a\u202Eb\u200Bc", 20, L"abc", 3);
    check_fit("\xff\xfe", 20, L"\uFFFD\uFFFD", 2);
    check_fit("e\u0301\u0301\u0301\u0301x", 20, L"e\u0301\u0301x", 2);
    check_fit("abc", 0, L"", 0);
    g_assert_cmpint(text_columns("日本", false), ==, 2);
    g_autofree char *clean = text_clean("a\r\nb\tc\033]0;x\007");
    g_assert_cmpstr(clean, ==, "a\nb\tc\uFFFD]0;x\uFFFD");
}

static void test_keys(void)
{
    static const char *const names[] = {"Ctrl-P", "Space", "Enter", "F5",    "F12", "g",
                                        "G",      ":",     "PgDn",  "Alt-x", "é",   "Esc"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Key key;
        char name[32];
        g_assert_true(key_parse(names[i], &key));
        g_assert_cmpstr(key_describe(key, name, sizeof name), ==, names[i]);
    }
    Key key;
    g_assert_false(key_parse("", &key));
    g_assert_false(key_parse("Hyper", &key));
    g_assert_false(key_parse("Ctrl-", &key));
    g_assert_false(key_parse("F99", &key));
}

static void test_skins(void)
{
    for (const char *const *name = skin_names(); *name; name++) {
        g_autoptr(Skin) skin = skin_builtin(*name);
        g_assert_nonnull(skin);
    }
    g_assert_null(skin_builtin("no such skin"));
    SkinStyle style;
    g_autoptr(GError) error = NULL;
    g_assert_true(skin_style_parse("bold bright-red on #102030", &style, NULL));
    g_assert_cmpint(style.foreground, ==, 9);
    g_assert_cmpint(style.background, ==, SKIN_EXACT | 0x102030);
    g_assert_cmpuint(style.attributes, ==, SKIN_BOLD);
    g_assert_false(skin_style_parse("purplish", &style, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_assert_cmpint(skin_nearest(SKIN_EXACT | 0xFF0000, 256), ==, 196);
    g_assert_cmpint(skin_nearest(SKIN_EXACT | 0xF80000, 16), ==, 9);
    g_assert_cmpint(skin_nearest(3, 8), ==, 3);
    g_assert_cmpint(skin_nearest(SKIN_DEFAULT, 8), ==, SKIN_DEFAULT);
}

static void check_row(TestTerminal *terminal, int row, const char *expected)
{
    g_autofree char *text = test_terminal_row(terminal, row);
    g_assert_cmpstr(text, ==, expected);
}

static void test_frames(void)
{
    TestTerminal *terminal = test_terminal_new(20, 70);
    Screen *screen = test_terminal_screen(terminal, NULL, NULL);
    g_assert_cmpint(screen_rows(screen), ==, 20);
    g_assert_cmpint(screen_columns(screen), ==, 70);
    for (int i = 0; i < 3; i++) {
        g_assert_true(screen_begin(screen));
        draw_text(screen, 2, 3, 20, ROLE_TEXT, "grüße 日本");
        draw_field(screen, 3, 0, 10, ROLE_ERROR, ALIGN_RIGHT, "right");
        draw_field(screen, 4, 60, 30, ROLE_TEXT, ALIGN_LEFT, "too long for the screen");
        draw_text(screen, 19, 69, 5, ROLE_TEXT, "xy");
        draw_text(screen, 25, 0, 5, ROLE_TEXT, "below");
        screen_end(screen);
        size_t before = test_terminal_bytes(terminal);
        test_terminal_read(terminal);
        /* What did not change is not sent again. */
        if (i > 0)
            g_assert_cmpuint(test_terminal_bytes(terminal), ==, before);
    }
    check_row(terminal, 2, "   grüße 日本");
    check_row(terminal, 3, "     right");
    check_row(terminal, 4,
              "                                                            too long …");
    check_row(terminal, 19,
              "                                                                     …");
    screen_close(screen);
    test_terminal_free(terminal);
}

/* On a Linux console whose font is not known only what all have is drawn. */
static void test_small_font(void)
{
    static const ScreenEvents none = {0};
    TestTerminal *terminal = test_terminal_new(20, 70);
    int descriptor = test_terminal_descriptor(terminal);
    ScreenOptions options = {.input = descriptor, .output = descriptor, .term = "linux"};
    Screen *screen = screen_open(&options, &none, NULL, NULL);
    g_assert_nonnull(screen);
    g_assert_true(screen_begin(screen));
    for (int glyph = 0; glyph < GLYPH_COUNT; glyph++)
        draw_glyph(screen, 2, glyph, ROLE_TEXT, (Glyph)glyph);
    draw_text(screen, 3, 0, 7, ROLE_TEXT, "grüße, und mehr");
    float values[8] = {8, 8, 8, 8, 8, 8, 8, 8};
    g_assert_cmpint(chart_style_shown(screen, CHART_BRAILLE), ==, CHART_ASCII);
    chart_draw(screen, (Box){4, 0, 1, 4}, ROLE_TEXT, CHART_BRAILLE, values, 8, 8);
    screen_end(screen);
    test_terminal_read(terminal);
    check_row(terminal, 2, "•·=→X?!@•>+…↑↓>─│┌┐└┘█░");
    check_row(terminal, 3, "grüße,…");
    check_row(terminal, 4, "####");
    screen_close(screen);
    test_terminal_free(terminal);
    terminal = test_terminal_new(20, 70);
    screen = test_terminal_screen(terminal, NULL, NULL);
    g_assert_cmpint(chart_style_shown(screen, CHART_BRAILLE), ==, CHART_BRAILLE);
    screen_close(screen);
    test_terminal_free(terminal);
}

static int lost, drained;

static void on_ready(gpointer user)
{
    drained++;
}

static void on_lost(gpointer user)
{
    lost++;
}

static void on_nothing(gpointer user)
{
}

/* A terminal that stops reading costs nothing but frames. */
static void test_deaf_terminal(void)
{
    static const ScreenEvents events = {
        .input = on_nothing, .resized = on_nothing, .ready = on_ready, .lost = on_lost};
    TestTerminal *terminal = test_terminal_new(60, 200);
    Screen *screen = test_terminal_screen(terminal, &events, NULL);
    bool busy = false;
    for (int i = 0; i < 200 && !busy; i++) {
        busy = !screen_begin(screen);
        if (busy)
            break;
        for (int row = 0; row < 60; row++)
            for (int column = 0; column < 200; column += 2)
                draw_printf(screen, row, column, 2, (Role)((row + column + i) % ROLE_COUNT),
                            "%02d", (row * 7 + column + i) % 100);
        screen_end(screen);
    }
    g_assert_true(busy);
    drained = 0;
    for (int i = 0; i < 1000 && !drained; i++) {
        test_terminal_read(terminal);
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpint(drained, ==, 1);
    g_assert_true(screen_begin(screen));
    draw_text(screen, 0, 0, 20, ROLE_TEXT, "how things stand");
    screen_end(screen);
    test_terminal_read(terminal);
    check_row(terminal, 0, "how things stand");
    check_row(terminal, 30, "");
    screen_close(screen);
    test_terminal_free(terminal);
}

static void test_reading(void)
{
    TestTerminal *terminal = test_terminal_new(24, 80);
    Screen *screen = test_terminal_screen(terminal, NULL, NULL);
    test_terminal_type(terminal, "j\033[A\033OB\033xé\r\003\033[200~\033[5~");
    static const Key expected[] = {'j',     K_UP, K_DOWN,        'x' | KEY_ALT, 0xE9,
                                   K_ENTER, 3,    K_PASTE_BEGIN, K_PAGE_UP,     KEY_NOTHING};
    struct pollfd poller = {.fd = test_terminal_descriptor(terminal), .events = POLLIN};
    g_assert_cmpint(poll(&poller, 1, 1000), ==, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpint(screen_read(screen), ==, expected[i]);
    screen_close(screen);
    test_terminal_free(terminal);
}

static void test_refusals(void)
{
    static const ScreenEvents none = {0};
    TestTerminal *terminal = test_terminal_new(24, 80);
    int descriptor = test_terminal_descriptor(terminal);
    ScreenOptions options = {.input = descriptor, .output = descriptor};
    static const char *const terms[] = {"", "no-such-terminal", "dumb"};
    for (size_t i = 0; i < G_N_ELEMENTS(terms); i++) {
        g_autoptr(GError) error = NULL;
        options.term = terms[i];
        g_assert_null(screen_open(&options, &none, NULL, &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_UNAVAILABLE);
    }
    test_terminal_read(terminal);
    g_assert_cmpuint(test_terminal_bytes(terminal), ==, 0);
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    g_autoptr(GError) error = NULL;
    options = (ScreenOptions){.input = ends[0], .output = ends[1], .term = "xterm"};
    g_assert_null(screen_open(&options, &none, NULL, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_UNAVAILABLE);
    (void)close(ends[0]);
    (void)close(ends[1]);
    test_terminal_free(terminal);
}

/* Exact colours reach the terminal as such. */
static void test_exact_colours(void)
{
    static const ScreenEvents none = {0};
    TestTerminal *terminal = test_terminal_new(24, 80);
    int master = test_terminal_descriptor(terminal);
    g_autoptr(Skin) skin = skin_builtin("dusk");
    ScreenOptions options = {.input = master,
                             .output = master,
                             .term = "xterm-256color",
                             .colours = SKIN_EXACT,
                             .skin = skin};
    g_autoptr(Screen) screen = screen_open(&options, &none, NULL, NULL);
    g_assert_nonnull(screen);
    g_assert_true(screen_begin(screen));
    draw_text(screen, 0, 0, 5, ROLE_ACCENT, "blue");
    screen_end(screen);
    int red = 0, green = 0, blue = 0;
    test_terminal_read(terminal);
    test_terminal_colour(terminal, 0, 0, &red, &green, &blue);
    g_assert_cmpint(red << 16 | green << 8 | blue, ==, 0x6CB6EB);
    g_clear_pointer(&screen, screen_close);
    test_terminal_free(terminal);
}

static void apply(Model *model, const char *text)
{
    g_autoptr(json_t) params = json_loads(text, 0, NULL);
    g_assert_cmpint(model_apply(model, 0, params, NULL), ==, MODEL_APPLIED);
}

static gboolean note_letter(gpointer seen)
{
    g_string_append_c(seen, 'n');
    return G_SOURCE_REMOVE;
}

static void note_key(gpointer seen)
{
    g_string_append_c(seen, 'k');
}

/* What nodes send is in the loop first, and the key is handled first. */
static void test_key_goes_first(void)
{
    static const ScreenEvents events = {.input = note_key};
    g_autoptr(GString) seen = g_string_new(NULL);
    TestTerminal *terminal = test_terminal_new(20, 70);
    guint node = g_timeout_add(0, note_letter, seen);
    Screen *screen = test_terminal_screen(terminal, &events, seen);
    test_terminal_type(terminal, "j");
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(seen->str, ==, "k");
    g_source_remove(node);
    screen_close(screen);
    test_terminal_free(terminal);
}

static void test_table(void)
{
    g_autoptr(Model) model = model_new();
    model_node_add(model, "here", NULL);
    model_node_hello(model, 0, "node1", "0.1.0", WIRE_ROLE_ADMIN);
    model_node_link(model, 0, MODEL_LINK_UP, NULL);
    model_watch_begin(model, 0, 1);
    apply(model,
          "{\"watch\":1,\"seq\":1,\"ready\":true,\"objects\":["
          "{\"kind\":\"guest\",\"id\":\"vm/100\",\"name\":\"alpha\",\"state\":\"stopped\"},"
          "{\"kind\":\"guest\",\"id\":\"vm/101\",\"name\":\"beta\",\"state\":\"paused\","
          "\"cpu\":12.4},"
          "{\"kind\":\"guest\",\"id\":\"vm/102\",\"name\":\"gam\\u001bma\",\"state\":"
          "\"stopped\"}]}");
    g_autoptr(Table) table =
        table_new(model, &(TableSetup){.kind = OBJECT_GUEST,
                                       .columns = "id name state cpu bogus mem_max",
                                       .sort = "id"});
    TestTerminal *terminal = test_terminal_new(16, 60);
    Screen *screen = test_terminal_screen(terminal, NULL, NULL);
    table_move(table, TABLE_DOWN);
    table_toggle_mark(table);
    g_assert_true(screen_begin(screen));
    table_draw(table, screen, (Box){0, 0, 16, 60});
    screen_end(screen);
    test_terminal_read(terminal);
    check_row(terminal, 0, "   Id↑       Name                  State      cpu%       of");
    check_row(terminal, 1, "   vm/100    alpha                 ○ stopped     -        -");
    check_row(terminal, 2, " √ vm/101    beta                  ◐ paused     12        -");
    check_row(terminal, 3, "▌  vm/102    gam\uFFFDma                ○ stopped     -        -");

    /* Rows come and go before it: the cursor and the mark stay where they were. */
    apply(model,
          "{\"watch\":1,\"seq\":2,\"objects\":[{\"kind\":\"guest\",\"id\":\"ct/099000\"},"
          "{\"kind\":\"guest\",\"id\":\"ct/101\",\"state\":\"running\"}],"
          "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]}");
    g_assert_cmpstr(model_object_id(table_current(table)), ==, "vm/102");
    g_assert_true(table_set_filter(table, "state:stopped", NULL));
    guint hidden = 0;
    g_assert_cmpuint(table_shown(table), ==, 1);
    g_assert_cmpuint(table_marked(table, &hidden), ==, 1);
    g_assert_cmpuint(hidden, ==, 1);
    g_autoptr(GPtrArray) targets = table_targets(table);
    g_assert_cmpuint(targets->len, ==, 1);
    g_assert_cmpstr(model_object_id(targets->pdata[0]), ==, "vm/101");
    g_autoptr(GError) error = NULL;
    g_assert_false(table_set_filter(table, "cpu>", &error) && error);
    g_assert_false(table_set_filter(table, "nothing:x", &error));

    /* The cursor's object goes: another gets it, and no mark dangles. */
    g_assert_true(table_set_filter(table, "", NULL));
    apply(model, "{\"watch\":1,\"seq\":3,\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/102\"},"
                 "{\"kind\":\"guest\",\"id\":\"vm/101\"}]}");
    g_assert_nonnull(table_current(table));
    g_assert_cmpuint(table_marked(table, NULL), ==, 0);
    table_move(table, TABLE_FIRST);
    table_toggle_range(table);
    table_move(table, TABLE_LAST);
    g_assert_cmpuint(table_marked(table, NULL), ==, table_shown(table));
    screen_close(screen);
    test_terminal_free(terminal);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_ALL, "C.UTF-8");
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_unsetenv("NO_COLOR");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tui-screen/text", test_text);
    g_test_add_func("/tui-screen/keys", test_keys);
    g_test_add_func("/tui-screen/skins", test_skins);
    g_test_add_func("/tui-screen/small-font", test_small_font);
    g_test_add_func("/tui-screen/frames", test_frames);
    g_test_add_func("/tui-screen/deaf-terminal", test_deaf_terminal);
    g_test_add_func("/tui-screen/reading", test_reading);
    g_test_add_func("/tui-screen/refusals", test_refusals);
    g_test_add_func("/tui-screen/exact-colours", test_exact_colours);
    g_test_add_func("/tui-screen/key-goes-first", test_key_goes_first);
    g_test_add_func("/tui-screen/table", test_table);
    return g_test_run();
}
