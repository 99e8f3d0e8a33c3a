/* Commands of the person's own (commands: of config.yaml): run on this machine, one
 * object after the other, without a shell and without a terminal; what they print
 * is a page to read. Leaving the page ends what still runs. */
#include "tui/view/console_private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTED = 8, PIECE = 16384, PIECES = 64 };

/* What was decided on; its argvs are made at once, for objects may go. */
typedef struct {
    Console *console;
    char *name;
    GPtrArray *argvs; /* char ** */
} Order;

typedef struct {
    Order *order;
    Pager *pager;
    guint next; /* of the order's argvs */
    GPid pid;   /* 0: none runs */
    int output; /* of it, or -1 */
    guint reading, waiting;
} OwnView;

static void order_free(gpointer data)
{
    Order *order = data;
    g_ptr_array_unref(order->argvs);
    g_free(order->name);
    g_free(order);
}

static void run_next(OwnView *view);

/* FALSE at the end of what there is for good. */
static bool read_some(const OwnView *view)
{
    char piece[PIECE];
    ssize_t got = read(view->output, piece, sizeof piece);
    if (got > 0)
        pager_add(view->pager, piece, (size_t)got);
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static gboolean on_output(gint descriptor, GIOCondition condition, gpointer user)
{
    OwnView *view = user;
    console_changed(view->order->console);
    if (read_some(view))
        return G_SOURCE_CONTINUE;
    view->reading = 0;
    return G_SOURCE_REMOVE;
}

static void say(const OwnView *view, Role role, const char *text)
{
    PagerLook look = {.role = (guint8)role};
    pager_add_line(view->pager, text, &look);
}

static void close_output(OwnView *view)
{
    if (view->reading)
        (void)g_source_remove(view->reading);
    if (view->output >= 0)
        (void)close(view->output);
    view->reading = 0;
    view->output = -1;
}

static void drain(const OwnView *view)
{
    struct pollfd there = {.fd = view->output, .events = POLLIN};
    for (int i = 0; view->reading && i < PIECES && poll(&there, 1, 0) > 0; i++)
        if (!read_some(view))
            return;
}

static void on_ended(GPid pid, gint status, gpointer user)
{
    OwnView *view = user;
    g_autofree char *text = NULL;
    /* What is in the pipe by now is its own; a child of its may hold it open. */
    drain(view);
    close_output(view);
    view->pid = 0;
    view->waiting = 0;
    if (WIFSIGNALED(status))
        text = g_strdup_printf("ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        text = g_strdup_printf("exit status %d", WEXITSTATUS(status));
    if (text)
        say(view, ROLE_ERROR, text);
    run_next(view);
    console_changed(view->order->console);
}

/* In the child: a group of its own, so that all of it can be ended. */
static void set_up_child(gpointer user)
{
    (void)setpgid(0, 0);
    (void)dup2(STDOUT_FILENO, STDERR_FILENO);
    (void)signal(SIGPIPE, SIG_DFL);
}

static void run_next(OwnView *view)
{
    while (view->next < view->order->argvs->len) {
        char **argv = view->order->argvs->pdata[view->next++];
        g_autofree char *words = g_strjoinv(" ", argv);
        g_autoptr(GError) error = NULL;
        if (view->next > 1)
            say(view, ROLE_TEXT, "");
        say(view, ROLE_TITLE, words);
        if (!g_spawn_async_with_pipes(
                NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, set_up_child,
                NULL, &view->pid, NULL, &view->output, NULL, &error)) {
            say(view, ROLE_ERROR, error->message);
            view->pid = 0;
            view->output = -1;
            continue;
        }
        (void)fcntl(view->output, F_SETFL, O_NONBLOCK);
        (void)fcntl(view->output, F_SETFD, FD_CLOEXEC);
        view->reading = g_unix_fd_add_full(
            G_PRIORITY_LOW, view->output, G_IO_IN | G_IO_HUP | G_IO_ERR, on_output, view, NULL);
        view->waiting = g_child_watch_add(view->pid, on_ended, view);
        return;
    }
}

static void on_reaped(GPid pid, gint status, gpointer user)
{
}

static gpointer own_open(Console *console, const Subject *subject)
{
    OwnView *view = g_new0(OwnView, 1);
    view->order = g_steal_pointer(&console->handed);
    view->pager = pager_new(true);
    view->output = -1;
    run_next(view);
    return view;
}

static void own_close(gpointer data)
{
    OwnView *view = data;
    close_output(view);
    if (view->waiting)
        (void)g_source_remove(view->waiting);
    if (view->pid > 0) {
        (void)kill(-view->pid, SIGTERM);
        (void)g_child_watch_add(view->pid, on_reaped, NULL);
    }
    pager_free(view->pager);
    order_free(view->order);
    g_free(view);
}

static void own_draw(gpointer data, Screen *screen, Box box)
{
    const OwnView *view = data;
    pager_draw(view->pager, screen, (Box){box.row, 1, box.rows, box.columns - 2});
}

static bool own_key(gpointer data, Key key)
{
    const OwnView *view = data;
    return pager_key(view->pager, key);
}

static void own_describe(gpointer data, GString *out)
{
    const OwnView *view = data;
    g_string_append_printf(out, " %s   ", view->order->name);
    if (view->pid > 0)
        g_string_append_printf(out, "%u of %u runs (Esc ends it)", view->next,
                               view->order->argvs->len);
    else
        g_string_append(out, "has ended");
    pager_describe(view->pager, out);
}

static const ViewClass view_own = {.name = "own",
                                   .title = "Command",
                                   .open = own_open,
                                   .close = own_close,
                                   .draw = own_draw,
                                   .key = own_key,
                                   .describe = own_describe};

static ObjectKind kind_of(const ConsoleCommand *command)
{
    return command->applies == CONSOLE_APPLIES_NODE ? OBJECT_NODE : OBJECT_GUEST;
}

bool console_own_fits(const ConsoleCommand *command, unsigned where)
{
    return (where & (1u << kind_of(command))) != 0;
}

const ConsoleCommand *console_own_for_key(Console *console, Key key)
{
    Key wanted;
    unsigned where = console_where(console);
    for (const ConsoleCommand *own = console->options->commands; own && own->name; own++)
        if (own->key && key_parse(own->key, &wanted) && wanted == key &&
            console_own_fits(own, where))
            return own;
    return NULL;
}

static void on_consent(const char *const *answers, gpointer user)
{
    Order *order = user;
    Console *console = order->console;
    if (!answers) {
        console_say(console, ROLE_TEXT, "%s: nothing was done", order->name);
        order_free(order);
        return;
    }
    console->handed = order;
    console_open(console, &view_own, NULL);
}

static void ask_person(Order *order)
{
    g_autoptr(GString) text = g_string_new("This runs on this machine:");
    for (guint i = 0; i < order->argvs->len; i++) {
        g_autofree char *words = g_strjoinv(" ", order->argvs->pdata[i]);
        if (i == LISTED) {
            g_string_append_printf(text, "\n  and %u more", order->argvs->len - i);
            break;
        }
        g_string_append_printf(text, "\n  %s", words);
    }
    g_autofree char *consent = g_strdup_printf("run it %u times", order->argvs->len);
    FormSetup form = {.title = order->name,
                      .text = text->str,
                      .consent = order->argvs->len == 1 ? "run it" : consent,
                      .danger = true,
                      .answer = on_consent,
                      .user = order};
    console_push(order->console, form_new(&form));
}

void console_own_run(Console *console, const ConsoleCommand *command, const GPtrArray *targets)
{
    Model *model = console_model(console);
    if (console->options->readonly) {
        console_say(console, ROLE_WARNING, "no %s: %s", command->name, CONSOLE_READONLY);
        return;
    }
    Order *order = g_new0(Order, 1);
    order->console = console;
    order->name = g_strdup(command->name);
    order->argvs = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    for (guint i = 0; i < targets->len; i++) {
        const ModelObject *object = targets->pdata[i];
        const ModelNode *node = model_node(model, object->node);
        if (object->kind == kind_of(command))
            g_ptr_array_add(order->argvs, conf_command_expand(command, model_object_id(object),
                                                              model_object_name(model, object),
                                                              node ? node->name : ""));
    }
    if (order->argvs->len == 0)
        order_free(order);
    else if (command->dangerous || order->argvs->len > 1)
        ask_person(order);
    else
        on_consent((const char *const[]){NULL}, order);
}
