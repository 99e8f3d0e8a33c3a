#include "agent/rate.h"

#include <math.h>

enum { SWEEP_ABOVE = 64 /* buckets */ };

typedef struct {
    double tokens;
    gint64 taken; /* when they were counted */
} Bucket;

struct RateTable {
    GHashTable *buckets; /* who -> Bucket */
};

typedef struct {
    const RateLimit *limit;
    gint64 now;
} Look;

RateTable *rate_table_new(void)
{
    RateTable *table = g_new(RateTable, 1);
    table->buckets = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return table;
}

void rate_table_free(RateTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->buckets);
    g_free(table);
}

static void refill(Bucket *bucket, const RateLimit *limit, gint64 now)
{
    gint64 passed = MAX(now - bucket->taken, 0);
    bucket->tokens += (double)passed * limit->rate / G_USEC_PER_SEC;
    bucket->tokens = MIN(bucket->tokens, limit->burst);
    bucket->taken = MAX(bucket->taken, now);
}

static gboolean is_full(gpointer who, gpointer data, gpointer user)
{
    const Look *look = user;
    Bucket *bucket = data;
    refill(bucket, look->limit, look->now);
    return bucket->tokens >= look->limit->burst;
}

static Bucket *find_bucket(RateTable *table, guint who, const RateLimit *limit, gint64 now)
{
    Bucket *bucket = g_hash_table_lookup(table->buckets, GUINT_TO_POINTER(who));
    if (bucket)
        return bucket;
    Look look = {limit, now};
    if (g_hash_table_size(table->buckets) >= SWEEP_ABOVE)
        g_hash_table_foreach_remove(table->buckets, is_full, &look);
    bucket = g_new(Bucket, 1);
    *bucket = (Bucket){limit->burst, now};
    g_hash_table_insert(table->buckets, GUINT_TO_POINTER(who), bucket);
    return bucket;
}

gboolean rate_take(RateTable *table, guint who, const RateLimit *limit, gint64 now,
                   gint64 *wait)
{
    Bucket *bucket = find_bucket(table, who, limit, now);
    refill(bucket, limit, now);
    if (bucket->tokens < 1) {
        *wait = (gint64)ceil((1 - bucket->tokens) * G_USEC_PER_SEC / limit->rate);
        return FALSE;
    }
    bucket->tokens -= 1;
    return TRUE;
}

guint rate_table_count(const RateTable *table)
{
    return g_hash_table_size(table->buckets);
}
