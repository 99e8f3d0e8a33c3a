/* rate - how often somebody may do something: a bucket of tokens each.
 *
 * A bucket holds at most `burst` tokens and is full at first; each act takes one, and `rate`
 * come back in a second. So who acts seldom may do much at once, and nobody more than `rate`
 * in the long run. The time is given, in monotonic microseconds; one that goes back counts as
 * standing still. Buckets that are full again are forgotten.
 */
#pragma once

#include <glib.h>

typedef struct {
    guint rate;  /* acts a second, at least 1 */
    guint burst; /* acts at once, at least 1 */
} RateLimit;

typedef struct RateTable RateTable;

RateTable *rate_table_new(void);
void rate_table_free(RateTable *table);

/* One act of whoever that is; FALSE when it is too many, then *wait is the time in
 * microseconds until the next may be. The limit may be another than the last time. */
gboolean rate_take(RateTable *table, guint who, const RateLimit *limit, gint64 now,
                   gint64 *wait);
/* Buckets that are kept. */
guint rate_table_count(const RateTable *table);
