#include "backend/peer/book.h"

#include "backend/cluster/corosync_files.h"
#include "backend/peer/ring.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, ANSWER_SECONDS = 90 };

PeerBook *peer_book_read(GError **error)
{
    g_autoptr(GError) none = NULL;
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return NULL;
    g_autoptr(CorosyncText) conf = corosync_file_load(directory, COROSYNC_CONF, &none);
    GBytes *key = NULL;
    if (!conf || corosync_conf_is_untouched(conf))
        wire_error_set(error, WIRE_ERROR_STATE,
                       "this node is in no cluster: see gantry cluster create and join");
    else if (corosync_conf_check(conf, error))
        key = corosync_key_load(directory, error);
    (void)close(directory);
    if (!key)
        return NULL;
    PeerBook *book = g_new0(PeerBook, 1);
    book->authkey = key;
    book->nodes = corosync_conf_nodes(conf);
    return book;
}

void peer_book_free(PeerBook *book)
{
    if (!book)
        return;
    g_bytes_unref(book->authkey);
    g_ptr_array_unref(book->nodes);
    g_free(book);
}

static const CorosyncNode *find(const PeerBook *book, const char *name)
{
    for (guint i = 0; i < book->nodes->len; i++) {
        const CorosyncNode *node = book->nodes->pdata[i];
        if (g_strcmp0(node->name, name) == 0)
            return node;
    }
    return NULL;
}

gboolean peer_book_knows(const PeerBook *book, const char *node)
{
    return find(book, node) != NULL;
}

static int connect_within(const PeerAddress *to, int *reason)
{
    int made = socket(to->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof *reason;
    *reason = errno;
    if (made < 0)
        return -1;
    *reason = connect(made, (const struct sockaddr *)&to->bytes, to->size) == 0 ? 0 : errno;
    if (*reason == EINPROGRESS) {
        struct pollfd wait = {made, POLLOUT, 0};
        if (poll(&wait, 1, CONNECT_MS) != 1)
            *reason = ETIMEDOUT;
        else if (getsockopt(made, SOL_SOCKET, SO_ERROR, reason, &size) < 0)
            *reason = errno;
    }
    if (*reason == 0)
        return made;
    (void)close(made);
    return -1;
}

static int connect_link(const char *text, guint port, int *reason)
{
    g_autoptr(GArray) addresses = peer_address_look_up(text, port);
    int made = -1;
    *reason = EHOSTUNREACH;
    for (guint i = 0; i < addresses->len && made < 0; i++)
        made = connect_within(&g_array_index(addresses, PeerAddress, i), reason);
    return made;
}

PeerStream *peer_book_dial(const PeerBook *book, const char *own, const char *name, guint port,
                           GError **error)
{
    const CorosyncNode *node = find(book, name);
    PeerKey key;
    int reason = EHOSTUNREACH, made = -1;
    if (!node) {
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "node",
                             "%s is no node of this cluster: see gantry cluster status", name);
        return NULL;
    }
    if (!peer_key_derive(book->authkey, own, name, &key, error))
        return NULL;
    for (guint i = 0; i < corosync_node_links(node) && made < 0; i++)
        made = connect_link(node->addresses[i], port, &reason);
    if (made < 0) {
        wire_error_set(
            error, WIRE_ERROR_UNREACHABLE,
            "the agent of %s can't be reached on TCP port %u of %s: %s; does gantryd "
            "run there, and is the port open between the nodes?",
            name, port, node->addresses[0], g_strerror(reason));
        return NULL;
    }
    PeerStream *stream = peer_stream_client(made, own, name, &key, error);
    if (!stream)
        g_prefix_error(error, "%s: ", name);
    return stream;
}

gboolean peer_answer_is_granted(const json_t *answer, const char *node, GError **error)
{
    const json_t *refusal = json_object_get(answer, "error");
    if (!refusal)
        return TRUE;
    wire_error_set(error, wire_error_from_name(wire_get_string(refusal, "code", "failed")),
                   "%s: %s", node, wire_get_string(refusal, "message", "refused"));
    return FALSE;
}

PeerStream *peer_book_ask(const PeerBook *book, const char *own, const char *node, guint port,
                          json_t *purpose, GError **error)
{
    g_autoptr(json_t) line = purpose;
    g_autoptr(PeerStream) stream = peer_book_dial(book, own, node, port, error);
    if (!stream)
        return NULL;
    g_autoptr(json_t) answer = peer_stream_send(stream, line, PEER_HANDSHAKE, error)
                                   ? peer_stream_receive(stream, ANSWER_SECONDS, NULL, error)
                                   : NULL;
    return answer && peer_answer_is_granted(answer, node, error) ? g_steal_pointer(&stream)
                                                                 : NULL;
}
