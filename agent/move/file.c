#include "agent/move/file.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH_BYTES = 32, SILENCE_MS = 60000, SLICE_MS = 200 };

/* ---- records ---- */

static guint64 get_number(const guint8 *bytes, int count)
{
    guint64 value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void put_number(guint8 *bytes, int count, guint64 value)
{
    for (int i = count - 1; i >= 0; i--, value >>= 8)
        bytes[i] = (guint8)value;
}

gboolean move_record_parse(const guint8 head[MOVE_RECORD_HEAD], guint64 position,
                           MoveRecord *record, GError **error)
{
    MoveRecord found = {(char)head[0], get_number(head + 1, 8),
                        (guint32)get_number(head + 9, 4)};
    gboolean good = found.offset >= position && found.offset <= MOVE_FILE_MAX;
    if (found.kind == 'D')
        good = good && found.length > 0 && found.length <= MOVE_RECORD_MAX &&
               found.offset + found.length <= MOVE_FILE_MAX;
    else
        good = good && found.kind == 'E' && found.length == HASH_BYTES;
    if (good)
        *record = found;
    else
        wire_error_set(error, WIRE_ERROR_PARSE, "a file came in records that make no sense");
    return good;
}

void move_record_write(const MoveRecord *record, guint8 head[MOVE_RECORD_HEAD])
{
    head[0] = (guint8)record->kind;
    put_number(head + 1, 8, record->offset);
    put_number(head + 9, 4, record->length);
}

/* ---- the stream ---- */

typedef struct {
    const MoveFile *file;
    int stream;
    EVP_MD_CTX *hash;
    guint64 bytes; /* data that went */
    gint64 began;
    guint8 *buffer;
} Transfer;

static gboolean transfer_begin(Transfer *transfer, const MoveFile *file, int stream,
                               GError **error)
{
    *transfer = (Transfer){.file = file,
                           .stream = stream,
                           .hash = EVP_MD_CTX_new(),
                           .began = g_get_monotonic_time(),
                           .buffer = g_malloc(MOVE_RECORD_MAX)};
    if (transfer->hash && EVP_DigestInit_ex(transfer->hash, EVP_sha256(), NULL) == 1)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_INTERNAL, "OpenSSL has no SHA-256");
    return FALSE;
}

static void transfer_clear(Transfer *transfer)
{
    EVP_MD_CTX_free(transfer->hash);
    g_free(transfer->buffer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Transfer, transfer_clear)

/* Until it can be read or written; an end by cancellation or silence is an error. */
static gboolean wait_for(const Transfer *transfer, short events, GError **error)
{
    for (int waited = 0;; waited += SLICE_MS) {
        struct pollfd one = {transfer->stream, events, 0};
        if (!job_continue(transfer->file->job, error))
            return FALSE;
        if (poll(&one, 1, SLICE_MS) > 0)
            return TRUE;
        if (waited >= SILENCE_MS) {
            wire_error_set(error, WIRE_ERROR_TIMEOUT, "copying %s: nothing moved for %d s",
                           transfer->file->what, SILENCE_MS / 1000);
            return FALSE;
        }
    }
}

static gboolean put_bytes(Transfer *transfer, const guint8 *bytes, size_t length,
                          GError **error)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = write(transfer->stream, bytes + done, length - done);
        if (put > 0) {
            done += (size_t)put;
        } else if (errno == EAGAIN || errno == EINTR) {
            if (!wait_for(transfer, POLLOUT, error))
                return FALSE;
        } else {
            wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                           "copying %s: the connection broke: %s", transfer->file->what,
                           g_strerror(errno));
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean get_bytes(Transfer *transfer, guint8 *bytes, size_t length, GError **error)
{
    for (size_t done = 0; done < length;) {
        if (!wait_for(transfer, POLLIN, error))
            return FALSE;
        ssize_t got = read(transfer->stream, bytes + done, length - done);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                           "copying %s: the other node broke it off", transfer->file->what);
            return FALSE;
        }
    }
    return TRUE;
}

/* ---- sending ---- */

static gboolean put_record(Transfer *transfer, MoveRecord record, const guint8 *data,
                           GError **error)
{
    guint8 head[MOVE_RECORD_HEAD];
    move_record_write(&record, head);
    if (record.kind == 'D') {
        (void)EVP_DigestUpdate(transfer->hash, head, sizeof head);
        (void)EVP_DigestUpdate(transfer->hash, data, record.length);
    }
    return put_bytes(transfer, head, sizeof head, error) &&
           put_bytes(transfer, data, record.length, error);
}

/* Waits as long as the limit wants. */
static gboolean keep_pace(const Transfer *transfer, GError **error)
{
    guint limit = transfer->file->bandwidth;
    while (limit) {
        gint64 due =
            (gint64)((double)transfer->bytes / ((double)limit * (1 << 20)) * G_USEC_PER_SEC);
        gint64 early = due - (g_get_monotonic_time() - transfer->began);
        if (early <= 0)
            break;
        if (!job_continue(transfer->file->job, error))
            return FALSE;
        g_usleep((gulong)MIN(early, 100000));
    }
    return job_continue(transfer->file->job, error);
}

static void tell_progress(const Transfer *transfer, guint64 position, guint64 size)
{
    const MoveFile *file = transfer->file;
    double part = size ? (double)position / (double)size : 1;
    double seconds = (double)(g_get_monotonic_time() - transfer->began) / G_USEC_PER_SEC;
    g_autofree char *sent = g_format_size_full(transfer->bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *left = seconds > 1 && part > 0
                                ? g_strdup_printf(", %.0f s more", seconds / part - seconds)
                                : g_strdup("");
    g_autofree char *text = g_strdup_printf("copying %s: %s%s", file->what, sent, left);
    job_progress(file->job, file->from + (file->to - file->from) * part, text);
}

static gboolean send_piece(Transfer *transfer, int from, guint64 begin, guint64 end,
                           guint64 size, GError **error)
{
    while (begin < end) {
        size_t want = (size_t)MIN(end - begin, MOVE_RECORD_MAX);
        ssize_t got = pread(from, transfer->buffer, want, (off_t)begin);
        if (got <= 0) {
            wire_error_set(error, WIRE_ERROR_STORAGE, "%s can't be read: %s",
                           transfer->file->path, got ? g_strerror(errno) : "it is shorter now");
            return FALSE;
        }
        if (!put_record(transfer, (MoveRecord){'D', begin, (guint32)got}, transfer->buffer,
                        error))
            return FALSE;
        begin += (guint64)got;
        transfer->bytes += (guint64)got;
        tell_progress(transfer, begin, size);
        if (!keep_pace(transfer, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean send_all(Transfer *transfer, int from, guint64 size, GError **error)
{
    guint8 hash[EVP_MAX_MD_SIZE];
    for (off_t at = 0; (guint64)at < size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; /* a hole up to the end */
        off_t hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
        if (hole < 0) { /* no such thing here: all is data */
            data = at;
            hole = (off_t)size;
        }
        if (!send_piece(transfer, from, (guint64)data, MIN((guint64)hole, size), size, error))
            return FALSE;
        at = hole;
    }
    (void)EVP_DigestFinal_ex(transfer->hash, hash, NULL);
    return put_record(transfer, (MoveRecord){'E', size, HASH_BYTES}, hash, error);
}

gboolean move_file_send(const MoveFile *file, int stream, guint64 *bytes, GError **error)
{
    struct stat status;
    g_auto(Transfer) transfer = {0};
    int from = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (from < 0 || fstat(from, &status) < 0 || !S_ISREG(status.st_mode)) {
        wire_error_set(error, WIRE_ERROR_STORAGE, "%s can't be read: %s", file->path,
                       from < 0 ? g_strerror(errno) : "it is no file");
        if (from >= 0)
            (void)close(from);
        return FALSE;
    }
    gboolean good = transfer_begin(&transfer, file, stream, error) &&
                    send_all(&transfer, from, (guint64)status.st_size, error);
    (void)close(from);
    if (good && bytes)
        *bytes += transfer.bytes;
    return good;
}

/* ---- receiving ---- */

static gboolean set_unwritten(const Transfer *transfer, GError **error)
{
    wire_error_set(error, WIRE_ERROR_STORAGE, "%s can't be written: %s", transfer->file->path,
                   g_strerror(errno));
    return FALSE;
}

static gboolean take_data(Transfer *transfer, const MoveRecord *record, int to, GError **error)
{
    if (!get_bytes(transfer, transfer->buffer, record->length, error))
        return FALSE;
    (void)EVP_DigestUpdate(transfer->hash, transfer->buffer, record->length);
    for (size_t done = 0; done < record->length;) {
        ssize_t put = pwrite(to, transfer->buffer + done, record->length - done,
                             (off_t)(record->offset + done));
        if (put < 0 && errno != EINTR)
            return set_unwritten(transfer, error);
        done += (size_t)MAX(put, 0);
    }
    return TRUE;
}

static gboolean take_end(Transfer *transfer, const MoveRecord *record, int to, GError **error)
{
    guint8 sent[HASH_BYTES], hash[EVP_MAX_MD_SIZE];
    if (!get_bytes(transfer, sent, sizeof sent, error))
        return FALSE;
    (void)EVP_DigestFinal_ex(transfer->hash, hash, NULL);
    if (memcmp(sent, hash, sizeof sent) != 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "copying %s: it arrived damaged",
                       transfer->file->what);
        return FALSE;
    }
    if (ftruncate(to, (off_t)record->offset) < 0 || fsync(to) < 0)
        return set_unwritten(transfer, error);
    return TRUE;
}

gboolean move_file_receive(const MoveFile *file, int stream, int to, GError **error)
{
    g_auto(Transfer) transfer = {0};
    guint8 head[MOVE_RECORD_HEAD];
    MoveRecord record = {0};
    guint64 position = 0;
    if (!transfer_begin(&transfer, file, stream, error))
        return FALSE;
    for (;;) {
        if (!get_bytes(&transfer, head, sizeof head, error) ||
            !move_record_parse(head, position, &record, error))
            return FALSE;
        if (record.kind == 'E')
            return take_end(&transfer, &record, to, error);
        (void)EVP_DigestUpdate(transfer.hash, head, sizeof head);
        if (!take_data(&transfer, &record, to, error))
            return FALSE;
        position = record.offset + record.length;
    }
}
