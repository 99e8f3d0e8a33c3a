#include "agent/task/launch.h"

#include "agent/task/files.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The agent's own binary, also when a package upgrade has replaced the file. */
#define PROGRAM "/proc/self/exe"

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_init(attributes);
    (void)posix_spawnattr_setsigmask(attributes, &none);
    (void)posix_spawnattr_setsigdefault(attributes, &all);
    (void)posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const char *path, const char *id, gboolean recover, pid_t *pid)
{
    const char *with_recover[] = {"gantryd",   "task", "--directory", path,
                                  "--recover", id,     NULL};
    const char *without[] = {"gantryd", "task", "--directory", path, id, NULL};
    const char **arguments = recover ? with_recover : without;
    g_autofree char *log = g_build_filename(path, id, "log", NULL);
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), TASK_VARIABLE, id, TRUE);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    set_attributes(&attributes);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)posix_spawn_file_actions_adddup2(&files, 1, 2);
    (void)posix_spawn_file_actions_addclosefrom_np(&files, 3);
    int code =
        posix_spawn(pid, PROGRAM, &files, &attributes, (char *const *)arguments, environment);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&attributes);
    return code;
}

gboolean task_launch(int tasks, const char *path, const char *id, const json_t *request,
                     gboolean recover, int *pidfd, GError **error)
{
    int directory = task_files_open(tasks, id, TRUE, error);
    if (directory < 0)
        return FALSE;
    g_autoptr(GError) failure = NULL;
    gboolean ready =
        !request || task_files_write(directory, "request.json", request, FALSE, &failure);
    /* A disk that is full must not keep a recovery from removing what fills it: the request of
     * the run is there. */
    if (!ready && recover)
        ready = faccessat(directory, "request.json", R_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (!ready)
        g_propagate_error(error, g_steal_pointer(&failure));
    if (recover)
        (void)unlinkat(directory, "outcome.json", 0);
    (void)close(directory);
    if (!ready)
        return FALSE;

    pid_t pid;
    int code = spawn(path, id, recover, &pid);
    if (code) {
        wire_error_set(error, WIRE_ERROR_FAILED, "the task's process can't be started: %s",
                       g_strerror(code));
        return FALSE;
    }
    /* Not reaped by anybody yet, so the number is still its own. */
    int opened = (int)syscall(SYS_pidfd_open, pid, 0);
    if (opened < 0) {
        code = errno;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        wire_error_set(error, WIRE_ERROR_FAILED, "the task's process can't be followed: %s",
                       g_strerror(code));
        return FALSE;
    }
    *pidfd = opened;
    return TRUE;
}
