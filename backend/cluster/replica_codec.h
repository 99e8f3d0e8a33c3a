/* cluster/replica_codec - values as bytes: little-endian, nothing between them.
 *
 * One walk over a structure both writes and reads it, so that the two cannot
 * differ: each function here writes *value, or sets it from the input, by the
 * codec's direction. After the first thing that does not fit (too short, above
 * its limit) a reader is `bad`: it reads zeros from then on, and whoever began
 * the walk looks at replica_codec_end().
 */
#pragma once

#include <glib.h>

typedef struct {
    GByteArray *output; /* NULL: reading */
    GBytes *input;
    gsize offset;
    gboolean bad;
} ReplicaCodec;

ReplicaCodec replica_codec_writer(void);
ReplicaCodec replica_codec_reader(GBytes *input);
/* What was written. */
GBytes *replica_codec_take(ReplicaCodec *codec);
/* Whether all was read, and nothing is left. */
gboolean replica_codec_end(const ReplicaCodec *codec);

void replica_code_u8(ReplicaCodec *codec, guint8 *value);
void replica_code_u32(ReplicaCodec *codec, guint32 *value);
void replica_code_u64(ReplicaCodec *codec, guint64 *value);
void replica_code_flag(ReplicaCodec *codec, gboolean *value);
/* A count of things that take at least `size` bytes each, at most `max`. */
void replica_code_count(ReplicaCodec *codec, guint *count, guint max, gsize size);
/* Bytes of a fixed number, and of any number up to `max` (their number first). What is
 * read is a copy: a part of the input would keep all of it, a message of a mebibyte for
 * the smallest document that came in it. */
void replica_code_raw(ReplicaCodec *codec, guint8 *data, gsize size);
void replica_code_bytes(ReplicaCodec *codec, GBytes **bytes, gsize max);
/* The same, but what is read is that part of the input. */
void replica_code_part(ReplicaCodec *codec, GBytes **bytes, gsize max);
