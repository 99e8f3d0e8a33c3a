/* peer/book - the members of this node's cluster: names, addresses, and the key.
 *
 * Read from /etc/corosync anew for each use: members come and go. Blocks on the disk (and
 * on the resolver, where addresses are names): for workers and child processes.
 *
 * After the handshake the client says in one line what the connection is for
 * (agent/move/purpose.h), and the server answers with one line, {"node":NAME} or
 * {"error":{"code","message"}}.
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
/* The same, and says what for; steals purpose. What the other end refuses is the error. */
PeerStream *peer_book_ask(const PeerBook *book, const char *own, const char *node, guint port,
                          json_t *purpose, GError **error);

/* What the server answered to the purpose: TRUE when it will, else its refusal as the error,
 * with the node's name before it. Pure; the answer comes from the network. */
gboolean peer_answer_is_granted(const json_t *answer, const char *node, GError **error);
