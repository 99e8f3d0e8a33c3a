#include "agent/move/reception_private.h"
#include "backend/guest/kvm_image.h"
#include "backend/guest/lxc_move.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean reception_note(Reception *reception, const char *step, GError **error)
{
    if (!reception->note)
        reception->note = json_pack("{s:[]}", "files");
    if (step)
        json_object_set_new(reception->note, "step", json_string(step));
    return job_note(reception->job, reception->note, error);
}

/* On record before it is there, and with its inode after: a file of that name that is
 * neither empty nor that inode is somebody else's. */
int reception_make_file(Reception *reception, const char *path, GError **error)
{
    struct stat status;
    json_t *entry = json_pack("{s:o}", "path", wire_string(path));
    json_array_append_new(json_object_get(reception->note, "files"), entry);
    if (!reception_note(reception, NULL, error))
        return -1;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0 || fstat(file, &status) < 0) {
        wire_error_set(error, WIRE_ERROR_STORAGE, "%s can't be made: %s", path,
                       g_strerror(errno));
        json_array_remove(json_object_get(reception->note, "files"),
                          json_array_size(json_object_get(reception->note, "files")) - 1);
        (void)reception_note(reception, NULL, NULL);
        return -1;
    }
    json_object_set_new(entry, "device", json_integer((json_int_t)status.st_dev));
    json_object_set_new(entry, "inode", json_integer((json_int_t)status.st_ino));
    if (reception_note(reception, NULL, error))
        return file;
    (void)close(file);
    return -1;
}

gboolean reception_make_image(Reception *reception, const char *path, const MoveDisk *disk,
                              GError **error)
{
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, disk->size);
    g_autofree char *said = NULL;
    g_autoptr(GError) failure = NULL;
    const char *const words[] = {"qemu-img",   "create", "-q", "-f",
                                 disk->format, path,     size, NULL};
    int status = 0, file = -1;
    if (strcmp(disk->format, "qcow2") != 0 && strcmp(disk->format, "raw") != 0) {
        wire_error_set(error, WIRE_ERROR_STATE,
                       "disk %s is of format %s: only qcow2 and raw are copied live",
                       disk->target, disk->format);
        return FALSE;
    }
    file = reception_make_file(reception, path, error);
    if (file < 0)
        return FALSE;
    (void)close(file);
    job_log(reception->job, "making %s, %s bytes", path, size);
    if (g_spawn_sync("/", (char **)(gintptr)words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                     &said, &status, &failure) &&
        g_spawn_check_wait_status(status, &failure))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STORAGE, "the image %s can't be made: %s", path,
                   said && *said ? g_strchomp(said) : failure->message);
    return FALSE;
}

gboolean reception_make_directory(Reception *reception, GError **error)
{
    struct stat status;
    const char *path = reception->offer->native;
    if (json_object_get(reception->note, "directory"))
        return TRUE;
    if (!lxc_move_make(path, error))
        return FALSE;
    if (stat(path, &status) < 0)
        status = (struct stat){0};
    json_object_set_new(reception->note, "directory", wire_string(path));
    json_object_set_new(reception->note, "inode", json_integer((json_int_t)status.st_ino));
    return reception_note(reception, NULL, error);
}

static gboolean unmake_file(Reception *reception, const json_t *entry, GError **error)
{
    struct stat status;
    const char *path = wire_get_string(entry, "path", "");
    if (*path != '/' || lstat(path, &status) < 0)
        return TRUE;
    gboolean known = json_object_get(entry, "inode") != NULL;
    if (!known && (!S_ISREG(status.st_mode) || status.st_size != 0))
        return TRUE;
    KvmFile meant = {status.st_dev, status.st_ino};
    if (known)
        meant = (KvmFile){(dev_t)wire_get_integer(entry, "device", 0),
                          (ino_t)wire_get_integer(entry, "inode", 0)};
    job_log(reception->job, "removing %s", path);
    return kvm_file_remove(path, meant, error);
}

gboolean reception_unmake(Reception *reception, GError **error)
{
    const json_t *files = json_object_get(reception->note, "files");
    const char *directory = wire_get_string(reception->note, "directory", NULL);
    struct stat status;
    for (size_t i = 0; i < json_array_size(files); i++)
        if (!unmake_file(reception, json_array_get(files, i), error))
            return FALSE;
    if (!directory || g_strcmp0(directory, reception->offer->native) != 0 ||
        lstat(directory, &status) < 0 ||
        (gint64)status.st_ino != wire_get_integer(reception->note, "inode", 0))
        return TRUE;
    job_log(reception->job, "removing %s", directory);
    return lxc_move_remove(directory, error);
}
