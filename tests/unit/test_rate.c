/* How often somebody may do something: agent/rate.h, with a clock of our own. */
#include "agent/rate.h"

#define SECOND G_GINT64_CONSTANT(1000000)

static const RateLimit limit = {.rate = 10, .burst = 5};

static guint take_all(RateTable *table, guint who, gint64 now)
{
    gint64 wait;
    guint count = 0;
    while (count < 1000 && rate_take(table, who, &limit, now, &wait))
        count++;
    return count;
}

/* All at once at first, then as many as come back, never more than fit. */
static void test_burst(void)
{
    RateTable *table = rate_table_new();
    g_assert_cmpuint(take_all(table, 1, 0), ==, 5);
    g_assert_cmpuint(take_all(table, 1, SECOND / 10), ==, 1);
    g_assert_cmpuint(take_all(table, 1, 3 * SECOND / 10), ==, 2);
    g_assert_cmpuint(take_all(table, 1, 100 * SECOND), ==, 5);
    rate_table_free(table);
}

/* In the long run it is the rate. */
static void test_sustained(void)
{
    RateTable *table = rate_table_new();
    gint64 wait;
    guint taken = 0;
    for (gint64 now = 0; now < 100 * SECOND; now += SECOND / 1000)
        taken += rate_take(table, 1, &limit, now, &wait) ? 1 : 0;
    g_assert_cmpuint(taken, >=, 1000);
    g_assert_cmpuint(taken, <=, 1005);
    rate_table_free(table);
}

/* Who waits as long as is said gets the next. */
static void test_wait(void)
{
    RateTable *table = rate_table_new();
    gint64 now = 7 * SECOND, wait = 0, again = 0;
    (void)take_all(table, 1, now);
    for (int i = 0; i < 20; i++) {
        g_assert_false(rate_take(table, 1, &limit, now, &wait));
        g_assert_cmpint(wait, >, 0);
        g_assert_cmpint(wait, <=, SECOND / 10 + 1);
        g_assert_false(rate_take(table, 1, &limit, now + wait / 2, &again));
        now += wait;
        g_assert_true(rate_take(table, 1, &limit, now, &wait));
    }
    rate_table_free(table);
}

/* Each has a bucket of its own; a clock that goes back gives and takes nothing. */
static void test_apart(void)
{
    RateTable *table = rate_table_new();
    g_assert_cmpuint(take_all(table, 1, SECOND), ==, 5);
    g_assert_cmpuint(take_all(table, 2, SECOND), ==, 5);
    g_assert_cmpuint(take_all(table, 1, 0), ==, 0);
    g_assert_cmpuint(take_all(table, 1, SECOND), ==, 0);
    rate_table_free(table);
}

/* Those that are full again cost nothing. */
static void test_forgotten(void)
{
    RateTable *table = rate_table_new();
    gint64 wait;
    for (guint who = 0; who < 10000; who++)
        g_assert_true(rate_take(table, who, &limit, (gint64)who * SECOND, &wait));
    g_assert_cmpuint(rate_table_count(table), <, 100);
    rate_table_free(table);
}

/* A limit that was made lower holds for what is there. */
static void test_other_limit(void)
{
    static const RateLimit lower = {.rate = 1, .burst = 2};
    RateTable *table = rate_table_new();
    gint64 wait;
    g_assert_true(rate_take(table, 1, &limit, 0, &wait));
    g_assert_true(rate_take(table, 1, &lower, 0, &wait));
    g_assert_true(rate_take(table, 1, &lower, 0, &wait));
    g_assert_false(rate_take(table, 1, &lower, 0, &wait));
    g_assert_cmpint(wait, ==, SECOND);
    rate_table_free(table);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rate/burst", test_burst);
    g_test_add_func("/rate/sustained", test_sustained);
    g_test_add_func("/rate/wait", test_wait);
    g_test_add_func("/rate/apart", test_apart);
    g_test_add_func("/rate/forgotten", test_forgotten);
    g_test_add_func("/rate/other-limit", test_other_limit);
    return g_test_run();
}
