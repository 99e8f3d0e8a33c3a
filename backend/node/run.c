#include "backend/node/run.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
static gboolean wait_for_end(GPid process, const char *program, gint64 end, GError **error)
{
    int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
    if (descriptor < 0)
        return TRUE; /* an old kernel: waitpid() will wait */
    gboolean ended = wait_for(descriptor, end);
    (void)close(descriptor);
    return ended || set_timeout(program, error);
}

/* Reaps it; TRUE when it ended by itself with status 0. */
static gboolean has_succeeded(GPid process)
{
    int status;
    pid_t reaped;
    do
        reaped = waitpid(process, &status, 0);
    while (reaped < 0 && errno == EINTR);
    g_spawn_close_pid(process);
    return reaped == process && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* In the child, before the program: it ends when the thread that waits for it does, as
 * when the agent is stopped meanwhile. */
static void set_up(gpointer user)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static gboolean start(const char *const *command, GPid *process, int *output, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
    if (g_spawn_async_with_pipes_and_fds("/", command, (const char *const *)environment,
                                         G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                             G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CLOEXEC_PIPES,
                                         set_up, NULL, -1, -1, -1, NULL, NULL, 0, process, NULL,
                                         output, NULL, &problem))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't run %s: %s", command[0],
                   problem->message);
    return FALSE;
}

GString *node_run(const char *const *command, int deadline, size_t limit, GError **error)
{
    GPid process;
    int descriptor;
    if (!start(command, &process, &descriptor, error))
        return NULL;
    g_autoptr(GString) output = g_string_new(NULL);
    gint64 end = g_get_monotonic_time() + (gint64)deadline * 1000;
    gboolean whole = take_output(command[0], descriptor, end, limit, output, error) &&
                     wait_for_end(process, command[0], end, error);
    (void)close(descriptor);
    if (!whole)
        (void)kill(process, SIGKILL);
    gboolean good = has_succeeded(process);
    if (!whole)
        return NULL;
    if (!good) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s failed", command[0]);
        return NULL;
    }
    return g_steal_pointer(&output);
}
