/* Text as any of the kernel's files, as chrony's or apt's answer, as a log, and as the
 * XML of a pool; bytes as netlink's counters. */
#include "backend/net/rates.h"
#include "backend/node/facts.h"
#include "backend/node/parse.h"
#include "backend/node/text.h"
#include "backend/node/upkeep.h"
#include "backend/storage/storage.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static void parse_figures(const char *text)
{
    NodeTicks total, cores[4];
    NodeMemory memory;
    double load[3], some, full;
    size_t online;
    if (node_parse_stat(text, &total, cores, G_N_ELEMENTS(cores), &online))
        g_assert_cmpuint(online, <=, strlen(text));
    if (node_parse_memory(text, &memory))
        g_assert_cmpuint(memory.available, <=, memory.total);
    (void)node_parse_load(text, load);
    (void)node_parse_pressure(text, &some, &full);
    NodeDiskCounters disk;
    for (const char *at = text; *at;)
        (void)node_parse_disk(&at, &disk);
}

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
    char *text = g_strndup((const char *)data, size);
    parse_figures(text);
    int link;
    NetCounters counters;
    (void)net_stats_parse(data, size, &link, &counters);
    g_ptr_array_unref(node_mounts_parse(text));
    NodeFacts facts = {0};
    node_facts_parse_processors(text, &facts);
    node_facts_clear(&facts);
    NodeClock clock;
    (void)node_clock_parse_chrony(text, &clock);
    (void)node_updates_parse(text);
    g_free(text);
    Storage *storage = g_new0(Storage, 1);
    char *xml = g_strndup((const char *)data, size);
    (void)storage_pool_parse(xml, storage);
    storage_free(storage);
    g_free(xml);
    GPtrArray *lines = node_text_tail((const char *)data, size, 20, 100);
    for (guint i = 0; i < lines->len; i++)
        g_assert_true(g_utf8_validate(lines->pdata[i], -1, NULL));
    g_ptr_array_unref(lines);
    return 0;
}
