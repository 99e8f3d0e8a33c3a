#include "backend/guest/lxc_inspect.h"

#include "backend/guest/lxc_config.h"
#include "backend/guest/lxc_process.h"
#include "backend/wire/error.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

char *lxc_inspect_limit(LxcHandle *handle, const char *controller, const char *v1,
                        const char *v2)
{
    gboolean old = lxc_cgroup_is_v1(controller);
    g_autofree char *key =
        g_strdup_printf(old ? "lxc.cgroup.%s" : "lxc.cgroup2.%s", old ? v1 : v2);
    char *value = lxc_handle_item(handle, key);
    /* Given more than once, the last one wins. */
    char *last = value ? strrchr(value, '\n') : NULL;
    if (last)
        memmove(value, last + 1, strlen(last + 1) + 1);
    return value;
}

guint64 lxc_inspect_memory(LxcHandle *handle)
{
    g_autofree char *limit =
        lxc_inspect_limit(handle, "memory", "memory.limit_in_bytes", "memory.max");
    return lxc_cgroup_parse_size(limit);
}

static double quota(LxcHandle *handle)
{
    double allowed = 0, period = 100000;
    if (lxc_cgroup_is_v1("cpu")) {
        g_autofree char *a = lxc_handle_item(handle, "lxc.cgroup.cpu.cfs_quota_us");
        g_autofree char *b = lxc_handle_item(handle, "lxc.cgroup.cpu.cfs_period_us");
        allowed = a ? g_ascii_strtod(a, NULL) : 0;
        period = b ? g_ascii_strtod(b, NULL) : period;
    } else {
        g_autofree char *max = lxc_handle_item(handle, "lxc.cgroup2.cpu.max");
        char *end = NULL;
        allowed = max ? g_ascii_strtod(max, &end) : 0;
        period = end && *end == ' ' ? g_ascii_strtod(end, NULL) : period;
    }
    return allowed > 0 && period > 0 ? allowed / period : 0;
}

int lxc_inspect_processors(LxcHandle *handle)
{
    int all = (int)g_get_num_processors();
    g_autofree char *set = lxc_inspect_limit(handle, "cpuset", "cpuset.cpus", "cpuset.cpus");
    int count = lxc_cgroup_count_cpus(set);
    double limit = quota(handle);
    int processors = count > 0 ? MIN(count, all) : all;
    return limit > 0 && limit < processors ? (int)(limit + 0.999) : processors;
}

GStrv lxc_inspect_interfaces(LxcHandle *handle)
{
    GPtrArray *names = g_ptr_array_new();
    int unnamed = 0;
    for (int i = 0; i < LXC_INTERFACES_MAX; i++) {
        g_autofree char *type_key = g_strdup_printf("lxc.net.%d.type", i);
        g_autofree char *name_key = g_strdup_printf("lxc.net.%d.name", i);
        g_autofree char *link_key = g_strdup_printf("lxc.net.%d.link", i);
        g_autofree char *type = lxc_handle_item(handle, type_key);
        if (!type || g_str_equal(type, "empty") || g_str_equal(type, "none"))
            continue;
        char *name = lxc_handle_item(handle, name_key);
        if (!name && g_str_equal(type, "phys"))
            name = lxc_handle_item(handle, link_key);
        /* liblxc leaves the number to the kernel, which counts from 0. */
        if (!name)
            name = g_strdup_printf("eth%d", unnamed++);
        g_ptr_array_add(names, name);
    }
    g_ptr_array_add(names, NULL);
    return (GStrv)g_ptr_array_free(names, FALSE);
}

void lxc_inspection_free(LxcInspection *inspection)
{
    if (!inspection)
        return;
    guest_summary_free(inspection->summary);
    if (inspection->init_handle >= 0)
        close(inspection->init_handle);
    lxc_cgroup_free(inspection->cgroup);
    lxc_net_free(inspection->net);
    g_free(inspection);
}

/* What runs: its init, watched by a descriptor that can't come to mean another
 * process, and what can be measured through it. */
static void find_running(LxcInspection *inspection, LxcHandle *handle)
{
    GuestSummary *summary = inspection->summary;
    inspection->init = handle->init_pid(handle);
    LxcProcess init;
    if (inspection->init <= 0 || !lxc_process_read(inspection->init, &init)) {
        inspection->init = 0;
        return;
    }
    inspection->init_handle = (int)syscall(SYS_pidfd_open, inspection->init, 0);
    inspection->monitor = init.parent;
    summary->started = lxc_process_started(&init);
    inspection->cgroup = lxc_cgroup_open(inspection->init);
    LxcCounters counters;
    lxc_cgroup_read(inspection->cgroup, &counters);
    if (summary->state == GUEST_STATE_RUNNING && counters.frozen)
        summary->state = GUEST_STATE_PAUSED;
    g_auto(GStrv) names = lxc_inspect_interfaces(handle);
    inspection->net = lxc_net_open(inspection->init, (const char *const *)names);
    if (inspection->net)
        summary->addresses = lxc_net_addresses(inspection->net);
}

static void find_configured(GuestSummary *summary, LxcHandle *handle)
{
    g_autofree char *start = lxc_handle_item(handle, "lxc.start.auto");
    g_autofree char *map = lxc_handle_item(handle, "lxc.idmap");
    summary->autostart = g_strcmp0(start, "1") == 0;
    summary->privileged = !map;
    summary->memory_max = lxc_inspect_memory(handle);
    summary->vcpus = lxc_inspect_processors(handle);
}

static guint64 definition_hash(const char *path, const char *name)
{
    int directory = lxc_directory_open(path, name, NULL);
    if (directory < 0)
        return 0;
    g_autofree char *text = lxc_config_read(directory, NULL);
    close(directory);
    return text ? guest_definition_hash(text, strlen(text)) : 0;
}

LxcInspection *lxc_inspect(const char *path, const char *name, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(LxcHandle) handle = lxc_handle_open(path, name, &local);
    if (!handle && wire_error_code(local) == WIRE_ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    g_autoptr(LxcInspection) inspection = g_new0(LxcInspection, 1);
    GuestSummary *summary = inspection->summary = g_new0(GuestSummary, 1);
    inspection->init_handle = -1;
    summary->kind = GUEST_KIND_CT;
    summary->native = g_strdup_printf("%s/%s", path, name);
    summary->name = g_strdup(name);
    summary->persistent = TRUE;
    summary->definition = definition_hash(path, name);
    if (!handle) {
        summary->state =
            lxc_monitor_listens(path, name) ? GUEST_STATE_UNKNOWN : GUEST_STATE_STOPPED;
        summary->reason = g_strdup(local->message);
        return g_steal_pointer(&inspection);
    }
    find_configured(summary, handle);
    /* Where nobody listens, liblxc is not asked: it would say the same. */
    if (lxc_monitor_listens(path, name)) {
        summary->state = lxc_state_parse(handle->state(handle));
        if (summary->state != GUEST_STATE_STOPPED)
            find_running(inspection, handle);
    } else {
        summary->state = GUEST_STATE_STOPPED;
    }
    return g_steal_pointer(&inspection);
}
