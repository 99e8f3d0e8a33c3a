/* What the store reads of others: entries of the log, documents in pieces, and the chunks of
 * a sender's string. The first byte says which. */
#include "backend/cluster/store_pieces.h"
#include "backend/cluster/store_stream.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_transaction(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(StoreTransaction) transaction = store_transaction_decode(bytes, NULL);
    StoreDocuments documents;
    if (!transaction)
        return;
    store_documents_init(&documents);
    g_autoptr(GArray) writes = store_writes_new();
    (void)store_documents_apply(&documents, transaction, writes, NULL);
    store_documents_clear(&documents);
}

/* What was read is written again, and read as the same. */
static void parse_pieces(const uint8_t *data, size_t size)
{
    guint64 revision = 0;
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(GArray) read = store_pieces_parse(bytes, &revision, NULL);
    StoreDocuments documents, others;
    if (!read)
        return;
    store_documents_init(&documents);
    store_documents_init(&others);
    documents.revision = revision;
    for (guint i = 0; i < read->len; i++) {
        const StoreWrite *write = &g_array_index(read, StoreWrite, i);
        store_documents_put(&documents, write->path, write->content, write->revision);
    }
    g_autoptr(StorePieces) pieces = store_pieces_new(&documents);
    gboolean last;
    g_autoptr(GBytes) whole = store_pieces_read(pieces, 0, STORE_PIECES_MAX, &last);
    g_autoptr(GArray) again = store_pieces_parse(whole, &others.revision, NULL);
    g_assert_true(last && again);
    for (guint i = 0; i < again->len; i++) {
        const StoreWrite *write = &g_array_index(again, StoreWrite, i);
        store_documents_put(&others, write->path, write->content, write->revision);
    }
    ReplicaHash one = store_documents_digest(&documents);
    ReplicaHash other = store_documents_digest(&others);
    g_assert_true(replica_hash_equal(&one, &other));
    store_documents_clear(&documents);
    store_documents_clear(&others);
}

static void take(GBytes *message, gpointer count)
{
    *(gsize *)count += g_bytes_get_size(message);
}

/* Chunks, each with its size before it. */
static void unpack(const uint8_t *data, size_t size)
{
    StoreUnpacker *unpacker = store_unpacker_new();
    gsize count = 0;
    while (size > 0) {
        size_t length = MIN(data[0], size - 1);
        StoreHello hello;
        (void)store_hello_decode(data + 1, length, &hello);
        if (store_stream_kind(data + 1, length) == STORE_CHUNK)
            (void)store_unpacker_feed(unpacker, data + 1, length, take, &count);
        data += 1 + length;
        size -= 1 + length;
    }
    store_unpacker_free(unpacker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {decode_transaction, parse_pieces,
                                                               unpack};
    if (size > 0)
        readers[data[0] % G_N_ELEMENTS(readers)](data + 1, size - 1);
    return 0;
}
