#include "tui/view/past.h"

#include <math.h>
#include <string.h>

enum { STEP = 5, DEADLINE = 15000, AGAIN = 60 };

struct Past {
    Console *console;
    Subject subject;
    Ask *ask;
    guint timer;
    guint span;
    gint64 asked;  /* monotonic */
    gint64 step;   /* seconds a point */
    gint64 newest; /* the number of the last point */
    float points[PAST_SERIES][PAST_POINTS];
    guint count;
};

static const char *const names[PAST_SERIES] = {"cpu",     "mem_used", "disk_read", "disk_write",
                                               "net_in",  "net_out",  "load",      "swap_used",
                                               "psi_cpu", "psi_mem",  "psi_io"};

static const struct {
    const char *name;
    gint64 seconds;
} spans[CONSOLE_SPANS] = {{"hour", 3600}, {"day", 86400}, {"month", (gint64)31 * 86400}};

const char *past_span_name(guint span)
{
    return spans[span].name;
}

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

/* Seconds that one of our points stands for. */
static gint64 step_of(const Past *past)
{
    return past->span == 0 ? STEP : (spans[past->span].seconds - 1) / PAST_POINTS + 1;
}

/* How many of the agent's points are one of ours. */
static size_t points_each(const Past *past, gint64 step)
{
    return (size_t)MAX((step_of(past) + step - 1) / step, 1);
}

static void on_history(const json_t *result, const GError *error, gpointer user)
{
    Past *past = user;
    past->ask = NULL;
    const json_t *step_value = json_object_get(result, "step");
    gint64 step = json_is_integer(step_value) ? json_integer_value(step_value) : 0;
    if (error || step <= 0 || step > spans[past->span].seconds)
        return; /* the charts begin with now */
    size_t each = points_each(past, step);
    const json_t *all = json_object_get(result, "series");
    size_t points = json_array_size(json_object_get(all, names[PAST_CPU]));
    if (past->span != 0) {
        past->count = 0;
        past->step = step * (gint64)each;
        past->newest = g_get_real_time() / G_USEC_PER_SEC / past->step;
    }
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

static void ask(Past *past)
{
    /* All the points of an hour are an answer that takes 10 ms to read. */
    json_t *params = json_pack("{s:s,s:I}", "span", spans[past->span].name, "step",
                               (json_int_t)step_of(past));
    if (past->subject.kind == OBJECT_GUEST)
        json_object_set_new(params, "guest", json_string(past->subject.id));
    ask_drop(&past->ask);
    past->asked = g_get_monotonic_time();
    past->ask = cluster_ask(console_cluster(past->console), past->subject.node, "node.history",
                            params, DEADLINE, on_history, past);
}

static void begin(Past *past)
{
    past->span = past->console->span;
    past->count = 0;
    past->step = STEP;
    past->newest = g_get_real_time() / G_USEC_PER_SEC / STEP;
    ask(past);
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

static void add_point(Past *past)
{
    float figures[PAST_SERIES];
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
    past->newest++;
}

static gboolean on_second(gpointer user)
{
    Past *past = user;
    bool again = g_get_monotonic_time() - past->asked >= (gint64)AGAIN * G_USEC_PER_SEC;
    if (past->span != past->console->span)
        begin(past);
    else if (past->span == 0 && g_get_real_time() / G_USEC_PER_SEC % STEP == 0)
        add_point(past);
    else if (past->span != 0 && again)
        ask(past);
    return G_SOURCE_CONTINUE;
}

Past *past_new(Console *console, const Subject *subject)
{
    Past *past = g_new0(Past, 1);
    past->console = console;
    past->subject = *subject;
    begin(past);
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

Console *past_console(const Past *past)
{
    return past->console;
}

guint past_means(const float *points, guint count, gint64 newest, guint slots, guint wanted,
                 float *out)
{
    gint64 each = MAX((slots + wanted - 1) / wanted, 1);
    gint64 first = newest - (gint64)count + 1;
    guint groups = 0;
    for (guint i = 0; i < count;) {
        gint64 group = (first + i) / each;
        double sum = 0;
        guint known = 0;
        for (; i < count && (first + i) / each == group; i++) {
            if (!isnan(points[i])) {
                sum += (double)points[i];
                known++;
            }
        }
        /* One more than wanted may have begun: the oldest goes. */
        if (groups == wanted)
            memmove(out, out + 1, --groups * sizeof *out);
        out[groups++] = known ? (float)(sum / known) : NAN;
    }
    return groups;
}

guint past_sample(Past *past, PastSeries series, guint wanted, float *out)
{
    if (past->span != past->console->span)
        begin(past);
    guint slots = (guint)MIN(spans[past->span].seconds / past->step, PAST_POINTS);
    return past_means(past->points[series], past->count, past->newest, slots, MAX(wanted, 1),
                      out);
}
