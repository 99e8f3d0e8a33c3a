/* node/history_ring - the inside of a history, for history.c and history_file.c. */
#pragma once

#include "backend/node/history.h"

/* Points of one span of one object. Slots are numbered from the beginning of the
 * history's time; slot s lives at values[series * length + s % length]. The ring holds
 * the slots from current - length to current - 1; the one at current is still being
 * summed up. */
typedef struct {
    gint64 current;
    double sums[HISTORY_SERIES_MAX];
    guint32 counts[HISTORY_SERIES_MAX];
    float *values;
} HistoryRing;

typedef struct HistoryObject {
    HistoryKind kind;
    gint64 added; /* when something was added last, in the history's time */
    HistoryRing rings[HISTORY_SPAN_COUNT];
} HistoryObject;

struct History {
    GHashTable *objects; /* name -> HistoryObject */
    guint removals;      /* how often any was taken out */
    gint64 base;         /* the history's time is CLOCK_BOOTTIME plus this, in ms */
    gint64 shift;        /* wall-clock time less the history's time, in seconds */
};

/* The history's time lies between these, in ms: no slot before the first one, and no
 * overflow in any sum of times. */
#define HISTORY_TIME_MIN (G_GINT64_CONSTANT(62) * 86400 * 1000)
#define HISTORY_TIME_MAX (G_GINT64_CONSTANT(1) << 52)

typedef struct {
    int step;   /* seconds */
    int length; /* points */
} HistoryShape;

HistoryShape history_shape(HistoryKind kind, HistorySpan span);
/* The slot in which a time of the history's lies. */
gint64 history_slot(HistoryShape shape, gint64 time);
size_t history_series_count(HistoryKind kind);
HistoryObject *history_object_new(HistoryKind kind, gint64 time);
void history_object_free(HistoryObject *object);

/* Of a file's bytes, the field that holds it counting as zero: FNV-1a
 * (http://www.isthe.com/chongo/tech/comp/fnv/) taken eight bytes at a time, with the upper
 * half mixed into the lower, for a product carries bits upwards only. */
guint64 history_checksum(const guint8 *data, size_t length);
