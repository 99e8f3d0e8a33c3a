#include "agent/cluster_steps.h"

#include "agent/cluster_addresses.h"
#include "agent/task/cluster_service.h"
#include "backend/cluster/change_files.h"
#include "backend/cluster/corosync_device.h"
#include "backend/cluster/membership.h"
#include "backend/net/link.h"
#include "backend/wire/error.h"

#include <string.h>
#include <unistd.h>

enum { STEP_DEADLINE = 30000 /* ms */ };

typedef struct {
    ClusterStepKind kind;
    char *change, *node, *text, *base;
    guint64 version;
    char **device_stop;
} Step;

struct ClusterSteps {
    WorkerPool *workers;
    ClusterStepDone done;
    gpointer user;
    GQueue queue; /* of Step; the head is at work */
    gboolean working;
};

static void step_free(gpointer data)
{
    Step *step = data;
    g_free(step->change);
    g_free(step->node);
    g_free(step->text);
    g_free(step->base);
    g_strfreev(step->device_stop);
    g_free(step);
}

static gpointer step_copy(const Step *step)
{
    Step *copy = g_new(Step, 1);
    *copy = (Step){.kind = step->kind,
                   .change = g_strdup(step->change),
                   .node = g_strdup(step->node),
                   .text = g_strdup(step->text),
                   .base = g_strdup(step->base),
                   .version = step->version,
                   .device_stop = g_strdupv(step->device_stop)};
    return copy;
}

/* An address that this node gets must be one that it has. Names are left to corosync. */
static gboolean check_addresses(const Step *step, int directory, GError **error)
{
    g_autoptr(CorosyncText) present = corosync_file_load(directory, COROSYNC_CONF, error);
    g_autoptr(CorosyncText) fresh =
        present ? corosync_conf_parse(step->text, strlen(step->text), error) : NULL;
    g_autoptr(GPtrArray) links = fresh ? net_links_read(error) : NULL;
    if (!links)
        return FALSE;
    g_autoptr(CorosyncNode) before = corosync_conf_node(present, step->node);
    g_autoptr(CorosyncNode) after = corosync_conf_node(fresh, step->node);
    for (guint i = 0; before && after && i < corosync_node_links(after); i++) {
        const char *address = after->addresses[i];
        if (!address || g_strcmp0(address, before->addresses[i]) == 0 ||
            !g_hostname_is_ip_address(address) || cluster_addresses_have(links, address))
            continue;
        wire_error_set(error, WIRE_ERROR_STATE,
                       "%s is no address of %s: give it to the machine first", address,
                       step->node);
        return FALSE;
    }
    return TRUE;
}

static gboolean do_step(const Step *step, int directory, GError **error)
{
    switch (step->kind) {
    case STEP_PREPARE:
        return check_addresses(step, directory, error) &&
               change_files_prepare(directory, step->node, step->text, step->base, error);
    case STEP_COMMIT:
        return change_files_commit(directory, error);
    case STEP_KEEP:
        return change_files_keep(directory, error);
    case STEP_UNDO:
        return change_files_undo(directory, step->version, NULL, error);
    case STEP_ADOPT:
    default:
        return change_files_adopt(directory, step->node, step->text, error);
    }
}

static gboolean has_device(int directory)
{
    g_autoptr(CorosyncText) conf = corosync_file_load(directory, COROSYNC_CONF, NULL);
    g_autoptr(CorosyncDevice) device = conf ? corosync_device_read(conf) : NULL;
    return device != NULL;
}

static gpointer run_step(gpointer data, GError **error)
{
    const Step *step = data;
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return NULL;
    gboolean had = has_device(directory);
    gboolean good = do_step(step, directory, error);
    if (good && had && !has_device(directory))
        good = cluster_service_device((const char *const *)step->device_stop, FALSE, error) &&
               membership_forget_device(error);
    (void)close(directory);
    return good ? GINT_TO_POINTER(1) : NULL;
}

static void start(ClusterSteps *self);

static void on_step(gpointer result, const GError *error, gpointer user)
{
    ClusterSteps *self = user;
    Step *step = g_queue_pop_head(&self->queue);
    self->working = FALSE;
    self->done(step->kind, step->change, error, self->user);
    step_free(step);
    start(self);
}

static void start(ClusterSteps *self)
{
    const Step *next = g_queue_peek_head(&self->queue);
    if (!next || self->working)
        return;
    self->working = TRUE;
    /* A copy: the thread may be left behind. */
    worker_submit(self->workers, &(WorkerJob){.key = "corosync.conf",
                                              .deadline = STEP_DEADLINE,
                                              .run = run_step,
                                              .data = step_copy(next),
                                              .free_data = step_free,
                                              .done = on_step,
                                              .user = self});
}

void cluster_steps_add(ClusterSteps *self, const ClusterStep *step)
{
    Step borrowed = {.kind = step->kind,
                     .change = (char *)(gintptr)step->change,
                     .node = (char *)(gintptr)step->node,
                     .text = (char *)(gintptr)step->text,
                     .base = (char *)(gintptr)step->base,
                     .version = step->version,
                     .device_stop = (char **)(gintptr)step->device_stop};
    g_queue_push_tail(&self->queue, step_copy(&borrowed));
    start(self);
}

gboolean cluster_steps_busy(const ClusterSteps *self)
{
    return self->queue.length > 0;
}

ClusterSteps *cluster_steps_new(WorkerPool *workers, ClusterStepDone done, gpointer user)
{
    ClusterSteps *self = g_new0(ClusterSteps, 1);
    self->workers = workers;
    self->done = done;
    self->user = user;
    g_queue_init(&self->queue);
    return self;
}

void cluster_steps_free(ClusterSteps *self)
{
    g_queue_clear_full(&self->queue, step_free);
    g_free(self);
}
