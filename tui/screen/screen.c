#include "tui/screen/private.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ESCAPE_DELAY = 25, DRAIN = 300, FRAME_MAX = 8 << 20 };

static void on_lost(gpointer user)
{
    Screen *screen = user;
    if (screen->lost)
        return;
    screen->lost = true;
    if (screen->events.lost)
        screen->events.lost(screen->user);
}

static void on_drained(gpointer user)
{
    Screen *screen = user;
    if (screen->events.ready)
        screen->events.ready(screen->user);
}

/* What ncurses painted leaves as one piece. */
static void relay_paint(Screen *screen)
{
    int file = fileno(screen->paint);
    off_t size = lseek(file, 0, SEEK_CUR);
    if (size <= 0)
        return;
    g_autofree char *bytes = g_malloc((gsize)MIN(size, FRAME_MAX));
    ssize_t got = pread(file, bytes, (size_t)MIN(size, FRAME_MAX), 0);
    if (ftruncate(file, 0) != 0 || lseek(file, 0, SEEK_SET) != 0)
        return;
    if (got > 0)
        relay_frame(screen->relay, bytes, (size_t)got);
}

static bool term_starts(const Screen *screen, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (g_str_has_prefix(screen->term, *prefixes))
            return true;
    return false;
}

/* Terminals that know the modes of xterm beyond what terminfo says. */
static bool is_modern(const Screen *screen)
{
    static const char *const prefixes[] = {"xterm", "tmux",    "foot",    "alacritty",
                                           "kitty", "rxvt",    "wezterm", "konsole",
                                           "st-",   "contour", "ghostty", NULL};
    return term_starts(screen, prefixes);
}

static bool check_terminal(const Screen *screen, GError **error)
{
    if (isatty(screen->input) && isatty(screen->output))
        return screen_check_term(screen->term, screen->output, error);
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                   "the console needs a terminal; use --plain for text, or the commands "
                   "(gantry help)");
    return false;
}

/* A description of its own, so that O_NONBLOCK does not reach the shell's. */
static void open_terminal(Screen *screen)
{
    const char *name = ttyname(screen->output);
    int opened = name ? open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
    const char *input_name = ttyname(screen->input);
    screen->before_flags = -1;
    if (opened >= 0) {
        if (input_name && g_strcmp0(ttyname(screen->output), input_name) == 0)
            screen->input = opened;
        screen->output = opened;
        screen->opened = true;
        return;
    }
    screen->before_flags = fcntl(screen->output, F_GETFL);
    if (screen->before_flags >= 0)
        (void)fcntl(screen->output, F_SETFL, screen->before_flags | O_NONBLOCK);
}

static void set_raw(Screen *screen)
{
    (void)tcgetattr(screen->output, &screen->before);
    struct termios raw = screen->before;
    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(screen->output, TCSADRAIN, &raw);
}

static void measure(Screen *screen)
{
    struct winsize size = {0};
    int rows = 0, columns = 0;
    if (ioctl(screen->output, TIOCGWINSZ, &size) == 0) {
        rows = size.ws_row;
        columns = size.ws_col;
    }
    /* A serial line knows no size. */
    const char *from = g_getenv("LINES");
    if (rows <= 0 && from)
        rows = (int)g_ascii_strtoll(from, NULL, 10);
    from = g_getenv("COLUMNS");
    if (columns <= 0 && from)
        columns = (int)g_ascii_strtoll(from, NULL, 10);
    rows = rows > 0 ? MIN(rows, 1000) : 24;
    columns = columns > 0 ? MIN(columns, 2000) : 80;
    if (is_term_resized(rows, columns))
        (void)resizeterm(rows, columns);
    screen->too_small = rows < SCREEN_ROWS_MIN || columns < SCREEN_COLUMNS_MIN;
}

static void choose_colours(Screen *screen, const ScreenOptions *options)
{
    const char *never = g_getenv("NO_COLOR");
    if (options->no_color || (never && *never) || !has_colors())
        return;
    start_color();
    use_default_colors();
    screen->colours = COLORS;
    const char *truth = g_getenv("COLORTERM");
    bool exact = COLORS >= 256 && truth &&
                 (strcmp(truth, "truecolor") == 0 || strcmp(truth, "24bit") == 0);
    if (options->colours == SKIN_EXACT)
        exact = COLORS >= 256;
    else if (options->colours) {
        screen->colours = MIN(options->colours, screen->colours);
        exact = false;
    }
    screen->exact = exact;
    screen->colours = screen->colours >= 256 ? 256 : screen->colours >= 16 ? 16 : 8;
}

/* Role number n has pair n + 1; pairs beyond are for panes to allocate. */
static ScreenStyle make_style(const Screen *screen, Role role, const SkinStyle *wanted)
{
    ScreenStyle style = {A_NORMAL, 0};
    unsigned attributes = wanted->attributes;
    /* Without colour what is chosen must still stand out. */
    if (screen->colours == 0 && (role == ROLE_SELECTED || role == ROLE_MATCH))
        attributes |= SKIN_REVERSE;
    if (attributes & SKIN_BOLD)
        style.attributes |= A_BOLD;
    if (attributes & SKIN_DIM)
        style.attributes |= A_DIM;
    if (attributes & SKIN_UNDERLINE)
        style.attributes |= A_UNDERLINE;
    if (attributes & SKIN_REVERSE)
        style.attributes |= A_REVERSE;
    if (screen->colours == 0)
        return style;
    int front = skin_nearest(wanted->foreground, screen->colours >= 16 ? screen->colours : 16);
    int back = skin_nearest(wanted->background, screen->colours >= 16 ? screen->colours : 16);
    if (screen->colours < 16) {
        /* The bright ones are the bold ones where there are eight. */
        if (front >= 8)
            style.attributes |= A_BOLD;
        front = front >= 8 ? front - 8 : front;
        back = back >= 8 ? back - 8 : back;
    }
    if (front < 0 && back < 0)
        return style;
    if (init_extended_pair((int)role + 1, front, back) == OK)
        style.pair = (int)role + 1;
    return style;
}

static void apply_skin(Screen *screen)
{
    for (int i = 0; i < 256; i++)
        relay_exact_colour(screen->relay, i, -1);
    for (int role = 0; role < ROLE_COUNT; role++) {
        const SkinStyle *style = &screen->skin->styles[role];
        screen->styles[role] = make_style(screen, (Role)role, style);
        const int colours[] = {style->foreground, style->background};
        for (size_t i = 0; screen->exact && i < G_N_ELEMENTS(colours); i++)
            if (colours[i] >= SKIN_EXACT)
                relay_exact_colour(screen->relay, skin_nearest(colours[i], 256),
                                   colours[i] & 0xFFFFFF);
    }
}

static gboolean on_input(gint descriptor, GIOCondition condition, gpointer user)
{
    Screen *screen = user;
    if (condition & G_IO_IN)
        screen->events.input(screen->user);
    else if (condition & (G_IO_HUP | G_IO_ERR | G_IO_NVAL)) {
        on_lost(screen);
        return G_SOURCE_REMOVE;
    }
    return screen->lost ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean on_window_change(gpointer user)
{
    Screen *screen = user;
    measure(screen);
    screen_repaint(screen);
    screen->events.resized(screen->user);
    return G_SOURCE_CONTINUE;
}

static void attach(Screen *screen, int slot, GSource *source, GSourceFunc function)
{
    g_source_set_callback(source, function, screen, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    screen->sources[slot] = source;
}

/* Keys as terminals send them whatever their terminfo entry says, and the
 * brackets of a paste. */
static void define_keys(void)
{
    static const struct {
        const char *sequence;
        int code;
    } keys[] = {
        {"\033[A", KEY_UP},         {"\033[B", KEY_DOWN},       {"\033[C", KEY_RIGHT},
        {"\033[D", KEY_LEFT},       {"\033[H", KEY_HOME},       {"\033[F", KEY_END},
        {"\033[1~", KEY_HOME},      {"\033[4~", KEY_END},       {"\033[3~", KEY_DC},
        {"\033[5~", KEY_PPAGE},     {"\033[6~", KEY_NPAGE},     {"\033[Z", KEY_BTAB},
        {"\033[200~", KEY_MAX + 1}, {"\033[201~", KEY_MAX + 2},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        (void)define_key(keys[i].sequence, keys[i].code);
}

/* Until it has come back from the shell for the first time, ncurses writes after every
 * jump of the cursor, hundreds of times a frame. So it goes there and comes back. */
static void come_back(const Screen *screen)
{
    (void)endwin();
    (void)fflush(screen->paint);
    if (ftruncate(fileno(screen->paint), 0) == 0)
        (void)lseek(fileno(screen->paint), 0, SEEK_SET);
    (void)doupdate();
}

static bool start_curses(Screen *screen, GError **error)
{
    int memory = memfd_create("frame", MFD_CLOEXEC);
    int keys = fcntl(screen->input, F_DUPFD_CLOEXEC, 3);
    screen->paint = memory >= 0 ? fdopen(memory, "w") : NULL;
    screen->keys = keys >= 0 ? fdopen(keys, "r") : NULL;
    if (screen->paint && screen->keys)
        screen->curses = newterm(screen->term, screen->paint, screen->keys);
    if (!screen->curses) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "the terminal '%s' cannot be used",
                       screen->term);
        return false;
    }
    come_back(screen);
    set_escdelay(ESCAPE_DELAY);
    nonl();
    (void)typeahead(-1);
    leaveok(stdscr, FALSE);
    idlok(stdscr, FALSE);
    screen->pad = newpad(1, 1);
    nodelay(screen->pad, TRUE);
    keypad(screen->pad, TRUE);
    define_keys();
    (void)curs_set(0);
    return true;
}

static bool start(Screen *screen, const ScreenOptions *options, GError **error)
{
    static const RelayEvents relay_events = {.drained = on_drained, .lost = on_lost};
    if (!check_terminal(screen, error))
        return false;
    open_terminal(screen);
    screen->font = font_read(screen->output, screen->term);
    if (!screen->ascii)
        screen->glyphs = glyph_set_of(screen->font);
    set_raw(screen);
    screen->relay = relay_new(screen->output, is_modern(screen), &relay_events, screen);
    if (!start_curses(screen, error))
        return false;
    choose_colours(screen, options);
    screen->skin = skin_builtin("terminal");
    screen_set_skin(screen, options->skin);
    measure(screen);
    if (is_modern(screen))
        screen_send(screen, "\033[?2004h", 8);
    screen_set_mouse(screen, options->mouse);
    GSource *keys = g_unix_fd_source_new(screen->input, G_IO_IN | G_IO_HUP | G_IO_ERR);
    /* A key goes before whatever nodes send. */
    g_source_set_priority(keys, G_PRIORITY_HIGH);
    attach(screen, 0, keys, G_SOURCE_FUNC(on_input));
    attach(screen, 1, g_unix_signal_source_new(SIGWINCH), on_window_change);
    return true;
}

Screen *screen_open(const ScreenOptions *options, const ScreenEvents *events, gpointer user,
                    GError **error)
{
    Screen *screen = g_new0(Screen, 1);
    const char *term = options->term ? options->term : g_getenv("TERM");
    screen->events = *events;
    screen->user = user;
    screen->input = options->input;
    screen->output = options->output;
    screen->term = g_strdup(term ? term : "");
    screen->held = KEY_NOTHING;
    screen->cursor_row = -1;
    screen->before_flags = -1;
    (void)setlocale(LC_CTYPE, "");
    screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen->ascii = options->ascii || !screen->utf8;
    screen->glyphs = glyphs_ascii;
    if (!start(screen, options, error)) {
        screen_close(screen);
        return NULL;
    }
    return screen;
}

/* A terminal without another page to come back from keeps the last frame: what the shell
 * says next gets a row of its own in it. */
static void clear_last_row(void)
{
    if (tigetstr("rmcup"))
        return;
    (void)move(LINES - 1, 0);
    (void)clrtoeol();
    (void)refresh();
}

void screen_close(Screen *screen)
{
    if (!screen)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(screen->sources); i++) {
        if (screen->sources[i]) {
            g_source_destroy(screen->sources[i]);
            g_source_unref(screen->sources[i]);
        }
    }
    if (screen->curses) {
        if (is_modern(screen))
            screen_send(screen, "\033[?2004l", 8);
        screen_set_mouse(screen, false);
        (void)curs_set(1);
        clear_last_row();
        (void)endwin();
        relay_paint(screen);
        relay_drain(screen->relay, DRAIN);
        delwin(screen->pad);
        delscreen(screen->curses);
    }
    if (screen->relay) {
        relay_free(screen->relay);
        /* TCSANOW: a terminal that does not read must not hold us up. */
        (void)tcsetattr(screen->output, TCSANOW, &screen->before);
    }
    if (screen->before_flags >= 0)
        (void)fcntl(screen->output, F_SETFL, screen->before_flags);
    if (screen->paint)
        (void)fclose(screen->paint);
    if (screen->keys)
        (void)fclose(screen->keys);
    if (screen->opened)
        (void)close(screen->output);
    skin_free(screen->skin);
    font_free(screen->font);
    g_free(screen->term);
    g_free(screen);
}

int screen_rows(const Screen *screen)
{
    return LINES;
}

int screen_columns(const Screen *screen)
{
    return COLS;
}

bool screen_is_too_small(const Screen *screen)
{
    return screen->too_small;
}

bool screen_ascii(const Screen *screen)
{
    return screen->ascii;
}

bool screen_shows(const Screen *screen, gunichar sign)
{
    return sign < 0x80 || (screen->utf8 && font_has(screen->font, sign));
}

const GlyphSet *screen_glyphs(const Screen *screen)
{
    return &screen->glyphs;
}

bool screen_utf8(const Screen *screen)
{
    return screen->utf8;
}

int screen_colours(const Screen *screen)
{
    return screen->exact ? SKIN_EXACT : screen->colours;
}

bool screen_begin(Screen *screen)
{
    if (screen->lost || relay_busy(screen->relay))
        return false;
    /* Empty cells have the text role's background. */
    cchar_t blank;
    const ScreenStyle *style = &screen->styles[ROLE_TEXT];
    int pair = style->pair;
    (void)setcchar(&blank, L" ", A_NORMAL, (short)MIN(pair, SHRT_MAX), &pair);
    wbkgrndset(stdscr, &blank);
    werase(stdscr);
    screen->cursor_row = -1;
    return true;
}

void screen_end(Screen *screen)
{
    bool shown = screen->cursor_row >= 0 && screen->cursor_row < LINES &&
                 screen->cursor_column >= 0 && screen->cursor_column < COLS;
    if (shown)
        wmove(stdscr, screen->cursor_row, screen->cursor_column);
    (void)curs_set(shown);
    wnoutrefresh(stdscr);
    doupdate();
    relay_paint(screen);
}

void screen_repaint(Screen *screen)
{
    clearok(curscr, TRUE);
}

void screen_set_skin(Screen *screen, const Skin *skin)
{
    if (skin) {
        Skin *copy = g_memdup2(skin, sizeof *skin);
        copy->name = g_strdup(skin->name);
        skin_free(screen->skin);
        screen->skin = copy;
    }
    apply_skin(screen);
    screen_repaint(screen);
}

void screen_set_mouse(Screen *screen, bool on)
{
    (void)mouseinterval(0);
    (void)mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

void screen_send(Screen *screen, const char *bytes, size_t length)
{
    (void)fflush(screen->paint);
    int file = fileno(screen->paint);
    while (length > 0) {
        ssize_t n = write(file, bytes, length);
        if (n <= 0)
            return;
        bytes += n;
        length -= (size_t)n;
    }
}

guint64 screen_bytes(const Screen *screen)
{
    return relay_bytes(screen->relay);
}

guint64 screen_frames(const Screen *screen)
{
    return relay_frames(screen->relay);
}
