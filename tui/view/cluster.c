#include "tui/view/cluster_private.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { WATCH_DEADLINE = 30000 };

struct Ask {
    RpcReply reply;
    gpointer user;
    GError *error; /* for an ask that could not be sent */
};

static void on_reply(const json_t *result, const GError *error, gpointer user)
{
    Ask *ask = user;
    RpcReply reply = ask->reply;
    gpointer asker = ask->user;
    g_clear_error(&ask->error);
    g_free(ask);
    if (reply)
        reply(result, error, asker);
}

static gboolean on_unsent(gpointer user)
{
    Ask *ask = user;
    g_autoptr(GError) error = g_steal_pointer(&ask->error);
    on_reply(NULL, error, ask);
    return G_SOURCE_REMOVE;
}

Ask *cluster_ask(Cluster *cluster, guint node, const char *method, json_t *params,
                 guint deadline, RpcReply reply, gpointer user)
{
    Ask *ask = g_new0(Ask, 1);
    ask->reply = reply;
    ask->user = user;
    Link *link = cluster_link(cluster, node);
    RpcClient *client = link ? link_rpc(link) : NULL;
    if (client) {
        (void)rpc_call(client, method, params, deadline, on_reply, ask);
        return ask;
    }
    json_decref(params);
    const ModelNode *target = model_node(cluster->model, node);
    wire_error_set(&ask->error, WIRE_ERROR_UNREACHABLE, "%s is not reached",
                   target ? target->name : "the node");
    g_idle_add(on_unsent, ask);
    return ask;
}

void ask_drop(Ask **ask)
{
    if (*ask) {
        (*ask)->reply = NULL;
        *ask = NULL;
    }
}

static void on_watch(const json_t *result, const GError *error, gpointer user)
{
    Member *member = user;
    member->opening = NULL;
    if (error) {
        g_autofree char *trouble = g_strdup_printf("watching failed: %s", error->message);
        if (wire_error_code(error) != WIRE_ERROR_CANCELLED &&
            link_state(member->link) == LINK_CONNECTED)
            model_node_link(member->cluster->model, member->index, MODEL_LINK_FAILED, trouble);
        return;
    }
    member->watch = wire_get_integer(result, "watch", 0);
    model_watch_begin(member->cluster->model, member->index, member->watch);
}

static void open_watch(Member *member)
{
    ask_drop(&member->opening);
    member->watch = 0;
    member->opening = cluster_ask(member->cluster, member->index, "watch.open", NULL,
                                  WATCH_DEADLINE, on_watch, member);
}

static void on_settings(const json_t *result, const GError *error, gpointer user)
{
    Cluster *cluster = user;
    cluster->settings_ask = NULL;
    if (error)
        cluster->settings = -1; /* the next that tells of it is asked */
    else
        cluster->events.settings(cluster, wire_get_string(result, "text", NULL), cluster->user);
}

/* All nodes tell of the same: the first is asked. */
static void take_settings(Member *member, const json_t *revision)
{
    Cluster *cluster = member->cluster;
    gint64 told = json_integer_value(revision);
    if (!revision || !cluster->events.settings || told == cluster->settings)
        return;
    cluster->settings = told;
    ask_drop(&cluster->settings_ask);
    cluster->settings_ask = cluster_ask(cluster, member->index, "cluster.console", NULL,
                                        WATCH_DEADLINE, on_settings, cluster);
}

/* The nodes of the cluster are for the links, not for the screen; and so are settings. */
static void take_own(Member *member, const json_t *params)
{
    size_t index;
    const json_t *object;
    json_array_foreach(json_object_get(params, "objects"), index, object)
    {
        const json_t *peers = json_object_get(object, "peers");
        if (!g_str_equal(wire_get_string(object, "kind", ""), "node"))
            continue;
        if (peers)
            members_heard(member, peers);
        take_settings(member, json_object_get(object, "console_settings"));
    }
}

static void on_notified(Link *link, const char *method, const json_t *params, gpointer user)
{
    Member *member = user;
    Cluster *cluster = member->cluster;
    gboolean ready = FALSE;
    if (strcmp(method, "watch.delta") != 0)
        return;
    if (model_apply(cluster->model, member->index, params, &ready) == MODEL_GAP) {
        json_t *old = json_pack("{s:I}", "watch", (json_int_t)member->watch);
        (void)cluster_ask(cluster, member->index, "watch.close", old, WATCH_DEADLINE, NULL,
                          NULL);
        open_watch(member);
    }
    take_own(member, params);
    if (ready)
        cluster->events.changed(cluster, member->index, cluster->user);
}

static void on_connected(Member *member)
{
    const RpcPeer *peer = link_peer(member->link);
    WireRole role = WIRE_ROLE_NONE;
    if (peer && !members_met(member, peer)) {
        g_autofree char *why =
            g_strdup_printf("%s answers there, not %s", peer->node, member->name);
        link_drop(member->link, why);
        return;
    }
    if (peer)
        (void)wire_role_from_name(peer->role, &role);
    model_node_hello(member->cluster->model, member->index, peer ? peer->node : NULL,
                     peer ? peer->agent : NULL, role);
    model_node_link(member->cluster->model, member->index, MODEL_LINK_UP, NULL);
    open_watch(member);
}

static void on_link(Link *link, gpointer user)
{
    Member *member = user;
    Cluster *cluster = member->cluster;
    LinkState state = link_state(link);
    if ((state == LINK_WAITING || state == LINK_REFUSED) && members_missed(member))
        return;
    const GError *error = link_error(link);
    const char *trouble = error ? error->message : NULL;
    switch (state) {
    case LINK_CONNECTED:
        on_connected(member);
        break;
    case LINK_WAITING:
        model_node_link(cluster->model, member->index, MODEL_LINK_DOWN, trouble);
        members_recall(member);
        break;
    case LINK_REFUSED:
        model_node_link(cluster->model, member->index,
                        member->pause ? MODEL_LINK_DOWN : MODEL_LINK_FAILED, trouble);
        members_recall(member);
        break;
    case LINK_CONNECTING:
    case LINK_ASKING:
        /* While it tries again, a lost node stays lost and keeps its reason. */
        if (!trouble && model_node(cluster->model, member->index)->link != MODEL_LINK_DOWN)
            model_node_link(cluster->model, member->index, MODEL_LINK_CONNECTING, NULL);
        break;
    }
    cluster->events.asking(cluster, member->index, cluster->user);
    cluster->events.changed(cluster, member->index, cluster->user);
}

const LinkEvents cluster_link_events = {.changed = on_link, .notified = on_notified};

static Link *find_link(const Cluster *cluster, const ClusterSetup *setup, const char *target)
{
    for (guint i = 0; target && i < cluster->members->len; i++)
        if (g_strcmp0(setup->targets[i].target, target) == 0)
            return cluster_link(cluster, i);
    return NULL;
}

static void add_member(Cluster *cluster, const ClusterSetup *setup, guint index)
{
    const ClusterMember *wanted = &setup->targets[index];
    LinkOptions options = {.ssh_config = cluster->ssh_config, .once = cluster->once};
    Member *member = g_new0(Member, 1);
    member->cluster = cluster;
    member->index = model_node_add(cluster->model, wanted->target, NULL);
    options.via = find_link(cluster, setup, wanted->via);
    member->jumps = wanted->via != NULL;
    g_autoptr(Target) target = target_parse(wanted->target, &member->error);
    if (target)
        member->link = link_new(target, &options, &cluster_link_events, member);
    else
        model_node_link(cluster->model, member->index, MODEL_LINK_FAILED,
                        member->error->message);
    g_ptr_array_add(cluster->members, member);
}

Cluster *cluster_new(const ClusterSetup *setup, const char *ssh_config, gboolean once,
                     const ClusterEvents *events, gpointer user)
{
    Cluster *cluster = g_new0(Cluster, 1);
    cluster->name = g_strdup(setup->name);
    cluster->model = model_new();
    cluster->members = g_ptr_array_new();
    cluster->events = *events;
    cluster->user = user;
    cluster->ssh_config = g_strdup(ssh_config);
    cluster->once = once;
    for (guint i = 0; i < MIN(setup->target_count, MODEL_NODES_MAX); i++)
        add_member(cluster, setup, i);
    return cluster;
}

Member *cluster_member(const Cluster *cluster, guint node)
{
    return node < cluster->members->len ? cluster->members->pdata[node] : NULL;
}

void cluster_member_free(Member *member)
{
    g_clear_handle_id(&member->pause, g_source_remove);
    ask_drop(&member->opening);
    ask_drop(&member->knock);
    ask_drop(&member->recall);
    link_close(member->link);
    g_clear_error(&member->error);
    g_clear_pointer(&member->ways, g_array_unref);
    json_decref(member->peers);
    g_free(member->name);
    g_free(member);
}

void cluster_free(Cluster *cluster)
{
    if (!cluster)
        return;
    g_clear_handle_id(&cluster->review, g_source_remove);
    ask_drop(&cluster->settings_ask);
    /* Those that go through another come after it: close them first. */
    for (guint i = cluster->members->len; i-- > 0;)
        if (cluster_member(cluster, i))
            cluster_member_free(cluster_member(cluster, i));
    g_ptr_array_unref(cluster->members);
    model_free(cluster->model);
    g_free(cluster->name);
    g_free(cluster->ssh_config);
    g_free(cluster);
}

const char *cluster_name(const Cluster *cluster)
{
    return cluster->name;
}

Model *cluster_model(const Cluster *cluster)
{
    return cluster->model;
}

guint cluster_count(const Cluster *cluster)
{
    return cluster->members->len;
}

Link *cluster_link(const Cluster *cluster, guint node)
{
    const Member *member = cluster_member(cluster, node);
    return member ? member->link : NULL;
}

char *cluster_target(const Cluster *cluster, guint node)
{
    const Member *member = cluster_member(cluster, node);
    bool jumps =
        member && (member->jumps || (member->ways && member->way < member->ways->len &&
                                     g_array_index(member->ways, Way, member->way).through));
    return member && member->link && !jumps ? target_text(link_target(member->link)) : NULL;
}

void cluster_retry(Cluster *cluster)
{
    for (guint i = 0; i < cluster->members->len; i++) {
        Link *link = cluster_link(cluster, i);
        if (!link || (link_state(link) != LINK_WAITING && link_state(link) != LINK_REFUSED))
            continue;
        if (cluster_member(cluster, i)->ways)
            members_try(cluster_member(cluster, i));
        else
            link_retry(link);
    }
}

gboolean cluster_settled(const Cluster *cluster)
{
    for (guint i = 0; i < cluster->members->len; i++) {
        const ModelNode *node = model_node(cluster->model, i);
        if (node && node->link != MODEL_LINK_FAILED &&
            !(node->link == MODEL_LINK_UP && node->ready))
            return FALSE;
    }
    return !cluster->review;
}
