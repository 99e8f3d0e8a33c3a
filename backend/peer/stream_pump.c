/* Bytes, there and back, after the lines. */
#include "backend/peer/stream_private.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 64 << 10 };

typedef struct {
    PeerStream *stream;
    int descriptor;
    const PeerPumpWatch *watch;
    gboolean tls_wants_out;         /* what TLS waits for before it goes on writing */
    gboolean out_ended, out_closed; /* descriptor -> TLS: no more input; and told */
    gboolean in_ended, in_closed;   /* TLS -> descriptor */
    size_t out_begin, out_end, in_begin, in_end;
    char out[PIECE], in[PIECE];
} Pump;

static gboolean gone(int number)
{
    return number == EPIPE || number == ECONNRESET || number == EIO;
}

static void tell_passed(const Pump *pump, gboolean in, const char *data, ssize_t size)
{
    if (pump->watch)
        pump->watch->passed(in, data, (gsize)size, pump->watch->user);
}

static gboolean read_descriptor(Pump *pump, GError **error)
{
    ssize_t got = read(pump->descriptor, pump->out, sizeof pump->out);
    if (got > 0) {
        tell_passed(pump, FALSE, pump->out, got);
        pump->out_begin = 0;
        pump->out_end = (size_t)got;
    } else if (got == 0 || gone(errno)) {
        pump->out_ended = TRUE;
    } else if (errno != EAGAIN && errno != EINTR) {
        wire_error_set(error, WIRE_ERROR_FAILED, "reading: %s", g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

static gboolean write_descriptor(Pump *pump)
{
    ssize_t put =
        write(pump->descriptor, pump->in + pump->in_begin, pump->in_end - pump->in_begin);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR; /* else: who is on this side has gone */
    tell_passed(pump, TRUE, pump->in + pump->in_begin, put);
    pump->in_begin += (size_t)put;
    return TRUE;
}

static gboolean write_tls(Pump *pump, GError **error)
{
    size_t put = 0;
    errno = 0;
    int result = SSL_write_ex(pump->stream->ssl, pump->out + pump->out_begin,
                              pump->out_end - pump->out_begin, &put);
    pump->tls_wants_out = FALSE;
    if (result == 1) {
        pump->out_begin += put;
        return TRUE;
    }
    pump->tls_wants_out = SSL_get_error(pump->stream->ssl, result) == SSL_ERROR_WANT_WRITE;
    if (peer_stream_is_waiting(pump->stream, result))
        return TRUE;
    peer_stream_set_broken(error);
    return FALSE;
}

static gboolean read_tls(Pump *pump, GError **error)
{
    size_t got = 0;
    errno = 0;
    int result = SSL_read_ex(pump->stream->ssl, pump->in, sizeof pump->in, &got);
    if (result == 1) {
        pump->in_begin = 0;
        pump->in_end = got;
    } else if (SSL_get_error(pump->stream->ssl, result) == SSL_ERROR_ZERO_RETURN) {
        pump->in_ended = TRUE;
    } else if (!peer_stream_is_waiting(pump->stream, result)) {
        peer_stream_set_broken(error);
        return FALSE;
    }
    return TRUE;
}

/* What was read beyond the last line belongs to the bytes. */
static void take_rest(Pump *pump)
{
    GString *input = pump->stream->input;
    pump->in_end = MIN(input->len, sizeof pump->in);
    memcpy(pump->in, input->str, pump->in_end);
    g_string_truncate(input, 0);
}

/* Passes ends on: a half-close to the one side is a half-close on the other. */
static void pass_ends(Pump *pump)
{
    if (pump->out_ended && pump->out_begin == pump->out_end && !pump->out_closed) {
        (void)SSL_shutdown(pump->stream->ssl);
        pump->out_closed = TRUE;
    }
    if (pump->in_ended && pump->in_begin == pump->in_end && !pump->in_closed) {
        (void)shutdown(pump->descriptor, SHUT_WR);
        pump->in_closed = TRUE;
    }
}

static gboolean pump_once(Pump *pump, GError **error)
{
    gboolean out_full = pump->out_begin < pump->out_end;
    gboolean in_full = pump->in_begin < pump->in_end;
    gboolean buffered = !in_full && !pump->in_ended && SSL_pending(pump->stream->ssl) > 0;
    short tls = (short)((!in_full && !pump->in_ended ? POLLIN : 0) |
                        (out_full && pump->tls_wants_out ? POLLOUT : 0));
    short local =
        (short)((!out_full && !pump->out_ended ? POLLIN : 0) | (in_full ? POLLOUT : 0));
    struct pollfd polls[] = {{tls ? pump->stream->socket : -1, tls, 0},
                             {local ? pump->descriptor : -1, local, 0}};
    gboolean ready = buffered || (out_full && !pump->tls_wants_out);
    if (poll(polls, 2, ready ? 0 : -1) < 0 && errno != EINTR) {
        wire_error_set(error, WIRE_ERROR_FAILED, "poll: %s", g_strerror(errno));
        return FALSE;
    }
    short seen = polls[1].revents;
    if (!out_full && !pump->out_ended && seen & (POLLIN | POLLHUP | POLLERR) &&
        !read_descriptor(pump, error))
        return FALSE;
    if (in_full && seen & (POLLOUT | POLLHUP | POLLERR) && !write_descriptor(pump)) {
        pump->out_ended = pump->in_ended = TRUE; /* nobody takes what comes */
        pump->in_begin = pump->in_end = pump->out_begin = pump->out_end = 0;
    }
    if (pump->out_begin < pump->out_end && !write_tls(pump, error))
        return FALSE;
    return pump->in_begin < pump->in_end || pump->in_ended ||
           !(buffered || polls[0].revents & (POLLIN | POLLHUP | POLLERR)) ||
           read_tls(pump, error);
}

gboolean peer_stream_pump(PeerStream *stream, int descriptor, const PeerPumpWatch *watch,
                          GError **error)
{
    g_autofree Pump *pump = g_new0(Pump, 1);
    pump->stream = stream;
    pump->descriptor = descriptor;
    pump->watch = watch;
    g_unix_set_fd_nonblocking(descriptor, TRUE, NULL);
    take_rest(pump);
    for (;;) {
        pass_ends(pump);
        if (pump->out_closed && pump->in_closed)
            return TRUE;
        if (!pump_once(pump, error))
            return FALSE;
    }
}
