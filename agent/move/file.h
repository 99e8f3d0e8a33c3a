/* move/file - one file over a byte stream: its data without its holes, and proof that all of
 * it arrived.
 *
 * The stream is a row of records, numbers big-endian:
 *
 *   kind 1   offset 8   length 4   then `length` bytes of data        'D'
 *   kind 1   size 8     length 4 = 32   then SHA-256 of all before   'E', the last one
 *
 * Offsets grow; what no record covers reads as zeros. The hash covers the records as they
 * stand on the wire. The receiver writes into a file that it has made itself, and answers
 * nothing here: the command's answer says how it went (reception.h).
 *
 * Internal snapshots, bitmaps and the format of an image come over as they are, since it is
 * the file that is copied.
 */
#pragma once

#include "backend/job/job.h"

#define MOVE_RECORD_HEAD 13
#define MOVE_RECORD_MAX  (1u << 20)    /* data of one */
#define MOVE_FILE_MAX    (64ull << 40) /* bytes of a file */

typedef struct {
    char kind;      /* 'D' or 'E' */
    guint64 offset; /* of data; of the end: the file's size */
    guint32 length;
} MoveRecord;

/* Pure. position: where the last record ended. WIRE_ERROR_PARSE. */
gboolean move_record_parse(const guint8 head[MOVE_RECORD_HEAD], guint64 position,
                           MoveRecord *record, GError **error);
void move_record_write(const MoveRecord *record, guint8 head[MOVE_RECORD_HEAD]);

typedef struct {
    const char *path, *what; /* "vda" */
    guint bandwidth;         /* MiB a second; 0: no limit */
    double from, to;         /* percent of the job's progress */
    const Job *job;
} MoveFile;

/* Sends the file at path. *bytes (may be NULL): data that went. The file is locked against
 * nobody: it belongs to a guest that does not run. */
gboolean move_file_send(const MoveFile *file, int stream, guint64 *bytes, GError **error);
/* Writes to an open, empty file, and syncs it. */
gboolean move_file_receive(const MoveFile *file, int stream, int to, GError **error);
