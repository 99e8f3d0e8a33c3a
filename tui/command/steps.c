#include "tui/command/steps.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/ask.h"
#include "tui/screen/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

/* Making certificates takes long on a busy machine. */
enum { ANSWER_DEADLINE = 300000 /* ms */, USUAL = 80, WIDEST = 100 /* columns */ };

json_t *steps_ask(const Act *act, Link *link, const char *method, json_t *params,
                  GError **error)
{
    g_autoptr(GError) failure = NULL;
    json_t *result = client_call(act->client, link, method, params, ANSWER_DEADLINE, &failure);
    if (!result)
        g_propagate_prefixed_error(error, g_steal_pointer(&failure), "%s: ", link_name(link));
    return result;
}

gboolean steps_finish(const Act *act, Link *link, const char *task, GError **error)
{
    g_autoptr(json_t) ended = act_wait_task(act, link, task, error);
    if (!ended)
        return FALSE;
    if (strcmp(wire_get_string(ended, "state", ""), "done") == 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_FAILED, "%s: %s", link_name(link),
                   wire_get_string(ended, "error", "see gantry task log"));
    return FALSE;
}

gboolean steps_do(const Act *act, Link *link, const char *method, json_t *params,
                  GError **error)
{
    g_autoptr(json_t) begun = steps_ask(act, link, method, params, error);
    return begun && steps_finish(act, link, wire_get_string(begun, "task", ""), error);
}

void steps_say(const Act *act, const char *text)
{
    FILE *out = act->options->format == OUTPUT_TABLE ? stdout : stderr;
    struct winsize size = {0};
    int columns = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    g_auto(GStrv) lines = text_wrap(text, columns ? MIN(columns, WIDEST) : USUAL);
    for (char **line = lines; *line; line++)
        (void)fprintf(out, "%s%s", *line, line[1] ? "\n" : "");
    (void)fflush(out);
}

gboolean steps_confirm(const Act *act, const char *done, GError **error)
{
    if (wire_get_boolean(act->arguments->params, "yes", FALSE))
        return TRUE;
    g_autofree char *answer = ask_line("\nGo on? [y/N] ");
    if (answer &&
        (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CANCELLED, "nothing was %s%s", done,
                   answer ? "" : ": say --yes to go on without being asked");
    return FALSE;
}

Link *steps_member(const Act *act, const char *name, GError **error)
{
    for (guint i = 0; i < client_count(act->client); i++) {
        Link *link = client_node(act->client, i)->link;
        if (link_state(link) == LINK_CONNECTED && strcmp(link_name(link), name) == 0)
            return link;
    }
    ClientNode *node = client_add(act->client, name, act->options, error);
    if (!node)
        return NULL;
    if (strcmp(link_name(node->link), name) == 0)
        return node->link;
    wire_error_set(error, WIRE_ERROR_CONFLICT,
                   "%s leads to the node %s: what does ~/.ssh/config say of it?", name,
                   link_name(node->link));
    return NULL;
}

json_t *steps_cluster(const Act *act, Link **link, GError **error)
{
    *link = act_find_link(act, error);
    g_autoptr(json_t) status =
        *link ? steps_ask(act, *link, "cluster.status", json_object(), error) : NULL;
    if (!status)
        return NULL;
    if (wire_get_boolean(status, "quorate", FALSE))
        return g_steal_pointer(&status);
    wire_error_set(error, WIRE_ERROR_STATE,
                   "%s is in no cluster that is quorate: see gantry "
                   "-H %s cluster status",
                   link_name(*link), link_name(*link));
    return NULL;
}
