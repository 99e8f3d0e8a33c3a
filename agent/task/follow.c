#include "agent/task/engine_private.h"
#include "agent/task/launch.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#define LOOK_INTERVAL_MS 100
#define UNFINISHED       "; what it began could not be finished or undone"

static void send_signal(const Task *task, int number)
{
    if (task->pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, task->pidfd, number, NULL, 0);
}

void follow_forget(Task *task)
{
    TaskEngine *engine = task->engine;
    engine_detach(&task->process_source);
    engine_detach(&task->grace_source);
    engine_detach(&task->look_source);
    if (task->watch >= 0) {
        g_hash_table_remove(engine->watches, GINT_TO_POINTER(task->watch));
        (void)inotify_rm_watch(engine->inotify, task->watch);
        task->watch = -1;
    }
    if (task->pidfd >= 0)
        (void)close(task->pidfd);
    task->pidfd = -1;
}

/* Progress. */

static gboolean take_sight(Task *task, const TaskSight *sight)
{
    TaskInfo *info = task->info;
    const char *doing = wire_get_string(sight->status, "doing", NULL);
    double progress = wire_get_number(sight->status, "progress", -1);
    if (task->recovering)
        doing = "finishing or undoing what was interrupted";
    gboolean differs = info->log_size != sight->log_size || info->progress != progress ||
                       g_strcmp0(info->doing, doing) != 0;
    info->log_size = sight->log_size;
    info->progress = progress;
    if (g_strcmp0(info->doing, doing) != 0) {
        g_free(info->doing);
        info->doing = g_strdup(doing);
    }
    return differs;
}

static void request_look(Task *task);

static gboolean look_is_due(gpointer data)
{
    Task *task = data;
    g_clear_pointer(&task->look_source, g_source_unref);
    /* Not at once: a short task need not compete with its own record for the disk.
     * Until then a restart finds it queued and its lock taken, and follows it. */
    if (!task->is_saved)
        engine_save(task);
    task->is_saved = TRUE;
    if (task->look_again)
        request_look(task);
    return G_SOURCE_REMOVE;
}

static void run_look(Errand *errand)
{
    int tasks = errand_directory(errand->engine, NULL);
    if (tasks >= 0)
        task_files_look(tasks, errand->id, &errand->sight);
}

static void look_done(Errand *errand)
{
    Task *task = engine_find(errand->engine, errand->id);
    if (!task)
        return;
    task->is_looking = FALSE;
    if (task->phase != PHASE_RUNNING)
        return;
    if (take_sight(task, &errand->sight))
        engine_changed(task);
    task->look_source =
        engine_attach(task->engine, g_timeout_source_new(LOOK_INTERVAL_MS), look_is_due, task);
}

/* At most one look at a time, and ten a second. */
static void request_look(Task *task)
{
    task->look_again = task->is_looking || task->look_source;
    if (task->look_again)
        return;
    task->is_looking = TRUE;
    errand_start(errand_new(task->engine, task->info->id, run_look, look_done));
}

static gboolean on_inotify(gint fd, GIOCondition condition, gpointer data)
{
    TaskEngine *engine = data;
    _Alignas(struct inotify_event) char buffer[16384];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        for (char *p = buffer; p < buffer + got;) {
            const struct inotify_event *event = (const void *)p;
            p += sizeof *event + event->len;
            Task *task = g_hash_table_lookup(engine->watches, GINT_TO_POINTER(event->wd));
            if (task && task->phase == PHASE_RUNNING)
                request_look(task);
        }
    }
    return G_SOURCE_CONTINUE;
}

void follow_watch_events(TaskEngine *engine)
{
    if (engine->inotify >= 0)
        engine->inotify_source =
            engine_attach(engine, g_unix_fd_source_new(engine->inotify, G_IO_IN),
                          G_SOURCE_FUNC(on_inotify), engine);
}

/* In the thread. */
static int add_watch(const TaskEngine *engine, const char *id)
{
    g_autofree char *path = g_build_filename(engine->directory, id, NULL);
    return engine->inotify < 0
               ? -1
               : inotify_add_watch(engine->inotify, path, IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR);
}

/* The process. */

static gboolean on_process_end(gint fd, GIOCondition condition, gpointer data)
{
    Task *task = data;
    siginfo_t info = {0};
    g_clear_pointer(&task->exit, g_free);
    /* An adopted one is somebody else's child: there is nothing to reap. */
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid)
        task->exit = g_strdup_printf(info.si_code == CLD_EXITED ? "it ended with status %d"
                                                                : "signal %d",
                                     info.si_status);
    follow_forget(task);
    task->phase = PHASE_SETTLING;
    follow_settle(task);
    return G_SOURCE_REMOVE;
}

static gboolean grace_is_over(gpointer data)
{
    Task *task = data;
    g_clear_pointer(&task->grace_source, g_source_unref);
    task->was_killed = TRUE;
    send_signal(task, SIGKILL);
    return G_SOURCE_REMOVE;
}

void follow_terminate(Task *task)
{
    send_signal(task, SIGTERM);
    if (!task->grace_source)
        task->grace_source =
            engine_attach(task->engine, g_timeout_source_new_seconds(task->engine->grace),
                          grace_is_over, task);
}

static void follow_process(Task *task, int pidfd, int watch)
{
    task->pidfd = pidfd;
    task->watch = watch;
    if (watch >= 0)
        g_hash_table_insert(task->engine->watches, GINT_TO_POINTER(watch), task);
    task->phase = PHASE_RUNNING;
    task->process_source = engine_attach(task->engine, g_unix_fd_source_new(pidfd, G_IO_IN),
                                         G_SOURCE_FUNC(on_process_end), task);
    task->info->state = TASK_RUNNING;
    if (task->info->started <= 0)
        task->info->started = (double)g_get_real_time() / G_USEC_PER_SEC;
    engine_changed(task);
    if (task->is_cancelling)
        follow_terminate(task);
    request_look(task);
}

/* Starting. */

static json_t *make_request(const Task *task)
{
    const TaskInfo *info = task->info;
    json_t *request = json_object();
    json_object_set_new(request, "method", wire_string(info->method));
    json_object_set_new(request, "object", wire_string(info->object));
    json_object_set_new(request, "name", wire_string(info->name));
    json_object_set_new(request, "native", wire_string(info->native));
    json_object_set_new(request, "owner", wire_string(info->owner));
    json_object_set_new(request, "uid", json_integer(info->uid));
    json_object_set_new(request, "params", json_deep_copy(info->params));
    json_object_set_new(request, "settings", json_deep_copy(task->engine->settings));
    return request;
}

static void run_launch(Errand *errand)
{
    int tasks = errand_directory(errand->engine, &errand->error);
    int directory = tasks < 0 ? -1 : task_files_open(tasks, errand->id, TRUE, &errand->error);
    if (directory < 0)
        return;
    (void)close(directory);
    errand->watch = add_watch(errand->engine, errand->id);
    (void)task_launch(tasks, errand->engine->directory, errand->id, errand->request,
                      errand->recover, &errand->pidfd, &errand->error);
}

static void set_error(Task *task, WireErrorCode code, const char *field, char *message)
{
    g_free(task->info->error);
    g_free(task->info->field);
    task->info->error = message;
    task->info->field = g_strdup(field);
    task->info->code = code;
}

static void add_to_error(Task *task, const char *more)
{
    g_autofree char *before = task->info->error;
    task->info->error = g_strconcat(before ? before : "", more, NULL);
}

static void end_failed(Task *task)
{
    task->info->state = task->info->code == WIRE_ERROR_CANCELLED ? TASK_CANCELLED : TASK_FAILED;
    engine_release(task);
}

static void end_unfinished(Task *task, const char *reason)
{
    g_autofree char *more =
        g_strdup_printf(UNFINISHED " (%s): it is tried again when gantryd starts", reason);
    add_to_error(task, more);
    task->info->unrecovered = TRUE;
    end_failed(task);
}

static void launch_done(Errand *errand)
{
    Task *task = engine_find(errand->engine, errand->id);
    if (!task)
        return;
    if (!errand->error) {
        follow_process(task, errand->pidfd, errand->watch);
        errand->pidfd = -1;
        return;
    }
    task->phase = PHASE_SETTLING;
    if (task->recovering) {
        end_unfinished(task, errand->error->message);
        return;
    }
    set_error(task, wire_error_code(errand->error), NULL, g_strdup(errand->error->message));
    end_failed(task);
}

void follow_launch(Task *task, gboolean recover)
{
    Errand *errand = errand_new(task->engine, task->info->id, run_launch, launch_done);
    errand->request = make_request(task);
    errand->recover = recover;
    task->phase = PHASE_LAUNCHING;
    task->recovering = recover;
    errand_start(errand);
}

/* Settling: a task without a known process, by what its directory shows. */

static void run_settle(Errand *errand)
{
    TaskSight *sight = &errand->sight;
    int tasks = errand_directory(errand->engine, &errand->error);
    if (tasks < 0)
        return;
    task_files_look(tasks, errand->id, sight);
    if (sight->life == TASK_LIFE_ALIVE)
        errand->watch = add_watch(errand->engine, errand->id);
    if (sight->life != TASK_LIFE_GONE || (sight->result && !sight->has_note))
        return;
    /* What it has started must not go on while it is undone. */
    task_files_kill_session(sight->pid, errand->id);
    int directory = task_files_open(tasks, errand->id, FALSE, NULL);
    if (directory < 0)
        return;
    if (!sight->result && !sight->recovery)
        (void)task_files_log(directory, TASK_LOG_MAX + TASK_LOG_SPARE,
                             "the task's process is gone and has left no result");
    (void)close(directory);
}

static gboolean is_of_this_boot(const Task *task)
{
    return g_str_equal(task->info->boot, task->engine->boot);
}

static void explain_unbegun(Task *task)
{
    /* The request to stop can come before the process listens to it. */
    if (task->is_cancelling && is_of_this_boot(task))
        set_error(task, WIRE_ERROR_CANCELLED, NULL,
                  g_strdup_printf("cancelled by %s before it began", task->canceller));
    else if (is_of_this_boot(task))
        set_error(task, WIRE_ERROR_FAILED, NULL,
                  g_strdup_printf("the task's process could not begin (%s)",
                                  task->exit ? task->exit : "it is gone"));
    else
        set_error(task, WIRE_ERROR_FAILED, NULL,
                  g_strdup("the machine was restarted before it began"));
}

static void explain_gone(Task *task)
{
    if (!is_of_this_boot(task))
        set_error(task, WIRE_ERROR_FAILED, NULL,
                  g_strdup("the machine was restarted while it ran"));
    else if (task->was_killed)
        set_error(task, WIRE_ERROR_CANCELLED, NULL,
                  g_strdup_printf("cancelled by %s: it did not stop within %u s and was killed",
                                  task->canceller, task->engine->grace));
    else if (task->exit)
        set_error(task, WIRE_ERROR_FAILED, NULL,
                  g_strdup_printf("the task's process was killed (%s)", task->exit));
    else
        set_error(task, WIRE_ERROR_FAILED, NULL, g_strdup("the task's process was killed"));
}

static void explain_result(Task *task, const json_t *error)
{
    WireErrorCode code = wire_error_from_name(wire_get_string(error, "code", "failed"));
    const char *message = wire_get_string(error, "message", "it failed");
    if (code == WIRE_ERROR_CANCELLED && task->canceller)
        set_error(task, code, NULL, g_strdup_printf("%s by %s", message, task->canceller));
    else
        set_error(task, code, wire_get_string(error, "field", NULL), g_strdup(message));
}

static void end_done(Task *task, json_t *result)
{
    json_decref(task->info->result);
    task->info->result = json_incref(result);
    task->info->state = TASK_DONE;
    task->info->progress = 100;
    task->info->unrecovered = FALSE;
    engine_release(task);
}

static void begin_recovery(Task *task)
{
    task->has_recovered = TRUE;
    task->info->unrecovered = TRUE;
    task->info->state = TASK_RUNNING;
    /* Asked to stop, it was asked to stop running: now it is cleaned up after. */
    task->is_cancelling = FALSE;
    engine_save(task);
    follow_launch(task, TRUE);
}

/* It has failed, for the reason in its info: is there anything to recover? */
static void settle_failed(Task *task, const TaskSight *sight)
{
    const json_t *error = json_object_get(sight->outcome, "error");
    const char *outcome =
        wire_get_string(json_object_get(sight->outcome, "result"), "outcome", NULL);
    if (sight->has_note && !task->has_recovered) {
        begin_recovery(task);
        return;
    }
    if (sight->has_note) {
        end_unfinished(task, wire_get_string(error, "message", "its process was killed"));
        return;
    }
    task->info->unrecovered = FALSE;
    if (outcome) {
        add_to_error(task, "; ");
        add_to_error(task, outcome);
    }
    end_failed(task);
}

static void settle_done(Errand *errand)
{
    Task *task = engine_find(errand->engine, errand->id);
    TaskSight *sight = &errand->sight;
    if (!task)
        return;
    if (errand->error) {
        set_error(task, wire_error_code(errand->error), NULL, g_strdup(errand->error->message));
        end_failed(task);
        return;
    }
    if (sight->life == TASK_LIFE_ALIVE) {
        task->recovering = task->has_recovered = sight->recovery;
        follow_process(task, sight->pidfd, errand->watch);
        sight->pidfd = -1;
        return;
    }
    (void)take_sight(task, sight);
    json_t *result = json_object_get(sight->result, "result");
    if (result) {
        end_done(task, result);
        return;
    }
    if (sight->life == TASK_LIFE_FRESH && !errand->has_ended && is_of_this_boot(task)) {
        /* Queued, or cut off between its start and its first step: either way it
         * has not begun, and only one process will. */
        follow_launch(task, FALSE);
        return;
    }
    /* A recovery's end does not change why it failed. */
    if (!task->info->error) {
        if (sight->result)
            explain_result(task, json_object_get(sight->result, "error"));
        else if (sight->life == TASK_LIFE_FRESH)
            explain_unbegun(task);
        else
            explain_gone(task);
    }
    settle_failed(task, sight);
}

void follow_settle(Task *task)
{
    Errand *errand = errand_new(task->engine, task->info->id, run_settle, settle_done);
    /* Distinguishes a process of ours that ended from what a restart finds. */
    errand->has_ended = task->exit != NULL;
    char *unfinished = task->info->error ? strstr(task->info->error, UNFINISHED) : NULL;
    if (unfinished)
        *unfinished = '\0';
    errand_start(errand);
}
