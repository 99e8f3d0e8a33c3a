/* cluster.*: the cluster that this node is in, and changes of it. What can be refused is
 * refused at once; the work is a task's (task/cluster_handlers.h). */
#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/cluster_addresses.h"
#include "agent/cluster_request.h"
#include "agent/cluster_store.h"
#include "agent/handlers.h"
#include "agent/task_board.h"
#include "backend/net/link.h"
#include "backend/wire/error.h"

const char *cluster_asked(const Request *request, const char *key)
{
    return wire_get_string(request->params, key, NULL);
}

const CorosyncText *cluster_conf_of(const Request *request)
{
    return cluster_part_conf(request->agent->cluster);
}

const MembershipView *cluster_view_of(const Request *request)
{
    return membership_view(cluster_part_membership(request->agent->cluster));
}

static void serve_status(Request *request)
{
    cluster_part_status(request->agent->cluster, request);
}

/* ---- what is needed ---- */

gboolean cluster_needs_none(const Request *request, GError **error)
{
    const char *trouble = cluster_part_trouble(request->agent->cluster);
    const MembershipView *view = cluster_view_of(request);
    if (cluster_conf_of(request))
        wire_error_set(error, WIRE_ERROR_STATE, "%s is in the cluster %s already",
                       request->agent->node, corosync_conf_cluster(cluster_conf_of(request)));
    else if (trouble)
        wire_error_set(error, WIRE_ERROR_STATE,
                       "%s has a corosync.conf that is not understood, so it is left alone: %s",
                       request->agent->node, trouble);
    else if (view && view->nodes->len > 1)
        wire_error_set(error, WIRE_ERROR_STATE,
                       "corosync on %s is in a cluster of which there is no corosync.conf",
                       request->agent->node);
    else
        return TRUE;
    return FALSE;
}

static gboolean needs_cluster(const Request *request, GError **error)
{
    if (cluster_conf_of(request))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE,
                   "%s is in no cluster: make one with gantry cluster create NAME",
                   request->agent->node);
    return FALSE;
}

gboolean cluster_needs_view(const Request *request, GError **error)
{
    MembershipState state =
        membership_state(cluster_part_membership(request->agent->cluster), NULL);
    if (!needs_cluster(request, error))
        return FALSE;
    if (state == MEMBERSHIP_UP && cluster_view_of(request))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                   "corosync does not %s on %s: see gantry cluster status",
                   state == MEMBERSHIP_SILENT ? "answer" : "run", request->agent->node);
    return FALSE;
}

gboolean cluster_needs_quorum(const Request *request, GError **error)
{
    if (!cluster_needs_view(request, error))
        return FALSE;
    if (cluster_view_of(request)->quorate)
        return TRUE;
    wire_error_set(
        error, WIRE_ERROR_STATE,
        "the cluster is not quorate on %s, so it can't be changed: see gantry cluster "
        "status for what to do",
        request->agent->node);
    return FALSE;
}

static gboolean needs_confirm(const Request *request, const char *name, GError **error)
{
    if (g_strcmp0(cluster_asked(request, "confirm"), name) == 0)
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "confirm",
                         "to be sure, repeat the node's name: --confirm %s", name);
    return FALSE;
}

/* ---- tasks ---- */

void cluster_on_submitted(const char *task, const GError *error, gpointer user)
{
    request_finish(user, error ? NULL : json_pack("{s:s}", "task", task),
                   error ? g_error_copy(error) : NULL);
}

/* One at a time: they all are about the same files. Takes error. */
void cluster_submit(Request *request, const json_t *params, const char *name, GError *error,
                    TaskSubmitted done, gpointer user)
{
    if (error) {
        request_fail(request, error);
        return;
    }
    request->object = g_strdup("cluster");
    task_engine_submit(task_board_engine(request->agent->tasks),
                       &(TaskSubmission){.method = request->method->name,
                                         .object = "cluster",
                                         .name = name,
                                         .native = "",
                                         .params = params,
                                         .owner = request->user,
                                         .uid = request->uid},
                       done, user);
}

/* ---- create ---- */

static gboolean check_links(const Request *request, const GPtrArray *links, GError **error)
{
    static const char *const keys[] = {"link0", "link1"};
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *address = cluster_asked(request, keys[i]);
        if (!address || cluster_addresses_have(links, address))
            continue;
        wire_error_set_field(error, WIRE_ERROR_PARAMS, keys[i], "%s is no address of %s",
                             address, request->agent->node);
        return FALSE;
    }
    return TRUE;
}

/* Addresses that are given must be this node's; where none is, they are chosen. */
static gboolean choose_links(const Request *request, json_t *params, GError **error)
{
    g_autoptr(GPtrArray) links = net_links_read(error);
    if (!links || !check_links(request, links, error))
        return FALSE;
    if (cluster_asked(request, "link0"))
        return TRUE;
    g_auto(GStrv) own = cluster_addresses_choose(links, 2);
    if (cluster_asked(request, "link1") || !own[0]) {
        wire_error_set_field(
            error, WIRE_ERROR_PARAMS, "link0", "%s: give the address with --link0",
            own[0] ? "link1 alone is no link" : "this node has no address on a network");
        return FALSE;
    }
    json_object_set_new(params, "link0", wire_string(own[0]));
    if (own[1])
        json_object_set_new(params, "link1", wire_string(own[1]));
    return TRUE;
}

static void serve_create(Request *request)
{
    GError *error = NULL;
    g_autoptr(json_t) params = json_copy(request->params);
    const char *name = cluster_asked(request, "name");
    if (!corosync_name_is_valid(name))
        wire_error_set_field(&error, WIRE_ERROR_PARAMS, "name",
                             "a cluster's name is 1 to 32 letters, digits, dots, dashes and "
                             "underscores and begins with a letter or digit");
    else if (!store_cluster(request->agent->store))
        wire_error_set(&error, WIRE_ERROR_STORAGE,
                       "the store of %s can't be used, so no cluster can begin with it: %s",
                       request->agent->node,
                       store_reason(request->agent->store)
                           ? store_reason(request->agent->store)->message
                           : "it is being read");
    else if (cluster_needs_none(request, &error))
        (void)choose_links(request, params, &error);
    g_autofree char *store =
        g_strdup_printf("%" G_GUINT64_FORMAT, store_cluster(request->agent->store));
    json_object_set_new(params, "store", wire_string(store));
    cluster_submit(request, params, name, error, cluster_on_submitted, request);
}

/* ---- remove, leave, expected ---- */

static void serve_remove(Request *request)
{
    GError *error = NULL;
    const char *name = cluster_asked(request, "node");
    if (needs_confirm(request, name, &error) && cluster_needs_quorum(request, &error)) {
        const MembershipNode *node = membership_view_named(cluster_view_of(request), name);
        if (!node)
            wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "node",
                                 "the cluster has no node %s", name);
        else if (node->member)
            wire_error_set_field(&error, WIRE_ERROR_STATE, "node",
                                 "%s is alive in the cluster: let it leave with gantry -H %s "
                                 "cluster leave",
                                 name, name);
    }
    cluster_submit(request, request->params, name, error, cluster_on_submitted, request);
}

/* One that was just removed may be in the view for a moment longer than in the file. */
static gboolean is_configured(const Request *request, const char *name)
{
    g_autoptr(CorosyncNode) node = corosync_conf_node(cluster_conf_of(request), name);
    return node != NULL;
}

/* What is left must be able to go on. */
static gboolean rest_is_quorate(const Request *request, GError **error)
{
    const MembershipView *view = cluster_view_of(request);
    guint alive = 0, all = 0;
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        if (node->id == view->own || !is_configured(request, node->name))
            continue;
        all += node->votes;
        alive += node->member ? node->votes : 0;
    }
    if (all == 0 || alive >= all / 2 + 1)
        return TRUE;
    wire_error_set(
        error, WIRE_ERROR_STATE,
        "without %s the cluster would have %u of %u votes and not be quorate: start the "
        "nodes that are not seen, or remove them first",
        request->agent->node, alive, all);
    return FALSE;
}

static void submit_leave(Request *request, GError *error)
{
    cluster_submit(request, request->params, request->agent->node, error, cluster_on_submitted,
                   request);
}

static void on_let_out(guint64 revision, const GError *error, gpointer user)
{
    Request *request = user;
    submit_leave(request, error ? g_error_copy(error) : NULL);
}

/* In order it is let out of the store first: then those who stay are a majority of its
 * members when it is gone. */
static void serve_leave(Request *request)
{
    GError *error = NULL;
    gboolean alone = wire_get_boolean(request->params, "alone", FALSE);
    if (needs_cluster(request, &error) &&
        needs_confirm(request, request->agent->node, &error) && !alone &&
        cluster_needs_quorum(request, &error))
        (void)rest_is_quorate(request, &error);
    if (error || alone)
        submit_leave(request, error);
    else
        cluster_store_leave(cluster_part_store(request->agent->cluster), on_let_out, request);
}

/* ---- resync ---- */

static void serve_resync(Request *request)
{
    GError *error = NULL;
    if (needs_confirm(request, request->agent->node, &error))
        (void)store_resync(request->agent->store, &error);
    request_finish(request, error ? NULL : json_object(), error);
}

/* All nodes that are not seen must be named, and no other. */
static gboolean names_the_lost(const Request *request, GError **error)
{
    const MembershipView *view = cluster_view_of(request);
    const json_t *confirm = json_object_get(request->params, "confirm");
    g_autoptr(GString) lost = g_string_new(NULL);
    guint count = 0, named = 0;
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        size_t index;
        const json_t *name;
        if (node->member)
            continue;
        count++;
        g_string_append_printf(lost, "%s%s", lost->len ? "," : "", node->name);
        json_array_foreach(confirm, index, name)
        {
            named += g_str_equal(json_string_value(name), node->name) ? 1 : 0;
        }
    }
    if (count == 0)
        wire_error_set(error, WIRE_ERROR_STATE,
                       "all nodes are seen: nothing is to be expected less");
    else if (named != count || json_array_size(confirm) != count)
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "confirm",
                             "to be sure that they are off, name all nodes that are not seen: "
                             "--confirm %s",
                             lost->str);
    return count > 0 && named == count && json_array_size(confirm) == count;
}

static void serve_expected(Request *request)
{
    GError *error = NULL;
    guint votes = (guint)wire_get_integer(request->params, "votes", 0);
    if (cluster_needs_view(request, &error) && names_the_lost(request, &error)) {
        const MembershipView *view = cluster_view_of(request);
        if (votes / 2 + 1 > view->total || votes < view->total)
            wire_error_set_field(&error, WIRE_ERROR_PARAMS, "votes",
                                 "%u votes are seen: expect at least %u and fewer than %u",
                                 view->total, view->total, view->total * 2);
    }
    cluster_submit(request, request->params, "votes", error, cluster_on_submitted, request);
}

const HandlerRow handlers_cluster[] = {
    {"cluster.status", serve_status},
    {"cluster.create", serve_create},
    {"cluster.add", cluster_serve_add},
    {"cluster.accept", cluster_serve_accept},
    {"cluster.remove", serve_remove},
    {"cluster.leave", serve_leave},
    {"cluster.expected", serve_expected},
    {"cluster.resync", serve_resync},
    {NULL, NULL},
};
