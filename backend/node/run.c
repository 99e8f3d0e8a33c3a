#include "backend/node/run.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PIECE = 16384 };

/* FALSE when nothing can be read from the descriptor before the time end. */
static gboolean wait_for(int descriptor, gint64 end)
{
    int ready;
    do {
        gint64 left = (end - g_get_monotonic_time() + 999) / 1000;
        struct pollfd poll_for = {.fd = descriptor, .events = POLLIN};
        ready = left > 0 ? poll(&poll_for, 1, (int)left) : 0;
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static gboolean set_timeout(const char *program, GError **error)
{
    wire_error_set(error, WIRE_ERROR_TIMEOUT, "%s did not end in time", program);
    return FALSE;
}

/* Reads until the end; FALSE when the time or the limit came first. */
static gboolean take_output(const char *program, int descriptor, gint64 end, size_t limit,
                            GString *output, GError **error)
{
    for (;;) {
        if (!wait_for(descriptor, end))
            return set_timeout(program, error);
        char piece[PIECE];
        ssize_t got = read(descriptor, piece, sizeof piece);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return TRUE;
        g_string_append_len(output, piece, got);
        if (output->len > limit) {
            wire_error_set(error, WIRE_ERROR_LIMIT, "%s says more than %zu bytes", program,
                           limit);
            return FALSE;
        }
    }
}

/* One that closed its output may still go on. */
static gboolean wait_for_end(GSubprocess *process, const char *program, gint64 end,
                             GError **error)
{
    const char *identifier = g_subprocess_get_identifier(process);
    guint64 pid;
    if (!identifier || !g_ascii_string_to_unsigned(identifier, 10, 1, G_MAXINT32, &pid, NULL))
        return TRUE; /* it has ended */
    int descriptor = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (descriptor < 0)
        return TRUE; /* the same, a moment later */
    gboolean ended = wait_for(descriptor, end);
    (void)close(descriptor);
    return ended || set_timeout(program, error);
}

GString *node_run(const char *const *command, int deadline, size_t limit, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
    g_subprocess_launcher_set_cwd(launcher, "/");
    g_subprocess_launcher_setenv(launcher, "LC_ALL", "C", TRUE);
    g_autoptr(GError) problem = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_launcher_spawnv(launcher, command, &problem);
    if (!process) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't run %s: %s", command[0],
                       problem->message);
        return NULL;
    }
    GInputStream *stream = g_subprocess_get_stdout_pipe(process);
    int descriptor = g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(stream));
    GString *output = g_string_new(NULL);
    gint64 end = g_get_monotonic_time() + (gint64)deadline * 1000;
    gboolean whole = take_output(command[0], descriptor, end, limit, output, error) &&
                     wait_for_end(process, command[0], end, error);
    if (!whole)
        g_subprocess_force_exit(process);
    (void)g_subprocess_wait(process, NULL, NULL);
    if (whole && !g_subprocess_get_successful(process)) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s failed", command[0]);
        whole = FALSE;
    }
    if (!whole) {
        (void)g_string_free(output, TRUE);
        return NULL;
    }
    return output;
}
