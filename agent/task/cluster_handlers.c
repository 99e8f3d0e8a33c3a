#include "agent/task/cluster_handlers.h"

#include "agent/task/cluster_change.h"
#include "agent/task/cluster_service.h"
#include "agent/task/cluster_wait.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>
#include <unistd.h>

enum { QUORATE_WITHIN = 60, JOINED_WITHIN = 60, GONE_WITHIN = 30 /* seconds */ };

typedef struct {
    const TaskRequest *request;
    const Job *job;
    int directory;
    ClusterWait wait;
    const char *node;   /* this one */
    guint least;        /* members that there must be */
    gboolean commanded; /* corosync has answered */
    GError *failure;
} Work;

static const char *param(const Work *work, const char *key)
{
    return wire_get_string(work->request->params, key, NULL);
}

/* ---- waiting for this node's corosync ---- */

static gboolean is_quorate(gpointer user)
{
    const Work *work = user;
    const MembershipView *view = membership_view(work->wait.membership);
    return membership_state(work->wait.membership, NULL) == MEMBERSHIP_UP && view &&
           view->quorate && membership_view_members(view) >= work->least;
}

static gboolean wait_quorate(Work *work, guint least, guint seconds, GError **error)
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
static void put_back(const Work *work)
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

static gboolean leave_note(const Work *work, GError **error)
{
    g_autoptr(json_t) note = json_pack("{s:s}", "began", work->request->method);
    return job_note(work->job, note, error);
}

/* A file that was there, as the package ships it, is kept until it has worked. */
static gboolean keep_present(const Work *work, GError **error)
{
    g_autoptr(GError) none = NULL;
    g_autoptr(CorosyncText) present = corosync_file_load(work->directory, COROSYNC_CONF, &none);
    if (present)
        return corosync_file_save(work->directory, COROSYNC_CONF_OLD, present, error);
    return corosync_file_remove(work->directory, COROSYNC_CONF_OLD, error);
}

static gboolean start_with(Work *work, guint least, guint seconds, GError **error)
{
    job_progress(work->job, 40, "starting corosync");
    if (!cluster_service_start(work->request->settings, work->job, error))
        return FALSE;
    job_progress(work->job, 60, "waiting for quorum");
    return wait_quorate(work, least, seconds, error);
}

static gboolean make_files(Work *work, GError **error)
{
    CorosyncNode node = {.id = 1,
                         .name = (char *)(gintptr)work->node,
                         .votes = 1,
                         .addresses = {(char *)(gintptr)param(work, "link0"),
                                       (char *)(gintptr)param(work, "link1")}};
    g_autoptr(CorosyncText) conf = corosync_conf_new(param(work, "name"));
    corosync_conf_set_store(conf, g_ascii_strtoull(param(work, "store"), NULL, 10));
    job_progress(work->job, 10, "writing a key and corosync.conf");
    return corosync_conf_add_node(conf, &node, error) && keep_present(work, error) &&
           corosync_key_make(work->directory, error) &&
           corosync_file_save(work->directory, COROSYNC_CONF, conf, error);
}

static gboolean run_create(Work *work, GError **error)
{
    return leave_note(work, error) && make_files(work, error) &&
           start_with(work, 1, QUORATE_WITHIN, error) &&
           corosync_file_remove(work->directory, COROSYNC_CONF_OLD, error);
}

static gboolean run_accept(Work *work, GError **error)
{
    job_progress(work->job, 10, "writing the key and corosync.conf");
    return leave_note(work, error) && keep_present(work, error) &&
           corosync_file_rename(work->directory, CLUSTER_KEY_ACCEPTED, COROSYNC_KEY, error) &&
           corosync_file_rename(work->directory, CLUSTER_CONF_ACCEPTED, COROSYNC_CONF, error) &&
           start_with(work, 2, JOINED_WITHIN, error) &&
           corosync_file_remove(work->directory, COROSYNC_CONF_OLD, error);
}

/* ---- changes of the cluster ---- */

static gboolean load_pair(const Work *work, CorosyncText **base, CorosyncText **target,
                          GError **error)
{
    g_autoptr(CorosyncText) conf = corosync_file_load(work->directory, COROSYNC_CONF, error);
    if (!conf || !corosync_conf_check(conf, error))
        return FALSE;
    *target = corosync_text_copy(conf);
    corosync_conf_set_version(*target, corosync_conf_version(conf) + 1);
    *base = g_steal_pointer(&conf);
    return TRUE;
}

static gboolean run_add(Work *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    CorosyncNode node = {.name = (char *)(gintptr)param(work, "node"),
                         .votes = 1,
                         .addresses = {(char *)(gintptr)param(work, "link0"),
                                       (char *)(gintptr)param(work, "link1")}};
    if (!load_pair(work, &base, &target, error))
        return FALSE;
    node.id = corosync_conf_free_id(base);
    if (!corosync_conf_add_node(target, &node, error))
        return FALSE;
    ClusterChange change = {.base = base, .target = target, .await = node.name};
    return cluster_change_lead(&change, work->job, error);
}

static gboolean run_remove(Work *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (!load_pair(work, &base, &target, error) ||
        !corosync_conf_remove_node(target, param(work, "node"), error))
        return FALSE;
    ClusterChange change = {.base = base, .target = target};
    return cluster_change_lead(&change, work->job, error);
}

/* Tells the others, unless there are none or it shall be forgotten alone. */
static gboolean tell_others(const Work *work, GError **error)
{
    g_autoptr(CorosyncText) base = NULL, target = NULL;
    if (wire_get_boolean(work->request->params, "alone", FALSE))
        return TRUE;
    if (!load_pair(work, &base, &target, error))
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

static gboolean run_leave(Work *work, GError **error)
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

/* ---- expected votes ---- */

static void on_commanded(const GError *error, gpointer user)
{
    Work *work = user;
    work->commanded = TRUE;
    work->failure = error ? g_error_copy(error) : NULL;
}

static gboolean is_up(gpointer user)
{
    return membership_state(((Work *)user)->wait.membership, NULL) == MEMBERSHIP_UP;
}

static gboolean is_commanded(gpointer user)
{
    return ((Work *)user)->commanded;
}

static gboolean run_expected(Work *work, GError **error)
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
    gboolean (*run)(Work *work, GError **error);
} acts[] = {
    {"cluster.create", run_create}, {"cluster.accept", run_accept},
    {"cluster.add", run_add},       {"cluster.remove", run_remove},
    {"cluster.leave", run_leave},   {"cluster.expected", run_expected},
};

static gboolean run_cluster(const TaskRequest *request, const Job *job, gconstpointer user,
                            json_t **result, GError **error)
{
    Work work = {.request = request,
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
    Work work = {.request = request,
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
