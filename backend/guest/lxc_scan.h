/* guest/lxc_scan - which containers there are, and being told when that changes.
 *
 * lxc_scan() lists a container path and watches it, and the directory of each
 * container in it, with inotify. It touches the file system and so may hang with
 * it: for worker threads.
 */
#pragma once

#include <glib.h>

#define LXC_SCAN_LIMIT 4096 /* containers under one path */

typedef struct {
    char *name;
    int watch;          /* of its directory, or -1 */
    gboolean container; /* has a configuration */
} LxcScanEntry;

typedef struct {
    gboolean exists; /* the path itself */
    int watch;       /* of the path, or -1 */
    GArray *entries; /* of LxcScanEntry */
} LxcScan;

/* notify: an inotify descriptor. Watching before listing, so that nothing is
 * missed between the two. */
LxcScan *lxc_scan(const char *path, int notify);
void lxc_scan_free(LxcScan *scan);
