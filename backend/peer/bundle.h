/* peer/bundle - what the payload of a datagram (peer/datagram) says: small messages, bundled.
 *
 *     0   1   what it is, PeerBundleKind
 *   and in one of messages, for each:
 *     0   2   length, big-endian, at least 1
 *     2   -   the message
 *
 * An opened payload comes from a member, but maybe from a newer one, or from one that is
 * broken: what is not understood is passed over, and what is cut off ends the bundle. Pure.
 */
#pragma once

#include "backend/peer/datagram.h"

/* Of one message. */
#define PEER_BUNDLE_MESSAGE_MAX (PEER_DATAGRAM_PAYLOAD - 3)

typedef enum {
    PEER_BUNDLE_ASKING = 1, /* whether it gets there: as large as any, so that any does */
    PEER_BUNDLE_ANSWERING,  /* that one did */
    PEER_BUNDLE_MESSAGES,
} PeerBundleKind;

/* Messages that go together. */
typedef struct {
    guint8 bytes[PEER_DATAGRAM_PAYLOAD];
    gsize size;
} PeerBundle;

/* Without any. */
void peer_bundle_begin(PeerBundle *bundle);
gboolean peer_bundle_is_empty(const PeerBundle *bundle);
/* FALSE when there is no room for it, or nothing of it. */
gboolean peer_bundle_add(PeerBundle *bundle, const void *message, gsize size);

/* What a payload is; may be a number that PeerBundleKind does not have. 0: it is empty. */
guint peer_bundle_kind(const guint8 *payload, gsize size);

/* Where in a payload of messages somebody reads. */
typedef struct {
    const guint8 *payload; /* borrowed */
    gsize size, at;
} PeerBundleReader;

void peer_bundle_read(PeerBundleReader *reader, const guint8 *payload, gsize size);
/* The next message, new; NULL: no more. */
GBytes *peer_bundle_next(PeerBundleReader *reader);
