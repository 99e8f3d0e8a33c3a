#include "backend/wire/channel.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

/* What the channels of this thread took of one turn of its main loop, in µs. */
static _Thread_local struct {
    gint64 turn, taken;
} reading;

struct WireChannel {
    int descriptor;
    WireChannelEvents events;
    gpointer user;
    GMainContext *context;
    GSource *reader;
    GSource *writer;   /* only while there is something to write */
    GSource *deadline; /* only while a line is begun and not ended */
    GSource *closing;
    GString *input;
    size_t scanned; /* bytes of input known to hold no newline */
    GString *output;
    size_t sent; /* bytes of output already taken */
    GError *error;
    gboolean dead;
    gboolean *freed; /* set while an event runs, to notice being freed in it */
};

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static GSource *attach(WireChannel *channel, GSource *source, GSourceFunc function)
{
    g_source_set_callback(source, function, channel, NULL);
    g_source_attach(source, channel->context);
    return source;
}

static gboolean on_closing(gpointer user)
{
    WireChannel *channel = user;
    drop_source(&channel->closing);
    if (channel->events.closed)
        channel->events.closed(channel->error, channel->user);
    return G_SOURCE_REMOVE;
}

/* Tells the owner from the main loop, never from inside a call of the owner's. */
static void close_later(WireChannel *channel, GError *error)
{
    if (channel->dead) {
        g_clear_error(&error);
        return;
    }
    channel->dead = TRUE;
    channel->error = error;
    drop_source(&channel->reader);
    drop_source(&channel->writer);
    drop_source(&channel->deadline);
    channel->closing = attach(channel, g_idle_source_new(), on_closing);
}

static gboolean on_deadline(gpointer user)
{
    GError *error = NULL;
    wire_error_set(&error, WIRE_ERROR_TIMEOUT, "a message was not completed within %d s",
                   WIRE_LINE_DEADLINE);
    close_later(user, error);
    return G_SOURCE_REMOVE;
}

/* Hands over every whole line. FALSE when the channel was freed meanwhile. */
static gboolean deliver_lines(WireChannel *channel)
{
    gboolean freed = FALSE;
    size_t start = 0;
    channel->freed = &freed;
    while (!channel->dead) {
        char *text = channel->input->str;
        size_t from = MAX(start, channel->scanned);
        char *newline = memchr(text + from, '\n', channel->input->len - from);
        if (!newline)
            break;
        *newline = '\0';
        size_t begin = start;
        start = (size_t)(newline - text) + 1;
        channel->events.line(text + begin, start - begin - 1, channel->user);
        if (freed)
            return FALSE;
    }
    channel->freed = NULL;
    g_string_erase(channel->input, 0, (gssize)start);
    channel->scanned = channel->input->len;
    return TRUE;
}

static void watch_partial_line(WireChannel *channel, gboolean progressed)
{
    if (channel->dead)
        return;
    if (channel->input->len == 0 || progressed)
        drop_source(&channel->deadline);
    if (channel->input->len > 0 && !channel->deadline)
        channel->deadline =
            attach(channel, g_timeout_source_new_seconds(WIRE_LINE_DEADLINE), on_deadline);
    /* A burst leaves a large buffer behind; give it back when idle. */
    if (channel->input->len == 0 && channel->input->allocated_len > (gsize)4 * READ_SIZE) {
        g_string_free(channel->input, TRUE);
        channel->input = g_string_sized_new(READ_SIZE);
    }
}

/* Whether other channels have had what there is in this turn of the main loop. */
static gboolean turn_is_over(const WireChannel *channel)
{
    gint64 turn = g_source_get_time(channel->reader);
    if (reading.turn != turn) {
        reading.turn = turn;
        reading.taken = 0;
    }
    return reading.taken >= WIRE_TURN;
}

static gboolean read_some(int descriptor, WireChannel *channel)
{
    char buffer[READ_SIZE];
    ssize_t got = read(descriptor, buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (got <= 0) {
        GError *error = NULL;
        if (got < 0 && errno != ECONNRESET)
            wire_error_set(&error, WIRE_ERROR_FAILED, "reading from the peer: %s",
                           g_strerror(errno));
        close_later(channel, error);
        return G_SOURCE_REMOVE;
    }
    size_t before = channel->input->len;
    g_string_append_len(channel->input, buffer, got);
    if (!deliver_lines(channel))
        return G_SOURCE_REMOVE;
    if (channel->input->len > WIRE_MESSAGE_MAX) {
        GError *error = NULL;
        wire_error_set(&error, WIRE_ERROR_LIMIT, "a message is larger than %u MiB",
                       WIRE_MESSAGE_MAX >> 20);
        close_later(channel, error);
        return G_SOURCE_REMOVE;
    }
    watch_partial_line(channel, channel->input->len < before + (size_t)got);
    if (channel->dead)
        return G_SOURCE_REMOVE;
    /* To the end of the queue: another channel begins the next turn. */
    g_source_set_priority(channel->reader, G_PRIORITY_DEFAULT);
    return G_SOURCE_CONTINUE;
}

static gboolean on_readable(int descriptor, GIOCondition condition, gpointer user)
{
    WireChannel *channel = user;
    if (turn_is_over(channel))
        return G_SOURCE_CONTINUE;
    gint64 begun = g_get_monotonic_time();
    gboolean more = read_some(descriptor, channel);
    reading.taken += g_get_monotonic_time() - begun;
    return more;
}

/* Writes what the peer takes. FALSE when the channel broke. */
static gboolean write_some(WireChannel *channel)
{
    while (channel->sent < channel->output->len) {
        ssize_t put = write(channel->descriptor, channel->output->str + channel->sent,
                            channel->output->len - channel->sent);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            break;
        if (put < 0) {
            GError *error = NULL;
            if (errno != EPIPE && errno != ECONNRESET)
                wire_error_set(&error, WIRE_ERROR_FAILED, "writing to the peer: %s",
                               g_strerror(errno));
            close_later(channel, error);
            return FALSE;
        }
        channel->sent += (size_t)put;
    }
    if (channel->sent == channel->output->len) {
        if (channel->output->allocated_len > (gsize)4 * READ_SIZE) {
            g_string_free(channel->output, TRUE);
            channel->output = g_string_sized_new(READ_SIZE);
        }
        g_string_truncate(channel->output, 0);
        channel->sent = 0;
    }
    return TRUE;
}

static gboolean on_writable(int descriptor, GIOCondition condition, gpointer user)
{
    WireChannel *channel = user;
    if (!write_some(channel))
        return G_SOURCE_REMOVE;
    if (channel->output->len > 0)
        return G_SOURCE_CONTINUE;
    drop_source(&channel->writer);
    return G_SOURCE_REMOVE;
}

WireChannel *wire_channel_new(int descriptor, const WireChannelEvents *events, gpointer user)
{
    WireChannel *channel = g_new0(WireChannel, 1);
    channel->descriptor = descriptor;
    channel->events = *events;
    channel->user = user;
    channel->context = g_main_context_ref_thread_default();
    channel->input = g_string_new(NULL);
    channel->output = g_string_new(NULL);
    g_unix_set_fd_nonblocking(descriptor, TRUE, NULL);
    GSource *source = g_unix_fd_source_new(descriptor, G_IO_IN | G_IO_HUP | G_IO_ERR);
    channel->reader = attach(channel, source, G_SOURCE_FUNC(on_readable));
    return channel;
}

int wire_channel_steal_descriptor(WireChannel *channel)
{
    int descriptor = channel->descriptor;
    channel->descriptor = -1;
    wire_channel_free(channel);
    return descriptor;
}

void wire_channel_free(WireChannel *channel)
{
    if (!channel)
        return;
    if (channel->freed)
        *channel->freed = TRUE;
    drop_source(&channel->reader);
    drop_source(&channel->writer);
    drop_source(&channel->deadline);
    drop_source(&channel->closing);
    if (channel->descriptor >= 0)
        close(channel->descriptor);
    g_string_free(channel->input, TRUE);
    g_string_free(channel->output, TRUE);
    g_clear_error(&channel->error);
    g_main_context_unref(channel->context);
    g_free(channel);
}

void wire_channel_send(WireChannel *channel, const char *line, size_t length)
{
    if (channel->dead)
        return;
    if (channel->sent > 0) {
        g_string_erase(channel->output, 0, (gssize)channel->sent);
        channel->sent = 0;
    }
    g_string_append_len(channel->output, line, (gssize)length);
    g_string_append_c(channel->output, '\n');
    if (channel->writer)
        goto check;
    if (!write_some(channel))
        return;
    if (channel->output->len > 0) {
        GSource *source = g_unix_fd_source_new(channel->descriptor, G_IO_OUT);
        channel->writer = attach(channel, source, G_SOURCE_FUNC(on_writable));
    }
check:
    if (wire_channel_backlog(channel) > WIRE_BACKLOG_MAX) {
        GError *error = NULL;
        wire_error_set(&error, WIRE_ERROR_LIMIT, "the peer does not read: %u MiB are waiting",
                       WIRE_BACKLOG_MAX >> 20);
        close_later(channel, error);
    }
}

void wire_channel_send_steal(WireChannel *channel, char *line)
{
    if (line)
        wire_channel_send(channel, line, strlen(line));
    free(line);
}

size_t wire_channel_backlog(const WireChannel *channel)
{
    return channel->output->len - channel->sent;
}

void wire_channel_send_last(WireChannel *channel, char *line)
{
    /* A line that was only half sent would swallow this one. */
    if (line && wire_channel_backlog(channel) == 0) {
        struct iovec parts[] = {{line, strlen(line)}, {(char[]){'\n'}, 1}};
        (void)!writev(channel->descriptor, parts, G_N_ELEMENTS(parts));
    }
    free(line);
}
