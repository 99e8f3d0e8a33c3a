/* link-probe [-F FILE] TARGET [VIA] - keeps a link up and tells what becomes of it.
 *
 * Prints each state of the link as a line. VIA is connected first, and TARGET is
 * then reached through it. Reads lines from standard input: "METHOD COUNT [JSON]"
 * calls that method so many times with these parameters, one after the other, and
 * prints "METHOD MEDIAN LEAST", the microseconds that an answer took. Ends at the end of its
 * input. */
#include "backend/wire/message.h"
#include "tui/link/link.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALLS_MAX = 10000, FINISH = 2000 };

typedef struct {
    GMainLoop *loop;
    const char *file;
    const char *target;
    Link *via, *link;
    char method[64];
    json_t *params; /* NULL: none */
    int left, count;
    gint64 times[CALLS_MAX], began;
} Probe;

static int compare(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return (x > y) - (x < y);
}

static void call(Probe *probe);

static void on_reply(const json_t *result, const GError *error, gpointer user)
{
    Probe *probe = user;
    if (error) {
        printf("%s: %s\n", probe->method, error->message);
        return;
    }
    probe->times[probe->count++] = g_get_monotonic_time() - probe->began;
    if (--probe->left > 0) {
        call(probe);
        return;
    }
    qsort(probe->times, (size_t)probe->count, sizeof *probe->times, compare);
    printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", probe->method,
           probe->times[probe->count / 2], probe->times[0]);
}

static void call(Probe *probe)
{
    RpcClient *rpc = link_rpc(probe->link);
    probe->began = g_get_monotonic_time();
    if (rpc)
        rpc_call(rpc, probe->method, json_incref(probe->params), 10000, on_reply, probe);
    else
        puts("not connected");
}

static void on_changed(Link *link, gpointer user)
{
    const GError *error = link_error(link);
    printf("%s%s%s\n", link_state_name(link_state(link)), error ? " " : "",
           error ? error->message : "");
}

static Link *open_link(Probe *probe, const char *text, Link *via, const LinkEvents *events)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Target) target = target_parse(text, &error);
    if (!target) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
    return link_new(target, &(LinkOptions){.ssh_config = probe->file, .via = via}, events,
                    probe);
}

static const LinkEvents target_events = {.changed = on_changed};

static void on_via_changed(Link *link, gpointer user)
{
    Probe *probe = user;
    if (link_state(link) == LINK_CONNECTED && !probe->link)
        probe->link = open_link(probe, probe->target, link, &target_events);
}

static gboolean on_line(int descriptor, GIOCondition condition, gpointer user)
{
    Probe *probe = user;
    char line[512] = "";
    ssize_t got = read(descriptor, line, sizeof line - 1);
    if (got <= 0) {
        g_main_loop_quit(probe->loop);
        return G_SOURCE_REMOVE;
    }
    g_auto(GStrv) words = g_strsplit(g_strchomp(line), " ", 3);
    probe->count = 0;
    guint64 calls = 1;
    (void)(words[0] && words[1] &&
           g_ascii_string_to_unsigned(words[1], 10, 1, CALLS_MAX, &calls, NULL));
    probe->left = (int)calls;
    json_decref(probe->params);
    probe->params = g_strv_length(words) == 3 ? json_loads(words[2], 0, NULL) : NULL;
    g_strlcpy(probe->method, words[0] ? words[0] : "", sizeof probe->method);
    if (probe->link)
        call(probe);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    static const LinkEvents via_events = {.changed = on_via_changed};
    g_autofree Probe *probe = g_new0(Probe, 1);
    int first = argc > 2 && g_str_equal(argv[1], "-F") ? 3 : 1;
    if (argc <= first)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    probe->file = first == 3 ? argv[2] : NULL;
    probe->target = argv[first];
    probe->loop = g_main_loop_new(NULL, FALSE);
    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_line, probe);
    if (argv[first + 1])
        probe->via = open_link(probe, argv[first + 1], NULL, &via_events);
    else
        probe->link = open_link(probe, probe->target, NULL, &target_events);
    g_main_loop_run(probe->loop);
    link_close(probe->link);
    link_close(probe->via);
    link_finish(FINISH);
    json_decref(probe->params);
    g_main_loop_unref(probe->loop);
    return 0;
}
