/* Commands that change, tasks and their logs, and the stream of events. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/ask.h"
#include "tui/command/output.h"
#include "tui/screen/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { ANSWER_DEADLINE = 30000, LOOK_INTERVAL = 200, LOG_INTERVAL = 250 /* ms */ };

/* ---- progress ---- */

/* One line on standard error, redrawn, cut to the terminal's width. */
static void draw_progress(const json_t *task)
{
    struct winsize size = {.ws_col = 80};
    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    const json_t *progress = json_object_get(task, "progress");
    g_autofree char *percent = json_is_number(progress)
                                   ? g_strdup_printf("%3.0f%%  ", json_number_value(progress))
                                   : NULL;
    g_autofree char *raw =
        g_strdup_printf("%s %s  %s%s", wire_get_string(task, "method", "task"),
                        wire_get_string(task, "object", ""), percent ? percent : "",
                        wire_get_string(task, "doing", wire_get_string(task, "state", "")));
    g_strdelimit(raw, "\n\t", ' ');
    g_autofree char *line = text_clean(raw);
    int columns = size.ws_col > 1 ? size.ws_col - 1 : 79;
    while (text_columns(line, true) > columns)
        *g_utf8_find_prev_char(line, line + strlen(line)) = '\0';
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
}

typedef struct {
    const Act *act;
    Link *link;
    const char *task;
    gboolean drawn;
    gboolean asking;
    guint timer;
} Progress;

static void on_look(const json_t *task, const GError *error, gpointer user)
{
    Progress *progress = user;
    progress->asking = FALSE;
    if (error || !progress->timer)
        return;
    draw_progress(task);
    progress->drawn = TRUE;
}

static gboolean on_timer(gpointer user)
{
    Progress *progress = user;
    RpcClient *rpc = link_rpc(progress->link);
    if (rpc && !progress->asking) {
        progress->asking = TRUE;
        rpc_call(rpc, "task.show", json_pack("{s:s}", "task", progress->task), ANSWER_DEADLINE,
                 on_look, progress);
    }
    return G_SOURCE_CONTINUE;
}

json_t *act_wait_task(const Act *act, Link *link, const char *task, GError **error)
{
    Progress *progress = g_new0(Progress, 1);
    progress->act = act;
    progress->link = link;
    progress->task = task;
    if (isatty(STDERR_FILENO))
        progress->timer = g_timeout_add(LOOK_INTERVAL, on_timer, progress);
    json_t *ended =
        client_call(act->client, link, "task.wait", json_pack("{s:s}", "task", task), 0, error);
    if (progress->timer)
        g_source_remove(progress->timer);
    progress->timer = 0;
    if (progress->drawn)
        fprintf(stderr, "\r\033[K");
    /* A look under way still points here: it is answered before the link goes. */
    while (progress->asking && link_rpc(link) && ended)
        if (!client_iterate(act->client, NULL))
            break;
    if (!progress->asking)
        g_free(progress);
    return ended;
}

/* Ctrl-C while a task is waited for: it goes on in any case, so the person says what is meant.
 * TRUE: wait on. */
static gboolean ask_interrupted(const Act *act, Link *link, const char *task)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || !client_resume(act->client))
        return FALSE;
    g_autofree char *answer =
        ask_line("The task goes on: Enter leaves it, c cancels it, w waits on: ");
    (void)client_resume(act->client);
    if (!answer || (*answer != 'c' && *answer != 'C'))
        return answer && (*answer == 'w' || *answer == 'W');
    g_autoptr(GError) failure = NULL;
    g_autoptr(json_t) done =
        client_call(act->client, link, "task.cancel", json_pack("{s:s}", "task", task),
                    ANSWER_DEADLINE, &failure);
    if (!done)
        (void)act_complain(failure);
    return TRUE; /* for what was begun to be finished or undone */
}

gboolean act_follow_task(const Act *act, Link *link, const char *task, json_t **ended,
                         GError **error)
{
    g_autoptr(json_t) end = NULL;
    gboolean again;
    do {
        g_autoptr(GError) failure = NULL;
        end = act_wait_task(act, link, task, &failure);
        gboolean left = !end && wire_error_code(failure) == WIRE_ERROR_CANCELLED;
        again = left && ask_interrupted(act, link, task);
        if (left && !again)
            wire_error_set(error, WIRE_ERROR_CANCELLED,
                           "no longer waiting; the task goes on: gantry task wait %s", task);
        else if (!end && !again)
            g_propagate_error(error, g_steal_pointer(&failure));
    } while (again);
    if (!end)
        return FALSE;
    const char *state = wire_get_string(end, "state", "?");
    if (ended)
        *ended = json_incref(end);
    else if (act->options->format != OUTPUT_TABLE)
        act_print(act, end);
    if (strcmp(state, "done") == 0)
        return TRUE;
    WireErrorCode code =
        strcmp(state, "cancelled") == 0 ? WIRE_ERROR_CANCELLED : WIRE_ERROR_FAILED;
    wire_error_set(error, code, "%s: %s %s: %s", link_name(link),
                   wire_get_string(end, "method", act->method->name), state,
                   wire_get_string(end, "error", "see gantry task log"));
    return FALSE;
}

/* ---- changes ---- */

/* A name, typed once more: asked for where there is a terminal. */
static gboolean confirm(const Act *act, GError **error)
{
    json_t *params = act->arguments->params;
    const WireParameter *p = act->method->parameters;
    while (p && p->name && strcmp(p->name, "confirm") != 0)
        p++;
    if (!p || !p->name || json_object_get(params, "confirm"))
        return TRUE;
    g_autofree char *question = g_strdup_printf(
        "%s %s can't be undone. Type %s: ", act->method->name,
        wire_get_string(params, "guest", wire_get_string(params, "node", "")), p->help);
    g_autofree char *typed = ask_line(question);
    if (typed && *typed) {
        json_t *value = wire_parameter_from_text(p, typed, error);
        json_object_set_new(params, "confirm", value);
        return value != NULL;
    }
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "confirm", "repeat %s: --confirm NAME",
                         p->help);
    return FALSE;
}

gboolean act_change(const Act *act, GError **error)
{
    if (!confirm(act, error))
        return FALSE;
    Link *link = act_find_link(act, error);
    g_autoptr(json_t) result =
        link ? client_call(act->client, link, act->method->name,
                           json_copy(act->arguments->params), ANSWER_DEADLINE, error)
             : NULL;
    if (!result)
        return FALSE;
    const char *task = wire_get_string(result, "task", NULL);
    if (act->method->task && task && !act->arguments->no_wait)
        return act_follow_task(act, link, task, NULL, error);
    if (act->options->format != OUTPUT_TABLE)
        return act_print(act, result);
    if (task) {
        g_autofree char *clean = text_clean(task);
        g_autofree char *line = g_strconcat(clean, "\n", NULL);
        if (!output_print(line))
            *act->status = 1;
    }
    return TRUE;
}

/* ---- logs ---- */

static gboolean on_pause_over(gpointer done)
{
    *(gboolean *)done = TRUE;
    return G_SOURCE_REMOVE;
}

static gboolean pause_for(const Act *act, guint milliseconds, GError **error)
{
    gboolean done = FALSE;
    guint timer = g_timeout_add(milliseconds, on_pause_over, &done);
    while (!done) {
        if (!client_iterate(act->client, error)) {
            g_source_remove(timer);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean act_log(const Act *act, GError **error)
{
    Link *link = act_find_link(act, error);
    json_t *params = act->arguments->params;
    while (link) {
        g_autoptr(json_t) piece = client_call(act->client, link, "task.log", json_copy(params),
                                              ANSWER_DEADLINE, error);
        if (!piece)
            return FALSE;
        const char *text = wire_get_string(piece, "text", "");
        if (act->options->format != OUTPUT_TABLE && !act->arguments->follow)
            return act_print(act, piece);
        if (!output_print(text)) {
            *act->status = 1;
            return TRUE;
        }
        json_object_set(params, "offset", json_object_get(piece, "offset"));
        if (wire_get_boolean(piece, "end", FALSE) || (!*text && !act->arguments->follow))
            return TRUE;
        if (!*text && !pause_for(act, LOG_INTERVAL, error))
            return FALSE;
    }
    return FALSE;
}

/* ---- events ---- */

static void print_event(const Act *act, const json_t *event)
{
    if (act->options->format != OUTPUT_TABLE) {
        /* One object a line: a stream that a program can read as it comes. */
        char *line = json_dumps(event, WIRE_DUMP);
        g_autofree char *text = g_strconcat(line ? line : "{}", "\n", NULL);
        free(line);
        output_print(text);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (const CommandColumn *c = act->command->columns; c->key; c++) {
        g_autofree char *cell = output_cell(c, json_object_get(event, c->key));
        g_string_append_printf(text, "%s%s", cell, c[1].key ? "  " : "\n");
    }
    output_print(text->str);
}

typedef struct {
    const Act *act;
    GHashTable *ready; /* links whose snapshot, the past, is over */
} Watching;

static void on_notified(Link *link, const char *method, const json_t *params, gpointer user)
{
    const Watching *watching = user;
    if (strcmp(method, "watch.delta") != 0)
        return;
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(params, "objects"), index, event)
    {
        if (g_hash_table_contains(watching->ready, link))
            print_event(watching->act, event);
    }
    if (wire_get_boolean(params, "ready", FALSE))
        g_hash_table_add(watching->ready, link);
}

gboolean act_events(const Act *act, GError **error)
{
    g_autoptr(GHashTable) ready = g_hash_table_new(NULL, NULL);
    Watching self = {.act = act, .ready = ready};
    client_listen(act->client, on_notified, &self);
    guint watching = 0;
    for (guint i = 0; i < client_count(act->client); i++) {
        const ClientNode *node = client_node(act->client, i);
        g_autoptr(GError) failure = node->error ? g_error_copy(node->error) : NULL;
        g_autoptr(json_t) watch = NULL;
        if (!failure)
            watch =
                client_call(act->client, node->link, "watch.open",
                            json_pack("{s:[s]}", "kinds", "event"), ANSWER_DEADLINE, &failure);
        if (watch)
            watching++;
        else
            *act->status = act_complain(failure);
    }
    /* Until a signal, or until no node is left to hear from. */
    while (watching > 0 && client_iterate(act->client, NULL)) {
        watching = 0;
        for (guint i = 0; i < client_count(act->client); i++)
            watching += link_rpc(client_node(act->client, i)->link) != NULL;
        if (watching == 0)
            *act->status = wire_error_exit_status(WIRE_ERROR_UNREACHABLE);
    }
    client_listen(act->client, NULL, NULL);
    if (*act->status == 0 || watching > 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNREACHABLE, "no node is left to hear from");
    return FALSE;
}
