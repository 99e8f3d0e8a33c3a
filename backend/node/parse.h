/* node/parse - the texts of /proc that a node's figures come from.
 *
 * Pure: NUL-terminated text in, numbers out, no I/O. Whatever the text, nothing is
 * read past its end, and what is missing stays as the caller set it or is said to be
 * absent. Formats: proc(5), Documentation/admin-guide/iostats.rst and
 * Documentation/accounting/psi.rst of Linux.
 */
#pragma once

#include <glib.h>

#define NODE_CORES_MAX     4096
#define NODE_DISK_NAME_MAX 64

/* Time a processor was at work and not, in ticks since boot. Time stolen by a
 * hypervisor counts as work: it was not there to be used. A guest's time is already
 * in user time. */
typedef struct {
    guint64 busy, idle;
    guint64 iowait; /* part of idle */
} NodeTicks;

/* /proc/stat. Fills total and cores[0..limit-1] (those not on line keep what they had)
 * and sets *online to the number of processors on line. Returns the highest core
 * number plus one, which may be over limit but not over NODE_CORES_MAX, or 0 when the
 * text has no processors. */
size_t node_parse_stat(const char *text, NodeTicks *total, NodeTicks *cores, size_t limit,
                       size_t *online);

typedef struct {
    guint64 total, available, swap_total, swap_free; /* bytes */
    guint64 buffers, cached, shared;
} NodeMemory;

/* /proc/meminfo; FALSE when MemTotal is missing. Without MemAvailable (before Linux
 * 3.14) it is free, buffers and cache together. */
gboolean node_parse_memory(const char *text, NodeMemory *memory);

/* /proc/loadavg */
gboolean node_parse_load(const char *text, double load[3]);

/* /proc/pressure/X: percent of the last ten seconds in which some, or all, tasks
 * waited. full is NAN where the kernel does not say (cpu before Linux 5.13). */
gboolean node_parse_pressure(const char *text, double *some, double *full);

typedef struct {
    unsigned major, minor;
    char name[NODE_DISK_NAME_MAX];
    guint64 reads, writes; /* operations completed */
    guint64 bytes_read, bytes_written;
    guint64 busy; /* milliseconds with I/O under way; a 32-bit counter */
} NodeDiskCounters;

/* Reads the line at *cursor of /proc/diskstats and moves to the next; FALSE when it
 * is not a device's line. */
gboolean node_parse_disk(const char **cursor, NodeDiskCounters *counters);
