/* The consoles view as a person sees it: a real Screen on a pty, whose other end
 * is read by an emulator of ours; programs are the other ends of socket pairs. */
#include "backend/wire/error.h"
#include "tui/view/consoles.h"
#include "tui/widget/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROWS = 24, COLUMNS = 80, PATIENCE = 5 };

struct ConsoleStream {
    ConsoleOpened opened;
    gpointer tab;
    GSource *later;
};

typedef struct {
    Screen *screen;
    Consoles *consoles;
    int master;
    Terminal *outer;
    GString *raw; /* all that the outer terminal got */
    int programs[8];
    guint opened, closed, left;
    guint rows, columns; /* as the last program was told */
    gboolean taken;
    const char *reason; /* how programs end */
    GError *refusal;    /* what the next open() answers, or NULL */
} Fixture;

static Fixture *now; /* for the opener's late answer */

static gboolean on_later(gpointer user)
{
    ConsoleStream *stream = user;
    g_clear_pointer(&stream->later, g_source_unref);
    if (now->refusal) {
        g_autoptr(GError) refusal = g_steal_pointer(&now->refusal);
        stream->opened(-1, refusal, stream->tab);
        return G_SOURCE_REMOVE;
    }
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_assert_cmpint(fcntl(pair[0], F_SETFL, O_NONBLOCK), ==, 0);
    now->programs[now->opened++] = pair[1];
    stream->opened(pair[0], NULL, stream->tab);
    return G_SOURCE_REMOVE;
}

static ConsoleStream *open_program(const ConsoleTarget *target, guint rows, guint columns,
                                   gboolean take, ConsoleOpened opened, gpointer tab,
                                   gpointer user)
{
    ConsoleStream *stream = g_new0(ConsoleStream, 1);
    stream->opened = opened;
    stream->tab = tab;
    stream->later = g_idle_source_new();
    g_source_set_callback(stream->later, on_later, stream, NULL);
    g_source_attach(stream->later, NULL);
    ((Fixture *)user)->taken = take;
    return stream;
}

static void resize_program(ConsoleStream *stream, guint rows, guint columns, gpointer user)
{
    Fixture *fixture = user;
    fixture->rows = rows;
    fixture->columns = columns;
}

static void end_program(ConsoleStream *stream, ConsoleEnded ended, gpointer tab, gpointer user)
{
    ended(((Fixture *)user)->reason, tab);
}

static void stand(const ConsoleTarget *target, char *buffer, size_t size, gpointer user)
{
    (void)g_strlcpy(buffer, target->guest ? "cache is stopped" : "", size);
}

static void close_program(ConsoleStream *stream, gpointer user)
{
    ((Fixture *)user)->closed++;
    if (stream->later) {
        g_source_destroy(stream->later);
        g_source_unref(stream->later);
    }
    g_free(stream);
}

static void draw(gpointer user)
{
    Fixture *fixture = user;
    if (!screen_begin(fixture->screen))
        return;
    consoles_draw(fixture->consoles, (Box){0, 0, ROWS, COLUMNS});
    screen_end(fixture->screen);
}

static void leave(gpointer user)
{
    ((Fixture *)user)->left++;
}

static void tasks(char *buffer, size_t size, gpointer user)
{
    (void)g_strlcpy(buffer, "migrate vm/107 62%", size);
}

static void ignore_output(const char *bytes, size_t length, gpointer user)
{
}

static void nothing(gpointer user)
{
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    static const ConsolesOpener opener = {open_program, resize_program, end_program,
                                          close_program};
    static const ScreenEvents events = {nothing, nothing, draw, nothing};
    g_autoptr(GError) error = NULL;
    struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
    int slave = -1;
    now = fixture;
    g_assert_cmpint(openpty(&fixture->master, &slave, NULL, NULL, &size), ==, 0);
    g_assert_cmpint(fcntl(fixture->master, F_SETFL, O_NONBLOCK), ==, 0);
    ScreenOptions options = {.input = slave, .output = slave, .term = "xterm-256color"};
    fixture->screen = screen_open(&options, &events, fixture, &error);
    g_assert_no_error(error);
    fixture->outer = terminal_new(ROWS, COLUMNS, 10, ignore_output, NULL);
    fixture->raw = g_string_new(NULL);
    ConsolesHost host = {draw, leave, tasks, stand, fixture->screen, "lab"};
    fixture->consoles = consoles_new(&opener, fixture, &host, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    consoles_free(fixture->consoles);
    screen_close(fixture->screen);
    for (guint i = 0; i < fixture->opened; i++)
        close(fixture->programs[i]);
    close(fixture->master);
    terminal_free(fixture->outer);
    g_string_free(fixture->raw, TRUE);
}

/* One turn of the main loop and of the outer terminal. */
static void turn(Fixture *fixture)
{
    char buffer[65536];
    if (!g_main_context_iteration(NULL, FALSE))
        g_usleep(500);
    ssize_t got = read(fixture->master, buffer, sizeof buffer);
    if (got > 0) {
        g_string_append_len(fixture->raw, buffer, got);
        terminal_feed(fixture->outer, buffer, (size_t)got, 0);
    }
}

static char *shown(Fixture *fixture)
{
    gint64 top = terminal_screen_line(fixture->outer);
    return terminal_copy(fixture->outer, (TerminalPlace){top, 0},
                         (TerminalPlace){top + ROWS - 1, COLUMNS - 1});
}

static void await_text(Fixture *fixture, const char *text, gboolean there)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)PATIENCE * G_USEC_PER_SEC;
    for (;;) {
        g_autofree char *screen = shown(fixture);
        if ((strstr(screen, text) != NULL) == there)
            return;
        if (g_get_monotonic_time() > deadline)
            g_error("%s \"%s\" on\n%s", there ? "no" : "still", text, screen);
        turn(fixture);
    }
}

static void await_count(Fixture *fixture, const guint *count, guint wanted)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)PATIENCE * G_USEC_PER_SEC;
    while (*count < wanted && g_get_monotonic_time() < deadline)
        turn(fixture);
    g_assert_cmpuint(*count, ==, wanted);
}

static void say(Fixture *fixture, guint program, const char *text)
{
    size_t length = strlen(text);
    g_assert_cmpint(write(fixture->programs[program], text, length), ==, (gssize)length);
}

static void type(Fixture *fixture, const char *keys)
{
    for (; *keys; keys++)
        consoles_key(fixture->consoles, (guchar)*keys);
}

/* What the program was sent, exactly. */
static void assert_typed(Fixture *fixture, guint program, const char *expected)
{
    char buffer[256] = "";
    gint64 deadline = g_get_monotonic_time() + (gint64)PATIENCE * G_USEC_PER_SEC;
    ssize_t got = -1;
    while (got < 0 && g_get_monotonic_time() < deadline) {
        turn(fixture);
        got = recv(fixture->programs[program], buffer, sizeof buffer - 1, MSG_DONTWAIT);
    }
    g_assert_cmpstr(buffer, ==, expected);
}

static void open_shell(Fixture *fixture, const char *guest, const char *name)
{
    g_autoptr(GError) error = NULL;
    guint opened = fixture->opened;
    g_assert_true(consoles_open_guest(fixture->consoles, "node1", guest, name, FALSE, &error));
    await_count(fixture, &fixture->opened, opened + 1);
}

static void test_program(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", "cache");
    say(fixture, 0, "root@cache:~# ");
    await_text(fixture, "root@cache:~#", TRUE);
    await_text(fixture, "ct/201 cache on node1", TRUE);
    await_text(fixture, " 1 ct/201 shell ", TRUE);
    await_text(fixture, "migrate vm/107 62%", TRUE);
    await_text(fixture, "Ctrl-] leave", TRUE);
    g_assert_cmpuint(fixture->rows, ==, ROWS - 4);
    g_assert_cmpuint(fixture->columns, ==, COLUMNS - 2);
    type(fixture, "ls\r");
    consoles_key(fixture->consoles, K_UP);
    assert_typed(fixture, 0, "ls\r\033[A");
    type(fixture, "\035]");
    assert_typed(fixture, 0, "\035");
    consoles_paste(fixture->consoles, "a\nb", 3);
    assert_typed(fixture, 0, "a\rb");
    /* The same target is the same tab. */
    g_assert_true(consoles_open_guest(fixture->consoles, "node1", "ct/201", NULL, FALSE, NULL));
    g_assert_cmpuint(consoles_count(fixture->consoles), ==, 1);
}

static void test_leaving(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", NULL);
    type(fixture, "\035\035");
    g_assert_cmpuint(fixture->left, ==, 1);
    type(fixture, "\035");
    g_assert_cmpuint(fixture->left, ==, 1);
    await_count(fixture, &fixture->left, 2);
    type(fixture, "\035?");
    await_text(fixture, "full screen, and back", TRUE);
    type(fixture, "\033");
    g_assert_cmpuint(fixture->left, ==, 3);
    g_assert_cmpuint(fixture->closed, ==, 0);
    type(fixture, "\035k");
    await_text(fixture, "Close ct/201 shell?", TRUE);
    type(fixture, "n");
    await_text(fixture, "Close ct/201 shell?", FALSE);
    type(fixture, "\035ky");
    g_assert_cmpuint(consoles_count(fixture->consoles), ==, 0);
    g_assert_cmpuint(fixture->closed, ==, 1);
    g_assert_cmpuint(fixture->left, ==, 4);
}

static void test_busy_is_taken_over(Fixture *fixture, gconstpointer data)
{
    wire_error_set(&fixture->refusal, WIRE_ERROR_BUSY, "ann has the console since 14:02");
    g_assert_true(consoles_open_guest(fixture->consoles, "node1", "vm/102", "db", TRUE, NULL));
    await_text(fixture, "vm/102 serial in use", TRUE);
    await_text(fixture, "ann has the console since 14:02", TRUE);
    g_assert_false(fixture->taken);
    type(fixture, "t");
    await_count(fixture, &fixture->opened, 1);
    g_assert_true(fixture->taken);
    say(fixture, 0, "login: ");
    await_text(fixture, "login:", TRUE);
    await_text(fixture, "in use", FALSE);
}

static void test_failed_and_ended(Fixture *fixture, gconstpointer data)
{
    wire_error_set(&fixture->refusal, WIRE_ERROR_UNREACHABLE, "node1 is not connected");
    g_assert_true(consoles_open_node(fixture->consoles, "node1", NULL));
    await_text(fixture, "node1 is not connected", TRUE);
    type(fixture, "r");
    await_count(fixture, &fixture->opened, 1);
    say(fixture, 0, "bye\r\n");
    await_text(fixture, "bye", TRUE);
    shutdown(fixture->programs[0], SHUT_RDWR);
    await_text(fixture, "node1 shell has ended", TRUE);
    type(fixture, "r");
    await_count(fixture, &fixture->opened, 2);
    await_text(fixture, "has ended", FALSE);
}

static void test_reason(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", "cache");
    fixture->reason = "its program ended with status 3";
    shutdown(fixture->programs[0], SHUT_RDWR);
    await_text(fixture, "ct/201 shell has ended", TRUE);
    await_text(fixture, "its program ended with status 3", TRUE);
    await_text(fixture, "cache is stopped", TRUE);
    g_assert_cmpuint(fixture->closed, ==, 1);
}

/* What it said stays, with how it ended, until a key; then it is gone. */
static void test_command(Fixture *fixture, gconstpointer data)
{
    char *argv[] = {(char *)"gantry", (char *)"cluster", (char *)"leave", NULL};
    open_shell(fixture, "ct/201", NULL);
    g_assert_true(consoles_open_command(fixture->consoles, "leave the cluster", argv, NULL));
    await_count(fixture, &fixture->opened, 2);
    await_text(fixture, "$ gantry cluster leave", TRUE);
    await_text(fixture, "lab \342\200\272 leave the cluster", TRUE);
    say(fixture, 1, "Type this node's name: ");
    type(fixture, "node1\r");
    assert_typed(fixture, 1, "node1\r");
    fixture->reason = "failed with status 1";
    shutdown(fixture->programs[1], SHUT_RDWR);
    await_text(fixture, "leave the cluster: failed with status 1   r again", TRUE);
    await_text(fixture, "Type this node's name: ", TRUE);
    type(fixture, "r");
    await_count(fixture, &fixture->opened, 3);
    say(fixture, 2, "left\r\n");
    fixture->reason = NULL;
    shutdown(fixture->programs[2], SHUT_RDWR);
    await_text(fixture, "leave the cluster: done   any key leaves", TRUE);
    await_text(fixture, "left", TRUE);
    g_assert_cmpuint(fixture->left, ==, 0);
    type(fixture, "x");
    g_assert_cmpuint(fixture->left, ==, 1);
    g_assert_cmpuint(consoles_count(fixture->consoles), ==, 1);
}

static void test_tabs(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", NULL);
    open_shell(fixture, "ct/202", NULL);
    say(fixture, 1, "second");
    await_text(fixture, "second", TRUE);
    say(fixture, 0, "first");
    await_text(fixture, " 1 ct/201 shell* ", TRUE);
    type(fixture, "\0351");
    await_text(fixture, "first", TRUE);
    await_text(fixture, "second", FALSE);
    type(fixture, "x");
    assert_typed(fixture, 0, "x");
    type(fixture, "\035n");
    await_text(fixture, "second", TRUE);
    type(fixture, "\035t");
    await_text(fixture, "Tabs: Enter shows", TRUE);
    consoles_key(fixture->consoles, K_UP);
    type(fixture, "\r");
    await_text(fixture, "first", TRUE);
    type(fixture, "\035f");
    await_text(fixture, "Ctrl-]", FALSE);
    g_assert_true(consoles_fullscreen(fixture->consoles));
    g_assert_cmpuint(fixture->rows, ==, ROWS);
    g_assert_cmpuint(fixture->columns, ==, COLUMNS);
    type(fixture, "\035f");
    await_text(fixture, "Ctrl-] leave", TRUE);
    g_assert_cmpuint(fixture->columns, ==, COLUMNS - 2);
}

static void test_scroll_search_copy(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", NULL);
    for (int i = 0; i < 200; i++) {
        g_autofree char *line = g_strdup_printf("this is line %d\r\n", i);
        say(fixture, 0, line);
    }
    await_text(fixture, "this is line 199", TRUE);
    type(fixture, "\035s");
    consoles_key(fixture->consoles, K_PAGE_UP);
    await_text(fixture, "line 199", FALSE);
    type(fixture, "?line 42\r");
    await_text(fixture, "this is line 42", TRUE);
    await_text(fixture, "Line 43 of 201", TRUE);
    /* Output goes on below; what is looked at stays. */
    say(fixture, 0, "more\r\nmore\r\n");
    await_text(fixture, "Line 43 of 203", TRUE);
    type(fixture, " $");
    type(fixture, "c");
    await_text(fixture, "copied 7 characters", TRUE);
    /* "line 42" in base64, to the outer terminal. */
    g_assert_nonnull(strstr(fixture->raw->str, "\033]52;c;bGluZSA0Mg==\a"));
    await_text(fixture, "this is line 199", TRUE);
    type(fixture, "\035s/nowhere\r");
    await_text(fixture, "not found", TRUE);
    type(fixture, "\033");
    type(fixture, "z");
    assert_typed(fixture, 0, "z");
}

/* Nothing that a program says gets past its pane. */
static void test_hostile_program(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", NULL);
    await_text(fixture, "migrate", TRUE);
    g_autofree char *before = shown(fixture);
    g_string_truncate(fixture->raw, 0);
    say(fixture, 0,
        "\033]0;pwned\a\033]2;pwned\033\\\033]52;c;cHduZWQ=\a\033]52;c;?\a\033P$qm\033\\"
        "\033[8;5;5t\033[21t\033[?1000h\033[?1003h\033]11;?\a\xc2\x9d"
        "0;pwned\a\033#6"
        "\033[999;999H\033[999@\033[2J\033[H\xe2\x80\xae\033c\033[5i\033[?1049h\033[H"
        "\033[?1049lend");
    await_text(fixture, "end", TRUE);
    static const char *const never[] = {"\033]",      "\033P",      "pwned",       "cHduZWQ",
                                        "\033[?1000", "\033[?1003", "\033[8;5;5t", "\033[5i",
                                        "\033[?1049", "\033c"};
    for (guint i = 0; i < G_N_ELEMENTS(never); i++)
        g_assert_null(strstr(fixture->raw->str, never[i]));
    say(fixture, 0, "\r   ");
    await_text(fixture, "end", FALSE);
    g_autofree char *after = shown(fixture);
    g_assert_cmpstr(after, ==, before);
}

static gpointer flood(gpointer user)
{
    int descriptor = GPOINTER_TO_INT(user);
    char lines[4096];
    for (guint i = 0; i < sizeof lines; i += 2)
        memcpy(lines + i, "y\n", 2);
    while (send(descriptor, lines, sizeof lines, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

/* A program that never stops talking delays no key: the loop's turns stay short,
 * and a key that waits is served before more output. */
static void test_flood(Fixture *fixture, gconstpointer data)
{
    open_shell(fixture, "ct/201", NULL);
    GThread *thread = g_thread_new("flood", flood, GINT_TO_POINTER(fixture->programs[0]));
    await_text(fixture, " y ", TRUE);
    gint64 slowest = 0;
    for (int i = 0; i < 50; i++) {
        gint64 begun = g_get_monotonic_time();
        char got = 0;
        consoles_key(fixture->consoles, 'x');
        while (recv(fixture->programs[0], &got, 1, MSG_DONTWAIT) != 1)
            turn(fixture);
        for (int j = 0; j < 10; j++)
            turn(fixture);
        slowest = MAX(slowest, (g_get_monotonic_time() - begun) / 10);
    }
    /* Generous, for a loaded machine under a sanitizer; in rest it is about 2 ms. */
    g_assert_cmpint(slowest, <, 100000);
    type(fixture, "\035ky");
    g_assert_cmpuint(consoles_count(fixture->consoles), ==, 0);
    g_thread_join(thread);
}

static void test_limit(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < CONSOLES_MAX; i++) {
        g_autofree char *node = g_strdup_printf("node%u", i);
        wire_error_set(&fixture->refusal, WIRE_ERROR_UNREACHABLE, "not connected");
        g_assert_true(consoles_open_node(fixture->consoles, node, NULL));
        g_autofree char *title = g_strdup_printf(" node%u shell could not be opened ", i);
        await_text(fixture, title, TRUE);
    }
    g_assert_false(consoles_open_node(fixture->consoles, "one more", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
    await_text(fixture, "32 node31 shell!", TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add(name, Fixture, NULL, set_up, function, tear_down)
    ADD("/consoles/program", test_program);
    ADD("/consoles/leaving", test_leaving);
    ADD("/consoles/busy", test_busy_is_taken_over);
    ADD("/consoles/ended", test_failed_and_ended);
    ADD("/consoles/reason", test_reason);
    ADD("/consoles/command", test_command);
    ADD("/consoles/tabs", test_tabs);
    ADD("/consoles/scroll", test_scroll_search_copy);
    ADD("/consoles/hostile", test_hostile_program);
    ADD("/consoles/flood", test_flood);
    ADD("/consoles/limit", test_limit);
    return g_test_run();
}
