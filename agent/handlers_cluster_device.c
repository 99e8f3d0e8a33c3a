/* cluster.device_*: the quorum device. Its certificates go from node to node through the
 * sessions of the person who adds it (cluster_certificates.h); the change itself is one of
 * corosync.conf. */
#include "agent/cluster.h"
#include "agent/cluster_certificates.h"
#include "agent/cluster_request.h"
#include "agent/handlers.h"
#include "agent/worker.h"
#include "backend/cluster/corosync_device.h"
#include "backend/wire/error.h"

enum { CERTIFICATES_DEADLINE = 240000 /* ms: several programs */ };

/* One step with certificates, in a worker: a copy of what it needs, and what it has made. */
typedef struct {
    const char *method; /* of the table of methods */
    char *authority, *cluster, *passed;
    char *made;
} Step;

static void step_free(gpointer data)
{
    Step *step = data;
    g_free(step->authority);
    g_free(step->cluster);
    g_free(step->passed);
    g_free(step->made);
    g_free(step);
}

static gpointer run_step(gpointer data, GError **error)
{
    const Step *step = data;
    char *made = NULL;
    if (g_str_equal(step->method, "cluster.device_prepare"))
        made = cluster_certificates_request(step->authority, step->cluster, error);
    else if (g_str_equal(step->method, "cluster.device_certify"))
        made = cluster_certificates_take(step->passed, error);
    else if (cluster_certificates_accept(step->authority, step->passed, error))
        made = g_strdup("");
    return made;
}

static void on_step(gpointer result, const GError *error, gpointer user)
{
    Request *request = user;
    g_autofree char *made = result;
    json_t *answer = NULL;
    if (!error && g_str_equal(request->method->name, "cluster.device_prepare"))
        answer = json_pack("{s:s}", "request", made);
    else if (!error && g_str_equal(request->method->name, "cluster.device_certify"))
        answer = json_pack("{s:s}", "bundle", made);
    else if (!error)
        answer = json_object();
    request_finish(request, answer, error ? g_error_copy(error) : NULL);
}

gboolean cluster_needs_no_device(const Request *request, GError **error)
{
    g_autoptr(CorosyncDevice) device = corosync_device_read(cluster_conf_of(request));
    if (!device)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE,
                   "the cluster has the quorum device %s: remove it first, with gantry cluster "
                   "device remove",
                   device->host);
    return FALSE;
}

static void serve_step(Request *request)
{
    GError *error = NULL;
    if (!cluster_needs_quorum(request, &error) || !cluster_needs_no_device(request, &error)) {
        request_fail(request, error);
        return;
    }
    Step *step = g_new0(Step, 1);
    step->method = request->method->name;
    step->authority = g_strdup(cluster_asked(request, "authority"));
    step->cluster = g_strdup(corosync_conf_cluster(cluster_conf_of(request)));
    step->passed = g_strdup(cluster_asked(
        request,
        g_str_equal(step->method, "cluster.device_certify") ? "certificate" : "bundle"));
    worker_submit(request->agent->workers, &(WorkerJob){.key = "qdevice-certutil",
                                                        .deadline = CERTIFICATES_DEADLINE,
                                                        .run = run_step,
                                                        .data = step,
                                                        .free_data = step_free,
                                                        .free_result = g_free,
                                                        .done = on_step,
                                                        .user = request});
}

static void serve_add(Request *request)
{
    GError *error = NULL;
    g_autoptr(json_t) params = json_copy(request->params);
    const char *algorithm = cluster_asked(request, "algorithm");
    if (!algorithm)
        json_object_set_new(params, "algorithm", json_string("ffsplit"));
    if (cluster_needs_quorum(request, &error)) {
        g_autoptr(CorosyncText) trial = corosync_text_copy(cluster_conf_of(request));
        (void)corosync_device_add(trial, cluster_asked(request, "host"),
                                  algorithm ? algorithm : "ffsplit", &error);
    }
    cluster_submit(request, params, cluster_asked(request, "host"), error, cluster_on_submitted,
                   request);
}

/* Without it those that are seen must be a majority. */
static gboolean rest_is_quorate(const Request *request, GError **error)
{
    const MembershipView *view = cluster_view_of(request);
    guint alive = 0, all = 0;
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        all += node->votes;
        alive += node->member ? node->votes : 0;
    }
    if (alive >= all / 2 + 1)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE,
                   "without the quorum device the cluster would have %u of %u votes and not be "
                   "quorate: start the nodes that are not seen, or remove them first",
                   alive, all);
    return FALSE;
}

static void serve_remove(Request *request)
{
    GError *error = NULL;
    const char *confirm = cluster_asked(request, "confirm");
    if (cluster_needs_quorum(request, &error)) {
        g_autoptr(CorosyncDevice) device = corosync_device_read(cluster_conf_of(request));
        if (!device)
            wire_error_set(&error, WIRE_ERROR_STATE, "the cluster has no quorum device");
        else if (g_strcmp0(confirm, device->host) != 0)
            wire_error_set_field(&error, WIRE_ERROR_PARAMS, "confirm",
                                 "to be sure, repeat the device's host: --confirm %s",
                                 device->host);
        else
            (void)rest_is_quorate(request, &error);
    }
    cluster_submit(request, request->params, confirm, error, cluster_on_submitted, request);
}

const HandlerRow handlers_cluster_device[] = {
    {"cluster.device_prepare", serve_step},  {"cluster.device_certify", serve_step},
    {"cluster.device_accept", serve_step},   {"cluster.device_add", serve_add},
    {"cluster.device_remove", serve_remove}, {NULL, NULL},
};
