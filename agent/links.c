#include "agent/links.h"

#include "agent/alarms.h"
#include "agent/figure.h"
#include "agent/inventory.h"
#include "backend/net/link.h"
#include "backend/wire/message.h"

struct LinkTable {
    Agent *agent;
    NetMonitor *monitor;
    GHashTable *names; /* of the links in the inventory */
};

static json_t *link_json(const LinkTable *table, const NetLink *link)
{
    json_t *addresses = json_array();
    for (char **address = link->addresses; *address; address++)
        json_array_append_new(addresses, wire_string(*address));
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "node", table->agent->node, "type",
                     net_link_type_name(link->type), "state", net_link_state_name(link->state),
                     "mac", wire_string(link->mac), "mtu", figure_known(link->mtu), "master",
                     wire_string(link->master), "addresses", addresses, "speed",
                     figure_known(link->speed));
}

/* A card that is up and has lost its cable is news; a bridge without ports is not. */
static void check_carrier(const LinkTable *table, const NetLink *link)
{
    g_autofree char *key = g_strdup_printf("link/%s", link->name);
    if (link->type == NET_LINK_PHYSICAL && link->state == NET_LINK_NO_CARRIER && link->master)
        alarms_raise(table->agent->alarms, EVENT_WARNING, key, link->name,
                     "link %s on %s has no carrier: check the cable and the switch's port",
                     link->name, table->agent->node);
    else
        alarms_clear(table->agent->alarms, key);
}

static void on_changed(gpointer user)
{
    LinkTable *table = user;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) links = net_links_read(&error);
    if (!links) {
        g_warning("the links of this node can't be read: %s", error->message);
        return;
    }
    g_autoptr(GHashTable) before = g_steal_pointer(&table->names);
    table->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < links->len; i++) {
        const NetLink *link = links->pdata[i];
        inventory_update(table->agent->inventory, OBJECT_LINK, link->name,
                         link_json(table, link));
        check_carrier(table, link);
        g_hash_table_add(table->names, g_strdup(link->name));
    }
    GHashTableIter iterator;
    gpointer name;
    g_hash_table_iter_init(&iterator, before);
    while (g_hash_table_iter_next(&iterator, &name, NULL))
        if (!g_hash_table_contains(table->names, name))
            inventory_remove(table->agent->inventory, OBJECT_LINK, name);
}

LinkTable *link_table_new(Agent *agent)
{
    g_autoptr(GError) error = NULL;
    LinkTable *table = g_new0(LinkTable, 1);
    table->agent = agent;
    table->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    table->monitor = net_monitor_new(NULL, on_changed, table, &error);
    if (!table->monitor)
        g_warning("changes of links will not be seen: %s", error->message);
    on_changed(table);
    return table;
}

void link_table_free(LinkTable *table)
{
    if (!table)
        return;
    net_monitor_free(table->monitor);
    g_hash_table_destroy(table->names);
    g_free(table);
}

void link_table_publish(LinkTable *table, const NetRates *rates)
{
    size_t count;
    const NetRate *links = rates ? net_rates_links(rates, &count) : NULL;
    for (size_t i = 0; links && i < count; i++)
        if (g_hash_table_contains(table->names, links[i].name))
            inventory_update(table->agent->inventory, OBJECT_LINK, links[i].name,
                             json_pack("{s:o,s:o,s:I}", "net_in", figure_json(links[i].in, 1),
                                       "net_out", figure_json(links[i].out, 1), "errors",
                                       (json_int_t)links[i].counters.errors));
}
