#include "backend/guest/lxc_work.h"

struct LxcWork {
    gatomicrefcount references; /* the owner's and one for each thread */
    GMutex mutex;               /* guards closed, running and sending to the context */
    GCond idle;
    gboolean closed;
    int running;
    /* The rest belongs to the context's thread. */
    GMainContext *context;
    GQueue waiting;
    GPtrArray *active;
    int late;
};

typedef struct {
    LxcWork *work;
    const LxcWorkKind *kind;
    gpointer input, result, user;
    gint64 begun; /* monotonic microseconds */
    gboolean late;
} Piece;

static void piece_free(gpointer data)
{
    Piece *piece = data;
    piece->kind->free_input(piece->input);
    if (piece->result)
        piece->kind->free_result(piece->result);
    g_free(piece);
}

static void work_unref(LxcWork *work)
{
    if (!g_atomic_ref_count_dec(&work->references))
        return;
    g_main_context_unref(work->context);
    g_mutex_clear(&work->mutex);
    g_cond_clear(&work->idle);
    g_free(work);
}

static void begin(LxcWork *work);

static gboolean finish(gpointer data)
{
    Piece *piece = data;
    LxcWork *work = piece->work;
    g_ptr_array_remove_fast(work->active, piece);
    if (piece->late)
        work->late--;
    piece->kind->done(piece->input, g_steal_pointer(&piece->result), piece->user);
    piece_free(piece);
    begin(work);
    return G_SOURCE_REMOVE;
}

static gpointer run(gpointer data)
{
    Piece *piece = data;
    LxcWork *work = piece->work;
    piece->result = piece->kind->run(piece->input);
    g_mutex_lock(&work->mutex);
    gboolean closed = work->closed;
    if (!closed) {
        g_autoptr(GSource) source = g_idle_source_new();
        g_source_set_priority(source, G_PRIORITY_DEFAULT);
        g_source_set_callback(source, finish, piece, NULL);
        g_source_attach(source, work->context);
    }
    work->running--;
    g_cond_signal(&work->idle);
    g_mutex_unlock(&work->mutex);
    if (closed)
        piece_free(piece);
    work_unref(work);
    return NULL;
}

static void begin(LxcWork *work)
{
    /* Only the context's thread sets it, and this is that thread. */
    while (!work->closed && (int)work->active->len - work->late < LXC_WORK_THREADS) {
        Piece *piece = g_queue_pop_head(&work->waiting);
        if (!piece)
            return;
        piece->begun = g_get_monotonic_time();
        g_ptr_array_add(work->active, piece);
        g_atomic_ref_count_inc(&work->references);
        g_mutex_lock(&work->mutex);
        work->running++;
        g_mutex_unlock(&work->mutex);
        g_thread_unref(g_thread_new("lxc-work", run, piece));
    }
}

LxcWork *lxc_work_new(GMainContext *context)
{
    LxcWork *work = g_new0(LxcWork, 1);
    g_atomic_ref_count_init(&work->references);
    g_mutex_init(&work->mutex);
    g_cond_init(&work->idle);
    g_queue_init(&work->waiting);
    work->context = g_main_context_ref(context);
    work->active = g_ptr_array_new();
    return work;
}

void lxc_work_submit(LxcWork *work, const LxcWorkKind *kind, gpointer input, gpointer user)
{
    Piece *piece = g_new0(Piece, 1);
    piece->work = work;
    piece->kind = kind;
    piece->input = input;
    piece->user = user;
    g_queue_push_tail(&work->waiting, piece);
    begin(work);
}

void lxc_work_check(LxcWork *work)
{
    gint64 limit = g_get_monotonic_time() - (gint64)LXC_WORK_DEADLINE * G_USEC_PER_SEC;
    for (guint i = 0; i < work->active->len; i++) {
        Piece *piece = g_ptr_array_index(work->active, i);
        if (piece->late || piece->begun > limit)
            continue;
        piece->late = TRUE;
        work->late++;
        piece->kind->late(piece->input, piece->user);
    }
    begin(work);
}

void lxc_work_free(LxcWork *work)
{
    if (!work)
        return;
    g_queue_clear_full(&work->waiting, piece_free);
    gint64 deadline = g_get_monotonic_time() + G_USEC_PER_SEC;
    g_mutex_lock(&work->mutex);
    while (work->running > work->late && g_cond_wait_until(&work->idle, &work->mutex, deadline))
        ;
    work->closed = TRUE;
    g_mutex_unlock(&work->mutex);
    /* What came in meanwhile is still handed over. */
    while (g_main_context_iteration(work->context, FALSE))
        ;
    g_queue_clear_full(&work->waiting, piece_free);
    g_ptr_array_free(work->active, TRUE);
    work_unref(work);
}
