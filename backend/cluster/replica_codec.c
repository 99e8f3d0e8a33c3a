#include "backend/cluster/replica_codec.h"

#include <string.h>

ReplicaCodec replica_codec_writer(void)
{
    return (ReplicaCodec){.output = g_byte_array_sized_new(256)};
}

ReplicaCodec replica_codec_reader(GBytes *input)
{
    return (ReplicaCodec){.input = input};
}

GBytes *replica_codec_take(ReplicaCodec *codec)
{
    gsize size;
    guint8 *data = g_byte_array_steal(codec->output, &size);
    g_clear_pointer(&codec->output, g_byte_array_unref);
    /* It grew by doubling, and may be kept for long. */
    return g_bytes_new_take(g_realloc(data, size), size);
}

gboolean replica_codec_end(const ReplicaCodec *codec)
{
    return !codec->bad && codec->offset == g_bytes_get_size(codec->input);
}

/* The next bytes of the input, or NULL. */
static const guint8 *take(ReplicaCodec *codec, gsize size)
{
    gsize length;
    const guint8 *data = g_bytes_get_data(codec->input, &length);
    if (codec->bad || size > length - codec->offset) {
        codec->bad = TRUE;
        return NULL;
    }
    codec->offset += size;
    return data ? data + codec->offset - size : NULL;
}

static void code_number(ReplicaCodec *codec, guint64 *value, guint size)
{
    if (codec->output) {
        guint64 little = GUINT64_TO_LE(*value);
        g_byte_array_append(codec->output, (const guint8 *)&little, size);
        return;
    }
    guint64 little = 0;
    const guint8 *data = take(codec, size);
    if (data)
        memcpy(&little, data, size);
    *value = GUINT64_FROM_LE(little);
}

void replica_code_u64(ReplicaCodec *codec, guint64 *value)
{
    code_number(codec, value, sizeof *value);
}

void replica_code_u32(ReplicaCodec *codec, guint32 *value)
{
    guint64 wide = *value;
    code_number(codec, &wide, sizeof *value);
    *value = (guint32)wide;
}

void replica_code_u8(ReplicaCodec *codec, guint8 *value)
{
    guint64 wide = *value;
    code_number(codec, &wide, sizeof *value);
    *value = (guint8)wide;
}

void replica_code_flag(ReplicaCodec *codec, gboolean *value)
{
    guint8 byte = *value ? 1 : 0;
    replica_code_u8(codec, &byte);
    if (byte > 1)
        codec->bad = TRUE;
    *value = byte == 1;
}

void replica_code_count(ReplicaCodec *codec, guint *count, guint max, gsize size)
{
    guint32 value = *count;
    replica_code_u32(codec, &value);
    *count = value;
    if (codec->output)
        return;
    if (value > max || value > (g_bytes_get_size(codec->input) - codec->offset) / size) {
        codec->bad = TRUE;
        *count = 0;
    }
}

void replica_code_raw(ReplicaCodec *codec, guint8 *data, gsize size)
{
    if (codec->output) {
        g_byte_array_append(codec->output, data, (guint)size);
        return;
    }
    const guint8 *from = take(codec, size);
    if (from)
        memcpy(data, from, size);
    else
        memset(data, 0, size);
}

static void code_bytes(ReplicaCodec *codec, GBytes **bytes, gsize max, gboolean is_part)
{
    gsize size = 0;
    const void *data = codec->output ? g_bytes_get_data(*bytes, &size) : NULL;
    guint32 count = (guint32)size;
    replica_code_u32(codec, &count);
    if (codec->output) {
        g_byte_array_append(codec->output, data, count);
        return;
    }
    gsize offset = codec->offset;
    const guint8 *from = count <= max ? take(codec, count) : NULL;
    if (!from && count > 0)
        codec->bad = TRUE;
    if (from && is_part)
        *bytes = g_bytes_new_from_bytes(codec->input, offset, count);
    else
        *bytes = g_bytes_new(from, from ? count : 0);
}

void replica_code_bytes(ReplicaCodec *codec, GBytes **bytes, gsize max)
{
    code_bytes(codec, bytes, max, FALSE);
}

void replica_code_part(ReplicaCodec *codec, GBytes **bytes, gsize max)
{
    code_bytes(codec, bytes, max, TRUE);
}
