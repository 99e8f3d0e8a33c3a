/* What comes in at the port between agents: datagrams, before and after they are opened, the
 * identity in a handshake, and the first lines that follow one. */
#include "agent/move/purpose.h"
#include "backend/peer/book.h"
#include "backend/peer/bundle.h"
#include "backend/wire/message.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    PeerSealer *sealer;
    PeerOpener *opener, *stranger; /* of another key */
} Ends;

static const Ends *ends(void)
{
    static const guint8 secrets[2][128] = {"the cluster's secret", "another one's"};
    static Ends ends;
    if (!ends.sealer) {
        GBytes *key = g_bytes_new_static(secrets[0], sizeof secrets[0]);
        GBytes *other = g_bytes_new_static(secrets[1], sizeof secrets[1]);
        ends.sealer = peer_sealer_new(key, 1, "node1", "node2", NULL);
        ends.opener = peer_opener_new(key, 1, "node1", "node2");
        ends.stranger = peer_opener_new(other, 1, "node1", "node2");
        g_bytes_unref(key);
        g_bytes_unref(other);
    }
    return &ends;
}

/* As it comes from the network: whoever sent it, it does not open. */
static void try_datagram(const uint8_t *data, size_t size)
{
    guint8 payload[PEER_DATAGRAM_PAYLOAD];
    gsize opened;
    if (peer_open(ends()->stranger, data, size, payload, &opened))
        __builtin_trap();
}

/* What is sealed opens as the same; with another bit, or cut, or with more, it does not. */
static void try_seal(const uint8_t *data, size_t size)
{
    guint8 sealed[PEER_DATAGRAM_MAX], payload[PEER_DATAGRAM_PAYLOAD];
    gsize opened, length = peer_seal(ends()->sealer, data, size, sealed);
    if ((length > 0) != (size <= PEER_DATAGRAM_PAYLOAD))
        __builtin_trap();
    if (length == 0)
        return;
    if (!peer_open(ends()->opener, sealed, length, payload, &opened) || opened != size ||
        (size > 0 && memcmp(payload, data, size) != 0))
        __builtin_trap();
    if (peer_open(ends()->opener, sealed, length - 1, payload, &opened))
        __builtin_trap();
    sealed[size > 0 ? (gsize)data[0] * 7 % length : 0] ^= 1;
    if (peer_open(ends()->opener, sealed, length, payload, &opened))
        __builtin_trap();
}

/* The messages of a bundle are, bundled again, the bytes that they were read from. */
static void try_bundle(const uint8_t *data, size_t size)
{
    if (size > PEER_DATAGRAM_PAYLOAD || peer_bundle_kind(data, size) != PEER_BUNDLE_MESSAGES)
        return;
    PeerBundle again;
    PeerBundleReader reader;
    GBytes *message;
    peer_bundle_begin(&again);
    peer_bundle_read(&reader, data, size);
    while ((message = peer_bundle_next(&reader))) {
        gsize length;
        const void *bytes = g_bytes_get_data(message, &length);
        if (!peer_bundle_add(&again, bytes, length))
            __builtin_trap();
        g_bytes_unref(message);
    }
    if (again.size > size || memcmp(again.bytes, data, again.size) != 0)
        __builtin_trap();
}

static void try_purpose(const json_t *line)
{
    MovePurpose purpose, same;
    if (!move_purpose_parse(line, &purpose, NULL))
        return;
    g_autoptr(json_t) written = move_purpose_line(&purpose);
    if (!move_purpose_parse(written, &same, NULL) || same.kind != purpose.kind ||
        same.fresh != purpose.fresh || g_strcmp0(same.person, purpose.person) != 0 ||
        g_strcmp0(same.id, purpose.id) != 0 || g_strcmp0(same.name, purpose.name) != 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autoptr(GError) refusal = NULL;
    g_free(peer_identity_client(text, size, "node2"));
    try_datagram(data, size);
    try_seal(data, size);
    try_bundle(data, size);
    g_autoptr(json_t) line = peer_line_parse(text, size, NULL);
    if (!line)
        return 0;
    try_purpose(line);
    if (peer_answer_is_granted(line, "node1", &refusal) != (refusal == NULL))
        __builtin_trap();
    return 0;
}
