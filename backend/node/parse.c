#include "backend/node/parse.h"

#include "backend/proc/proc.h"

#include <math.h>
#include <string.h>

enum { SECTOR = 512, CPU_FIELDS = 8, DISK_FIELDS = 10 };

/* user nice system idle iowait irq softirq steal [guest guest_nice] */
static gboolean parse_ticks(const char *at, NodeTicks *ticks)
{
    guint64 fields[CPU_FIELDS] = {0};
    int count = 0;
    while (count < CPU_FIELDS && proc_scan_number(&at, &fields[count]))
        count++;
    if (count < 4)
        return FALSE;
    *ticks = (NodeTicks){
        .busy = fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7],
        .idle = fields[3] + fields[4],
        .iowait = fields[4],
    };
    return TRUE;
}

size_t node_parse_stat(const char *text, NodeTicks *total, NodeTicks *cores, size_t limit,
                       size_t *online)
{
    size_t highest = 0, seen = 0;
    const char *line = text;
    do {
        if (strncmp(line, "cpu", 3) != 0)
            break; /* the lines of processors come first */
        const char *at = line + 3;
        guint64 core;
        NodeTicks ticks;
        if (*at == ' ') {
            if (!parse_ticks(at, total))
                return 0;
        } else if (proc_scan_number(&at, &core) && core < NODE_CORES_MAX &&
                   parse_ticks(at, &ticks)) {
            if (core < limit)
                cores[core] = ticks;
            seen++;
            highest = MAX(highest, (size_t)core + 1);
        }
    } while (proc_scan_line(&line));
    *online = seen;
    return highest;
}

static const struct {
    const char *key;
    size_t offset;
} memory_keys[] = {
    {"MemTotal:", G_STRUCT_OFFSET(NodeMemory, total)},
    {"MemAvailable:", G_STRUCT_OFFSET(NodeMemory, available)},
    {"Buffers:", G_STRUCT_OFFSET(NodeMemory, buffers)},
    {"Cached:", G_STRUCT_OFFSET(NodeMemory, cached)},
    {"SwapTotal:", G_STRUCT_OFFSET(NodeMemory, swap_total)},
    {"SwapFree:", G_STRUCT_OFFSET(NodeMemory, swap_free)},
    {"Shmem:", G_STRUCT_OFFSET(NodeMemory, shared)},
};

gboolean node_parse_memory(const char *text, NodeMemory *memory)
{
    NodeMemory read = {0};
    guint64 free_bytes = 0, number;
    gboolean available = FALSE;
    const char *line = text;
    do {
        const char *at = line, *key;
        size_t length;
        if (!proc_scan_word(&at, &key, &length) || !proc_scan_number(&at, &number))
            continue;
        number = number > G_MAXUINT64 / 1024 ? G_MAXUINT64 : number * 1024;
        if (length == 8 && memcmp(key, "MemFree:", 8) == 0)
            free_bytes = number;
        for (size_t i = 0; i < G_N_ELEMENTS(memory_keys); i++) {
            if (strlen(memory_keys[i].key) != length ||
                memcmp(memory_keys[i].key, key, length) != 0)
                continue;
            *(guint64 *)(void *)((char *)&read + memory_keys[i].offset) = number;
            available = available || i == 1;
            break;
        }
        if (length == 6 && memcmp(key, "Shmem:", 6) == 0)
            break; /* nothing below it is asked for */
    } while (proc_scan_line(&line));
    if (read.total == 0)
        return FALSE;
    if (!available)
        read.available = free_bytes + read.buffers + read.cached;
    read.available = MIN(read.available, read.total);
    read.swap_free = MIN(read.swap_free, read.swap_total);
    *memory = read;
    return TRUE;
}

/* "12.34"; the kernel writes these with a point whatever the locale. */
static gboolean scan_decimal(const char **cursor, double *value)
{
    guint64 whole, part = 0;
    if (!proc_scan_number(cursor, &whole))
        return FALSE;
    double scale = 1;
    if (**cursor == '.') {
        const char *start = ++*cursor;
        if (*start < '0' || *start > '9' || !proc_scan_number(cursor, &part))
            return FALSE;
        for (const char *at = start; at < *cursor && scale < 1e9; at++)
            scale *= 10;
        if (*cursor - start > 9)
            return FALSE;
    }
    *value = (double)whole + (double)part / scale;
    return TRUE;
}

gboolean node_parse_load(const char *text, double load[3])
{
    double read[3];
    for (int i = 0; i < 3; i++)
        if (!scan_decimal(&text, &read[i]))
            return FALSE;
    memcpy(load, read, sizeof read);
    return TRUE;
}

static gboolean parse_average(const char *line, const char *kind, double *value)
{
    size_t length = strlen(kind);
    if (strncmp(line, kind, length) != 0 || strncmp(line + length, " avg10=", 7) != 0)
        return FALSE;
    line += length + 7;
    return scan_decimal(&line, value);
}

gboolean node_parse_pressure(const char *text, double *some, double *full)
{
    double some_read = NAN, full_read = NAN;
    const char *line = text;
    do {
        if (!parse_average(line, "some", &some_read))
            (void)parse_average(line, "full", &full_read);
    } while (proc_scan_line(&line));
    if (isnan(some_read))
        return FALSE;
    *some = some_read;
    *full = full_read;
    return TRUE;
}

/* major minor name reads merged sectors ms writes merged sectors ms inflight busy ... */
gboolean node_parse_disk(const char **cursor, NodeDiskCounters *counters)
{
    const char *at = *cursor, *name;
    (void)proc_scan_line(cursor);
    guint64 major, minor, fields[DISK_FIELDS];
    size_t length;
    if (!proc_scan_number(&at, &major) || !proc_scan_number(&at, &minor) ||
        !proc_scan_word(&at, &name, &length) || length >= NODE_DISK_NAME_MAX)
        return FALSE;
    for (int i = 0; i < DISK_FIELDS; i++)
        if (!proc_scan_number(&at, &fields[i]))
            return FALSE;
    *counters = (NodeDiskCounters){
        .major = (unsigned)major,
        .minor = (unsigned)minor,
        .reads = fields[0],
        .writes = fields[4],
        .bytes_read = fields[2] * SECTOR,
        .bytes_written = fields[6] * SECTOR,
        .busy = fields[9],
    };
    memcpy(counters->name, name, length);
    return TRUE;
}
