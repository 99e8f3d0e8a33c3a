#include "backend/guest/lxc_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STAT_MAX = 1024, STATUS_MAX = 8192, DEPTH_MAX = 16, FIELDS_MAX = 64 };

gboolean lxc_process_parse(const char *text, LxcProcess *process)
{
    LxcProcess parsed = {0};
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return FALSE;
    /* fields[0] is the third of proc(5). */
    g_auto(GStrv) fields = g_strsplit(close + 1 + (close[1] == ' '), " ", FIELDS_MAX);
    if (g_strv_length(fields) < 22 || !*fields[0])
        return FALSE;
    parsed.pid = (pid_t)g_ascii_strtoll(text, NULL, 10);
    parsed.parent = (pid_t)g_ascii_strtoll(fields[1], NULL, 10);
    parsed.state = *fields[0];
    parsed.cpu_ticks =
        g_ascii_strtoull(fields[11], NULL, 10) + g_ascii_strtoull(fields[12], NULL, 10);
    parsed.start_ticks = g_ascii_strtoull(fields[19], NULL, 10);
    parsed.rss = g_ascii_strtoull(fields[21], NULL, 10) * (guint64)sysconf(_SC_PAGESIZE);
    gsize length = MIN((gsize)(close - open - 1), sizeof parsed.name - 1);
    memcpy(parsed.name, open + 1, length);
    *process = parsed;
    return TRUE;
}

/* Reads at most size - 1 bytes of /proc/PID/name; the number of bytes, or -1. */
static ssize_t read_proc(pid_t pid, const char *name, char *buffer, gsize size)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t length = read(file, buffer, size - 1);
    close(file);
    if (length >= 0)
        buffer[length] = '\0';
    return length;
}

gboolean lxc_process_read(pid_t pid, LxcProcess *process)
{
    char text[STAT_MAX];
    return pid > 0 && read_proc(pid, "stat", text, sizeof text) > 0 &&
           lxc_process_parse(text, process);
}

static double seconds(clockid_t clock)
{
    struct timespec now = {0};
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

gint64 lxc_process_started(const LxcProcess *process)
{
    double after_boot = (double)process->start_ticks / (double)sysconf(_SC_CLK_TCK);
    return (gint64)(seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + after_boot + 0.5);
}

double lxc_process_cpu(const LxcProcess *process)
{
    return (double)process->cpu_ticks / (double)sysconf(_SC_CLK_TCK);
}

pid_t lxc_process_parse_inner(const char *status)
{
    const char *line = strstr(status, "\nNSpid:");
    if (!line)
        return 0;
    const char *end = strchr(line + 1, '\n');
    g_autofree char *numbers = end ? g_strndup(line, (gsize)(end - line)) : g_strdup(line);
    const char *last = strrchr(g_strchomp(numbers), '\t');
    return last ? (pid_t)g_ascii_strtoll(last + 1, NULL, 10) : 0;
}

pid_t lxc_process_inner(pid_t pid)
{
    char status[STATUS_MAX];
    return read_proc(pid, "status", status, sizeof status) > 0 ? lxc_process_parse_inner(status)
                                                               : 0;
}

char *lxc_process_command(const LxcProcess *process)
{
    char line[LXC_PROCESS_COMMAND + 1];
    ssize_t length = read_proc(process->pid, "cmdline", line, sizeof line);
    while (length > 0 && line[length - 1] == '\0')
        length--;
    if (length <= 0)
        return g_strdup_printf("[%s]", process->name);
    for (ssize_t i = 0; i < length; i++)
        if (line[i] == '\0')
            line[i] = ' ';
    return g_strndup(line, (gsize)length);
}

static void add_processes(int directory, GArray *pids, guint limit)
{
    int file = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *procs = file < 0 ? NULL : fdopen(file, "r");
    if (!procs) {
        if (file >= 0)
            close(file);
        return;
    }
    char line[32];
    while (pids->len < limit && fgets(line, sizeof line, procs)) {
        pid_t pid = (pid_t)g_ascii_strtoll(line, NULL, 10);
        if (pid > 0)
            g_array_append_val(pids, pid);
    }
    (void)fclose(procs);
}

/* Takes the descriptor over. */
static void walk(int directory, GArray *pids, guint limit, int depth)
{
    DIR *listing = fdopendir(directory);
    if (!listing) {
        close(directory);
        return;
    }
    add_processes(dirfd(listing), pids, limit);
    const struct dirent *entry;
    while (depth < DEPTH_MAX && pids->len < limit && (entry = readdir(listing))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int below = openat(dirfd(listing), entry->d_name,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0)
            walk(below, pids, limit, depth + 1);
    }
    closedir(listing);
}

GArray *lxc_process_list(const char *directory, guint limit)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    int top = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (top >= 0)
        walk(top, pids, limit, 0);
    return pids;
}
