/* Which guests a drain moves, from where and where to. */
#include "agent/move/drain_list.h"
#include "agent/move/drain_private.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum {
    LOOK_US = 100000,
    AGAIN_US = 1000000,
    PLAN_TRIES = 4,
    PLAN_SECONDS = 180,
    SILENCE_SECONDS = 60
};

typedef struct {
    char *node;
    double room; /* bytes of memory that are free and not promised */
} Target;

static void target_free(gpointer data)
{
    Target *target = data;
    g_free(target->node);
    g_free(target);
}

/* ---- nodes ---- */

/* A call that is made again while its node does not answer: an agent may be starting. */
static json_t *ask(Drain *drain, const char *node, const char *method, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)SILENCE_SECONDS * G_USEC_PER_SEC;
    for (;;) {
        g_autoptr(GError) failure = NULL;
        gboolean refused = FALSE;
        json_t *answer = drain_call(drain, node, method, json_object(), &refused, &failure);
        if (answer)
            return answer;
        if (!job_continue(drain->job, error))
            return NULL;
        if (refused || strcmp(node, drain->own) != 0 || g_get_monotonic_time() > deadline) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return NULL;
        }
        g_usleep(LOOK_US);
    }
}

/* The other members, in the file's order. */
static GPtrArray *other_nodes(const Drain *drain, GError **error)
{
    g_autoptr(PeerBook) book = peer_book_read(error);
    if (!book)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < book->nodes->len; i++) {
        const CorosyncNode *node = book->nodes->pdata[i];
        if (node->name && strcmp(node->name, drain->own) != 0)
            g_ptr_array_add(names, g_strdup(node->name));
    }
    return names;
}

static gboolean is_wanted(const json_t *wanted, const char *name)
{
    size_t index;
    const json_t *one;
    if (!wanted)
        return TRUE;
    json_array_foreach(wanted, index, one)
    {
        if (g_strcmp0(json_string_value(one), name) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean check_wanted(const json_t *wanted, GPtrArray *names, GError **error)
{
    size_t index;
    const json_t *one;
    json_array_foreach(wanted, index, one)
    {
        if (g_ptr_array_find_with_equal_func(names, json_string_value(one), g_str_equal, NULL))
            continue;
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "targets",
                             "%s is no other member of the cluster", json_string_value(one));
        return FALSE;
    }
    return TRUE;
}

/* The nodes that answer and may take guests, with the memory that they have free. */
static GPtrArray *find_targets(Drain *drain, GError **error)
{
    const json_t *wanted = json_object_get(drain->request->params, "targets");
    g_autoptr(GPtrArray) names = other_nodes(drain, error);
    if (!names || !check_wanted(wanted, names, error))
        return NULL;
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(target_free);
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autoptr(GError) failure = NULL;
        g_autoptr(json_t) list =
            is_wanted(wanted, name) ? ask(drain, name, "node.list", &failure) : NULL;
        const json_t *node = json_array_get(json_object_get(list, "nodes"), 0);
        if (failure)
            job_log(drain->job, "%s gets none: %s", name, failure->message);
        if (!node)
            continue;
        Target *target = g_new0(Target, 1);
        target->node = g_strdup(name);
        target->room =
            wire_get_number(node, "mem_total", 0) - wire_get_number(node, "mem_used", 0);
        g_ptr_array_add(targets, target);
    }
    if (targets->len > 0)
        return g_steal_pointer(&targets);
    wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                   "no other node of the cluster that may take guests of %s answers",
                   drain->own);
    return NULL;
}

/* ---- one plan ---- */

static json_t *plan_of_failure(const DrainGuest *guest, const char *why)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:s,s:[{s:o,s:s}]}", "guest", wire_string(guest->id),
                     "name", wire_string(wire_get_string(guest->object, "name", guest->id)),
                     "from", wire_string(guest->from), "node", wire_string(guest->to), "mode",
                     "?", "obstacles", "text", wire_string(why), "fix", "");
}

/* The task as it ended; NULL: it is not known. */
static json_t *await_plan(Drain *drain, const DrainGuest *guest, const char *task,
                          GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)PLAN_SECONDS * G_USEC_PER_SEC;
    for (;;) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(json_t) seen =
            drain_call(drain, guest->from, "task.show",
                       json_pack("{s:o}", "task", wire_string(task)), NULL, &failure);
        const char *state = wire_get_string(seen, "state", "running");
        if (strcmp(state, "running") != 0 && strcmp(state, "queued") != 0)
            return g_steal_pointer(&seen);
        if (g_get_monotonic_time() > deadline) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT, "its plan %s did not end: %s", task,
                           failure ? failure->message : "it still runs");
            return NULL;
        }
        if (!job_continue(drain->job, error))
            return NULL;
        g_usleep(LOOK_US);
    }
}

/* What guest.plan says of it, or NULL and why it says nothing. */
static json_t *try_plan(Drain *drain, const DrainGuest *guest, char **why)
{
    g_autoptr(GError) failure = NULL;
    json_t *wish = drain_wish(drain, guest);
    json_object_set_new(wish, "plan", json_true());
    g_autoptr(json_t) begun =
        drain_call(drain, guest->from, "migration.send", wish, NULL, &failure);
    g_autoptr(json_t) ended =
        begun ? await_plan(drain, guest, wire_get_string(begun, "task", ""), &failure) : NULL;
    json_t *result = json_object_get(ended, "result");
    if (json_is_array(json_object_get(result, "obstacles")))
        return json_incref(result);
    g_free(*why);
    *why = g_strdup(failure ? failure->message
                            : wire_get_string(ended, "error", "it has no plan"));
    return NULL;
}

/* guest.plan for the node that it shall go to; that there is none is an obstacle, but not at
 * once: an agent that has just started opens its door a moment later. FALSE only when the
 * drain was cancelled. */
static gboolean plan_one(Drain *drain, DrainGuest *guest, const char *to, GError **error)
{
    g_autofree char *why = NULL;
    json_t *plan = NULL;
    g_free(guest->to);
    guest->to = g_strdup(to);
    for (int i = 0; i < PLAN_TRIES && !plan; i++) {
        if (i > 0)
            g_usleep(AGAIN_US);
        plan = try_plan(drain, guest, &why);
        if (!job_continue(drain->job, error)) {
            json_decref(plan);
            return FALSE;
        }
    }
    json_decref(guest->plan);
    guest->plan = plan ? plan : plan_of_failure(guest, why);
    return TRUE;
}

static gboolean is_blocked(const DrainGuest *guest)
{
    return json_array_size(json_object_get(guest->plan, "obstacles")) > 0;
}

guint drain_count_blocked(const Drain *drain)
{
    guint count = 0;
    for (guint i = 0; i < drain->guests->len; i++)
        count += is_blocked(drain->guests->pdata[i]);
    return count;
}

/* After its last plan. */
static void settle(DrainGuest *guest)
{
    const json_t *first = json_array_get(json_object_get(guest->plan, "obstacles"), 0);
    guest->bytes = (guint64)MAX(wire_get_integer(guest->plan, "disk_bytes", 0), 0);
    if (strcmp(wire_get_string(guest->plan, "mode", ""), "live") == 0)
        guest->bytes += (guint64)MAX(wire_get_integer(guest->plan, "memory_bytes", 0), 0);
    if (!first)
        return;
    guest->state = DRAIN_FAILED;
    g_free(guest->error);
    guest->error = g_strdup(wire_get_string(first, "text", "?"));
}

/* ---- away ---- */

static gint by_room(gconstpointer a, gconstpointer b)
{
    const Target *one = *(Target *const *)a, *two = *(Target *const *)b;
    return one->room > two->room   ? -1
           : one->room < two->room ? 1
                                   : strcmp(one->node, two->node);
}

/* The first target by room with nothing in the way; else what is in the way at the first. */
static gboolean choose(Drain *drain, DrainGuest *guest, GPtrArray *targets, GError **error)
{
    g_autoptr(json_t) first = NULL;
    g_ptr_array_sort(targets, by_room);
    for (guint i = 0; i < targets->len; i++) {
        Target *target = targets->pdata[i];
        if (!plan_one(drain, guest, target->node, error))
            return FALSE;
        if (!is_blocked(guest)) {
            target->room -= wire_get_number(guest->plan, "memory_bytes", 0);
            return TRUE;
        }
        if (!first)
            first = json_incref(guest->plan);
    }
    json_decref(guest->plan);
    guest->plan = json_incref(first);
    return TRUE;
}

static gboolean plan_away(Drain *drain, GError **error)
{
    g_autoptr(GPtrArray) targets = find_targets(drain, error);
    g_autoptr(json_t) list = targets ? ask(drain, drain->own, "guest.list", error) : NULL;
    size_t index, count = json_array_size(json_object_get(list, "guests"));
    const json_t *object;
    if (!list)
        return FALSE;
    json_array_foreach(json_object_get(list, "guests"), index, object)
    {
        DrainGuest *guest = drain_add(drain, object, drain->own);
        g_autofree char *doing =
            g_strdup_printf("planning, %zu of %zu guests", index + 1, count);
        job_progress(drain->job, -1, doing);
        if (!choose(drain, guest, targets, error))
            return FALSE;
        settle(guest);
    }
    return TRUE;
}

/* ---- and back ---- */

/* The guests of each node that answers; *silent: one did not. */
static json_t *list_cluster(Drain *drain, const GPtrArray *names, gboolean *silent)
{
    json_t *lists = json_object();
    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        g_autoptr(GError) failure = NULL;
        g_autoptr(json_t) list = ask(drain, name, "guest.list", &failure);
        if (list) {
            json_object_set(lists, name, json_object_get(list, "guests"));
            continue;
        }
        *silent = TRUE;
        job_log(drain->job, "%s", failure ? failure->message : "no answer");
    }
    return lists;
}

/* One of the list: it is elsewhere, or here again, or nowhere. */
static gboolean plan_return(Drain *drain, const json_t *entry, json_t *lists, gboolean silent,
                            GError **error)
{
    const char *node, *name = wire_get_string(entry, "name", "?");
    json_t *guests;
    if (drain_list_find(json_object_get(lists, drain->own), entry)) {
        job_log(drain->job, "%s is here already", name);
        return drain_list_remove(drain->state, entry, error);
    }
    json_object_foreach(lists, node, guests)
    {
        const json_t *object = drain_list_find(guests, entry);
        if (!object)
            continue;
        DrainGuest *guest = drain_add(drain, object, node);
        if (!plan_one(drain, guest, drain->own, error))
            return FALSE;
        settle(guest);
        return TRUE;
    }
    if (!silent) {
        job_log(drain->job, "%s is on no node any more", name);
        return drain_list_remove(drain->state, entry, error);
    }
    DrainGuest *guest = drain_add(drain, entry, "?");
    guest->to = g_strdup(drain->own);
    guest->plan = plan_of_failure(guest, "it is not found, and not all nodes answer");
    settle(guest);
    return TRUE;
}

static gboolean plan_back(Drain *drain, GError **error)
{
    gboolean silent = FALSE;
    size_t index;
    const json_t *entry;
    g_autoptr(json_t) wanted = drain_list_read(drain->state, error);
    g_autoptr(GPtrArray) names = wanted ? other_nodes(drain, error) : NULL;
    if (!names)
        return FALSE;
    g_autoptr(json_t) own = ask(drain, drain->own, "guest.list", error);
    if (!own)
        return FALSE;
    g_autoptr(json_t) lists = list_cluster(drain, names, &silent);
    json_object_set(lists, drain->own, json_object_get(own, "guests"));
    json_array_foreach(wanted, index, entry)
    {
        job_progress(drain->job, -1, "planning");
        if (!plan_return(drain, entry, lists, silent, error))
            return FALSE;
    }
    return job_continue(drain->job, error);
}

/* ---- the order ---- */

static gint by_size(gconstpointer a, gconstpointer b)
{
    const DrainGuest *one = *(DrainGuest *const *)a, *two = *(DrainGuest *const *)b;
    return one->bytes < two->bytes ? -1 : one->bytes > two->bytes ? 1 : 0;
}

static gint by_size_down(gconstpointer a, gconstpointer b)
{
    return by_size(b, a);
}

gboolean drain_plan(Drain *drain, GError **error)
{
    const char *order = wire_get_string(drain->request->params, "order", "");
    if (!(drain->back ? plan_back(drain, error) : plan_away(drain, error)))
        return FALSE;
    if (strcmp(order, "small-first") == 0)
        g_ptr_array_sort(drain->guests, by_size);
    else if (strcmp(order, "large-first") == 0)
        g_ptr_array_sort(drain->guests, by_size_down);
    return TRUE;
}
