#include "backend/node/history.h"

#include "backend/node/history_ring.h"
#include "backend/proc/proc.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { MS = 1000 };

static const char *const node_series[] = {
    [HISTORY_NODE_CPU] = "cpu",
    [HISTORY_NODE_LOAD] = "load",
    [HISTORY_NODE_MEM_USED] = "mem_used",
    [HISTORY_NODE_SWAP_USED] = "swap_used",
    [HISTORY_NODE_PSI_CPU] = "psi_cpu",
    [HISTORY_NODE_PSI_MEM] = "psi_mem",
    [HISTORY_NODE_PSI_IO] = "psi_io",
    [HISTORY_NODE_NET_IN] = "net_in",
    [HISTORY_NODE_NET_OUT] = "net_out",
    [HISTORY_NODE_DISK_READ] = "disk_read",
    [HISTORY_NODE_DISK_WRITE] = "disk_write",
};

static const char *const guest_series[] = {
    [HISTORY_GUEST_CPU] = "cpu",
    [HISTORY_GUEST_MEM_USED] = "mem_used",
    [HISTORY_GUEST_MEM_RSS] = "mem_rss",
    [HISTORY_GUEST_DISK_READ] = "disk_read",
    [HISTORY_GUEST_DISK_WRITE] = "disk_write",
    [HISTORY_GUEST_NET_IN] = "net_in",
    [HISTORY_GUEST_NET_OUT] = "net_out",
};

G_STATIC_ASSERT(G_N_ELEMENTS(node_series) == HISTORY_NODE_COUNT);
G_STATIC_ASSERT(G_N_ELEMENTS(guest_series) == HISTORY_GUEST_COUNT);
G_STATIC_ASSERT(HISTORY_NODE_COUNT <= HISTORY_SERIES_MAX);
G_STATIC_ASSERT(HISTORY_GUEST_COUNT <= HISTORY_SERIES_MAX);

static const HistoryShape shapes[HISTORY_KIND_COUNT][HISTORY_SPAN_COUNT] = {
    [HISTORY_NODE] = {{1, 3600}, {60, 1440}, {1800, 1488}},
    [HISTORY_GUEST] = {{10, 360}, {300, 288}, {7200, 372}},
};

static const char *const span_names[HISTORY_SPAN_COUNT] = {"hour", "day", "month"};

HistoryShape history_shape(HistoryKind kind, HistorySpan span)
{
    return shapes[kind][span];
}

gint64 history_slot(HistoryShape shape, gint64 time)
{
    return time / MS / shape.step;
}

size_t history_series_count(HistoryKind kind)
{
    return kind == HISTORY_NODE ? HISTORY_NODE_COUNT : HISTORY_GUEST_COUNT;
}

const char *history_series_name(HistoryKind kind, size_t series)
{
    if (series >= history_series_count(kind))
        return NULL;
    return kind == HISTORY_NODE ? node_series[series] : guest_series[series];
}

gboolean history_span_from_name(const char *name, HistorySpan *span)
{
    for (int i = 0; i < HISTORY_SPAN_COUNT; i++) {
        if (g_strcmp0(name, span_names[i]) == 0) {
            *span = (HistorySpan)i;
            return TRUE;
        }
    }
    return FALSE;
}

static gint64 clock_read(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (gint64)time.tv_sec * MS + time.tv_nsec / 1000000;
}

HistoryTime history_time_now(void)
{
    return (HistoryTime){.up = clock_read(CLOCK_BOOTTIME), .wall = clock_read(CLOCK_REALTIME)};
}

char *history_boot_id(void)
{
    char *id = proc_attribute_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id");
    return id ? id : g_strdup("");
}

static gint64 history_time(const History *history, HistoryTime now)
{
    return CLAMP(now.up + history->base, HISTORY_TIME_MIN, HISTORY_TIME_MAX);
}

History *history_new(HistoryTime now)
{
    History *history = g_new(History, 1);
    *history = (History){
        .objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                         (GDestroyNotify)history_object_free),
        .base = CLAMP(now.wall, HISTORY_TIME_MIN, HISTORY_TIME_MAX / 2) - now.up,
    };
    return history;
}

void history_free(History *history)
{
    if (!history)
        return;
    g_hash_table_unref(history->objects);
    g_free(history);
}

HistoryObject *history_object_new(HistoryKind kind, gint64 time)
{
    HistoryObject *object = g_new0(HistoryObject, 1);
    object->kind = kind;
    object->added = time;
    for (int span = 0; span < HISTORY_SPAN_COUNT; span++) {
        HistoryShape shape = shapes[kind][span];
        HistoryRing *ring = &object->rings[span];
        size_t count = history_series_count(kind) * (size_t)shape.length;
        ring->current = history_slot(shape, time);
        ring->values = g_new(float, count);
        for (size_t i = 0; i < count; i++)
            ring->values[i] = NAN;
    }
    return object;
}

void history_object_free(HistoryObject *object)
{
    if (!object)
        return;
    for (int span = 0; span < HISTORY_SPAN_COUNT; span++)
        g_free(object->rings[span].values);
    g_free(object);
}

static float ring_average(const HistoryRing *ring, size_t series)
{
    return ring->counts[series] ? (float)(ring->sums[series] / ring->counts[series]) : NAN;
}

/* Ends the slot under way and begins slot. Those skipped in between get cover, or are
 * a gap where cover is NULL. */
static void ring_move(HistoryRing *ring, HistoryShape shape, size_t series_count, gint64 slot,
                      const double *cover)
{
    for (size_t series = 0; series < series_count; series++) {
        float *values = ring->values + series * (size_t)shape.length;
        values[ring->current % shape.length] = ring_average(ring, series);
        gint64 first = MAX(ring->current + 1, slot - shape.length);
        for (gint64 skipped = first; skipped < slot; skipped++)
            values[skipped % shape.length] = cover ? (float)cover[series] : NAN;
        ring->sums[series] = 0;
        ring->counts[series] = 0;
    }
    ring->current = slot;
}

static void object_add(HistoryObject *object, gint64 time, const double *values)
{
    size_t series_count = history_series_count(object->kind);
    for (int span = 0; span < HISTORY_SPAN_COUNT; span++) {
        HistoryShape shape = shapes[object->kind][span];
        HistoryRing *ring = &object->rings[span];
        gint64 slot = history_slot(shape, time);
        gboolean late = time - object->added >= (gint64)2 * MS * shape.step;
        if (slot > ring->current)
            ring_move(ring, shape, series_count, slot, late ? NULL : values);
        for (size_t series = 0; series < series_count; series++) {
            if (!isfinite(values[series]))
                continue;
            ring->sums[series] += values[series];
            ring->counts[series]++;
        }
    }
    object->added = time;
}

static HistoryObject *find(const History *history, const char *name, const HistoryPlace *place)
{
    if (place && place->object && place->removals == history->removals)
        return place->object;
    return g_hash_table_lookup(history->objects, name);
}

gboolean history_add(History *history, HistoryKind kind, const char *name, HistoryPlace *place,
                     HistoryTime now, const double *values, GError **error)
{
    gint64 time = history_time(history, now);
    HistoryObject *object = find(history, name, place);
    if (object && object->kind != kind) {
        wire_error_set(error, WIRE_ERROR_CONFLICT, "the history of %s is of another kind",
                       name);
        return FALSE;
    }
    if (!object) {
        size_t length = strlen(name);
        if (length == 0 || length > HISTORY_NAME_MAX ||
            g_hash_table_size(history->objects) >= HISTORY_OBJECTS_MAX) {
            wire_error_set(error, WIRE_ERROR_LIMIT,
                           "no history is kept for %s: there is room for %d objects with names "
                           "of 1 to %d bytes",
                           name, HISTORY_OBJECTS_MAX, HISTORY_NAME_MAX);
            return FALSE;
        }
        object = history_object_new(kind, time);
        g_hash_table_insert(history->objects, g_strdup(name), object);
    }
    if (place)
        *place = (HistoryPlace){object, history->removals};
    object_add(object, MAX(time, object->added), values);
    return TRUE;
}

void history_forget(History *history, const char *object)
{
    if (g_hash_table_remove(history->objects, object))
        history->removals++;
}

/* The point of a slot, also of the one under way. */
static float ring_point(const HistoryRing *ring, HistoryShape shape, size_t series, gint64 slot)
{
    if (slot > ring->current || slot < ring->current - shape.length)
        return NAN;
    if (slot == ring->current)
        return ring_average(ring, series);
    return ring->values[series * (size_t)shape.length + (size_t)(slot % shape.length)];
}

static gboolean slot_is_known(const HistoryObject *object, HistorySpan span, gint64 slot)
{
    for (size_t series = 0; series < history_series_count(object->kind); series++)
        if (!isnan(ring_point(&object->rings[span], shapes[object->kind][span], series, slot)))
            return TRUE;
    return FALSE;
}

gboolean history_query(History *history, const char *name, HistorySpan span, gint64 since,
                       HistoryTime now, HistoryAnswer *answer, GError **error)
{
    const HistoryObject *object = g_hash_table_lookup(history->objects, name);
    if (!object) {
        wire_error_set(error, WIRE_ERROR_NOT_FOUND, "there is no history of %s yet", name);
        return FALSE;
    }
    gint64 time = history_time(history, now);
    gint64 shift_ms = now.wall - time;
    if (ABS(shift_ms - history->shift * MS) >= MS)
        history->shift = shift_ms / MS;

    HistoryShape shape = shapes[object->kind][span];
    const HistoryRing *ring = &object->rings[span];
    /* While figures come in, the slot under way is not over before the next one begins:
     * the figure that is on its way may still belong to it. */
    gboolean fresh = time - object->added < (gint64)2 * MS * shape.step;
    gint64 end = fresh ? ring->current : history_slot(shape, time);
    gint64 first = end - shape.length;
    gint64 after = CLAMP(since, -HISTORY_TIME_MAX, HISTORY_TIME_MAX) - history->shift;
    if (after >= first * shape.step)
        first = MIN(after / shape.step + 1, end);
    while (first < end && !slot_is_known(object, span, first))
        first++;

    size_t points = (size_t)(end - first), series_count = history_series_count(object->kind);
    float *values = g_new(float, MAX(points * series_count, 1));
    for (size_t series = 0; series < series_count; series++)
        for (size_t i = 0; i < points; i++)
            values[series * points + i] = ring_point(ring, shape, series, first + (gint64)i);
    *answer = (HistoryAnswer){
        .kind = object->kind,
        .start = first * shape.step + history->shift,
        .step = shape.step,
        .points = points,
        .series = series_count,
        .values = values,
    };
    return TRUE;
}

static float mean(const float *values, size_t count)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        sum += values[i];
        known++;
    }
    return known ? (float)(sum / (double)known) : NAN;
}

void history_answer_widen(HistoryAnswer *answer, int step)
{
    if (step <= answer->step)
        return;
    size_t each = ((size_t)step - 1) / (size_t)answer->step + 1;
    size_t points = answer->points / each, rest = answer->points % each;
    /* In place: what is written stands before what is still to be read. */
    for (size_t series = 0; series < answer->series; series++)
        for (size_t i = 0; i < points; i++)
            answer->values[series * points + i] =
                mean(&answer->values[series * answer->points + rest + i * each], each);
    answer->start += (gint64)rest * answer->step;
    answer->step *= (int)each;
    answer->points = points;
}

void history_answer_clear(HistoryAnswer *answer)
{
    g_clear_pointer(&answer->values, g_free);
    answer->points = 0;
}
