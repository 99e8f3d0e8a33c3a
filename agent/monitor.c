#include "agent/monitor.h"

#include "agent/alarms.h"
#include "agent/figure.h"
#include "agent/inventory.h"
#include "agent/links.h"
#include "agent/past.h"
#include "backend/node/figures.h"
#include "backend/wire/message.h"

/* Links that nobody watches are read now and then, so that the rate of one that is asked
 * for is the average of no longer than that. */
enum { LINKS_EVERY = 10 };

struct NodeMonitor {
    Agent *agent;
    NodeReader *reader;
    NodeFigures figures;
    gboolean known;
    guint timer;
    guint ticks;
};

static json_t *figures_json(const NodeFigures *f)
{
    json_t *load = json_array();
    for (int i = 0; i < 3; i++)
        json_array_append_new(load, figure_json(f->load[i], 0.01));
    return json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "boot",
                     (json_int_t)f->boot, "cpus", figure_known((long long)f->cpus), "cpu",
                     figure_json(f->cpu, 0.1), "load", load, "mem_total",
                     figure_known((long long)f->mem_total), "mem_used",
                     figure_json((double)f->mem_used, 1 << 20), "swap_total",
                     json_integer((json_int_t)f->swap_total), "swap_used",
                     json_integer((json_int_t)f->swap_used), "psi_cpu",
                     figure_json(f->psi_cpu, 0.1), "psi_mem", figure_json(f->psi_mem, 0.1),
                     "psi_io", figure_json(f->psi_io, 0.1), "net_in", figure_json(f->net_in, 1),
                     "net_out", figure_json(f->net_out, 1), "disk_read",
                     figure_json(f->disk_read, 1), "disk_write", figure_json(f->disk_write, 1));
}

void node_monitor_publish(NodeMonitor *monitor)
{
    if (monitor->known)
        inventory_update(monitor->agent->inventory, OBJECT_NODE, monitor->agent->node,
                         figures_json(&monitor->figures));
}

static gboolean on_tick(gpointer user)
{
    NodeMonitor *monitor = user;
    monitor->known = node_reader_read(monitor->reader, &monitor->figures, NULL);
    if (!monitor->known)
        return G_SOURCE_CONTINUE;
    past_add_node(monitor->agent->past, &monitor->figures);
    alarms_check_node(monitor->agent->alarms, &monitor->figures);
    if (inventory_watched(monitor->agent->inventory, OBJECT_NODE))
        node_monitor_publish(monitor);
    if (inventory_watched(monitor->agent->inventory, OBJECT_LINK))
        link_table_publish(monitor->agent->links, node_reader_links(monitor->reader));
    else if (++monitor->ticks % LINKS_EVERY == 0)
        (void)node_reader_links(monitor->reader);
    return G_SOURCE_CONTINUE;
}

NodeMonitor *node_monitor_new(Agent *agent)
{
    g_autoptr(GError) error = NULL;
    NodeMonitor *monitor = g_new0(NodeMonitor, 1);
    monitor->agent = agent;
    monitor->reader = node_reader_new(&error);
    inventory_update(agent->inventory, OBJECT_NODE, agent->node, json_object());
    if (!monitor->reader) {
        g_warning("this node's figures can't be read: %s", error->message);
        return monitor;
    }
    (void)on_tick(monitor);
    monitor->timer = g_timeout_add_seconds(1, on_tick, monitor);
    return monitor;
}

void node_monitor_free(NodeMonitor *monitor)
{
    if (!monitor)
        return;
    g_clear_handle_id(&monitor->timer, g_source_remove);
    node_reader_free(monitor->reader);
    g_free(monitor);
}

const NetRates *node_monitor_rates(NodeMonitor *monitor)
{
    return monitor->reader ? node_reader_links(monitor->reader) : NULL;
}

json_t *node_monitor_detail(const NodeMonitor *monitor)
{
    json_t *cores = json_array(), *disks = json_array();
    const NodeFigures *f = &monitor->figures;
    for (size_t i = 0; monitor->known && i < f->core_count; i++)
        json_array_append_new(cores, figure_json(f->core[i], 0.1));
    for (size_t i = 0; monitor->known && i < f->disk_count; i++)
        json_array_append_new(disks, json_pack("{s:o,s:o,s:o,s:o,s:o}", "name",
                                               wire_string(f->disks[i].name), "read",
                                               figure_json(f->disks[i].read, 1), "write",
                                               figure_json(f->disks[i].write, 1), "ops",
                                               figure_json(f->disks[i].operations, 0.1), "busy",
                                               figure_json(f->disks[i].busy, 0.1)));
    return json_pack("{s:o,s:o,s:o}", "cores", cores, "iowait", figure_json(f->iowait, 0.1),
                     "disk_rates", disks);
}
