#include "tui/command/client.h"

#include "backend/wire/error.h"
#include "tui/command/ask.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

struct Client {
    GPtrArray *nodes; /* of ClientNode */
    guint sources[3]; /* of the signals */
    gboolean interrupted;
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
    g_free(node);
}

static gboolean add_node(Client *client, const char *text, const char *ssh_config,
                         GError **error)
{
    static const LinkEvents events = {on_changed, on_notified};
    g_autoptr(Target) target = target_parse(text, error);
    if (!target)
        return FALSE;
    ClientNode *node = g_new0(ClientNode, 1);
    node->link = link_new(target, &(LinkOptions){.ssh_config = ssh_config, .once = TRUE},
                          &events, client);
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

static gboolean wait_for(Client *client, ClientNode *node, GError **error)
{
    while (link_state(node->link) == LINK_CONNECTING || link_state(node->link) == LINK_ASKING)
        if (!client_iterate(client, error))
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
        client->sources[i] = g_unix_signal_add(signals[i], on_signal, client);
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
