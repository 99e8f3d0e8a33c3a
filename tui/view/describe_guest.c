#include "tui/view/describe_guest.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"

#include <math.h>
#include <string.h>

static void put_known(Page *page, const char *label, char *value)
{
    g_autofree char *owned = value;
    if (owned)
        page_fact(page, label, owned);
}

/* Words with ", " between, without those that are not known; to be g_freed. */
static char *join(char *first, char *second, char *third)
{
    char *const words[] = {first, second, third};
    GString *all = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (words[i] && *words[i])
            g_string_append_printf(all, "%s%s", all->len ? ", " : "", words[i]);
        g_free(words[i]);
    }
    return g_string_free(all, all->len == 0);
}

static char *prefixed(const char *prefix, char *word)
{
    char *all = word ? g_strconcat(prefix, word, NULL) : NULL;
    g_free(word);
    return all;
}

static char *describe_cpus(const json_t *detail)
{
    const json_t *topology = json_object_get(detail, "topology");
    double now = page_number(detail, "vcpus"), most = page_number(detail, "vcpus_max");
    GString *text = g_string_new(NULL);
    if (isnan(now))
        g_string_append(text, "-");
    else if (most > now)
        g_string_append_printf(text, "%.0f of at most %.0f", now, most);
    else
        g_string_append_printf(text, "%.0f", now);
    if (json_is_object(topology))
        g_string_append_printf(text, "  (sockets %.0f, dies %.0f, cores %.0f, threads %.0f)",
                               page_number(topology, "sockets"), page_number(topology, "dies"),
                               page_number(topology, "cores"),
                               page_number(topology, "threads"));
    return g_string_free(text, FALSE);
}

static char *describe_firmware(const json_t *detail)
{
    const char *firmware = wire_get_string(detail, "firmware", NULL);
    const json_t *secure = json_object_get(detail, "secure_boot");
    const char *name = g_strcmp0(firmware, "efi") == 0    ? "UEFI"
                       : g_strcmp0(firmware, "bios") == 0 ? "BIOS"
                                                          : firmware;
    if (!name)
        return NULL;
    return g_strconcat(name,
                       json_is_true(secure)    ? ", secure boot"
                       : json_is_false(secure) ? ", no secure boot"
                                               : "",
                       NULL);
}

static void put_machine(Page *page, const json_t *detail)
{
    const json_t *tpm = json_object_get(detail, "tpm");
    g_autofree char *cpus = describe_cpus(detail);
    page_section(page, "Machine");
    page_fact(page, "Processors", cpus);
    put_known(page, "CPU model",
              join(page_word(detail, "cpu_model"), page_word(detail, "cpu_mode"), NULL));
    put_known(page, "Type",
              join(page_word(detail, "machine"), page_word(detail, "arch"),
                   g_strcmp0(wire_get_string(detail, "type", NULL), "qemu") == 0
                       ? g_strdup("emulated, without KVM")
                       : page_word(detail, "type")));
    put_known(page, "Firmware", describe_firmware(detail));
    put_known(page, "Loader", page_word(detail, "loader"));
    put_known(page, "Variables", page_word(detail, "nvram"));
    put_known(page, "TPM", join(page_word(tpm, "model"), page_word(tpm, "backend"), NULL));
    put_known(page, "Boots from", page_words(detail, "boot"));
    put_known(page, "Emulator", page_word(detail, "emulator"));
    put_known(page, "UUID", page_word(detail, "native"));
}

static void put_memory(Page *page, const json_t *detail)
{
    const json_t *balloon = json_object_get(detail, "balloon");
    static const struct {
        const char *key, *label;
    } figures[] = {{"available", "Guest sees"},  {"unused", "Unused"},
                   {"usable", "Could be freed"}, {"disk_caches", "Disk caches"},
                   {"rss", "On the node"},       {"swap_in", "Swapped in"},
                   {"swap_out", "Swapped out"}};
    g_autofree char *now = page_bytes(detail, "memory");
    g_autofree char *most = page_bytes(detail, "memory_max");
    page_section(page, "Memory");
    page_factf(page, "Now", "%s of at most %s", now ? now : "-", most ? most : "-");
    put_known(page, "Balloon", page_word(balloon, "model"));
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        put_known(page, figures[i].label, page_bytes(balloon, figures[i].key));
}

/* "/srv/a.qcow2 on /srv/base.qcow2 (qcow2)" */
static char *disk_source(const json_t *disk)
{
    size_t i;
    const json_t *below;
    const char *device = wire_get_string(disk, "device", "disk");
    const char *source = wire_get_string(disk, "source", NULL);
    GString *text = g_string_new(source ? source
                                 : g_str_equal(device, "cdrom") || g_str_equal(device, "floppy")
                                     ? "no medium"
                                     : "-");
    json_array_foreach(json_object_get(disk, "backing"), i, below)
        g_string_append_printf(text, " on %s (%s)", wire_get_string(below, "source", "?"),
                               wire_get_string(below, "format", "?"));
    return g_string_free(text, FALSE);
}

static char *disk_flags(const json_t *disk)
{
    static const char *const flags[] = {"readonly", "shareable"};
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (json_is_true(json_object_get(disk, flags[i])))
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", flags[i]);
    g_autofree char *cache = prefixed("cache ", page_word(disk, "cache"));
    g_autofree char *discard = prefixed("discard ", page_word(disk, "discard"));
    if (cache)
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", cache);
    if (discard)
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", discard);
    return g_string_free(text, text->len == 0);
}

static void put_disks(Page *page, const json_t *detail)
{
    static const char *const titles[] = {"Disk",  "Bus",  "Device",  "Format", ">Size",
                                         ">Used", "Boot", "Options", "Source", NULL};
    const json_t *disks = json_object_get(detail, "disks"), *disk;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "Disks");
    if (json_array_size(disks) == 0)
        page_line(page, ROLE_DIM, "none");
    json_array_foreach(disks, i, disk)
    {
        page_table_add(table, page_word(disk, "target"));
        page_table_add(table, page_word(disk, "bus"));
        page_table_add(table, page_word(disk, "device"));
        page_table_add(table, page_word(disk, "format"));
        page_table_add(table, page_bytes(disk, "capacity"));
        page_table_add(table, page_bytes(disk, "allocation"));
        page_table_add(table, page_word(disk, "boot"));
        page_table_add(table, disk_flags(disk));
        page_table_add(table, disk_source(disk));
    }
    page_table_put(page, table);
}

static char *nic_addresses(const json_t *nic)
{
    g_autofree char *addresses = page_words(nic, "addresses");
    const char *from = wire_get_string(nic, "from", NULL);
    if (!addresses)
        return NULL;
    return from ? g_strdup_printf("%s (%s)", addresses, from) : g_strdup(addresses);
}

static void put_nics(Page *page, const json_t *detail)
{
    static const char *const titles[] = {"Model", "MAC",  "Bridge",    "On the node", "Type",
                                         "Link",  "Boot", "Addresses", NULL};
    const json_t *nics = json_object_get(detail, "nics"), *nic;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "Network");
    if (json_array_size(nics) == 0)
        page_line(page, ROLE_DIM, "none");
    json_array_foreach(nics, i, nic)
    {
        page_table_add(table, page_word(nic, "model"));
        page_table_add(table, page_word(nic, "mac"));
        page_table_add(table, page_word(nic, "source"));
        page_table_add(table, page_word(nic, "target"));
        page_table_add(table, page_word(nic, "type"));
        page_table_add(table, page_word(nic, "link"));
        page_table_add(table, page_word(nic, "boot"));
        page_table_add(table, nic_addresses(nic));
    }
    page_table_put(page, table);
}

/* A table of a list's members by their keys, when the list has any. */
static void put_list(Page *page, const json_t *detail, const char *key, const char *title,
                     const char *const *keys, const char *const *titles)
{
    const json_t *list = json_object_get(detail, key), *item;
    size_t i;
    if (json_array_size(list) == 0)
        return;
    PageTable *table = page_table_new(titles);
    page_section(page, title);
    json_array_foreach(list, i, item) for (int k = 0; keys[k]; k++)
        page_table_add(table, page_word(item, keys[k]));
    page_table_put(page, table);
}

static void put_ports(Page *page, const json_t *detail)
{
    static const struct {
        const char *key, *title;
        const char *const keys[8], *const titles[8];
    } lists[] = {
        {"graphics",
         "Graphics",
         {"type", "listen", "port", "tls_port", "websocket", "socket", NULL},
         {"Type", "Listens on", ">Port", ">TLS", ">Websocket", "Socket", NULL}},
        {"videos", "Video", {"model", NULL}, {"Model", NULL}},
        {"serials",
         "Serial ports",
         {"port", "target", "type", "path", "log", NULL},
         {"Port", "Device", "Type", "Path", "Log", NULL}},
        {"channels",
         "Channels",
         {"name", "type", "state", NULL},
         {"Name", "Type", "State", NULL}},
        {"hostdevs",
         "Devices of the node",
         {"type", "managed", "source", NULL},
         {"Type", "Managed", "Device", NULL}},
        {"filesystems",
         "Shared directories",
         {"target", "driver", "source", NULL},
         {"Tag", "Driver", "Directory", NULL}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        put_list(page, detail, lists[i].key, lists[i].title, lists[i].keys, lists[i].titles);
}

void describe_hardware(Page *page, const json_t *guest)
{
    const json_t *detail = json_object_get(guest, "detail");
    const char *problem = wire_get_string(guest, "problem", NULL);
    if (problem)
        page_line(page, ROLE_WARNING, problem);
    if (!json_is_object(detail))
        return;
    if (g_strcmp0(wire_get_string(guest, "type", NULL), "ct") == 0) {
        describe_container(page, detail);
        return;
    }
    put_machine(page, detail);
    put_memory(page, detail);
    put_disks(page, detail);
    put_nics(page, detail);
    put_ports(page, detail);
}

void describe_snapshots(Page *page, const json_t *guest)
{
    static const char *const titles[] = {"Snapshot", "Taken", "State", "Parent", "Note", NULL};
    const json_t *detail = json_object_get(guest, "detail");
    const json_t *list = json_object_get(detail, "snapshots"), *snapshot;
    size_t i;
    PageTable *table = page_table_new(titles);
    if (json_array_size(list) == 0)
        page_line(page, ROLE_DIM, "It has no snapshot.");
    json_array_foreach(list, i, snapshot)
    {
        bool current = json_is_true(json_object_get(snapshot, "current"));
        char *note = page_word(snapshot, "description");
        page_table_add(table, page_word(snapshot, "name"));
        page_table_add(table, page_when(snapshot, "created"));
        page_table_add(table, page_word(snapshot, "state"));
        page_table_add(table, page_word(snapshot, "parent"));
        page_table_add(table, join(current ? g_strdup("what it runs on") : NULL,
                                   note ? note : page_word(snapshot, "comment"), NULL));
    }
    page_table_put(page, table);
}

static void put_addresses(Page *page, const ModelGuest *guest, const json_t *detail)
{
    const json_t *nic;
    size_t i;
    GString *text = g_string_new(NULL);
    json_array_foreach(json_object_get(detail, "nics"), i, nic)
    {
        g_autofree char *addresses = nic_addresses(nic);
        if (addresses)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", addresses);
    }
    page_fact(page, "Addresses", text->len ? text->str : guest->addresses);
    g_string_free(text, TRUE);
}

/* A line each for the first few; label stands before the first. */
static void put_short_list(Page *page, const json_t *list, const char *label,
                           char *(*describe)(const json_t *))
{
    enum { SHOWN = 4 };
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        g_autofree char *text = describe(json_array_get(list, i));
        page_fact(page, i ? "" : label, text);
    }
    if (count > SHOWN)
        page_factf(page, "", "and %zu more", count - SHOWN);
}

static char *short_disk(const json_t *disk)
{
    g_autofree char *size = page_bytes(disk, "capacity");
    char *used = page_bytes(disk, "allocation");
    const char *source = wire_get_string(disk, "source", NULL);
    g_autofree char *base = source ? g_path_get_basename(source) : disk_source(disk);
    g_autofree char *figures =
        join(g_strdup(size), used ? prefixed("used ", used) : NULL, NULL);
    return g_strdup_printf("%s  %s  %s%s%s", wire_get_string(disk, "target", "-"),
                           wire_get_string(disk, "bus", "-"), base, figures ? "  " : "",
                           figures ? figures : "");
}

static char *short_nic(const json_t *nic)
{
    return g_strdup_printf("%s  %s  %s", wire_get_string(nic, "model", "-"),
                           wire_get_string(nic, "source", "-"),
                           wire_get_string(nic, "mac", "-"));
}

static char *short_interface(const json_t *nic)
{
    return g_strdup_printf("%s  %s  %s", wire_get_string(nic, "name", "-"),
                           wire_get_string(nic, "link", "-"), wire_get_string(nic, "mac", "-"));
}

static char *vcpu_figures(const json_t *shown)
{
    enum { SHOWN = 16 };
    const json_t *list = json_object_get(shown, "vcpu_cpu"), *value;
    GString *text = g_string_new(NULL);
    size_t i;
    json_array_foreach(list, i, value)
    {
        char figure[16];
        if (i == SHOWN) {
            g_string_append_printf(text, " and %zu more", json_array_size(list) - SHOWN);
            break;
        }
        units_percent(json_is_number(value) ? json_number_value(value) : NAN, figure,
                      sizeof figure);
        g_string_append_printf(text, "%s%s%%", i ? "  " : "", figure);
    }
    return g_string_free(text, text->len == 0);
}

static void put_autostart(Page *page, const ModelGuest *guest, const json_t *detail)
{
    double delay = page_number(detail, "autostart_delay");
    double order = page_number(detail, "autostart_order");
    GString *text = g_string_new(guest->autostart == TRUE    ? "yes"
                                 : guest->autostart == FALSE ? "no"
                                                             : NULL);
    if (guest->autostart == TRUE && delay > 0)
        g_string_append_printf(text, ", then waits %.0f s", delay);
    if (guest->autostart == TRUE && !isnan(order) && order != 0)
        g_string_append_printf(text, ", order %.0f", order);
    page_fact(page, "Autostart", text->str);
    g_string_free(text, TRUE);
}

void describe_guest_facts(Page *page, const ModelGuest *guest, const json_t *shown)
{
    const json_t *detail = json_object_get(shown, "detail");
    char rss[16];
    if (guest->pending == TRUE)
        page_fact_in(page, ROLE_WARNING, "Pending",
                     "its definition was changed: that holds from the next start on");
    if (guest->persistent == FALSE)
        page_fact_in(page, ROLE_WARNING, "Transient", "it is gone once it stops");
    if (guest->reason)
        page_fact(page, "Reason", guest->reason);
    put_addresses(page, guest, detail);
    if (guest->kind == GUEST_KIND_VM) {
        page_fact(page, "Agent",
                  guest->agent == TRUE    ? "answers"
                  : guest->agent == FALSE ? "does not answer"
                                          : NULL);
        put_known(page, "Machine",
                  join(describe_firmware(detail), page_word(detail, "machine"), NULL));
        put_known(page, "Per vCPU", vcpu_figures(shown));
    } else {
        page_fact(page, "Privileged",
                  guest->privileged == TRUE    ? "yes: root inside is root on the node"
                  : guest->privileged == FALSE ? "no"
                                               : NULL);
        put_known(page, "Root", page_word(detail, "rootfs_path"));
        put_known(page, "Processes", page_word(detail, "processes_count"));
    }
    units_bytes(guest->mem_rss, rss, sizeof rss);
    page_fact(page, "On the node", isnan(guest->mem_rss) ? NULL : rss);
    put_autostart(page, guest, detail);
    put_short_list(page, json_object_get(detail, "disks"), "Disks", short_disk);
    put_short_list(page, json_object_get(detail, "nics"), "Network", short_nic);
    put_short_list(page, json_object_get(detail, "networks"), "Network", short_interface);
    if (json_array_size(json_object_get(detail, "snapshots")))
        page_factf(page, "Snapshots", "%zu",
                   json_array_size(json_object_get(detail, "snapshots")));
    if (guest->tags && *guest->tags)
        page_fact(page, "Tags", guest->tags);
    put_known(page, "Notes", page_word(shown, "notes"));
    put_known(page, "Description",
              json_is_string(json_object_get(shown, "description"))
                  ? page_word(shown, "description")
                  : page_word(detail, "description"));
}
