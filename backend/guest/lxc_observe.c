#include "backend/guest/lxc_observe.h"

#include "backend/guest/lxc_inspect.h"
#include "backend/guest/lxc_process.h"
#include "backend/guest/lxc_report.h"
#include "backend/guest/lxc_scan.h"
#include "backend/guest/lxc_work.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    SOON = 100,       /* milliseconds until a container that is starting or stopping */
    SOON_TIMES = 100, /* is looked at again, and so often; then once a second */
    SLOW_TICKS = 5,   /* addresses and missing paths are looked at every so many */
};

typedef struct {
    GuestObserver *observer;
    char *path;
    int watch;
    gboolean busy, again, late, exists, known;
} Path;

typedef struct {
    GuestObserver *observer;
    const char *path; /* the Path's */
    char *name, *native;
    gboolean busy, again, late; /* liblxc is asked; and then again; past the deadline */
    gboolean gone;              /* dropped while liblxc was asked */
    int soon;                   /* how often it was looked at in passing */
    LxcInspection *last;        /* NULL until liblxc answered */
    GuestSummary *told;         /* what the agent knows */
    GSource *exit;              /* of its init */
    gint64 measured;            /* monotonic microseconds, 0: never */
    LxcCounters counters;
    guint64 in, out;
    gboolean has_net;
} Container;

struct GuestObserver {
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    LxcReport *report;
    LxcWork *work;
    GPtrArray *paths;       /* of Path */
    GHashTable *containers; /* native to Container */
    GHashTable *watches;    /* inotify watch to the native it is about, or the path */
    int notify, root_watch;
    GSource *tick, *soon, *news;
    guint64 ticks;
    GuestDriverHealth health;
    char *health_reason;
    gboolean health_told;
    gint64 answered; /* seconds since 1970 */
};

static void ask(Container *container);
static void scan(Path *path);

/* ---- telling ---- */

static const char *late_reason(const Container *container, char **owned)
{
    if (container->last && container->last->monitor > 0)
        *owned =
            g_strdup_printf("its LXC monitor (process %d) does not answer; if it is stopped, "
                            "'kill -CONT %d' lets it go on",
                            (int)container->last->monitor, (int)container->last->monitor);
    else
        *owned = g_strdup("its LXC monitor or its file system does not answer");
    return *owned;
}

static void tell(Container *container)
{
    g_autoptr(GuestSummary) summary = NULL;
    if (container->last)
        summary = guest_summary_copy(container->last->summary);
    else if (!container->late)
        return;
    if (!summary) {
        summary = g_new0(GuestSummary, 1);
        summary->kind = GUEST_KIND_CT;
        summary->native = g_strdup(container->native);
        summary->name = g_strdup(container->name);
        summary->persistent = TRUE;
    }
    if (container->late) {
        char *reason = NULL;
        (void)late_reason(container, &reason);
        summary->state = GUEST_STATE_UNKNOWN;
        g_free(summary->reason);
        summary->reason = reason;
    }
    if (container->told && guest_summary_equal(container->told, summary))
        return;
    lxc_report_changed(container->observer->report, summary);
    guest_summary_free(container->told);
    container->told = g_steal_pointer(&summary);
}

static void tell_health(GuestObserver *observer)
{
    GuestDriverHealth health = GUEST_DRIVER_ABSENT;
    g_autofree char *reason = NULL;
    for (guint i = 0; i < observer->paths->len; i++) {
        const Path *path = g_ptr_array_index(observer->paths, i);
        if (!path->known && !path->late)
            return; /* it will come */
        if (path->late) {
            health = GUEST_DRIVER_STALE;
            g_free(reason);
            reason =
                g_strdup_printf("the container path %s does not answer; is its file system "
                                "hung?",
                                path->path);
        } else if (path->exists && health == GUEST_DRIVER_ABSENT) {
            health = GUEST_DRIVER_OK;
        }
    }
    if (health == GUEST_DRIVER_ABSENT)
        reason =
            g_strdup("none of the configured container paths exists; install the package lxc");
    if (health == GUEST_DRIVER_OK)
        observer->answered = g_get_real_time() / G_USEC_PER_SEC;
    if (observer->health_told && health == observer->health &&
        g_strcmp0(reason, observer->health_reason) == 0)
        return;
    observer->health_told = TRUE;
    observer->health = health;
    g_free(observer->health_reason);
    observer->health_reason = g_strdup(reason);
    lxc_report_health(observer->report, health, observer->answered, reason);
}

/* ---- one container ---- */

static void drop_exit(Container *container)
{
    if (container->exit) {
        g_source_destroy(container->exit);
        g_clear_pointer(&container->exit, g_source_unref);
    }
}

static void container_free(gpointer data)
{
    Container *container = data;
    drop_exit(container);
    lxc_inspection_free(container->last);
    guest_summary_free(container->told);
    g_free(container->name);
    g_free(container->native);
    g_free(container);
}

/* Forgets it; while liblxc is asked about it, only marks it so. */
static void forget(Container *container)
{
    GuestObserver *observer = container->observer;
    if (container->told)
        lxc_report_gone(observer->report, container->native);
    g_clear_pointer(&container->told, guest_summary_free);
    g_hash_table_steal(observer->containers, container->native);
    container->gone = TRUE;
    drop_exit(container);
    if (!container->busy)
        container_free(container);
}

static gboolean is_passing(const Container *container)
{
    const LxcInspection *last = container->last;
    return last && (last->summary->state == GUEST_STATE_STARTING ||
                    last->summary->state == GUEST_STATE_STOPPING ||
                    (last->summary->state == GUEST_STATE_RUNNING && !last->init));
}

static gboolean look_again(gpointer data)
{
    GuestObserver *observer = data;
    gboolean more = FALSE;
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Container *container = value;
        if (is_passing(container) && container->soon < SOON_TIMES) {
            container->soon++;
            more = TRUE;
            if (!container->busy)
                ask(container);
        }
    }
    if (!more) {
        g_source_unref(observer->soon);
        observer->soon = NULL;
    }
    return more;
}

static void look_soon(GuestObserver *observer)
{
    if (observer->soon)
        return;
    observer->soon = g_timeout_source_new(SOON);
    g_source_set_callback(observer->soon, look_again, observer, NULL);
    g_source_attach(observer->soon, observer->context);
}

static gboolean on_exit_of_init(int descriptor, GIOCondition condition, gpointer data)
{
    Container *container = data;
    (void)descriptor;
    (void)condition;
    g_clear_pointer(&container->exit, g_source_unref);
    ask(container);
    return G_SOURCE_REMOVE;
}

/* liblxc calls a container stopped when its monitor is gone, even if its processes
 * live on; then they are still watched. */
static void keep_orphan(LxcInspection *before, LxcInspection *after)
{
    if (!before || before->init_handle < 0 || after->summary->state != GUEST_STATE_STOPPED)
        return;
    struct pollfd init = {.fd = before->init_handle, .events = POLLIN};
    if (poll(&init, 1, 0) != 0)
        return;
    after->init = before->init;
    after->init_handle = before->init_handle;
    before->init_handle = -1;
    after->cgroup = g_steal_pointer(&before->cgroup);
    after->net = g_steal_pointer(&before->net);
    after->summary->state = GUEST_STATE_CRASHED;
    after->summary->started = before->summary->started;
    after->summary->reason = g_strdup_printf(
        "its LXC monitor died, its processes still run (init is process %d)", (int)after->init);
}

static void take(Container *container, LxcInspection *inspection)
{
    drop_exit(container);
    keep_orphan(container->last, inspection);
    gboolean same = container->last && container->last->init == inspection->init;
    lxc_inspection_free(container->last);
    container->last = inspection;
    if (!same)
        container->measured = 0;
    if (inspection->init_handle >= 0) {
        container->exit = g_unix_fd_source_new(inspection->init_handle, G_IO_IN);
        g_source_set_callback(container->exit, G_SOURCE_FUNC(on_exit_of_init), container, NULL);
        g_source_attach(container->exit, container->observer->context);
    }
    if (is_passing(container))
        look_soon(container->observer);
    else
        container->soon = 0;
}

typedef struct {
    char *path, *name;
} Question;

static void question_free(gpointer data)
{
    Question *question = data;
    g_free(question->path);
    g_free(question->name);
    g_free(question);
}

static gpointer inspect(gconstpointer input)
{
    const Question *question = input;
    return lxc_inspect(question->path, question->name, NULL);
}

static void inspected(gpointer input, gpointer result, gpointer user)
{
    Container *container = user;
    (void)input;
    container->busy = container->late = FALSE;
    if (container->gone) {
        if (result)
            lxc_inspection_free(result);
        container_free(container);
        return;
    }
    if (!result) {
        forget(container);
        return;
    }
    take(container, result);
    tell(container);
    if (container->again)
        ask(container);
}

static void inspect_late(gpointer input, gpointer user)
{
    Container *container = user;
    (void)input;
    container->late = TRUE;
    if (!container->gone)
        tell(container);
}

static void free_inspection(gpointer data)
{
    lxc_inspection_free(data);
}

static void ask(Container *container)
{
    static const LxcWorkKind kind = {inspect, inspected, inspect_late, question_free,
                                     free_inspection};
    container->again = container->busy;
    if (container->busy)
        return;
    container->busy = TRUE;
    Question *question = g_new0(Question, 1);
    question->path = g_strdup(container->path);
    question->name = g_strdup(container->name);
    lxc_work_submit(container->observer->work, &kind, question, container);
}

/* ---- which there are ---- */

static void add_container(Path *path, const char *name)
{
    GuestObserver *observer = path->observer;
    g_autofree char *native = g_strdup_printf("%s/%s", path->path, name);
    Container *container = g_hash_table_lookup(observer->containers, native);
    if (!container) {
        container = g_new0(Container, 1);
        container->observer = observer;
        container->path = path->path;
        container->name = g_strdup(name);
        container->native = g_steal_pointer(&native);
        g_hash_table_insert(observer->containers, container->native, container);
        ask(container);
    }
}

static void drop_missing(Path *path, GHashTable *present)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new();
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, path->observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Container *container = value;
        if (container->path == path->path && !g_hash_table_contains(present, container->name))
            g_ptr_array_add(missing, container);
    }
    for (guint i = 0; i < missing->len; i++)
        forget(g_ptr_array_index(missing, i));
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
    lxc_work_submit(path->observer->work, &kind, question, path);
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
    gpointer value;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Container *container = value;
        if (container->last && !container->last->init && !container->busy &&
            lxc_monitor_listens(container->path, container->name))
            ask(container);
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
    if (!about)
        return;
    Path *path = find_path(observer, about, strlen(about));
    if (path) {
        scan(path);
    } else if (event->len &&
               (strcmp(event->name, "config") == 0 || strcmp(event->name, "partial") == 0)) {
        Container *container = g_hash_table_lookup(observer->containers, about);
        path = find_path(observer, about, (gsize)(strrchr(about, '/') - about));
        if (container)
            ask(container); /* and finds out if it is gone */
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

static double rate(guint64 now, guint64 before, double seconds)
{
    if (now == LXC_COUNTER_UNKNOWN || before == LXC_COUNTER_UNKNOWN || now < before ||
        seconds <= 0)
        return NAN;
    return (double)(now - before) / seconds;
}

static double level(guint64 value)
{
    return value == LXC_COUNTER_UNKNOWN ? NAN : (double)value;
}

/* Fills in the figures of a running container; FALSE the first time. */
static gboolean measure(Container *container, GuestFigures *figures)
{
    LxcInspection *last = container->last;
    const LxcCounters before = container->counters;
    guint64 in_before = container->in, out_before = container->out;
    gboolean had_net = container->has_net;
    gint64 then = container->measured;
    LxcCounters now;
    lxc_cgroup_read(last->cgroup, &now);
    container->counters = now;
    container->has_net = last->net && lxc_net_read(last->net, &container->in, &container->out);
    container->measured = g_get_monotonic_time();
    if (!then)
        return FALSE;
    double seconds = (double)(container->measured - then) / G_USEC_PER_SEC;
    gboolean has_net = had_net && container->has_net;
    guint64 cache = now.cache == LXC_COUNTER_UNKNOWN ? 0 : now.cache;
    *figures = (GuestFigures){
        .native = container->native,
        .cpu = rate(now.cpu, before.cpu, seconds) / 1e7,
        .memory_used = level(now.memory) - (double)MIN(cache, now.memory),
        .memory_rss = level(now.rss),
        .disk_read = rate(now.disk_read, before.disk_read, seconds),
        .disk_write = rate(now.disk_write, before.disk_write, seconds),
        .disk_operations = rate(now.disk_operations, before.disk_operations, seconds),
        .net_in = has_net ? rate(container->in, in_before, seconds) : NAN,
        .net_out = has_net ? rate(container->out, out_before, seconds) : NAN,
    };
    return TRUE;
}

static void refresh(Container *container)
{
    GuestSummary *summary = container->last->summary;
    if (summary->state == GUEST_STATE_RUNNING || summary->state == GUEST_STATE_PAUSED)
        summary->state = container->counters.frozen ? GUEST_STATE_PAUSED : GUEST_STATE_RUNNING;
    if (container->last->net && container->observer->ticks % SLOW_TICKS == 0) {
        g_strfreev(summary->addresses);
        summary->addresses = lxc_net_addresses(container->last->net);
    }
    LxcProcess monitor;
    if (!container->busy && container->last->monitor > 0 &&
        (!lxc_process_read(container->last->monitor, &monitor) || strchr("TtD", monitor.state)))
        ask(container);
    tell(container);
}

static void measure_all(GuestObserver *observer)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(GuestFigures));
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Container *container = value;
        GuestFigures figures;
        if (!container->last || !container->last->init || !container->last->cgroup)
            continue;
        if (measure(container, &figures))
            g_array_append_val(all, figures);
        refresh(container);
    }
    if (all->len > 0)
        lxc_report_figures(observer->report, (const GuestFigures *)(const void *)all->data,
                           all->len);
}

static gboolean on_tick(gpointer data)
{
    GuestObserver *observer = data;
    /* On the full second, together with the rest of the agent. */
    g_source_set_ready_time(observer->tick,
                            (g_get_monotonic_time() / G_USEC_PER_SEC + 1) * G_USEC_PER_SEC);
    observer->ticks++;
    lxc_work_check(observer->work);
    measure_all(observer);
    probe(observer);
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, observer->containers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Container *container = value;
        if (is_passing(container) && !container->busy)
            ask(container);
    }
    for (guint i = 0; i < observer->paths->len && observer->ticks % SLOW_TICKS == 0; i++) {
        Path *path = g_ptr_array_index(observer->paths, i);
        if (path->known && !path->exists && !path->busy)
            scan(path);
    }
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

    lxc_work_free(observer->work);
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
    observer->report = lxc_report_new(context, events, user);
    observer->work = lxc_work_new(observer->context);
    observer->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    observer->paths = g_ptr_array_new_with_free_func(path_free);
    observer->containers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, container_free);
    observer->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    observer->answered = g_get_real_time() / G_USEC_PER_SEC;
    for (const char *const *p = settings->lxc_paths; p && *p; p++) {
        Path *path = g_new0(Path, 1);
        path->observer = observer;
        path->path = g_strdup(*p);
        path->watch = -1;
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
    lxc_report_stop(observer->report);
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
} Poke;

static void poke_free(gpointer data)
{
    Poke *poke = data;
    g_free(poke->native);
    g_free(poke);
}

static gboolean take_poke(gpointer data)
{
    Poke *poke = data;
    Container *container = g_hash_table_lookup(poke->observer->containers, poke->native);
    if (container)
        ask(container);
    return G_SOURCE_REMOVE;
}

void lxc_observe_poke(GuestObserver *observer, const char *native)
{
    Poke *poke = g_new0(Poke, 1);
    poke->observer = observer;
    poke->native = g_strdup(native);
    run_there(observer, take_poke, poke, poke_free);
}
