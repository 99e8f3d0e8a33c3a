#include "agent/cluster_nodes.h"

#include "agent/document.h"
#include "agent/inventory.h"
#include "agent/monitor.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "config.h"

#include <string.h>

#define FOLDER "nodes"

struct ClusterNodes {
    Agent *agent;
    void (*changed)(gpointer user);
    gpointer user;
    guint watch, idle;
    struct Writing *writing; /* one change at a time; the news of it brings the next review */
};

/* The store may answer when the owner has gone. */
typedef struct Writing {
    ClusterNodes *nodes; /* NULL: gone */
} Writing;

static char *path_of(const char *name)
{
    return g_strdup_printf(FOLDER "/%s", name);
}

static const char *name_of(const char *path)
{
    return g_str_has_prefix(path, FOLDER "/") ? path + strlen(FOLDER "/") : "";
}

/* ---- what is so ---- */

static void add_place(json_t *object, const CorosyncNode *node)
{
    json_t *addresses = json_array();
    for (guint i = 0; i < corosync_node_links(node); i++)
        if (node->addresses[i])
            json_array_append_new(addresses, wire_string(node->addresses[i]));
    json_object_set_new(object, "number", json_integer(node->id));
    json_object_set_new(object, "addresses", addresses);
}

static json_t *describe_own(const ClusterNodes *nodes, const ClusterFacts *facts)
{
    static const struct {
        const char *field, *name; /* of the node's object in the inventory, and here */
    } copied[] = {{"cpus", "cpus"}, {"mem_total", "memory"}, {"kvm", "kvm"}};
    const Agent *agent = nodes->agent;
    node_monitor_publish(agent->monitor);
    const json_t *own = inventory_find(agent->inventory, OBJECT_NODE, agent->node);
    json_t *object = json_pack("{s:s}", "agent", GANTRY_VERSION);
    g_autoptr(CorosyncNode) node =
        facts->conf ? corosync_conf_node(facts->conf, agent->node) : NULL;
    if (node)
        add_place(object, node);
    for (guint i = 0; i < G_N_ELEMENTS(copied); i++)
        if (json_object_get(own, copied[i].field))
            json_object_set(object, copied[i].name, json_object_get(own, copied[i].field));
    return object;
}

/* ---- making it so ---- */

static gboolean on_idle(gpointer user)
{
    ClusterNodes *nodes = user;
    nodes->idle = 0;
    nodes->changed(nodes->user);
    return G_SOURCE_REMOVE;
}

static void on_changed(const char *path, const StoreDocument *document, guint64 revision,
                       gpointer user)
{
    ClusterNodes *nodes = user;
    if (!nodes->idle)
        nodes->idle = g_idle_add(on_idle, nodes);
}

static void on_written(guint64 revision, const GError *error, gpointer user)
{
    Writing *writing = user;
    if (writing->nodes)
        writing->nodes->writing = NULL;
    if (error)
        g_info("what the store holds of the nodes was not changed: %s", error->message);
    g_free(writing);
}

/* content NULL: deletes it. */
static void write_at(ClusterNodes *nodes, const char *path, const json_t *content)
{
    nodes->writing = g_new(Writing, 1);
    nodes->writing->nodes = nodes;
    Store *store = nodes->agent->store;
    store_commit(store, document_replace(store, path, content), on_written, nodes->writing);
}

static gboolean write_own(ClusterNodes *nodes, const ClusterFacts *facts)
{
    g_autofree char *path = path_of(nodes->agent->node);
    g_autoptr(json_t) present = document_read(nodes->agent->store, path, NULL);
    g_autoptr(json_t) wanted = describe_own(nodes, facts);
    if (json_equal(present, wanted))
        return FALSE;
    write_at(nodes, path, wanted);
    return TRUE;
}

typedef struct {
    const Agent *agent;
    const CorosyncText *conf;
    char *path; /* of one that is none of the cluster's */
} Search;

static gboolean is_stranger(const StoreDocument *document, gpointer user)
{
    Search *search = user;
    const char *name = name_of(document->path);
    g_autoptr(CorosyncNode) node = search->conf ? corosync_conf_node(search->conf, name) : NULL;
    if (node || g_str_equal(name, search->agent->node))
        return TRUE;
    search->path = g_strdup(document->path);
    return FALSE;
}

static void delete_stranger(ClusterNodes *nodes, const ClusterFacts *facts)
{
    Search search = {nodes->agent, facts->conf, NULL};
    store_each(nodes->agent->store, FOLDER, is_stranger, &search);
    if (search.path)
        write_at(nodes, search.path, NULL);
    g_free(search.path);
}

void cluster_nodes_review(ClusterNodes *nodes, const ClusterFacts *facts, gboolean leads)
{
    Store *store = nodes->agent->store;
    if (!store || !store_is_loaded(store) || nodes->writing ||
        facts->store.state != STORE_WORKING || facts->conf_trouble)
        return;
    /* A file that is only missing says nothing about the others. */
    if (!facts->conf && !store_is_alone(store))
        return;
    if (!nodes->watch)
        nodes->watch = store_watch(store, FOLDER, on_changed, nodes, NULL);
    if (!write_own(nodes, facts) && leads)
        delete_stranger(nodes, facts);
}

ClusterNodes *cluster_nodes_new(Agent *agent, void (*changed)(gpointer user), gpointer user)
{
    ClusterNodes *nodes = g_new0(ClusterNodes, 1);
    nodes->agent = agent;
    nodes->changed = changed;
    nodes->user = user;
    return nodes;
}

void cluster_nodes_free(ClusterNodes *nodes)
{
    if (!nodes)
        return;
    g_clear_handle_id(&nodes->idle, g_source_remove);
    if (nodes->watch)
        store_unwatch(nodes->agent->store, nodes->watch);
    if (nodes->writing)
        nodes->writing->nodes = NULL;
    g_free(nodes);
}

/* ---- reading ---- */

json_t *cluster_nodes_find(const Store *store, const char *name)
{
    g_autofree char *path = path_of(name);
    return store ? document_read(store, path, NULL) : json_object();
}

typedef struct {
    json_t *list;
    const ClusterFacts *facts;
} Listing;

static gboolean list_one(const StoreDocument *document, gpointer user)
{
    const Listing *listing = user;
    const char *name = name_of(document->path);
    json_t *object = document_parse(document->content);
    const MembershipNode *seen =
        listing->facts->view ? membership_view_named(listing->facts->view, name) : NULL;
    if (!object)
        return TRUE;
    json_object_set_new(object, "name", wire_string(name));
    json_object_set_new(object, "member", seen ? json_boolean(seen->member) : json_null());
    json_array_append_new(listing->list, object);
    return TRUE;
}

json_t *cluster_nodes_list(const ClusterFacts *facts)
{
    Listing listing = {json_array(), facts};
    store_each(facts->documents, FOLDER, list_one, &listing);
    return listing.list;
}
