/* guest/lxc_inspect - one look at a container through liblxc.
 *
 * lxc_inspect() waits for the container's monitor and for its files, for ever if
 * they don't answer; it is for worker threads and child processes.
 */
#pragma once

#include "backend/guest/lxc_cgroup.h"
#include "backend/guest/lxc_container.h"
#include "backend/guest/lxc_net.h"

#define LXC_INTERFACES_MAX 16 /* that are looked for in a configuration */

typedef struct {
    GuestSummary *summary;
    pid_t init;        /* 0: does not run */
    pid_t monitor;     /* 0: does not run */
    int init_handle;   /* pidfd of init, or -1 */
    LxcCgroup *cgroup; /* NULL: does not run */
    LxcNet *net;       /* NULL: does not run, or has no network of its own */
} LxcInspection;

/* WIRE_ERROR_NOT_FOUND when it does not exist (any more). When its configuration
 * can't be used the inspection says so in the summary's reason instead. */
LxcInspection *lxc_inspect(const char *path, const char *name, GError **error);
void lxc_inspection_free(LxcInspection *inspection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LxcInspection, lxc_inspection_free)

/* The limit that applies on this system: of memory in bytes (0: none), and the
 * processors it may use, from its cpuset or its quota, or all there are. */
guint64 lxc_inspect_memory(LxcHandle *handle);
int lxc_inspect_processors(LxcHandle *handle);
/* The key of a limit as this system mounts its controller: v1 or v2. Caller frees
 * the value, NULL when it is not set. */
char *lxc_inspect_limit(LxcHandle *handle, const char *controller, const char *v1,
                        const char *v2);

/* Names of the container's interfaces, inside. Caller frees. */
GStrv lxc_inspect_interfaces(LxcHandle *handle);
