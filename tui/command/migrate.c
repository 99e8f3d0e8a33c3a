/* guest migrate: a plan for all guests that were named, shown and asked about; then they
 * move, one after the other. */
#include "tui/command/migrate.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/act.h"
#include "tui/command/ask.h"
#include "tui/command/output.h"
#include "tui/screen/text.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_DEADLINE = 60000 /* ms */ };

static void mover_free(gpointer data)
{
    Mover *mover = data;
    g_free(mover->guest);
    g_free(mover->node);
    json_decref(mover->tags);
    json_decref(mover->old_tags);
    json_decref(mover->plan);
    g_free(mover->task);
    g_free(mover);
}

void move_begin(Move *move, const Act *act)
{
    static const char *const same[] = {"with_disks", "bandwidth", "storage"};
    const json_t *given = act->arguments->params;
    *move = (Move){.act = act,
                   .params = json_object(),
                   .parallel = 1,
                   .movers = g_ptr_array_new_with_free_func(mover_free)};
    for (size_t i = 0; i < G_N_ELEMENTS(same); i++)
        if (json_object_get(given, same[i]))
            json_object_set(move->params, same[i], json_object_get(given, same[i]));
}

void move_end(Move *move)
{
    g_ptr_array_unref(move->movers);
    json_decref(move->params);
}

Mover *move_add(Move *move, const char *guest, const char *node)
{
    Mover *mover = g_new0(Mover, 1);
    mover->guest = g_strdup(guest);
    mover->node = g_strdup(node);
    g_ptr_array_add(move->movers, mover);
    return mover;
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
        (void)move_add(move, json_string_value(json_array_get(words, i)), node);
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

/* Begins a task of that method: its identifier. */
static char *begin_task(const Move *move, const Mover *mover, const char *method,
                        GError **error)
{
    g_autoptr(json_t) begun = client_call(move->act->client, mover->link, method,
                                          params_for(move, mover), ANSWER_DEADLINE, error);
    return begun ? g_strdup(wire_get_string(begun, "task", "")) : NULL;
}

/* Waits for its end; the object that it ended as, if it is done. */
static json_t *end_task(const Move *move, const Mover *mover, const char *task, GError **error)
{
    g_autoptr(json_t) ended = act_wait_task(move->act, mover->link, task, error);
    if (!ended)
        return NULL;
    if (strcmp(wire_get_string(ended, "state", ""), "done") == 0)
        return g_steal_pointer(&ended);
    wire_error_set(error, WIRE_ERROR_FAILED, "%s: %s", mover->guest,
                   wire_get_string(ended, "error", "see gantry task log"));
    return NULL;
}

static json_t *run_task(const Move *move, const Mover *mover, const char *method,
                        GError **error)
{
    g_autofree char *task = begin_task(move, mover, method, error);
    return task ? end_task(move, mover, task, error) : NULL;
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

gboolean move_plan(const Move *move, Mover *mover, GError **error)
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

static gboolean print_plan(const Move *move)
{
    if (move->act->options->format != OUTPUT_TABLE) {
        g_autoptr(json_t) plans = json_array();
        for (guint i = 0; i < move->movers->len; i++)
            json_array_append(plans, ((const Mover *)move->movers->pdata[i])->plan);
        return !wire_get_boolean(move->act->arguments->params, "plan", FALSE) ||
               act_print(move->act, plans);
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < move->movers->len; i++)
        append_one(text, ((const Mover *)move->movers->pdata[i])->plan);
    return output_print(text->str);
}

static gboolean confirm(const Move *move, GError **error)
{
    if (wire_get_boolean(move->act->arguments->params, "yes", FALSE))
        return TRUE;
    g_autofree char *answer = ask_line("\nGo on? [y/N] ");
    if (answer &&
        (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CANCELLED,
                   answer ? "nothing was moved"
                          : "nothing was moved: say --yes to go on without being asked");
    return FALSE;
}

static gboolean refuse(guint obstacles, GError **error)
{
    wire_error_set(error, WIRE_ERROR_STATE,
                   "nothing was moved: %u obstacle%s in the way, see above and --plan",
                   obstacles, obstacles == 1 ? " is" : "s are");
    return FALSE;
}

/* ---- moving ---- */

/* Tags go with the guest, so they are set before it goes; one that stays has its own. */
static gboolean set_tags(const Move *move, const Mover *mover, json_t *tags, GError **error)
{
    g_autoptr(json_t) done = client_call(
        move->act->client, mover->link, "guest.set",
        json_pack("{s:s,s:O}", "guest", mover->guest, "tags", tags), ANSWER_DEADLINE, error);
    return done != NULL;
}

static void put_tags_back(const Move *move, const Mover *mover)
{
    if (mover->tags)
        (void)set_tags(move, mover, mover->old_tags, NULL);
}

static gboolean begin_move(const Move *move, Mover *mover, GError **error)
{
    if (mover->tags && !set_tags(move, mover, mover->tags, error))
        return FALSE;
    mover->task = begin_task(move, mover, "guest.migrate", error);
    if (!mover->task)
        put_tags_back(move, mover);
    return mover->task != NULL;
}

static void tell_moved(const Move *move, const Mover *mover)
{
    if (move->act->options->format != OUTPUT_TABLE)
        return;
    g_autofree char *line =
        g_strdup_printf("%s is on %s", wire_get_string(mover->plan, "name", "?"),
                        wire_get_string(mover->plan, "node", "?"));
    g_autofree char *clean = text_clean(line);
    g_autofree char *full = g_strconcat(clean, "\n", NULL);
    (void)output_print(full);
}

/* FALSE when it stayed. */
static gboolean end_move(const Move *move, const Mover *mover, json_t *rows, GError **error)
{
    json_t *ended = end_task(move, mover, mover->task, error);
    if (!ended) {
        put_tags_back(move, mover);
        return FALSE;
    }
    tell_moved(move, mover);
    json_array_append_new(rows, ended);
    return TRUE;
}

/* Once one has not moved no other begins; those that are on their way are waited for, and the
 * first that went wrong is told. */
static gboolean move_all(const Move *move, GError **error)
{
    g_autoptr(json_t) rows = json_array();
    g_autoptr(GError) first = NULL;
    guint begun = 0;
    for (guint i = 0; i < move->movers->len; i++) {
        for (; !first && begun < move->movers->len && begun < i + move->parallel; begun++)
            if (!begin_move(move, move->movers->pdata[begun], &first))
                break;
        if (i >= begun)
            break;
        (void)end_move(move, move->movers->pdata[i], rows, first ? NULL : &first);
    }
    if (first) {
        g_propagate_error(error, g_steal_pointer(&first));
        return FALSE;
    }
    return move->act->options->format == OUTPUT_TABLE || act_print(move->act, rows);
}

gboolean move_go(const Move *move, GError **error)
{
    guint obstacles = count_obstacles(move);
    if (!print_plan(move))
        *move->act->status = 1;
    if (wire_get_boolean(move->act->arguments->params, "plan", FALSE)) {
        *move->act->status = obstacles ? 1 : 0;
        return TRUE;
    }
    return obstacles ? refuse(obstacles, error) : confirm(move, error) && move_all(move, error);
}

gboolean act_guest_migrate(const Act *act, GError **error)
{
    Move move;
    move_begin(&move, act);
    gboolean good = read_arguments(&move, error);
    for (guint i = 0; good && i < move.movers->len; i++)
        good = move_plan(&move, move.movers->pdata[i], error);
    good = good && move_go(&move, error);
    move_end(&move);
    return good;
}
