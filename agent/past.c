#include "agent/past.h"

#include "agent/events.h"
#include "backend/node/history.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_NAME    "history"
#define DAMAGED_NAME "history.damaged"
enum { FILE_DEADLINE = 30000 };

struct Past {
    Agent *agent;
    History *history; /* NULL until the file has been read */
    char *boot_id;
    int directory;
    guint timer;
    gboolean saving;
};

typedef struct {
    int directory; /* its own descriptor: the Past may be gone */
    char *boot_id;
    GBytes *bytes;
} FileWork;

static void file_work_free(gpointer data)
{
    FileWork *work = data;
    close(work->directory);
    g_free(work->boot_id);
    g_clear_pointer(&work->bytes, g_bytes_unref);
    g_free(work);
}

static FileWork *file_work_new(const Past *past, GBytes *bytes)
{
    FileWork *work = g_new0(FileWork, 1);
    work->directory = fcntl(past->directory, F_DUPFD_CLOEXEC, 0);
    work->boot_id = g_strdup(past->boot_id);
    work->bytes = bytes;
    return work;
}

static void submit(Past *past, FileWork *work, WorkerFunction run, GDestroyNotify free_result,
                   WorkerDone done)
{
    worker_submit(past->agent->workers, &(WorkerJob){.key = "the history's file",
                                                     .deadline = FILE_DEADLINE,
                                                     .run = run,
                                                     .data = work,
                                                     .free_data = file_work_free,
                                                     .free_result = free_result,
                                                     .done = done,
                                                     .user = past});
}

/* ---- saving ---- */

static gpointer run_save(gpointer data, GError **error)
{
    const FileWork *work = data;
    (void)history_file_write(work->directory, FILE_NAME, work->bytes, error);
    return NULL;
}

static void on_saved(gpointer result, const GError *error, gpointer user)
{
    Past *past = user;
    past->saving = FALSE;
    if (error)
        event_log_add(past->agent->events, EVENT_WARNING, past->agent->node, NULL,
                      "the history of figures was not saved: %s", error->message);
}

static gboolean on_save(gpointer user)
{
    Past *past = user;
    if (!past->saving && past->history) {
        past->saving = TRUE;
        submit(past,
               file_work_new(
                   past, history_save_bytes(past->history, history_time_now(), past->boot_id)),
               run_save, NULL, on_saved);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- loading ---- */

static gpointer run_load(gpointer data, GError **error)
{
    const FileWork *work = data;
    g_autoptr(GBytes) bytes = history_file_read(work->directory, FILE_NAME, error);
    if (!bytes)
        return NULL;
    gsize length;
    const guint8 *content = g_bytes_get_data(bytes, &length);
    History *history =
        history_load_bytes(content, length, history_time_now(), work->boot_id, error);
    if (!history)
        (void)renameat(work->directory, FILE_NAME, work->directory, DAMAGED_NAME);
    return history;
}

static void free_history(gpointer history)
{
    history_free(history);
}

static void on_loaded(gpointer result, const GError *error, gpointer user)
{
    Past *past = user;
    past->history = result ? result : history_new(history_time_now());
    if (error && wire_error_code(error) != WIRE_ERROR_NOT_FOUND)
        event_log_add(past->agent->events, EVENT_WARNING, past->agent->node, NULL,
                      "the history of figures begins anew: %s", error->message);
}

Past *past_new(Agent *agent)
{
    Past *past = g_new0(Past, 1);
    past->agent = agent;
    past->boot_id = history_boot_id();
    past->directory = open(agent->config->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    past->timer = g_timeout_add_seconds(PAST_SAVE_EVERY, on_save, past);
    submit(past, file_work_new(past, NULL), run_load, free_history, on_loaded);
    return past;
}

void past_free(Past *past)
{
    if (!past)
        return;
    g_source_remove(past->timer);
    if (past->history) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes =
            history_save_bytes(past->history, history_time_now(), past->boot_id);
        if (!history_file_write(past->directory, FILE_NAME, bytes, &error))
            g_warning("the history of figures was not saved: %s", error->message);
    }
    history_free(past->history);
    close(past->directory);
    g_free(past->boot_id);
    g_free(past);
}

/* ---- what goes in and comes out ---- */

void past_add_node(Past *past, const NodeFigures *f)
{
    if (!past->history)
        return;
    const double values[HISTORY_NODE_COUNT] = {
        [HISTORY_NODE_CPU] = f->cpu,
        [HISTORY_NODE_LOAD] = f->load[0],
        [HISTORY_NODE_MEM_USED] = (double)f->mem_used,
        [HISTORY_NODE_SWAP_USED] = (double)f->swap_used,
        [HISTORY_NODE_PSI_CPU] = f->psi_cpu,
        [HISTORY_NODE_PSI_MEM] = f->psi_mem,
        [HISTORY_NODE_PSI_IO] = f->psi_io,
        [HISTORY_NODE_NET_IN] = f->net_in,
        [HISTORY_NODE_NET_OUT] = f->net_out,
        [HISTORY_NODE_DISK_READ] = f->disk_read,
        [HISTORY_NODE_DISK_WRITE] = f->disk_write,
    };
    (void)history_add(past->history, HISTORY_NODE, past->agent->node, NULL, history_time_now(),
                      values, NULL);
}

void past_add_guest(Past *past, const char *id, HistoryPlace *place, const GuestFigures *f)
{
    if (!past->history)
        return;
    const double values[HISTORY_GUEST_COUNT] = {
        [HISTORY_GUEST_CPU] = f->cpu,
        [HISTORY_GUEST_MEM_USED] = f->memory_used,
        [HISTORY_GUEST_MEM_RSS] = f->memory_rss,
        [HISTORY_GUEST_DISK_READ] = f->disk_read,
        [HISTORY_GUEST_DISK_WRITE] = f->disk_write,
        [HISTORY_GUEST_NET_IN] = f->net_in,
        [HISTORY_GUEST_NET_OUT] = f->net_out,
    };
    /* Past the limit of objects the newest guests have no history. */
    (void)history_add(past->history, HISTORY_GUEST, id, place, history_time_now(), values,
                      NULL);
}

void past_forget_guest(Past *past, const char *id)
{
    if (past->history)
        history_forget(past->history, id);
}

static json_t *answer_json(const HistoryAnswer *answer, const char *span)
{
    json_t *series = json_object();
    for (size_t s = 0; s < answer->series; s++) {
        json_t *points = json_array();
        for (size_t i = 0; i < answer->points; i++) {
            double value = answer->values[answer->points * s + i];
            json_array_append_new(points, isnan(value) ? json_null() : json_real(value));
        }
        json_object_set_new(series, history_series_name(answer->kind, s), points);
    }
    return json_pack("{s:s,s:I,s:i,s:o}", "span", span, "start", (json_int_t)answer->start,
                     "step", answer->step, "series", series);
}

json_t *past_query(Past *past, const char *id, const char *span, gint64 since, int step,
                   GError **error)
{
    HistorySpan which;
    HistoryAnswer answer = {0};
    if (!past->history) {
        wire_error_set(error, WIRE_ERROR_BUSY, "the history is still being read, try again");
        return NULL;
    }
    if (!history_span_from_name(span, &which)) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "span", "span is hour, day or month");
        return NULL;
    }
    if (!history_query(past->history, id ? id : past->agent->node, which, since,
                       history_time_now(), &answer, error))
        return NULL;
    history_answer_widen(&answer, step);
    json_t *result = answer_json(&answer, span);
    history_answer_clear(&answer);
    return result;
}
