/* node/history - figures of the past: an hour, a day and a month, in fixed memory.
 *
 * An object (the node, or a guest) has a set of series, and each series three rings:
 *
 *              hour            day              month (31 days)
 *   node       3600 x 1 s      1440 x 1 min     1488 x 30 min     280 KiB
 *   guest       360 x 10 s      288 x 5 min      372 x 2 h         28 KiB
 *
 * so that the node and 50 guests take 1.7 MiB, in memory as in the file. Points are
 * 32-bit floats. A point is the average of the figures that were known in its slot,
 * and NAN where none was: a gap stays a gap on every level. A figure stands for the
 * time since the one before when that is under two slots, so that a tick which comes
 * a few milliseconds late makes no gap.
 *
 * Time. Points are placed by a clock of the history's own that only runs forward: it
 * is CLOCK_BOOTTIME plus a constant. The wall clock is not looked at when something
 * is added, and a query turns the history's time into wall-clock time with the
 * difference of the two at that moment. So a point's age is what counts: when the
 * wall clock is set an hour back or forth, every point keeps its age, nothing is lost,
 * overwritten or doubled, and the past is shown where the corrected clock would have
 * put it. The difference moves only when the clock was set by a second or more.
 * Over a restart of the program the history's clock goes on by CLOCK_BOOTTIME; over a
 * restart of the machine by the wall clock, and not at all if that went back.
 *
 * File. One file holds all objects: a header with magic, version, sizes and a
 * checksum of 64 bits over everything, then a record an object; little endian,
 * described in history_file.c. It is at most HISTORY_FILE_MAX bytes. Any sequence of
 * bytes can be given to history_load_bytes(): what is not a whole, sound history is an
 * error, and the caller starts with a new one. Series are stored by name: one that a
 * later version adds starts empty, one that it drops is skipped.
 *
 * One thread at a time. Nothing here blocks but the two functions on files.
 */
#pragma once

#include <glib.h>

#define HISTORY_OBJECTS_MAX 1024
#define HISTORY_NAME_MAX    128         /* bytes of an object's name */
#define HISTORY_FILE_MAX    (40u << 20) /* bytes */

typedef enum { HISTORY_HOUR, HISTORY_DAY, HISTORY_MONTH, HISTORY_SPAN_COUNT } HistorySpan;
typedef enum { HISTORY_NODE, HISTORY_GUEST, HISTORY_KIND_COUNT } HistoryKind;

/* The series of each kind, in the order of the values given to history_add(). */
enum {
    HISTORY_NODE_CPU,
    HISTORY_NODE_LOAD, /* over one minute */
    HISTORY_NODE_MEM_USED,
    HISTORY_NODE_SWAP_USED,
    HISTORY_NODE_PSI_CPU,
    HISTORY_NODE_PSI_MEM,
    HISTORY_NODE_PSI_IO,
    HISTORY_NODE_NET_IN,
    HISTORY_NODE_NET_OUT,
    HISTORY_NODE_DISK_READ,
    HISTORY_NODE_DISK_WRITE,
    HISTORY_NODE_COUNT
};
enum {
    HISTORY_GUEST_CPU,
    HISTORY_GUEST_MEM_USED,
    HISTORY_GUEST_MEM_RSS,
    HISTORY_GUEST_DISK_READ,
    HISTORY_GUEST_DISK_WRITE,
    HISTORY_GUEST_NET_IN,
    HISTORY_GUEST_NET_OUT,
    HISTORY_GUEST_COUNT
};
#define HISTORY_SERIES_MAX 11 /* the most that a kind has */

/* Their names, as the fields of object.h; and "hour", "day", "month". */
const char *history_series_name(HistoryKind kind, size_t series); /* NULL: no such one */
gboolean history_span_from_name(const char *name, HistorySpan *span);

/* The two clocks, in milliseconds: CLOCK_BOOTTIME, and since 1970. */
typedef struct {
    gint64 up, wall;
} HistoryTime;

HistoryTime history_time_now(void);
/* What tells this run of the kernel from others. The caller frees. */
char *history_boot_id(void);

typedef struct History History;

History *history_new(HistoryTime now);
void history_free(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

/* Where an object was last found in its history, so that it need not be looked for by its
 * name each time. The caller keeps one for each object, zero at first. */
typedef struct {
    struct HistoryObject *object;
    guint removals; /* of the history by then */
} HistoryPlace;

/* The figures of an object for the time that just ended, as many as its kind has
 * series; NAN where not known. An object not seen before is made. It may be called at
 * any pace up to the slot's length. place may be NULL. WIRE_ERROR_LIMIT when there are too
 * many objects or the name is too long; WIRE_ERROR_CONFLICT when the object is of another
 * kind. */
gboolean history_add(History *history, HistoryKind kind, const char *object,
                     HistoryPlace *place, HistoryTime now, const double *values,
                     GError **error);
/* The object is gone for good. One without figures for a month goes by itself when
 * the history is saved. */
void history_forget(History *history, const char *object);

/* An answer: points of all series of an object, one a step, ended slots only. */
typedef struct {
    HistoryKind kind;
    gint64 start; /* of the first point, seconds since 1970; no multiple of step */
    int step;     /* seconds */
    size_t points, series;
    float *values; /* values[series * points + point], NAN in a gap; owned */
} HistoryAnswer;

/* Points that begin after since (seconds since 1970; 0 for all there are), from the
 * first one that is known. points may be 0. WIRE_ERROR_NOT_FOUND when the
 * object has no history. */
gboolean history_query(History *history, const char *object, HistorySpan span, gint64 since,
                       HistoryTime now, HistoryAnswer *answer, GError **error);
/* Makes one point of so many that it stands for at least step seconds: the mean of what
 * is known of them. Points at the beginning that do not fill one are left out. */
void history_answer_widen(HistoryAnswer *answer, int step);
void history_answer_clear(HistoryAnswer *answer);

/* The whole as the bytes of a file. */
GBytes *history_save_bytes(History *history, HistoryTime now, const char *boot_id);
/* WIRE_ERROR_STORAGE with what is wrong when these bytes are no sound history. */
History *history_load_bytes(const guint8 *data, size_t length, HistoryTime now,
                            const char *boot_id, GError **error);

/* name is relative to the open directory. Both block: call them in a worker. A write
 * leaves the old file or the new one, whatever happens. A file that does not exist is
 * WIRE_ERROR_NOT_FOUND; all else is WIRE_ERROR_STORAGE. */
gboolean history_file_write(int directory, const char *name, GBytes *bytes, GError **error);
GBytes *history_file_read(int directory, const char *name, GError **error);
