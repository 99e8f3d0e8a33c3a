/* guest/lxc_rename - renaming a container: see lxc_act.h.
 *
 * liblxc renames by copying the whole root file system and destroying the first.
 * Here the directory is renamed, in three steps:
 *   1. OLD/config.renamed is written: the configuration with the new paths
 *   2. OLD becomes NEW (one step, and refused when NEW exists)
 *   3. NEW/config.renamed becomes NEW/config
 * A crash before 2 is undone, one after it is finished.
 */
#include "backend/guest/lxc_act.h"

#include "backend/guest/lxc_config.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RENAMED "config.renamed"

static gboolean refuse(GError **error, const char *name, const char *why)
{
    wire_error_set(error, WIRE_ERROR_STATE, "container '%s' can't be renamed: it %s", name,
                   why);
    return FALSE;
}

/* Snapshots and overlay clones hold the path of what they were made from. */
static gboolean check_relations(int directory, const char *name, GError **error)
{
    struct stat status;
    if (faccessat(directory, "lxc_snapshots", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return refuse(error, name, "has clones or snapshots that share its root file system");
    if (faccessat(directory, "lxc_rdepends", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return refuse(error, name,
                      "is a clone that shares another container's root file system");
    /* An empty directory of snapshots means nothing, and goes. */
    if (fstatat(directory, "snaps", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        unlinkat(directory, "snaps", AT_REMOVEDIR) < 0)
        return refuse(error, name, "has snapshots; delete them first");
    return TRUE;
}

static gboolean finish(const char *path, const char *name, GError **error)
{
    int directory = lxc_directory_open(path, name, error);
    if (directory < 0)
        return FALSE;
    gboolean done = renameat(directory, RENAMED, directory, "config") == 0 || errno == ENOENT;
    if (!done)
        wire_error_set(error, WIRE_ERROR_STORAGE,
                       "container '%s' was renamed, but its configuration still holds the old "
                       "paths: %s/%s/" RENAMED " has to become config there: %s",
                       name, path, name, g_strerror(errno));
    (void)fsync(directory);
    close(directory);
    return done;
}

static gboolean move_directory(const char *path, const char *old, const char *new,
                               GError **error)
{
    int base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean moved = base >= 0 && renameat2(base, old, base, new, RENAME_NOREPLACE) == 0;
    int code = errno;
    if (moved)
        (void)fsync(base);
    if (base >= 0)
        close(base);
    if (!moved && code == EEXIST)
        wire_error_set_field(
            error, WIRE_ERROR_STATE, "name",
            "container '%s' can't be renamed to '%s': that name is taken in %s", old, new,
            path);
    else if (!moved)
        wire_error_set(error, WIRE_ERROR_FAILED,
                       "container '%s' could not be renamed to '%s': %s%s", old, new,
                       g_strerror(code), code == EBUSY ? " (something is mounted there)" : "");
    return moved;
}

static gboolean rename_in(int directory, const char *path, const char *old, const char *new,
                          const Job *job, GError **error)
{
    if (!check_relations(directory, old, error))
        return FALSE;
    g_autofree char *text = lxc_config_read(directory, error);
    if (!text)
        return FALSE;
    g_autofree char *old_directory = g_strdup_printf("%s/%s", path, old);
    g_autofree char *new_directory = g_strdup_printf("%s/%s", path, new);
    g_autofree char *moved = lxc_config_move(text, old_directory, new_directory);
    g_autoptr(json_t) note = json_pack("{s:s, s:s}", "act", "rename", "name", new);
    if (!job_note(job, note, error) || !lxc_config_prepare(directory, RENAMED, moved, error))
        return FALSE;
    if (!move_directory(path, old, new, error)) {
        (void)unlinkat(directory, RENAMED, 0);
        return FALSE;
    }
    return finish(path, new, error);
}

gboolean lxc_rename(const char *path, const char *name, const json_t *params, const Job *job,
                    json_t **result, GError **error)
{
    const char *new = wire_get_string(params, "name", "");
    if (!lxc_name_valid(new)) {
        wire_error_set_field(
            error, WIRE_ERROR_PARAMS, "name",
            "'%s' can't be a container's name: letters, digits, '.', '_' and '-' "
            "can be in it, at most %d, and no '.' comes first",
            new, LXC_NAME_LIMIT);
        return FALSE;
    }
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_RENAME, error);
    int directory = handle ? lxc_directory_open(path, name, error) : -1;
    if (directory < 0)
        return FALSE;
    gboolean done = rename_in(directory, path, name, new, job, error);
    close(directory);
    if (!done)
        return FALSE;
    g_autofree char *native = g_strdup_printf("%s/%s", path, new);
    *result = json_pack("{s:o}", "native", wire_string(native));
    return job_note(job, NULL, error);
}

gboolean lxc_rename_recover(const char *path, const char *name, const json_t *note,
                            char **outcome, GError **error)
{
    const char *new = wire_get_string(note, "name", "");
    if (!lxc_name_valid(new)) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "the note of a rename holds no name");
        return FALSE;
    }
    int directory = lxc_directory_open(path, name, NULL);
    if (directory >= 0) {
        (void)unlinkat(directory, RENAMED, 0);
        close(directory);
        *outcome = g_strdup_printf("container '%s' keeps its name", name);
        return TRUE;
    }
    if (!finish(path, new, error))
        return FALSE;
    *outcome = g_strdup_printf("container '%s' was renamed to '%s'", name, new);
    return TRUE;
}
