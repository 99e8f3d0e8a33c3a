/* peer/book - the members of this node's cluster: names, addresses, and the key.
 *
 * Read from /etc/corosync anew for each use: members come and go. Blocks on the disk (and
 * on the resolver, where addresses are names): for workers and child processes.
 *
 * Purpose. After the handshake the client says in one line what the connection is for,
 * and the server answers with one line, {"node":NAME} or {"error":{"code","message"}}:
 *
 *   {"want":"rpc","person":WHO}        a session with the agent: JSON-RPC follows, as on
 *                                      the agent's socket after hello
 *   {"want":"reception","id":ID,       JSON lines with a reception (agent/move); fresh: it
 *    "fresh":B}                        was just asked for and is waited for
 *   {"want":"libvirt","id":ID}         libvirtd's socket, while that reception is there
 *   {"want":"socket","id":ID,"name":N} a socket in the directory of that reception
 */
#pragma once

#include "backend/peer/stream.h"

#define PEER_PORT 5440

typedef struct {
    GBytes *authkey;
    GPtrArray *nodes; /* of CorosyncNode */
} PeerBook;

/* WIRE_ERROR_STATE when this node is in no cluster. */
PeerBook *peer_book_read(GError **error);
void peer_book_free(PeerBook *book);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PeerBook, peer_book_free)

gboolean peer_book_knows(const PeerBook *book, const char *node);

/* Connects to the agent of a node by any of its addresses, in their order. The name must
 * be that of a member. WIRE_ERROR_NOT_FOUND, _UNREACHABLE, _AUTH. */
PeerStream *peer_book_dial(const PeerBook *book, const char *own, const char *node, guint port,
                           GError **error);
/* The same, and says what for. What the other end refuses is the error. */
PeerStream *peer_book_ask(const PeerBook *book, const char *own, const char *node, guint port,
                          json_t *purpose, GError **error);
