#include "backend/guest/lxc_watched.h"

#include "backend/guest/lxc_inspect.h"
#include "backend/guest/lxc_process.h"

#include <glib-unix.h>
#include <math.h>
#include <poll.h>
#include <string.h>

enum { SOON_TIMES = 100 }; /* how often a container is looked at in passing */

struct LxcWatched {
    const LxcWatchedOwner *owner;
    char *path, *name, *native;
    gboolean busy, again, late;   /* liblxc is asked; and then again; past the deadline */
    gboolean looking, look_again; /* to be reported when this answer, or the next, is there */
    gboolean gone;                /* forgotten while liblxc was asked */
    int soon;                     /* how often it was looked at in passing */
    LxcInspection *last;          /* NULL until liblxc answered */
    GuestSummary *told;           /* what the agent knows */
    GSource *exit;                /* of its init */
    gint64 measured;              /* monotonic microseconds, 0: never */
    LxcCounters counters;
    guint64 in, out;
    gboolean has_net;
};

const char *lxc_watched_native(const LxcWatched *watched)
{
    return watched->native;
}

const char *lxc_watched_name(const LxcWatched *watched)
{
    return watched->name;
}

const char *lxc_watched_path(const LxcWatched *watched)
{
    return watched->path;
}

/* ---- telling ---- */

static char *late_reason(const LxcWatched *watched)
{
    int monitor = watched->last ? (int)watched->last->monitor : 0;
    if (monitor > 0)
        return g_strdup_printf(
            "its LXC monitor (process %d) does not answer; if it is stopped, "
            "'kill -CONT %d' lets it go on",
            monitor, monitor);
    return g_strdup("its LXC monitor or its file system does not answer");
}

static void tell(LxcWatched *watched)
{
    GuestSummary bare = {.kind = GUEST_KIND_CT,
                         .native = watched->native,
                         .name = watched->name,
                         .persistent = TRUE};
    if (!watched->last && !watched->late)
        return;
    g_autoptr(GuestSummary) summary =
        guest_summary_copy(watched->last ? watched->last->summary : &bare);
    if (watched->late) {
        summary->state = GUEST_STATE_UNKNOWN;
        g_free(summary->reason);
        summary->reason = late_reason(watched);
    }
    if (watched->told && guest_summary_equal(watched->told, summary))
        return;
    guest_report_changed(watched->owner->report, summary);
    guest_summary_free(watched->told);
    watched->told = g_steal_pointer(&summary);
}

/* ---- its life ---- */

static void drop_exit(LxcWatched *watched)
{
    if (watched->exit) {
        g_source_destroy(watched->exit);
        g_clear_pointer(&watched->exit, g_source_unref);
    }
}

void lxc_watched_free(gpointer data)
{
    LxcWatched *watched = data;
    drop_exit(watched);
    lxc_inspection_free(watched->last);
    guest_summary_free(watched->told);
    g_free(watched->path);
    g_free(watched->name);
    g_free(watched->native);
    g_free(watched);
}

static gboolean is_passing(const LxcWatched *watched)
{
    const LxcInspection *last = watched->last;
    return last && (last->summary->state == GUEST_STATE_STARTING ||
                    last->summary->state == GUEST_STATE_STOPPING ||
                    (last->summary->state == GUEST_STATE_RUNNING && !last->init));
}

static gboolean on_exit_of_init(int descriptor, GIOCondition condition, gpointer data)
{
    LxcWatched *watched = data;
    (void)descriptor;
    (void)condition;
    g_clear_pointer(&watched->exit, g_source_unref);
    lxc_watched_ask(watched);
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

static void take(LxcWatched *watched, LxcInspection *inspection)
{
    drop_exit(watched);
    keep_orphan(watched->last, inspection);
    gboolean same = watched->last && watched->last->init == inspection->init;
    lxc_inspection_free(watched->last);
    watched->last = inspection;
    if (!same)
        watched->measured = 0;
    if (inspection->init_handle >= 0) {
        watched->exit = g_unix_fd_source_new(inspection->init_handle, G_IO_IN);
        g_source_set_callback(watched->exit, G_SOURCE_FUNC(on_exit_of_init), watched, NULL);
        g_source_attach(watched->exit, watched->owner->context);
    }
    if (is_passing(watched))
        watched->owner->passing(watched->owner->user);
    else
        watched->soon = 0;
}

/* ---- asking ---- */

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
    LxcWatched *watched = user;
    (void)input;
    watched->busy = watched->late = FALSE;
    if (watched->gone) {
        if (result)
            lxc_inspection_free(result);
        lxc_watched_free(watched);
        return;
    }
    if (!result) {
        watched->owner->vanished(watched, watched->owner->user);
        return;
    }
    take(watched, result);
    tell(watched);
    if (watched->looking)
        guest_report_looked(watched->owner->report, watched->native);
    watched->looking = watched->look_again;
    watched->look_again = FALSE;
    if (watched->again)
        lxc_watched_ask(watched);
}

static void inspect_late(gpointer input, gpointer user)
{
    LxcWatched *watched = user;
    (void)input;
    watched->late = TRUE;
    if (!watched->gone)
        tell(watched);
}

static void free_inspection(gpointer data)
{
    lxc_inspection_free(data);
}

void lxc_watched_ask(LxcWatched *watched)
{
    static const LxcWorkKind kind = {inspect, inspected, inspect_late, question_free,
                                     free_inspection};
    watched->again = watched->busy;
    if (watched->busy)
        return;
    watched->busy = TRUE;
    Question *question = g_new0(Question, 1);
    question->path = g_strdup(watched->path);
    question->name = g_strdup(watched->name);
    lxc_work_submit(watched->owner->work, &kind, question, watched);
}

void lxc_watched_look(LxcWatched *watched)
{
    /* The answer to a question that is out may be older than this. */
    if (watched->busy)
        watched->look_again = TRUE;
    else
        watched->looking = TRUE;
    lxc_watched_ask(watched);
}

void lxc_watched_probe(LxcWatched *watched)
{
    if (watched->last && !watched->last->init && !watched->busy &&
        lxc_monitor_listens(watched->path, watched->name))
        lxc_watched_ask(watched);
}

gboolean lxc_watched_look_again(LxcWatched *watched)
{
    if (!is_passing(watched) || watched->soon >= SOON_TIMES)
        return FALSE;
    watched->soon++;
    if (!watched->busy)
        lxc_watched_ask(watched);
    return TRUE;
}

LxcWatched *lxc_watched_new(const LxcWatchedOwner *owner, const char *path, const char *name)
{
    LxcWatched *watched = g_new0(LxcWatched, 1);
    watched->owner = owner;
    watched->path = g_strdup(path);
    watched->name = g_strdup(name);
    watched->native = g_strdup_printf("%s/%s", path, name);
    lxc_watched_ask(watched);
    return watched;
}

void lxc_watched_forget(LxcWatched *watched)
{
    if (watched->told)
        guest_report_gone(watched->owner->report, watched->native);
    watched->gone = TRUE;
    drop_exit(watched);
    if (!watched->busy)
        lxc_watched_free(watched);
}

/* ---- measuring ---- */

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
static gboolean measure(LxcWatched *watched, GuestFigures *figures)
{
    LxcInspection *last = watched->last;
    const LxcCounters before = watched->counters;
    guint64 in_before = watched->in, out_before = watched->out;
    gboolean had_net = watched->has_net;
    gint64 then = watched->measured;
    LxcCounters now;
    lxc_cgroup_read(last->cgroup, &now);
    watched->counters = now;
    watched->has_net = last->net && lxc_net_read(last->net, &watched->in, &watched->out);
    watched->measured = g_get_monotonic_time();
    if (!then)
        return FALSE;
    double seconds = (double)(watched->measured - then) / G_USEC_PER_SEC;
    gboolean has_net = had_net && watched->has_net;
    guint64 cache = now.cache == LXC_COUNTER_UNKNOWN ? 0 : now.cache;
    *figures = (GuestFigures){
        .native = watched->native,
        .cpu = rate(now.cpu, before.cpu, seconds) / 1e7,
        .memory_used = level(now.memory) - (double)MIN(cache, now.memory),
        .memory_rss = level(now.rss),
        .disk_read = rate(now.disk_read, before.disk_read, seconds),
        .disk_write = rate(now.disk_write, before.disk_write, seconds),
        .disk_operations = rate(now.disk_operations, before.disk_operations, seconds),
        .net_in = has_net ? rate(watched->in, in_before, seconds) : NAN,
        .net_out = has_net ? rate(watched->out, out_before, seconds) : NAN,
    };
    return TRUE;
}

static void refresh(LxcWatched *watched, gboolean slowly)
{
    GuestSummary *summary = watched->last->summary;
    if (summary->state == GUEST_STATE_RUNNING || summary->state == GUEST_STATE_PAUSED)
        summary->state = watched->counters.frozen ? GUEST_STATE_PAUSED : GUEST_STATE_RUNNING;
    if (watched->last->net && slowly) {
        g_strfreev(summary->addresses);
        summary->addresses = lxc_net_addresses(watched->last->net);
    }
    LxcProcess monitor;
    if (!watched->busy && watched->last->monitor > 0 &&
        (!lxc_process_read(watched->last->monitor, &monitor) || strchr("TtD", monitor.state)))
        lxc_watched_ask(watched);
    tell(watched);
}

gboolean lxc_watched_measure(LxcWatched *watched, gboolean slowly, GuestFigures *figures)
{
    if (is_passing(watched) && !watched->busy)
        lxc_watched_ask(watched);
    if (!watched->last || !watched->last->init || !watched->last->cgroup)
        return FALSE;
    gboolean measured = measure(watched, figures);
    refresh(watched, slowly);
    return measured;
}
