#include "backend/storage/storage.h"

#include "backend/storage/image.h"
#include "backend/wire/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names looked at in one listing, so that a directory of other people's files costs
 * bounded time. */
enum { ENTRIES_MAX = 100000, STAT_BLOCK = 512 };

static const char *const image_suffixes[] = {".raw", ".img", ".iso", ".qcow2", ".vmdk"};

void storage_volume_free(StorageVolume *volume)
{
    if (!volume)
        return;
    g_free(volume->name);
    g_free(volume->backing);
    g_free(volume);
}

void storage_listing_clear(StorageListing *listing)
{
    g_clear_pointer(&listing->volumes, g_ptr_array_unref);
    listing->more = FALSE;
}

typedef struct {
    StorageListing listing;
    dev_t device;
    size_t entries;
    guint8 head[STORAGE_IMAGE_HEAD];
} Walk;

static size_t read_head(int descriptor, guint8 *head)
{
    size_t length = 0;
    while (length < STORAGE_IMAGE_HEAD) {
        ssize_t got =
            pread(descriptor, head + length, STORAGE_IMAGE_HEAD - length, (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    return length;
}

static gboolean has_image_suffix(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(image_suffixes); i++)
        if (g_str_has_suffix(name, image_suffixes[i]))
            return TRUE;
    return FALSE;
}

/* name was a regular file a moment ago. */
static void add_file(Walk *walk, int directory, const char *name, const char *prefix)
{
    int descriptor =
        openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0)
        return;
    StorageImage image = {.format = "raw"};
    gboolean regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (regular)
        storage_image_probe(walk->head, read_head(descriptor, walk->head), &image);
    (void)close(descriptor);
    if (!regular || (*prefix && strcmp(image.format, "raw") == 0 && !has_image_suffix(name)))
        return;
    if (walk->listing.volumes->len >= STORAGE_VOLUMES_MAX) {
        walk->listing.more = TRUE;
        return;
    }
    StorageVolume *volume = g_new(StorageVolume, 1);
    *volume = (StorageVolume){
        .name = g_strconcat(prefix, name, NULL),
        .format = image.format,
        .size = image.size ? image.size : (guint64)status.st_size,
        .allocation = (guint64)status.st_blocks * STAT_BLOCK,
        .modified = status.st_mtim.tv_sec,
        .backing = *image.backing ? g_strdup(image.backing) : NULL,
        .damaged = image.damaged,
        .encrypted = image.encrypted,
    };
    g_ptr_array_add(walk->listing.volumes, volume);
}

static gboolean is_left_out(const char *name)
{
    return name[0] == '.' || strcmp(name, "rootfs") == 0 || strcmp(name, "lost+found") == 0 ||
           g_str_has_prefix(name, "subvol-");
}

static void walk_directory(Walk *walk, int descriptor, const char *prefix, int depth);

static void walk_entry(Walk *walk, int directory, const char *name, const char *prefix,
                       int depth)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return;
    if (S_ISREG(status.st_mode)) {
        add_file(walk, directory, name, prefix);
    } else if (S_ISDIR(status.st_mode) && depth < STORAGE_DEPTH_MAX &&
               status.st_dev == walk->device) {
        int below = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
            return;
        g_autofree char *deeper = g_strconcat(prefix, name, "/", NULL);
        walk_directory(walk, below, deeper, depth + 1);
    }
}

/* Takes the descriptor. A directory that can't be read below the first counts as empty. */
static void walk_directory(Walk *walk, int descriptor, const char *prefix, int depth)
{
    DIR *directory = fdopendir(descriptor);
    if (!directory) {
        (void)close(descriptor);
        return;
    }
    const struct dirent *entry;
    while (!walk->listing.more && (entry = readdir(directory))) {
        if (is_left_out(entry->d_name))
            continue;
        if (++walk->entries > ENTRIES_MAX)
            walk->listing.more = TRUE;
        else
            walk_entry(walk, dirfd(directory), entry->d_name, prefix, depth);
    }
    (void)closedir(directory);
}

gint storage_volume_compare(gconstpointer a, gconstpointer b)
{
    return strcmp((*(StorageVolume *const *)a)->name, (*(StorageVolume *const *)b)->name);
}

gboolean storage_volumes_read(const char *path, StorageListing *listing, GError **error)
{
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) < 0) {
        wire_error_set(error, errno == ENOENT ? WIRE_ERROR_NOT_FOUND : WIRE_ERROR_UNAVAILABLE,
                       "can't list %s: %s", path, g_strerror(errno));
        if (descriptor >= 0)
            (void)close(descriptor);
        return FALSE;
    }
    Walk walk = {
        .listing.volumes = g_ptr_array_new_with_free_func((GDestroyNotify)storage_volume_free),
        .device = status.st_dev,
    };
    walk_directory(&walk, descriptor, "", 0);
    g_ptr_array_sort(walk.listing.volumes, storage_volume_compare);
    *listing = walk.listing;
    return TRUE;
}
