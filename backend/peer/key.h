/* peer/key - the keys under which members of a cluster speak to each other.
 *
 * corosync's authkey is the one secret that members share, so everything is derived from
 * it: HKDF-SHA256 (RFC 5869) with a label and the names of both ends. A key fits one
 * pair of nodes in one direction. Therefore whoever is let in has the cluster's key, and
 * meant this node by its name: a connection that reached another member by mistake, or
 * was led there, fails in the handshake. Members trust each other as the cluster does:
 * who has authkey could be any of them.
 *
 * The identity that goes before the key over the wire is "CLIENT>SERVER".
 */
#pragma once

#include <glib.h>

#define PEER_KEY_BYTES    32
#define PEER_IDENTITY_MAX 127 /* two names of 63 and the mark between them */

typedef struct {
    guint8 bytes[PEER_KEY_BYTES];
} PeerKey;

/* authkey: as corosync_key_load() gives it. WIRE_ERROR_INTERNAL when the library fails. */
gboolean peer_key_derive(GBytes *authkey, const char *client, const char *server, PeerKey *key,
                         GError **error);
/* The key of datagrams (peer/datagram) under a salt, from one node to another. */
gboolean peer_key_derive_salted(GBytes *authkey, const guint8 *salt, gsize salt_size,
                                const char *from, const char *to, PeerKey *key, GError **error);

/* "CLIENT>SERVER"; caller frees. */
char *peer_identity(const char *client, const char *server);
/* The client's name in an identity that is meant for this server; NULL when it is none.
 * Caller frees. Pure; text comes from the network. */
char *peer_identity_client(const char *text, size_t length, const char *server);
