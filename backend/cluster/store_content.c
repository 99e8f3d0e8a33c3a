#include "backend/cluster/store_content.h"

#include <string.h>
#include <zlib.h>

enum {
    DEFLATE_MIN = 512,       /* bytes; below, little would be won */
    DEFLATE_MAX = 128 << 10, /* above, it would hold up the store; such documents are rare */
    LEVEL = 1,               /* the fastest: it gains most of what there is in XML */
    WINDOW = -13,            /* of 8 KiB, without zlib's own header and sum */
    MEMORY = 6,              /* of 1 to 9: 32 KiB for the tables while it works */
};

struct StoreContent {
    gatomicrefcount references;
    guint32 size; /* of the bytes; */
    guint32 held; /* of data: less than size when they are deflated */
    guint8 data[];
};

static StoreContent *content_alloc(gsize size, const void *data, gsize held)
{
    StoreContent *content = g_malloc(sizeof *content + held);
    g_atomic_ref_count_init(&content->references);
    content->size = (guint32)size;
    content->held = (guint32)held;
    if (held > 0)
        memcpy(content->data, data, held);
    return content;
}

/* Into out, of which it may fill `room`; 0: it does not fit. */
static gsize deflate_into(const void *data, gsize size, guint8 *out, gsize room)
{
    z_stream stream = {.next_in = (Bytef *)data,
                       .avail_in = (uInt)size,
                       .next_out = out,
                       .avail_out = (uInt)room};
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    int result = deflate(&stream, Z_FINISH);
    (void)deflateEnd(&stream);
    return result == Z_STREAM_END ? stream.total_out : 0;
}

StoreContent *store_content_new(const void *data, gsize size)
{
    if (size < DEFLATE_MIN || size > DEFLATE_MAX)
        return content_alloc(size, data, size);
    gsize room = size - size / 4;
    g_autofree guint8 *out = g_malloc(room);
    gsize held = deflate_into(data, size, out, room);
    return held ? content_alloc(size, out, held) : content_alloc(size, data, size);
}

StoreContent *store_content_ref(StoreContent *content)
{
    g_atomic_ref_count_inc(&content->references);
    return content;
}

void store_content_unref(StoreContent *content)
{
    if (content && g_atomic_ref_count_dec(&content->references))
        g_free(content);
}

gsize store_content_size(const StoreContent *content)
{
    return content->size;
}

gsize store_content_held(const StoreContent *content)
{
    return content->held;
}

static gboolean is_deflated(const StoreContent *content)
{
    return content->held < content->size;
}

/* What was deflated here comes out as it was, or memory is broken and nothing can be
 * trusted any more. */
static guint8 *inflate_all(const StoreContent *content)
{
    guint8 *data = g_malloc(content->size);
    z_stream stream = {.next_in = (Bytef *)content->data,
                       .avail_in = content->held,
                       .next_out = data,
                       .avail_out = content->size};
    int result = inflateInit2(&stream, WINDOW);
    if (result == Z_OK)
        result = inflate(&stream, Z_FINISH);
    if (result != Z_STREAM_END || stream.avail_out > 0)
        g_error("a document in memory cannot be inflated: %s", zError(result));
    (void)inflateEnd(&stream);
    return data;
}

GBytes *store_content_bytes(StoreContent *content)
{
    if (is_deflated(content))
        return g_bytes_new_take(inflate_all(content), content->size);
    return g_bytes_new_with_free_func(content->data, content->size,
                                      (GDestroyNotify)store_content_unref,
                                      store_content_ref(content));
}

/* The same bytes are always held in the same way. */
gboolean store_content_equal(const StoreContent *a, const StoreContent *b)
{
    return a->size == b->size && a->held == b->held && memcmp(a->data, b->data, a->held) == 0;
}
