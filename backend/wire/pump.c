#include "backend/wire/pump.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int from, to;
    size_t begin, end; /* what waits in the buffer */
    gboolean ended;    /* from is at its end */
    char buffer[PUMP_BUFFER];
} Direction;

static gboolean is_peer_gone(int number)
{
    return number == EPIPE || number == ECONNRESET || number == EIO;
}

/* FALSE when there is nothing more to do in this direction: error set or not. */
static gboolean read_some(Direction *way, GError **error)
{
    ssize_t got = read(way->from, way->buffer + way->end, PUMP_BUFFER - way->end);
    if (got > 0)
        way->end += (size_t)got;
    else if (got == 0 || is_peer_gone(errno))
        way->ended = TRUE;
    else if (errno != EAGAIN && errno != EINTR) {
        wire_error_set(error, WIRE_ERROR_FAILED, "reading: %s", g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

static gboolean write_some(Direction *way, GError **error)
{
    ssize_t put = write(way->to, way->buffer + way->begin, way->end - way->begin);
    if (put >= 0) {
        way->begin += (size_t)put;
        if (way->begin == way->end)
            way->begin = way->end = 0;
        return TRUE;
    }
    if (errno == EAGAIN || errno == EINTR)
        return TRUE;
    if (!is_peer_gone(errno))
        wire_error_set(error, WIRE_ERROR_FAILED, "writing: %s", g_strerror(errno));
    return FALSE;
}

static gboolean is_over(const Direction *way)
{
    return way->ended && way->begin == way->end;
}

static void make_room(Direction *way)
{
    if (way->begin > 0 && way->end == PUMP_BUFFER) {
        memmove(way->buffer, way->buffer + way->begin, way->end - way->begin);
        way->end -= way->begin;
        way->begin = 0;
    }
}

gboolean pump_run(PumpEnd left, PumpEnd right, GError **error)
{
    g_autofree Direction *ways = g_new0(Direction, 2);
    ways[0].from = left.input;
    ways[0].to = right.output;
    ways[1].from = right.input;
    ways[1].to = left.output;
    for (size_t i = 0; i < 2; i++) {
        g_unix_set_fd_nonblocking(ways[i].from, TRUE, NULL);
        g_unix_set_fd_nonblocking(ways[i].to, TRUE, NULL);
    }
    g_autoptr(GError) problem = NULL;
    gboolean half = FALSE; /* the left has ended, and the right was told */
    while (!is_over(&ways[1])) {
        if (!half && is_over(&ways[0])) {
            half = shutdown(right.output, SHUT_WR) == 0;
            if (!half)
                return TRUE; /* gone already, or no socket: it can't be told */
        }
        struct pollfd polls[4];
        for (size_t i = 0; i < 2; i++) {
            make_room(&ways[i]);
            gboolean room = !ways[i].ended && ways[i].end < PUMP_BUFFER;
            gboolean full = ways[i].end > ways[i].begin;
            polls[2 * i] = (struct pollfd){room ? ways[i].from : -1, POLLIN, 0};
            polls[2 * i + 1] = (struct pollfd){full ? ways[i].to : -1, POLLOUT, 0};
        }
        /* Nothing is read from the left any more: its going away shows here. */
        if (half)
            polls[3].fd = left.output;
        if (half && ways[1].end == ways[1].begin)
            polls[3].events = 0;
        if (poll(polls, 4, -1) < 0 && errno != EINTR) {
            wire_error_set(error, WIRE_ERROR_FAILED, "poll: %s", g_strerror(errno));
            return FALSE;
        }
        if (half && polls[3].revents & (POLLERR | POLLHUP | POLLNVAL))
            return TRUE;
        for (size_t i = 0; i < 2; i++) {
            if (polls[2 * i].revents && !read_some(&ways[i], error))
                return FALSE;
            if (!polls[2 * i + 1].revents || write_some(&ways[i], &problem))
                continue;
            if (problem) {
                g_propagate_error(error, g_steal_pointer(&problem));
                return FALSE;
            }
            if (i == 1)
                return TRUE;
            /* The right takes no more, but may have said why. */
            ways[0].begin = ways[0].end = 0;
            ways[0].ended = half = TRUE;
        }
    }
    return TRUE;
}
