/* node drain and undrain: the node's own task makes the plan, which is shown and asked about,
 * and a second one does it, whether this command waits for it or not. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/migrate.h"
#include "tui/command/output.h"
#include "tui/command/steps.h"
#include "tui/screen/text.h"

#include <string.h>

enum { ANSWER_DEADLINE = 60000 /* ms */ };

/* The session with the agent of that node: one that is given, else one of its cluster. */
static Link *find_node(const Act *act, const char *name, GError **error)
{
    for (int round = 0; round < 2; round++) {
        for (guint i = 0; i < client_count(act->client); i++) {
            const ClientNode *node = client_node(act->client, i);
            g_autoptr(json_t) list = node->error
                                         ? NULL
                                         : client_call(act->client, node->link, "node.list",
                                                       json_object(), ANSWER_DEADLINE, NULL);
            const json_t *own = json_array_get(json_object_get(list, "nodes"), 0);
            if (g_strcmp0(wire_get_string(own, "id", NULL), name) == 0)
                return node->link;
        }
        if (round == 0 && !client_add_peers(act->client, act->options, error))
            return NULL;
    }
    wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s is not reached: name it with -H %s", name,
                   name);
    return NULL;
}

/* Of the task: what was given, but for what is this command's own. */
static json_t *task_params(const Act *act, gboolean plan)
{
    static const char *const own[] = {"node", "yes", "plan"};
    json_t *params = json_copy(act->arguments->params);
    for (size_t i = 0; i < G_N_ELEMENTS(own); i++)
        json_object_del(params, own[i]);
    if (plan)
        json_object_set_new(params, "plan", json_true());
    return params;
}

/* Its identifier; caller frees. */
static char *start(const Act *act, Link *link, gboolean plan, GError **error)
{
    g_autoptr(json_t) begun = client_call(act->client, link, act->method->name,
                                          task_params(act, plan), ANSWER_DEADLINE, error);
    return begun ? g_strdup(wire_get_string(begun, "task", "")) : NULL;
}

static guint count_obstacles(const json_t *plans)
{
    guint count = 0;
    size_t index;
    const json_t *plan;
    json_array_foreach(plans, index, plan)
    {
        count += (guint)json_array_size(json_object_get(plan, "obstacles"));
    }
    return count;
}

/* "web is on node2", "db stays on node1: ..." */
static gboolean print_rows(const json_t *rows)
{
    g_autoptr(GString) text = g_string_new(NULL);
    size_t index;
    const json_t *row;
    json_array_foreach(rows, index, row)
    {
        gboolean moved = wire_get_boolean(row, "moved", FALSE);
        g_autofree char *line =
            g_strdup_printf("%s %s on %s%s%s", wire_get_string(row, "name", "?"),
                            moved ? "is" : "stays", wire_get_string(row, "node", "?"),
                            moved ? "" : ": ", wire_get_string(row, "error", ""));
        g_autofree char *clean = text_clean(line);
        g_string_append_printf(text, "%s\n", clean);
    }
    return output_print(text->str);
}

static gboolean follow(const Act *act, Link *link, const char *task, GError **error)
{
    g_autoptr(json_t) ended = NULL;
    gboolean good = act_follow_task(act, link, task, &ended, error);
    const json_t *rows = json_object_get(json_object_get(ended, "result"), "guests");
    if (ended && act->options->format != OUTPUT_TABLE)
        return act_print(act, ended) && good;
    if (ended && !print_rows(rows))
        *act->status = 1;
    return good;
}

static gboolean begin(const Act *act, Link *link, GError **error)
{
    g_autofree char *task = start(act, link, FALSE, error);
    if (!task)
        return FALSE;
    if (!act->arguments->no_wait)
        return follow(act, link, task, error);
    g_autofree char *clean = text_clean(task);
    g_autofree char *line = g_strconcat(clean, "\n", NULL);
    if (!output_print(line))
        *act->status = 1;
    return TRUE;
}

gboolean act_node_drain(const Act *act, GError **error)
{
    const json_t *given = act->arguments->params;
    Link *link = find_node(act, wire_get_string(given, "node", ""), error);
    g_autofree char *task = link ? start(act, link, TRUE, error) : NULL;
    g_autoptr(json_t) ended = NULL;
    if (!task || !act_follow_task(act, link, task, &ended, error))
        return FALSE;
    const json_t *plans = json_object_get(json_object_get(ended, "result"), "guests");
    guint obstacles = count_obstacles(plans);
    if (!move_print_plans(act, plans))
        *act->status = 1;
    if (wire_get_boolean(given, "plan", FALSE)) {
        *act->status = obstacles ? 1 : *act->status;
        return TRUE;
    }
    if (json_array_size(plans) == 0)
        return act->options->format != OUTPUT_TABLE ||
               output_print("there is no guest to move\n");
    if (obstacles && !wire_get_boolean(given, "skip", FALSE))
        return move_refuse(obstacles, error);
    return steps_confirm(act, "moved", error) && begin(act, link, error);
}
