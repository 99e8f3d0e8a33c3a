#include "tui/view/past.h"

#include <math.h>
#include <string.h>

enum { STEP = 5, DEADLINE = 15000 };

struct Past {
    Console *console;
    Subject subject;
    Ask *ask;
    guint timer;
    float points[PAST_SERIES][PAST_POINTS];
    guint count;
};

static const char *const names[PAST_SERIES] = {"cpu",        "mem_used", "disk_read",
                                               "disk_write", "net_in",   "net_out"};

/* The mean of what is known of the points of one step of ours. */
static float mean(const json_t *values, size_t from, size_t to)
{
    double sum = 0;
    guint known = 0;
    for (size_t i = from; i < to; i++) {
        const json_t *value = json_array_get(values, i);
        if (json_is_number(value)) {
            sum += json_number_value(value);
            known++;
        }
    }
    return known ? (float)(sum / known) : NAN;
}

static void on_history(const json_t *result, const GError *error, gpointer user)
{
    Past *past = user;
    past->ask = NULL;
    const json_t *step_value = json_object_get(result, "step");
    gint64 step = json_is_integer(step_value) ? json_integer_value(step_value) : 0;
    if (error || step <= 0)
        return; /* the charts begin with now */
    size_t each = (size_t)MAX(STEP / step, 1);
    const json_t *all = json_object_get(result, "series");
    size_t points = json_array_size(json_object_get(all, names[PAST_CPU]));
    guint added = (guint)MIN(points / each, PAST_POINTS - past->count);
    for (int series = 0; series < PAST_SERIES; series++) {
        const json_t *values = json_object_get(all, names[series]);
        float *ring = past->points[series];
        memmove(ring + added, ring, past->count * sizeof *ring);
        for (guint i = 0; i < added; i++) {
            size_t from = points - (size_t)(added - i) * each;
            ring[i] = mean(values, from, from + each);
        }
    }
    past->count += added;
    console_changed(past->console);
}

static void figures_of(const Past *past, float *out)
{
    const ModelObject *object = subject_find(&past->subject, console_model(past->console));
    for (int series = 0; series < PAST_SERIES; series++)
        out[series] = NAN;
    if (!object || model_is_stale(console_model(past->console), object, NULL))
        return;
    const ModelField *fields = model_fields(past->subject.kind);
    for (int series = 0; series < PAST_SERIES; series++) {
        int field = model_field_find(past->subject.kind, names[series]);
        if (field >= 0)
            out[series] =
                (float)model_field_number(console_model(past->console), &fields[field], object);
    }
}

static gboolean on_second(gpointer user)
{
    Past *past = user;
    float figures[PAST_SERIES];
    if (g_get_real_time() / G_USEC_PER_SEC % STEP != 0)
        return G_SOURCE_CONTINUE;
    figures_of(past, figures);
    bool full = past->count == PAST_POINTS;
    past->count -= full;
    for (int series = 0; series < PAST_SERIES; series++) {
        float *ring = past->points[series];
        if (full)
            memmove(ring, ring + 1, past->count * sizeof *ring);
        ring[past->count] = figures[series];
    }
    past->count++;
    return G_SOURCE_CONTINUE;
}

Past *past_new(Console *console, const Subject *subject)
{
    Past *past = g_new0(Past, 1);
    past->console = console;
    past->subject = *subject;
    json_t *params = json_pack("{s:s}", "span", "hour");
    if (subject->kind == OBJECT_GUEST)
        json_object_set_new(params, "guest", json_string(subject->id));
    past->ask = cluster_ask(console_cluster(console), subject->node, "node.history", params,
                            DEADLINE, on_history, past);
    past->timer = g_timeout_add_seconds(1, on_second, past);
    return past;
}

void past_free(Past *past)
{
    if (!past)
        return;
    ask_drop(&past->ask);
    (void)g_source_remove(past->timer);
    g_free(past);
}

const float *past_points(const Past *past, PastSeries series, guint *count)
{
    *count = past->count;
    return past->points[series];
}
