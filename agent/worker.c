#include "agent/worker.h"

#include "backend/wire/error.h"

typedef struct Job Job;

typedef struct {
    char *name;
    GQueue running; /* of Job, those past their deadline too */
    GQueue waiting; /* of Job */
} Key;

struct WorkerPool {
    GThreadPool *threads;
    GHashTable *keys; /* name -> Key; a key exists while it has jobs */
    GMainContext *context;
};

struct Job {
    WorkerJob ask;
    WorkerPool *pool; /* NULL once the pool is gone; main loop only */
    Key *key;
    gint64 began; /* monotonic microseconds, of submission */
    GSource *deadline;
    gboolean answered;
    gboolean started;
    gpointer result; /* written by the thread, read after it ended */
    GError *error;
    GMainContext *context;
};

static void key_free(gpointer data)
{
    Key *key = data;
    g_queue_clear(&key->running);
    g_queue_clear(&key->waiting);
    g_free(key->name);
    g_free(key);
}

static void job_free(Job *job)
{
    if (job->deadline) {
        g_source_destroy(job->deadline);
        g_source_unref(job->deadline);
    }
    if (job->ask.free_data)
        job->ask.free_data(job->ask.data);
    if (job->result && job->ask.free_result)
        job->ask.free_result(job->result);
    g_clear_error(&job->error);
    g_main_context_unref(job->context);
    g_free(job);
}

static void answer(Job *job, gpointer result, const GError *error)
{
    if (job->answered)
        return;
    job->answered = TRUE;
    if (job->ask.done)
        job->ask.done(result, error, job->ask.user);
    else if (result && job->ask.free_result)
        job->ask.free_result(result);
}

static void start_next(Key *key);

static void key_release(WorkerPool *pool, Key *key)
{
    if (g_queue_is_empty(&key->running) && g_queue_is_empty(&key->waiting))
        g_hash_table_remove(pool->keys, key->name);
}

/* In the main loop, after the thread has ended. */
static gboolean on_finished(gpointer data)
{
    Job *job = data;
    WorkerPool *pool = job->pool;
    if (pool) {
        Key *key = job->key;
        g_queue_remove(&key->running, job);
        if (!job->answered)
            answer(job, g_steal_pointer(&job->result), job->error);
        /* answer() may have submitted to this key, which keeps it alive. */
        start_next(key);
        key_release(pool, key);
    }
    job_free(job);
    return G_SOURCE_REMOVE;
}

static void run_in_thread(gpointer data, gpointer user)
{
    Job *job = data;
    job->result = job->ask.run(job->ask.data, &job->error);
    /* Not g_main_context_invoke: while no loop runs, before the agent is whole, that would
     * answer from this thread. */
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_finished, job, NULL);
    g_source_attach(source, job->context);
    g_source_unref(source);
}

static void start(Key *key, Job *job)
{
    job->started = TRUE;
    g_queue_push_tail(&key->running, job);
    g_thread_pool_push(job->pool->threads, job, NULL);
}

static void start_next(Key *key)
{
    while (g_queue_get_length(&key->running) < WORKER_PER_KEY) {
        Job *next = g_queue_pop_head(&key->waiting);
        if (!next)
            return;
        start(key, next);
    }
}

static double silence_of(Key *key)
{
    const Job *oldest = key ? g_queue_peek_head(&key->running) : NULL;
    if (!oldest)
        return 0;
    gint64 age = g_get_monotonic_time() - oldest->began;
    return age > (gint64)oldest->ask.deadline * 1000 ? (double)age / G_USEC_PER_SEC : 0;
}

static gboolean on_deadline(gpointer data)
{
    Job *job = data;
    g_autoptr(GError) error = NULL;
    wire_error_set(&error, WIRE_ERROR_TIMEOUT, "%s has not answered for %.0f s", job->ask.key,
                   (double)(g_get_monotonic_time() - job->began) / G_USEC_PER_SEC);
    g_clear_pointer(&job->deadline, g_source_unref);
    answer(job, NULL, error);
    if (!job->started) {
        Key *key = job->key;
        g_queue_remove(&key->waiting, job);
        key_release(job->pool, key);
        job_free(job);
    }
    return G_SOURCE_REMOVE;
}

static gboolean all_stuck(Key *key)
{
    if (g_queue_get_length(&key->running) < WORKER_PER_KEY)
        return FALSE;
    for (const GList *item = key->running.head; item; item = item->next)
        if (!((const Job *)item->data)->answered)
            return FALSE;
    return TRUE;
}

static GSource *add_source(WorkerPool *pool, GSource *source, GSourceFunc function, Job *job)
{
    g_source_set_callback(source, function, job, NULL);
    g_source_attach(source, pool->context);
    return source;
}

void worker_submit(WorkerPool *pool, const WorkerJob *ask)
{
    Key *key = g_hash_table_lookup(pool->keys, ask->key);
    if (!key) {
        key = g_new0(Key, 1);
        key->name = g_strdup(ask->key);
        g_hash_table_insert(pool->keys, key->name, key);
    }
    Job *job = g_new0(Job, 1);
    job->ask = *ask;
    job->ask.key = key->name;
    job->pool = pool;
    job->key = key;
    job->context = g_main_context_ref(pool->context);
    job->began = g_get_monotonic_time();

    if (all_stuck(key)) {
        job->began = ((const Job *)g_queue_peek_head(&key->running))->began;
        g_queue_push_tail(&key->waiting, job);
        job->deadline = add_source(pool, g_idle_source_new(), on_deadline, job);
        return;
    }
    job->deadline = add_source(pool, g_timeout_source_new(ask->deadline), on_deadline, job);
    if (g_queue_get_length(&key->running) < WORKER_PER_KEY)
        start(key, job);
    else
        g_queue_push_tail(&key->waiting, job);
}

double worker_silence(const WorkerPool *pool, const char *key)
{
    return silence_of(g_hash_table_lookup(pool->keys, key));
}

WorkerPool *worker_pool_new(void)
{
    WorkerPool *pool = g_new0(WorkerPool, 1);
    pool->threads = g_thread_pool_new(run_in_thread, NULL, -1, FALSE, NULL);
    pool->keys = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, key_free);
    pool->context = g_main_context_ref_thread_default();
    return pool;
}

static void abandon(Job *job)
{
    job->pool = NULL;
    job->answered = TRUE;
    if (job->deadline) {
        g_source_destroy(job->deadline);
        g_clear_pointer(&job->deadline, g_source_unref);
    }
}

void worker_pool_free(WorkerPool *pool)
{
    if (!pool)
        return;
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, pool->keys);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Key *key = value;
        for (GList *item = key->running.head; item; item = item->next)
            abandon(item->data);
        for (GList *item = key->waiting.head; item; item = item->next)
            job_free(item->data);
    }
    /* Not waited for: a stuck thread would never come back. */
    g_thread_pool_free(pool->threads, FALSE, FALSE);
    g_hash_table_destroy(pool->keys);
    g_main_context_unref(pool->context);
    g_free(pool);
}
