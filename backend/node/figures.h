/* node/figures - how busy the machine is, once a second.
 *
 * A NodeReader keeps descriptors of /proc open, and reads each once a tick: about
 * ten system calls, no allocation after the first ticks, nothing that can block. All
 * rates are over CLOCK_MONOTONIC. A figure that the kernel does not give, that needs
 * two samples and has one, or whose counter went back is NAN: a gap, never a spike.
 *
 * Disks are whole disks with a device below them (no partitions, loops, RAM disks,
 * device mapper or md, whose I/O is already counted below); links are those that
 * lead out of the machine. Both are sorted out at first sight.
 *
 * Memory used is memory less what the kernel says is available.
 *
 * One thread at a time.
 */
#pragma once

#include "backend/net/rates.h"
#include "backend/node/parse.h"

#include <glib.h>

typedef struct {
    const char *name;
    double read, write; /* bytes a second */
    double operations;  /* a second */
    double busy;        /* percent of the time with I/O under way */
} NodeDiskRate;

typedef struct {
    gint64 boot;        /* seconds since 1970; steady, moves only if the clock is set */
    double uptime;      /* seconds, suspended time included */
    double cpu;         /* percent of all processors together, 0 to 100 */
    double iowait;      /* percent in which a processor idled while a disk worked */
    size_t cpus;        /* processors on line */
    const double *core; /* percent each, by number; NAN when off line; borrowed */
    size_t core_count;
    guint64 mem_total, mem_used, swap_total, swap_used; /* bytes */
    double load[3];                                     /* over 1, 5 and 15 minutes */
    double psi_cpu, psi_mem, psi_io;                    /* percent, some tasks, 10 s */
    double disk_read, disk_write, disk_operations;      /* all disks together */
    const NodeDiskRate *disks;                          /* borrowed */
    size_t disk_count;
    double net_in, net_out; /* bytes a second */
} NodeFigures;

typedef struct NodeReader NodeReader;

/* WIRE_ERROR_UNAVAILABLE when /proc is not there. */
NodeReader *node_reader_new(GError **error);
void node_reader_free(NodeReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NodeReader, node_reader_free)

/* The next sample. What is borrowed in *figures lives until the next read. Fails only
 * when /proc/stat or /proc/meminfo can't be read; the rest becomes NAN. */
gboolean node_reader_read(NodeReader *reader, NodeFigures *figures, GError **error);

/* All links, for the rates of each; read now, if that was not a moment ago. Borrowed;
 * NULL when there is no netlink. */
const NetRates *node_reader_links(NodeReader *reader);
