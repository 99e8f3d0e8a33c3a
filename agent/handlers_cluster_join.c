/* cluster.add and cluster.accept: the two halves of a join. */
#include "agent/cluster.h"
#include "agent/cluster_addresses.h"
#include "agent/cluster_request.h"
#include "agent/task/cluster_handlers.h"
#include "backend/cluster/corosync_files.h"
#include "backend/net/link.h"
#include "backend/wire/error.h"

#include <string.h>
#include <unistd.h>

enum { FILES_DEADLINE = 15000 /* ms */ };

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
        cluster_submit(request, request->params, adding->node, NULL, on_add_submitted, adding);
}

void cluster_serve_add(Request *request)
{
    GError *error = NULL;
    if (!cluster_needs_quorum(request, &error) || !cluster_needs_no_device(request, &error)) {
        request_fail(request, error);
        return;
    }
    Adding *adding = g_new0(Adding, 1);
    adding->node = g_strdup(cluster_asked(request, "node"));
    adding->links[0] = g_strdup(cluster_asked(request, "link0"));
    adding->links[1] = g_strdup(cluster_asked(request, "link1"));
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
    cluster_submit(user, params, ((const Request *)user)->agent->node,
                   error ? g_error_copy(error) : NULL, cluster_on_submitted, user);
}

/* The same cluster once more is how a node that missed changes comes back. */
static gboolean fits_present(const Request *request, const CorosyncText *conf, GError **error)
{
    const CorosyncText *present = cluster_conf_of(request);
    if (!present)
        return cluster_needs_none(request, error);
    if (!g_str_equal(corosync_conf_cluster(present), corosync_conf_cluster(conf)) ||
        corosync_conf_version(present) > corosync_conf_version(conf))
        return cluster_needs_none(request, error);
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
        good = !own->addresses[i] || cluster_addresses_have(links, own->addresses[i]);
        if (!good)
            wire_error_set_field(error, WIRE_ERROR_PARAMS, "config",
                                 "%s is no address of %s: join with --link%u ADDRESS",
                                 own->addresses[i], request->agent->node, i);
    }
    corosync_node_free(own);
    return good;
}

void cluster_serve_accept(Request *request)
{
    GError *error = NULL;
    const char *text = cluster_asked(request, "config");
    Accepting *accepting = g_new0(Accepting, 1);
    g_autoptr(CorosyncText) conf = corosync_conf_parse(text, strlen(text), &error);
    accepting->text = g_strdup(text);
    accepting->key = g_base64_decode(cluster_asked(request, "key"), &accepting->size);
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
