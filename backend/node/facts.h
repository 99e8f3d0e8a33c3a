/* node/facts - what does not change from second to second: the machine, its disks and
 * file systems, virtualisation, clock.
 *
 * Everything here may take a while or hang (a dead disk, a file system whose server is
 * gone), so it is called in a worker with a deadline, never in the main loop, except
 * where it says "fast". Strings are valid UTF-8 without control characters.
 */
#pragma once

#include <glib.h>

typedef struct {
    char *kernel;    /* release, as uname -r */
    char *system;    /* "Debian GNU/Linux 12 (bookworm)", or NULL */
    char *cpu_model; /* or NULL */
    int sockets;     /* 0: not known */
    int cores;       /* physical ones; 0: not known */
    int threads;     /* logical processors on line */
} NodeFacts;

/* Never fails: what can't be found out stays NULL or 0. Fast. */
void node_facts_read(NodeFacts *facts);
void node_facts_clear(NodeFacts *facts);
/* The text of /proc/cpuinfo: fills model, sockets, cores. Pure. */
void node_facts_parse_processors(const char *text, NodeFacts *facts);

/* A disk of the machine; see figures.h for which count. */
typedef struct {
    char *name;   /* sda */
    char *model;  /* may be NULL */
    char *serial; /* may be NULL */
    guint64 size; /* bytes */
    gboolean rotational, removable, read_only;
} NodeDisk;

void node_disk_free(NodeDisk *disk);
/* By name. Never NULL. */
GPtrArray *node_disks_read(void);

/* A mounted file system that holds data; kernel interfaces, and the memory and overlays
 * of containers, are left out. Of several mounts of one file system the one nearest to
 * its root is listed. */
typedef struct {
    char *path;
    char *source;    /* device, server:/export, ... */
    char *type;      /* ext4, nfs4, fuse.sshfs, ... */
    gboolean remote; /* answers only as long as somebody else does */
    gboolean read_only;
} NodeMount;

#define NODE_MOUNTS_MAX 1024

void node_mount_free(NodeMount *mount);
/* Fast: touches no file system. WIRE_ERROR_UNAVAILABLE without /proc. */
GPtrArray *node_mounts_read(GError **error);
/* The text of /proc/self/mountinfo (proc(5)). Pure; lines that are none are skipped. */
GPtrArray *node_mounts_parse(const char *text);

typedef struct {
    guint64 total, used, available; /* bytes; available to others than root */
    guint64 files, files_used;      /* inodes; both 0 where there is no limit */
} NodeUse;

/* May hang for as long as the file system does. WIRE_ERROR_UNAVAILABLE. */
gboolean node_mount_measure(const char *path, NodeUse *use, GError **error);

/* Whether hardware virtualisation can be used: opens /dev/kvm, checks its version and
 * makes an empty machine. TRUE, or FALSE with *reason (to be freed): what is missing
 * and what to do. */
gboolean node_kvm_probe(char **reason);

/* How the clock stands. */
typedef struct {
    gboolean synchronised; /* a time service says that it is */
    double offset;         /* seconds that this clock is ahead of the true time; or NAN */
    const char *source;    /* "chrony" or "kernel": who says so; static */
} NodeClock;

/* Asks chronyd where it runs, at most so many milliseconds, else the kernel, which
 * systemd-timesyncd and ntpd steer. */
gboolean node_clock_read(int deadline, NodeClock *clock, GError **error);
/* The answer of "chronyc -c tracking". Pure. */
gboolean node_clock_parse_chrony(const char *text, NodeClock *clock);
