#include "tui/link/local.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "backend/wire/pump.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HELLO_MAX = 65536 };

int local_connect(const char *path, const char *name, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "%s: the path of the socket is too long",
                       name);
        return -1;
    }
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor >= 0 &&
        connect(descriptor, (const struct sockaddr *)&address, sizeof address) == 0)
        return descriptor;
    int reason = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (reason == ENOENT)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: there is no socket %s: gantryd does not run here; start it with "
                       "systemctl start gantryd, or name a node with -H user@host",
                       name, path);
    else if (reason == ECONNREFUSED)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: nobody listens at %s: gantryd has stopped; start it with systemctl "
                       "start gantryd",
                       name, path);
    else if (reason == EACCES)
        wire_error_set(error, WIRE_ERROR_NOT_ALLOWED,
                       "%s: you may not use %s: ask to be added to the group gantry, then log "
                       "in again",
                       name, path);
    else if (reason == EAGAIN)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: gantryd does not accept connections at %s: it hangs or is flooded",
                       name, path);
    else
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s: %s can't be reached: %s", name, path,
                       g_strerror(reason));
    return -1;
}

/* ---- streams ---- */

typedef struct {
    int agent, pair;
    char *hello;
} Pump;

static gboolean wait_for(int descriptor, short events, int milliseconds)
{
    struct pollfd set = {.fd = descriptor, .events = events};
    int ready;
    while ((ready = poll(&set, 1, milliseconds)) < 0 && errno == EINTR)
        ;
    return ready > 0;
}

static gboolean write_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t put = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (put > 0) {
            bytes += put;
            length -= (size_t)put;
        } else if (put < 0 && errno == EAGAIN) {
            (void)wait_for(descriptor, POLLOUT, -1);
        } else if (put == 0 || errno != EINTR) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Reads up to and with the newline and not a byte more: the stream follows. */
static gboolean hello_accepted(int descriptor)
{
    g_autoptr(GString) line = g_string_new(NULL);
    gint64 end = g_get_monotonic_time() + (gint64)LOCAL_STREAM_DEADLINE * G_USEC_PER_SEC;
    while (line->len < HELLO_MAX) {
        char byte;
        ssize_t got = recv(descriptor, &byte, 1, 0);
        if (got == 1 && byte == '\n') {
            g_autoptr(WireMessage) answer = wire_message_parse(line->str, line->len, NULL);
            return answer && answer->kind == WIRE_RESPONSE;
        }
        gint64 left = (end - g_get_monotonic_time()) / 1000;
        if (got == 1)
            g_string_append_c(line, byte);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR) || left <= 0)
            return FALSE;
        else
            (void)wait_for(descriptor, POLLIN, (int)left);
    }
    return FALSE;
}

static gpointer carry(gpointer user)
{
    Pump *self = user;
    if (write_all(self->agent, self->hello, strlen(self->hello)) && hello_accepted(self->agent))
        (void)pump_run((PumpEnd){self->pair, self->pair}, (PumpEnd){self->agent, self->agent},
                       NULL);
    close(self->agent);
    close(self->pair);
    g_free(self->hello);
    g_free(self);
    return NULL;
}

int local_open_stream(const char *path, const char *name, const char *stream, GError **error)
{
    int agent = local_connect(path, name, error);
    if (agent < 0)
        return -1;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: socketpair: %s", name, g_strerror(errno));
        close(agent);
        return -1;
    }
    Pump *self = g_new0(Pump, 1);
    self->agent = agent;
    self->pair = pair[1];
    char *line = wire_message_request(
        1, "hello",
        json_pack("{s:i,s:i,s:s,s:s}", "major", WIRE_PROTOCOL_MAJOR, "minor",
                  WIRE_PROTOCOL_MINOR, "client", "gantry " GANTRY_VERSION, "stream", stream));
    self->hello = g_strconcat(line ? line : "", "\n", NULL);
    free(line);
    g_thread_unref(g_thread_new("stream", carry, self));
    return pair[0];
}

/* ---- shell ---- */

int local_open_shell(const char *term, int rows, int columns, GPid *pid, GError **error)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    const char *shell = "/bin/sh", *home = "/";
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found) {
        shell = *found->pw_shell ? found->pw_shell : shell;
        home = found->pw_dir;
    }
    /* A login shell's name begins with a dash. */
    g_autofree char *base = g_path_get_basename(shell);
    g_autofree char *name = g_strconcat("-", base, NULL);
    char *const arguments[] = {name, NULL};
    return local_open_program(shell, arguments, home, term, rows, columns, pid, error);
}

int local_open_program(const char *path, char *const *arguments, const char *directory,
                       const char *term, int rows, int columns, GPid *pid, GError **error)
{
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "TERM", term, TRUE);
    struct winsize size = {.ws_row = (gushort)rows, .ws_col = (gushort)columns};
    int master;
    pid_t child = forkpty(&master, NULL, NULL, &size);
    if (child < 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s can't be started: %s", path,
                       g_strerror(errno));
        return -1;
    }
    if (child == 0) {
        /* Only async-signal-safe calls here: the program has threads. */
        static const int signals[] = {SIGPIPE, SIGINT, SIGHUP, SIGTERM, SIGWINCH};
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
            (void)signal(signals[i], SIG_DFL);
        if (directory)
            (void)!chdir(directory);
        execve(path, arguments, environment);
        _exit(127);
    }
    (void)fcntl(master, F_SETFD, FD_CLOEXEC);
    g_unix_set_fd_nonblocking(master, TRUE, NULL);
    *pid = child;
    return master;
}

void local_shell_resize(int descriptor, int rows, int columns)
{
    struct winsize size = {.ws_row = (gushort)rows, .ws_col = (gushort)columns};
    (void)ioctl(descriptor, TIOCSWINSZ, &size);
}

static void on_shell_gone(GPid pid, int status, gpointer user)
{
    g_spawn_close_pid(pid);
}

void local_shell_close(int descriptor, GPid pid)
{
    close(descriptor);
    g_child_watch_add(pid, on_shell_gone, NULL);
}
