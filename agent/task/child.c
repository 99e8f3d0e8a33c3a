#include "agent/task/child.h"

#include "agent/local/task_info.h"
#include "agent/task/files.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATUS_INTERVAL_US 100000

enum { EXIT_DONE = 0, EXIT_WRITE = 1, EXIT_USAGE = 2, EXIT_TAKEN = 3 };

typedef struct {
    int directory;
    json_t *request;
    TaskRequest view;
    /* The status as last given, and when it was last written. */
    double progress;
    char *doing;
    gint64 written;
    gboolean stale;
    guint64 log_max;
    gboolean log_full;
    gboolean has_note; /* has left one, now or earlier */
} Child;

static volatile sig_atomic_t is_cancelled;

static void on_terminate(int signal)
{
    is_cancelled = 1;
}

/* The job. */

static void write_status(Child *child)
{
    g_autoptr(json_t) status = json_object();
    json_object_set_new(status, "progress",
                        child->progress < 0 ? json_null() : json_real(child->progress));
    json_object_set_new(status, "doing", wire_string(child->doing));
    child->stale = !task_files_write(child->directory, "status.json", status, FALSE, NULL);
    child->written = g_get_monotonic_time();
}

static void job_set_progress(double percent, const char *doing, gpointer user)
{
    Child *child = user;
    child->progress = MIN(percent, 100);
    if (g_strcmp0(doing, child->doing) != 0) {
        g_free(child->doing);
        child->doing = g_strdup(doing);
    }
    child->stale = TRUE;
    if (g_get_monotonic_time() - child->written >= STATUS_INTERVAL_US)
        write_status(child);
}

static void job_add_log(const char *line, gpointer user)
{
    Child *child = user;
    if (child->log_full || task_files_log(child->directory, child->log_max, line))
        return;
    child->log_full = TRUE;
    (void)task_files_log(child->directory, child->log_max + TASK_LOG_SPARE,
                         "the log ends here: it has reached its limit");
}

static gboolean job_is_cancelled(gpointer user)
{
    Child *child = user;
    /* Asked often by whoever works long: a good moment for what was held back. */
    if (child->stale && g_get_monotonic_time() - child->written >= STATUS_INTERVAL_US)
        write_status(child);
    return is_cancelled != 0;
}

static gboolean job_keep_note(const json_t *note, gpointer user, GError **error)
{
    Child *child = user;
    child->has_note |= note != NULL;
    if (note)
        return task_files_write(child->directory, "note.json", note, TRUE, error);
    (void)unlinkat(child->directory, "note.json", 0);
    (void)fsync(child->directory);
    return TRUE;
}

static const JobEvents job_events = {job_set_progress, job_add_log, job_is_cancelled,
                                     job_keep_note};

/* Results. */

static json_t *error_json(const GError *error)
{
    json_t *object = json_object();
    json_object_set_new(object, "code", json_string(wire_error_name(wire_error_code(error))));
    json_object_set_new(object, "message", wire_string(error->message));
    if (wire_error_field(error))
        json_object_set_new(object, "field", wire_string(wire_error_field(error)));
    return object;
}

static gboolean write_end(Child *child, const char *name, json_t *result, const GError *error)
{
    g_autoptr(json_t) end = json_object();
    g_autoptr(GError) failure = NULL;
    if (error)
        json_object_set_new(end, "error", error_json(error));
    else
        json_object_set(end, "result", result);
    if (json_dumpb(end, NULL, 0, JSON_COMPACT) > TASK_RESULT_MAX)
        json_object_set_new(end, "result", json_pack("{s:b}", "too_large", 1));
    if (child->stale)
        write_status(child);
    /* The database knows a moment later; only a note must not be outlived by doubt. */
    if (task_files_write(child->directory, name, end, child->has_note, &failure))
        return TRUE;
    job_add_log(failure->message, child);
    return FALSE;
}

static const TaskHandler *find_handler(const TaskHandler *handlers, const char *method,
                                       GError **error)
{
    for (; handlers->method; handlers++)
        if (g_str_has_suffix(handlers->method, ".") ? g_str_has_prefix(method, handlers->method)
                                                    : g_str_equal(method, handlers->method))
            return handlers;
    wire_error_set(error, WIRE_ERROR_METHOD, "no task does %s in this version of gantryd",
                   method);
    return NULL;
}

static int run_task(Child *child, const TaskHandler *handlers)
{
    Job job = {&job_events, child};
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) result = NULL;
    const TaskHandler *handler = find_handler(handlers, child->view.method, &error);
    gboolean done = handler && job_continue(&job, &error) &&
                    handler->run(&child->view, &job, handler->user, &result, &error);
    if (!done && !error)
        wire_error_set(&error, WIRE_ERROR_INTERNAL, "%s failed without a reason",
                       child->view.method);
    if (error)
        job_log(&job, "failed: %s", error->message);
    if (!result)
        result = json_object();
    if (!write_end(child, "result.json", result, error))
        return EXIT_WRITE;
    /* Only now: killed before, the note still tells how to finish or undo. */
    if (!error)
        (void)unlinkat(child->directory, "note.json", 0);
    return EXIT_DONE;
}

static int recover_task(Child *child, const TaskHandler *handlers)
{
    Job job = {&job_events, child};
    g_autoptr(GError) error = NULL;
    g_autofree char *outcome = NULL;
    g_autoptr(json_t) note =
        task_files_read(child->directory, "note.json", TASK_FILE_MAX, &error);
    const TaskHandler *handler =
        note ? find_handler(handlers, child->view.method, &error) : NULL;
    job_log(&job, "the task was interrupted: finishing or undoing what it began");
    if (handler && !handler->recover)
        wire_error_set(&error, WIRE_ERROR_INTERNAL, "%s leaves notes and can't read them",
                       child->view.method);
    else if (handler &&
             !handler->recover(&child->view, note, &job, handler->user, &outcome, &error) &&
             !error)
        wire_error_set(&error, WIRE_ERROR_INTERNAL,
                       "the recovery of %s failed without a reason", child->view.method);
    job_log(&job, error ? "recovery failed: %s" : "recovered: %s",
            error     ? error->message
            : outcome ? outcome
                      : "nothing was left to do");
    g_autoptr(json_t) result = json_pack(
        "{s:o}", "outcome", wire_string(outcome ? outcome : "nothing was left to do"));
    if (!write_end(child, "outcome.json", result, error))
        return EXIT_WRITE;
    if (!error)
        (void)unlinkat(child->directory, "note.json", 0);
    return EXIT_DONE;
}

/* The descriptor stays open, and the lock with it, until the process ends. */
static gboolean take_lock(int directory, gboolean recover)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char text[64];
    if (fd >= 0 && fcntl(fd, F_SETLK, &lock) < 0 && (errno == EACCES || errno == EAGAIN))
        return FALSE;
    if (fd >= 0 && !recover && pread(fd, text, sizeof text, 0) > 0)
        return FALSE;
    int length =
        g_snprintf(text, sizeof text, "%d %s\n", (int)getpid(), recover ? "recover" : "run");
    /* Over what is there: a recovery gets no other block when the disk is full. */
    if (fd >= 0 && pwrite(fd, text, (size_t)length, 0) == length && ftruncate(fd, length) == 0)
        return TRUE;
    /* Goes to the log, or nowhere when the disk is full. */
    (void)fprintf(stderr, "the task can't begin: its lock can't be written: %s\n",
                  g_strerror(errno));
    return FALSE;
}

static gboolean read_request(Child *child, const char *id, GError **error)
{
    child->request = task_files_read(child->directory, "request.json", TASK_FILE_MAX, error);
    if (!child->request)
        return FALSE;
    const json_t *request = child->request;
    child->view = (TaskRequest){
        .id = id,
        .method = wire_get_string(request, "method", ""),
        .object = wire_get_string(request, "object", ""),
        .name = wire_get_string(request, "name", ""),
        .native = wire_get_string(request, "native", ""),
        .owner = wire_get_string(request, "owner", ""),
        .uid = (guint)wire_get_integer(request, "uid", 0),
        .params = json_object_get(request, "params"),
        .settings = json_object_get(request, "settings"),
    };
    if (json_is_object(child->view.params) && json_is_object(child->view.settings))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_INTERNAL, "the task's request has no parameters");
    return FALSE;
}

static void set_signals(void)
{
    struct sigaction terminate = {.sa_handler = on_terminate, .sa_flags = SA_RESTART};
    (void)sigaction(SIGTERM, &terminate, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

int task_child_main(const TaskHandler *handlers, int argc, char **argv)
{
    gboolean recover = argc == 5 && g_str_equal(argv[3], "--recover");
    if ((argc != 4 && !recover) || !g_str_equal(argv[1], "--directory")) {
        (void)fputs("usage: gantryd task --directory DIR [--recover] ID\n", stderr);
        return EXIT_USAGE;
    }
    set_signals();
    g_autoptr(GError) error = NULL;
    Child child = {.directory = -1,
                   .progress = -1,
                   .has_note = recover,
                   .log_max = TASK_LOG_MAX + (recover ? TASK_LOG_SPARE : 0)};
    const char *id = argv[argc - 1];
    int tasks = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tasks >= 0) {
        child.directory = task_files_open(tasks, id, FALSE, &error);
        (void)close(tasks);
    }
    if (child.directory < 0) {
        (void)fprintf(stderr, "gantryd task: %s: %s\n", argv[2],
                      error ? error->message : "can't be opened");
        return EXIT_USAGE;
    }
    if (!take_lock(child.directory, recover))
        return EXIT_TAKEN;
    int status;
    if (!read_request(&child, id, &error))
        status = write_end(&child, recover ? "outcome.json" : "result.json", NULL, error)
                     ? EXIT_DONE
                     : EXIT_WRITE;
    else
        status = recover ? recover_task(&child, handlers) : run_task(&child, handlers);
    json_decref(child.request);
    g_free(child.doing);
    return status;
}
