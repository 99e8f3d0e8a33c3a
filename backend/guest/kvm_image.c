#include "backend/guest/kvm_image.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_SIZE = 20,        /* magic, version, offset and length of the name */
    BACKING_NAME_MAX = 1023, /* by the format */
};

gboolean kvm_file_read(const char *path, KvmFile *file, gboolean *regular)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return FALSE;
    *file = (KvmFile){info.st_dev, info.st_ino};
    if (regular)
        *regular = S_ISREG(info.st_mode);
    return TRUE;
}

static guint64 big_endian(const guint8 *bytes, int count)
{
    guint64 value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

gboolean kvm_image_backing_place(const guint8 *header, size_t size, guint64 *offset,
                                 guint32 *length)
{
    if (size < HEADER_SIZE || memcmp(header, "QFI\xfb", 4) != 0)
        return FALSE;
    guint64 version = big_endian(header + 4, 4), place = big_endian(header + 8, 8);
    guint64 bytes = big_endian(header + 16, 4);
    if (version < 2 || version > 3 || place < HEADER_SIZE || place > G_MAXINT32 || !bytes ||
        bytes > BACKING_NAME_MAX)
        return FALSE;
    *offset = place;
    *length = (guint32)bytes;
    return TRUE;
}

static char *read_backing_name(int file)
{
    guint8 header[HEADER_SIZE];
    guint64 offset;
    guint32 length;
    struct stat info;
    char name[BACKING_NAME_MAX + 1];
    if (fstat(file, &info) < 0 || !S_ISREG(info.st_mode) ||
        pread(file, header, sizeof header, 0) != (ssize_t)sizeof header ||
        !kvm_image_backing_place(header, sizeof header, &offset, &length) ||
        pread(file, name, length, (off_t)offset) != (ssize_t)length)
        return NULL;
    name[length] = '\0';
    return g_strdup(name);
}

char *kvm_image_backing(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return NULL;
    g_autofree char *name = read_backing_name(file);
    close(file);
    if (!name)
        return NULL;
    const char *plain = g_str_has_prefix(name, "file:") ? name + strlen("file:") : name;
    const char *colon = strchr(plain, ':'), *slash = strchr(plain, '/');
    if (*plain == '/' || (colon && (!slash || colon < slash)))
        return g_strdup(plain);
    g_autofree char *directory = g_path_get_dirname(path);
    return g_build_filename(directory, plain, NULL);
}

static gboolean fail(const char *path, GError **error)
{
    wire_error_set(error, WIRE_ERROR_STORAGE, "%s can't be deleted: %s", path,
                   g_strerror(errno));
    return FALSE;
}

gboolean kvm_file_remove(const char *path, KvmFile meant, GError **error)
{
    struct stat info;
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    int directory = open(parent, O_DIRECTORY | O_PATH | O_CLOEXEC);
    if (directory < 0)
        return errno == ENOENT || fail(path, error);
    gboolean good = TRUE;
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        good = errno == ENOENT || fail(path, error);
    } else if (!S_ISREG(info.st_mode) || info.st_dev != meant.device ||
               info.st_ino != meant.inode) {
        wire_error_set(error, WIRE_ERROR_CONFLICT,
                       "%s is another file than the one that was to be deleted, it was kept",
                       path);
        good = FALSE;
    } else if (unlinkat(directory, name, 0) < 0 && errno != ENOENT) {
        good = fail(path, error);
    }
    close(directory);
    return good;
}
