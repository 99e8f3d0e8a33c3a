/* view/past - figures of the last hour for charts: asked once from the agent,
 * then carried on with what the model hears, also while other views are shown.
 */
#pragma once

#include "tui/view/console_private.h"

#define PAST_POINTS 720 /* of five seconds */

typedef enum {
    PAST_CPU,
    PAST_MEMORY,
    PAST_DISK_READ,
    PAST_DISK_WRITE,
    PAST_NET_IN,
    PAST_NET_OUT,
    PAST_SERIES
} PastSeries;

typedef struct Past Past;

/* Of a guest or a node. */
Past *past_new(Console *console, const Subject *subject);
void past_free(Past *past);
/* The points known, oldest first; *count of them. */
const float *past_points(const Past *past, PastSeries series, guint *count);
