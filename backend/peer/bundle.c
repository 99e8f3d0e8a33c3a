#include "backend/peer/bundle.h"

#include <string.h>

enum { KIND = 1, LENGTH = 2 /* bytes */ };
G_STATIC_ASSERT(PEER_BUNDLE_MESSAGE_MAX == PEER_DATAGRAM_PAYLOAD - KIND - LENGTH);

void peer_bundle_begin(PeerBundle *bundle)
{
    bundle->bytes[0] = PEER_BUNDLE_MESSAGES;
    bundle->size = KIND;
}

gboolean peer_bundle_is_empty(const PeerBundle *bundle)
{
    return bundle->size == KIND;
}

gboolean peer_bundle_add(PeerBundle *bundle, const void *message, gsize size)
{
    if (size == 0 || size > PEER_BUNDLE_MESSAGE_MAX ||
        bundle->size + LENGTH + size > sizeof bundle->bytes)
        return FALSE;
    guint16 length = GUINT16_TO_BE((guint16)size);
    memcpy(bundle->bytes + bundle->size, &length, LENGTH);
    memcpy(bundle->bytes + bundle->size + LENGTH, message, size);
    bundle->size += LENGTH + size;
    return TRUE;
}

guint peer_bundle_kind(const guint8 *payload, gsize size)
{
    return size > 0 ? payload[0] : 0;
}

void peer_bundle_read(PeerBundleReader *reader, const guint8 *payload, gsize size)
{
    *reader = (PeerBundleReader){payload, size, MIN(size, KIND)};
}

GBytes *peer_bundle_next(PeerBundleReader *reader)
{
    guint16 length = 0;
    gsize left = reader->size - reader->at;
    if (left > LENGTH)
        memcpy(&length, reader->payload + reader->at, LENGTH);
    length = GUINT16_FROM_BE(length);
    if (length == 0 || length > left - LENGTH) {
        reader->at = reader->size;
        return NULL;
    }
    GBytes *message = g_bytes_new(reader->payload + reader->at + LENGTH, length);
    reader->at += LENGTH + length;
    return message;
}
