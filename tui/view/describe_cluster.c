#include "tui/view/describe_cluster.h"

#include "backend/wire/message.h"
#include "tui/model/cluster_words.h"

#include <math.h>

static void put_problems(Page *page, const json_t *status)
{
    const json_t *problems = json_object_get(status, "problems"), *problem;
    size_t i;
    if (json_array_size(problems) == 0)
        return;
    page_section(page, "Needs attention");
    json_array_foreach(problems, i, problem)
    {
        bool grave = g_str_equal(wire_get_string(problem, "severity", ""), "error");
        page_line(page, grave ? ROLE_ERROR : ROLE_WARNING,
                  wire_get_string(problem, "text", "-"));
    }
}

/* What is set for the whole cluster, but for what is as usual. */
static void put_settings(Page *page, const json_t *status)
{
    const json_t *settings = json_object_get(status, "settings");
    const char *notes = wire_get_string(settings, "notes", "");
    const char *order = wire_get_string(settings, "drain_order", "as-listed");
    int bandwidth = (int)wire_get_integer(settings, "move_bandwidth", 0);
    int parallel = (int)wire_get_integer(settings, "drain_parallel", 1);
    bool drains = parallel != 1 || !g_str_equal(order, "as-listed");
    if (!bandwidth && !drains && !*notes)
        return;
    page_section(page, "Set for the cluster");
    if (bandwidth)
        page_factf(page, "A move takes", "%d MiB/s at the most", bandwidth);
    if (drains) {
        g_autofree char *words = g_strdelimit(g_strdup(order), "-", ' ');
        page_factf(page, "A drain moves", "%d at once, %s", parallel, words);
    }
    g_auto(GStrv) lines = g_strsplit(notes, "\n", -1);
    for (char **line = lines; *line && *notes; line++)
        page_line(page, ROLE_TEXT, *line);
}

static void put_votes(Page *page, const json_t *status)
{
    const char *state = wire_get_string(status, "state", "?");
    bool up = g_str_equal(state, "up");
    bool quorate = wire_get_boolean(status, "quorate", FALSE);
    page_section(page, wire_get_string(status, "cluster", "no cluster"));
    const char *words = wire_get_string(json_object_get(status, "settings"), "description", "");
    if (*words)
        page_fact(page, "What it is", words);
    page_fact(page, "Seen by", wire_get_string(status, "node", NULL));
    if (!up)
        page_fact_in(page, ROLE_ERROR, "corosync",
                     g_str_equal(state, "silent") ? "does not answer" : "does not run");
    if (!json_object_get(status, "nodes"))
        return;
    page_fact_in(page, quorate ? ROLE_RUNNING : ROLE_ERROR, "Quorum",
                 quorate ? "there: the cluster can be changed"
                         : "lost: all can be read, nothing can be changed");
    page_factf(page, "Votes", "%d of %d, %d are needed",
               (int)wire_get_integer(status, "votes", 0),
               (int)wire_get_integer(status, "expected", 0),
               (int)wire_get_integer(status, "quorum", 0));
    const json_t *device = json_object_get(status, "device");
    g_autofree char *words_of_device = device_words(device);
    page_fact_in(page, !words_of_device || device_votes(device) ? ROLE_TEXT : ROLE_ERROR,
                 "Quorum device", words_of_device ? words_of_device : "none");
    page_factf(page, "corosync.conf", "version %d",
               (int)wire_get_integer(status, "config_version", 0));
    page_fact(page, "Ring", wire_get_string(status, "ring", NULL));
}

static void put_nodes(Page *page, const json_t *status)
{
    static const char *const titles[] = {"Node",     ">Number", "State",     ">Votes",
                                         ">Version", "Store",   "Addresses", NULL};
    const json_t *nodes = json_object_get(status, "nodes"), *node;
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "Nodes");
    json_array_foreach(nodes, i, node)
    {
        page_table_add(table, page_word(node, "name"));
        page_table_add(table, page_word(node, "id"));
        page_table_add(table, member_words(node, now));
        page_table_add(table, page_word(node, "votes"));
        page_table_add(table, page_word(node, "config_version"));
        page_table_add(table, page_word(json_object_get(node, "store"), "state"));
        page_table_add(table, page_words(node, "addresses"));
    }
    page_table_put(page, table);
}

static void put_links(Page *page, const json_t *status)
{
    static const char *const titles[] = {"To",    ">Link",   "State", ">Latency ms",
                                         ">Lost", "Address", NULL};
    const json_t *links = json_object_get(status, "links"), *link;
    size_t i;
    PageTable *table = page_table_new(titles);
    page_section(page, "Links");
    json_array_foreach(links, i, link)
    {
        double latency = page_number(link, "latency_ms");
        page_table_add(table, page_word(link, "node"));
        page_table_add(table, page_word(link, "link"));
        page_table_add(table, page_word(link, "state"));
        page_table_add(table, isnan(latency) ? NULL : g_strdup_printf("%.2f", latency));
        page_table_add(table, page_word(link, "lost"));
        page_table_add(table, page_word(link, "address"));
    }
    page_table_put(page, table);
}

void describe_cluster(Page *page, const json_t *status)
{
    if (g_str_equal(wire_get_string(status, "state", "none"), "none")) {
        page_line(page, ROLE_TEXT, "These nodes are in no cluster.");
        page_line(page, ROLE_DIM, "Press a to make one, or to join another.");
        return;
    }
    put_problems(page, status);
    put_votes(page, status);
    put_nodes(page, status);
    put_links(page, status);
    put_settings(page, status);
}
