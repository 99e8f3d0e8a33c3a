/* guest/lxc_cgroup - a container's figures, from its control groups.
 *
 * Which hierarchy a figure comes from is decided at run time by what is mounted:
 * a v1 controller where there is one, otherwise v2 (a hybrid system has both, and
 * its v2 tree has no controllers). The files are opened once and read again each
 * second; a container's group lives as long as its init, so does the LxcCgroup.
 *
 *            v1                                        v2
 *   cpu      cpuacct.usage                             cpu.stat: usage_usec
 *   memory   memory.usage_in_bytes - total_inactive_file,   memory.current - inactive_file,
 *            total_rss                                 anon
 *   disk     blkio.throttle.io_service_bytes_recursive,     io.stat
 *            io_serviced_recursive
 *   frozen   freezer.state                             cgroup.events: frozen
 *
 * Formats: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Running totals; a figure that is not there is G_MAXUINT64. */
#define LXC_COUNTER_UNKNOWN G_MAXUINT64
typedef struct {
    guint64 cpu;                   /* nanoseconds */
    guint64 memory, cache, rss;    /* bytes; cache is the inactive file cache in memory */
    guint64 disk_read, disk_write; /* bytes */
    guint64 disk_operations;
    gboolean frozen;
} LxcCounters;

typedef struct LxcCgroup LxcCgroup;

/* The groups of the container with this init process. Never NULL: what can't be
 * read stays unknown. */
LxcCgroup *lxc_cgroup_open(pid_t init);
void lxc_cgroup_free(LxcCgroup *cgroup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LxcCgroup, lxc_cgroup_free)

void lxc_cgroup_read(const LxcCgroup *cgroup, LxcCounters *counters);

/* The directory whose subdirectories appear when a container starts, for inotify;
 * NULL when nothing is mounted. Caller frees. */
char *lxc_cgroup_root(void);
/* The directory of the container's group, of the controller in v1 or in v2, or
 * NULL. Caller frees. */
char *lxc_cgroup_directory(pid_t init, const char *controller);
/* Whether this controller is in a v1 hierarchy: then lxc.cgroup.* keys apply to
 * it, otherwise lxc.cgroup2.* keys. */
gboolean lxc_cgroup_is_v1(const char *controller);

/* The rest is pure. */

/* Mount point of a v1 controller, or of v2 for controller NULL, from the text of
 * /proc/self/mountinfo. Caller frees. */
char *lxc_cgroup_find_mount(const char *mountinfo, const char *controller);
/* The group in /proc/PID/cgroup for a v1 controller or v2 (NULL), cut back to the
 * container's own: init may have moved itself into a group below. Caller frees. */
char *lxc_cgroup_find_group(const char *text, const char *controller);
/* The value of "name value" lines, or LXC_COUNTER_UNKNOWN. */
guint64 lxc_cgroup_find_value(const char *text, const char *name);
/* A file that holds one number; "max" and -1 are unknown. */
guint64 lxc_cgroup_parse_number(const char *text);
/* blkio.throttle.*: the sums of the Read and the Write lines of all devices. */
void lxc_cgroup_parse_blkio(const char *text, guint64 *reads, guint64 *writes);
/* io.stat: sums over all devices. */
void lxc_cgroup_parse_io(const char *text, guint64 *read, guint64 *write, guint64 *operations);
/* A size in a configuration: 64M, 1073741824, 2G; 0 when unlimited or not a size. */
guint64 lxc_cgroup_parse_size(const char *text);
/* How many processors a list such as 0-3,7 names; 0 when it is not a list. */
int lxc_cgroup_count_cpus(const char *list);
