#include "backend/storage/storage.h"

#include "backend/proc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const state_names[] = {
    [STORAGE_AVAILABLE] = "available",
    [STORAGE_INACTIVE] = "inactive",
    [STORAGE_FAILED] = "failed",
};

const char *storage_state_name(StorageState state)
{
    return state_names[state];
}

void storage_free(Storage *storage)
{
    if (!storage)
        return;
    g_free(storage->name);
    g_free(storage->type);
    g_free(storage->path);
    g_free(storage->filesystem);
    g_free(storage->reason);
    g_free(storage);
}

/* The number of the mount that a descriptor lies on, from its fdinfo. */
static gboolean mount_of(int descriptor, guint64 *mount)
{
    char path[64];
    (void)g_snprintf(path, sizeof path, "/proc/thread-self/fdinfo/%d", descriptor);
    g_autofree char *text = proc_attribute_read(AT_FDCWD, path);
    const char *at = text ? strstr(text, "mnt_id:") : NULL;
    if (!at)
        return FALSE;
    at += strlen("mnt_id:");
    return proc_scan_number(&at, mount);
}

/* "42 27 0:50 / /mnt rw ... - ext4 /dev/vda rw": the word after the dash. */
static char *type_in_line(const char *line)
{
    const char *word;
    size_t length;
    while (proc_scan_word(&line, &word, &length))
        if (length == 1 && *word == '-')
            return proc_scan_word(&line, &word, &length) ? g_strndup(word, length) : NULL;
    return NULL;
}

static char *filesystem_of(int descriptor)
{
    ProcFile file = PROC_FILE_CLOSED;
    guint64 wanted, mount;
    char *type = NULL;
    if (mount_of(descriptor, &wanted) &&
        proc_file_open(&file, "/proc/thread-self/mountinfo", NULL) &&
        proc_file_read(&file, NULL)) {
        const char *line = file.text;
        do {
            const char *at = line;
            if (proc_scan_number(&at, &mount) && mount == wanted)
                type = type_in_line(at);
        } while (!type && proc_scan_line(&line));
    }
    proc_file_close(&file);
    return type;
}

static void set_failed(Storage *storage, int reason)
{
    storage->state = STORAGE_FAILED;
    if (reason == ENOENT)
        storage->reason = g_strdup("the directory does not exist; make it, or correct "
                                   "'storages' in gantryd.yaml");
    else if (reason == ENOTDIR)
        storage->reason =
            g_strdup("this is not a directory; correct 'storages' in gantryd.yaml");
    else
        storage->reason = g_strdup_printf("it can't be read: %s", g_strerror(reason));
}

Storage *storage_measure(const char *name, const char *path)
{
    Storage *storage = g_new(Storage, 1);
    *storage = (Storage){
        .name = g_strdup(name),
        .type = g_strdup("dir"),
        .path = g_strdup(path),
        .state = STORAGE_AVAILABLE,
    };
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        set_failed(storage, errno);
        return storage;
    }
    struct statvfs status;
    if (fstatvfs(directory, &status) < 0) {
        set_failed(storage, errno);
    } else {
        guint64 block = status.f_frsize ? status.f_frsize : status.f_bsize;
        storage->total = status.f_blocks * block;
        storage->used = (status.f_blocks - MIN(status.f_bfree, status.f_blocks)) * block;
        storage->filesystem = filesystem_of(directory);
    }
    (void)close(directory);
    return storage;
}
