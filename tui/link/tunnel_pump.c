/* The thread's work once the session is up: bytes between channels and pairs.
 *
 * One poll() over the session's socket, the eventfd by which the owner wakes
 * us, and the pairs. libssh is in non-blocking mode; ssh_event_dopoll(0) lets
 * it read and write its socket. But any other call may take packets from the
 * socket too, for whatever channel, and of many of them no callback tells: that
 * a channel was opened, a request granted, keys exchanged. So the packets are
 * counted, and it is safe to sleep only when none came since the channels were
 * begun to be gone through.
 *
 * A channel moves at most SHARE bytes at a time, so that a flood in one delays
 * no other. */
#include "tui/link/tunnel_private.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <libssh/callbacks.h>
#include <libssh/server.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 32 * 1024, SHARE = 8 * CHUNK };

typedef enum { CHANNEL_OPENING, CHANNEL_TERMINAL, CHANNEL_ASKING, CHANNEL_OPEN } ChannelState;

typedef struct {
    Tunnel *tunnel;
    TunnelRequest *request; /* what was asked for; holds our end of the pair */
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    ChannelState state;
    gboolean over;
    int exit_status;
    GString *complaint; /* stderr, or why it could not be opened */
    gboolean fd_ended;  /* the program closed its end, or shut its writing */
    gboolean fd_hung;   /* it closed it altogether: nobody reads any more */
    gboolean eof_sent;
    gboolean eof_passed; /* the far side's end of file was handed to the pair */
    char to_ssh[CHUNK], to_fd[CHUNK];
    size_t to_ssh_length, to_ssh_sent, to_fd_length, to_fd_sent;
    gboolean fd_full; /* the pair takes no more for now */
} TunnelChannel;

static void on_exit_status(ssh_session session, ssh_channel channel, int status, void *user)
{
    ((TunnelChannel *)user)->exit_status = status;
}

static void close_channel(gpointer data)
{
    TunnelChannel *self = data;
    /* Of a lost session only the loss is told. */
    if (!self->tunnel->lost && ssh_is_connected(self->tunnel->session))
        tunnel_post_channel(self->tunnel, self->request->channel, self->exit_status,
                            self->complaint->str);
    if (self->channel) {
        ssh_remove_channel_callbacks(self->channel, &self->callbacks);
        ssh_channel_free(self->channel);
    }
    tunnel_request_free(self->request);
    g_string_free(self->complaint, TRUE);
    g_free(self);
}

static void add_channel(Tunnel *tunnel, TunnelRequest *request)
{
    TunnelChannel *self = g_new0(TunnelChannel, 1);
    self->tunnel = tunnel;
    self->request = request;
    self->exit_status = -1;
    self->complaint = g_string_new(NULL);
    self->channel = ssh_channel_new(tunnel->session);
    self->callbacks = (struct ssh_channel_callbacks_struct){
        .userdata = self,
        .channel_exit_status_function = on_exit_status,
    };
    ssh_callbacks_init(&self->callbacks);
    ssh_set_channel_callbacks(self->channel, &self->callbacks);
    g_ptr_array_add(tunnel->channels, self);
}

/* ---- opening ---- */

static int open_step(TunnelChannel *self)
{
    const TunnelRequest *request = self->request;
    switch (self->state) {
    case CHANNEL_OPENING:
        if (request->kind == REQUEST_HOST)
            return ssh_channel_open_forward(self->channel, request->text, request->a,
                                            "127.0.0.1", 0);
        return ssh_channel_open_session(self->channel);
    case CHANNEL_TERMINAL:
        return ssh_channel_request_pty_size(self->channel, request->text, request->b,
                                            request->a);
    case CHANNEL_ASKING:
        if (request->kind == REQUEST_SHELL)
            return ssh_channel_request_shell(self->channel);
        return ssh_channel_request_exec(self->channel, request->text);
    default:
        return SSH_OK;
    }
}

static void advance_opening(TunnelChannel *self)
{
    while (self->state != CHANNEL_OPEN && !self->over) {
        int result = open_step(self);
        if (result == SSH_AGAIN)
            return;
        if (result != SSH_OK) {
            g_string_append(self->complaint, ssh_get_error(self->tunnel->session));
            self->over = TRUE;
            return;
        }
        if (self->state == CHANNEL_OPENING && self->request->kind == REQUEST_HOST)
            self->state = CHANNEL_OPEN;
        else if (self->state == CHANNEL_OPENING && self->request->kind == REQUEST_COMMAND)
            self->state = CHANNEL_ASKING;
        else
            self->state++;
    }
}

/* ---- moving ---- */

/* From the pair to the channel. */
static void move_out(TunnelChannel *self)
{
    Tunnel *tunnel = self->tunnel;
    while (!self->over) {
        if (self->to_ssh_sent == self->to_ssh_length) {
            self->to_ssh_sent = self->to_ssh_length = 0;
            /* Read no more than can go out: the rest waits in the pair. */
            size_t window = ssh_channel_window_size(self->channel);
            if (self->fd_ended || window == 0 ||
                ssh_get_poll_flags(tunnel->session) & SSH_WRITE_PENDING)
                break;
            ssize_t got = read(self->request->descriptor, self->to_ssh, MIN(window, CHUNK));
            if (got < 0 && (errno == EAGAIN || errno == EINTR))
                break;
            if (got <= 0) {
                self->fd_ended = TRUE;
                break;
            }
            self->to_ssh_length = (size_t)got;
        }
        int put = ssh_channel_write(self->channel, self->to_ssh + self->to_ssh_sent,
                                    (uint32_t)(self->to_ssh_length - self->to_ssh_sent));
        if (put == SSH_ERROR) {
            /* The far side takes no more; what it said last is still to be read. */
            self->fd_ended = self->eof_sent = TRUE;
            self->to_ssh_sent = self->to_ssh_length = 0;
            self->over = self->fd_hung;
            return;
        }
        if (put <= 0)
            break;
        self->to_ssh_sent += (size_t)put;
    }
    if (self->fd_ended && self->to_ssh_length == 0 && !self->eof_sent) {
        self->eof_sent = TRUE;
        self->over = self->fd_hung;
        (void)ssh_channel_send_eof(self->channel);
    }
}

static void move_stderr(TunnelChannel *self)
{
    char buffer[1024];
    int got;
    while ((got = ssh_channel_read_nonblocking(self->channel, buffer, sizeof buffer, 1)) > 0)
        if (self->complaint->len < TUNNEL_STDERR_MAX)
            g_string_append_len(self->complaint, buffer,
                                MIN(got, (int)(TUNNEL_STDERR_MAX - self->complaint->len)));
}

/* From the channel to the pair. */
static void move_in(TunnelChannel *self)
{
    size_t moved = 0;
    self->fd_full = FALSE;
    while (!self->over && !self->eof_passed) {
        if (moved >= SHARE) {
            self->tunnel->more = TRUE;
            return;
        }
        if (self->to_fd_sent == self->to_fd_length) {
            self->to_fd_sent = self->to_fd_length = 0;
            int got = ssh_channel_read_nonblocking(self->channel, self->to_fd, CHUNK, 0);
            if (got == SSH_ERROR)
                self->over = TRUE;
            if (got <= 0)
                break;
            self->to_fd_length = (size_t)got;
        }
        ssize_t put = send(self->request->descriptor, self->to_fd + self->to_fd_sent,
                           self->to_fd_length - self->to_fd_sent, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            self->fd_full = errno == EAGAIN;
            self->over = !self->fd_full; /* the program has closed its end */
            return;
        }
        self->to_fd_sent += (size_t)put;
        moved += (size_t)put;
    }
}

static void advance(TunnelChannel *self)
{
    if (self->state != CHANNEL_OPEN) {
        advance_opening(self);
        if (self->state != CHANNEL_OPEN)
            return;
    }
    move_in(self);
    move_stderr(self);
    if (self->over || self->to_fd_sent < self->to_fd_length)
        return;
    if (ssh_channel_is_eof(self->channel) && !self->eof_passed) {
        self->eof_passed = TRUE;
        /* A forwarded stream may go on in the other direction; of a program
         * we wait for the close, which brings its exit status. */
        if (self->request->kind == REQUEST_HOST)
            (void)shutdown(self->request->descriptor, SHUT_WR);
    }
    if (ssh_channel_is_closed(self->channel))
        self->over = TRUE;
    else
        move_out(self);
}

/* libssh sends EOF and CLOSE in one go only while the socket takes them. */
static gboolean is_closed(TunnelChannel *self)
{
    return self->state == CHANNEL_OPENING || ssh_channel_close(self->channel) != SSH_AGAIN;
}

static void advance_all(Tunnel *tunnel)
{
    tunnel->more = FALSE;
    for (guint i = 0; i < tunnel->channels->len && !tunnel_stopping(tunnel);) {
        TunnelChannel *self = g_ptr_array_index(tunnel->channels, i);
        if (!self->over)
            advance(self);
        if (self->over && is_closed(self))
            g_ptr_array_remove_index(tunnel->channels, i);
        else
            i++;
    }
}

/* ---- the loop ---- */

static void take_requests(Tunnel *tunnel)
{
    for (;;) {
        g_mutex_lock(&tunnel->mutex);
        TunnelRequest *request = g_queue_pop_head(&tunnel->requests);
        g_mutex_unlock(&tunnel->mutex);
        if (!request)
            return;
        if (request->kind != REQUEST_RESIZE) {
            add_channel(tunnel, request);
            continue;
        }
        for (guint i = 0; i < tunnel->channels->len; i++) {
            TunnelChannel *self = g_ptr_array_index(tunnel->channels, i);
            if (self->request->channel != request->channel)
                continue;
            self->request->a = request->a;
            self->request->b = request->b;
            if (self->state == CHANNEL_OPEN)
                (void)ssh_channel_change_pty_size(self->channel, request->b, request->a);
        }
        tunnel_request_free(request);
    }
}

/* FALSE when the peer has not answered too many times. Sends the next one. */
static gboolean keep_alive(Tunnel *tunnel, guint64 *seen, guint *missed)
{
    *missed = tunnel->packets.in_packets == *seen ? *missed + 1 : 0;
    *seen = tunnel->packets.in_packets;
    if (*missed >= TUNNEL_KEEPALIVE_MISSED)
        return FALSE;
    /* In non-blocking mode the first call collects the answer to the last
     * keepalive, if there was one, and the second sends. */
    (void)ssh_send_keepalive(tunnel->session);
    (void)ssh_send_keepalive(tunnel->session);
    return TRUE;
}

static short wanted_events(TunnelChannel *self)
{
    if (self->state != CHANNEL_OPEN || self->over)
        return 0;
    short events = 0;
    gboolean can_send = !(ssh_get_poll_flags(self->tunnel->session) & SSH_WRITE_PENDING) &&
                        self->to_ssh_length == self->to_ssh_sent &&
                        ssh_channel_window_size(self->channel) > 0;
    if (!self->fd_ended && can_send)
        events |= POLLIN;
    if (self->fd_full)
        events |= POLLOUT;
    return events;
}

/* Waits until something can be done; tells of the session's socket. */
static gboolean wait_for_work(Tunnel *tunnel, struct pollfd *set, int timeout)
{
    short pending = ssh_get_poll_flags(tunnel->session) & SSH_WRITE_PENDING ? POLLOUT : 0;
    set[0] = (struct pollfd){.fd = ssh_get_fd(tunnel->session), .events = POLLIN | pending};
    set[1] = (struct pollfd){.fd = tunnel->wake, .events = POLLIN};
    for (guint i = 0; i < tunnel->channels->len; i++) {
        TunnelChannel *self = g_ptr_array_index(tunnel->channels, i);
        /* After the end only a hang-up is of interest; before it, a pair that we
         * don't want to read must not wake us by one. */
        short events = wanted_events(self);
        gboolean watch = events || (self->fd_ended && !self->fd_hung);
        set[2 + i] =
            (struct pollfd){.fd = watch ? self->request->descriptor : -1, .events = events};
    }
    if (poll(set, 2 + tunnel->channels->len, timeout) < 0)
        return FALSE;
    if (set[1].revents) {
        guint64 count;
        (void)!read(tunnel->wake, &count, sizeof count);
    }
    for (guint i = 0; i < tunnel->channels->len; i++) {
        TunnelChannel *self = g_ptr_array_index(tunnel->channels, i);
        if (self->fd_ended && set[2 + i].revents & (POLLHUP | POLLERR)) {
            self->fd_hung = TRUE;
            self->over = self->eof_sent;
        }
    }
    return set[0].revents != 0;
}

void tunnel_pump(Tunnel *tunnel, GError **error)
{
    ssh_event event = ssh_event_new();
    ssh_set_blocking(tunnel->session, 0);
    ssh_set_counters(tunnel->session, NULL, &tunnel->packets);
    ssh_event_add_session(event, tunnel->session);
    tunnel->channels = g_ptr_array_new_with_free_func(close_channel);
    struct pollfd *set = NULL;
    guint64 seen = 0;
    guint missed = 0;
    gint64 next = g_get_monotonic_time() + (gint64)TUNNEL_KEEPALIVE * G_USEC_PER_SEC;
    gboolean alive = TRUE;

    while (!tunnel_stopping(tunnel) && alive) {
        guint64 taken = tunnel->packets.in_packets;
        take_requests(tunnel);
        advance_all(tunnel);
        gint64 now = g_get_monotonic_time();
        if (now >= next) {
            alive = keep_alive(tunnel, &seen, &missed);
            next = now + (gint64)TUNNEL_KEEPALIVE * G_USEC_PER_SEC;
        }
        set = g_realloc_n(set, 2 + tunnel->channels->len, sizeof *set);
        gboolean sleep = !tunnel->more && tunnel->packets.in_packets == taken;
        if (wait_for_work(tunnel, set, sleep ? (int)((next - now) / 1000) + 1 : 0))
            (void)ssh_event_dopoll(event, 0);
        if (!ssh_is_connected(tunnel->session)) {
            wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s: the connection was lost: %s",
                           tunnel->target->name, ssh_get_error(tunnel->session));
            break;
        }
    }
    tunnel->lost = !alive;
    if (!alive) {
        /* The keep-alive that fails may also be what closes the session. */
        g_clear_error(error);
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: the connection was lost: no answer for %d s", tunnel->target->name,
                       TUNNEL_KEEPALIVE * TUNNEL_KEEPALIVE_MISSED);
    }
    g_free(set);
    g_ptr_array_unref(tunnel->channels);
    tunnel->channels = NULL;
    ssh_event_remove_session(event, tunnel->session);
    ssh_event_free(event);
}
