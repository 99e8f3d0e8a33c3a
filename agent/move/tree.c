#include "agent/move/tree.h"

#include "backend/peer/relay.h"
#include "backend/wire/error.h"
#include "backend/wire/pump.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLICE_MS = 200, SAID_MAX = 16384 };

gboolean move_tree_options_valid(const char *options)
{
    size_t length = options ? strlen(options) : 0;
    return length > 1 && length <= MOVE_TREE_OPTIONS_MAX && *options == '-' &&
           strspn(options + 1, "vlogDtprSHAXWxe.iLsfxCIu") == length - 1;
}

/* ---- a child that is followed ---- */

typedef struct {
    GPid pid;
    int output, errors; /* -1: not asked for */
    GString *said;
} Child;

static void read_said(Child *child)
{
    char piece[4096];
    ssize_t got = read(child->errors, piece, sizeof piece);
    if (got <= 0) {
        (void)close(child->errors);
        child->errors = -1;
    } else if (child->said->len < SAID_MAX) {
        g_string_append_len(child->said, piece, got);
    }
}

/* "  1,234,567  45%   12.34MB/s    0:00:12": the last of a piece. */
static void read_progress(Child *child, const MoveTree *tree)
{
    char piece[4096];
    ssize_t got = read(child->output, piece, sizeof piece - 1);
    if (got <= 0) {
        (void)close(child->output);
        child->output = -1;
        return;
    }
    piece[got] = '\0';
    const char *sign = strrchr(piece, '%');
    const char *digits = sign;
    while (digits && digits > piece && g_ascii_isdigit(digits[-1]))
        digits--;
    if (!sign || digits == sign)
        return;
    double part = (double)g_ascii_strtoull(digits, NULL, 10) / 100;
    job_progress(tree->job, tree->from + (tree->to - tree->from) * MIN(part, 1), tree->doing);
}

static gboolean follow(Child *child, const MoveTree *tree, const Job *job, GError **error)
{
    gboolean cancelled = FALSE;
    int status = 0;
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        struct pollfd polls[] = {{child->output, POLLIN, 0}, {child->errors, POLLIN, 0}};
        (void)poll(polls, 2, SLICE_MS);
        if (tree && child->output >= 0 && polls[0].revents)
            read_progress(child, tree);
        if (child->errors >= 0 && polls[1].revents)
            read_said(child);
        if (!cancelled && !job_continue(job, error)) {
            cancelled = TRUE;
            (void)kill(child->pid, SIGTERM);
        }
    }
    while (child->errors >= 0)
        read_said(child);
    if (child->output >= 0)
        (void)close(child->output);
    if (cancelled)
        return FALSE;
    /* 24: files vanished while it looked, as they do where a container runs. */
    if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 24))
        return TRUE;
    g_strdelimit(g_strchomp(child->said->str), "\n", ' ');
    wire_error_set(error, WIRE_ERROR_FAILED, "copying its files: rsync failed (%d): %s",
                   WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                   *child->said->str ? child->said->str : "it says nothing");
    return FALSE;
}

/* ---- sending ---- */

gboolean move_tree_send(const MoveTree *tree, GError **error)
{
    /* The program itself, also when its file was replaced meanwhile. */
    g_autofree char *join =
        g_strdup_printf("--rsh=/proc/%d/exe join %s", (int)getpid(), tree->socket);
    g_autofree char *from = g_strconcat(tree->path, "/", NULL);
    g_autofree char *limit = g_strdup_printf("--bwlimit=%u", tree->bandwidth * 1024);
    const char *const words[] = {"rsync",
                                 "-aHAXSx",
                                 "--numeric-ids",
                                 "--delete",
                                 "--no-inc-recursive",
                                 "--info=progress2",
                                 limit,
                                 join,
                                 from,
                                 "peer:tree/",
                                 NULL};
    Child child = {.output = -1, .errors = -1, .said = g_string_new(NULL)};
    g_autoptr(GError) failure = NULL;
    gboolean good = g_spawn_async_with_pipes(
        "/", (char **)(gintptr)words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
        NULL, NULL, &child.pid, NULL, &child.output, &child.errors, &failure);
    if (good)
        good = follow(&child, tree, tree->job, error);
    else
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "rsync can't be started: %s",
                       failure->message);
    g_string_free(child.said, TRUE);
    return good;
}

int move_join_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    const char *options = NULL;
    for (int i = 2; i < argc && !options; i++)
        if (*argv[i] == '-' && argv[i][1] != '-')
            options = argv[i];
    int stream = argc > 2 && move_tree_options_valid(options)
                     ? peer_socket_connect(argv[1], &error)
                     : -1;
    g_autofree char *line = g_strconcat(options ? options : "", "\n", NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (stream < 0 || send(stream, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) ||
        !pump_run((PumpEnd){STDIN_FILENO, STDOUT_FILENO}, (PumpEnd){stream, stream}, &error)) {
        (void)fprintf(stderr, "gantryd join: %s\n", error ? error->message : "no connection");
        return 1;
    }
    return 0;
}

/* ---- receiving ---- */

/* Byte by byte: what follows is rsync's. */
static gboolean read_options(int stream, char *options, GError **error)
{
    size_t length = 0;
    while (length < MOVE_TREE_OPTIONS_MAX && read(stream, options + length, 1) == 1 &&
           options[length] != '\n')
        length++;
    options[length] = '\0';
    if (move_tree_options_valid(options))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_PARSE, "the other node's rsync asks for something else");
    return FALSE;
}

gboolean move_tree_receive(const char *path, int stream, const Job *job, GError **error)
{
    char options[MOVE_TREE_OPTIONS_MAX + 1];
    g_autofree char *to = g_strconcat(path, "/", NULL);
    g_autoptr(GError) failure = NULL;
    if (!read_options(stream, options, error))
        return FALSE;
    const char *const words[] = {"rsync",         "--server", options, "--delete",
                                 "--numeric-ids", ".",        to,      NULL};
    int errors[2], standard[] = {stream, stream};
    if (!g_unix_open_pipe(errors, FD_CLOEXEC, error))
        return FALSE;
    Child child = {.output = -1, .errors = errors[0], .said = g_string_new(NULL)};
    gboolean good = g_spawn_async_with_pipes_and_fds(
        "/", words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
        standard[0], standard[1], errors[1], NULL, NULL, 0, &child.pid, NULL, NULL, NULL,
        &failure);
    (void)close(errors[1]);
    if (good) {
        good = follow(&child, NULL, job, error);
    } else {
        (void)close(errors[0]);
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "rsync can't be started: %s",
                       failure->message);
    }
    g_string_free(child.said, TRUE);
    return good;
}
