/* The moves of a drain: a few at once, each a task of the agent that has the guest. */
#include "agent/move/drain_list.h"
#include "agent/move/drain_private.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum {
    LOOK_US = 500000,
    SILENCE_SECONDS = 900, /* until a node that does not answer is given up */
    CANCEL_SECONDS = 7,    /* for moves to stop; the agent gives this task ten */
    TASKS_LOOKED_AT = 200
};

guint drain_count(const Drain *drain, DrainState state)
{
    guint count = 0;
    for (guint i = 0; i < drain->guests->len; i++)
        count += ((const DrainGuest *)drain->guests->pdata[i])->state == state;
    return count;
}

/* ---- what is said ---- */

static gboolean note_moves(const Drain *drain, GError **error)
{
    json_t *moves = json_array();
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state == DRAIN_MOVES && guest->task)
            json_array_append_new(moves, json_pack("{s:O,s:o,s:o}", "object", guest->object,
                                                   "node", wire_string(guest->from), "task",
                                                   wire_string(guest->task)));
    }
    g_autoptr(json_t) note = json_pack("{s:o}", "moves", moves);
    return job_note(drain->job, json_array_size(moves) ? note : NULL, error);
}

/* "3 of 8 guests, 12.0 GiB of 40.0 GiB"; those that stay are not counted. */
static void say_progress(const Drain *drain)
{
    guint64 total = 0, moved = 0;
    guint count = 0, done = 0;
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state == DRAIN_FAILED && !guest->tried)
            continue;
        count++;
        total += guest->bytes;
        if (guest->state == DRAIN_MOVED || guest->state == DRAIN_FAILED) {
            done++;
            moved += guest->bytes;
        } else if (guest->percent > 0) {
            moved += (guint64)((double)guest->bytes * guest->percent / 100);
        }
    }
    g_autofree char *some = g_format_size_full(moved, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *all = g_format_size_full(total, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *doing =
        g_strdup_printf("%u of %u guests, %s of %s", done, count, some, all);
    double part = total ? (double)moved / (double)total : (double)done / (double)MAX(count, 1u);
    job_progress(drain->job, 100 * part, doing);
}

static void fail(const Drain *drain, DrainGuest *guest, const char *why)
{
    guest->state = DRAIN_FAILED;
    g_free(guest->error);
    guest->error = g_strdup(why);
    job_log(drain->job, "%s %s did not move: %s", guest->id,
            wire_get_string(guest->object, "name", ""), why);
}

/* TRUE once its node has been silent for too long. */
static gboolean is_given_up(DrainGuest *guest)
{
    gint64 now = g_get_monotonic_time();
    if (!guest->silent)
        guest->silent = now;
    return now - guest->silent > (gint64)SILENCE_SECONDS * G_USEC_PER_SEC;
}

/* ---- one move ---- */

gboolean drain_look(Drain *drain, DrainGuest *guest)
{
    g_autoptr(GError) failure = NULL;
    gboolean refused = FALSE;
    g_autoptr(json_t) task =
        drain_call(drain, guest->from, "task.show",
                   json_pack("{s:o}", "task", wire_string(guest->task)), &refused, &failure);
    if (!task) {
        if (refused || is_given_up(guest))
            fail(drain, guest, failure->message);
        return guest->state == DRAIN_FAILED;
    }
    guest->silent = 0;
    guest->percent = wire_get_number(task, "progress", 0);
    const char *state = wire_get_string(task, "state", "");
    if (strcmp(state, "running") == 0 || strcmp(state, "queued") == 0)
        return FALSE;
    if (strcmp(state, "done") == 0) {
        guest->state = DRAIN_MOVED;
        job_log(drain->job, "%s %s is on %s", guest->id,
                wire_get_string(guest->object, "name", ""), guest->to ? guest->to : "its node");
    } else {
        fail(drain, guest, wire_get_string(task, "error", "see its log"));
    }
    return TRUE;
}

/* The task that an answer which was lost would have named. */
static char *find_task(Drain *drain, const DrainGuest *guest, GError **error)
{
    g_autoptr(json_t) list =
        drain_call(drain, guest->from, "task.list",
                   json_pack("{s:i}", "limit", TASKS_LOOKED_AT), NULL, error);
    size_t index;
    const json_t *task;
    json_array_foreach(json_object_get(list, "tasks"), index, task)
    {
        if (strcmp(wire_get_string(task, "object", ""), guest->id) == 0 &&
            strcmp(wire_get_string(task, "method", ""), "guest.migrate") == 0 &&
            wire_get_number(task, "created", 0) >= (double)drain->began)
            return g_strdup(wire_get_string(task, "id", NULL));
    }
    return NULL;
}

static void begin(Drain *drain, DrainGuest *guest)
{
    g_autoptr(GError) failure = NULL;
    gboolean refused = FALSE;
    guest->tried = TRUE;
    if (guest->unsure)
        guest->task = find_task(drain, guest, &failure);
    if (!guest->task && !failure) {
        g_autoptr(json_t) begun = drain_call(drain, guest->from, "migration.send",
                                             drain_wish(drain, guest), &refused, &failure);
        guest->task = g_strdup(wire_get_string(begun, "task", NULL));
    }
    if (guest->task) {
        guest->state = DRAIN_MOVES;
        guest->silent = 0;
        job_log(drain->job, "%s %s goes to %s by the task %s of %s", guest->id,
                wire_get_string(guest->object, "name", ""), guest->to, guest->task,
                guest->from);
        return;
    }
    guest->unsure = !refused;
    if (refused || is_given_up(guest)) {
        fail(drain, guest, failure ? failure->message : "it was not begun");
    }
}

/* A move that failed may have handed the guest over already, so it is looked for. */
static gboolean is_here(Drain *drain, const DrainGuest *guest)
{
    if (drain->back)
        return guest->state == DRAIN_MOVED;
    if (guest->state != DRAIN_FAILED)
        return FALSE;
    g_autoptr(json_t) list =
        drain_call(drain, drain->own, "guest.list", json_object(), NULL, NULL);
    return drain_list_find(json_object_get(list, "guests"), guest->object) != NULL;
}

gboolean drain_update_list(Drain *drain, const DrainGuest *guest, GError **error)
{
    return !is_here(drain, guest) || drain_list_remove(drain->state, guest->object, error);
}

/* ---- all of them ---- */

static gboolean begin_some(Drain *drain, GError **error)
{
    guint moving = drain_count(drain, DRAIN_MOVES);
    for (guint i = 0; i < drain->guests->len && moving < drain->parallel; i++) {
        DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state != DRAIN_WAITS)
            continue;
        if (!drain->back && !drain_list_add(drain->state, guest->object, error))
            return FALSE;
        begin(drain, guest);
        moving++;
        if (!note_moves(drain, error) || !drain_update_list(drain, guest, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean look_at_all(Drain *drain, GError **error)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state == DRAIN_MOVES && drain_look(drain, guest) &&
            (!drain_update_list(drain, guest, error) || !note_moves(drain, error)))
            return FALSE;
    }
    return TRUE;
}

/* What moves is cancelled too. Those that do not stop in time are waited for in the recovery.
 */
static void cancel_all(Drain *drain)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)CANCEL_SECONDS * G_USEC_PER_SEC;
    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];
        if (guest->state == DRAIN_MOVES)
            json_decref(drain_call(drain, guest->from, "migration.cancel",
                                   json_pack("{s:o}", "task", wire_string(guest->task)), NULL,
                                   NULL));
    }
    while (drain_count(drain, DRAIN_MOVES) && g_get_monotonic_time() < deadline) {
        if (!look_at_all(drain, NULL))
            return;
        g_usleep(LOOK_US);
    }
}

gboolean drain_move_all(Drain *drain, GError **error)
{
    while (drain_count(drain, DRAIN_WAITS) || drain_count(drain, DRAIN_MOVES)) {
        if (!job_continue(drain->job, NULL)) {
            cancel_all(drain);
            wire_error_set(error, WIRE_ERROR_CANCELLED,
                           "%u of %u guests had moved when it was cancelled",
                           drain_count(drain, DRAIN_MOVED), drain->guests->len);
            return FALSE;
        }
        if (!begin_some(drain, error) || !look_at_all(drain, error))
            return FALSE;
        say_progress(drain);
        g_usleep(LOOK_US);
    }
    return TRUE;
}
