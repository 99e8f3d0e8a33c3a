#include "tui/view/consoles_private.h"

#include "backend/wire/error.h"

#include <string.h>

enum { CTRL_BRACKET = 0x1d, CTRL_C = 3, AROUND_ROWS = 5, AROUND_COLUMNS = 2 };

ConsoleTab *consoles_current(const Consoles *consoles)
{
    return consoles->current < consoles->tabs->len ? consoles->tabs->pdata[consoles->current]
                                                   : NULL;
}

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static GSource *after(Consoles *consoles, guint milliseconds, GSourceFunc function)
{
    GSource *source = g_timeout_source_new(milliseconds);
    g_source_set_callback(source, function, consoles, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

static gboolean on_frame(gpointer user)
{
    Consoles *consoles = user;
    g_clear_pointer(&consoles->frame, g_source_unref);
    consoles->host.changed(consoles->host_user);
    return G_SOURCE_REMOVE;
}

static void on_changed(gpointer user)
{
    Consoles *consoles = user;
    if (!consoles->frame)
        consoles->frame = after(consoles, CONSOLES_FRAME, on_frame);
}

static void on_bell(gpointer user)
{
    screen_send(((Consoles *)user)->host.screen, "\a", 1);
}

Consoles *consoles_new(const ConsolesOpener *opener, gpointer opener_user,
                       const ConsolesHost *host, gpointer host_user)
{
    Consoles *consoles = g_new0(Consoles, 1);
    consoles->host = *host;
    consoles->host_user = host_user;
    consoles->cluster = g_strdup(host->cluster);
    consoles->context =
        (ConsoleTabContext){*opener, opener_user, on_changed, on_bell, consoles};
    consoles->tabs = g_ptr_array_new_with_free_func((GDestroyNotify)console_tab_free);
    consoles->view = terminal_view_new();
    /* As it will be drawn: what a program says at once is for this size. */
    consoles->rows = (guint)MAX(screen_rows(host->screen) - AROUND_ROWS, 1);
    consoles->columns = (guint)MAX(screen_columns(host->screen) - AROUND_COLUMNS, 1);
    return consoles;
}

void consoles_free(Consoles *consoles)
{
    if (!consoles)
        return;
    g_ptr_array_unref(consoles->tabs);
    drop_source(&consoles->frame);
    drop_source(&consoles->prefix);
    console_scroll_clear(&consoles->scroll);
    terminal_view_free(consoles->view);
    g_free(consoles->notice);
    g_free(consoles->cluster);
    g_free(consoles);
}

guint consoles_count(const Consoles *consoles)
{
    return consoles->tabs->len;
}

gboolean consoles_fullscreen(const Consoles *consoles)
{
    return consoles->fullscreen;
}

static void set_mode(Consoles *consoles, ConsolesMode mode)
{
    consoles->mode = mode;
    consoles->repaint = TRUE;
    drop_source(&consoles->prefix);
    on_changed(consoles);
}

static void show_tab(Consoles *consoles, guint index)
{
    if (index >= consoles->tabs->len)
        return;
    consoles->current = index;
    set_mode(consoles, CONSOLES_PROGRAM);
}

gboolean consoles_open(Consoles *consoles, const ConsoleTarget *target, GError **error)
{
    for (guint i = 0; i < consoles->tabs->len; i++) {
        const ConsoleTarget *open = &((ConsoleTab *)consoles->tabs->pdata[i])->target;
        if (target->what != CONSOLE_COMMAND && open->what == target->what &&
            g_strcmp0(open->node, target->node) == 0 &&
            g_strcmp0(open->guest, target->guest) == 0) {
            show_tab(consoles, i);
            return TRUE;
        }
    }
    if (consoles->tabs->len >= CONSOLES_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "%d consoles are open, close one first",
                       CONSOLES_MAX);
        return FALSE;
    }
    g_ptr_array_add(consoles->tabs, console_tab_new(&consoles->context, target, consoles->rows,
                                                    consoles->columns));
    show_tab(consoles, consoles->tabs->len - 1);
    return TRUE;
}

gboolean consoles_open_guest(Consoles *consoles, const char *node, const char *guest,
                             const char *name, gboolean console, GError **error)
{
    ConsoleWhat what = console ? CONSOLE_GUEST_CONSOLE : CONSOLE_GUEST_SHELL;
    return consoles_open(consoles, &(ConsoleTarget){what, node, guest, name, NULL}, error);
}

gboolean consoles_open_node(Consoles *consoles, const char *node, GError **error)
{
    ConsoleTarget target = {CONSOLE_NODE_SHELL, node, NULL, NULL, NULL};
    return consoles_open(consoles, &target, error);
}

gboolean consoles_open_command(Consoles *consoles, const char *title, char *const *argv,
                               GError **error)
{
    return consoles_open(consoles, &(ConsoleTarget){CONSOLE_COMMAND, NULL, NULL, title, argv},
                         error);
}

static void leave(Consoles *consoles)
{
    set_mode(consoles, CONSOLES_PROGRAM);
    consoles->host.leave(consoles->host_user);
}

static void close_tab(Consoles *consoles)
{
    g_ptr_array_remove_index(consoles->tabs, consoles->current);
    if (consoles->current && consoles->current >= consoles->tabs->len)
        consoles->current--;
    set_mode(consoles, CONSOLES_PROGRAM);
    if (!consoles->tabs->len) {
        consoles->fullscreen = FALSE;
        consoles->host.leave(consoles->host_user);
    }
}

static void set_notice(Consoles *consoles, char *notice)
{
    g_free(consoles->notice);
    consoles->notice = notice;
    on_changed(consoles);
}

/* The selection, or what the screen shows. */
static void copy(Consoles *consoles, ConsoleTab *tab)
{
    const ConsoleScroll *scroll = &consoles->scroll;
    gboolean scrolling =
        consoles->mode == CONSOLES_SCROLL || consoles->before == CONSOLES_SCROLL;
    gint64 top = scrolling ? scroll->top : terminal_screen_line(tab->terminal);
    TerminalPlace from = {top, 0};
    TerminalPlace to = {top + terminal_rows(tab->terminal) - 1,
                        terminal_columns(tab->terminal) - 1};
    if (scrolling && scroll->selecting) {
        from = scroll->anchor;
        to = scroll->at;
    }
    g_autofree char *text = terminal_copy(tab->terminal, from, to);
    g_autofree char *bytes = terminal_osc52(text);
    screen_send(consoles->host.screen, bytes, strlen(bytes));
    set_notice(consoles, g_strdup_printf("copied %ld characters to the terminal's clipboard",
                                         g_utf8_strlen(text, -1)));
}

static gboolean on_prefix(gpointer user)
{
    Consoles *consoles = user;
    g_clear_pointer(&consoles->prefix, g_source_unref);
    leave(consoles);
    return G_SOURCE_REMOVE;
}

static void begin_command(Consoles *consoles)
{
    consoles->before = consoles->mode;
    set_mode(consoles, CONSOLES_COMMAND);
    consoles->prefix = after(consoles, CONSOLES_PREFIX, on_prefix);
}

static void ask_close(Consoles *consoles, const ConsoleTab *tab)
{
    if (tab->state == TAB_OPEN)
        set_mode(consoles, CONSOLES_CLOSE);
    else
        close_tab(consoles);
}

static void step_tab(Consoles *consoles, guint step)
{
    show_tab(consoles, (consoles->current + step) % consoles->tabs->len);
}

/* The key after Ctrl-]. */
static void command_key(Consoles *consoles, ConsoleTab *tab, Key key)
{
    ConsolesMode before = consoles->before;
    set_mode(consoles, before);
    if (key == CTRL_BRACKET || key == K_ESC || key == 'q') {
        leave(consoles);
    } else if (key >= '1' && key <= '9') {
        show_tab(consoles, (guint)(key - '1'));
    } else if (key == ']') {
        terminal_key(tab->terminal, (TerminalKey){CTRL_BRACKET, 0});
    } else if (key == 'f') {
        consoles->fullscreen = !consoles->fullscreen;
    } else if (key == 't') {
        consoles->chosen = consoles->current;
        set_mode(consoles, CONSOLES_TABS);
    } else if (key == 'n') {
        step_tab(consoles, 1);
    } else if (key == 'p') {
        step_tab(consoles, consoles->tabs->len - 1);
    } else if (key == 's' || key == '[' || key == K_PAGE_UP) {
        if (before != CONSOLES_SCROLL)
            console_scroll_begin(&consoles->scroll, tab->terminal);
        set_mode(consoles, CONSOLES_SCROLL);
    } else if (key == 'c') {
        copy(consoles, tab);
    } else if (key == 'k') {
        ask_close(consoles, tab);
    } else if (key == 'r') {
        console_tab_reopen(tab, FALSE);
    } else if (key == '?') {
        set_mode(consoles, CONSOLES_HELP);
    } else {
        char name[32];
        set_notice(consoles, g_strdup_printf("Ctrl-] %s does nothing; Ctrl-] ? lists the keys",
                                             key_describe(key, name, sizeof name)));
    }
}

static void tabs_key(Consoles *consoles, Key key)
{
    guint count = consoles->tabs->len;
    if (key == K_UP || key == 'k' || key == K_BACK_TAB)
        consoles->chosen = (consoles->chosen + count - 1) % count;
    else if (key == K_DOWN || key == 'j' || key == 't' || key == K_TAB)
        consoles->chosen = (consoles->chosen + 1) % count;
    else if (key == K_ENTER)
        show_tab(consoles, consoles->chosen);
    else if (key >= '1' && key <= '9')
        show_tab(consoles, (guint)(key - '1'));
    else if (key == K_ESC || key == 'q' || key == CTRL_BRACKET)
        set_mode(consoles, CONSOLES_PROGRAM);
    consoles->repaint = TRUE;
}

static void scroll_key(Consoles *consoles, ConsoleTab *tab, Key key)
{
    TerminalKey terminal;
    if (!terminal_key_from_screen(key, &terminal))
        return;
    switch (console_scroll_key(&consoles->scroll, tab->terminal, terminal)) {
    case SCROLL_COPIES:
        copy(consoles, tab);
        set_mode(consoles, CONSOLES_PROGRAM);
        break;
    case SCROLL_ENDS:
        set_mode(consoles, CONSOLES_PROGRAM);
        break;
    case SCROLL_STAYS:
        break;
    }
}

/* What it said has been read: back to where it was asked for. */
static void command_read(Consoles *consoles, ConsoleTab *tab, Key key)
{
    if (key == K_PAGE_UP) {
        console_scroll_begin(&consoles->scroll, tab->terminal);
        set_mode(consoles, CONSOLES_SCROLL);
    } else if (key == 'r' && tab->message) {
        console_tab_reopen(tab, FALSE);
    } else {
        close_tab(consoles);
        if (consoles->tabs->len)
            leave(consoles);
    }
}

/* Keys while there is no program to take them. */
static void idle_key(Consoles *consoles, ConsoleTab *tab, Key key)
{
    if (console_tab_is_read(tab)) {
        command_read(consoles, tab, key);
        return;
    }
    if (key == K_ESC || key == 'q')
        leave(consoles);
    else if (key == 'k')
        close_tab(consoles);
    else if (tab->state == TAB_BUSY && key == 't')
        console_tab_reopen(tab, TRUE);
    else if (tab->state != TAB_OPENING && key == 'r')
        console_tab_reopen(tab, FALSE);
}

static void program_key(ConsoleTab *tab, Key key)
{
    TerminalKey terminal;
    if (terminal_key_from_screen(key, &terminal))
        terminal_key(tab->terminal, terminal);
}

void consoles_key(Consoles *consoles, Key key)
{
    ConsoleTab *tab = consoles_current(consoles);
    set_notice(consoles, NULL);
    if (!tab) {
        leave(consoles);
        return;
    }
    ConsolesMode mode = consoles->mode;
    if (mode == CONSOLES_COMMAND || mode == CONSOLES_HELP) {
        command_key(consoles, tab, key);
    } else if (mode == CONSOLES_TABS) {
        tabs_key(consoles, key);
    } else if (mode == CONSOLES_CLOSE) {
        if (key == 'y')
            close_tab(consoles);
        else
            set_mode(consoles, CONSOLES_PROGRAM);
    } else if (key == CTRL_BRACKET) {
        begin_command(consoles);
    } else if (mode == CONSOLES_SCROLL) {
        scroll_key(consoles, tab, key);
    } else if (tab->state != TAB_OPEN) {
        idle_key(consoles, tab, key);
    } else {
        program_key(tab, key);
    }
}

void consoles_paste(Consoles *consoles, const char *text, size_t length)
{
    ConsoleTab *tab = consoles_current(consoles);
    if (tab && tab->state == TAB_OPEN && consoles->mode == CONSOLES_PROGRAM)
        terminal_paste(tab->terminal, text, length);
}
