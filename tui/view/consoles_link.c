#include "tui/view/consoles_link.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/link/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN_DEADLINE = 15000, RESIZE_DEADLINE = 5000, END_DEADLINE = 5000 }; /* ms */

struct ConsolesLink {
    ConsolesFindLink find;
    gpointer user;
};

/* Kept until it is closed, by the tab, and its call is answered or forgotten. */
struct ConsoleStream {
    ConsolesLink *opener;
    char *node;
    char *id;         /* of the agent's stream, once there is one */
    RpcClient *asked; /* where `call` waits for its answer; else NULL */
    gint64 call;
    LinkShell *shell;
    int pty;       /* of a command, for its size; else -1 */
    GPid pid;      /* of a command that was not reaped yet, or 0 */
    guint reaping; /* the source that waits for it */
    int status;
    GSource *later; /* the answer about a shell, not from inside open() */
    GError *error;
    ConsoleOpened opened;
    ConsoleEnded ended;
    gpointer tab;
};

ConsolesLink *consoles_link_new(ConsolesFindLink find, gpointer user)
{
    ConsolesLink *opener = g_new0(ConsolesLink, 1);
    opener->find = find;
    opener->user = user;
    return opener;
}

void consoles_link_free(ConsolesLink *opener)
{
    g_free(opener);
}

static Link *find_link(const ConsoleStream *stream, GError **error)
{
    Link *link = stream->opener->find(stream->node, stream->opener->user);
    if (!link || !link_rpc(link)) {
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s is not connected", stream->node);
        return NULL;
    }
    return link;
}

static void on_console(const json_t *result, const GError *failure, gpointer user)
{
    ConsoleStream *stream = user;
    stream->asked = NULL;
    g_autoptr(GError) error = NULL;
    if (failure) {
        stream->opened(-1, failure, stream->tab);
        return;
    }
    const char *id = wire_get_string(result, "stream", NULL);
    if (!id) {
        wire_error_set(&error, WIRE_ERROR_FAILED, "%s answered without a stream", stream->node);
        stream->opened(-1, error, stream->tab);
        return;
    }
    stream->id = g_strdup(id);
    Link *link = find_link(stream, &error);
    int descriptor = link ? link_open_stream(link, id, &error) : -1;
    stream->opened(descriptor, descriptor < 0 ? error : NULL, stream->tab);
}

/* ---- commands ---- */

static void tell_end(ConsoleStream *stream)
{
    g_autofree char *reason = NULL;
    if (WIFSIGNALED(stream->status))
        reason = g_strdup_printf("ended by signal %d", WTERMSIG(stream->status));
    else if (WEXITSTATUS(stream->status) != 0)
        reason = g_strdup_printf("failed with status %d", WEXITSTATUS(stream->status));
    stream->ended(reason, stream->tab);
}

static void on_reaped(GPid pid, int status, gpointer user)
{
    ConsoleStream *stream = user;
    stream->pid = 0;
    stream->reaping = 0;
    stream->status = status;
    if (stream->ended)
        tell_end(stream);
}

static void on_left(GPid pid, int status, gpointer user)
{
}

/* The file may have been replaced since: what runs is what is meant. */
static char *own_path(void)
{
    static const char self[] = "/proc/self/exe";
    char *path = g_file_read_link(self, NULL);
    if (path && access(path, X_OK) == 0)
        return path;
    g_free(path);
    return g_strdup(self);
}

static void run_command(ConsoleStream *stream, char *const *argv, guint rows, guint columns)
{
    g_autofree char *path = own_path();
    stream->pty = local_open_program(path, argv, NULL, "xterm-256color", (int)rows,
                                     (int)columns, &stream->pid, &stream->error);
    if (stream->pty >= 0)
        stream->reaping = g_child_watch_add(stream->pid, on_reaped, stream);
}

static void forget_command(ConsoleStream *stream)
{
    if (stream->pty >= 0)
        (void)close(stream->pty);
    if (stream->reaping)
        (void)g_source_remove(stream->reaping);
    if (stream->pid)
        (void)g_child_watch_add(stream->pid, on_left, NULL);
}

/* ---- opening ---- */

static gboolean on_later(gpointer user)
{
    ConsoleStream *stream = user;
    g_clear_pointer(&stream->later, g_source_unref);
    int descriptor = -1;
    int pty = stream->shell ? link_shell_descriptor(stream->shell) : stream->pty;
    if (pty >= 0) {
        /* The tab closes its descriptor, the stream its own. */
        descriptor = fcntl(pty, F_DUPFD_CLOEXEC, 3);
        if (descriptor < 0)
            wire_error_set(&stream->error, WIRE_ERROR_FAILED, "the terminal: %s",
                           g_strerror(errno));
    }
    stream->opened(descriptor, stream->error, stream->tab);
    return G_SOURCE_REMOVE;
}

static void answer_later(ConsoleStream *stream)
{
    stream->later = g_idle_source_new();
    g_source_set_callback(stream->later, on_later, stream, NULL);
    g_source_attach(stream->later, g_main_context_get_thread_default());
}

static ConsoleStream *open_stream(const ConsoleTarget *target, guint rows, guint columns,
                                  gboolean take, ConsoleOpened opened, gpointer tab,
                                  gpointer user)
{
    ConsoleStream *stream = g_new0(ConsoleStream, 1);
    stream->opener = user;
    stream->node = g_strdup(target->node);
    stream->opened = opened;
    stream->tab = tab;
    stream->pty = -1;
    if (target->what == CONSOLE_COMMAND) {
        run_command(stream, target->argv, rows, columns);
        answer_later(stream);
        return stream;
    }
    Link *link = find_link(stream, &stream->error);
    if (link && target->what != CONSOLE_NODE_SHELL) {
        json_t *params = json_pack("{s:s, s:s, s:i, s:i, s:b}", "guest", target->guest, "what",
                                   target->what == CONSOLE_GUEST_CONSOLE ? "console" : "shell",
                                   "rows", (int)rows, "columns", (int)columns, "take", take);
        stream->asked = link_rpc(link);
        stream->call =
            rpc_call(stream->asked, "guest.console", params, OPEN_DEADLINE, on_console, stream);
        return stream;
    }
    if (link)
        stream->shell =
            link_open_shell(link, "xterm-256color", (int)rows, (int)columns, &stream->error);
    answer_later(stream);
    return stream;
}

/* Nobody waits for this answer: the size is sent again when it changes again. */
static void on_resized(const json_t *result, const GError *error, gpointer user)
{
}

static void resize_stream(ConsoleStream *stream, guint rows, guint columns, gpointer user)
{
    if (stream->pty >= 0) {
        local_shell_resize(stream->pty, (int)rows, (int)columns);
        return;
    }
    if (stream->shell) {
        link_shell_resize(stream->shell, (int)rows, (int)columns);
        return;
    }
    Link *link = find_link(stream, NULL);
    if (link && stream->id)
        (void)rpc_call(link_rpc(link), "stream.resize",
                       json_pack("{s:s, s:i, s:i}", "stream", stream->id, "rows", (int)rows,
                                 "columns", (int)columns),
                       RESIZE_DEADLINE, on_resized, NULL);
}

static void on_waited(const json_t *result, const GError *failure, gpointer user)
{
    ConsoleStream *stream = user;
    stream->asked = NULL;
    const json_t *status = json_object_get(result, "exit");
    g_autofree char *reason = NULL;
    if (failure)
        reason = g_strdup(failure->message);
    else if (wire_get_string(result, "error", NULL))
        reason = g_strdup(wire_get_string(result, "error", NULL));
    else if (json_is_integer(status) && json_integer_value(status) != 0)
        reason = g_strdup_printf("its program ended with status %" JSON_INTEGER_FORMAT,
                                 json_integer_value(status));
    stream->ended(reason, stream->tab);
}

static void end_stream(ConsoleStream *stream, ConsoleEnded ended, gpointer tab, gpointer user)
{
    g_autoptr(GError) error = NULL;
    stream->ended = ended;
    if (stream->pty >= 0) {
        if (!stream->pid)
            tell_end(stream);
        return;
    }
    Link *link = find_link(stream, &error);
    if (!link || !stream->id) {
        ended(error ? error->message : NULL, tab);
        return;
    }
    stream->asked = link_rpc(link);
    stream->call =
        rpc_call(stream->asked, "stream.wait", json_pack("{s:s}", "stream", stream->id),
                 END_DEADLINE, on_waited, stream);
}

static void close_stream(ConsoleStream *stream, gpointer user)
{
    if (stream->asked)
        rpc_cancel(stream->asked, stream->call);
    if (stream->later) {
        g_source_destroy(stream->later);
        g_source_unref(stream->later);
    }
    forget_command(stream);
    link_shell_close(stream->shell);
    g_clear_error(&stream->error);
    g_free(stream->node);
    g_free(stream->id);
    g_free(stream);
}

const ConsolesOpener *consoles_link_opener(void)
{
    static const ConsolesOpener opener = {open_stream, resize_stream, end_stream, close_stream};
    return &opener;
}
