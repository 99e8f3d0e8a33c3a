#include "agent/task/files.h"

#include "agent/local/task_info.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TREE_DEPTH_MAX 8

void task_sight_clear(TaskSight *sight)
{
    if (sight->pidfd >= 0)
        (void)close(sight->pidfd);
    json_decref(sight->result);
    json_decref(sight->outcome);
    json_decref(sight->status);
    *sight = (TaskSight){.pidfd = -1};
}

static void set_file_error(GError **error, const char *doing, const char *name)
{
    int code = errno;
    wire_error_set(error, WIRE_ERROR_STORAGE, "the task's file %s can't be %s: %s%s", name,
                   doing, g_strerror(code),
                   code == ENOSPC ? "; free some space on the file system of gantryd's state"
                                  : "");
}

int task_files_open(int tasks, const char *id, gboolean create, GError **error)
{
    if (!task_id_check(id)) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "task", "that is no task's identifier");
        return -1;
    }
    if (create && mkdirat(tasks, id, 0700) < 0 && errno != EEXIST) {
        set_file_error(error, "created", id);
        return -1;
    }
    int directory = openat(tasks, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (directory >= 0)
        return directory;
    if (errno == ENOENT)
        wire_error_set(error, WIRE_ERROR_NOT_FOUND, "there is no task %s any more", id);
    else
        set_file_error(error, "opened", id);
    return -1;
}

/* Files. */

static gboolean write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return FALSE;
        data += written;
        size -= (size_t)written;
    }
    return TRUE;
}

gboolean task_files_write(int directory, const char *name, const json_t *value, gboolean synced,
                          GError **error)
{
    g_autofree char *temporary = g_strconcat(".", name, ".new", NULL);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    int fd = text ? openat(directory, temporary,
                           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
                  : -1;
    gboolean done = fd >= 0 && write_all(fd, text, strlen(text)) &&
                    (!synced || fsync(fd) == 0) &&
                    renameat(directory, temporary, directory, name) == 0 &&
                    (!synced || fsync(directory) == 0);
    if (!done)
        set_file_error(error, "written", name);
    if (fd >= 0)
        (void)close(fd);
    free(text);
    return done;
}

/* A regular file as a whole; NULL when it is larger or not there. */
static GString *read_file(int directory, const char *name, size_t max)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info;
    if (fd < 0)
        return NULL;
    GString *text = NULL;
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        errno = EINVAL;
    } else if ((guint64)info.st_size > max) {
        errno = EFBIG;
    } else {
        text = g_string_sized_new((gsize)info.st_size);
        g_string_set_size(text, (gsize)info.st_size);
        ssize_t got = pread(fd, text->str, text->len, 0);
        g_string_set_size(text, got > 0 ? (gsize)got : 0);
    }
    int code = errno;
    (void)close(fd);
    errno = code;
    return text;
}

json_t *task_files_read(int directory, const char *name, size_t max, GError **error)
{
    g_autoptr(GString) text = read_file(directory, name, max);
    if (!text) {
        set_file_error(error, "read", name);
        return NULL;
    }
    json_error_t where;
    json_t *value = json_loadb(text->str, text->len, JSON_DECODE_ANY, &where);
    if (!value)
        wire_error_set(error, WIRE_ERROR_STORAGE, "the task's file %s is not JSON: %s", name,
                       where.text);
    return value;
}

/* Who is at it. */

static pid_t lock_holder(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return 0;
    return lock.l_pid;
}

/* Between naming the holder and opening its pidfd the process may have died and
 * its number have been given away: the lock is asked again afterwards. */
static void look_at_lock(int directory, TaskSight *sight)
{
    int fd = openat(directory, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    char text[64] = "";
    pid_t holder = lock_holder(fd);
    if (pread(fd, text, sizeof text - 1, 0) > 0) {
        sight->life = TASK_LIFE_GONE;
        sight->pid = (pid_t)g_ascii_strtoll(text, NULL, 10);
        sight->recovery = strstr(text, "recover") != NULL;
    }
    if (holder > 0) {
        int pidfd = (int)syscall(SYS_pidfd_open, holder, 0);
        if (pidfd >= 0 && lock_holder(fd) == holder) {
            sight->life = TASK_LIFE_ALIVE;
            sight->pid = holder;
            sight->pidfd = pidfd;
        } else if (pidfd >= 0) {
            (void)close(pidfd);
        }
    }
    (void)close(fd);
}

void task_files_look(int tasks, const char *id, TaskSight *sight)
{
    *sight = (TaskSight){.pidfd = -1};
    int directory = task_files_open(tasks, id, FALSE, NULL);
    struct stat info;
    if (directory < 0)
        return;
    /* The lock first: what a process that is gone has left is then complete. */
    look_at_lock(directory, sight);
    sight->result = task_files_read(directory, "result.json", TASK_RESULT_MAX, NULL);
    sight->outcome = task_files_read(directory, "outcome.json", TASK_RESULT_MAX, NULL);
    sight->status = task_files_read(directory, "status.json", TASK_RESULT_MAX, NULL);
    sight->has_note = fstatat(directory, "note.json", &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (fstatat(directory, "log", &info, AT_SYMLINK_NOFOLLOW) == 0)
        sight->log_size = (guint64)info.st_size;
    (void)close(directory);
}

/* The log. */

gboolean task_files_log(int directory, guint64 max, const char *line)
{
    int fd =
        openat(directory, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat info;
    if (fd < 0)
        return FALSE;
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    g_autofree char *valid = g_utf8_make_valid(line, -1);
    g_autofree char *full = g_strdup_printf("%s %s\n", stamp, g_strdelimit(valid, "\n\r", ' '));
    gboolean written = fstat(fd, &info) == 0 && (guint64)info.st_size + strlen(full) <= max &&
                       write_all(fd, full, strlen(full));
    (void)close(fd);
    return written;
}

/* How many bytes at the end belong to a character that is cut off. */
static size_t cut_character(const char *text, size_t size)
{
    for (size_t back = 1; back <= MIN(size, 3); back++) {
        unsigned char byte = (unsigned char)text[size - back];
        if ((byte & 0xc0) == 0x80)
            continue;
        size_t need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
        return need > back ? back : 0;
    }
    return 0;
}

char *task_files_log_piece(int tasks, const char *id, guint64 offset, guint64 *next,
                           guint64 *size, GError **error)
{
    int directory = task_files_open(tasks, id, FALSE, error);
    if (directory < 0)
        return NULL;
    int fd = openat(directory, "log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat info = {0};
    char text[TASK_LOG_PIECE];
    ssize_t got = 0;
    if (fd >= 0 && fstat(fd, &info) == 0)
        got = pread(fd, text, TASK_LOG_PIECE, (off_t)MIN(offset, (guint64)info.st_size));
    if (fd >= 0)
        (void)close(fd);
    (void)close(directory);
    size_t length = got > 0 ? (size_t)got : 0;
    offset = MIN(offset, (guint64)info.st_size);
    if (offset + length < (guint64)info.st_size)
        length -= cut_character(text, length);
    *next = offset + length;
    *size = (guint64)info.st_size;
    return g_utf8_make_valid(text, (gssize)length);
}

/* Processes left over. */

static gboolean is_of_session(int process, pid_t session)
{
    int fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    char stat[1024] = "";
    ssize_t got = read(fd, stat, sizeof stat - 1);
    (void)close(fd);
    const char *after = got > 0 ? strrchr(stat, ')') : NULL;
    int found_session;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
    return after && sscanf(after + 1, " %*c %*d %*d %d", &found_session) == 1 &&
           found_session == session;
}

static gboolean has_variable(int process, const char *id)
{
    g_autofree char *wanted = g_strdup_printf("%s=%s", TASK_VARIABLE, id);
    char text[(64 << 10) + 1] = "";
    int fd = openat(process, "environ", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return FALSE;
    ssize_t got = read(fd, text, sizeof text - 1);
    (void)close(fd);
    return got > 0 && memmem(text, (size_t)got + 1, wanted, strlen(wanted) + 1) != NULL;
}

void task_files_kill_session(pid_t session, const char *id)
{
    DIR *processes = session > 1 ? opendir("/proc") : NULL;
    if (!processes)
        return;
    const struct dirent *entry;
    while ((entry = readdir(processes))) {
        pid_t pid = (pid_t)g_ascii_strtoll(entry->d_name, NULL, 10);
        int process = pid > 1 ? openat(dirfd(processes), entry->d_name,
                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                              : -1;
        if (process < 0)
            continue;
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd >= 0) {
            /* The directory of a process that died can't be read any more, so what
             * passes both checks is what the pidfd holds. */
            if (is_of_session(process, session) && has_variable(process, id))
                (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
            (void)close(pidfd);
        }
        (void)close(process);
    }
    (void)closedir(processes);
}

/* Removal. */

static gboolean remove_tree(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory = fd >= 0 && depth > 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        if (fd >= 0)
            (void)close(fd);
        return FALSE;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (g_str_equal(entry->d_name, ".") || g_str_equal(entry->d_name, ".."))
            continue;
        if (unlinkat(fd, entry->d_name, 0) < 0 && errno == EISDIR)
            (void)remove_tree(fd, entry->d_name, depth - 1);
    }
    (void)closedir(directory);
    return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

gboolean task_files_remove(int tasks, const char *id)
{
    return task_id_check(id) && remove_tree(tasks, id, TREE_DEPTH_MAX);
}
