#include "agent/task/cluster_handlers.h"

#include "agent/task/cluster_change.h"
#include "agent/task/cluster_service.h"
#include "agent/task/cluster_work.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>
#include <unistd.h>

enum { QUORATE_WITHIN = 60, JOINED_WITHIN = 60, GONE_WITHIN = 30 /* seconds */ };

/* ---- waiting for this node's corosync ---- */

static gboolean is_up(gpointer user)
{
    return membership_state(((ClusterWork *)user)->wait.membership, NULL) == MEMBERSHIP_UP;
}

static gboolean is_quorate(gpointer user)
{
    const ClusterWork *work = user;
    const MembershipView *view = membership_view(work->wait.membership);
    return membership_state(work->wait.membership, NULL) == MEMBERSHIP_UP && view &&
           view->quorate && view->ring_sequence > work->ring &&
           membership_view_members(view) >= work->least;
}

static gboolean wait_quorate(ClusterWork *work, guint least, guint seconds, GError **error)
{
    static const MembershipEvents events = {.changed = cluster_wait_nothing};
    work->least = least;
    cluster_wait_begin(&work->wait, NULL, &events, work, work->job);
    gboolean good = cluster_wait(
        &work->wait, is_quorate, seconds,
        least > 1
            ? "corosync did not find the cluster: is UDP port 5405 open between the nodes, "
              "on every link? See /var/log/corosync/corosync.log"
            : "corosync did not become quorate: see /var/log/corosync/corosync.log",
        error);
    cluster_wait_end(&work->wait);
    return good;
}

/* ---- create and accept: this node's files. One that fails leaves its note, from which
 * recovery puts everything back ---- */

/* Back to no cluster, or to what the package ships. */
static void put_back(const ClusterWork *work)
{
    g_autoptr(GError) error = NULL;
    job_log(work->job, "putting back what was there before");
    if (!cluster_service_stop(work->request->settings, work->job, &error))
        job_log(work->job, "%s", error->message);
    (void)corosync_file_remove(work->directory, COROSYNC_KEY, NULL);
    /* From it the agent sees that this node is not in that cluster's store any more. */
    (void)corosync_file_rename(work->directory, COROSYNC_CONF, COROSYNC_CONF_LEFT, NULL);
    if (corosync_file_exists(work->directory, COROSYNC_CONF_OLD))
        (void)corosync_file_rename(work->directory, COROSYNC_CONF_OLD, COROSYNC_CONF, NULL);
    (void)corosync_file_remove(work->directory, CLUSTER_CONF_ACCEPTED, NULL);
    (void)corosync_file_remove(work->directory, CLUSTER_KEY_ACCEPTED, NULL);
}

static gboolean leave_note(const ClusterWork *work, GError **error)
{
    g_autoptr(json_t) note = json_pack("{s:s}", "began", work->request->method);
    return job_note(work->job, note, error);
}

/* A file that was there, as the package ships it, is kept until it has worked. */
static gboolean keep_present(const ClusterWork *work, GError **error)
{
    g_autoptr(GError) none = NULL;
    g_autoptr(CorosyncText) present = corosync_file_load(work->directory, COROSYNC_CONF, &none);
    if (present)
        return corosync_file_save(work->directory, COROSYNC_CONF_OLD, present, error);
    return corosync_file_remove(work->directory, COROSYNC_CONF_OLD, error);
}

static gboolean start_with(ClusterWork *work, guint least, guint seconds, GError **error)
{
    job_progress(work->job, 40, "starting corosync");
    if (!cluster_service_start(work->request->settings, work->job, error))
        return FALSE;
    job_progress(work->job, 60, "waiting for quorum");
    return wait_quorate(work, least, seconds, error);
}

static gboolean make_files(ClusterWork *work, GError **error)
{
    CorosyncNode node = {.id = 1,
                         .name = (char *)(gintptr)work->node,
                         .votes = 1,
                         .addresses = {(char *)(gintptr)cluster_work_param(work, "link0"),
                                       (char *)(gintptr)cluster_work_param(work, "link1")}};
    g_autoptr(CorosyncText) conf = corosync_conf_new(cluster_work_param(work, "name"));
    corosync_conf_set_store(conf,
                            g_ascii_strtoull(cluster_work_param(work, "store"), NULL, 10));
    job_progress(work->job, 10, "writing a key and corosync.conf");
    return corosync_conf_add_node(conf, &node, error) && keep_present(work, error) &&
           corosync_key_make(work->directory, error) &&
           corosync_file_save(work->directory, COROSYNC_CONF, conf, error);
}

static gboolean run_create(ClusterWork *work, GError **error)
{
    return leave_note(work, error) && make_files(work, error) &&
           start_with(work, 1, QUORATE_WITHIN, error) &&
           corosync_file_remove(work->directory, COROSYNC_CONF_OLD, error);
}

static gboolean run_accept(ClusterWork *work, GError **error)
{
    job_progress(work->job, 10, "writing the key and corosync.conf");
    return leave_note(work, error) && keep_present(work, error) &&
           corosync_file_rename(work->directory, CLUSTER_KEY_ACCEPTED, COROSYNC_KEY, error) &&
           corosync_file_rename(work->directory, CLUSTER_CONF_ACCEPTED, COROSYNC_CONF, error) &&
           start_with(work, 2, JOINED_WITHIN, error) &&
           corosync_file_remove(work->directory, COROSYNC_CONF_OLD, error);
}

/* ---- leave ---- */

/* Tells the others, unless there are none or it shall be forgotten alone. */
static gboolean tell_others(const ClusterWork *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (wire_get_boolean(work->request->params, "alone", FALSE))
        return TRUE;
    if (!cluster_work_load(work, &base, &target, error))
        return FALSE;
    if (corosync_text_count(base, "nodelist.node") == 1)
        return TRUE;
    CorosyncNode *own = corosync_conf_node(base, work->node);
    guint id = own ? own->id : 0;
    corosync_node_free(own);
    if (!corosync_conf_remove_node(target, work->node, error))
        return FALSE;
    ClusterChange change = {.base = base, .target = target, .without = id};
    return cluster_change_lead(&change, work->job, error);
}

static gboolean run_leave(ClusterWork *work, GError **error)
{
    if (!tell_others(work, error) || !leave_note(work, error))
        return FALSE;
    job_progress(work->job, 70, "ending corosync");
    if (!cluster_service_stop(work->request->settings, work->job, error))
        return FALSE;
    job_log(work->job, "corosync.conf is kept as /etc/corosync/" COROSYNC_CONF_LEFT);
    return corosync_file_rename(work->directory, COROSYNC_CONF, COROSYNC_CONF_LEFT, error) &&
           corosync_file_remove(work->directory, COROSYNC_KEY, error);
}

/* ---- restart ---- */

static gboolean see_present(gpointer user)
{
    ClusterWork *work = user;
    const MembershipView *view = membership_view(work->wait.membership);
    if (!is_up(user) || !view)
        return FALSE;
    work->least = membership_view_members(view);
    work->ring = view->ring_sequence;
    return TRUE;
}

/* The ring is another once corosync has left it and is back. */
static gboolean run_restart(ClusterWork *work, GError **error)
{
    static const MembershipEvents events = {.changed = cluster_wait_nothing};
    cluster_wait_begin(&work->wait, NULL, &events, work, work->job);
    gboolean good = cluster_wait(&work->wait, see_present, GONE_WITHIN,
                                 "corosync does not answer here", error);
    cluster_wait_end(&work->wait);
    job_progress(work->job, 30, "starting corosync anew");
    return good && cluster_service_start(work->request->settings, work->job, error) &&
           wait_quorate(work, work->least, QUORATE_WITHIN, error);
}

/* ---- expected votes ---- */

static void on_commanded(const GError *error, gpointer user)
{
    ClusterWork *work = user;
    work->commanded = TRUE;
    work->failure = error ? g_error_copy(error) : NULL;
}

static gboolean is_commanded(gpointer user)
{
    return ((ClusterWork *)user)->commanded;
}

static gboolean run_expected(ClusterWork *work, GError **error)
{
    static const MembershipEvents events = {.changed = cluster_wait_nothing};
    guint votes = (guint)wire_get_integer(work->request->params, "votes", 0);
    cluster_wait_begin(&work->wait, NULL, &events, work, work->job);
    gboolean good =
        cluster_wait(&work->wait, is_up, GONE_WITHIN, "corosync does not answer here", error);
    if (good) {
        membership_expect(work->wait.membership, votes, on_commanded, work);
        good = cluster_wait(&work->wait, is_commanded, GONE_WITHIN, "corosync does not answer",
                            error);
    }
    cluster_wait_end(&work->wait);
    if (!work->failure)
        return good;
    g_propagate_error(error, g_steal_pointer(&work->failure));
    return FALSE;
}

/* ---- the table ---- */

static const struct {
    const char *method;
    gboolean (*run)(ClusterWork *work, GError **error);
} acts[] = {
    {"cluster.create", run_create},
    {"cluster.accept", run_accept},
    {"cluster.add", cluster_work_add},
    {"cluster.remove", cluster_work_remove},
    {"cluster.leave", run_leave},
    {"cluster.expected", run_expected},
    {"cluster.device_add", cluster_work_device_add},
    {"cluster.device_remove", cluster_work_device_remove},
    {"cluster.address", cluster_work_address},
    {"cluster.link_add", cluster_work_link_add},
    {"cluster.link_remove", cluster_work_link_remove},
    {"cluster.rename", cluster_work_rename},
    {"cluster.restart", run_restart},
};

static gboolean run_cluster(const TaskRequest *request, const Job *job, gconstpointer user,
                            json_t **result, GError **error)
{
    ClusterWork work = {.request = request,
                        .job = job,
                        .node = wire_get_string(request->settings, "node", ""),
                        .directory = corosync_directory_open(COROSYNC_DIRECTORY, error)};
    gboolean good = FALSE;
    if (work.directory < 0)
        return FALSE;
    for (size_t i = 0; i < G_N_ELEMENTS(acts); i++)
        if (strcmp(acts[i].method, request->method) == 0)
            good = acts[i].run(&work, error);
    (void)close(work.directory);
    return good;
}

/* create and accept are undone, leave is finished. */
static gboolean recover_cluster(const TaskRequest *request, const json_t *note, const Job *job,
                                gconstpointer user, char **outcome, GError **error)
{
    ClusterWork work = {.request = request,
                        .job = job,
                        .node = wire_get_string(request->settings, "node", ""),
                        .directory = corosync_directory_open(COROSYNC_DIRECTORY, error)};
    gboolean leaving = strcmp(request->method, "cluster.leave") == 0;
    if (work.directory < 0)
        return FALSE;
    gboolean good = TRUE;
    if (!leaving) {
        put_back(&work);
    } else {
        good = cluster_service_stop(request->settings, job, error);
        if (good && corosync_file_exists(work.directory, COROSYNC_CONF))
            good =
                corosync_file_rename(work.directory, COROSYNC_CONF, COROSYNC_CONF_LEFT, error);
        good = good && corosync_file_remove(work.directory, COROSYNC_KEY, error);
    }
    (void)close(work.directory);
    if (good)
        *outcome = g_strdup(leaving ? "this node has left the cluster"
                                    : "this node is as before, in no cluster");
    return good;
}

TaskHandler task_cluster_handler(void)
{
    return (TaskHandler){.method = "cluster.", .run = run_cluster, .recover = recover_cluster};
}
