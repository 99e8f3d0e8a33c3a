#include "agent/cluster_device.h"

#include "agent/task/cluster_service.h"
#include "agent/task/program.h"
#include "agent/worker.h"
#include "backend/cluster/corosync_device.h"
#include "backend/wire/message.h"

#include <string.h>

enum {
    SERVICE_DEADLINE = 150000, /* ms */
    ASK_WITHIN = 3,            /* seconds */
    ASK_DEADLINE = 6000,       /* ms */
    AGAIN = 10                 /* seconds before a daemon that does not run is started again */
};

struct ClusterDevice {
    Agent *agent;
    gboolean started; /* by this agent, as the file said */
    gboolean working; /* it is being started or ended */
    gint64 tried;
    char *trouble;
    json_t *report;
};

/* ---- starting and ending ---- */

typedef struct {
    gboolean start;
    char **words;
} Service;

static void service_free(gpointer data)
{
    Service *service = data;
    g_strfreev(service->words);
    g_free(service);
}

static gpointer run_service(gpointer data, GError **error)
{
    const Service *service = data;
    return GINT_TO_POINTER(
        cluster_service_device((const char *const *)service->words, service->start, error));
}

static void on_service(gpointer result, const GError *error, gpointer user)
{
    ClusterDevice *self = user;
    self->working = FALSE;
    g_clear_pointer(&self->trouble, g_free);
    if (!error)
        return;
    self->trouble = g_strdup(error->message);
    g_warning("quorum device: %s", error->message);
}

static void let_run(ClusterDevice *self, gboolean start)
{
    const AgentConfig *config = self->agent->config;
    Service *service = g_new(Service, 1);
    service->start = start;
    service->words = g_strdupv(start ? config->device_start : config->device_stop);
    self->working = TRUE;
    self->started = start;
    self->tried = g_get_monotonic_time();
    g_message("quorum device: %s corosync-qdevice", start ? "starting" : "ending");
    worker_submit(self->agent->workers, &(WorkerJob){.key = "qdevice",
                                                     .deadline = SERVICE_DEADLINE,
                                                     .run = run_service,
                                                     .data = service,
                                                     .free_data = service_free,
                                                     .done = on_service,
                                                     .user = self});
}

void cluster_device_follow(ClusterDevice *self, const CorosyncText *conf,
                           const MembershipView *view)
{
    g_autoptr(CorosyncDevice) device = corosync_device_read(conf);
    const MembershipNode *own = view ? membership_view_node(view, view->own) : NULL;
    gboolean alive = own && own->device_alive;
    gboolean recent =
        self->tried && g_get_monotonic_time() - self->tried < (gint64)AGAIN * G_USEC_PER_SEC;
    if (self->working)
        return;
    if (!device) {
        g_clear_pointer(&self->trouble, g_free);
        g_clear_pointer(&self->report, json_decref);
        if (self->started || (alive && !recent))
            let_run(self, FALSE);
        return;
    }
    /* corosync must have read of the device first: the daemon ends otherwise. */
    gboolean loaded = view && view->config_version == corosync_conf_version(conf);
    if (strcmp(device->model, "net") == 0 && loaded && !alive && (!self->started || !recent))
        let_run(self, TRUE);
}

/* ---- asking ---- */

typedef struct {
    ClusterDevice *device;
    void (*done)(gpointer user);
    gpointer user;
} Asked;

/* "Key:<tabs>Value" of the tool's lines, and the name that it has here. */
static const struct {
    const char *line, *name;
} facts[] = {{"State", "state"},
             {"Algorithm", "algorithm"},
             {"Tie-breaker", "tie_breaker"},
             {"TLS active", "tls"},
             {"Connected since", "since"}};

static gpointer run_ask(gpointer data, GError **error)
{
    static const char *const words[] = {"corosync-qdevice-tool", "-s", "-v", NULL};
    g_autofree char *said = NULL;
    if (!program_run(words, ASK_WITHIN, &said, error))
        return NULL;
    json_t *report = json_object();
    g_auto(GStrv) lines = g_strsplit(said, "\n", -1);
    for (char **line = lines; *line; line++) {
        char *colon = strchr(*line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        for (size_t i = 0; i < G_N_ELEMENTS(facts); i++)
            if (strcmp(facts[i].line, *line) == 0)
                json_object_set_new(report, facts[i].name, wire_string(g_strstrip(colon + 1)));
    }
    return report;
}

static void release_report(gpointer report)
{
    json_decref(report);
}

static void on_asked(gpointer result, const GError *error, gpointer user)
{
    Asked *asked = user;
    g_clear_pointer(&asked->device->report, json_decref);
    asked->device->report = result;
    asked->done(asked->user);
    g_free(asked);
}

void cluster_device_ask(ClusterDevice *self, void (*done)(gpointer user), gpointer user)
{
    Asked *asked = g_new(Asked, 1);
    *asked = (Asked){self, done, user};
    worker_submit(self->agent->workers, &(WorkerJob){.key = "qdevice-tool",
                                                     .deadline = ASK_DEADLINE,
                                                     .run = run_ask,
                                                     .free_result = release_report,
                                                     .done = on_asked,
                                                     .user = asked});
}

const json_t *cluster_device_report(const ClusterDevice *self)
{
    return self->report;
}

const char *cluster_device_trouble(const ClusterDevice *self)
{
    return self->trouble;
}

ClusterDevice *cluster_device_new(Agent *agent)
{
    ClusterDevice *self = g_new0(ClusterDevice, 1);
    self->agent = agent;
    return self;
}

void cluster_device_free(ClusterDevice *self)
{
    if (!self)
        return;
    g_free(self->trouble);
    json_decref(self->report);
    g_free(self);
}
