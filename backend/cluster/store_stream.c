#include "backend/cluster/store_stream.h"

#include "backend/cluster/replica_codec.h"
#include "backend/cluster/replica_message.h"

#include <string.h>

enum { VERSION = 2, CHUNK_HEAD = 14, LENGTH = 4 };
#define NO_BEGIN G_MAXUINT32

static void code_head(ReplicaCodec *codec, StoreStreamKind *kind)
{
    guint8 version = VERSION, number = (guint8)*kind;
    replica_code_u8(codec, &version);
    replica_code_u8(codec, &number);
    codec->bad |= version != VERSION;
    *kind = number;
}

StoreStreamKind store_stream_kind(const void *data, gsize size)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    ReplicaCodec codec = replica_codec_reader(bytes);
    StoreStreamKind kind = 0;
    code_head(&codec, &kind);
    return !codec.bad && (kind == STORE_HELLO || kind == STORE_CHUNK) ? kind : 0;
}

/* ---- hello ---- */

static void code_hello(ReplicaCodec *codec, StoreHello *hello)
{
    StoreStreamKind kind = STORE_HELLO;
    code_head(codec, &kind);
    codec->bad |= kind != STORE_HELLO;
    replica_code_u64(codec, &hello->nonce);
    replica_code_u64(codec, &hello->view);
    replica_code_u8(codec, &hello->flags);
    replica_code_u64(codec, &hello->cluster);
    replica_code_u64(codec, &hello->birth);
    replica_code_u8(codec, &hello->state);
    replica_code_u64(codec, &hello->revision);
    replica_code_u64(codec, &hello->applied);
}

GBytes *store_hello_encode(const StoreHello *hello)
{
    StoreHello copy = *hello;
    ReplicaCodec codec = replica_codec_writer();
    code_hello(&codec, &copy);
    return replica_codec_take(&codec);
}

gboolean store_hello_decode(const void *data, gsize size, StoreHello *hello)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    ReplicaCodec codec = replica_codec_reader(bytes);
    StoreHello found = {0};
    code_hello(&codec, &found);
    if (!replica_codec_end(&codec))
        return FALSE;
    *hello = found;
    return TRUE;
}

/* ---- sending ---- */

struct StorePacker {
    GQueue messages; /* of GBytes */
    gsize waiting;   /* bytes, with their lengths */
    gsize sent;      /* of the first message, its length included */
    guint64 offset;  /* in the string */
};

StorePacker *store_packer_new(void)
{
    return g_new0(StorePacker, 1);
}

void store_packer_drop(StorePacker *packer)
{
    g_queue_clear_full(&packer->messages, (GDestroyNotify)g_bytes_unref);
    /* A message that was begun will never end: no chunk stands at the next byte. */
    packer->offset += packer->sent > 0 ? 1 : 0;
    packer->waiting = packer->sent = 0;
}

void store_packer_free(StorePacker *packer)
{
    if (!packer)
        return;
    store_packer_drop(packer);
    g_free(packer);
}

void store_packer_add(StorePacker *packer, GBytes *message)
{
    g_queue_push_tail(&packer->messages, g_bytes_ref(message));
    packer->waiting += LENGTH + g_bytes_get_size(message);
}

gsize store_packer_waiting(const StorePacker *packer)
{
    return packer->waiting;
}

/* Puts as much of the first message into the chunk as fits. */
static void put_some(StorePacker *packer, GByteArray *chunk)
{
    GBytes *message = g_queue_peek_head(&packer->messages);
    gsize size;
    const guint8 *data = g_bytes_get_data(message, &size);
    guint32 length = GUINT32_TO_LE((guint32)size);
    if (packer->sent == 0) {
        g_byte_array_append(chunk, (const guint8 *)&length, LENGTH);
        packer->sent = LENGTH;
    }
    gsize done = packer->sent - LENGTH;
    gsize room = chunk->len < STORE_CHUNK_MAX ? STORE_CHUNK_MAX - chunk->len : 0;
    gsize take = MIN(size - done, room);
    if (take > 0)
        g_byte_array_append(chunk, data + done, (guint)take);
    packer->sent += take;
    if (packer->sent < LENGTH + size)
        return;
    packer->sent = 0;
    g_bytes_unref(g_queue_pop_head(&packer->messages));
}

GBytes *store_packer_take(StorePacker *packer)
{
    if (packer->messages.length == 0)
        return NULL;
    StoreStreamKind kind = STORE_CHUNK;
    guint32 begins = NO_BEGIN;
    ReplicaCodec codec = replica_codec_writer();
    code_head(&codec, &kind);
    replica_code_u64(&codec, &packer->offset);
    replica_code_u32(&codec, &begins);
    GByteArray *chunk = codec.output;
    while (packer->messages.length > 0 && chunk->len < STORE_CHUNK_MAX) {
        if (begins == NO_BEGIN && packer->sent == 0)
            begins = chunk->len - CHUNK_HEAD;
        put_some(packer, chunk);
    }
    guint32 little = GUINT32_TO_LE(begins);
    memcpy(chunk->data + CHUNK_HEAD - sizeof little, &little, sizeof little);
    packer->offset += chunk->len - CHUNK_HEAD;
    packer->waiting -= chunk->len - CHUNK_HEAD;
    return replica_codec_take(&codec);
}

/* ---- receiving ---- */

struct StoreUnpacker {
    gboolean in_step; /* `part` is what precedes `next`, from the begin of a message on */
    guint64 next;
    GByteArray *part;
};

StoreUnpacker *store_unpacker_new(void)
{
    StoreUnpacker *unpacker = g_new0(StoreUnpacker, 1);
    unpacker->part = g_byte_array_new();
    return unpacker;
}

void store_unpacker_free(gpointer data)
{
    StoreUnpacker *unpacker = data;
    g_byte_array_unref(unpacker->part);
    g_free(unpacker);
}

/* The complete messages at the front. FALSE when there is one that nobody sends. */
static gboolean take_messages(StoreUnpacker *unpacker,
                              void (*take)(GBytes *message, gpointer user), gpointer user)
{
    guint at = 0;
    const GByteArray *part = unpacker->part;
    while (part->len - at >= LENGTH) {
        guint32 length;
        memcpy(&length, part->data + at, sizeof length);
        length = GUINT32_FROM_LE(length);
        if (length > REPLICA_MESSAGE_MAX)
            return FALSE;
        if (part->len - at - LENGTH < length)
            break;
        g_autoptr(GBytes) message = g_bytes_new(part->data + at + LENGTH, length);
        at += LENGTH + length;
        take(message, user);
    }
    if (at > 0)
        g_byte_array_remove_range(unpacker->part, 0, at);
    return TRUE;
}

gboolean store_unpacker_feed(StoreUnpacker *unpacker, const void *data, gsize size,
                             void (*take)(GBytes *message, gpointer user), gpointer user)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    ReplicaCodec codec = replica_codec_reader(bytes);
    StoreStreamKind kind = 0;
    guint64 offset = 0;
    guint32 begins = 0;
    code_head(&codec, &kind);
    replica_code_u64(&codec, &offset);
    replica_code_u32(&codec, &begins);
    if (codec.bad || kind != STORE_CHUNK)
        return FALSE;
    gsize skip = CHUNK_HEAD;
    if (!unpacker->in_step || unpacker->next != offset) {
        g_byte_array_set_size(unpacker->part, 0);
        unpacker->in_step = begins < size - CHUNK_HEAD;
        skip += unpacker->in_step ? begins : 0;
    }
    unpacker->next = offset + size - CHUNK_HEAD;
    if (!unpacker->in_step)
        return TRUE;
    g_byte_array_append(unpacker->part, (const guint8 *)data + skip, (guint)(size - skip));
    unpacker->in_step = take_messages(unpacker, take, user);
    return TRUE;
}
