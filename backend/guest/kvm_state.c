/* A domain's state in our words, and its summary. */
#include "backend/guest/kvm.h"
#include "backend/guest/kvm_xml.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

GuestState kvm_state_from(int state, int reason, gboolean saved)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
        return GUEST_STATE_RUNNING;
    case VIR_DOMAIN_PAUSED:
        return reason == VIR_DOMAIN_PAUSED_STARTING_UP ? GUEST_STATE_STARTING
               : reason == VIR_DOMAIN_PAUSED_CRASHED   ? GUEST_STATE_CRASHED
                                                       : GUEST_STATE_PAUSED;
    case VIR_DOMAIN_PMSUSPENDED:
        return GUEST_STATE_PAUSED;
    case VIR_DOMAIN_SHUTDOWN:
        return GUEST_STATE_STOPPING;
    case VIR_DOMAIN_CRASHED:
        return GUEST_STATE_CRASHED;
    case VIR_DOMAIN_SHUTOFF:
        return saved                                  ? GUEST_STATE_SAVED
               : reason == VIR_DOMAIN_SHUTOFF_CRASHED ? GUEST_STATE_CRASHED
                                                      : GUEST_STATE_STOPPED;
    default:
        return GUEST_STATE_UNKNOWN;
    }
}

static const char *pause_reason(int reason)
{
    static const char *const words[] = {
        [VIR_DOMAIN_PAUSED_USER] = "by somebody",
        [VIR_DOMAIN_PAUSED_MIGRATION] = "migrating",
        [VIR_DOMAIN_PAUSED_SAVE] = "being saved",
        [VIR_DOMAIN_PAUSED_DUMP] = "being dumped",
        [VIR_DOMAIN_PAUSED_IOERROR] = "disk error",
        [VIR_DOMAIN_PAUSED_WATCHDOG] = "watchdog",
        [VIR_DOMAIN_PAUSED_FROM_SNAPSHOT] = "from snapshot",
        [VIR_DOMAIN_PAUSED_SHUTTING_DOWN] = "shutting down",
        [VIR_DOMAIN_PAUSED_SNAPSHOT] = "snapshot being taken",
        [VIR_DOMAIN_PAUSED_CRASHED] = "guest crashed",
        [VIR_DOMAIN_PAUSED_POSTCOPY] = "post-copy migration",
        [VIR_DOMAIN_PAUSED_POSTCOPY_FAILED] = "post-copy migration failed",
    };
    return (size_t)reason < G_N_ELEMENTS(words) ? words[reason] : NULL;
}

static const char *off_reason(int reason)
{
    static const char *const words[] = {
        [VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "shut down",
        [VIR_DOMAIN_SHUTOFF_DESTROYED] = "stopped hard",
        [VIR_DOMAIN_SHUTOFF_CRASHED] = "QEMU ended",
        [VIR_DOMAIN_SHUTOFF_MIGRATED] = "migrated away",
        [VIR_DOMAIN_SHUTOFF_SAVED] = "saved",
        [VIR_DOMAIN_SHUTOFF_FAILED] = "did not start",
        [VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "from snapshot",
        [VIR_DOMAIN_SHUTOFF_DAEMON] = "stopped by libvirt",
    };
    return (size_t)reason < G_N_ELEMENTS(words) ? words[reason] : NULL;
}

const char *kvm_state_reason(int state, int reason)
{
    static const char *const running[] = {
        [VIR_DOMAIN_RUNNING_MIGRATED] = "migrated here",
        [VIR_DOMAIN_RUNNING_RESTORED] = "restored",
        [VIR_DOMAIN_RUNNING_FROM_SNAPSHOT] = "from snapshot",
        [VIR_DOMAIN_RUNNING_MIGRATION_CANCELED] = "migration cancelled",
        [VIR_DOMAIN_RUNNING_SAVE_CANCELED] = "saving cancelled",
        [VIR_DOMAIN_RUNNING_WAKEUP] = "woke up",
        [VIR_DOMAIN_RUNNING_CRASHED] = "guest crashed",
        [VIR_DOMAIN_RUNNING_POSTCOPY] = "post-copy migration",
        [VIR_DOMAIN_RUNNING_POSTCOPY_FAILED] = "post-copy migration failed",
    };
    switch (state) {
    case VIR_DOMAIN_RUNNING:
        return (size_t)reason < G_N_ELEMENTS(running) ? running[reason] : NULL;
    case VIR_DOMAIN_PAUSED:
        return pause_reason(reason);
    case VIR_DOMAIN_PMSUSPENDED:
        return "asleep";
    case VIR_DOMAIN_SHUTOFF:
        return off_reason(reason);
    case VIR_DOMAIN_CRASHED:
        return reason == VIR_DOMAIN_CRASHED_PANICKED ? "guest panicked" : NULL;
    default:
        return NULL;
    }
}

gboolean kvm_state_read(KvmDomain *domain, GuestState *state, const char **reason,
                        GError **error)
{
    int number, why;
    if (virDomainGetState(domain, &number, &why, 0) < 0) {
        kvm_domain_error_set(error, domain, "the state of ", "can't be read");
        return FALSE;
    }
    gboolean saved =
        number == VIR_DOMAIN_SHUTOFF && virDomainHasManagedSaveImage(domain, 0) == 1;
    *state = kvm_state_from(number, why, saved);
    if (reason)
        *reason = kvm_state_reason(number, why);
    return TRUE;
}

/* A small file under a directory, without following a link at its end. */
static gboolean read_small(int directory, const char *name, char *out, size_t size)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return FALSE;
    ssize_t length = read(file, out, size - 1);
    close(file);
    if (length <= 0)
        return FALSE;
    out[length] = '\0';
    return TRUE;
}

/* When a process was started, in seconds since 1970: proc(5), field 22 of
 * /proc/PID/stat, in ticks since boot. */
static gint64 process_start(gint64 pid)
{
    char path[64], text[1024];
    unsigned long long ticks;
    g_snprintf(path, sizeof path, "/proc/%" G_GINT64_FORMAT "/stat", pid);
    if (!read_small(AT_FDCWD, path, text, sizeof text))
        return 0;
    const char *rest = strrchr(text, ')'); /* the name before may hold anything */
    if (!rest)
        return 0;
    g_auto(GStrv) fields = g_strsplit(rest, " ", 32);
    if (g_strv_length(fields) < 21 ||
        !g_ascii_string_to_unsigned(fields[20], 10, 0, G_MAXINT64, (guint64 *)&ticks, NULL))
        return 0;
    struct timespec up;
    clock_gettime(CLOCK_BOOTTIME, &up);
    double age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 -
                 (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return (gint64)((double)g_get_real_time() / 1e6 - age);
}

/* The pid in NAME.pid of that directory; 0 when there is none. */
static gint64 pid_read(int directory, const char *name)
{
    char text[32];
    gint64 pid;
    g_autofree char *file = g_strdup_printf("%s.pid", name);
    if (strchr(name, '/') || !read_small(directory, file, text, sizeof text) ||
        !g_ascii_string_to_signed(g_strstrip(text), 10, 1, G_MAXINT32, &pid, NULL))
        return 0;
    return pid;
}

gint64 kvm_started_read(const char *name)
{
    int directory = open("/run/libvirt/qemu", O_DIRECTORY | O_PATH | O_CLOEXEC);
    if (directory < 0)
        return 0;
    gint64 pid = pid_read(directory, name);
    if (!pid) {
        /* libvirt escapes the name as in XML. */
        g_autofree char *escaped = g_markup_escape_text(name, -1);
        pid = pid_read(directory, escaped);
    }
    close(directory);
    return pid ? process_start(pid) : 0;
}

/* Whether the next start will bring another definition than the live one. */
static gboolean is_pending(KvmDomain *domain, const KvmXml *live)
{
    g_autoptr(KvmXml) saved = kvm_domain_xml(domain, VIR_DOMAIN_XML_INACTIVE, NULL);
    if (!saved)
        return FALSE;
    if (kvm_xml_differ(live, saved))
        return TRUE;
    if (!kvm_xml_cpu_is_exact(saved))
        return FALSE;
    g_autoptr(KvmXml) migratable = kvm_domain_xml(domain, VIR_DOMAIN_XML_MIGRATABLE, NULL);
    return migratable && kvm_xml_cpu_differs(migratable, saved);
}

static guint64 definition_hash(KvmDomain *domain)
{
    char *text = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    guint64 hash = text ? guest_definition_hash(text, strlen(text)) : 0;
    free(text);
    return hash;
}

GuestSummary *kvm_summary_read(KvmDomain *domain, GError **error)
{
    GuestState state;
    const char *reason;
    char native[VIR_UUID_STRING_BUFLEN];
    int autostart = 0;
    g_autoptr(KvmXml) xml = kvm_domain_xml(domain, 0, error);
    if (!xml || virDomainGetUUIDString(domain, native) < 0 ||
        !kvm_state_read(domain, &state, &reason, error))
        return NULL;
    gboolean persistent = virDomainIsPersistent(domain) == 1;
    gboolean active = virDomainIsActive(domain) == 1;
    if (persistent)
        (void)virDomainGetAutostart(domain, &autostart);

    KvmXmlBrief brief = kvm_xml_brief(xml);
    GuestSummary *summary = g_new0(GuestSummary, 1);
    summary->kind = GUEST_KIND_VM;
    summary->native = g_strdup(native);
    summary->name = g_strdup(virDomainGetName(domain));
    summary->state = state;
    summary->reason = g_strdup(reason);
    summary->vcpus = brief.vcpus;
    summary->memory_max = brief.memory_max;
    summary->agent = active && brief.agent;
    summary->autostart = autostart;
    summary->persistent = persistent;
    summary->pending = active && persistent && is_pending(domain, xml);
    summary->definition = persistent ? definition_hash(domain) : 0;
    if (active)
        summary->started = kvm_started_read(summary->name);
    return summary;
}
