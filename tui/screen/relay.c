#include "tui/screen/relay.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define SYNC_BEGIN "\033[?2026h"
#define SYNC_END   "\033[?2026l"
/* A smaller frame cannot tear so that anyone sees it. */
enum { SYNC_WORTH = 256 };

struct Relay {
    int descriptor;
    bool synchronised;
    RelayEvents events;
    gpointer user;
    GString *pending;
    size_t sent;
    GSource *writer;
    bool lost;
    int exact[256]; /* -1: as the terminal has it */
    bool any_exact;
    guint64 bytes, frames;
};

Relay *relay_new(int descriptor, bool synchronised, const RelayEvents *events, gpointer user)
{
    Relay *relay = g_new0(Relay, 1);
    relay->descriptor = descriptor;
    relay->synchronised = synchronised;
    relay->events = *events;
    relay->user = user;
    relay->pending = g_string_new(NULL);
    memset(relay->exact, 0xFF, sizeof relay->exact);
    return relay;
}

static void stop_writer(Relay *relay)
{
    if (relay->writer) {
        g_source_destroy(relay->writer);
        g_clear_pointer(&relay->writer, g_source_unref);
    }
}

void relay_free(Relay *relay)
{
    if (!relay)
        return;
    stop_writer(relay);
    g_string_free(relay->pending, TRUE);
    g_free(relay);
}

void relay_exact_colour(Relay *relay, int index, int value)
{
    g_return_if_fail(index >= 0 && index < 256);
    relay->exact[index] = value;
    relay->any_exact |= value >= 0;
}

bool relay_busy(const Relay *relay)
{
    return relay->sent < relay->pending->len;
}

guint64 relay_bytes(const Relay *relay)
{
    return relay->bytes;
}

guint64 relay_frames(const Relay *relay)
{
    return relay->frames;
}

/* Writes what goes; FALSE when the terminal is gone. */
static bool push(Relay *relay)
{
    while (relay_busy(relay)) {
        ssize_t n = write(relay->descriptor, relay->pending->str + relay->sent,
                          relay->pending->len - relay->sent);
        if (n > 0)
            relay->sent += (size_t)n;
        else if (n < 0 && errno == EINTR)
            continue;
        else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        else
            return false;
    }
    g_string_truncate(relay->pending, 0);
    relay->sent = 0;
    return true;
}

static void lose(Relay *relay)
{
    relay->lost = true;
    g_string_truncate(relay->pending, 0);
    relay->sent = 0;
    stop_writer(relay);
    relay->events.lost(relay->user);
}

static gboolean on_writable(gint descriptor, GIOCondition condition, gpointer user)
{
    Relay *relay = user;
    if (!push(relay)) {
        lose(relay);
        return G_SOURCE_REMOVE;
    }
    if (relay_busy(relay))
        return G_SOURCE_CONTINUE;
    g_clear_pointer(&relay->writer, g_source_unref);
    relay->events.drained(relay->user);
    return G_SOURCE_REMOVE;
}

/* ncurses says ESC[38;5;Nm; for the colours of a skin that are exact, N is
 * only a place-holder (the nearest of 256) and the terminal is told the truth. */
static void append_exact(Relay *relay, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    while (bytes < end) {
        const char *escape = memchr(bytes, '\033', (size_t)(end - bytes));
        if (!escape || end - escape < 9) {
            g_string_append_len(relay->pending, bytes, end - bytes);
            return;
        }
        g_string_append_len(relay->pending, bytes, escape - bytes);
        bytes = escape;
        int index = 0;
        const char *digit = escape + 7;
        if ((memcmp(escape, "\033[38;5;", 7) == 0 || memcmp(escape, "\033[48;5;", 7) == 0))
            while (digit < end && g_ascii_isdigit(*digit) && index < 1000)
                index = index * 10 + (*digit++ - '0');
        if (digit > escape + 7 && digit < end && *digit == 'm' && index < 256 &&
            relay->exact[index] >= 0) {
            int value = relay->exact[index];
            g_string_append_printf(relay->pending, "\033[%c8;2;%d;%d;%dm", escape[2],
                                   value >> 16 & 255, value >> 8 & 255, value & 255);
            bytes = digit + 1;
        } else {
            g_string_append_c(relay->pending, *bytes++);
        }
    }
}

void relay_frame(Relay *relay, const char *bytes, size_t length)
{
    if (relay->lost || length == 0)
        return;
    bool synchronised = relay->synchronised && length >= SYNC_WORTH;
    size_t before = relay->pending->len;
    if (synchronised)
        g_string_append(relay->pending, SYNC_BEGIN);
    if (relay->any_exact)
        append_exact(relay, bytes, length);
    else
        g_string_append_len(relay->pending, bytes, (gssize)length);
    if (synchronised)
        g_string_append(relay->pending, SYNC_END);
    relay->bytes += relay->pending->len - before;
    relay->frames++;
    if (relay->writer)
        return;
    if (!push(relay)) {
        lose(relay);
        return;
    }
    if (relay_busy(relay)) {
        relay->writer =
            g_unix_fd_source_new(relay->descriptor, G_IO_OUT | G_IO_ERR | G_IO_HUP | G_IO_NVAL);
        g_source_set_callback(relay->writer, G_SOURCE_FUNC(on_writable), relay, NULL);
        g_source_attach(relay->writer, g_main_context_get_thread_default());
    }
}

void relay_drain(Relay *relay, int milliseconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)milliseconds * 1000;
    while (!relay->lost && relay_busy(relay)) {
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        struct pollfd poller = {.fd = relay->descriptor, .events = POLLOUT};
        if (left <= 0 || poll(&poller, 1, (int)left) <= 0 || !push(relay))
            return;
    }
}
