/* The file of a history. All numbers are little endian.
 *
 *   header   8 bytes magic, u32 version, u32 records, u64 length of the whole,
 *            u64 checksum of the whole with this field zero (history_checksum()),
 *            i64 the history's time when saved, i64 CLOCK_BOOTTIME, i64 wall clock (ms),
 *            40 bytes boot id, padded with zero
 *   record   u8 kind, u8 series, u16 length of the name, the name,
 *            i64 the history's time when something was added last (ms),
 *            a series' names: u8 length, the name
 *            for each span: u32 step, u32 points, i64 slot under way, then for each
 *            series f64 sum and u32 count of the slot under way, and its points as f32
 */
#include "backend/node/history.h"

#include "backend/node/history_ring.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'G', 'A', 'N', 'T', 'R', 'Y', 'H', '\n'};

enum {
    VERSION = 1,
    LENGTH_AT = 16,
    CHECKSUM_AT = 24,
    BOOT_ID_SIZE = 40,
    HEADER_SIZE = 56 + BOOT_ID_SIZE,
    SERIES_IN_FILE_MAX = 64,
};

guint64 history_checksum(const guint8 *data, size_t length)
{
    guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i += 8) {
        guint64 word = 0;
        if (i != CHECKSUM_AT)
            memcpy(&word, data + i, MIN(length - i, 8));
        hash = (hash ^ GUINT64_FROM_LE(word)) * G_GUINT64_CONSTANT(0x100000001b3);
        hash ^= hash >> 32;
    }
    return hash;
}

static void put(GByteArray *bytes, guint64 number, guint size)
{
    number = GUINT64_TO_LE(number);
    g_byte_array_append(bytes, (const guint8 *)&number, size);
}

static void put_floats(GByteArray *bytes, const float *values, size_t count)
{
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
    g_byte_array_append(bytes, (const guint8 *)values, (guint)(count * sizeof *values));
#else
    for (size_t i = 0; i < count; i++) {
        guint32 bits;
        memcpy(&bits, &values[i], sizeof bits);
        put(bytes, bits, 4);
    }
#endif
}

static void put_double(GByteArray *bytes, double value)
{
    guint64 bits;
    memcpy(&bits, &value, sizeof bits);
    put(bytes, bits, 8);
}

static void put_ring(GByteArray *bytes, const HistoryRing *ring, HistoryShape shape,
                     size_t series_count)
{
    put(bytes, (guint64)shape.step, 4);
    put(bytes, (guint64)shape.length, 4);
    put(bytes, (guint64)ring->current, 8);
    for (size_t series = 0; series < series_count; series++) {
        put_double(bytes, ring->sums[series]);
        put(bytes, ring->counts[series], 4);
        put_floats(bytes, ring->values + series * (size_t)shape.length, (size_t)shape.length);
    }
}

static void put_object(GByteArray *bytes, const char *name, const HistoryObject *object)
{
    size_t length = strlen(name), series_count = history_series_count(object->kind);
    put(bytes, object->kind, 1);
    put(bytes, series_count, 1);
    put(bytes, length, 2);
    g_byte_array_append(bytes, (const guint8 *)name, (guint)length);
    put(bytes, (guint64)object->added, 8);
    for (size_t series = 0; series < series_count; series++) {
        const char *series_name = history_series_name(object->kind, series);
        put(bytes, strlen(series_name), 1);
        g_byte_array_append(bytes, (const guint8 *)series_name, (guint)strlen(series_name));
    }
    for (int span = 0; span < HISTORY_SPAN_COUNT; span++)
        put_ring(bytes, &object->rings[span], history_shape(object->kind, (HistorySpan)span),
                 series_count);
}

static gboolean is_forgotten(const HistoryObject *object, gint64 time)
{
    HistoryShape shape = history_shape(object->kind, HISTORY_MONTH);
    return time - object->added > (gint64)shape.step * shape.length * 1000;
}

/* A little more than it will take, so that the bytes are not moved as they grow. */
static guint size_about(const History *history)
{
    GHashTableIter iter;
    gpointer value;
    size_t size = HEADER_SIZE;
    g_hash_table_iter_init(&iter, history->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const HistoryObject *object = value;
        size += 1024;
        for (int span = 0; span < HISTORY_SPAN_COUNT; span++)
            size += history_series_count(object->kind) * sizeof(float) *
                    (size_t)history_shape(object->kind, (HistorySpan)span).length;
    }
    return (guint)size;
}

GBytes *history_save_bytes(History *history, HistoryTime now, const char *boot_id)
{
    gint64 time = CLAMP(now.up + history->base, HISTORY_TIME_MIN, HISTORY_TIME_MAX);
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, history->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (is_forgotten(value, time)) {
            g_hash_table_iter_remove(&iter);
            history->removals++;
        }
    }

    GByteArray *bytes = g_byte_array_sized_new(size_about(history));
    g_byte_array_append(bytes, (const guint8 *)magic, sizeof magic);
    put(bytes, VERSION, 4);
    put(bytes, g_hash_table_size(history->objects), 4);
    put(bytes, 0, 8); /* the length and the checksum come last */
    put(bytes, 0, 8);
    put(bytes, (guint64)time, 8);
    put(bytes, (guint64)now.up, 8);
    put(bytes, (guint64)now.wall, 8);
    char id[BOOT_ID_SIZE] = {0};
    memcpy(id, boot_id, strnlen(boot_id, BOOT_ID_SIZE));
    g_byte_array_append(bytes, (const guint8 *)id, BOOT_ID_SIZE);

    g_hash_table_iter_init(&iter, history->objects);
    while (g_hash_table_iter_next(&iter, &name, &value))
        put_object(bytes, name, value);
    guint64 length = GUINT64_TO_LE((guint64)bytes->len);
    memcpy(bytes->data + LENGTH_AT, &length, 8);
    guint64 sum = GUINT64_TO_LE(history_checksum(bytes->data, bytes->len));
    memcpy(bytes->data + CHECKSUM_AT, &sum, 8);
    return g_byte_array_free_to_bytes(bytes);
}

/* What is left to read. Reading past the end gives zeros and sets broken. */
typedef struct {
    const guint8 *at;
    size_t left;
    gboolean broken;
} Reader;

static const guint8 *take_bytes(Reader *reader, size_t size)
{
    if (reader->broken || reader->left < size) {
        reader->broken = TRUE;
        return NULL;
    }
    const guint8 *bytes = reader->at;
    reader->at += size;
    reader->left -= size;
    return bytes;
}

static guint64 take(Reader *reader, size_t size)
{
    const guint8 *bytes = take_bytes(reader, size);
    guint64 number = 0;
    if (bytes)
        memcpy(&number, bytes, size);
    return GUINT64_FROM_LE(number);
}

static gboolean damaged(GError **error, const char *what)
{
    wire_error_set(error, WIRE_ERROR_STORAGE, "the history is damaged: %s", what);
    return FALSE;
}

/* The points of one series, into the ring, or past it when series is -1. */
static void take_series(Reader *reader, HistoryRing *ring, HistoryShape shape, int series)
{
    guint64 sum_bits = take(reader, 8);
    guint32 count = (guint32)take(reader, 4);
    const guint8 *points = take_bytes(reader, (size_t)shape.length * 4);
    if (!points || series < 0)
        return;
    double sum;
    memcpy(&sum, &sum_bits, sizeof sum);
    if (isfinite(sum)) {
        ring->sums[series] = sum;
        ring->counts[series] = count;
    }
    float *values = ring->values + (size_t)series * (size_t)shape.length;
    for (int i = 0; i < shape.length; i++) {
        guint32 bits;
        memcpy(&bits, points + (size_t)i * 4, sizeof bits);
        bits = GUINT32_FROM_LE(bits);
        memcpy(&values[i], &bits, sizeof bits);
        if (!isfinite(values[i]))
            values[i] = NAN;
    }
}

static gboolean take_rings(Reader *reader, HistoryObject *object, const int *series,
                           size_t series_count, GError **error)
{
    for (int span = 0; span < HISTORY_SPAN_COUNT; span++) {
        HistoryShape shape = history_shape(object->kind, (HistorySpan)span);
        HistoryRing *ring = &object->rings[span];
        guint64 step = take(reader, 4), length = take(reader, 4);
        if (step != (guint64)shape.step || length != (guint64)shape.length)
            return damaged(error, "a ring has another size");
        /* The slot under way is the one in which something was added last. */
        ring->current = history_slot(shape, object->added);
        if ((gint64)take(reader, 8) != ring->current)
            return damaged(error, "a ring's place does not fit its time");
        for (size_t i = 0; i < series_count; i++)
            take_series(reader, ring, shape, series[i]);
    }
    return !reader->broken || damaged(error, "it is cut off");
}

static int series_from_name(HistoryKind kind, const guint8 *name, size_t length)
{
    for (size_t i = 0; i < history_series_count(kind); i++) {
        const char *known = history_series_name(kind, i);
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return (int)i;
    }
    return -1;
}

static gboolean take_object(Reader *reader, History *history, gint64 time, GError **error)
{
    guint64 kind = take(reader, 1);
    size_t series_count = take(reader, 1), length = take(reader, 2);
    const guint8 *name = take_bytes(reader, length);
    gint64 added = (gint64)take(reader, 8);
    if (!name || kind >= HISTORY_KIND_COUNT || series_count > SERIES_IN_FILE_MAX ||
        length == 0 || length > HISTORY_NAME_MAX || memchr(name, 0, length))
        return damaged(error, "a record's head makes no sense");
    if (added < HISTORY_TIME_MIN || added > time)
        return damaged(error, "a record is from the future");
    int series[SERIES_IN_FILE_MAX];
    for (size_t i = 0; i < series_count; i++) {
        size_t name_length = take(reader, 1);
        const guint8 *series_name = take_bytes(reader, name_length);
        if (!series_name)
            return damaged(error, "it is cut off");
        series[i] = series_from_name((HistoryKind)kind, series_name, name_length);
    }
    g_autofree char *key = g_strndup((const char *)name, length);
    if (g_hash_table_contains(history->objects, key))
        return damaged(error, "an object is there twice");
    HistoryObject *object = history_object_new((HistoryKind)kind, added);
    g_hash_table_insert(history->objects, g_steal_pointer(&key), object);
    return take_rings(reader, object, series, series_count, error);
}

/* How long ago it was saved, in ms; see the header for the rule. */
static gint64 time_since(gint64 saved_up, gint64 saved_wall, gboolean same_boot,
                         HistoryTime now)
{
    gint64 limit = HISTORY_TIME_MAX / 4;
    gint64 saved = same_boot ? saved_up : saved_wall, present = same_boot ? now.up : now.wall;
    return MAX(CLAMP(present, 0, limit) - CLAMP(saved, 0, limit), 0);
}

static gboolean check_header(const guint8 *data, size_t length, GError **error)
{
    if (length < HEADER_SIZE || memcmp(data, magic, sizeof magic) != 0)
        return damaged(error, "it does not begin as one");
    Reader reader = {.at = data + sizeof magic, .left = length - sizeof magic};
    guint64 version = take(&reader, 4);
    if (version != VERSION) {
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "the history is of version %" G_GUINT64_FORMAT ", this program reads %d",
                       version, VERSION);
        return FALSE;
    }
    if (take(&reader, 4) > HISTORY_OBJECTS_MAX)
        return damaged(error, "it has too many records");
    if (take(&reader, 8) != length || length > HISTORY_FILE_MAX)
        return damaged(error, "it is cut off or too long");
    if (take(&reader, 8) != history_checksum(data, length))
        return damaged(error, "its checksum is wrong");
    return TRUE;
}

History *history_load_bytes(const guint8 *data, size_t length, HistoryTime now,
                            const char *boot_id, GError **error)
{
    if (!check_header(data, length, error))
        return NULL;
    Reader reader = {.at = data + 12, .left = length - 12};
    guint64 records = take(&reader, 4);
    (void)take_bytes(&reader, 16);
    gint64 time = (gint64)take(&reader, 8);
    gint64 saved_up = (gint64)take(&reader, 8), saved_wall = (gint64)take(&reader, 8);
    const guint8 *id = take_bytes(&reader, BOOT_ID_SIZE);
    if (!id || time < HISTORY_TIME_MIN || time > HISTORY_TIME_MAX / 2) {
        (void)damaged(error, "its time makes no sense");
        return NULL;
    }
    size_t id_length = strnlen((const char *)id, BOOT_ID_SIZE);
    gboolean same_boot = id_length && id_length == strlen(boot_id) &&
                         memcmp(id, boot_id, id_length) == 0 && now.up >= saved_up;
    g_autoptr(History) history = history_new(now);
    for (guint64 i = 0; i < records; i++)
        if (!take_object(&reader, history, time, error))
            return NULL;
    if (reader.left) {
        (void)damaged(error, "there is more than its records");
        return NULL;
    }
    history->base = time + time_since(saved_up, saved_wall, same_boot, now) - now.up;
    return g_steal_pointer(&history);
}

static gboolean refuse_file(GError **error, const char *doing, const char *name)
{
    wire_error_set(error, errno == ENOENT ? WIRE_ERROR_NOT_FOUND : WIRE_ERROR_STORAGE,
                   "can't %s the history %s: %s", doing, name, g_strerror(errno));
    return FALSE;
}

static gboolean write_all(int descriptor, const guint8 *data, size_t length)
{
    while (length) {
        ssize_t wrote = write(descriptor, data, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return FALSE;
        data += wrote;
        length -= (size_t)wrote;
    }
    return TRUE;
}

gboolean history_file_write(int directory, const char *name, GBytes *bytes, GError **error)
{
    g_autofree char *fresh = g_strconcat(name, ".new", NULL);
    size_t length;
    const guint8 *data = g_bytes_get_data(bytes, &length);
    int descriptor =
        openat(directory, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return refuse_file(error, "make", fresh);
    gboolean written = write_all(descriptor, data, length) && fsync(descriptor) == 0;
    int reason = errno;
    (void)close(descriptor);
    if (written && renameat(directory, fresh, directory, name) == 0 && fsync(directory) == 0)
        return TRUE;
    if (written)
        reason = errno;
    (void)unlinkat(directory, fresh, 0);
    errno = reason;
    return refuse_file(error, "write", name);
}

GBytes *history_file_read(int directory, const char *name, GError **error)
{
    int descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) < 0) {
        (void)refuse_file(error, "open", name);
        if (descriptor >= 0)
            (void)close(descriptor);
        return NULL;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > HISTORY_FILE_MAX) {
        (void)close(descriptor);
        wire_error_set(error, WIRE_ERROR_STORAGE, "%s is no file of at most %u bytes", name,
                       HISTORY_FILE_MAX);
        return NULL;
    }
    size_t length = (size_t)status.st_size, have = 0;
    g_autofree guint8 *data = g_malloc(MAX(length, 1));
    while (have < length) {
        ssize_t got = read(descriptor, data + have, length - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break; /* a shorter one is told by its header */
        have += (size_t)got;
    }
    (void)close(descriptor);
    return g_bytes_new_take(g_steal_pointer(&data), have);
}
