#include "tui/view/describe_guest.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"

#include <math.h>

static void put(Page *page, const char *label, char *value)
{
    g_autofree char *owned = value;
    page_fact(page, label, owned);
}

static void put_system(Page *page, const json_t *detail)
{
    bool privileged = json_is_true(json_object_get(detail, "privileged"));
    g_autofree char *path = page_word(detail, "rootfs_path");
    g_autofree char *backing = page_word(detail, "rootfs_backing");
    double delay = page_number(detail, "autostart_delay");
    double order = page_number(detail, "autostart_order");
    page_section(page, "Container");
    page_factf(page, "Root", "%s%s%s%s", path ? path : "-", backing ? " (" : "",
               backing ? backing : "", backing ? ")" : "");
    put(page, "Architecture", page_word(detail, "arch"));
    put(page, "Host name", page_word(detail, "hostname"));
    page_fact(page, "Privileged", privileged ? "yes: root inside is root on the node" : "no");
    if (json_is_true(json_object_get(detail, "autostart")))
        page_factf(page, "Autostart", "yes, order %.0f, then waits %.0f s",
                   isnan(order) ? 0 : order, isnan(delay) ? 0 : delay);
    else
        page_fact(page, "Autostart", "no");
    put(page, "Groups", page_words(detail, "groups"));
    put(page, "Init", page_word(detail, "init_pid"));
    put(page, "Configured in", page_word(detail, "config_file"));
}

static void put_idmap(Page *page, const json_t *detail)
{
    static const char *const titles[] = {"Of", ">Inside", ">On the node", ">Count", NULL};
    const json_t *list = json_object_get(detail, "idmap"), *map;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    PageTable *table = page_table_new(titles);
    page_section(page, "Users and groups");
    json_array_foreach(list, i, map)
    {
        const char *type = wire_get_string(map, "type", "");
        page_table_add(table, g_strdup(*type == 'u'   ? "users"
                                       : *type == 'g' ? "groups"
                                                      : type));
        page_table_add(table, page_word(map, "inside"));
        page_table_add(table, page_word(map, "outside"));
        page_table_add(table, page_word(map, "count"));
    }
    page_table_put(page, table);
}

static void put_limits(Page *page, const json_t *detail)
{
    static const char *const none = "no limit";
    g_autofree char *used = page_bytes(detail, "memory_used");
    g_autofree char *rss = page_bytes(detail, "memory_rss");
    g_autofree char *memory = page_bytes(detail, "memory_max");
    g_autofree char *swap = page_bytes(detail, "swap_max");
    g_autofree char *quota = page_word(detail, "cpu_quota");
    g_autofree char *cpuset = page_word(detail, "cpuset");
    g_autofree char *most = page_word(detail, "processes_max");
    g_autofree char *count = page_word(detail, "processes_count");
    g_autofree char *shares = page_word(detail, "cpu_shares");
    g_autofree char *weight = page_word(detail, "cpu_weight");
    g_autofree char *title =
        g_strdup_printf("Limits (cgroup %s)", wire_get_string(detail, "cgroup", "-"));
    page_section(page, title);
    page_factf(page, "Memory", "%s, %s used, %s of it not cache", memory ? memory : none,
               used ? used : "-", rss ? rss : "-");
    page_fact(page, "Swap", swap ? swap : none);
    page_factf(page, "Processors", "%s%s", quota ? quota : none,
               page_number(detail, "vcpus") > 0 && !quota ? " but those of the node" : "");
    if (cpuset)
        page_fact(page, "On cores", cpuset);
    if (shares)
        page_fact(page, "CPU shares", shares);
    if (weight)
        page_fact(page, "CPU weight", weight);
    page_factf(page, "Processes", "%s, %s now", most ? most : none, count ? count : "-");
}

static char *in_and_out(const json_t *network)
{
    g_autofree char *in = page_bytes(network, "bytes_in");
    g_autofree char *out = page_bytes(network, "bytes_out");
    return in || out ? g_strdup_printf("%s / %s", in ? in : "-", out ? out : "-") : NULL;
}

static void put_networks(Page *page, const json_t *detail)
{
    static const char *const titles[] = {"Name", "Type",        "Bridge",   "MAC",       "Up",
                                         ">MTU", "On the node", "In / out", "Addresses", NULL};
    const json_t *list = json_object_get(detail, "networks"), *network;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "Network");
    if (json_array_size(list) == 0)
        page_line(page, ROLE_DIM, "none");
    json_array_foreach(list, i, network)
    {
        char *addresses = page_words(network, "addresses");
        char *configured = page_words(network, "configured_addresses");
        page_table_add(table, page_word(network, "name"));
        page_table_add(table, page_word(network, "type"));
        page_table_add(table, page_word(network, "link"));
        page_table_add(table, page_word(network, "mac"));
        page_table_add(table, page_word(network, "up"));
        page_table_add(table, page_word(network, "mtu"));
        page_table_add(table, page_word(network, "host_interface"));
        page_table_add(table, in_and_out(network));
        /* While it runs, what it has; else what it will get. */
        if (!addresses && configured)
            addresses = g_strdup_printf("%s (configured)", configured);
        page_table_add(table, addresses);
        g_free(configured);
    }
    page_table_put(page, table);
}

static void put_mounts(Page *page, const json_t *detail)
{
    static const char *const titles[] = {"Mounted on", "Type", "Source", "Options", NULL};
    const json_t *list = json_object_get(detail, "mounts"), *mount;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    PageTable *table = page_table_new(titles);
    page_section(page, "Mounts");
    json_array_foreach(list, i, mount)
    {
        page_table_add(table, page_word(mount, "target"));
        page_table_add(table, page_word(mount, "type"));
        page_table_add(table, page_word(mount, "source"));
        page_table_add(table, page_word(mount, "options"));
    }
    page_table_put(page, table);
}

static void put_processes(Page *page, const json_t *detail)
{
    static const char *const titles[] = {">Pid",    ">Inside", "State",   ">CPU time",
                                         ">Memory", "Name",    "Command", NULL};
    const json_t *list = json_object_get(detail, "processes"), *process;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    PageTable *table = page_table_new(titles);
    page_section(page, "Busiest processes");
    json_array_foreach(list, i, process)
    {
        page_table_add(table, page_word(process, "pid"));
        page_table_add(table, page_word(process, "inner_pid"));
        page_table_add(table, page_word(process, "state"));
        page_table_add(table, page_duration(process, "cpu_seconds"));
        page_table_add(table, page_bytes(process, "rss"));
        page_table_add(table, page_word(process, "name"));
        page_table_add(table, page_word(process, "command"));
    }
    page_table_put(page, table);
}

void describe_container(Page *page, const json_t *detail)
{
    put_system(page, detail);
    put_limits(page, detail);
    put_networks(page, detail);
    put_mounts(page, detail);
    put_idmap(page, detail);
    put_processes(page, detail);
}
