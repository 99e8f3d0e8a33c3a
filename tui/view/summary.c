#include "tui/view/summary.h"

#include "tui/model/units.h"

#include <math.h>
#include <string.h>

enum { ERRORS_MAX = 5, ERROR_AGE = 600 /* s */ };

static double known(double value)
{
    return isnan(value) ? 0 : value;
}

void totals_of(const Model *model, Totals *out)
{
    memset(out, 0, sizeof *out);
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    for (guint i = 0; i < nodes->len; i++) {
        const ModelNode *node = nodes->pdata[i];
        if (node->link != MODEL_LINK_UP)
            continue;
        out->cpus += MAX(node->cpus, 0);
        out->cpu_busy += known(node->cpu) / 100 * MAX(node->cpus, 0);
        out->memory += known(node->mem_total);
        out->memory_used += known(node->mem_used);
        out->net_in += known(node->net_in);
        out->net_out += known(node->net_out);
    }
}

static void trouble_free(gpointer data)
{
    Trouble *trouble = data;
    g_free(trouble->text);
    g_free(trouble);
}

static void add(GPtrArray *troubles, bool grave, char *text)
{
    Trouble *trouble = g_new(Trouble, 1);
    *trouble = (Trouble){grave, text};
    g_ptr_array_add(troubles, trouble);
}

static void add_node(GPtrArray *troubles, const ModelNode *node)
{
    char age[16];
    const char *why = node->trouble ? node->trouble : "no reason known";
    /* The reason often begins with the name that stands before it here. */
    gsize prefix = strlen(node->target);
    if (g_str_has_prefix(why, node->target) && g_str_has_prefix(why + prefix, ": "))
        why += prefix + 2;
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    units_duration((double)(now - node->heard), age, sizeof age);
    if (node->link == MODEL_LINK_DOWN || node->link == MODEL_LINK_FAILED) {
        if (node->heard > 0)
            add(troubles, true,
                g_strdup_printf("node %s was lost %s ago: %s", node->name, age, why));
        else
            add(troubles, true, g_strdup_printf("node %s is not reached: %s", node->name, why));
    } else if (node->link == MODEL_LINK_UP && node->drivers) {
        add(troubles, false, g_strdup_printf("node %s: %s", node->name, node->drivers));
    }
}

static int compare_troubles(gconstpointer a, gconstpointer b)
{
    const Trouble *x = *(Trouble *const *)a, *y = *(Trouble *const *)b;
    return x->grave != y->grave ? (x->grave ? -1 : 1) : strcmp(x->text, y->text);
}

/* What went wrong a moment ago, even when nothing is wrong any more. */
static void add_errors(GPtrArray *troubles, const Model *model)
{
    const GPtrArray *events = model_objects(model, OBJECT_EVENT);
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    guint added = 0;
    for (guint i = events->len; i-- > 0 && added < ERRORS_MAX;) {
        const ModelEvent *event = events->pdata[i];
        const ModelNode *node = model_node(model, event->base.node);
        char age[16];
        if (g_strcmp0(event->severity, "error") != 0 || !(now - event->time < ERROR_AGE))
            continue;
        units_duration(MAX(now - event->time, 0), age, sizeof age);
        add(troubles, false,
            g_strdup_printf("%s: %s (%s ago)", node ? node->name : "?",
                            event->text ? event->text : "-", age));
        added++;
    }
}

GPtrArray *troubles_of(const Model *model)
{
    GPtrArray *troubles = g_ptr_array_new_with_free_func(trouble_free);
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    for (guint i = 0; i < nodes->len; i++)
        add_node(troubles, nodes->pdata[i]);
    const GPtrArray *alarms = model_objects(model, OBJECT_ALARM);
    for (guint i = 0; i < alarms->len; i++) {
        const ModelAlarm *alarm = alarms->pdata[i];
        const ModelNode *node = model_node(model, alarm->base.node);
        char age[16];
        units_duration(alarm->since > 0
                           ? (double)g_get_real_time() / G_USEC_PER_SEC - (double)alarm->since
                           : NAN,
                       age, sizeof age);
        add(troubles, g_strcmp0(alarm->severity, "error") == 0,
            g_strdup_printf("%s: %s (for %s)", node ? node->name : "?",
                            alarm->text ? alarm->text : model_object_id(&alarm->base), age));
    }
    add_errors(troubles, model);
    g_ptr_array_sort(troubles, compare_troubles);
    return troubles;
}

int busiest_guests(const Model *model, const ModelGuest **out, guint count)
{
    const GPtrArray *guests = model_objects(model, OBJECT_GUEST);
    guint found = 0;
    for (guint i = 0; i < guests->len; i++) {
        const ModelGuest *guest = guests->pdata[i];
        if (guest->state != GUEST_STATE_RUNNING || isnan(guest->cpu))
            continue;
        /* Insertion into the short list; ties by number, so that none jumps. */
        guint at = found;
        while (at > 0 && (out[at - 1]->cpu < guest->cpu ||
                          (out[at - 1]->cpu == guest->cpu &&
                           out[at - 1]->base.number > guest->base.number)))
            at--;
        if (at >= count)
            continue;
        guint moved = MIN(found, count - 1) - at;
        memmove(&out[at + 1], &out[at], moved * sizeof *out);
        out[at] = guest;
        found = MIN(found + 1, count);
    }
    return (int)found;
}

static bool comes_before(const ModelTask *a, const ModelTask *b)
{
    bool runs_a = isnan(a->ended), runs_b = isnan(b->ended);
    if (runs_a != runs_b)
        return runs_a;
    double x = runs_a ? a->created : a->ended, y = runs_b ? b->created : b->ended;
    return x != y ? x > y : strcmp(a->base.id, b->base.id) > 0;
}

int newest_tasks(const Model *model, const ModelTask **out, guint count)
{
    const GPtrArray *tasks = model_objects(model, OBJECT_TASK);
    guint found = 0;
    for (guint i = 0; i < tasks->len; i++) {
        const ModelTask *task = tasks->pdata[i];
        guint at = found;
        while (at > 0 && comes_before(task, out[at - 1]))
            at--;
        if (at >= count)
            continue;
        guint moved = MIN(found, count - 1) - at;
        memmove(&out[at + 1], &out[at], moved * sizeof *out);
        out[at] = task;
        found = MIN(found + 1, count);
    }
    return (int)found;
}
