#include "agent/log.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static gint least_important = CONF_LOG_INFO; /* a ConfLogLevel, atomic */
static gboolean to_journal;

static ConfLogLevel level_of(GLogLevelFlags flags)
{
    if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return CONF_LOG_ERROR;
    if (flags & G_LOG_LEVEL_WARNING)
        return CONF_LOG_WARNING;
    if (flags & G_LOG_LEVEL_MESSAGE)
        return CONF_LOG_NOTICE;
    return flags & G_LOG_LEVEL_INFO ? CONF_LOG_INFO : CONF_LOG_DEBUG;
}

static void write_line(const char *domain, GLogLevelFlags flags, const char *message,
                       gpointer user)
{
    static const struct {
        const char *name;
        int priority; /* syslog's */
    } levels[] = {[CONF_LOG_ERROR] = {"error", 3},
                  [CONF_LOG_WARNING] = {"warning", 4},
                  [CONF_LOG_NOTICE] = {"notice", 5},
                  [CONF_LOG_INFO] = {"info", 6},
                  [CONF_LOG_DEBUG] = {"debug", 7}};
    ConfLogLevel level = level_of(flags);
    if ((gint)level > g_atomic_int_get(&least_important))
        return;
    if (to_journal) {
        fprintf(stderr, "<%d>%s\n", levels[level].priority, message);
        return;
    }
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *when = g_date_time_format(now, "%F %T");
    fprintf(stderr, "%s %s: %s\n", when, levels[level].name, message);
}

/* JOURNAL_STREAM names the device and inode that standard error should be. */
static gboolean stderr_is_journal(void)
{
    struct stat status;
    guint64 device, inode;
    const char *stream = g_getenv("JOURNAL_STREAM");
    g_auto(GStrv) parts = stream ? g_strsplit(stream, ":", 2) : NULL;
    return parts && parts[0] && parts[1] && fstat(STDERR_FILENO, &status) == 0 &&
           g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT64, &device, NULL) &&
           g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT64, &inode, NULL) &&
           device == status.st_dev && inode == status.st_ino;
}

void log_open(ConfLogLevel level)
{
    to_journal = stderr_is_journal();
    log_set_level(level);
    g_log_set_default_handler(write_line, NULL);
}

void log_set_level(ConfLogLevel level)
{
    g_atomic_int_set(&least_important, (gint)level);
}
