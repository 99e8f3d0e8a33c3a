/* peer/datagram - small messages between two members of a cluster, each sealed by itself.
 *
 * AES-256-GCM under a key of the pair and the direction (peer/key), with a salt that the
 * sender draws when it begins: so a counter is enough for the nonce, and a sender that
 * starts again uses no key twice. Whoever opens one knows that a member of that name sealed
 * these very bytes for this node. Not that they are new: a datagram may come again, or late.
 * It is for messages to which that does no harm.
 *
 *     0   1   version, 1
 *     1   4   the sender's number, big-endian
 *     5  16   salt
 *    21   8   counter, big-endian
 *    29   -   sealed bytes, then the tag of 16; what stands before is authenticated with them
 *
 * Pure but for the random salt; a sealer or opener is for one thread.
 */
#pragma once

#include "backend/peer/key.h"

#define PEER_DATAGRAM_PAYLOAD 1300 /* bytes, at most: no link splits it */
#define PEER_DATAGRAM_MAX     (PEER_DATAGRAM_PAYLOAD + 45)

typedef struct PeerSealer PeerSealer;
typedef struct PeerOpener PeerOpener;

/* From one node, which has that number, to another. WIRE_ERROR_INTERNAL. */
PeerSealer *peer_sealer_new(GBytes *authkey, guint32 number, const char *from, const char *to,
                            GError **error);
void peer_sealer_free(PeerSealer *sealer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PeerSealer, peer_sealer_free)
/* The datagram's size; 0 when the bytes are too many, or the library fails. */
gsize peer_seal(PeerSealer *sealer, const void *data, gsize size,
                guint8 datagram[PEER_DATAGRAM_MAX]);

PeerOpener *peer_opener_new(GBytes *authkey, guint32 number, const char *from, const char *to);
void peer_opener_free(PeerOpener *opener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PeerOpener, peer_opener_free)
/* FALSE: it is not what that node sealed for this one. */
gboolean peer_open(PeerOpener *opener, const void *datagram, gsize size,
                   guint8 data[PEER_DATAGRAM_PAYLOAD], gsize *data_size);

/* Who says to have sent it, not yet proven; 0: it is none of these. */
guint32 peer_datagram_sender(const void *datagram, gsize size);
