#include "backend/guest/lxc_observe.h"

#include "backend/guest/lxc_cgroup.h"
#include "backend/guest/lxc_container.h"
#include "backend/guest/lxc_scan.h"
#include "backend/guest/lxc_watched.h"
#include "backend/wire/message.h"

#include <glib-unix.h>
#include <lxc/lxccontainer.h>
#include <lxc/version.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    SOON = 100, /* milliseconds until what is starting or stopping is looked at again */
    SLOW = 5,   /* addresses and missing paths are looked at every so many seconds */
};

typedef struct {
    GuestObserver *observer;
    char *path;
    gboolean busy, again, late, exists, known;
} Path;

struct GuestObserver {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    LxcWatchedOwner shared;
    GPtrArray *paths;       /* of Path */
    GHashTable *containers; /* native to LxcWatched */
    GHashTable *watches;    /* inotify watch to the native it is about, or the path */
    int notify, root_watch;
    GSource *tick, *soon, *news;
    gint64 slow_due; /* seconds of monotonic time */
    GuestDriverHealth health;
    char *health_reason;
    gboolean health_told;
    gint64 answered; /* seconds since 1970 */
};

static void scan(Path *path);

/* On the full second, together with the rest of the agent. */
static void tick_at(GuestObserver *observer, gint64 second)
{
    g_source_set_ready_time(observer->tick, second * G_USEC_PER_SEC);
}

static gint64 second_now(void)
{
    return g_get_monotonic_time() / G_USEC_PER_SEC;
}

/* ---- telling ---- */

static char *describe_missing(const GuestObserver *observer)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < observer->paths->len; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               ((const Path *)g_ptr_array_index(observer->paths, i))->path);
    g_string_append(text,
                    ": no such directory; install the package lxc, or name the directories "
                    "of containers in gantryd.yaml (lxc: paths)");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* A path that hangs costs its own containers only: the driver is stale when no
 * path answers. */
static void tell_health(GuestObserver *observer)
{
    GuestDriverHealth health = GUEST_DRIVER_ABSENT;
    const char *hung = NULL;
    for (guint i = 0; i < observer->paths->len; i++) {
        const Path *path = g_ptr_array_index(observer->paths, i);
        if (!path->known && !path->late)
            return; /* it will come */
        if (path->late)
            hung = path->path;
        else if (path->exists)
            health = GUEST_DRIVER_OK;
    }
    g_autofree char *reason = NULL;
    if (hung)
        reason = g_strdup_printf(
            "the container path %s does not answer; is its file system hung?", hung);
    else if (health == GUEST_DRIVER_ABSENT)
        reason = describe_missing(observer);
    if (hung && health == GUEST_DRIVER_ABSENT)
        health = GUEST_DRIVER_STALE;
    if (health == GUEST_DRIVER_OK)
        observer->answered = g_get_real_time() / G_USEC_PER_SEC;
    if (observer->health_told && health == observer->health &&
        g_strcmp0(reason, observer->health_reason) == 0)
        return;
    observer->health_told = TRUE;
    observer->health = health;
    g_free(observer->health_reason);
    observer->health_reason = g_strdup(reason);
    g_autoptr(json_t) versions = json_pack("{s:s}", "lxc", lxc_get_version());
    guest_report_health(observer->shared.report, health, observer->answered, reason, versions);
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

static void forget(LxcWatched *watched, gpointer user)
{
    GuestObserver *observer = user;
    g_hash_table_steal(observer->containers, lxc_watched_native(watched));
    lxc_watched_forget(watched);
}

/* ---- which there are ---- */

static void add_container(Path *path, const char *name)
{
    GuestObserver *observer = path->observer;
    g_autofree char *native = g_strdup_printf("%s/%s", path->path, name);
    if (g_hash_table_contains(observer->containers, native))
        return;
    LxcWatched *watched = lxc_watched_new(&observer->shared, path->path, name);
    g_hash_table_insert(observer->containers, (char *)(gintptr)lxc_watched_native(watched),
                        watched);
    tick_at(observer, second_now() + 1);
}

static void drop_missing(Path *path, GHashTable *present)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new();
    GHashTableIter iterator;
    gpointer watched;
    g_hash_table_iter_init(&iterator, path->observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &watched)) {
        if (strcmp(lxc_watched_path(watched), path->path) == 0 &&
            !g_hash_table_contains(present, lxc_watched_name(watched)))
            g_ptr_array_add(missing, watched);
    }
    for (guint i = 0; i < missing->len; i++)
        forget(g_ptr_array_index(missing, i), path->observer);
}

static void scanned(gpointer input, gpointer result, gpointer user)
{
    Path *path = user;
    LxcScan *found = result;
    GuestObserver *observer = path->observer;
    (void)input;
    path->busy = path->late = FALSE;
    path->known = TRUE;
    path->exists = found->exists;
    if (found->watch >= 0)
        g_hash_table_insert(observer->watches, GINT_TO_POINTER(found->watch),
                            g_strdup(path->path));
    g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < found->entries->len; i++) {
        const LxcScanEntry *entry = &g_array_index(found->entries, LxcScanEntry, i);
        if (entry->watch >= 0)
            g_hash_table_insert(observer->watches, GINT_TO_POINTER(entry->watch),
                                g_strdup_printf("%s/%s", path->path, entry->name));
        if (entry->container) {
            g_hash_table_add(present, entry->name);
            add_container(path, entry->name);
        }
    }
    drop_missing(path, present);
    lxc_scan_free(found);
    tell_health(observer);
    if (path->again)
        scan(path);
}

typedef struct {
    char *path;
    int notify;
} ScanQuestion;

static void scan_question_free(gpointer data)
{
    ScanQuestion *question = data;
    close(question->notify);
    g_free(question->path);
    g_free(question);
}

static gpointer run_scan(gconstpointer input)
{
    const ScanQuestion *question = input;
    return lxc_scan(question->path, question->notify);
}

static void scan_late(gpointer input, gpointer user)
{
    Path *path = user;
    (void)input;
    path->late = TRUE;
    tell_health(path->observer);
}

static void free_scan(gpointer data)
{
    lxc_scan_free(data);
}

static void scan(Path *path)
{
    static const LxcWorkKind kind = {run_scan, scanned, scan_late, scan_question_free,
                                     free_scan};
    path->again = path->busy;
    if (path->busy)
        return;
    path->busy = TRUE;
    ScanQuestion *question = g_new0(ScanQuestion, 1);
    question->path = g_strdup(path->path);
    question->notify = dup(path->observer->notify); /* a hung scan may outlive the observer */
    lxc_work_submit(path->observer->shared.work, &kind, question, path);
    tick_at(path->observer, second_now() + 1);
}

/* ---- news ---- */

static Path *find_path(GuestObserver *observer, const char *path, gsize length)
{
    for (guint i = 0; i < observer->paths->len; i++) {
        Path *candidate = g_ptr_array_index(observer->paths, i);
        if (strlen(candidate->path) == length && strncmp(candidate->path, path, length) == 0)
            return candidate;
    }
    return NULL;
}

static void probe(GuestObserver *observer)
{
    GHashTableIter iterator;
    gpointer watched;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &watched))
        lxc_watched_probe(watched);
}

/* News of a directory that a scan under way has begun to watch, and not told of yet: what it
 * found there may be old, as a container without its config that has been written since. */
static void scan_again(GuestObserver *observer)
{
    for (guint i = 0; i < observer->paths->len; i++) {
        Path *path = g_ptr_array_index(observer->paths, i);
        path->again = path->again || path->busy;
    }
}

static void take_news(GuestObserver *observer, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        for (guint i = 0; i < observer->paths->len; i++)
            scan(g_ptr_array_index(observer->paths, i));
        return;
    }
    if (event->wd == observer->root_watch) {
        if (event->len && g_str_has_prefix(event->name, "lxc."))
            probe(observer);
        return;
    }
    const char *about = g_hash_table_lookup(observer->watches, GINT_TO_POINTER(event->wd));
    if (!about) {
        scan_again(observer);
        return;
    }
    Path *path = find_path(observer, about, strlen(about));
    if (path) {
        scan(path);
    } else if (event->len &&
               (strcmp(event->name, "config") == 0 || strcmp(event->name, "partial") == 0)) {
        LxcWatched *watched = g_hash_table_lookup(observer->containers, about);
        path = find_path(observer, about, (gsize)(strrchr(about, '/') - about));
        if (watched)
            lxc_watched_ask(watched); /* and finds out if it is gone */
        else if (path)
            scan(path);
    }
    if (event->mask & IN_IGNORED)
        g_hash_table_remove(observer->watches, GINT_TO_POINTER(event->wd));
}

static gboolean on_news(int descriptor, GIOCondition condition, gpointer data)
{
    char buffer[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    (void)condition;
    ssize_t length = read(descriptor, buffer, sizeof buffer);
    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        take_news(data, event);
        at += (ssize_t)(sizeof *event + event->len);
    }
    return G_SOURCE_CONTINUE;
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
        if (((const Path *)g_ptr_array_index(observer->paths, i))->busy)
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
    probe(observer);
    for (guint i = 0; i < observer->paths->len && slow; i++) {
        Path *path = g_ptr_array_index(observer->paths, i);
        if (path->known && !path->exists && !path->busy)
            scan(path);
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

static void path_free(gpointer data)
{
    Path *path = data;
    g_free(path->path);
    g_free(path);
}

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
    g_source_set_callback(observer->news, G_SOURCE_FUNC(on_news), observer, NULL);
    g_source_attach(observer->news, observer->context);
    observer->tick = g_source_new(&tick_functions, sizeof(GSource));
    g_source_set_callback(observer->tick, on_tick, observer, NULL);
    g_source_set_ready_time(observer->tick, 0);
    g_source_attach(observer->tick, observer->context);
    for (guint i = 0; i < observer->paths->len; i++)
        scan(g_ptr_array_index(observer->paths, i));

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
                                         .vanished = forget,
                                         .passing = look_soon,
                                         .user = observer};
    observer->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    observer->paths = g_ptr_array_new_with_free_func(path_free);
    observer->containers =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, lxc_watched_free);
    observer->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    observer->answered = g_get_real_time() / G_USEC_PER_SEC;
    for (const char *const *p = settings->lxc_paths; p && *p; p++) {
        Path *path = g_new0(Path, 1);
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
