/* The observer's thread: what it does once a second, and the face. */
#include "backend/guest/lxc_cgroup.h"
#include "backend/guest/lxc_container.h"
#include "backend/guest/lxc_observe_private.h"

#include <glib-unix.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    SOON = 100, /* milliseconds until what is starting or stopping is looked at again */
    SLOW = 5,   /* addresses and missing paths are looked at every so many seconds */
};

/* On the full second, together with the rest of the agent. */
static void tick_at(GuestObserver *observer, gint64 second)
{
    g_source_set_ready_time(observer->tick, second * G_USEC_PER_SEC);
}

static gint64 second_now(void)
{
    return g_get_monotonic_time() / G_USEC_PER_SEC;
}

void lxc_observer_wake(GuestObserver *observer)
{
    tick_at(observer, second_now() + 1);
}

/* ---- one container ---- */

static gboolean look_again(gpointer data)
{
    GuestObserver *observer = data;
    gboolean more = FALSE;
    GHashTableIter iterator;
    gpointer watched;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &watched))
        more |= lxc_watched_look_again(watched);
    if (!more)
        g_clear_pointer(&observer->soon, g_source_unref);
    return more;
}

static void look_soon(gpointer user)
{
    GuestObserver *observer = user;
    if (observer->soon)
        return;
    observer->soon = g_timeout_source_new(SOON);
    g_source_set_callback(observer->soon, look_again, observer, NULL);
    g_source_attach(observer->soon, observer->context);
}

void lxc_observer_forget(LxcWatched *watched, gpointer user)
{
    GuestObserver *observer = user;
    g_hash_table_steal(observer->containers, lxc_watched_native(watched));
    lxc_watched_forget(watched);
}

void lxc_observer_probe(GuestObserver *observer)
{
    GHashTableIter iterator;
    gpointer watched;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &watched))
        lxc_watched_probe(watched);
}

/* ---- once a second ---- */

static void figures_clear(gpointer data)
{
    g_free((char *)(gintptr)((GuestFigures *)data)->native);
}

static void release_figures(gpointer all)
{
    g_array_unref(all);
}

static void measure_all(GuestObserver *observer, gboolean slow)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(GuestFigures));
    g_array_set_clear_func(all, figures_clear);
    GHashTableIter iterator;
    gpointer watched;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &watched)) {
        GuestFigures figures;
        if (!lxc_watched_measure(watched, slow, &figures))
            continue;
        figures.native = g_strdup(figures.native);
        g_array_append_val(all, figures);
    }
    if (all->len > 0)
        guest_report_figures(observer->shared.report,
                             (const GuestFigures *)(const void *)all->data, all->len, all,
                             release_figures);
    else
        g_array_unref(all);
}

static gboolean is_scanning(const GuestObserver *observer)
{
    for (guint i = 0; i < observer->paths->len; i++)
        if (((const LxcPath *)g_ptr_array_index(observer->paths, i))->busy)
            return TRUE;
    return FALSE;
}

/* Without containers there is nothing to measure: a node that has none wakes up for
 * missing paths only. */
static gboolean on_tick(gpointer data)
{
    GuestObserver *observer = data;
    gint64 second = second_now();
    gboolean slow = second >= observer->slow_due;
    if (slow)
        observer->slow_due = second + SLOW;
    lxc_work_check(observer->shared.work);
    measure_all(observer, slow);
    lxc_observer_probe(observer);
    for (guint i = 0; i < observer->paths->len && slow; i++) {
        LxcPath *path = g_ptr_array_index(observer->paths, i);
        if (path->known && !path->exists && !path->busy)
            lxc_path_scan(path);
    }
    gboolean idle = g_hash_table_size(observer->containers) == 0 && !is_scanning(observer);
    tick_at(observer, idle ? observer->slow_due : second + 1);
    return G_SOURCE_CONTINUE;
}

static gboolean dispatch_tick(GSource *source, GSourceFunc callback, gpointer user)
{
    (void)source;
    return callback(user);
}

/* ---- the thread ---- */

static void watch_root(GuestObserver *observer)
{
    g_autofree char *root = lxc_cgroup_root();
    observer->root_watch =
        root ? inotify_add_watch(observer->notify, root, IN_CREATE | IN_ONLYDIR) : -1;
}

static gpointer run(gpointer data)
{
    static GSourceFuncs tick_functions = {.dispatch = dispatch_tick};
    GuestObserver *observer = data;
    g_main_context_push_thread_default(observer->context);
    watch_root(observer);
    observer->news = g_unix_fd_source_new(observer->notify, G_IO_IN);
    g_source_set_callback(observer->news, G_SOURCE_FUNC(lxc_paths_take_news), observer, NULL);
    g_source_attach(observer->news, observer->context);
    observer->tick = g_source_new(&tick_functions, sizeof(GSource));
    g_source_set_callback(observer->tick, on_tick, observer, NULL);
    g_source_set_ready_time(observer->tick, 0);
    g_source_attach(observer->tick, observer->context);
    for (guint i = 0; i < observer->paths->len; i++)
        lxc_path_scan(g_ptr_array_index(observer->paths, i));

    g_main_loop_run(observer->loop);

    lxc_work_free(observer->shared.work);
    GSource *sources[] = {observer->news, observer->tick, observer->soon};
    for (gsize i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (sources[i]) {
            g_source_destroy(sources[i]);
            g_source_unref(sources[i]);
        }
    }
    g_hash_table_unref(observer->containers);
    g_main_context_pop_thread_default(observer->context);
    return NULL;
}

GuestObserver *lxc_observe(const GuestSettings *settings, GMainContext *context,
                           const GuestEvents *events, gpointer user)
{
    GuestObserver *observer = g_new0(GuestObserver, 1);
    lxc_silence();
    observer->context = g_main_context_new();
    observer->loop = g_main_loop_new(observer->context, FALSE);
    observer->shared = (LxcWatchedOwner){.context = observer->context,
                                         .report = guest_report_new(context, events, user),
                                         .work = lxc_work_new(observer->context),
                                         .vanished = lxc_observer_forget,
                                         .passing = look_soon,
                                         .user = observer};
    observer->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    observer->paths = g_ptr_array_new_with_free_func(lxc_path_free);
    observer->containers =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, lxc_watched_free);
    observer->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    observer->answered = g_get_real_time() / G_USEC_PER_SEC;
    for (const char *const *p = settings->lxc_paths; p && *p; p++) {
        LxcPath *path = g_new0(LxcPath, 1);
        path->observer = observer;
        path->path = g_strdup(*p);
        g_ptr_array_add(observer->paths, path);
    }
    observer->thread = g_thread_new("lxc-observe", run, observer);
    return observer;
}

static gboolean quit(gpointer data)
{
    GuestObserver *observer = data;
    g_main_loop_quit(observer->loop);
    return G_SOURCE_REMOVE;
}

static void run_there(GuestObserver *observer, GSourceFunc function, gpointer data,
                      GDestroyNotify destroy)
{
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, function, data, destroy);
    g_source_attach(source, observer->context);
}

void lxc_observe_stop(GuestObserver *observer)
{
    if (!observer)
        return;
    run_there(observer, quit, observer, NULL);
    g_thread_join(observer->thread);
    guest_report_stop(observer->shared.report);
    guest_report_unref(observer->shared.report);
    g_ptr_array_unref(observer->paths);
    g_hash_table_unref(observer->watches);
    close(observer->notify);
    g_main_loop_unref(observer->loop);
    g_main_context_unref(observer->context);
    g_free(observer->health_reason);
    g_free(observer);
}

typedef struct {
    GuestObserver *observer;
    char *native;
} Look;

static void look_free(gpointer data)
{
    Look *look = data;
    g_free(look->native);
    g_free(look);
}

static gboolean take_look(gpointer data)
{
    Look *look = data;
    LxcWatched *watched = g_hash_table_lookup(look->observer->containers, look->native);
    if (watched)
        lxc_watched_look(watched);
    else
        guest_report_looked(look->observer->shared.report, look->native);
    return G_SOURCE_REMOVE;
}

void lxc_observe_look(GuestObserver *observer, const char *native)
{
    Look *look = g_new0(Look, 1);
    look->observer = observer;
    look->native = g_strdup(native);
    run_there(observer, take_look, look, look_free);
}
