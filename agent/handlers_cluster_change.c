/* cluster.address, link_add, link_remove, rename, restart: how the cluster is connected and
 * called. */
#include "agent/cluster.h"
#include "agent/cluster_request.h"
#include "agent/handlers.h"
#include "backend/cluster/corosync_device.h"
#include "backend/wire/error.h"

#include <string.h>

/* ---- links ---- */

/* It is there, and not the only one. */
static gboolean needs_spare_link(const Request *request, guint link, GError **error)
{
    const CorosyncText *conf = cluster_conf_of(request);
    if (link >= COROSYNC_LINKS_MAX || !corosync_conf_has_link(conf, link))
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "link",
                             "the cluster has no link %u: see gantry cluster status", link);
    else if (corosync_conf_count_links(conf) < 2)
        wire_error_set(error, WIRE_ERROR_STATE,
                       "link %u is the only one: the cluster can't do without it. Add another "
                       "first, with gantry cluster link add NODE=ADDRESS...",
                       link);
    else
        return TRUE;
    return FALSE;
}

/* All members must be connected over another one. */
static gboolean others_carry(const Request *request, guint link, GError **error)
{
    const MembershipView *view = cluster_view_of(request);
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        gboolean up = !node->member || node->id == view->own;
        for (guint l = 0; l < node->links->len && !up; l++) {
            const MembershipLink *one = &g_array_index(node->links, MembershipLink, l);
            up = one->link != link && one->connected;
        }
        if (up)
            continue;
        wire_error_set(error, WIRE_ERROR_STATE,
                       "%s is connected over link %u only: mend the others first, see gantry "
                       "cluster status",
                       node->name, link);
        return FALSE;
    }
    return TRUE;
}

static void serve_address(Request *request)
{
    GError *error = NULL;
    const char *name = cluster_asked(request, "node");
    const char *address = cluster_asked(request, "address");
    guint link = (guint)wire_get_integer(request->params, "link", 0);
    if (cluster_needs_quorum(request, &error) && needs_spare_link(request, link, &error) &&
        others_carry(request, link, &error)) {
        g_autoptr(CorosyncNode) node = corosync_conf_node(cluster_conf_of(request), name);
        if (!node)
            wire_error_set_field(&error, WIRE_ERROR_NOT_FOUND, "node",
                                 "the cluster has no node %s", name);
        else if (!corosync_address_is_valid(address))
            wire_error_set_field(&error, WIRE_ERROR_PARAMS, "address", "\"%s\" is no address",
                                 address);
        else if (g_strcmp0(node->addresses[link], address) == 0)
            wire_error_set_field(&error, WIRE_ERROR_STATE, "address",
                                 "%s has the address %s already", name, address);
    }
    cluster_submit(request, request->params, name, error, cluster_on_submitted, request);
}

/* NODE=ADDRESS for each node, once. */
static gboolean names_all_nodes(const Request *request, GError **error)
{
    const json_t *list = json_object_get(request->params, "addresses");
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(cluster_conf_of(request));
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        size_t length = strlen(node->name), index;
        guint found = 0;
        const json_t *word;
        json_array_foreach(list, index, word)
        {
            const char *text = json_string_value(word);
            found += strncmp(text, node->name, length) == 0 && text[length] == '=' &&
                             corosync_address_is_valid(text + length + 1)
                         ? 1
                         : 0;
        }
        if (found == 1)
            continue;
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "addresses",
                             "every node needs one address on the new link, %s too: %s=ADDRESS",
                             node->name, node->name);
        return FALSE;
    }
    if (json_array_size(list) == nodes->len)
        return TRUE;
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "addresses",
                         "the cluster has %u nodes, but %zu addresses are given", nodes->len,
                         json_array_size(list));
    return FALSE;
}

static void serve_link_add(Request *request)
{
    GError *error = NULL;
    if (cluster_needs_quorum(request, &error))
        (void)names_all_nodes(request, &error);
    cluster_submit(request, request->params, "link", error, cluster_on_submitted, request);
}

static void serve_link_remove(Request *request)
{
    GError *error = NULL;
    guint link = (guint)wire_get_integer(request->params, "link", 0);
    if (cluster_needs_quorum(request, &error) && needs_spare_link(request, link, &error))
        (void)others_carry(request, link, &error);
    cluster_submit(request, request->params, "link", error, cluster_on_submitted, request);
}

/* ---- the name ---- */

static void serve_rename(Request *request)
{
    GError *error = NULL;
    const char *name = cluster_asked(request, "name");
    if (cluster_needs_quorum(request, &error)) {
        const CorosyncText *conf = cluster_conf_of(request);
        g_autoptr(CorosyncDevice) device = corosync_device_read(conf);
        if (!corosync_name_is_valid(name))
            wire_error_set_field(&error, WIRE_ERROR_PARAMS, "name",
                                 "a cluster's name is 1 to 32 letters, digits, dots, dashes "
                                 "and underscores and begins with a letter or digit");
        else if (g_str_equal(corosync_conf_cluster(conf), name))
            wire_error_set_field(&error, WIRE_ERROR_STATE, "name", "that is its name already");
        else if (device)
            wire_error_set(&error, WIRE_ERROR_STATE,
                           "the quorum device %s knows the cluster by a certificate with its "
                           "name: remove the device, rename, and add it again",
                           device->host);
    }
    cluster_submit(request, request->params, name, error, cluster_on_submitted, request);
}

static void serve_restart(Request *request)
{
    GError *error = NULL;
    (void)cluster_needs_view(request, &error);
    cluster_submit(request, request->params, request->agent->node, error, cluster_on_submitted,
                   request);
}

const HandlerRow handlers_cluster_change[] = {
    {"cluster.address", serve_address},         {"cluster.link_add", serve_link_add},
    {"cluster.link_remove", serve_link_remove}, {"cluster.rename", serve_rename},
    {"cluster.restart", serve_restart},         {NULL, NULL},
};
