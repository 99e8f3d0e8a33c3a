/* guest/lxc_delete - deleting a container: see lxc_act.h.
 *
 * With its root file system: liblxc destroys it, which begins with the root file
 * system (of whatever backing) and ends with the directory. Once that began there
 * is no way back, so a crash in the middle is rolled forward.
 */
#include "backend/guest/lxc_act.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 256 };

static gboolean check_params(const char *name, const json_t *params, GError **error)
{
    const char *confirm = wire_get_string(params, "confirm", "");
    if (strcmp(confirm, name) != 0) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "confirm",
                             "container '%s' is not deleted: the name given to be sure is '%s'",
                             name, confirm);
        return FALSE;
    }
    if (json_array_size(json_object_get(params, "disks")) > 0) {
        wire_error_set_field(
            error, WIRE_ERROR_PARAMS, "disks",
            "a container has no disks to name; all_disks deletes its root file "
            "system with it");
        return FALSE;
    }
    return TRUE;
}

static gboolean check_snapshots(LxcHandle *handle, int directory, GError **error)
{
    struct lxc_snapshot *list = NULL;
    int count = handle->snapshot_list(handle, &list);
    for (int i = 0; i < count; i++)
        list[i].free(&list[i]);
    free(list); /* liblxc's */
    if (count > 0) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "container '%s' can't be deleted: it has %d snapshot%s; delete %s first "
                       "('lxc-snapshot -d')",
                       handle->name, count, count == 1 ? "" : "s", count == 1 ? "it" : "them");
        return FALSE;
    }
    if (faccessat(directory, "lxc_snapshots", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        wire_error_set(
            error, WIRE_ERROR_STATE,
            "container '%s' can't be deleted: clones of it share its root file system",
            handle->name);
        return FALSE;
    }
    return TRUE;
}

/* Only the definition goes. */
static gboolean put_aside(int directory, const char *path, const char *name, json_t **result,
                          GError **error)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *aside = g_date_time_format(now, "config.deleted-%Y%m%d-%H%M%S");
    if (renameat2(directory, "config", directory, aside, RENAME_NOREPLACE) < 0) {
        wire_error_set(
            error, WIRE_ERROR_STORAGE,
            "container '%s' could not be deleted: its configuration could not be put "
            "aside: %s; nothing was changed",
            name, g_strerror(errno));
        return FALSE;
    }
    (void)fsync(directory);
    g_autofree char *kept = g_strdup_printf("%s/%s", path, name);
    *result = json_pack("{s:o, s:o}", "kept", wire_string(kept), "config", wire_string(aside));
    return TRUE;
}

/* The directory itself stands in the note: after a crash somebody may have made
 * another container of that name. */
static gboolean destroy(LxcHandle *handle, int directory, const Job *job, GError **error)
{
    struct stat status = {0};
    (void)fstat(directory, &status);
    g_autoptr(json_t) note =
        json_pack("{s:s, s:I, s:I}", "act", "delete", "device", (json_int_t)status.st_dev,
                  "inode", (json_int_t)status.st_ino);
    if (!job_note(job, note, error))
        return FALSE;
    job_progress(job, -1, "deleting its root file system");
    if (!handle->destroy(handle)) {
        lxc_act_fail(handle, "deleted", error);
        return FALSE;
    }
    return job_note(job, NULL, error);
}

gboolean lxc_delete(const char *path, const char *name, const json_t *params, const Job *job,
                    json_t **result, GError **error)
{
    if (!check_params(name, params, error))
        return FALSE;
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_DELETE, error);
    int directory = handle ? lxc_directory_open(path, name, error) : -1;
    if (directory < 0)
        return FALSE;
    gboolean done = check_snapshots(handle, directory, error);
    if (done && wire_get_boolean(params, "all_disks", FALSE))
        done = destroy(handle, directory, job, error);
    else if (done)
        done = put_aside(directory, path, name, result, error);
    close(directory);
    return done;
}

/* Removes what is in a directory, without following links or leaving its file
 * system. Takes the descriptor over. */
static gboolean remove_below(int directory, dev_t device, int depth)
{
    DIR *listing = fdopendir(directory);
    if (!listing) {
        close(directory);
        return FALSE;
    }
    gboolean done = depth < DEPTH_MAX;
    const struct dirent *entry;
    while (done && (entry = readdir(listing))) {
        const char *name = entry->d_name;
        struct stat status;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (unlinkat(dirfd(listing), name, 0) == 0)
            continue;
        int below =
            openat(dirfd(listing), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0 || fstat(below, &status) < 0 || status.st_dev != device) {
            if (below >= 0)
                close(below);
            done = FALSE;
        } else {
            done = remove_below(below, device, depth + 1) &&
                   unlinkat(dirfd(listing), name, AT_REMOVEDIR) == 0;
        }
    }
    closedir(listing);
    return done;
}

/* liblxc got as far as removing the configuration; the rest has no owner. */
static gboolean remove_rest(int base, int directory, const char *path, const char *name,
                            GError **error)
{
    struct stat status;
    int rest = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    if (rest >= 0 && fstat(rest, &status) == 0 && remove_below(rest, status.st_dev, 0) &&
        unlinkat(base, name, AT_REMOVEDIR) == 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_FAILED,
                   "container '%s' is deleted, but %s/%s could not be removed: %s", name, path,
                   name, g_strerror(errno));
    return FALSE;
}

gboolean lxc_tree_remove(const char *path, const char *name, GError **error)
{
    int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int directory =
        base < 0 ? -1 : openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    gboolean done = directory < 0 && errno == ENOENT;
    if (directory >= 0) {
        done = remove_rest(base, directory, path, name, error);
        close(directory);
    } else if (!done) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s/%s could not be opened: %s", path, name,
                       g_strerror(errno));
    }
    if (base >= 0)
        close(base);
    return done;
}

static gboolean finish(int base, int directory, const char *path, const char *name,
                       GError **error)
{
    if (faccessat(directory, "config", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return remove_rest(base, directory, path, name, error);
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_DELETE, error);
    if (!handle)
        return FALSE;
    if (handle->destroy(handle))
        return TRUE;
    lxc_act_fail(handle, "deleted", error);
    return FALSE;
}

gboolean lxc_delete_recover(const char *path, const char *name, const json_t *note,
                            char **outcome, GError **error)
{
    struct stat status;
    int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int directory =
        base < 0 ? -1 : openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    gboolean done = directory < 0 && errno == ENOENT;
    if (directory >= 0 && fstat(directory, &status) == 0) {
        gboolean same = (gint64)status.st_dev == wire_get_integer(note, "device", -1) &&
                        (gint64)status.st_ino == wire_get_integer(note, "inode", -1);
        done = !same || finish(base, directory, path, name, error);
    } else if (!done) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s/%s could not be opened: %s", path, name,
                       g_strerror(errno));
    }
    if (directory >= 0)
        close(directory);
    if (base >= 0)
        close(base);
    if (done)
        *outcome = g_strdup_printf("container '%s' was deleted", name);
    return done;
}
