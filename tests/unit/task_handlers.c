#include "tests/unit/task_handlers.h"

#include "agent/task/files.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static gboolean run_echo(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    job_log(job, "hello from %s", request->id);
    job_progress(job, 50, "echoing");
    *result = json_pack("{s:s,s:s,s:s}", "text", wire_get_string(request->params, "text", ""),
                        "native", request->native, "setting",
                        wire_get_string(request->settings, "setting", ""));
    return TRUE;
}

static gboolean run_fail(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    wire_error_set_field(error, WIRE_ERROR_STATE, "guest", "%s is on fire", request->object);
    return FALSE;
}

static gboolean wait_at_gate(const TaskRequest *request, const Job *job, gboolean deaf,
                             GError **error)
{
    const char *gate = wire_get_string(request->params, "gate", NULL);
    int fd = gate ? open(gate, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "no gate");
        return FALSE;
    }
    job_progress(job, 10, "waiting");
    struct pollfd wait = {fd, POLLIN, 0};
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        if (!deaf && !job_continue(job, error)) {
            (void)close(fd);
            return FALSE;
        }
    (void)close(fd);
    return TRUE;
}

static gboolean run_wait(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    return wait_at_gate(request, job, FALSE, error);
}

/* Hears no SIGTERM, and has a process of its own that hears none either and
 * keeps the FIFO params.held open. */
static gboolean run_deaf(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    int held = open(wire_get_string(request->params, "held", ""), O_WRONLY);
    if (held < 0 || fork() == 0)
        for (;;)
            (void)pause();
    (void)close(held);
    return wait_at_gate(request, job, TRUE, error);
}

static gboolean keep_note(const Job *job, const char *file, GError **error)
{
    g_autoptr(json_t) note = json_pack("{s:s}", "file", file);
    return job_note(job, note, error);
}

static gboolean run_make(const TaskRequest *request, const Job *job, gconstpointer user,
                         json_t **result, GError **error)
{
    const char *file = wire_get_string(request->params, "file", "");
    g_autofree char *temporary = g_strconcat(file, ".part", NULL);
    if (!keep_note(job, file, error) || !g_file_set_contents(temporary, "x", 1, error) ||
        (json_object_get(request->params, "gate") && !wait_at_gate(request, job, FALSE, error)))
        return FALSE;
    job_progress(job, 90, "renaming");
    return g_rename(temporary, file) == 0;
}

static gboolean recover_make(const TaskRequest *request, const json_t *note, const Job *job,
                             gconstpointer user, char **outcome, GError **error)
{
    const char *file = wire_get_string(note, "file", "");
    g_autofree char *temporary = g_strconcat(file, ".part", NULL);
    g_autofree char *stuck = g_strconcat(file, ".stuck", NULL);
    if (g_file_test(stuck, G_FILE_TEST_EXISTS)) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "the volume is stuck");
        return FALSE;
    }
    if (g_file_test(file, G_FILE_TEST_EXISTS)) {
        *outcome = g_strdup("finished");
    } else {
        (void)g_unlink(temporary);
        *outcome = g_strdup("undone");
    }
    return TRUE;
}

static gboolean run_chatter(const TaskRequest *request, const Job *job, gconstpointer user,
                            json_t **result, GError **error)
{
    g_autofree char *line = g_strnfill(10000, 'x');
    for (int i = 0; i < 600; i++)
        job_log(job, "%d \xc3\xa4 \xff %s", i, line);
    return TRUE;
}

const TaskHandler test_handlers[] = {
    {"test.echo", run_echo, NULL, NULL},
    {"test.fail", run_fail, NULL, NULL},
    {"test.wait", run_wait, NULL, NULL},
    {"guest.shutdown", run_wait, NULL, NULL},
    {"guest.stop", run_echo, NULL, NULL},
    {"test.deaf", run_deaf, NULL, NULL},
    {"test.make", run_make, recover_make, NULL},
    {"test.chatter", run_chatter, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};
