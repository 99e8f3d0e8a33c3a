#include "tui/view/console_tab.h"

#include "backend/wire/error.h"
#include "tui/screen/text.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_MIN = 256, PIECE_MAX = 16384 };

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static GSource *watch(ConsoleTab *tab, GIOCondition condition, int priority,
                      GUnixFDSourceFunc function)
{
    GSource *source = g_unix_fd_source_new(tab->descriptor, condition);
    g_source_set_callback(source, G_SOURCE_FUNC(function), tab, NULL);
    g_source_set_priority(source, priority);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

static void set_state(ConsoleTab *tab, ConsoleTabState state, const char *message)
{
    tab->state = state;
    g_free(tab->message);
    tab->message = g_strdup(message);
    tab->context->changed(tab->context->user);
}

static void stop_bytes(ConsoleTab *tab)
{
    drop_source(&tab->reader);
    drop_source(&tab->writer);
    g_string_truncate(tab->queue, 0);
    if (tab->descriptor >= 0)
        (void)close(tab->descriptor);
    tab->descriptor = -1;
}

/* Ends the stream, if any. */
static void disconnect(ConsoleTab *tab)
{
    stop_bytes(tab);
    ConsoleStream *stream = g_steal_pointer(&tab->stream);
    if (stream)
        tab->context->opener.close(stream, tab->context->opener_user);
}

static void on_ended(const char *reason, gpointer user)
{
    ConsoleTab *tab = user;
    disconnect(tab);
    if (reason || !tab->message)
        set_state(tab, TAB_ENDED, reason);
}

static gboolean on_readable(int descriptor, GIOCondition condition, gpointer user)
{
    ConsoleTab *tab = user;
    char buffer[PIECE_MAX];
    ssize_t got = read(descriptor, buffer, tab->piece);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (got <= 0) {
        /* A pty whose program ended says EIO. */
        g_autofree char *reason =
            got < 0 && errno != EIO && errno != ECONNRESET ? g_strdup(g_strerror(errno)) : NULL;
        stop_bytes(tab);
        set_state(tab, TAB_ENDED, reason);
        tab->context->opener.ended(tab->stream, on_ended, tab, tab->context->opener_user);
        return G_SOURCE_REMOVE;
    }
    gint64 begun = g_get_monotonic_time();
    terminal_feed(tab->terminal, buffer, (size_t)got, begun);
    gint64 took = g_get_monotonic_time() - begun;
    if (took > CONSOLE_TAB_SLICE)
        tab->piece = MAX(tab->piece / 2, PIECE_MIN);
    else if (took < CONSOLE_TAB_SLICE / 4 && (size_t)got == tab->piece)
        tab->piece = MIN(tab->piece * 2, PIECE_MAX);
    tab->fresh = tab->heard = TRUE;
    if (terminal_take_bell(tab->terminal))
        tab->context->bell(tab->context->user);
    tab->context->changed(tab->context->user);
    return G_SOURCE_CONTINUE;
}

/* Writes what the program takes. TRUE when something is left. */
static gboolean flush_queue(ConsoleTab *tab)
{
    ssize_t sent = write(tab->descriptor, tab->queue->str, tab->queue->len);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        g_string_truncate(tab->queue, 0); /* the reader will say what happened */
    else if (sent > 0)
        g_string_erase(tab->queue, 0, sent);
    return tab->queue->len > 0;
}

static gboolean on_writable(int descriptor, GIOCondition condition, gpointer user)
{
    ConsoleTab *tab = user;
    if (flush_queue(tab))
        return G_SOURCE_CONTINUE;
    g_clear_pointer(&tab->writer, g_source_unref);
    return G_SOURCE_REMOVE;
}

static void on_output(const char *bytes, size_t length, gpointer user)
{
    ConsoleTab *tab = user;
    if (tab->descriptor < 0 || tab->queue->len + length > CONSOLE_TAB_QUEUE_MAX)
        return;
    g_string_append_len(tab->queue, bytes, (gssize)length);
    if (!tab->writer && flush_queue(tab))
        tab->writer = watch(tab, G_IO_OUT, G_PRIORITY_DEFAULT, on_writable);
}

static void on_opened(int descriptor, const GError *error, gpointer user)
{
    ConsoleTab *tab = user;
    if (descriptor < 0) {
        gboolean busy = wire_error_code(error) == WIRE_ERROR_BUSY;
        g_autofree char *message = g_strdup(error->message);
        disconnect(tab);
        set_state(tab, busy ? TAB_BUSY : TAB_FAILED, message);
        return;
    }
    tab->descriptor = descriptor;
    tab->piece = PIECE_MIN;
    tab->heard = FALSE;
    tab->reader = watch(tab, G_IO_IN, G_PRIORITY_DEFAULT_IDLE, on_readable);
    set_state(tab, TAB_OPEN, NULL);
    /* The pane may have got another size meanwhile. */
    tab->context->opener.resize(tab->stream, terminal_rows(tab->terminal),
                                terminal_columns(tab->terminal), tab->context->opener_user);
}

gboolean console_tab_is_read(const ConsoleTab *tab)
{
    return tab->target.what == CONSOLE_COMMAND && tab->state == TAB_ENDED;
}

/* The command as it could be typed, before what it says. */
static void show_command(ConsoleTab *tab)
{
    g_autofree char *words = g_strjoinv(" ", (char **)(gintptr)tab->target.argv);
    g_autofree char *clean = text_clean(words);
    g_autofree char *line = g_strdup_printf("\033[2m$ %s\033[0m\r\n", clean);
    terminal_feed(tab->terminal, line, strlen(line), g_get_monotonic_time());
}

void console_tab_reopen(ConsoleTab *tab, gboolean take)
{
    if (tab->state == TAB_OPENING || tab->state == TAB_OPEN)
        return;
    disconnect(tab);
    set_state(tab, TAB_OPENING, NULL);
    if (tab->target.what == CONSOLE_COMMAND)
        show_command(tab);
    tab->stream = tab->context->opener.open(&tab->target, terminal_rows(tab->terminal),
                                            terminal_columns(tab->terminal), take, on_opened,
                                            tab, tab->context->opener_user);
}

static char *make_title(const ConsoleTarget *target)
{
    static const char *const words[] = {"console", "shell", "shell"};
    if (target->what == CONSOLE_COMMAND)
        return g_strdup(target->name);
    const char *word = words[target->what];
    if (!target->guest)
        return g_strdup_printf("%s %s", target->node, word);
    if (target->what == CONSOLE_GUEST_CONSOLE && g_str_has_prefix(target->guest, "vm/"))
        word = "serial";
    return g_strdup_printf("%s %s", target->guest, word);
}

ConsoleTab *console_tab_new(const ConsoleTabContext *context, const ConsoleTarget *target,
                            guint rows, guint columns)
{
    ConsoleTab *tab = g_new0(ConsoleTab, 1);
    tab->context = context;
    tab->target =
        (ConsoleTarget){target->what, g_strdup(target->node), g_strdup(target->guest),
                        g_strdup(target->name), g_strdupv((char **)(gintptr)target->argv)};
    tab->title = make_title(target);
    tab->terminal = terminal_new(rows, columns, CONSOLES_HISTORY, on_output, tab);
    tab->descriptor = -1;
    tab->queue = g_string_new(NULL);
    tab->state = TAB_ENDED;
    console_tab_reopen(tab, FALSE);
    return tab;
}

void console_tab_free(ConsoleTab *tab)
{
    if (!tab)
        return;
    disconnect(tab);
    terminal_free(tab->terminal);
    g_string_free(tab->queue, TRUE);
    g_free((char *)tab->target.node);
    g_free((char *)tab->target.guest);
    g_free((char *)tab->target.name);
    g_strfreev((char **)(gintptr)tab->target.argv);
    g_free(tab->title);
    g_free(tab->message);
    g_free(tab);
}

void console_tab_resize(ConsoleTab *tab, guint rows, guint columns)
{
    guint old_rows = terminal_rows(tab->terminal),
          old_columns = terminal_columns(tab->terminal);
    terminal_resize(tab->terminal, rows, columns);
    rows = terminal_rows(tab->terminal);
    columns = terminal_columns(tab->terminal);
    if (tab->state == TAB_OPEN && (rows != old_rows || columns != old_columns))
        tab->context->opener.resize(tab->stream, rows, columns, tab->context->opener_user);
}
