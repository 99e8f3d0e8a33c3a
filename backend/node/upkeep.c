#include "backend/node/upkeep.h"

#include "backend/node/run.h"
#include "backend/node/text.h"
#include "backend/proc/proc.h"
#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum {
    TAIL_MAX = 1 << 20,
    OUTPUT_MAX = 8 << 20,
    KLOG_READ_ALL = 3, /* syslog(2) */
    KLOG_SIZE = 10,
};

static GPtrArray *read_journal(guint lines, int deadline, GError **error)
{
    char count[16];
    (void)g_snprintf(count, sizeof count, "%u", lines);
    const char *command[] = {"journalctl", "--quiet", "--no-pager", "--output=short-iso",
                             "--lines",    count,     NULL};
    GString *output = node_run(command, deadline, OUTPUT_MAX, error);
    if (!output)
        return NULL;
    GPtrArray *tail = node_text_tail(output->str, output->len, lines, NODE_LOG_LINE_MAX);
    (void)g_string_free(output, TRUE);
    return tail;
}

static GPtrArray *read_file(const char *path, guint lines)
{
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;
    if (descriptor < 0)
        return NULL;
    if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode)) {
        (void)close(descriptor);
        return NULL;
    }
    off_t start = MAX(status.st_size - TAIL_MAX, 0);
    g_autofree char *text = g_malloc(TAIL_MAX);
    size_t length = 0;
    while (length < TAIL_MAX) {
        ssize_t got =
            pread(descriptor, text + length, TAIL_MAX - length, start + (off_t)length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    (void)close(descriptor);
    return node_text_tail(text, length, lines, NODE_LOG_LINE_MAX);
}

/* "<6>[ 12.3] ..." without its level. */
static void drop_level(char *line)
{
    const char *end = *line == '<' ? strchr(line, '>') : NULL;
    if (end)
        memmove(line, end + 1, strlen(end + 1) + 1);
}

static GPtrArray *read_kernel(guint lines, GError **error)
{
    GPtrArray *tail = NULL;
    int size = klogctl(KLOG_SIZE, NULL, 0);
    char *text = g_malloc((size_t)MAX(size, 1));
    int length = size > 0 ? klogctl(KLOG_READ_ALL, text, size) : -1;
    if (length >= 0)
        tail = node_text_tail(text, (size_t)length, lines, NODE_LOG_LINE_MAX);
    else
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "there is no system log: journald does not run, /var/log/syslog and "
                       "/var/log/messages are missing, and the kernel says: %s",
                       g_strerror(errno));
    g_free(text);
    for (guint i = 0; tail && i < tail->len; i++)
        drop_level(tail->pdata[i]);
    return tail;
}

GPtrArray *node_log_read(guint lines, int deadline, const char **source, GError **error)
{
    static const char *const files[] = {"/var/log/syslog", "/var/log/messages"};
    const char *from = "journal";
    GPtrArray *tail = NULL;
    lines = MIN(lines, NODE_LOG_LINES_MAX);
    if (access(JOURNAL_SOCKET, F_OK) == 0) {
        tail = read_journal(lines, deadline, error);
        if (!tail)
            return NULL;
    }
    for (size_t i = 0; !tail && i < G_N_ELEMENTS(files); i++) {
        from = files[i];
        tail = read_file(files[i], lines);
    }
    if (!tail) {
        from = "kernel";
        tail = read_kernel(lines, error);
    }
    if (tail && source)
        *source = from;
    return tail;
}

guint node_updates_parse(const char *text)
{
    guint count = 0;
    do
        count += strncmp(text, "Inst ", 5) == 0;
    while (proc_scan_line(&text));
    return count;
}

gboolean node_updates_count(int deadline, guint *count, GError **error)
{
    static const char *const command[] = {
        "apt-get",         "-s",      "-qq", "-o", "Debug::NoLocking=true",
        "--with-new-pkgs", "upgrade", NULL};
    GString *output = node_run(command, deadline, OUTPUT_MAX, error);
    if (!output)
        return FALSE;
    *count = node_updates_parse(output->str);
    (void)g_string_free(output, TRUE);
    return TRUE;
}

guint64 node_updates_stamp(void)
{
    static const char *const paths[] = {"/var/lib/dpkg/status", "/var/lib/apt/lists",
                                        "/etc/apt/sources.list", "/etc/apt/sources.list.d",
                                        "/etc/apt/preferences.d"};
    guint64 stamp = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        struct stat status;
        if (stat(paths[i], &status) < 0)
            continue;
        guint64 time =
            (guint64)status.st_mtim.tv_sec * 1000000000 + (guint64)status.st_mtim.tv_nsec;
        stamp = stamp * 31 + time;
    }
    return stamp;
}
