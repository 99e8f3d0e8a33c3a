/* view/past - figures of the last hour, day or month for charts.
 *
 * Of the hour they are asked once from the agent, then carried on with what the
 * model hears, also while other views are shown; the longer spans are asked anew
 * every minute. Which span it is, is the console's.
 */
#pragma once

#include "tui/view/console_private.h"

#define PAST_POINTS 720 /* that a span is kept in; of five seconds in an hour */

typedef enum {
    PAST_CPU,
    PAST_MEMORY,
    PAST_DISK_READ,
    PAST_DISK_WRITE,
    PAST_NET_IN,
    PAST_NET_OUT,
    /* Of nodes only. */
    PAST_LOAD,
    PAST_SWAP,
    PAST_PRESSURE_CPU,
    PAST_PRESSURE_MEMORY,
    PAST_PRESSURE_DISK,
    PAST_SERIES
} PastSeries;

typedef struct Past Past;

/* Of a guest or a node. */
Past *past_new(Console *console, const Subject *subject);
void past_free(Past *past);
Console *past_console(const Past *past);

/* Fills out with means, oldest first, so that the whole span has wanted of them (1 to
 * PAST_POINTS); returns how many there are. Each mean is of a stretch of time that
 * stays as it is, so that only the newest one changes. */
guint past_sample(Past *past, PastSeries series, guint wanted, float *out);

/* The same of points alone: the last has the number newest, counted from any fixed
 * time, and slots points fill the span. Pure. */
guint past_means(const float *points, guint count, gint64 newest, guint slots, guint wanted,
                 float *out);

/* "hour", "day", "month" */
const char *past_span_name(guint span);
