/* The container paths: which containers there are, and news of their files. */
#include "backend/guest/lxc_observe_private.h"
#include "backend/guest/lxc_scan.h"
#include "backend/wire/message.h"

#include <lxc/lxccontainer.h>
#include <lxc/version.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

void lxc_path_free(gpointer data)
{
    LxcPath *path = data;
    g_free(path->path);
    g_free(path);
}

/* ---- telling ---- */

static char *describe_missing(const GuestObserver *observer)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < observer->paths->len; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               ((const LxcPath *)g_ptr_array_index(observer->paths, i))->path);
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
        const LxcPath *path = g_ptr_array_index(observer->paths, i);
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

/* ---- which there are ---- */

static void add_container(LxcPath *path, const char *name)
{
    GuestObserver *observer = path->observer;
    g_autofree char *native = g_strdup_printf("%s/%s", path->path, name);
    if (g_hash_table_contains(observer->containers, native))
        return;
    LxcWatched *watched = lxc_watched_new(&observer->shared, path->path, name);
    g_hash_table_insert(observer->containers, (char *)(gintptr)lxc_watched_native(watched),
                        watched);
    lxc_observer_wake(observer);
}

static void drop_missing(LxcPath *path, GHashTable *present)
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
        lxc_observer_forget(g_ptr_array_index(missing, i), path->observer);
}

static void scanned(gpointer input, gpointer result, gpointer user)
{
    LxcPath *path = user;
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
        lxc_path_scan(path);
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
    LxcPath *path = user;
    (void)input;
    path->late = TRUE;
    tell_health(path->observer);
}

static void free_scan(gpointer data)
{
    lxc_scan_free(data);
}

void lxc_path_scan(LxcPath *path)
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
    lxc_observer_wake(path->observer);
}

/* ---- news ---- */

static LxcPath *find_path(GuestObserver *observer, const char *path, gsize length)
{
    for (guint i = 0; i < observer->paths->len; i++) {
        LxcPath *candidate = g_ptr_array_index(observer->paths, i);
        if (strlen(candidate->path) == length && strncmp(candidate->path, path, length) == 0)
            return candidate;
    }
    return NULL;
}

/* News of a directory that a scan under way has begun to watch, and not told of yet: what it
 * found there may be old, as a container without its config that has been written since. */
static void scan_again(GuestObserver *observer)
{
    for (guint i = 0; i < observer->paths->len; i++) {
        LxcPath *path = g_ptr_array_index(observer->paths, i);
        path->again = path->again || path->busy;
    }
}

static void take_news(GuestObserver *observer, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        for (guint i = 0; i < observer->paths->len; i++)
            lxc_path_scan(g_ptr_array_index(observer->paths, i));
        return;
    }
    if (event->wd == observer->root_watch) {
        if (event->len && g_str_has_prefix(event->name, "lxc."))
            lxc_observer_probe(observer);
        return;
    }
    const char *about = g_hash_table_lookup(observer->watches, GINT_TO_POINTER(event->wd));
    if (!about) {
        scan_again(observer);
        return;
    }
    LxcPath *path = find_path(observer, about, strlen(about));
    if (path) {
        lxc_path_scan(path);
    } else if (event->len &&
               (strcmp(event->name, "config") == 0 || strcmp(event->name, "partial") == 0)) {
        LxcWatched *watched = g_hash_table_lookup(observer->containers, about);
        path = find_path(observer, about, (gsize)(strrchr(about, '/') - about));
        if (watched)
            lxc_watched_ask(watched); /* and finds out if it is gone */
        else if (path)
            lxc_path_scan(path);
    }
    if (event->mask & IN_IGNORED)
        g_hash_table_remove(observer->watches, GINT_TO_POINTER(event->wd));
}

gboolean lxc_paths_take_news(int descriptor, GIOCondition condition, gpointer data)
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
