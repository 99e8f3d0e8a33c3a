#include "backend/net/rates.h"

#include "backend/proc/proc.h"

#include <fcntl.h>
#include <math.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

enum { DEV_FIELDS = 16 };

G_STATIC_ASSERT(NET_NAME_MAX > IF_NAMESIZE);

struct NetRates {
    ProcFile file;
    int sysfs;             /* /sys/class/net, or -1 */
    GArray *links, *spare; /* of NetRate: the last sample, and room for the next */
    gint64 time;           /* of the last sample; 0: none */
};

NetRates *net_rates_new(GError **error)
{
    ProcFile file;
    if (!proc_file_open(&file, "/proc/thread-self/net/dev", error))
        return NULL;
    NetRates *rates = g_new(NetRates, 1);
    *rates = (NetRates){
        .file = file,
        .sysfs = open("/sys/class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .links = g_array_new(FALSE, FALSE, sizeof(NetRate)),
        .spare = g_array_new(FALSE, FALSE, sizeof(NetRate)),
    };
    return rates;
}

void net_rates_free(NetRates *rates)
{
    if (!rates)
        return;
    proc_file_close(&rates->file);
    if (rates->sysfs >= 0)
        (void)close(rates->sysfs);
    g_array_unref(rates->links);
    g_array_unref(rates->spare);
    g_free(rates);
}

double net_rate(guint64 old, guint64 new, double seconds)
{
    return new >= old &&seconds > 0 ? (double)(new - old) / seconds : NAN;
}

/* "  eth0: BYTES packets errs drop fifo frame compressed multicast BYTES packets
 * errs drop ...", as net/core/net-procfs.c of Linux prints it. A name may hold a
 * colon (old aliases), so the last one counts. */
gboolean net_dev_parse(const char **cursor, char *name, NetCounters *counters)
{
    const char *line = *cursor;
    (void)proc_scan_line(cursor);
    while (*line == ' ')
        line++;
    size_t length = strcspn(line, " \n");
    const char *colon = memrchr(line, ':', length);
    if (!colon || colon == line || colon - line >= NET_NAME_MAX)
        return FALSE;
    guint64 fields[DEV_FIELDS];
    const char *at = colon + 1;
    for (int i = 0; i < DEV_FIELDS; i++)
        if (!proc_scan_number(&at, &fields[i]))
            return FALSE;
    memcpy(name, line, (size_t)(colon - line));
    name[colon - line] = '\0';
    *counters = (NetCounters){
        .received = fields[0],
        .sent = fields[8],
        .errors = fields[2] + fields[3] + fields[10] + fields[11],
    };
    return TRUE;
}

static void classify(const NetRates *rates, NetRate *link)
{
    char path[NET_NAME_MAX + sizeof "/device"];
    (void)g_snprintf(path, sizeof path, "%s/device", link->name);
    link->physical = rates->sysfs >= 0 && faccessat(rates->sysfs, path, F_OK, 0) == 0;
    link->outer = g_str_has_prefix(link->name, "eth") || g_str_has_prefix(link->name, "en");
}

/* The link of the last sample, most often at the same place. */
static const NetRate *find_old(const NetRates *rates, size_t place, const char *name)
{
    if (place < rates->links->len) {
        const NetRate *link = &g_array_index(rates->links, NetRate, place);
        if (strcmp(link->name, name) == 0)
            return link;
    }
    return net_rates_find(rates, name);
}

gboolean net_rates_read(NetRates *rates, gint64 now, GError **error)
{
    if (!proc_file_read(&rates->file, error))
        return FALSE;
    double seconds = rates->time ? (double)(now - rates->time) / G_USEC_PER_SEC : 0;
    const char *cursor = rates->file.text;
    g_array_set_size(rates->spare, 0);
    while (*cursor) {
        NetRate link = {.in = NAN, .out = NAN};
        if (!net_dev_parse(&cursor, link.name, &link.counters))
            continue;
        const NetRate *old = find_old(rates, rates->spare->len, link.name);
        if (old) {
            link.in = net_rate(old->counters.received, link.counters.received, seconds);
            link.out = net_rate(old->counters.sent, link.counters.sent, seconds);
            link.physical = old->physical;
            link.outer = old->outer;
        } else {
            classify(rates, &link);
        }
        g_array_append_val(rates->spare, link);
    }
    GArray *last = rates->links;
    rates->links = rates->spare;
    rates->spare = last;
    rates->time = now;
    return TRUE;
}

const NetRate *net_rates_links(const NetRates *rates, size_t *count)
{
    *count = rates->links->len;
    return (const NetRate *)(const void *)rates->links->data;
}

const NetRate *net_rates_find(const NetRates *rates, const char *name)
{
    for (size_t i = 0; i < rates->links->len; i++) {
        const NetRate *link = &g_array_index(rates->links, NetRate, i);
        if (strcmp(link->name, name) == 0)
            return link;
    }
    return NULL;
}

void net_rates_total(const NetRates *rates, double *in, double *out)
{
    double sums[2][2] = {{0, 0}, {0, 0}}; /* [physical][in, out] */
    gboolean any[2] = {FALSE, FALSE};
    for (size_t i = 0; i < rates->links->len; i++) {
        const NetRate *link = &g_array_index(rates->links, NetRate, i);
        if (!link->physical && !link->outer)
            continue;
        int kind = link->physical ? 1 : 0;
        any[kind] = TRUE;
        sums[kind][0] += link->in;
        sums[kind][1] += link->out;
    }
    int kind = any[1] ? 1 : 0;
    *in = any[kind] ? sums[kind][0] : NAN;
    *out = any[kind] ? sums[kind][1] : NAN;
}
