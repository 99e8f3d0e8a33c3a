/* cluster.*: the cluster that this node is in, and changes of it. What can be refused is
 * refused at once; the work is a task's (task/cluster_handlers.h). */
#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/cluster_addresses.h"
#include "agent/handlers.h"
#include "agent/task/cluster_handlers.h"
#include "agent/task_board.h"
#include "backend/cluster/corosync_files.h"
#include "backend/net/link.h"
#include "backend/wire/error.h"

#include <string.h>
#include <unistd.h>

enum { FILES_DEADLINE = 15000 /* ms */ };

static const char *asked(const Request *request, const char *key)
{
    return wire_get_string(request->params, key, NULL);
}

static const CorosyncText *conf_of(const Request *request)
{
    return cluster_part_conf(request->agent->cluster);
}

static const MembershipView *view_of(const Request *request)
{
    return membership_view(cluster_part_membership(request->agent->cluster));
}

static void serve_status(Request *request)
{
    cluster_part_status(request->agent->cluster, request);
}

/* ---- what is needed ---- */

static gboolean needs_no_cluster(const Request *request, GError **error)
{
    if (!conf_of(request))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE, "%s is in the cluster %s already",
                   request->agent->node, corosync_conf_cluster(conf_of(request)));
    return FALSE;
}

static gboolean needs_cluster(const Request *request, GError **error)
{
    if (conf_of(request))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STATE,
                   "%s is in no cluster: make one with gantry cluster create NAME",
                   request->agent->node);
    return FALSE;
}

static gboolean needs_view(const Request *request, GError **error)
{
    MembershipState state =
        membership_state(cluster_part_membership(request->agent->cluster), NULL);
    if (!needs_cluster(request, error))
        return FALSE;
    if (state == MEMBERSHIP_UP && view_of(request))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                   "corosync does not %s on %s: see gantry cluster status",
                   state == MEMBERSHIP_SILENT ? "answer" : "run", request->agent->node);
    return FALSE;
}

static gboolean needs_quorum(const Request *request, GError **error)
{
    if (!needs_view(request, error))
        return FALSE;
    if (view_of(request)->quorate)
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
    if (g_strcmp0(asked(request, "confirm"), name) == 0)
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "confirm",
                         "to be sure, repeat the node's name: --confirm %s", name);
    return FALSE;
}

/* ---- tasks ---- */

static void on_submitted(const char *task, const GError *error, gpointer user)
{
    request_finish(user, error ? NULL : json_pack("{s:s}", "task", task),
                   error ? g_error_copy(error) : NULL);
}

/* One at a time: they all are about the same files. Takes error. */
static void submit(Request *request, const json_t *params, const char *name, GError *error,
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

/* The addresses asked for must be this node's; those not asked for are chosen. */
static gboolean choose_links(const Request *request, json_t *params, GError **error)
{
    g_autoptr(GPtrArray) links = net_links_read(error);
    static const char *const keys[] = {"link0", "link1"};
    if (!links)
        return FALSE;
    g_auto(GStrv) own = cluster_addresses_choose(links, 2);
    if (!asked(request, "link0")) {
        for (guint i = 0; i < G_N_ELEMENTS(keys) && own[i]; i++)
            if (!asked(request, keys[i]) && (i == 0 || !asked(request, "link0")))
                json_object_set_new(params, keys[i], wire_string(own[i]));
        if (own[0])
            return TRUE;
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "link0",
                             "%s has no address on a network: give one with --link0",
                             request->agent->node);
        return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *address = asked(request, keys[i]);
        if (!address || cluster_addresses_have(links, address))
            continue;
        wire_error_set_field(error, WIRE_ERROR_PARAMS, keys[i], "%s is no address of %s",
                             address, request->agent->node);
        return FALSE;
    }
    return TRUE;
}

static void serve_create(Request *request)
{
    GError *error = NULL;
    g_autoptr(json_t) params = json_copy(request->params);
    const char *name = asked(request, "name");
    if (!corosync_name_is_valid(name))
        wire_error_set_field(&error, WIRE_ERROR_PARAMS, "name",
                             "a cluster's name is 1 to 32 letters, digits, dots, dashes and "
                             "underscores and begins with a letter or digit");
    else if (needs_no_cluster(request, &error))
        (void)choose_links(request, params, &error);
    submit(request, params, name, error, on_submitted, request);
}

/* ---- add: the answer holds what the joiner needs ---- */

typedef struct {
    char *node, *links[2];
    CorosyncText *conf; /* with the node in it */
    GBytes *key;
    gboolean known; /* it was in it already */
    Request *request;
} Adding;

static void adding_free(gpointer data)
{
    Adding *adding = data;
    g_free(adding->node);
    g_free(adding->links[0]);
    g_free(adding->links[1]);
    corosync_text_free(adding->conf);
    g_clear_pointer(&adding->key, g_bytes_unref);
    g_free(adding);
}

static gboolean read_for_joiner(Adding *adding, int directory, GError **error)
{
    adding->conf = corosync_file_load(directory, COROSYNC_CONF, error);
    if (!adding->conf || !corosync_conf_check(adding->conf, error))
        return FALSE;
    adding->key = corosync_key_load(directory, error);
    if (!adding->key)
        return FALSE;
    CorosyncNode *known = corosync_conf_node(adding->conf, adding->node);
    adding->known = known != NULL;
    corosync_node_free(known);
    if (adding->known)
        return TRUE;
    CorosyncNode node = {.id = corosync_conf_free_id(adding->conf),
                         .name = adding->node,
                         .votes = 1,
                         .addresses = {adding->links[0], adding->links[1]}};
    corosync_conf_set_version(adding->conf, corosync_conf_version(adding->conf) + 1);
    return corosync_conf_add_node(adding->conf, &node, error);
}

/* Runs on a copy of its own, which becomes the result. */
static gpointer run_adding(gpointer data, GError **error)
{
    const Adding *from = data;
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return NULL;
    Adding *adding = g_new0(Adding, 1);
    adding->node = g_strdup(from->node);
    adding->links[0] = g_strdup(from->links[0]);
    adding->links[1] = g_strdup(from->links[1]);
    adding->request = from->request;
    gboolean good = read_for_joiner(adding, directory, error);
    (void)close(directory);
    if (good)
        return adding;
    adding_free(adding);
    return NULL;
}

static json_t *adding_json(const Adding *adding, const char *task)
{
    gsize size;
    const guchar *key = g_bytes_get_data(adding->key, &size);
    g_autofree char *text = corosync_text_dump(adding->conf);
    g_autofree char *base64 = g_base64_encode(key, size);
    return json_pack("{s:o,s:s,s:s}", "task", task ? wire_string(task) : json_null(), "config",
                     text, "key", base64);
}

static void on_add_submitted(const char *task, const GError *error, gpointer user)
{
    Adding *adding = user;
    request_finish(adding->request, error ? NULL : adding_json(adding, task),
                   error ? g_error_copy(error) : NULL);
    adding_free(adding);
}

static void on_added(gpointer result, const GError *error, gpointer user)
{
    Request *request = user;
    Adding *adding = result;
    if (error)
        request_fail(request, g_error_copy(error));
    else if (adding->known)
        on_add_submitted(NULL, NULL, adding);
    else
        submit(request, request->params, adding->node, NULL, on_add_submitted, adding);
}

static void serve_add(Request *request)
{
    GError *error = NULL;
    if (!needs_quorum(request, &error)) {
        request_fail(request, error);
        return;
    }
    Adding *adding = g_new0(Adding, 1);
    adding->node = g_strdup(asked(request, "node"));
    adding->links[0] = g_strdup(asked(request, "link0"));
    adding->links[1] = g_strdup(asked(request, "link1"));
    adding->request = request;
    worker_submit(request->agent->workers, &(WorkerJob){.key = "corosync.conf",
                                                        .deadline = FILES_DEADLINE,
                                                        .run = run_adding,
                                                        .data = adding,
                                                        .free_data = adding_free,
                                                        .free_result = adding_free,
                                                        .done = on_added,
                                                        .user = request});
}

/* ---- accept ---- */

typedef struct {
    char *text;
    guchar *key;
    gsize size;
} Accepting;

static void accepting_free(gpointer data)
{
    Accepting *accepting = data;
    g_free(accepting->text);
    if (accepting->key)
        explicit_bzero(accepting->key, accepting->size);
    g_free(accepting->key);
    g_free(accepting);
}

static gpointer run_accepting(gpointer data, GError **error)
{
    const Accepting *accepting = data;
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return NULL;
    gboolean good = corosync_file_write(directory, CLUSTER_KEY_ACCEPTED, accepting->key,
                                        accepting->size, 0400, error) &&
                    corosync_file_write(directory, CLUSTER_CONF_ACCEPTED, accepting->text,
                                        strlen(accepting->text), 0644, error);
    (void)close(directory);
    return good ? GINT_TO_POINTER(1) : NULL;
}

static void on_accepting(gpointer result, const GError *error, gpointer user)
{
    g_autoptr(json_t) params = json_object();
    submit(user, params, ((const Request *)user)->agent->node,
           error ? g_error_copy(error) : NULL, on_submitted, user);
}

/* The same cluster once more is how a node that missed changes comes back. */
static gboolean fits_present(const Request *request, const CorosyncText *conf, GError **error)
{
    const CorosyncText *present = conf_of(request);
    if (!present)
        return TRUE;
    if (!g_str_equal(corosync_conf_cluster(present), corosync_conf_cluster(conf)) ||
        corosync_conf_version(present) > corosync_conf_version(conf))
        return needs_no_cluster(request, error);
    return TRUE;
}

static gboolean names_this_node(const Request *request, const CorosyncText *conf,
                                GError **error)
{
    g_autoptr(GPtrArray) links = net_links_read(error);
    CorosyncNode *own = links ? corosync_conf_node(conf, request->agent->node) : NULL;
    gboolean good = own != NULL;
    if (links && !own)
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "config",
                             "that corosync.conf has no node %s", request->agent->node);
    for (guint i = 0; good && i < corosync_node_links(own); i++) {
        good = cluster_addresses_have(links, own->addresses[i]);
        if (!good)
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "config",
                                 "%s is no address of %s: join with --link%u ADDRESS",
                                 own->addresses[i], request->agent->node, i);
    }
    corosync_node_free(own);
    return good;
}

static void serve_accept(Request *request)
{
    GError *error = NULL;
    const char *text = asked(request, "config");
    Accepting *accepting = g_new0(Accepting, 1);
    g_autoptr(CorosyncText) conf = corosync_conf_parse(text, strlen(text), &error);
    accepting->text = g_strdup(text);
    accepting->key = g_base64_decode(asked(request, "key"), &accepting->size);
    if (!error && (accepting->size < COROSYNC_KEY_MIN || accepting->size > COROSYNC_KEY_MAX))
        wire_error_set_field(&error, WIRE_ERROR_PARAMS, "key", "this is no key of corosync's");
    if (!error && fits_present(request, conf, &error))
        (void)names_this_node(request, conf, &error);
    if (error) {
        accepting_free(accepting);
        request_fail(request, error);
        return;
    }
    worker_submit(request->agent->workers, &(WorkerJob){.key = "corosync.conf",
                                                        .deadline = FILES_DEADLINE,
                                                        .run = run_accepting,
                                                        .data = accepting,
                                                        .free_data = accepting_free,
                                                        .done = on_accepting,
                                                        .user = request});
}

/* ---- remove, leave, expected ---- */

static void serve_remove(Request *request)
{
    GError *error = NULL;
    const char *name = asked(request, "node");
    if (needs_confirm(request, name, &error) && needs_quorum(request, &error)) {
        const MembershipNode *node = membership_view_named(view_of(request), name);
        if (!node)
            wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "node",
                                 "the cluster has no node %s", name);
        else if (node->member)
            wire_error_set_field(&error, WIRE_ERROR_STATE, "node",
                                 "%s is alive in the cluster: let it leave with gantry -H %s "
                                 "cluster leave",
                                 name, name);
    }
    submit(request, request->params, name, error, on_submitted, request);
}

/* What is left must be able to go on. */
static gboolean rest_is_quorate(const Request *request, GError **error)
{
    const MembershipView *view = view_of(request);
    guint alive = 0, all = 0;
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        if (node->id == view->own)
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

static void serve_leave(Request *request)
{
    GError *error = NULL;
    gboolean alone = wire_get_boolean(request->params, "alone", FALSE);
    if (needs_cluster(request, &error) &&
        needs_confirm(request, request->agent->node, &error) && !alone &&
        needs_quorum(request, &error))
        (void)rest_is_quorate(request, &error);
    submit(request, request->params, request->agent->node, error, on_submitted, request);
}

/* All nodes that are not seen must be named, and no other. */
static gboolean names_the_lost(const Request *request, GError **error)
{
    const MembershipView *view = view_of(request);
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
    if (needs_view(request, &error) && names_the_lost(request, &error)) {
        const MembershipView *view = view_of(request);
        if (votes / 2 + 1 > view->total || votes < view->total)
            wire_error_set_field(&error, WIRE_ERROR_PARAMS, "votes",
                                 "%u votes are seen: expect at least %u and fewer than %u",
                                 view->total, view->total, view->total * 2);
    }
    submit(request, request->params, "votes", error, on_submitted, request);
}

const HandlerRow handlers_cluster[] = {
    {"cluster.status", serve_status},     {"cluster.create", serve_create},
    {"cluster.add", serve_add},           {"cluster.accept", serve_accept},
    {"cluster.remove", serve_remove},     {"cluster.leave", serve_leave},
    {"cluster.expected", serve_expected}, {NULL, NULL},
};
