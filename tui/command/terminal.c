#include "tui/command/terminal.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { CHUNK = 16 * 1024, LEAVE = 0x1d /* Ctrl-] */ };

typedef struct {
    int stream;
    const TerminalOptions *options;
    gboolean left, ended, broken;
    struct termios before;
    gboolean changed; /* the terminal is raw */
    guint input;      /* source of standard input, or 0 */
    guint output;     /* source of the stream */
    guint size;       /* source of SIGWINCH */
} Joined;

void terminal_size(int *rows, int *columns)
{
    struct winsize size = {0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *rows = size.ws_row > 0 ? MIN(size.ws_row, 1000) : 24;
    *columns = size.ws_col > 0 ? MIN(size.ws_col, 1000) : 80;
}

/* Writes all of it, waiting for a peer that is slow: a command has nothing else
 * to do. */
static gboolean put(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(descriptor, bytes, length);
        if (done > 0) {
            bytes += done;
            length -= (size_t)done;
        } else if (done < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = descriptor, .events = POLLOUT};
            if (poll(&wait, 1, -1) < 0 && errno != EINTR)
                return FALSE;
        } else if (done == 0 || errno != EINTR) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean on_input(int descriptor, GIOCondition condition, gpointer user)
{
    Joined *joined = user;
    char bytes[CHUNK];
    ssize_t got = read(descriptor, bytes, sizeof bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    if (got <= 0) {
        joined->input = 0;
        if (joined->options->raw)
            joined->left = TRUE; /* the terminal is gone */
        else
            (void)shutdown(joined->stream, SHUT_WR);
        return G_SOURCE_REMOVE;
    }
    const char *leave = joined->options->raw ? memchr(bytes, LEAVE, (size_t)got) : NULL;
    size_t length = leave ? (size_t)(leave - bytes) : (size_t)got;
    if (!put(joined->stream, bytes, length)) {
        joined->input = 0;
        return G_SOURCE_REMOVE; /* the end is to be read from the stream */
    }
    if (leave)
        joined->left = TRUE;
    return G_SOURCE_CONTINUE;
}

static gboolean on_output(int descriptor, GIOCondition condition, gpointer user)
{
    Joined *joined = user;
    char bytes[CHUNK];
    ssize_t got = read(descriptor, bytes, sizeof bytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    if (got > 0 && put(STDOUT_FILENO, bytes, (size_t)got))
        return G_SOURCE_CONTINUE;
    joined->broken = got > 0;
    joined->ended = TRUE;
    joined->output = 0;
    return G_SOURCE_REMOVE;
}

static gboolean on_size(gpointer user)
{
    const Joined *joined = user;
    int rows, columns;
    terminal_size(&rows, &columns);
    joined->options->resized(rows, columns, joined->options->user);
    return G_SOURCE_CONTINUE;
}

static void begin(Joined *joined)
{
    if (joined->options->raw && tcgetattr(STDIN_FILENO, &joined->before) == 0) {
        struct termios raw = joined->before;
        cfmakeraw(&raw);
        joined->changed = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    joined->input =
        g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, joined);
    joined->output =
        g_unix_fd_add(joined->stream, G_IO_IN | G_IO_HUP | G_IO_ERR, on_output, joined);
    if (joined->options->raw && joined->options->resized)
        joined->size = g_unix_signal_add(SIGWINCH, on_size, joined);
}

static void end(Joined *joined)
{
    if (joined->input)
        g_source_remove(joined->input);
    if (joined->output)
        g_source_remove(joined->output);
    if (joined->size)
        g_source_remove(joined->size);
    if (joined->changed)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &joined->before);
    close(joined->stream);
}

gboolean terminal_join(Client *client, int descriptor, const TerminalOptions *options,
                       gboolean *left, GError **error)
{
    Joined joined = {.stream = descriptor, .options = options};
    gboolean good = TRUE;
    begin(&joined);
    while (good && !joined.left && !joined.ended)
        good = client_iterate(client, error);
    end(&joined);
    if (left)
        *left = joined.left;
    if (good && joined.broken) {
        wire_error_set(error, WIRE_ERROR_FAILED, "standard output can't be written");
        return FALSE;
    }
    return good;
}
