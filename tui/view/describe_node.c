#include "tui/view/describe_node.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"

#include <math.h>
#include <string.h>

enum { CORES_A_LINE = 3, CORE_BAR = 8, USE_BAR = 10 };

static void put_pressure(Page *page, const ModelNode *node)
{
    char cpu[16], memory[16], io[16];
    units_percent(node->psi_cpu, cpu, sizeof cpu);
    units_percent(node->psi_mem, memory, sizeof memory);
    units_percent(node->psi_io, io, sizeof io);
    page_factf(page, "Pressure", "cpu %s%%, memory %s%%, disk %s%%", cpu, memory, io);
}

static void put_of(Page *page, const char *label, double used, double total)
{
    char a[16], b[16], percent[16];
    units_bytes(used, a, sizeof a);
    units_bytes(total, b, sizeof b);
    units_percent(total > 0 ? 100 * used / total : NAN, percent, sizeof percent);
    Role role = total > 0 && used / total >= 0.9 ? ROLE_WARNING : ROLE_TEXT;
    g_autofree char *text = total > 0 ? g_strdup_printf("%s of %s, %s%%", a, b, percent) : NULL;
    page_fact_in(page, role, label, total == 0 ? "none" : text);
}

static void put_time(Page *page, const ModelNode *node)
{
    if (isnan(node->time_offset))
        page_fact(page, "Clock", NULL);
    else
        page_factf(page, "Clock", "%.3f s off", node->time_offset);
}

void describe_node_facts(Page *page, const ModelNode *node)
{
    char up[16];
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    units_duration(node->boot > 0 ? now - (double)node->boot : NAN, up, sizeof up);
    if (node->drivers)
        page_fact_in(page, ROLE_WARNING, "Drivers", node->drivers);
    page_factf(page, "Guests", "%d, %d of them running", node->guests, node->running);
    page_fact(page, "Up for", up);
    put_of(page, "Swap", node->swap_used, node->swap_total);
    put_of(page, "Root", node->root_used, node->root_total);
    put_pressure(page, node);
    page_fact_in(page, node->kvm == FALSE ? ROLE_WARNING : ROLE_TEXT, "KVM",
                 node->kvm == TRUE    ? "available"
                 : node->kvm == FALSE ? node->kvm_reason
                                      : NULL);
    page_fact(page, "Kernel", node->kernel);
    page_factf(page, "Versions", "agent %s, libvirt %s, QEMU %s, LXC %s",
               node->agent ? node->agent : "-", node->libvirt ? node->libvirt : "-",
               node->qemu ? node->qemu : "-", node->lxc ? node->lxc : "-");
    if (node->updates > 0)
        page_factf(page, "Updates", "%d packages wait", node->updates);
    else
        page_fact(page, "Updates", node->updates == 0 ? "none wait" : NULL);
    put_time(page, node);
    page_fact(page, "Reached by", node->target);
}

static void put_processor(Page *page, const json_t *node)
{
    const json_t *cores = json_object_get(node, "cores"), *core;
    size_t i;
    g_autofree char *model = page_word(node, "cpu_model");
    double sockets = page_number(node, "sockets"), real = page_number(node, "physical_cores");
    double threads = page_number(node, "cpus"), waits = page_number(node, "iowait");
    page_section(page, "Processor");
    page_fact(page, "Model", model);
    if (!isnan(sockets) && !isnan(real) && !isnan(threads))
        page_factf(page, "Made of", "sockets %.0f, cores %.0f, threads %.0f", sockets, real,
                   threads);
    if (!isnan(waits))
        page_factf(page, "Waits for disk", "%.1f%%", waits);
    g_autoptr(GString) line = g_string_new(NULL);
    json_array_foreach(cores, i, core)
    {
        g_autofree char *bar =
            page_bar(page, CORE_BAR, json_is_number(core) ? json_number_value(core) : NAN);
        g_string_append_printf(line, "%3zu  %-*s  ", i, CORE_BAR + 5, bar ? bar : "-");
        if ((i + 1) % CORES_A_LINE == 0 || i + 1 == json_array_size(cores)) {
            page_line(page, ROLE_TEXT, line->str);
            g_string_truncate(line, 0);
        }
    }
}

/* The member of a list of objects with that name, or NULL. */
static const json_t *find_named(const json_t *list, const char *name)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item) if (g_strcmp0(wire_get_string(item, "name", NULL),
                                                    name) == 0) return item;
    return NULL;
}

static char *rate_of(const json_t *rates, const char *key)
{
    char text[32];
    units_rate(page_number(rates, key), text, sizeof text);
    return g_strcmp0(text, "-") == 0 ? NULL : g_strdup(text);
}

static void put_disks(Page *page, const json_t *node)
{
    static const char *const titles[] = {"Disk",   ">Size", ">Read/s", ">Write/s", ">Ops/s",
                                         ">Busy%", "Kind",  "Model",   "Serial",   NULL};
    const json_t *disks = json_object_get(node, "disks"), *disk;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "Disks");
    json_array_foreach(disks, i, disk)
    {
        const json_t *rates = find_named(json_object_get(node, "disk_rates"),
                                         wire_get_string(disk, "name", NULL));
        page_table_add(table, page_word(disk, "name"));
        page_table_add(table, page_bytes(disk, "size"));
        page_table_add(table, rate_of(rates, "read"));
        page_table_add(table, rate_of(rates, "write"));
        page_table_add(table, page_word(rates, "ops"));
        page_table_add(table, page_word(rates, "busy"));
        page_table_add(
            table,
            g_strconcat(
                json_is_true(json_object_get(disk, "rotational")) ? "rotating" : "solid",
                json_is_true(json_object_get(disk, "removable")) ? ", removable" : "",
                json_is_true(json_object_get(disk, "read_only")) ? ", read only" : "", NULL));
        page_table_add(table, page_word(disk, "model"));
        page_table_add(table, page_word(disk, "serial"));
    }
    page_table_put(page, table);
}

static void put_filesystems(Page *page, const json_t *node)
{
    static const char *const titles[] = {"Use",   ">Size", ">Free",  "Type",
                                         "State", "Path",  "Source", NULL};
    const json_t *list = json_object_get(node, "filesystems"), *one;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "File systems");
    json_array_foreach(list, i, one)
    {
        char silent[32];
        double total = page_number(one, "total"), used = page_number(one, "used");
        double since = page_number(one, "silent");
        units_duration(since, silent, sizeof silent);
        page_table_add(table, page_bar(page, USE_BAR, total > 0 ? 100 * used / total : NAN));
        page_table_add(table, page_bytes(one, "total"));
        page_table_add(table, page_bytes(one, "available"));
        page_table_add(table, page_word(one, "type"));
        page_table_add(table, !isnan(since) ? g_strdup_printf("no answer for %s", silent)
                              : json_is_true(json_object_get(one, "read_only"))
                                  ? g_strdup("read only")
                                  : NULL);
        page_table_add(table, page_word(one, "path"));
        page_table_add(table, page_word(one, "source"));
    }
    page_table_put(page, table);
}

static void put_software(Page *page, const json_t *node)
{
    static const struct {
        const char *key, *label;
    } words[] = {{"system", "System"},   {"kernel", "Kernel"}, {"agent", "Agent"},
                 {"libvirt", "libvirt"}, {"qemu", "QEMU"},     {"lxc", "LXC"}};
    const json_t *drivers = json_object_get(node, "drivers"), *driver;
    size_t i;
    page_section(page, "Programs");
    for (size_t w = 0; w < G_N_ELEMENTS(words); w++) {
        g_autofree char *word = page_word(node, words[w].key);
        page_fact(page, words[w].label, word);
    }
    g_autofree char *reason = page_word(node, "kvm_reason");
    bool kvm = json_is_true(json_object_get(node, "kvm"));
    page_fact_in(page, kvm ? ROLE_TEXT : ROLE_WARNING, "KVM",
                 kvm      ? "available"
                 : reason ? reason
                          : NULL);
    json_array_foreach(drivers, i, driver)
    {
        const char *state = wire_get_string(driver, "state", "-");
        const char *why = wire_get_string(driver, "reason", NULL);
        g_autofree char *since = page_when(driver, "since");
        g_autofree char *label =
            g_strdup_printf("Driver %s", wire_get_string(driver, "name", "?"));
        g_autofree char *text = g_strdup_printf("%s since %s%s%s", state, since ? since : "-",
                                                why ? ": " : "", why ? why : "");
        page_fact_in(page, g_str_equal(state, "ok") ? ROLE_TEXT : ROLE_WARNING, label, text);
    }
    g_autofree char *source = page_word(node, "time_source");
    page_factf(page, "Clock", "%s%s%s",
               json_is_true(json_object_get(node, "time_synchronised"))
                   ? "synchronised"
                   : "not known to be synchronised",
               source ? ", says " : "", source ? source : "");
    double updates = page_number(node, "updates");
    if (!isnan(updates))
        page_factf(page, "Updates", "%.0f packages wait", updates);
}

void describe_machine(Page *page, const json_t *node)
{
    put_processor(page, node);
    put_disks(page, node);
    put_filesystems(page, node);
    put_software(page, node);
}
