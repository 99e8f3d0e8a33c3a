#include "backend/guest/lxc_stream.h"

#include "backend/guest/lxc_act.h"
#include "backend/guest/lxc_pump.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HANGUP_SECONDS = 2, EXEC_SECONDS = 60, PASSWD_MAX = 65536 };

/* ---- console ---- */

static gboolean has_ttys(LxcHandle *handle)
{
    g_autofree char *ttys = lxc_handle_item(handle, "lxc.tty.max");
    return ttys && g_ascii_strtoll(ttys, NULL, 10) > 0;
}

static int open_console(LxcHandle *handle, gboolean take, int *terminal)
{
    int number = has_ttys(handle) ? 1 : 0;
    gint64 deadline = g_get_monotonic_time() + (gint64)LXC_STREAM_TAKE * G_USEC_PER_SEC;
    for (;;) {
        int wanted = number;
        int hold = handle->console_getfd(handle, &wanted, terminal);
        if (hold >= 0 || !take || g_get_monotonic_time() > deadline)
            return hold;
        g_usleep(G_USEC_PER_SEC / 10);
    }
}

/* What /dev/console wrote before anybody looked, where a buffer is configured. */
static void show_log(LxcHandle *handle, int data)
{
    guint64 length = 0;
    struct lxc_console_log log = {.read = true, .read_max = &length};
    if (handle->console_log(handle, &log) != 0 || !log.data)
        return;
    for (guint64 at = 0; at < length;) {
        ssize_t put = write(data, log.data + at, length - at);
        if (put <= 0)
            break;
        at += (guint64)put;
    }
    free(log.data); /* liblxc's */
}

static gboolean run_console(const char *path, const char *name,
                            const GuestStreamRequest *request, GError **error)
{
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_CONSOLE, error);
    if (!handle)
        return FALSE;
    int terminal = -1, hold = open_console(handle, request->take, &terminal);
    if (hold < 0) {
        wire_error_set(error, WIRE_ERROR_BUSY, "the console of container '%s' is in use%s",
                       name,
                       request->take ? " by somebody outside Gantry, as lxc-console; 'pgrep -a "
                                       "lxc-console' finds it"
                                     : "; it can be taken over");
        return FALSE;
    }
    if (!has_ttys(handle))
        show_log(handle, request->data);
    lxc_pump_resize(terminal, request->rows, request->columns);
    LxcPump pump = {.data = request->data,
                    .control = request->control,
                    .input = terminal,
                    .output = terminal,
                    .end = hold,
                    .hang_up = TRUE};
    (void)lxc_pump_run(&pump);
    close(terminal);
    close(hold);
    return TRUE;
}

/* ---- in the container ---- */

typedef struct {
    const char *const *command; /* NULL: a login shell */
    gboolean terminal;
} Program;

/* Between attaching and the program's start: a process in the container's
 * namespaces, made by fork from one without threads. */
static void become_program(const Program *program)
{
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    if (program->terminal)
        (void)ioctl(STDIN_FILENO, TIOCSCTTY, 0);
    else
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Nothing of the host goes along. */
    (void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
}

/* Fields of root's line in the container's /etc/passwd. Read here and not by
 * getpwuid(), which would load the container's libraries. */
static void find_root(char *passwd, const char **home, const char **shell)
{
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = file < 0 ? 0 : read(file, passwd, PASSWD_MAX - 1);
    if (file >= 0)
        close(file);
    passwd[MAX(length, 0)] = '\0';
    for (char *line = passwd, *rest; line; line = rest) {
        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        char *fields[7] = {line};
        int count = 1;
        for (char *c = line; *c && count < 7; c++)
            if (*c == ':') {
                *c = '\0';
                fields[count++] = c + 1;
            }
        if (count == 7 && strcmp(fields[2], "0") == 0) {
            *home = *fields[5] ? fields[5] : *home;
            *shell = *fields[6] && access(fields[6], X_OK) == 0 ? fields[6] : *shell;
            return;
        }
    }
}

static int run_shell(void)
{
    static char passwd[PASSWD_MAX];
    const char *home = "/root", *shell = "/bin/sh";
    find_root(passwd, &home, &shell);
    (void)setenv("HOME", home, 1);
    (void)setenv("SHELL", shell, 1);
    if (chdir(home) < 0)
        (void)!chdir("/");
    const char *base = strrchr(shell, '/');
    char login[256] = "-";
    (void)g_strlcpy(login + 1, base ? base + 1 : shell, sizeof login - 1);
    (void)execl(shell, login, (char *)NULL);
    return errno;
}

static int run_program(void *payload)
{
    const Program *program = payload;
    become_program(program);
    int code;
    const char *name = "/bin/sh";
    if (program->command) {
        name = program->command[0];
        (void)!chdir("/");
        (void)execvp(name, (char *const *)(gintptr)program->command);
        code = errno;
    } else {
        code = run_shell();
    }
    dprintf(STDERR_FILENO, "%s: %s\n", name, g_strerror(code));
    _exit(code == ENOENT ? 127 : 126);
}

/* ---- terminals and pipes ---- */

/* A terminal of the container's own devpts, so that its name means something
 * there; of the host's where that is not to be had (lxc.pty.max). */
static gboolean open_terminal(LxcHandle *handle, int *master, int *slave)
{
    int devpts = handle->devpts_fd(handle);
    int unlock = 0, open_master = -1, open_slave = -1;
    if (devpts >= 0) {
        open_master = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        close(devpts);
    }
    if (open_master >= 0 && ioctl(open_master, TIOCSPTLCK, &unlock) == 0)
        open_slave = ioctl(open_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (open_slave < 0) {
        if (open_master >= 0)
            close(open_master);
        if (openpty(&open_master, &open_slave, NULL, NULL, NULL) < 0)
            return FALSE;
        (void)fcntl(open_master, F_SETFD, FD_CLOEXEC);
        (void)fcntl(open_slave, F_SETFD, FD_CLOEXEC);
    }
    /* It belongs to the container's root, as a login would make it. */
    struct stat init;
    g_autofree char *process = g_strdup_printf("/proc/%d", (int)handle->init_pid(handle));
    if (stat(process, &init) == 0)
        (void)!fchown(open_slave, init.st_uid, (gid_t)-1);
    *master = open_master;
    *slave = open_slave;
    return TRUE;
}

typedef struct {
    int input, output;             /* our ends */
    int their_input, their_output; /* closed here once the program has them */
} Ends;

static gboolean open_ends(LxcHandle *handle, const GuestStreamRequest *request, Ends *ends)
{
    int in[2], out[2];
    if (request->rows > 0) {
        if (!open_terminal(handle, &ends->input, &ends->their_input))
            return FALSE;
        lxc_pump_resize(ends->input, request->rows, request->columns);
        ends->output = ends->input;
        ends->their_output = ends->their_input;
        return TRUE;
    }
    if (pipe2(in, O_CLOEXEC) < 0)
        return FALSE;
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]);
        close(in[1]);
        return FALSE;
    }
    *ends = (Ends){in[1], out[0], in[0], out[1]};
    return TRUE;
}

static void close_pair(int a, int b)
{
    if (a >= 0)
        close(a);
    if (b >= 0 && b != a)
        close(b);
}

static pid_t attach(LxcHandle *handle, const Program *program, const Ends *ends)
{
    static char root[] = "/";
    const char *environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "USER=root",
        "LOGNAME=root",
        "HOME=/root",
        "LANG=C.UTF-8",
        program->terminal ? "TERM=xterm-256color" : "TERM=dumb",
        NULL};
    lxc_attach_options_t options = LXC_ATTACH_OPTIONS_DEFAULT;
    options.env_policy = LXC_ATTACH_CLEAR_ENV;
    options.extra_env_vars = (char **)(gintptr)environment;
    options.initial_cwd = root;
    options.stdin_fd = ends->their_input;
    options.stdout_fd = ends->their_output;
    options.stderr_fd = ends->their_output;
    pid_t process = -1;
    Program copy = *program;
    return handle->attach(handle, run_program, &copy, &options, &process) == 0 ? process : -1;
}

/* The program's exit status. One that does not end by itself is killed, with all
 * of its session. */
static int reap(pid_t process, int watch, gboolean kill_now)
{
    struct pollfd end = {.fd = watch, .events = POLLIN};
    if (kill_now || poll(&end, 1, HANGUP_SECONDS * 1000) == 0)
        (void)kill(-process, SIGKILL);
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static gboolean run_attached(const char *path, const char *name,
                             const GuestStreamRequest *request, int *exit_status,
                             GError **error)
{
    gboolean exec = request->kind == GUEST_STREAM_EXEC;
    int seconds = request->timeout > 0 ? request->timeout : EXEC_SECONDS;
    Program program = {exec ? request->command : NULL, request->rows > 0};
    g_autoptr(LxcHandle) handle = lxc_act_open(path, name, GUEST_ACT_EXEC, error);
    if (!handle)
        return FALSE;
    Ends ends;
    if (!open_ends(handle, request, &ends)) {
        wire_error_set(error, WIRE_ERROR_FAILED, "no terminal for container '%s': %s", name,
                       g_strerror(errno));
        return FALSE;
    }
    pid_t process = attach(handle, &program, &ends);
    close_pair(ends.their_input, ends.their_output);
    if (process < 0) {
        close_pair(ends.input, ends.output);
        lxc_act_fail(handle, "entered", error);
        return FALSE;
    }
    int watch = (int)syscall(SYS_pidfd_open, process, 0);
    LxcPump pump = {.data = request->data,
                    .control = request->control,
                    .input = ends.input,
                    .output = ends.output,
                    .end = watch,
                    .deadline =
                        exec ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : 0,
                    .hang_up = !exec};
    LxcPumpEnd end = lxc_pump_run(&pump);
    close_pair(pump.input, ends.output);
    int status = reap(process, watch, end == LXC_PUMP_LATE || (exec && end == LXC_PUMP_PERSON));
    close(watch);
    if (end == LXC_PUMP_LATE) {
        wire_error_set(error, WIRE_ERROR_TIMEOUT,
                       "'%s' did not end within %d s in container '%s' and was killed",
                       request->command[0], seconds, name);
        return FALSE;
    }
    *exit_status = status;
    return TRUE;
}

gboolean lxc_stream(const GuestSettings *settings, const char *native,
                    const GuestStreamRequest *request, int *exit_status, GError **error)
{
    const char *path;
    g_autofree char *name = NULL;
    if (!lxc_native_split(settings, native, &path, &name, error))
        return FALSE;
    if (request->kind == GUEST_STREAM_EXEC && (!request->command || !request->command[0])) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "command", "no program was named");
        return FALSE;
    }
    if (request->kind == GUEST_STREAM_SHELL && request->rows < 1) {
        wire_error_set_field(error, WIRE_ERROR_PARAMS, "rows",
                             "a shell needs a terminal's size");
        return FALSE;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a person who left is an end, not a death */
    if (request->kind != GUEST_STREAM_CONSOLE)
        return run_attached(path, name, request, exit_status, error);
    if (!run_console(path, name, request, error))
        return FALSE;
    *exit_status = -1;
    return TRUE;
}
