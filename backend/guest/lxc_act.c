#include "backend/guest/lxc_act.h"

#include "backend/guest/lxc_config.h"
#include "backend/guest/lxc_inspect.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ANSWER_SECONDS = 10, /* for a monitor to say its state */
    SHUTDOWN_SECONDS = 180,
    CLEANUP_SECONDS = 30, /* between the end of init and that of its monitor: hooks run */
    SLICE = 200,          /* milliseconds between looks at a cancellation */
    LOG_MAX = 65536,
    LOG_MESSAGES = 3,
};

/* ---- liblxc's reasons ---- */

/* liblxc says why only in its log. Unless the configuration names a file for it,
 * the errors go to one in memory, for as long as this process and the container's
 * monitor live. */
static void keep_log(LxcHandle *handle)
{
    g_autofree char *file = lxc_handle_item(handle, "lxc.log.file");
    int log = file ? -1 : memfd_create("lxc-log", MFD_CLOEXEC);
    if (log < 0)
        return;
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", log);
    (void)handle->set_config_item(handle, "lxc.log.level", "ERROR");
    (void)handle->set_config_item(handle, "lxc.log.file", path);
}

/* "... ERROR    start - start.c:function:12 - the message" */
static char *find_reasons(const char *log)
{
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    g_autoptr(GString) reasons = g_string_new(NULL);
    int count = 0;
    for (char **line = lines; *line && count < LOG_MESSAGES; line++) {
        const char *place = strstr(*line, " ERROR ");
        place = place ? strstr(place, " - ") : NULL;
        const char *message = place ? strstr(place + 3, " - ") : NULL;
        if (!message || strstr(reasons->str, message + 3))
            continue;
        g_string_append_printf(reasons, "%s%s", count++ ? "; " : "", message + 3);
    }
    return count ? g_strdup(reasons->str) : NULL;
}

void lxc_act_fail(LxcHandle *handle, const char *what, GError **error)
{
    char text[LOG_MAX] = "";
    g_autofree char *path = lxc_handle_item(handle, "lxc.log.file");
    int log = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (log >= 0) {
        struct stat status;
        off_t size = fstat(log, &status) == 0 ? status.st_size : 0;
        ssize_t length = pread(log, text, sizeof text - 1, MAX(size - LOG_MAX + 1, 0));
        text[MAX(length, 0)] = '\0';
        close(log);
    }
    g_autofree char *reasons = find_reasons(text);
    wire_error_set(error, WIRE_ERROR_FAILED, "container '%s' could not be %s: %s", handle->name,
                   what, reasons ? reasons : "liblxc does not say why");
}

/* ---- the state now ---- */

typedef struct {
    char *path, *name;
    GAsyncQueue *answer; /* of GuestState + 1 */
} Question;

static gpointer find_state(gpointer data)
{
    Question *question = data;
    g_autoptr(LxcInspection) found = lxc_inspect(question->path, question->name, NULL);
    GuestState state = found ? found->summary->state : GUEST_STATE_UNKNOWN;
    g_async_queue_push(question->answer, GINT_TO_POINTER((int)state + 1));
    g_async_queue_unref(question->answer);
    g_free(question->path);
    g_free(question->name);
    g_free(question);
    return NULL;
}

/* In a thread, because a stopped monitor never answers; then the thread is left
 * behind, and ends with this process. */
static gboolean ask_state(const char *path, const char *name, GuestState *state)
{
    g_autoptr(GAsyncQueue) answer = g_async_queue_new();
    Question *question = g_new0(Question, 1);
    question->path = g_strdup(path);
    question->name = g_strdup(name);
    question->answer = g_async_queue_ref(answer);
    GThread *thread = g_thread_new("lxc-state", find_state, question);
    gpointer found =
        g_async_queue_timeout_pop(answer, (guint64)ANSWER_SECONDS * G_USEC_PER_SEC);
    if (!found) {
        g_thread_unref(thread);
        return FALSE;
    }
    g_thread_join(thread); /* liblxc forks, and a process with threads forks badly */
    *state = (GuestState)(GPOINTER_TO_INT(found) - 1);
    return TRUE;
}

LxcHandle *lxc_act_open(const char *path, const char *name, GuestAct act, GError **error)
{
    GuestState state;
    g_autoptr(LxcHandle) handle = lxc_handle_open(path, name, error);
    if (!handle)
        return NULL;
    if (!ask_state(path, name, &state)) {
        wire_error_set(
            error, WIRE_ERROR_UNAVAILABLE,
            "the LXC monitor of container '%s' does not answer; find it with 'pgrep -f "
            "\"lxc monitor. %s %s$\"', and if it is stopped, let it go on with 'kill "
            "-CONT'",
            name, path, name);
        return NULL;
    }
    const char *refusal = guest_act_refusal(GUEST_KIND_CT, state, act);
    if (refusal) {
        wire_error_set(error, WIRE_ERROR_STATE, "container '%s' can't be %s: it %s", name,
                       guest_act_participle(act), refusal);
        return NULL;
    }
    keep_log(handle);
    return g_steal_pointer(&handle);
}

/* ---- waiting ---- */

/* Until the process ends, the deadline (monotonic microseconds) passes or somebody
 * cancels. WIRE_ERROR_CANCELLED, WIRE_ERROR_TIMEOUT (without a message of use). */
static gboolean wait_end(int process, gint64 deadline, const Job *job, GError **error)
{
    struct pollfd end = {.fd = process, .events = POLLIN};
    for (;;) {
        if (poll(&end, 1, SLICE) > 0)
            return TRUE;
        if (!job_continue(job, error))
            return FALSE;
        if (g_get_monotonic_time() > deadline) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT, "time is over");
            return FALSE;
        }
    }
}

static gint64 in_seconds(gint64 seconds)
{
    return g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
}

/* Until the monitor is gone too, with the hooks that it runs after the end. */
static gboolean wait_monitor(const char *path, const char *name, GError **error)
{
    for (gint64 deadline = in_seconds(CLEANUP_SECONDS); lxc_monitor_listens(path, name);) {
        if (g_get_monotonic_time() > deadline) {
            wire_error_set(
                error, WIRE_ERROR_TIMEOUT,
                "container '%s' ended, but its LXC monitor did not within %d s; is a "
                "hook of it hung?",
                name, CLEANUP_SECONDS);
            return FALSE;
        }
        g_usleep((gulong)SLICE * 100);
    }
    return TRUE;
}

/* ---- acts ---- */

static gboolean start(const char *path, const char *name, const json_t *params, const Job *job,
                      GError **error)
{
    if (wire_get_boolean(params, "paused", FALSE)) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "paused",
                             "container '%s' can't be started paused; only VMs can", name);
        return FALSE;
    }
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_START, error);
    if (!handle)
        return FALSE;
    (void)umask(022);
    (void)handle->want_daemonize(handle, true);
    (void)handle->want_close_all_fds(handle, true);
    job_progress(job, -1, "starting");
    if (!handle->start(handle, 0, NULL)) {
        lxc_act_fail(handle, "started", error);
        return FALSE;
    }
    job_log(job, "container '%s' runs, init is process %d", name,
            (int)handle->init_pid(handle));
    return TRUE;
}

static gboolean stop_now(const char *path, LxcHandle *handle, GError **error)
{
    if (!handle->stop(handle)) {
        lxc_act_fail(handle, "stopped", error);
        return FALSE;
    }
    return wait_monitor(path, handle->name, error);
}

static gboolean stop(const char *path, const char *name, const Job *job, GError **error)
{
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_STOP, error);
    if (!handle)
        return FALSE;
    job_progress(job, -1, "stopping");
    return stop_now(path, handle, error);
}

static gboolean shut_down(const char *path, const char *name, const json_t *params,
                          const Job *job, GError **error)
{
    gint64 seconds = wire_get_integer(params, "timeout", SHUTDOWN_SECONDS);
    gboolean force = g_str_equal(wire_get_string(params, "then", "fail"), "stop");
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_SHUTDOWN, error);
    if (!handle)
        return FALSE;
    int init = handle->init_pidfd(handle);
    if (init < 0 || !handle->shutdown(handle, 0)) {
        if (init >= 0)
            close(init);
        lxc_act_fail(handle, "asked to shut down", error);
        return FALSE;
    }
    job_progress(job, -1, "waiting for it to shut down");
    g_autoptr(GError) late = NULL;
    gboolean ended = wait_end(init, in_seconds(seconds), job, &late);
    close(init);
    if (ended)
        return wait_monitor(path, name, error);
    if (wire_error_code(late) != WIRE_ERROR_TIMEOUT) {
        g_propagate_error(error, g_steal_pointer(&late));
        return FALSE;
    }
    if (!force) {
        wire_error_set(error, WIRE_ERROR_TIMEOUT,
                       "container '%s' did not shut down within %" G_GINT64_FORMAT
                       " s; it still runs, and can be stopped",
                       name, seconds);
        return FALSE;
    }
    job_log(job, "it did not shut down within %" G_GINT64_FORMAT " s and is stopped", seconds);
    return stop_now(path, handle, error);
}

/* The old init is gone: until another one runs. */
static gboolean wait_running(const char *path, LxcHandle *handle, pid_t before, gint64 deadline,
                             const Job *job, GError **error)
{
    while (job_continue(job, error)) {
        if (!lxc_monitor_listens(path, handle->name)) {
            wire_error_set(error, WIRE_ERROR_STATE,
                           "container '%s' stopped instead of rebooting; start it",
                           handle->name);
            return FALSE;
        }
        pid_t now = handle->init_pid(handle);
        if (now > 0 && now != before &&
            lxc_state_parse(handle->state(handle)) == GUEST_STATE_RUNNING) {
            job_log(job, "container '%s' runs again, init is process %d", handle->name,
                    (int)now);
            return TRUE;
        }
        if (g_get_monotonic_time() > deadline) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT,
                           "container '%s' went down, but did not come up again in time",
                           handle->name);
            return FALSE;
        }
        g_usleep((gulong)SLICE * 500);
    }
    return FALSE;
}

static gboolean reboot(const char *path, const char *name, const json_t *params, const Job *job,
                       GError **error)
{
    gint64 seconds = wire_get_integer(params, "timeout", SHUTDOWN_SECONDS);
    gint64 deadline = in_seconds(seconds);
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_REBOOT, error);
    if (!handle)
        return FALSE;
    pid_t before = handle->init_pid(handle);
    int init = handle->init_pidfd(handle);
    if (init < 0 || !handle->reboot(handle)) {
        if (init >= 0)
            close(init);
        lxc_act_fail(handle, "asked to reboot", error);
        return FALSE;
    }
    job_progress(job, -1, "waiting for it to go down");
    g_autoptr(GError) late = NULL;
    gboolean ended = wait_end(init, deadline, job, &late);
    close(init);
    if (!ended) {
        if (wire_error_code(late) == WIRE_ERROR_TIMEOUT)
            wire_error_set(error, WIRE_ERROR_TIMEOUT,
                           "container '%s' did not go down for its reboot within "
                           "%" G_GINT64_FORMAT " s",
                           name, seconds);
        else
            g_propagate_error(error, g_steal_pointer(&late));
        return FALSE;
    }
    job_progress(job, -1, "waiting for it to come up");
    return wait_running(path, handle, before, deadline, job, error);
}

static gboolean freeze(const char *path, const char *name, GuestAct act, GError **error)
{
    gboolean pause = act == GUEST_ACT_PAUSE;
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, act, error);
    if (!handle)
        return FALSE;
    if (pause ? handle->freeze(handle) : handle->unfreeze(handle))
        return TRUE;
    lxc_act_fail(handle, pause ? "paused" : "resumed", error);
    return FALSE;
}

static gboolean set_autostart(const char *path, const char *name, const json_t *params,
                              GError **error)
{
    const char *value = wire_get_boolean(params, "enable", FALSE) ? "1" : "0";
    int directory = lxc_directory_open(path, name, error);
    if (directory < 0)
        return FALSE;
    g_autofree char *before = lxc_config_read(directory, error);
    g_autofree char *after = before ? lxc_config_set(before, "lxc.start.auto", value) : NULL;
    gboolean done = after && (g_str_equal(before, after) ||
                              lxc_config_write(directory, before, after, error));
    close(directory);
    if (!done)
        g_prefix_error(error, "container '%s': ", name);
    return done;
}

gboolean lxc_act(const GuestSettings *settings, const char *native, GuestAct act,
                 const json_t *params, const Job *job, json_t **result, GError **error)
{
    const char *path;
    g_autofree char *name = NULL;
    if (!lxc_native_split(settings, native, &path, &name, error))
        return FALSE;
    switch (act) {
    case GUEST_ACT_START:
        return start(path, name, params, job, error);
    case GUEST_ACT_SHUTDOWN:
        return shut_down(path, name, params, job, error);
    case GUEST_ACT_STOP:
        return stop(path, name, job, error);
    case GUEST_ACT_REBOOT:
        return reboot(path, name, params, job, error);
    case GUEST_ACT_PAUSE:
    case GUEST_ACT_RESUME:
        return freeze(path, name, act, error);
    case GUEST_ACT_AUTOSTART:
        return set_autostart(path, name, params, error);
    case GUEST_ACT_DELETE:
        return lxc_delete(path, name, params, job, result, error);
    case GUEST_ACT_RENAME:
        return lxc_rename(path, name, params, job, result, error);
    default:
        wire_error_set(error, WIRE_ERROR_STATE, "container '%s' can't be %s: it %s", name,
                       guest_act_participle(act),
                       guest_act_refusal(GUEST_KIND_CT, GUEST_STATE_UNKNOWN, act));
        return FALSE;
    }
}

gboolean lxc_recover(const GuestSettings *settings, const char *native, GuestAct act,
                     const json_t *note, const Job *job, char **outcome, GError **error)
{
    const char *path;
    g_autofree char *name = NULL;
    (void)job;
    if (!lxc_native_split(settings, native, &path, &name, error))
        return FALSE;
    if (act == GUEST_ACT_DELETE)
        return lxc_delete_recover(path, name, note, outcome, error);
    if (act == GUEST_ACT_RENAME)
        return lxc_rename_recover(path, name, note, outcome, error);
    *outcome = g_strdup("nothing was left half done");
    return TRUE;
}
