#include "backend/peer/book.h"
#include "backend/peer/bundle.h"
#include "backend/peer/ring.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <netinet/in.h>
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

typedef struct {
    PeerSealer *sealer;
    PeerOpener *opener;
    guint8 datagram[PEER_DATAGRAM_MAX], data[PEER_DATAGRAM_PAYLOAD];
    gsize size, data_size;
} Pair;

static void pair_begin(Pair *pair, const char *to)
{
    g_autoptr(GBytes) key = authkey();
    *pair = (Pair){.sealer = peer_sealer_new(key, 1, "node1", "node2", NULL),
                   .opener = peer_opener_new(key, 1, "node1", to)};
    g_assert_nonnull(pair->sealer);
}

static void pair_end(Pair *pair)
{
    peer_sealer_free(pair->sealer);
    peer_opener_free(pair->opener);
}

static gboolean open_sealed(Pair *pair)
{
    return peer_open(pair->opener, pair->datagram, pair->size, pair->data, &pair->data_size);
}

static void seal(Pair *pair, const char *text)
{
    pair->size = peer_seal(pair->sealer, text, strlen(text), pair->datagram);
    g_assert_cmpuint(pair->size, >, strlen(text));
}

static void test_datagram(void)
{
    Pair pair;
    pair_begin(&pair, "node2");
    for (guint i = 0; i < 3; i++) {
        seal(&pair, "hello");
        g_assert_cmpuint(peer_datagram_sender(pair.datagram, pair.size), ==, 1);
        g_assert_null(g_strstr_len((const char *)pair.datagram, (gssize)pair.size, "hello"));
        g_assert_true(open_sealed(&pair));
        g_assert_cmpmem(pair.data, pair.data_size, "hello", 5);
    }
    /* The sender begins anew: another salt. */
    peer_sealer_free(pair.sealer);
    g_autoptr(GBytes) key = authkey();
    pair.sealer = peer_sealer_new(key, 1, "node1", "node2", NULL);
    seal(&pair, "");
    g_assert_true(open_sealed(&pair));
    g_assert_cmpuint(pair.data_size, ==, 0);
    pair_end(&pair);
}

static void test_datagram_size(void)
{
    static const guint8 large[PEER_DATAGRAM_PAYLOAD + 1];
    Pair pair;
    pair_begin(&pair, "node2");
    g_assert_cmpuint(peer_seal(pair.sealer, large, sizeof large, pair.datagram), ==, 0);
    pair.size = peer_seal(pair.sealer, large, sizeof large - 1, pair.datagram);
    g_assert_cmpuint(pair.size, ==, PEER_DATAGRAM_MAX);
    g_assert_true(open_sealed(&pair));
    g_assert_cmpmem(pair.data, pair.data_size, large, sizeof large - 1);
    pair_end(&pair);
}

/* No bit of it may be another, and none may be missing. */
static void test_datagram_forged(void)
{
    Pair pair;
    pair_begin(&pair, "node2");
    seal(&pair, "hello");
    gsize size = pair.size;
    for (gsize i = 0; i < size; i++) {
        pair.datagram[i] ^= 0x10;
        g_assert_false(open_sealed(&pair));
        pair.datagram[i] ^= 0x10;
        pair.size = i;
        g_assert_false(open_sealed(&pair));
        pair.size = size;
    }
    g_assert_true(open_sealed(&pair));
    pair_end(&pair);
}

/* One for another node, or under another cluster's key. */
static void test_datagram_strange(void)
{
    static const char other[128] = "a secret of another cluster";
    Pair pair;
    pair_begin(&pair, "node3");
    seal(&pair, "hello");
    g_assert_false(open_sealed(&pair));
    g_autoptr(GBytes) key = g_bytes_new_static(other, sizeof other);
    peer_opener_free(pair.opener);
    pair.opener = peer_opener_new(key, 1, "node1", "node2");
    g_assert_false(open_sealed(&pair));
    pair_end(&pair);
}

static void assert_next(PeerBundleReader *reader, const char *expected)
{
    g_autoptr(GBytes) message = peer_bundle_next(reader);
    gsize size = 0;
    const char *text = message ? g_bytes_get_data(message, &size) : NULL;
    g_assert_true((text != NULL) == (expected != NULL));
    if (expected)
        g_assert_cmpmem(text, size, expected, strlen(expected));
}

static void test_bundle(void)
{
    static const char large[PEER_BUNDLE_MESSAGE_MAX + 1];
    PeerBundle bundle;
    PeerBundleReader reader;
    peer_bundle_begin(&bundle);
    g_assert_true(peer_bundle_is_empty(&bundle));
    g_assert_false(peer_bundle_add(&bundle, large, sizeof large));
    g_assert_true(peer_bundle_add(&bundle, large, sizeof large - 1));
    g_assert_false(peer_bundle_add(&bundle, "x", 1));
    peer_bundle_begin(&bundle);
    g_assert_false(peer_bundle_add(&bundle, "", 0));
    g_assert_true(peer_bundle_add(&bundle, "one", 3));
    g_assert_true(peer_bundle_add(&bundle, "second", 6));
    g_assert_false(peer_bundle_is_empty(&bundle));
    g_assert_cmpuint(peer_bundle_kind(bundle.bytes, bundle.size), ==, PEER_BUNDLE_MESSAGES);
    peer_bundle_read(&reader, bundle.bytes, bundle.size);
    assert_next(&reader, "one");
    assert_next(&reader, "second");
    assert_next(&reader, NULL);
    assert_next(&reader, NULL);
}

/* What is cut off, or has no length, ends it. */
static void test_bundle_broken(void)
{
    static const guint8 cut[] = {PEER_BUNDLE_MESSAGES, 0, 1, 'a', 0, 4, 'c', 'u', 't'};
    static const guint8 none[] = {PEER_BUNDLE_MESSAGES, 0, 1, 'a', 0, 0, 0, 1, 'b'};
    PeerBundleReader reader;
    peer_bundle_read(&reader, cut, sizeof cut);
    assert_next(&reader, "a");
    assert_next(&reader, NULL);
    peer_bundle_read(&reader, none, sizeof none);
    assert_next(&reader, "a");
    assert_next(&reader, NULL);
    for (gsize size = 0; size < 4; size++) {
        peer_bundle_read(&reader, cut, size);
        assert_next(&reader, NULL);
    }
    g_assert_cmpuint(peer_bundle_kind(cut, 0), ==, 0);
}

static void test_answer(void)
{
    g_autoptr(json_t) granted = json_pack("{s:s}", "node", "node2");
    g_autoptr(json_t) refused =
        json_pack("{s:{s:s,s:s}}", "error", "code", "busy", "message", "not now");
    g_autoptr(GError) error = NULL;
    g_assert_true(peer_answer_is_granted(granted, "node2", &error));
    g_assert_no_error(error);
    g_assert_false(peer_answer_is_granted(refused, "node2", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_BUSY);
    g_assert_cmpstr(error->message, ==, "node2: not now");
}

static void assert_address(const PeerMember *member, guint link, const char *expected)
{
    const PeerAddress *address = peer_member_address(member, link);
    g_assert_true((address != NULL) == (expected != NULL));
    if (!address)
        return;
    g_autofree char *text = peer_address_text(address);
    g_assert_cmpstr(text, ==, expected);
}

/* Addresses of both families, a link that is being made anew, and a node without a name. */
static void test_ring(void)
{
    CorosyncNode list[] = {
        {.id = 1, .name = (char[]){"node1"}, .addresses = {(char[]){"192.0.2.1"}}},
        {.id = 7, .addresses = {NULL, (char[]){"2001:db8::7"}}}};
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    g_ptr_array_add(nodes, &list[0]);
    g_ptr_array_add(nodes, &list[1]);
    g_autoptr(GPtrArray) ring = peer_ring_look_up(nodes, 5440);
    g_assert_cmpuint(ring->len, ==, 2);
    const PeerMember *first = ring->pdata[0], *second = ring->pdata[1];
    g_assert_true(peer_ring_find(ring, "node1") == first);
    g_assert_null(peer_ring_find(ring, "node2"));
    g_assert_cmpuint(second->id, ==, 7);
    g_assert_cmpstr(second->name, ==, "");
    assert_address(first, 0, "192.0.2.1");
    assert_address(first, 1, NULL);
    assert_address(second, 0, NULL);
    assert_address(second, 1, "2001:db8::7");
    g_assert_cmpuint(first->links[0]->len, ==, 1); /* not one for each kind of socket */
}

static void test_address_port(void)
{
    g_autoptr(GArray) one = peer_address_look_up("192.0.2.1", 5440);
    g_autoptr(GArray) again = peer_address_look_up("192.0.2.1", 5440);
    g_autoptr(GArray) other = peer_address_look_up("192.0.2.1", 5441);
    const PeerAddress *address = &g_array_index(one, PeerAddress, 0);
    const struct sockaddr_in *bytes = (const struct sockaddr_in *)&address->bytes;
    g_assert_cmpuint(ntohs(bytes->sin_port), ==, 5440);
    g_assert_true(peer_address_equal(address, &g_array_index(again, PeerAddress, 0)));
    g_assert_false(peer_address_equal(address, &g_array_index(other, PeerAddress, 0)));
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peer/handshake", test_handshake);
    g_test_add_func("/peer/refusals", test_refusals);
    g_test_add_func("/peer/identity", test_identity);
    g_test_add_func("/peer/ring", test_ring);
    g_test_add_func("/peer/ring/port", test_address_port);
    g_test_add_func("/peer/answer", test_answer);
    g_test_add_func("/peer/bundle", test_bundle);
    g_test_add_func("/peer/bundle/broken", test_bundle_broken);
    g_test_add_func("/peer/datagram", test_datagram);
    g_test_add_func("/peer/datagram/size", test_datagram_size);
    g_test_add_func("/peer/datagram/forged", test_datagram_forged);
    g_test_add_func("/peer/datagram/strange", test_datagram_strange);
    return g_test_run();
}
