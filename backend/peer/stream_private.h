/* peer/stream_private - what the parts of peer/stream share: the handshake and the lines
 * (stream.c), and the bytes (stream_pump.c). */
#pragma once

#include "backend/peer/stream.h"

#include <openssl/ssl.h>

struct PeerStream {
    int socket;
    SSL_CTX *context;
    SSL *ssl;
    GString *input; /* read and not yet taken as lines */
    /* during the handshake */
    const char *own;
    const char *identity; /* client */
    PeerKey key;
    PeerKeyFinder find; /* server */
    gpointer user;
    char *client;
};

/* stream.c */

/* OpenSSL did not do it now, as the socket is not ready; result: what its function gave. */
gboolean peer_stream_is_waiting(const PeerStream *stream, int result);
/* What OpenSSL, or else errno, says of a connection that broke. */
void peer_stream_set_broken(GError **error);
