/* guest console and guest exec: streams on this terminal. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/terminal.h"

#include <stdio.h>
#include <unistd.h>

enum { ANSWER_DEADLINE = 30000 /* ms */ };

typedef struct {
    Link *link;
    const char *stream;
} Sized;

static void on_resized(int rows, int columns, gpointer user)
{
    const Sized *sized = user;
    RpcClient *rpc = link_rpc(sized->link);
    if (rpc)
        rpc_call(rpc, "stream.resize",
                 json_pack("{s:s,s:i,s:i}", "stream", sized->stream, "rows", rows, "columns",
                           columns),
                 ANSWER_DEADLINE, NULL, NULL);
}

/* Asks for the stream and joins it; the answer holds its name. */
static json_t *open_stream(const Act *act, Link *link, json_t *params, int *descriptor,
                           GError **error)
{
    g_autoptr(json_t) answer =
        client_call(act->client, link, act->method->name, params, ANSWER_DEADLINE, error);
    if (!answer)
        return NULL;
    *descriptor = link_open_stream(link, wire_get_string(answer, "stream", ""), error);
    return *descriptor >= 0 ? g_steal_pointer(&answer) : NULL;
}

gboolean act_console(const Act *act, GError **error)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        wire_error_set(error, WIRE_ERROR_PARAMS,
                       "guest console needs a terminal; for programs there is guest exec");
        return FALSE;
    }
    Link *link = act_find_link(act, error);
    if (!link)
        return FALSE;
    json_t *params = json_copy(act->arguments->params);
    int rows, columns, descriptor;
    terminal_size(&rows, &columns);
    if (!json_object_get(params, "rows"))
        json_object_set_new(params, "rows", json_integer(rows));
    if (!json_object_get(params, "columns"))
        json_object_set_new(params, "columns", json_integer(columns));
    g_autoptr(json_t) answer = open_stream(act, link, params, &descriptor, error);
    if (!answer)
        return FALSE;
    Sized sized = {.link = link, .stream = wire_get_string(answer, "stream", "")};
    TerminalOptions options = {.raw = TRUE, .resized = on_resized, .user = &sized};
    fprintf(stderr, "Connected to %s. Ctrl-] leaves.\r\n",
            wire_get_string(act->arguments->params, "guest", "the guest"));
    gboolean left = FALSE;
    gboolean good = terminal_join(act->client, descriptor, &options, &left, error);
    if (good)
        fprintf(stderr, "\r\n%s\r\n", left ? "Left the console." : "The console has ended.");
    return good;
}

gboolean act_exec(const Act *act, GError **error)
{
    Link *link = act_find_link(act, error);
    int descriptor;
    g_autoptr(json_t) answer =
        link ? open_stream(act, link, json_copy(act->arguments->params), &descriptor, error)
             : NULL;
    if (!answer)
        return FALSE;
    TerminalOptions options = {.raw = FALSE};
    if (!terminal_join(act->client, descriptor, &options, NULL, error))
        return FALSE;
    g_autoptr(json_t) ended =
        client_call(act->client, link, "stream.wait",
                    json_pack("{s:s}", "stream", wire_get_string(answer, "stream", "")),
                    ANSWER_DEADLINE, error);
    if (!ended)
        return FALSE;
    const json_t *status = json_object_get(ended, "exit");
    if (!json_is_integer(status)) {
        wire_error_set(error, wire_error_from_name(wire_get_string(ended, "code", "failed")),
                       "%s", wire_get_string(ended, "error", "the program's end was not seen"));
        return FALSE;
    }
    *act->status = (int)(json_integer_value(status) & 0xff);
    return TRUE;
}
