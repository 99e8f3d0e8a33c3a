/* peer/relay - a Unix socket here that leads to something on another node.
 *
 * Each connection to the socket becomes a connection of its own through peer/book with
 * the same purpose. Everything runs in threads of the calling process and ends with it,
 * so that the death of a task cuts what it carried.
 */
#pragma once

#include "backend/peer/book.h"

typedef struct PeerRelay PeerRelay;

typedef struct {
    const char *own, *node; /* from, to */
    guint port;
    const json_t *purpose;
} PeerRelayAsk;

/* path must not exist; it is made with mode 0600 and owner uid:gid. book must outlive it. */
PeerRelay *peer_relay_new(const PeerBook *book, const PeerRelayAsk *ask, const char *path,
                          uid_t uid, gid_t gid, GError **error);
/* Cuts what it carries and waits for its threads. Accepts NULL. */
void peer_relay_free(PeerRelay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PeerRelay, peer_relay_free)

/* Makes a listening Unix socket for the owner. -1 on failure. */
int peer_socket_listen(const char *path, uid_t uid, gid_t gid, GError **error);
/* Connects to one. -1 on failure. */
int peer_socket_connect(const char *path, GError **error);
