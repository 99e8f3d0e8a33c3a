#include "tui/command/client.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/command/ask.h"
#include "tui/link/ways.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

struct Client {
    GPtrArray *nodes;     /* of ClientNode */
    guint sources[3];     /* of the signals */
    gboolean interrupted; /* by SIGINT: may be taken back */
    gboolean ended;       /* by the others */
    gboolean whole;       /* the others of the cluster were added */
    void (*notified)(Link *link, const char *method, const json_t *params, gpointer user);
    gpointer user;
};

typedef struct {
    gboolean done;
    json_t *result;
    GError *error;
} Answer;

static gboolean on_signal(gpointer user)
{
    ((Client *)user)->interrupted = TRUE;
    return G_SOURCE_CONTINUE;
}

static gboolean on_end(gpointer user)
{
    ((Client *)user)->ended = TRUE;
    return on_signal(user);
}

static void on_changed(Link *link, gpointer user)
{
    const Prompt *prompt = link_prompt(link);
    if (!prompt)
        return;
    char **answers = ask_on_terminal(prompt);
    link_answer(link, (const char *const *)answers);
    prompt_answers_free(answers);
}

static void on_notified(Link *link, const char *method, const json_t *params, gpointer user)
{
    const Client *client = user;
    if (client->notified)
        client->notified(link, method, params, client->user);
}

static void node_free(gpointer data)
{
    ClientNode *node = data;
    link_close(node->link);
    g_clear_error(&node->error);
    g_free(node->name);
    g_free(node);
}

static const LinkEvents client_events = {on_changed, on_notified};

static gboolean add_node(Client *client, const char *text, const char *ssh_config,
                         GError **error)
{
    g_autoptr(Target) target = target_parse(text, error);
    if (!target)
        return FALSE;
    ClientNode *node = g_new0(ClientNode, 1);
    node->link = link_new(target, &(LinkOptions){.ssh_config = ssh_config, .once = TRUE},
                          &client_events, client);
    g_ptr_array_add(client->nodes, node);
    return TRUE;
}

gboolean client_iterate(Client *client, GError **error)
{
    if (!client->interrupted)
        g_main_context_iteration(NULL, TRUE);
    if (!client->interrupted)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CANCELLED, "interrupted");
    return FALSE;
}

gboolean client_resume(Client *client)
{
    /* Ctrl-C may have been pressed more than once. */
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    client->interrupted = client->ended;
    return !client->ended;
}

static gboolean wait_until_settled(Client *client, const ClientNode *node, GError **error)
{
    while (link_state(node->link) == LINK_CONNECTING || link_state(node->link) == LINK_ASKING)
        if (!client_iterate(client, error))
            return FALSE;
    return TRUE;
}

static gboolean wait_for(Client *client, ClientNode *node, GError **error)
{
    if (!wait_until_settled(client, node, error))
        return FALSE;
    if (link_state(node->link) != LINK_CONNECTED)
        node->error = g_error_copy(link_error(node->link));
    return TRUE;
}

Client *client_new(const CommandOptions *options, GError **error)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    g_autoptr(Client) client = g_new0(Client, 1);
    client->nodes = g_ptr_array_new_with_free_func(node_free);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        client->sources[i] =
            g_unix_signal_add(signals[i], signals[i] == SIGINT ? on_signal : on_end, client);
    if (options->targets->len == 0) {
        if (access(TARGET_LOCAL_SOCKET, F_OK) != 0) {
            wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                           "no agent runs on this machine (there is no " TARGET_LOCAL_SOCKET
                           "): name a node with -H user@host");
            return NULL;
        }
        if (!add_node(client, "local", NULL, error))
            return NULL;
    }
    for (guint i = 0; i < options->targets->len; i++)
        if (!add_node(client, g_ptr_array_index(options->targets, i), options->ssh_config,
                      error))
            return NULL;
    for (guint i = 0; i < client->nodes->len; i++)
        if (!wait_for(client, client_node(client, i), error))
            return NULL;
    return g_steal_pointer(&client);
}

ClientNode *client_add(Client *client, const char *target, const CommandOptions *options,
                       GError **error)
{
    if (!add_node(client, target, options->ssh_config, error))
        return NULL;
    ClientNode *node = client_node(client, client->nodes->len - 1);
    if (!wait_for(client, node, error))
        return NULL;
    if (!node->error)
        return node;
    g_propagate_prefixed_error(error, g_error_copy(node->error), "%s: ", target);
    return NULL;
}

/* ---- the others of the cluster ---- */

typedef struct {
    char *name;
    GArray *ways;
    guint way;
    Link *through;
    ClientNode *node; /* in the client's list */
} Peer;

static void peer_free(gpointer data)
{
    Peer *peer = data;
    g_array_unref(peer->ways);
    g_free(peer->name);
    g_free(peer);
}

static gboolean is_known(const Client *client, const char *name)
{
    for (guint i = 0; i < client->nodes->len; i++) {
        const ClientNode *node = client->nodes->pdata[i];
        if (g_strcmp0(node->name, name) == 0 ||
            (node->link && g_strcmp0(link_name(node->link), name) == 0))
            return TRUE;
    }
    return FALSE;
}

/* Those that one connected node tells of and that are new. */
static void find_peers(Client *client, const ClientNode *teller, GPtrArray *peers)
{
    const RpcPeer *said = link_peer(teller->link);
    size_t index;
    const json_t *peer;
    json_array_foreach(said ? said->peers : NULL, index, peer)
    {
        const char *name = wire_get_string(peer, "name", "");
        if (!*name || is_known(client, name))
            continue;
        ClientNode *node = g_new0(ClientNode, 1);
        node->name = g_strdup(name);
        g_ptr_array_add(client->nodes, node);
        if (json_is_false(json_object_get(peer, "member"))) {
            wire_error_set(&node->error, WIRE_ERROR_UNREACHABLE,
                           "%s: the cluster lost it: it is not seen by %s", name, said->node);
            continue;
        }
        Peer *wanted = g_new0(Peer, 1);
        wanted->name = g_strdup(name);
        wanted->ways = ways_new(peer, link_target(teller->link));
        wanted->through = link_target(teller->link)->host ? teller->link : NULL;
        wanted->node = node;
        g_ptr_array_add(peers, wanted);
    }
}

/* Begins to connect by the next way; FALSE when none is left. */
static gboolean next_way(Client *client, Peer *peer, const char *ssh_config)
{
    if (peer->way >= peer->ways->len)
        return FALSE;
    const Way *way = &g_array_index(peer->ways, Way, peer->way++);
    LinkOptions options = {
        .ssh_config = ssh_config, .via = way->through ? peer->through : NULL, .once = TRUE};
    link_close(peer->node->link);
    peer->node->link = link_new(way->target, &options, &client_events, client);
    return TRUE;
}

/* TRUE when no other way is to be tried; keeps the first complaint. */
static gboolean is_done(const Peer *peer)
{
    GError *failure = NULL;
    ClientNode *node = peer->node;
    if (link_state(node->link) == LINK_CONNECTED) {
        if (g_str_equal(link_name(node->link), peer->name)) {
            g_clear_error(&node->error);
            return TRUE;
        }
        wire_error_set(&failure, WIRE_ERROR_UNREACHABLE, "%s: another node, %s, answers there",
                       peer->name, link_name(node->link));
        link_drop(node->link, failure->message);
    } else {
        failure = g_error_copy(link_error(node->link));
    }
    gboolean refused = wire_error_code(failure) != WIRE_ERROR_UNREACHABLE;
    if (node->error && !refused) {
        g_error_free(failure);
        return FALSE;
    }
    g_clear_error(&node->error);
    node->error = failure;
    return refused;
}

gboolean client_add_peers(Client *client, const CommandOptions *options, GError **error)
{
    g_autoptr(GPtrArray) peers = g_ptr_array_new_with_free_func(peer_free);
    guint given = client->nodes->len;
    for (guint i = 0; !client->whole && i < given; i++)
        if (!client_node(client, i)->error)
            find_peers(client, client_node(client, i), peers);
    client->whole = TRUE;
    /* All at once, by one way after the other. */
    while (peers->len) {
        for (guint i = peers->len; i-- > 0;)
            if (!next_way(client, peers->pdata[i], options->ssh_config))
                g_ptr_array_remove_index(peers, i);
        for (guint i = peers->len; i-- > 0;) {
            const Peer *peer = peers->pdata[i];
            if (!wait_until_settled(client, peer->node, error))
                return FALSE;
            if (is_done(peer))
                g_ptr_array_remove_index(peers, i);
        }
    }
    return TRUE;
}

void client_free(Client *client)
{
    if (!client)
        return;
    g_ptr_array_unref(client->nodes);
    for (size_t i = 0; i < G_N_ELEMENTS(client->sources); i++)
        g_source_remove(client->sources[i]);
    g_free(client);
}

guint client_count(const Client *client)
{
    return client->nodes->len;
}

ClientNode *client_node(Client *client, guint index)
{
    return g_ptr_array_index(client->nodes, index);
}

void client_listen(Client *client,
                   void (*notified)(Link *link, const char *method, const json_t *params,
                                    gpointer user),
                   gpointer user)
{
    client->notified = notified;
    client->user = user;
}

static void on_answer(const json_t *result, const GError *error, gpointer user)
{
    Answer *answer = user;
    answer->done = TRUE;
    if (error)
        answer->error = g_error_copy(error);
    else
        answer->result = json_incref((json_t *)(gintptr)result);
}

json_t *client_call(Client *client, Link *link, const char *method, json_t *params,
                    guint deadline, GError **error)
{
    RpcClient *rpc = link_rpc(link);
    if (!rpc) {
        json_decref(params);
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s is not connected", link_name(link));
        return NULL;
    }
    Answer answer = {0};
    gint64 call = rpc_call(rpc, method, params, deadline, on_answer, &answer);
    while (!answer.done) {
        if (!client_iterate(client, error)) {
            if (link_rpc(link) == rpc)
                rpc_cancel(rpc, call);
            return NULL;
        }
    }
    if (answer.error)
        g_propagate_error(error, answer.error);
    return answer.result;
}
