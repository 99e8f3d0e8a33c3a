#include "backend/cluster/corosync_files.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean failed(GError **error, const char *doing, const char *name)
{
    int code = errno;
    wire_error_set(error, code == ENOENT ? WIRE_ERROR_NOT_FOUND : WIRE_ERROR_STORAGE,
                   "%s %s: %s", doing, name, g_strerror(code));
    return FALSE;
}

int corosync_directory_open(const char *path, GError **error)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "%s: %s; install the package corosync on this node", path,
                       g_strerror(errno));
    return directory;
}

/* ---- reading ---- */

static gboolean read_all(int file, char *buffer, size_t size, size_t *length)
{
    *length = 0;
    while (*length < size) {
        ssize_t got = read(file, buffer + *length, size - *length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FALSE;
        if (got == 0)
            break;
        *length += (size_t)got;
    }
    return TRUE;
}

/* At most max bytes; one more is read to know that there are no more. */
static GBytes *load(int directory, const char *name, size_t max, GError **error)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        failed(error, "reading", name);
        return NULL;
    }
    g_autofree char *buffer = g_malloc(max + 1);
    size_t length;
    gboolean good = read_all(file, buffer, max + 1, &length);
    if (!good)
        failed(error, "reading", name);
    (void)close(file);
    if (!good)
        return NULL;
    if (length > max) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "%s is larger than %zu bytes", name, max);
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&buffer), length);
}

CorosyncText *corosync_file_load(int directory, const char *name, GError **error)
{
    gsize size;
    g_autoptr(GBytes) bytes = load(directory, name, COROSYNC_TEXT_MAX, error);
    const char *text = bytes ? g_bytes_get_data(bytes, &size) : NULL;
    return bytes ? corosync_text_parse(text, size, error) : NULL;
}

gboolean corosync_file_exists(int directory, const char *name)
{
    return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- writing ---- */

static gboolean write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(file, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FALSE;
        data += put;
        size -= (size_t)put;
    }
    return TRUE;
}

static gboolean sync_directory(int directory, const char *name, GError **error)
{
    return fsync(directory) == 0 || failed(error, "writing the directory of", name);
}

gboolean corosync_file_write(int directory, const char *name, const void *data, size_t size,
                             mode_t mode, GError **error)
{
    g_autofree char *beside = g_strdup_printf(".%s.%d.tmp", name, (int)getpid());
    (void)unlinkat(directory, beside, 0);
    int file =
        openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return failed(error, "writing", name);
    gboolean good = fchmod(file, mode) == 0 && write_all(file, data, size) && fsync(file) == 0;
    int code = errno;
    if (close(file) < 0 && good) {
        code = errno;
        good = FALSE;
    }
    if (good && renameat(directory, beside, directory, name) < 0) {
        code = errno;
        good = FALSE;
    }
    if (good)
        return sync_directory(directory, name, error);
    (void)unlinkat(directory, beside, 0);
    errno = code;
    return failed(error, "writing", name);
}

gboolean corosync_file_save(int directory, const char *name, const CorosyncText *conf,
                            GError **error)
{
    g_autofree char *text = corosync_text_dump(conf);
    return corosync_file_write(directory, name, text, strlen(text), 0644, error);
}

gboolean corosync_file_rename(int directory, const char *from, const char *to, GError **error)
{
    if (renameat(directory, from, directory, to) < 0)
        return failed(error, "renaming", from);
    return sync_directory(directory, to, error);
}

gboolean corosync_file_remove(int directory, const char *name, GError **error)
{
    if (unlinkat(directory, name, 0) < 0)
        return errno == ENOENT || failed(error, "removing", name);
    return sync_directory(directory, name, error);
}

/* ---- the key ---- */

gboolean corosync_key_make(int directory, GError **error)
{
    guint8 key[COROSYNC_KEY_BYTES];
    if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key) {
        wire_error_set(error, WIRE_ERROR_FAILED, "the kernel gives no random numbers: %s",
                       g_strerror(errno));
        return FALSE;
    }
    gboolean good = corosync_key_save(directory, key, sizeof key, error);
    explicit_bzero(key, sizeof key);
    return good;
}

static gboolean fits(size_t size, GError **error)
{
    if (size >= COROSYNC_KEY_MIN && size <= COROSYNC_KEY_MAX)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CONFIG, "the key has %zu bytes, expected %d to %d", size,
                   COROSYNC_KEY_MIN, COROSYNC_KEY_MAX);
    return FALSE;
}

GBytes *corosync_key_load(int directory, GError **error)
{
    g_autoptr(GBytes) key = load(directory, COROSYNC_KEY, COROSYNC_KEY_MAX, error);
    return key && fits(g_bytes_get_size(key), error) ? g_steal_pointer(&key) : NULL;
}

gboolean corosync_key_save(int directory, const void *data, size_t size, GError **error)
{
    return fits(size, error) &&
           corosync_file_write(directory, COROSYNC_KEY, data, size, 0400, error);
}
