#include "backend/peer/stream.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char secret[128] = "a secret of the cluster";

static GBytes *authkey(void)
{
    return g_bytes_new_static(secret, sizeof secret);
}

typedef struct {
    int socket;
    const char *knows; /* the only member that is let in */
    char *client;
    char *problem;
    json_t *heard;
    PeerStream *stream;
} Server;

static gboolean find_key(const char *client, PeerKey *key, gpointer user)
{
    const Server *server = user;
    g_autoptr(GBytes) bytes = authkey();
    return strcmp(client, server->knows) == 0 &&
           peer_key_derive(bytes, client, "node2", key, NULL);
}

static gpointer serve(gpointer data)
{
    Server *server = data;
    g_autoptr(GError) error = NULL;
    server->stream =
        peer_stream_server(server->socket, "node2", find_key, server, &server->client, &error);
    if (server->stream)
        server->heard = peer_stream_receive(server->stream, 5, NULL, &error);
    server->problem = error ? g_strdup(error->message) : NULL;
    return NULL;
}

static void server_clear(Server *server)
{
    peer_stream_free(server->stream);
    json_decref(server->heard);
    g_free(server->client);
    g_free(server->problem);
}

/* The client's error, or NULL. */
static GError *shake(Server *server, const char *own, const char *name, GBytes *key)
{
    int pair[2];
    GError *error = NULL;
    PeerKey derived;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    server->socket = pair[1];
    GThread *thread = g_thread_new("server", serve, server);
    g_assert_true(peer_key_derive(key, own, name, &derived, NULL));
    PeerStream *stream = peer_stream_client(pair[0], own, name, &derived, &error);
    g_autoptr(json_t) line = json_pack("{s:s}", "want", "rpc");
    if (stream)
        (void)peer_stream_send(stream, line, 5, NULL);
    g_thread_join(thread);
    peer_stream_free(stream);
    return error;
}

static void test_handshake(void)
{
    Server server = {.knows = "node1"};
    g_autoptr(GBytes) key = authkey();
    GError *error = shake(&server, "node1", "node2", key);
    g_assert_no_error(error);
    g_assert_cmpstr(server.problem, ==, NULL);
    g_assert_cmpstr(server.client, ==, "node1");
    g_assert_cmpstr(wire_get_string(server.heard, "want", ""), ==, "rpc");
    server_clear(&server);
}

static void refuse(const char *knows, const char *own, const char *name, GBytes *key)
{
    Server server = {.knows = knows};
    GError *error = shake(&server, own, name, key);
    g_assert_null(server.stream);
    g_assert_nonnull(server.problem);
    g_clear_error(&error);
    server_clear(&server);
}

static void test_refusals(void)
{
    g_autoptr(GBytes) key = authkey();
    g_autoptr(GBytes) other = g_bytes_new_static("another cluster's", 17);
    refuse("node1", "node1", "node2", other); /* another key */
    refuse("node1", "node3", "node2", key);   /* no member */
    refuse("node1", "node1", "node9", key);   /* meant for another node */
}

static void test_identity(void)
{
    static const char *const wrong[] = {"",      ">",           ">node2",
                                        "node1", "node1>node3", "node1>node22"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_null(peer_identity_client(wrong[i], strlen(wrong[i]), "node2"));
    g_autofree char *client = peer_identity_client("node1>node2", 11, "node2");
    g_assert_cmpstr(client, ==, "node1");
    g_assert_null(peer_identity_client("no\0e>node2", 10, "node2"));
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peer/handshake", test_handshake);
    g_test_add_func("/peer/refusals", test_refusals);
    g_test_add_func("/peer/identity", test_identity);
    return g_test_run();
}
