#include "backend/cluster/store_pieces.h"

#include "backend/cluster/replica_codec.h"
#include "backend/wire/error.h"

#include <string.h>

#define MAGIC "GNTY"

/* A part of the string: a header that was made, or a document's content. */
typedef struct {
    guint64 offset;
    GBytes *header; /* NULL: */
    StoreContent *content;
} Part;

struct StorePieces {
    GArray *parts; /* of Part, in order, without gaps */
    guint64 size;
};

static void part_clear(gpointer data)
{
    Part *part = data;
    g_clear_pointer(&part->header, g_bytes_unref);
    g_clear_pointer(&part->content, store_content_unref);
}

/* Takes the bytes. */
static void add_header(StorePieces *pieces, GBytes *bytes)
{
    Part part = {.offset = pieces->size, .header = bytes};
    pieces->size += g_bytes_get_size(bytes);
    g_array_append_val(pieces->parts, part);
}

static void add_content(StorePieces *pieces, StoreContent *content)
{
    Part part = {.offset = pieces->size, .content = store_content_ref(content)};
    pieces->size += store_content_size(content);
    g_array_append_val(pieces->parts, part);
}

static GBytes *part_bytes(const Part *part)
{
    return part->content ? store_content_bytes(part->content) : g_bytes_ref(part->header);
}

static gboolean add_document(gpointer path, gpointer value, gpointer data)
{
    StorePieces *pieces = data;
    const StoreDocument *document = value;
    g_autoptr(GBytes) name = g_bytes_new_static(path, strlen(path));
    guint64 revision = document->revision;
    guint32 size = (guint32)store_content_size(document->content);
    ReplicaCodec codec = replica_codec_writer();
    replica_code_bytes(&codec, &name, STORE_PATH_MAX);
    replica_code_u64(&codec, &revision);
    replica_code_u32(&codec, &size);
    add_header(pieces, replica_codec_take(&codec));
    add_content(pieces, document->content);
    return FALSE;
}

StorePieces *store_pieces_new(const StoreDocuments *documents)
{
    StorePieces *pieces = g_new0(StorePieces, 1);
    pieces->parts = g_array_new(FALSE, FALSE, sizeof(Part));
    g_array_set_clear_func(pieces->parts, part_clear);
    guint64 revision = documents->revision;
    guint count = (guint)g_tree_nnodes(documents->tree);
    ReplicaCodec codec = replica_codec_writer();
    replica_code_raw(&codec, (guint8 *)MAGIC, strlen(MAGIC));
    replica_code_u64(&codec, &revision);
    replica_code_u32(&codec, &count);
    add_header(pieces, replica_codec_take(&codec));
    g_tree_foreach(documents->tree, add_document, pieces);
    return pieces;
}

void store_pieces_free(StorePieces *pieces)
{
    if (!pieces)
        return;
    g_array_unref(pieces->parts);
    g_free(pieces);
}

/* The part that the offset is in. */
static guint find_part(const GArray *parts, guint64 offset)
{
    guint low = 0, high = parts->len;
    while (high - low > 1) {
        guint middle = low + (high - low) / 2;
        if (g_array_index(parts, Part, middle).offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

GBytes *store_pieces_read(const StorePieces *pieces, guint64 offset, gsize size, gboolean *last)
{
    guint64 start = MIN(offset, pieces->size);
    gsize count = (gsize)MIN(pieces->size - start, size);
    g_autoptr(GByteArray) out = g_byte_array_sized_new((guint)count);
    for (guint i = find_part(pieces->parts, start); out->len < count; i++) {
        const Part *part = &g_array_index(pieces->parts, Part, i);
        g_autoptr(GBytes) bytes = part_bytes(part);
        gsize length;
        const guint8 *data = g_bytes_get_data(bytes, &length);
        gsize skip = (gsize)(start + out->len - part->offset);
        gsize take = MIN(length - skip, count - out->len);
        if (take > 0)
            g_byte_array_append(out, data + skip, (guint)take);
    }
    *last = start + count == pieces->size;
    return g_byte_array_free_to_bytes(g_steal_pointer(&out));
}

static gboolean read_document(ReplicaCodec *codec, GArray *documents)
{
    g_autoptr(GBytes) path = NULL;
    g_autoptr(GBytes) content = NULL;
    StoreWrite document = {0};
    replica_code_bytes(codec, &path, STORE_PATH_MAX);
    replica_code_u64(codec, &document.revision);
    replica_code_bytes(codec, &content, STORE_DOCUMENT_MAX);
    gsize size;
    const char *data = g_bytes_get_data(path, &size);
    document.path = g_strndup(data ? data : "", size);
    data = g_bytes_get_data(content, &size);
    document.content = store_content_new(data, size);
    g_array_append_val(documents, document);
    return !codec->bad && store_path_check(document.path, NULL);
}

GArray *store_pieces_parse(GBytes *whole, guint64 *revision, GError **error)
{
    g_autoptr(GArray) documents = store_writes_new();
    ReplicaCodec codec = replica_codec_reader(whole);
    guint8 magic[4];
    guint count = 0;
    guint64 found = 0;
    replica_code_raw(&codec, magic, sizeof magic);
    replica_code_u64(&codec, &found);
    replica_code_count(&codec, &count, G_MAXUINT32, 16);
    gboolean good = !codec.bad && memcmp(magic, MAGIC, sizeof magic) == 0;
    for (guint i = 0; i < count && good; i++)
        good = read_document(&codec, documents);
    if (good && replica_codec_end(&codec)) {
        *revision = found;
        return g_steal_pointer(&documents);
    }
    wire_error_set(error, WIRE_ERROR_PARSE,
                   "the documents that another node sent cannot be "
                   "read");
    return NULL;
}
