/* guest migrate: a plan for all guests that were named, shown and asked about; then they
 * move, one after the other. */
#include "tui/command/migrate.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/ask.h"
#include "tui/command/output.h"
#include "tui/command/steps.h"
#include "tui/screen/text.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_DEADLINE = 60000 /* ms */ };

typedef struct {
    char *guest;
    const char *node; /* where to */
    Link *link;       /* of the node that has it; NULL: looked for */
    json_t *plan;     /* what guest.plan found */
} Mover;

typedef struct {
    const Act *act;
    json_t *params;    /* of guest.migrate, but for guest and node */
    GPtrArray *movers; /* of Mover */
} Move;

static void mover_free(gpointer data)
{
    Mover *mover = data;
    g_free(mover->guest);
    json_decref(mover->plan);
    g_free(mover);
}

static Move move_begin(const Act *act)
{
    static const char *const same[] = {"with_disks", "bandwidth", "storage"};
    const json_t *given = act->arguments->params;
    Move move = {.act = act,
                 .params = json_object(),
                 .movers = g_ptr_array_new_with_free_func(mover_free)};
    for (size_t i = 0; i < G_N_ELEMENTS(same); i++)
        if (json_object_get(given, same[i]))
            json_object_set(move.params, same[i], json_object_get(given, same[i]));
    return move;
}

static void move_end(Move *move)
{
    g_ptr_array_unref(move->movers);
    json_decref(move->params);
}

static void move_add(Move *move, const char *guest, const char *node)
{
    Mover *mover = g_new0(Mover, 1);
    mover->guest = g_strdup(guest);
    mover->node = node;
    g_ptr_array_add(move->movers, mover);
}

/* ---- what was asked for ---- */

/* One of --live, --offline, --restart; or none. */
static gboolean read_mode(const json_t *given, json_t *params, GError **error)
{
    static const char *const modes[] = {"live", "offline", "restart"};
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (!wire_get_boolean(given, modes[i], FALSE))
            continue;
        if (json_object_get(params, "mode")) {
            wire_error_set(error, WIRE_ERROR_PARAMS,
                           "--live, --offline and --restart exclude each other");
            return FALSE;
        }
        json_object_set_new(params, "mode", json_string(modes[i]));
    }
    return TRUE;
}

static gboolean read_arguments(Move *move, GError **error)
{
    const json_t *given = move->act->arguments->params;
    const json_t *words = json_object_get(given, "guests");
    size_t count = json_array_size(words);
    const char *node = json_string_value(json_array_get(words, count - 1));
    for (size_t i = 0; i + 1 < count; i++)
        move_add(move, json_string_value(json_array_get(words, i)), node);
    return read_mode(given, move->params, error);
}

/* ---- tasks ---- */

static json_t *params_for(const Move *move, const Mover *mover)
{
    json_t *params = json_copy(move->params);
    json_object_set_new(params, "guest", wire_string(mover->guest));
    json_object_set_new(params, "node", wire_string(mover->node));
    return params;
}

/* Runs a task of that method to its end; the object that it ended as, if it is done. */
static json_t *run_task(const Move *move, const Mover *mover, const char *method,
                        GError **error)
{
    g_autoptr(json_t) begun = client_call(move->act->client, mover->link, method,
                                          params_for(move, mover), ANSWER_DEADLINE, error);
    g_autoptr(json_t) ended =
        begun ? act_wait_task(move->act, mover->link, wire_get_string(begun, "task", ""), error)
              : NULL;
    if (!ended)
        return NULL;
    if (strcmp(wire_get_string(ended, "state", ""), "done") == 0)
        return g_steal_pointer(&ended);
    wire_error_set(error, WIRE_ERROR_FAILED, "%s: %s", mover->guest,
                   wire_get_string(ended, "error", "see gantry task log"));
    return NULL;
}

static gboolean find_link(const Move *move, Mover *mover, GError **error)
{
    g_autoptr(json_t) params = params_for(move, mover);
    Arguments arguments = {.params = params};
    Act one = *move->act;
    one.arguments = &arguments;
    one.method = wire_method_find("guest.migrate");
    mover->link = act_find_link(&one, error);
    return mover->link != NULL;
}

/* ---- the plan ---- */

static gboolean move_plan(const Move *move, Mover *mover, GError **error)
{
    g_autoptr(json_t) task = mover->link || find_link(move, mover, error)
                                 ? run_task(move, mover, "guest.plan", error)
                                 : NULL;
    if (!task)
        return FALSE;
    json_decref(mover->plan);
    mover->plan = json_incref(json_object_get(task, "result"));
    return TRUE;
}

static guint count_obstacles(const Move *move)
{
    guint count = 0;
    for (guint i = 0; i < move->movers->len; i++) {
        const Mover *mover = move->movers->pdata[i];
        count += (guint)json_array_size(json_object_get(mover->plan, "obstacles"));
    }
    return count;
}

static void append_obstacles(GString *text, const json_t *plan)
{
    size_t index;
    const json_t *obstacle;
    json_array_foreach(json_object_get(plan, "obstacles"), index, obstacle)
    {
        g_autofree char *what = text_clean(wire_get_string(obstacle, "text", "?"));
        g_autofree char *fix = text_clean(wire_get_string(obstacle, "fix", ""));
        g_string_append_printf(text, "      can't: %s\n%s%s%s", what,
                               *fix ? "        fix: " : "", fix, *fix ? "\n" : "");
    }
}

/* ", memory 96.0 MiB"; nothing for nothing. */
static void append_size(GString *text, const char *what, gint64 bytes)
{
    g_autofree char *size = g_format_size_full((guint64)MAX(bytes, 0), G_FORMAT_SIZE_IEC_UNITS);
    if (bytes > 0)
        g_string_append_printf(text, "%s %s, ", what, size);
}

static void append_one(GString *text, const json_t *plan)
{
    g_autofree char *name = text_clean(wire_get_string(plan, "name", "?"));
    g_string_append_printf(
        text, "  %-8s %-12s %s -> %s  %-7s  ", wire_get_string(plan, "guest", "?"), name,
        wire_get_string(plan, "from", "?"), wire_get_string(plan, "node", "?"),
        wire_get_string(plan, "mode", "?"));
    append_size(text, "memory", wire_get_integer(plan, "memory_bytes", 0));
    append_size(text, "copies", wire_get_integer(plan, "disk_bytes", 0));
    g_string_append_printf(text, "about %d s\n", (int)wire_get_integer(plan, "seconds", 0));
    append_obstacles(text, plan);
}

gboolean move_print_plans(const Act *act, const json_t *plans)
{
    size_t index;
    const json_t *plan;
    if (act->options->format != OUTPUT_TABLE)
        return !wire_get_boolean(act->arguments->params, "plan", FALSE) ||
               act_print(act, plans);
    g_autoptr(GString) text = g_string_new(NULL);
    json_array_foreach(plans, index, plan)
    {
        append_one(text, plan);
    }
    return output_print(text->str);
}

static gboolean print_plan(const Move *move)
{
    g_autoptr(json_t) plans = json_array();
    for (guint i = 0; i < move->movers->len; i++)
        json_array_append(plans, ((const Mover *)move->movers->pdata[i])->plan);
    return move_print_plans(move->act, plans);
}

gboolean move_refuse(guint obstacles, GError **error)
{
    wire_error_set(error, WIRE_ERROR_STATE,
                   "nothing was moved: %u obstacle%s in the way, see above and --plan",
                   obstacles, obstacles == 1 ? " is" : "s are");
    return FALSE;
}

/* ---- moving ---- */

static gboolean move_all(const Move *move, GError **error)
{
    g_autoptr(json_t) rows = json_array();
    for (guint i = 0; i < move->movers->len; i++) {
        const Mover *mover = move->movers->pdata[i];
        g_autoptr(json_t) ended = run_task(move, mover, "guest.migrate", error);
        if (!ended)
            return FALSE;
        if (move->act->options->format == OUTPUT_TABLE) {
            g_autofree char *line =
                g_strdup_printf("%s is on %s\n", wire_get_string(mover->plan, "name", "?"),
                                wire_get_string(mover->plan, "node", "?"));
            g_autofree char *clean = text_clean(g_strchomp(line));
            g_autofree char *full = g_strconcat(clean, "\n", NULL);
            (void)output_print(full);
        }
        json_array_append(rows, ended);
    }
    return move->act->options->format == OUTPUT_TABLE || act_print(move->act, rows);
}

static gboolean move_go(const Move *move, GError **error)
{
    guint obstacles = count_obstacles(move);
    if (!print_plan(move))
        *move->act->status = 1;
    if (wire_get_boolean(move->act->arguments->params, "plan", FALSE)) {
        *move->act->status = obstacles ? 1 : 0;
        return TRUE;
    }
    return obstacles ? move_refuse(obstacles, error)
                     : steps_confirm(move->act, "moved", error) && move_all(move, error);
}

gboolean act_guest_migrate(const Act *act, GError **error)
{
    Move move = move_begin(act);
    gboolean good = read_arguments(&move, error);
    for (guint i = 0; good && i < move.movers->len; i++)
        good = move_plan(&move, move.movers->pdata[i], error);
    good = good && move_go(&move, error);
    move_end(&move);
    return good;
}
