/* peer/ring - where the members of a cluster are.
 *
 * corosync.conf gives each member an address on each of the cluster's links, or a name for
 * one. All that is said between agents goes there, to the port that they share, whatever it
 * is carried by (peer/stream, peer/datagram): so this is the one place that turns what stands
 * in the file into addresses. A name may stand for several, in the resolver's order, or for
 * none, which is no error: it may be known later.
 *
 * Looking up blocks on the resolver, which may hang: for workers and child processes. Values
 * only; nothing is kept.
 */
#pragma once

#include "backend/cluster/corosync_conf.h"

#include <sys/socket.h>

/* With its port. Bytes beyond size are zero. */
typedef struct {
    struct sockaddr_storage bytes;
    socklen_t size;
} PeerAddress;

/* A node of corosync.conf. */
typedef struct {
    guint id;
    char *name;                        /* "" when the file does not say */
    GArray *links[COROSYNC_LINKS_MAX]; /* of PeerAddress; empty where there is none */
} PeerMember;

/* Of PeerAddress; text is a name or an address, or NULL: there is none. Free with
 * g_array_unref. */
GArray *peer_address_look_up(const char *text, guint port);
gboolean peer_address_equal(const PeerAddress *a, const PeerAddress *b);
/* Without the port; caller frees. */
char *peer_address_text(const PeerAddress *address);

/* Of PeerMember, for an array of CorosyncNode, in its order. Free with g_ptr_array_unref. */
GPtrArray *peer_ring_look_up(const GPtrArray *nodes, guint port);
/* NULL when there is none of that name. */
const PeerMember *peer_ring_find(const GPtrArray *ring, const char *name);
/* The first on that link, or NULL. */
const PeerAddress *peer_member_address(const PeerMember *member, guint link);
