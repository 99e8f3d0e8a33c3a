#include "backend/guest/lxc_describe.h"

#include "backend/guest/lxc_config.h"
#include "backend/guest/lxc_inspect.h"
#include "backend/guest/lxc_process.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>
#include <unistd.h>

enum { NETWORKS_MAX = 16, PROCESSES_MAX = 4096, COMMENT_MAX = 4096 };

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value ? value : json_null());
}

static json_t *string_or_null(const char *text)
{
    return text ? wire_string(text) : json_null();
}

static json_t *integer_or_null(guint64 value)
{
    return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *strings(GStrv words)
{
    json_t *array = json_array();
    for (char **word = words; word && *word; word++)
        (void)json_array_append_new(array, wire_string(*word));
    return array;
}

static void set_item(json_t *object, const char *key, LxcHandle *handle, const char *item)
{
    g_autofree char *value = lxc_handle_item(handle, item);
    set(object, key, string_or_null(value));
}

static void set_item_number(json_t *object, const char *key, LxcHandle *handle,
                            const char *item)
{
    g_autofree char *value = lxc_handle_item(handle, item);
    gint64 number;
    gboolean is =
        value && g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &number, NULL);
    set(object, key, is ? json_integer(number) : NULL);
}

/* ---- configuration ---- */

/* liblxc takes the backing off the path that it answers with: "overlay:LOWER:UPPER". */
static void describe_root(json_t *object, LxcHandle *handle, int directory)
{
    g_autofree char *path = lxc_handle_item(handle, "lxc.rootfs.path");
    g_autofree char *text = lxc_config_read(directory, NULL);
    g_autofree char *written = text ? lxc_config_find(text, "lxc.rootfs.path") : NULL;
    const char *colon = written && *written != '/' ? strchr(written, ':') : NULL;
    g_autofree char *backing = colon ? g_strndup(written, (gsize)(colon - written)) : NULL;
    set(object, "rootfs_path", string_or_null(path));
    set(object, "rootfs_backing", string_or_null(backing ? backing : path ? "dir" : NULL));
}

static json_t *describe_map(const char *text)
{
    json_t *array = json_array();
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit(g_strstrip(*line), " ", -1);
        if (g_strv_length(words) != 4)
            continue;
        (void)json_array_append_new(
            array, json_pack("{s:o, s:I, s:I, s:I}", "type", wire_string(words[0]), "inside",
                             (json_int_t)g_ascii_strtoll(words[1], NULL, 10), "outside",
                             (json_int_t)g_ascii_strtoll(words[2], NULL, 10), "count",
                             (json_int_t)g_ascii_strtoll(words[3], NULL, 10)));
    }
    return array;
}

static json_t *describe_mounts(LxcHandle *handle)
{
    json_t *array = json_array();
    g_autofree char *text = lxc_handle_item(handle, "lxc.mount.entry");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) words = g_strsplit_set(g_strstrip(*line), " \t", -1);
        if (g_strv_length(words) < 4)
            continue;
        (void)json_array_append_new(
            array, json_pack("{s:o, s:o, s:o, s:o}", "source", wire_string(words[0]), "target",
                             wire_string(words[1]), "type", wire_string(words[2]), "options",
                             wire_string(words[3])));
    }
    return array;
}

static json_t *describe_quota(LxcHandle *handle)
{
    g_autofree char *quota = lxc_inspect_limit(handle, "cpu", "cpu.cfs_quota_us", "cpu.max");
    if (!quota || !g_ascii_isdigit(*quota))
        return json_null();
    char *rest = NULL;
    double allowed = g_ascii_strtod(quota, &rest), period = 100000;
    g_autofree char *v1 = lxc_cgroup_is_v1("cpu")
                              ? lxc_handle_item(handle, "lxc.cgroup.cpu.cfs_period_us")
                              : NULL;
    if (v1 || *rest == ' ')
        period = g_ascii_strtod(v1 ? v1 : rest, NULL);
    return period > 0 ? json_real(allowed / period) : json_null();
}

static json_t *limit_number(LxcHandle *handle, const char *controller, const char *v1,
                            const char *v2)
{
    g_autofree char *value = lxc_inspect_limit(handle, controller, v1, v2);
    return integer_or_null(lxc_cgroup_parse_size(value));
}

static void describe_limits(json_t *object, LxcHandle *handle)
{
    gboolean v1 = lxc_cgroup_is_v1("memory");
    set(object, "cgroup", json_string(v1 ? "v1" : "v2"));
    set(object, "memory_max", integer_or_null(lxc_inspect_memory(handle)));
    /* v1 limits the sum of memory and swap. */
    g_autoptr(json_t) swap =
        limit_number(handle, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
    json_int_t both = json_integer_value(swap), memory = (json_int_t)lxc_inspect_memory(handle);
    set(object, "swap_max",
        v1 && both >= memory && both > 0 ? json_integer(both - memory) : json_incref(swap));
    set(object, "vcpus", json_integer(lxc_inspect_processors(handle)));
    set(object, "cpu_quota", describe_quota(handle));
    set(object, lxc_cgroup_is_v1("cpu") ? "cpu_shares" : "cpu_weight",
        limit_number(handle, "cpu", "cpu.shares", "cpu.weight"));
    g_autofree char *set_of = lxc_inspect_limit(handle, "cpuset", "cpuset.cpus", "cpuset.cpus");
    set(object, "cpuset", string_or_null(set_of));
    set(object, "processes_max", limit_number(handle, "pids", "pids.max", "pids.max"));
}

static void describe_configuration(json_t *object, LxcHandle *handle, int directory)
{
    set_item(object, "arch", handle, "lxc.arch");
    set_item(object, "hostname", handle, "lxc.uts.name");
    describe_root(object, handle, directory);
    g_autofree char *map = lxc_handle_item(handle, "lxc.idmap");
    set(object, "privileged", json_boolean(!map));
    set(object, "idmap", describe_map(map));
    g_autofree char *autostart = lxc_handle_item(handle, "lxc.start.auto");
    set(object, "autostart", json_boolean(g_strcmp0(autostart, "1") == 0));
    set_item_number(object, "autostart_delay", handle, "lxc.start.delay");
    set_item_number(object, "autostart_order", handle, "lxc.start.order");
    g_autofree char *groups = lxc_handle_item(handle, "lxc.group");
    g_auto(GStrv) list = g_strsplit(groups ? groups : "", "\n", -1);
    set(object, "groups", strings(list));
    describe_limits(object, handle);
    set(object, "mounts", describe_mounts(handle));
}

/* ---- network ---- */

static char *net_item(LxcHandle *handle, int index, const char *item)
{
    g_autofree char *key = g_strdup_printf("lxc.net.%d.%s", index, item);
    return lxc_handle_item(handle, key);
}

static json_t *host_interface(LxcHandle *handle, int index, gboolean running)
{
    if (!running)
        return json_null();
    g_autofree char *key = g_strdup_printf("lxc.net.%d.veth.pair", index);
    char *name = handle->get_running_config_item(handle, key);
    json_t *value = string_or_null(name);
    free(name); /* liblxc's */
    return value;
}

static void add_live(json_t *object, const GArray *interfaces, const char *name)
{
    for (guint i = 0; interfaces && i < interfaces->len; i++) {
        const LxcNetInterface *live = &g_array_index(interfaces, LxcNetInterface, i);
        if (strcmp(live->name, name) != 0)
            continue;
        char mac[18];
        g_snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", live->mac[0], live->mac[1],
                   live->mac[2], live->mac[3], live->mac[4], live->mac[5]);
        if (live->has_mac)
            set(object, "mac", json_string(mac));
        set(object, "up", json_boolean(live->up));
        set(object, "mtu", json_integer(live->mtu));
        set(object, "addresses", strings(live->addresses));
        set(object, "bytes_in", json_integer((json_int_t)live->in));
        set(object, "bytes_out", json_integer((json_int_t)live->out));
    }
}

static json_t *describe_networks(LxcHandle *handle, const LxcInspection *inspection)
{
    static const char *const configured[] = {"ipv4.address", "ipv6.address"};
    json_t *array = json_array();
    g_autoptr(GArray) live = inspection->net ? lxc_net_interfaces(inspection->net) : NULL;
    g_auto(GStrv) names = lxc_inspect_interfaces(handle);
    char **name = names;
    for (int i = 0; i < NETWORKS_MAX; i++) {
        g_autofree char *type = net_item(handle, i, "type");
        if (!type)
            continue;
        gboolean has_interface = !g_str_equal(type, "empty") && !g_str_equal(type, "none");
        const char *inside = has_interface && *name ? *name++ : NULL;
        g_autofree char *link = net_item(handle, i, "link"),
                        *mac = net_item(handle, i, "hwaddr");
        json_t *addresses = json_array();
        for (gsize k = 0; k < G_N_ELEMENTS(configured); k++) {
            g_autofree char *text = net_item(handle, i, configured[k]);
            g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
            for (char **line = lines; *line; line++)
                (void)json_array_append_new(addresses, wire_string(*line));
        }
        json_t *object =
            json_pack("{s:o, s:o, s:o, s:o, s:n, s:n, s:n, s:o, s:o, s:n, s:n}", "name",
                      string_or_null(inside), "type", wire_string(type), "link",
                      string_or_null(link), "mac", string_or_null(mac), "up", "mtu",
                      "addresses", "configured_addresses", addresses, "host_interface",
                      host_interface(handle, i, inspection->init > 0), "bytes_in", "bytes_out");
        if (inside)
            add_live(object, live, inside);
        (void)json_array_append_new(array, object);
    }
    return array;
}

/* ---- processes ---- */

static int busiest_first(gconstpointer a, gconstpointer b)
{
    const LxcProcess *left = a, *right = b;
    if (left->cpu_ticks != right->cpu_ticks)
        return left->cpu_ticks < right->cpu_ticks ? 1 : -1;
    return left->pid - right->pid;
}

static json_t *describe_process(const LxcProcess *process)
{
    g_autofree char *command = lxc_process_command(process);
    char state[2] = {process->state, '\0'};
    return json_pack("{s:i, s:i, s:o, s:o, s:s, s:f, s:I}", "pid", (int)process->pid,
                     "inner_pid", (int)lxc_process_inner(process->pid), "name",
                     wire_string(process->name), "command", wire_string(command), "state",
                     state, "cpu_seconds", lxc_process_cpu(process), "rss",
                     (json_int_t)process->rss);
}

static void describe_processes(json_t *object, pid_t init)
{
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(LxcProcess));
    g_autofree char *directory = init > 0 ? lxc_cgroup_directory(init, "freezer") : NULL;
    g_autoptr(GArray) pids = lxc_process_list(directory, PROCESSES_MAX);
    for (guint i = 0; i < pids->len; i++) {
        LxcProcess process;
        if (lxc_process_read(g_array_index(pids, pid_t, i), &process))
            g_array_append_val(found, process);
    }
    g_array_sort(found, busiest_first);
    json_t *array = json_array();
    for (guint i = 0; i < MIN(found->len, LXC_DESCRIBE_PROCESSES); i++)
        (void)json_array_append_new(array,
                                    describe_process(&g_array_index(found, LxcProcess, i)));
    set(object, "processes_count", json_integer(found->len));
    set(object, "processes", array);
}

/* ---- snapshots ---- */

static json_t *read_comment(const char *path)
{
    char text[COMMENT_MAX];
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return json_null();
    gsize length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    return wire_string(g_strstrip(text));
}

/* liblxc writes the time as 2026:11:23 06:44:12, local. */
static json_t *read_time(const char *text)
{
    if (!text || strlen(text) < 19)
        return json_null();
    g_autofree char *standard = g_strndup(text, 19);
    standard[4] = standard[7] = '-';
    standard[10] = 'T';
    g_autoptr(GTimeZone) here = g_time_zone_new_local();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(standard, here);
    return time ? json_integer(g_date_time_to_unix(time)) : json_null();
}

static json_t *describe_snapshots(LxcHandle *handle)
{
    json_t *array = json_array();
    struct lxc_snapshot *list = NULL;
    int count = handle->snapshot_list(handle, &list);
    for (int i = 0; i < count; i++) {
        (void)json_array_append_new(array, json_pack("{s:o, s:o, s:o}", "name",
                                                     wire_string(list[i].name), "created",
                                                     read_time(list[i].timestamp), "comment",
                                                     read_comment(list[i].comment_pathname)));
        list[i].free(&list[i]);
    }
    free(list); /* liblxc's */
    return array;
}

/* ---- all of it ---- */

static void describe_summary(json_t *object, const LxcInspection *inspection)
{
    const GuestSummary *summary = inspection->summary;
    set(object, "kind", json_string(guest_kind_name(summary->kind)));
    set(object, "native", wire_string(summary->native));
    set(object, "name", wire_string(summary->name));
    set(object, "state", json_string(guest_state_name(summary->state)));
    set(object, "reason", string_or_null(summary->reason));
    set(object, "started", integer_or_null((guint64)summary->started));
    set(object, "uptime",
        summary->started
            ? json_integer(MAX(g_get_real_time() / G_USEC_PER_SEC - summary->started, 0))
            : NULL);
    set(object, "init_pid", integer_or_null((guint64)inspection->init));
    set(object, "monitor_pid", integer_or_null((guint64)inspection->monitor));
    LxcCounters counters = {.memory = LXC_COUNTER_UNKNOWN, .rss = LXC_COUNTER_UNKNOWN};
    if (inspection->cgroup)
        lxc_cgroup_read(inspection->cgroup, &counters);
    guint64 cache = counters.cache == LXC_COUNTER_UNKNOWN ? 0 : counters.cache;
    set(object, "memory_used",
        counters.memory == LXC_COUNTER_UNKNOWN
            ? NULL
            : json_integer((json_int_t)(counters.memory - MIN(cache, counters.memory))));
    set(object, "memory_rss",
        counters.rss == LXC_COUNTER_UNKNOWN ? NULL : json_integer((json_int_t)counters.rss));
}

json_t *lxc_describe(const GuestSettings *settings, const char *native, GError **error)
{
    const char *path;
    g_autofree char *name = NULL;
    if (!lxc_native_split(settings, native, &path, &name, error))
        return NULL;
    g_autoptr(LxcInspection) inspection = lxc_inspect(path, name, error);
    if (!inspection)
        return NULL;
    g_autoptr(LxcHandle) handle = lxc_handle_open(path, name, error);
    int directory = handle ? lxc_directory_open(path, name, error) : -1;
    if (directory < 0)
        return NULL;
    json_t *object = json_object();
    g_autofree char *config = g_strdup_printf("%s/config", native);
    describe_summary(object, inspection);
    set(object, "lxcpath", wire_string(path));
    set(object, "config_file", wire_string(config));
    describe_configuration(object, handle, directory);
    close(directory);
    set(object, "networks", describe_networks(handle, inspection));
    describe_processes(object, inspection->init);
    set(object, "snapshots", describe_snapshots(handle));
    set(object, "definition_format", json_string("lxc"));
    return object;
}

char *lxc_definition(const GuestSettings *settings, const char *native, gboolean saved,
                     GError **error)
{
    const char *path;
    g_autofree char *name = NULL;
    (void)saved; /* a container has only the one */
    if (!lxc_native_split(settings, native, &path, &name, error))
        return NULL;
    int directory = lxc_directory_open(path, name, error);
    if (directory < 0)
        return NULL;
    char *text = lxc_config_read(directory, error);
    close(directory);
    if (!text)
        g_prefix_error(error, "container '%s': ", name);
    return text;
}
