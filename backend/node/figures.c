#include "backend/node/figures.h"

#include "backend/proc/proc.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, PRESSURE_COUNT };

typedef struct {
    NodeDiskCounters counters;
    gboolean physical;
} Disk;

struct NodeReader {
    ProcFile stat, memory, load, disk, pressure[PRESSURE_COUNT];
    int blocks; /* /sys/block, or -1 */
    NetRates *links;
    gint64 time; /* of the last sample, CLOCK_MONOTONIC, microseconds; 0: none */
    gint64 boot;
    NodeTicks total, *cores, *cores_now;
    double *core; /* percent; these three have core_room members */
    size_t core_room;
    GArray *disks, *disks_now; /* of Disk: the last sample, and room for this one */
    GArray *rates;             /* of NodeDiskRate */
};

static const char *const pressure_paths[PRESSURE_COUNT] = {
    [PRESSURE_CPU] = "/proc/pressure/cpu",
    [PRESSURE_MEMORY] = "/proc/pressure/memory",
    [PRESSURE_IO] = "/proc/pressure/io",
};

NodeReader *node_reader_new(GError **error)
{
    g_autoptr(NodeReader) reader = g_new(NodeReader, 1);
    *reader = (NodeReader){
        .stat = PROC_FILE_CLOSED,
        .memory = PROC_FILE_CLOSED,
        .load = PROC_FILE_CLOSED,
        .disk = PROC_FILE_CLOSED,
        .pressure = {PROC_FILE_CLOSED, PROC_FILE_CLOSED, PROC_FILE_CLOSED},
        .blocks = open("/sys/block", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .disks = g_array_new(FALSE, FALSE, sizeof(Disk)),
        .disks_now = g_array_new(FALSE, FALSE, sizeof(Disk)),
        .rates = g_array_new(FALSE, FALSE, sizeof(NodeDiskRate)),
    };
    if (!proc_file_open(&reader->stat, "/proc/stat", error) ||
        !proc_file_open(&reader->memory, "/proc/meminfo", error))
        return NULL;
    (void)proc_file_open(&reader->load, "/proc/loadavg", NULL);
    (void)proc_file_open(&reader->disk, "/proc/diskstats", NULL);
    for (int i = 0; i < PRESSURE_COUNT; i++)
        (void)proc_file_open(&reader->pressure[i], pressure_paths[i], NULL);
    reader->links = net_rates_new(NULL);
    return g_steal_pointer(&reader);
}

void node_reader_free(NodeReader *reader)
{
    if (!reader)
        return;
    proc_file_close(&reader->stat);
    proc_file_close(&reader->memory);
    proc_file_close(&reader->load);
    proc_file_close(&reader->disk);
    for (int i = 0; i < PRESSURE_COUNT; i++)
        proc_file_close(&reader->pressure[i]);
    if (reader->blocks >= 0)
        (void)close(reader->blocks);
    net_rates_free(reader->links);
    g_array_unref(reader->disks);
    g_array_unref(reader->disks_now);
    g_array_unref(reader->rates);
    g_free(reader->cores);
    g_free(reader->cores_now);
    g_free(reader->core);
    g_free(reader);
}

/* The kernel lets iowait, and so idle, go back a little now and then (proc(5)); work
 * never goes back. */
static double percent_busy(const NodeTicks *old, const NodeTicks *now)
{
    if (now->busy < old->busy)
        return NAN;
    double busy = (double)(now->busy - old->busy);
    double idle = now->idle > old->idle ? (double)(now->idle - old->idle) : 0;
    return busy + idle > 0 ? 100 * busy / (busy + idle) : NAN;
}

static double percent_iowait(const NodeTicks *old, const NodeTicks *now)
{
    double all = (double)now->busy + (double)now->idle - (double)old->busy - (double)old->idle;
    if (now->busy < old->busy || all <= 0)
        return NAN;
    double iowait = now->iowait > old->iowait ? (double)(now->iowait - old->iowait) : 0;
    return MIN(100 * iowait / all, 100);
}

static void make_room(NodeReader *reader, size_t room)
{
    reader->cores = g_renew(NodeTicks, reader->cores, room);
    reader->cores_now = g_renew(NodeTicks, reader->cores_now, room);
    reader->core = g_renew(double, reader->core, room);
    memset(reader->cores, 0, room * sizeof *reader->cores);
    memset(reader->cores_now, 0, room * sizeof *reader->cores_now);
    reader->core_room = room;
}

static gboolean read_processors(NodeReader *reader, NodeFigures *figures, GError **error)
{
    if (!proc_file_read(&reader->stat, error))
        return FALSE;
    NodeTicks total;
    /* A core that is off line has no line, and stays all zero. */
    if (reader->core_room)
        memset(reader->cores_now, 0, reader->core_room * sizeof *reader->cores_now);
    size_t count = node_parse_stat(reader->stat.text, &total, reader->cores_now,
                                   reader->core_room, &figures->cpus);
    if (!count) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "/proc/stat has no processors");
        return FALSE;
    }
    if (count > reader->core_room) { /* the first read, or processors were added */
        make_room(reader, count);
        (void)node_parse_stat(reader->stat.text, &total, reader->cores_now, count,
                              &figures->cpus);
    }
    for (size_t i = 0; i < count; i++) {
        const NodeTicks *old = &reader->cores[i], *now = &reader->cores_now[i];
        gboolean known = reader->time && old->idle + old->busy && now->idle + now->busy;
        reader->core[i] = known ? percent_busy(old, now) : NAN;
    }
    figures->cpu = reader->time ? percent_busy(&reader->total, &total) : NAN;
    figures->iowait = reader->time ? percent_iowait(&reader->total, &total) : NAN;
    figures->core = reader->core;
    figures->core_count = count;
    NodeTicks *spare = reader->cores;
    reader->cores = reader->cores_now;
    reader->cores_now = spare;
    reader->total = total;
    return TRUE;
}

static gboolean read_memory(NodeReader *reader, NodeFigures *figures, GError **error)
{
    NodeMemory memory;
    if (!proc_file_read(&reader->memory, error))
        return FALSE;
    if (!node_parse_memory(reader->memory.text, &memory)) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "/proc/meminfo has no MemTotal");
        return FALSE;
    }
    figures->mem_total = memory.total;
    figures->mem_used = memory.total - memory.available;
    figures->swap_total = memory.swap_total;
    figures->swap_used = memory.swap_total - memory.swap_free;
    return TRUE;
}

static double read_pressure(ProcFile *file)
{
    double some, full;
    if (file->descriptor < 0)
        return NAN;
    if (!proc_file_read(file, NULL)) {
        proc_file_close(file); /* switched off at boot (psi=0): it stays so */
        return NAN;
    }
    return node_parse_pressure(file->text, &some, &full) ? some : NAN;
}

/* One path of a multipath NVMe namespace has a device, but is hidden: its I/O is
 * counted in the namespace. */
static gboolean disk_is_physical(const NodeReader *reader, const char *name)
{
    char path[NODE_DISK_NAME_MAX + sizeof "/device"];
    (void)g_snprintf(path, sizeof path, "%s/device", name);
    if (reader->blocks < 0 || faccessat(reader->blocks, path, F_OK, 0) != 0)
        return FALSE;
    (void)g_snprintf(path, sizeof path, "%s/hidden", name);
    return proc_attribute_number(reader->blocks, path, 0) == 0;
}

static gboolean disk_same(const NodeDiskCounters *a, const NodeDiskCounters *b)
{
    return a->major == b->major && a->minor == b->minor && strcmp(a->name, b->name) == 0;
}

/* The disk of the last sample, most often at the same place. */
static const Disk *find_disk(const NodeReader *reader, size_t place,
                             const NodeDiskCounters *counters)
{
    const GArray *disks = reader->disks;
    if (place < disks->len && disk_same(&g_array_index(disks, Disk, place).counters, counters))
        return &g_array_index(disks, Disk, place);
    for (size_t i = 0; i < disks->len; i++)
        if (disk_same(&g_array_index(disks, Disk, i).counters, counters))
            return &g_array_index(disks, Disk, i);
    return NULL;
}

static NodeDiskRate disk_rate(const NodeDiskCounters *old, const NodeDiskCounters *now,
                              double seconds)
{
    /* busy is 32 bits of milliseconds in the kernel and comes round in 50 days. */
    double busy = net_rate(old->busy, now->busy, seconds) / 10;
    return (NodeDiskRate){
        .read = net_rate(old->bytes_read, now->bytes_read, seconds),
        .write = net_rate(old->bytes_written, now->bytes_written, seconds),
        .operations = net_rate(old->reads, now->reads, seconds) +
                      net_rate(old->writes, now->writes, seconds),
        .busy = busy > 100 ? 100 : busy,
    };
}

static void sample_disks(NodeReader *reader, double seconds)
{
    const char *cursor = reader->disk.text;
    g_array_set_size(reader->disks_now, 0);
    g_array_set_size(reader->rates, 0);
    while (*cursor) {
        Disk disk;
        if (!node_parse_disk(&cursor, &disk.counters))
            continue;
        const Disk *old = find_disk(reader, reader->disks_now->len, &disk.counters);
        disk.physical = old ? old->physical : disk_is_physical(reader, disk.counters.name);
        g_array_append_val(reader->disks_now, disk);
        if (!disk.physical)
            continue;
        NodeDiskRate rate =
            disk_rate(old ? &old->counters : &disk.counters, &disk.counters, old ? seconds : 0);
        g_array_append_val(reader->rates, rate);
    }
    GArray *last = reader->disks;
    reader->disks = reader->disks_now;
    reader->disks_now = last;
}

static void read_disks(NodeReader *reader, double seconds, NodeFigures *figures)
{
    if (reader->disk.descriptor < 0 || !proc_file_read(&reader->disk, NULL))
        return;
    sample_disks(reader, seconds);
    NodeDiskRate all = {0}, *rates = (NodeDiskRate *)(void *)reader->rates->data;
    size_t next = 0;
    /* Names point into the sample, which only now stays where it is. */
    for (size_t i = 0; i < reader->disks->len; i++) {
        const Disk *disk = &g_array_index(reader->disks, Disk, i);
        if (!disk->physical)
            continue;
        rates[next].name = disk->counters.name;
        all.read += rates[next].read;
        all.write += rates[next].write;
        all.operations += rates[next].operations;
        next++;
    }
    figures->disks = rates;
    figures->disk_count = next;
    if (next) {
        figures->disk_read = all.read;
        figures->disk_write = all.write;
        figures->disk_operations = all.operations;
    }
}

/* The start of the machine as the present clock sees it. It would wobble by a second
 * if it were worked out anew each time. */
static void read_boot(NodeReader *reader, NodeFigures *figures)
{
    struct timespec up, now;
    (void)clock_gettime(CLOCK_BOOTTIME, &up);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    gint64 boot = (gint64)now.tv_sec - (gint64)up.tv_sec;
    if (llabs(boot - reader->boot) > 1)
        reader->boot = boot;
    figures->boot = reader->boot;
    figures->uptime = (double)up.tv_sec + (double)up.tv_nsec / 1e9;
}

gboolean node_reader_read(NodeReader *reader, NodeFigures *figures, GError **error)
{
    NodeFigures read = {
        .load = {NAN, NAN, NAN},
        .disk_read = NAN,
        .disk_write = NAN,
        .disk_operations = NAN,
        .net_in = NAN,
        .net_out = NAN,
    };
    gint64 now = g_get_monotonic_time();
    double seconds = reader->time ? (double)(now - reader->time) / G_USEC_PER_SEC : 0;
    if (!read_processors(reader, &read, error) || !read_memory(reader, &read, error))
        return FALSE;
    if (reader->load.descriptor >= 0 && proc_file_read(&reader->load, NULL))
        (void)node_parse_load(reader->load.text, read.load);
    read.psi_cpu = read_pressure(&reader->pressure[PRESSURE_CPU]);
    read.psi_mem = read_pressure(&reader->pressure[PRESSURE_MEMORY]);
    read.psi_io = read_pressure(&reader->pressure[PRESSURE_IO]);
    read_disks(reader, seconds, &read);
    if (reader->links && net_rates_read(reader->links, now, FALSE, NULL))
        net_rates_total(reader->links, &read.net_in, &read.net_out);
    read_boot(reader, &read);
    reader->time = now;
    *figures = read;
    return TRUE;
}

const NetRates *node_reader_links(NodeReader *reader)
{
    if (reader->links)
        (void)net_rates_read(reader->links, g_get_monotonic_time(), TRUE, NULL);
    return reader->links;
}
