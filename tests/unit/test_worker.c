#include "agent/worker.h"
#include "backend/wire/error.h"

/* Jobs that wait at a gate until the test opens it: a server that hangs. */
typedef struct {
    GMutex mutex;
    GCond cond;
    gboolean open;
} Gate;

typedef struct {
    int answers;
    int timeouts;
    int results;
} Seen;

static GThread *main_thread;

static gpointer wait_at_gate(gpointer data, GError **error)
{
    Gate *gate = data;
    g_mutex_lock(&gate->mutex);
    while (!gate->open)
        g_cond_wait(&gate->cond, &gate->mutex);
    g_mutex_unlock(&gate->mutex);
    return g_strdup("late");
}

static gpointer answer_at_once(gpointer data, GError **error)
{
    return g_strdup("now");
}

static gpointer count_run(gpointer data, GError **error)
{
    g_atomic_int_inc((gint *)data);
    return g_strdup("ran");
}

static gpointer fail(gpointer data, GError **error)
{
    wire_error_set(error, WIRE_ERROR_FAILED, "it broke");
    return NULL;
}

static void note(gpointer result, const GError *error, gpointer user)
{
    Seen *seen = user;
    g_assert_true(g_thread_self() == main_thread);
    seen->answers++;
    seen->results += result != NULL;
    if (error && error->code == WIRE_ERROR_TIMEOUT)
        seen->timeouts++;
    g_free(result);
}

static void submit(WorkerPool *pool, const char *key, guint deadline, WorkerFunction run,
                   gpointer data, Seen *seen)
{
    worker_submit(pool, &(WorkerJob){.key = key,
                                     .deadline = deadline,
                                     .run = run,
                                     .data = data,
                                     .free_result = g_free,
                                     .done = note,
                                     .user = seen});
}

static void run_until(const int *count, int wanted)
{
    gint64 limit = g_get_monotonic_time() + (gint64)30 * G_USEC_PER_SEC;
    while (*count < wanted && g_get_monotonic_time() < limit)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(*count, ==, wanted);
}

static void open_gate(Gate *gate)
{
    g_mutex_lock(&gate->mutex);
    gate->open = TRUE;
    g_cond_broadcast(&gate->cond);
    g_mutex_unlock(&gate->mutex);
}

static void test_result_and_error(void)
{
    WorkerPool *pool = worker_pool_new();
    Seen good = {0}, bad = {0};
    submit(pool, "a", 10000, answer_at_once, NULL, &good);
    submit(pool, "a", 10000, fail, NULL, &bad);
    run_until(&good.answers, 1);
    run_until(&bad.answers, 1);
    g_assert_cmpint(good.results, ==, 1);
    g_assert_cmpint(bad.results, ==, 0);
    g_assert_cmpint(bad.timeouts, ==, 0);
    worker_pool_free(pool);
}

static void test_hung_thing_costs_nobody_else(void)
{
    WorkerPool *pool = worker_pool_new();
    static Gate gate;
    Seen stuck = {0}, refused = {0}, other = {0}, later = {0};
    for (int i = 0; i < WORKER_PER_KEY; i++)
        submit(pool, "nfs", 20, wait_at_gate, &gate, &stuck);
    run_until(&stuck.answers, WORKER_PER_KEY);
    g_assert_cmpint(stuck.timeouts, ==, WORKER_PER_KEY);
    g_assert_cmpfloat(worker_silence(pool, "nfs"), >, 0);

    /* All of its threads hang: a new job is refused long before its deadline. */
    submit(pool, "nfs", G_MAXINT, answer_at_once, NULL, &refused);
    run_until(&refused.answers, 1);
    g_assert_cmpint(refused.timeouts, ==, 1);
    submit(pool, "local", 10000, answer_at_once, NULL, &other);
    run_until(&other.answers, 1);
    g_assert_cmpint(other.results, ==, 1);

    /* It answers again: late results are dropped, new jobs run. */
    open_gate(&gate);
    gint64 limit = g_get_monotonic_time() + (gint64)30 * G_USEC_PER_SEC;
    while (worker_silence(pool, "nfs") > 0 && g_get_monotonic_time() < limit)
        g_main_context_iteration(NULL, TRUE);
    submit(pool, "nfs", 10000, answer_at_once, NULL, &later);
    run_until(&later.answers, 1);
    g_assert_cmpint(later.results, ==, 1);
    g_assert_cmpint(stuck.answers, ==, WORKER_PER_KEY);
    worker_pool_free(pool);
}

static void test_waiting_jobs_keep_their_deadline(void)
{
    WorkerPool *pool = worker_pool_new();
    static Gate gate;
    Seen running = {0}, waiting = {0};
    for (int i = 0; i < WORKER_PER_KEY; i++)
        submit(pool, "k", 30000, wait_at_gate, &gate, &running);
    submit(pool, "k", 20, answer_at_once, NULL, &waiting);
    run_until(&waiting.answers, 1);
    g_assert_cmpint(waiting.timeouts, ==, 1);
    open_gate(&gate);
    run_until(&running.answers, WORKER_PER_KEY);
    g_assert_cmpint(running.results, ==, WORKER_PER_KEY);
    worker_pool_free(pool);
}

static void test_pool_gone_before_its_job(void)
{
    static Gate gate;
    Seen seen = {0};
    WorkerPool *pool = worker_pool_new();
    for (int i = 0; i < WORKER_PER_KEY + 1; i++)
        submit(pool, "k", 30000, wait_at_gate, &gate, &seen);
    worker_pool_free(pool);
    open_gate(&gate);
    Seen probe = {0};
    WorkerPool *next = worker_pool_new();
    submit(next, "k", 30000, answer_at_once, NULL, &probe);
    run_until(&probe.answers, 1);
    g_assert_cmpint(seen.answers, ==, 0);
    worker_pool_free(next);
}

/* What ends before the loop runs is answered in the loop all the same. */
static void test_answers_in_the_loop(void)
{
    enum { JOBS = 200 };
    WorkerPool *pool = worker_pool_new();
    Seen seen = {0};
    gint ran = 0;
    for (int i = 0; i < JOBS; i++) {
        g_autofree char *key = g_strdup_printf("k%d", i);
        submit(pool, key, 30000, count_run, &ran, &seen);
    }
    while (g_atomic_int_get(&ran) < JOBS)
        g_thread_yield();
    g_assert_cmpint(seen.answers, ==, 0);
    run_until(&seen.answers, JOBS);
    g_assert_cmpint(seen.results, ==, JOBS);
    worker_pool_free(pool);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_thread = g_thread_self();
    g_test_add_func("/worker/result-and-error", test_result_and_error);
    g_test_add_func("/worker/hung", test_hung_thing_costs_nobody_else);
    g_test_add_func("/worker/waiting", test_waiting_jobs_keep_their_deadline);
    g_test_add_func("/worker/in-the-loop", test_answers_in_the_loop);
    g_test_add_func("/worker/pool-gone", test_pool_gone_before_its_job);
    return g_test_run();
}
