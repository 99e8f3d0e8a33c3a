#include "backend/guest/lxc_move.h"

#include "backend/guest/lxc_act.h"
#include "backend/guest/lxc_config.h"
#include "backend/guest/lxc_inspect.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- at the source ---- */

/* Bytes that the file system of a directory has in use: what a copy moves at the most. */
static guint64 tree_bytes(const char *path)
{
    g_autofree char *said = NULL;
    const char *const words[] = {"du", "-sxB1", "--", path, NULL};
    if (!g_spawn_sync("/", (char **)(gintptr)words, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &said, NULL,
                      NULL, NULL))
        return 0;
    return said ? g_ascii_strtoull(said, NULL, 10) : 0;
}

static void look_at_tree(LxcHandle *handle, const char *native, MoveVerdict *verdict)
{
    g_autofree char *rootfs = lxc_handle_item(handle, "lxc.rootfs.path");
    g_autofree char *usual = g_build_filename(native, "rootfs", NULL);
    const char *plain = rootfs && g_str_has_prefix(rootfs, "dir:") ? rootfs + 4 : rootfs;
    g_autofree char *snapshots = g_build_filename(native, "snaps", NULL);
    g_autofree char *clones = g_build_filename(native, "lxc_snapshots", NULL);
    if (g_strcmp0(plain, usual) != 0)
        move_verdict_add(verdict, "only containers on plain directories are moved so far",
                         "its root file system is %s", rootfs ? rootfs : "not known");
    if (g_file_test(snapshots, G_FILE_TEST_EXISTS) || g_file_test(clones, G_FILE_TEST_EXISTS))
        move_verdict_add(verdict, "delete them first",
                         "it has snapshots, or clones stand on it");
}

static void look_at_state(const LxcInspection *found, MoveOffer *offer, MoveVerdict *verdict)
{
    gboolean active = found->summary->state != GUEST_STATE_STOPPED;
    if (offer->mode == MOVE_LIVE)
        move_verdict_add(verdict, "move it by restart",
                         "containers can't be moved while they run");
    else if (active != (offer->mode == MOVE_RESTART))
        move_verdict_add(verdict,
                         active ? "shut it down, or move it by restart" : "move it offline",
                         active ? "it is running" : "it is not running");
    if (found->summary->state == GUEST_STATE_PAUSED)
        move_verdict_add(verdict, "resume it first", "it is frozen");
    if (active)
        offer->memory = found->summary->memory_max;
    offer->autostart = found->summary->autostart;
}

MoveOffer *lxc_move_offer(const GuestSettings *settings, const char *native,
                          const MoveOffer *wish, int mode, MoveVerdict *verdict, GError **error)
{
    const char *path;
    g_autofree char *name = NULL;
    if (!lxc_native_split(settings, native, &path, &name, error))
        return NULL;
    g_autoptr(LxcInspection) found = lxc_inspect(path, name, error);
    g_autoptr(LxcHandle) handle = found ? lxc_handle_open(path, name, error) : NULL;
    int directory = handle ? lxc_directory_open(path, name, error) : -1;
    if (directory < 0)
        return NULL;
    g_autoptr(MoveOffer) offer = move_offer_new();
    offer->definition = lxc_config_read(directory, error);
    (void)close(directory);
    if (!offer->definition)
        return NULL;
    offer->kind = GUEST_KIND_CT;
    offer->id = g_strdup(wish->id);
    offer->number = wish->number;
    offer->from = g_strdup(wish->from);
    offer->storage = g_strdup(wish->storage);
    offer->lxc = g_strdup(lxc_get_version());
    offer->cgroup_v2 = !lxc_cgroup_is_v1("memory");
    offer->name = g_steal_pointer(&name);
    offer->native = g_strdup(native);
    offer->with_disks = TRUE;
    offer->persistent = TRUE;
    offer->mode = mode >= 0                                      ? (MoveMode)mode
                  : found->summary->state != GUEST_STATE_STOPPED ? MOVE_RESTART
                                                                 : MOVE_OFFLINE;
    look_at_state(found, offer, verdict);
    look_at_tree(handle, native, verdict);
    MoveDisk *tree = move_offer_add_disk(offer);
    tree->target = g_strdup("rootfs");
    tree->path = g_build_filename(native, "rootfs", NULL);
    tree->format = g_strdup("tree");
    tree->allocation = tree->size = tree_bytes(tree->path);
    return g_steal_pointer(&offer);
}

/* ---- at both ---- */

gboolean lxc_move_exists(const GuestSettings *settings, const char *native, gboolean *running)
{
    const char *path;
    g_autofree char *name = NULL, *config = g_build_filename(native, "config", NULL);
    if (running)
        *running = FALSE;
    if (!lxc_native_split(settings, native, &path, &name, NULL) ||
        !g_file_test(config, G_FILE_TEST_EXISTS))
        return FALSE;
    if (running)
        *running = lxc_monitor_listens(path, name);
    return TRUE;
}

/* ---- its directory ---- */

gboolean lxc_move_make(const char *native, GError **error)
{
    if (mkdir(native, 0770) == 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STORAGE, "%s can't be made: %s", native,
                   g_strerror(errno));
    return FALSE;
}

gboolean lxc_move_define(const char *native, const char *config, GError **error)
{
    g_autofree char *path = g_build_filename(native, "config", NULL);
    g_autofree char *rootfs = g_build_filename(native, "rootfs", NULL);
    g_autoptr(GError) failure = NULL;
    struct stat status;
    /* As liblxc makes it: for who is root in it, and nobody else. */
    if (stat(rootfs, &status) < 0 || chown(native, status.st_uid, status.st_gid) < 0 ||
        chmod(native, 0770) < 0) {
        wire_error_set(error, WIRE_ERROR_STORAGE, "the owner of %s can't be set: %s", native,
                       g_strerror(errno));
        return FALSE;
    }
    if (g_file_set_contents_full(path, config, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                 0640, &failure))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STORAGE, "its configuration can't be written: %s",
                   failure->message);
    return FALSE;
}

static gboolean rename_config(const char *native, const char *from, const char *to,
                              GError **error)
{
    int directory = open(native, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean good =
        directory >= 0 &&
        (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0 ||
         (errno == ENOENT && faccessat(directory, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0));
    if (!good)
        wire_error_set(error, WIRE_ERROR_STORAGE, "%s/%s can't be renamed to %s: %s", native,
                       from, to, g_strerror(errno));
    else
        (void)fsync(directory);
    if (directory >= 0)
        (void)close(directory);
    return good;
}

gboolean lxc_move_hide(const char *native, GError **error)
{
    return rename_config(native, "config", LXC_MOVED, error);
}

gboolean lxc_move_show(const char *native, GError **error)
{
    return rename_config(native, LXC_MOVED, "config", error);
}

gboolean lxc_move_remove(const char *native, GError **error)
{
    g_autofree char *path = g_path_get_dirname(native), *name = g_path_get_basename(native);
    g_autofree char *config = g_build_filename(native, "config", NULL);
    if (g_file_test(config, G_FILE_TEST_EXISTS)) {
        wire_error_set(error, WIRE_ERROR_CONFLICT, "%s is a container, it was kept", native);
        return FALSE;
    }
    return lxc_tree_remove(path, name, error);
}
