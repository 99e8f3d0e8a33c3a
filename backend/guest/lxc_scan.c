#include "backend/guest/lxc_scan.h"

#include "backend/guest/lxc_container.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void clear_entry(gpointer data)
{
    g_free(((LxcScanEntry *)data)->name);
}

void lxc_scan_free(LxcScan *scan)
{
    if (!scan)
        return;
    g_array_unref(scan->entries);
    g_free(scan);
}

static void add_entry(LxcScan *scan, const char *path, const char *name, int base, int notify)
{
    LxcScanEntry entry = {.watch = -1};
    g_autofree char *directory = g_build_filename(path, name, NULL);
    entry.watch =
        inotify_add_watch(notify, directory, IN_CLOSE_WRITE | IN_MOVE | IN_DELETE | IN_ONLYDIR);
    g_autofree char *config = g_build_filename(name, "config", NULL);
    struct stat status;
    entry.container =
        fstatat(base, config, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
    if (entry.watch < 0 && !entry.container)
        return;
    entry.name = g_strdup(name);
    g_array_append_val(scan->entries, entry);
}

LxcScan *lxc_scan(const char *path, int notify)
{
    LxcScan *scan = g_new0(LxcScan, 1);
    scan->entries = g_array_new(FALSE, FALSE, sizeof(LxcScanEntry));
    g_array_set_clear_func(scan->entries, clear_entry);
    scan->watch = inotify_add_watch(notify, path,
                                    IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF |
                                        IN_MOVE_SELF | IN_ONLYDIR);
    DIR *listing = opendir(path);
    if (!listing)
        return scan;
    scan->exists = TRUE;
    const struct dirent *entry;
    while (scan->entries->len < LXC_SCAN_LIMIT && (entry = readdir(listing)))
        if (entry->d_type != DT_REG && lxc_name_valid(entry->d_name))
            add_entry(scan, path, entry->d_name, dirfd(listing), notify);
    closedir(listing);
    return scan;
}
