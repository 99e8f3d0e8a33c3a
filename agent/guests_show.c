/* What the inventory shows of guests. */
#include "agent/guests_private.h"

#include "agent/figure.h"
#include "agent/inventory.h"
#include "backend/wire/message.h"

#include <math.h>

static json_t *addresses_json(GStrv addresses)
{
    json_t *list = json_array();
    for (char **address = addresses; address && *address; address++)
        json_array_append_new(list, wire_string(*address));
    return list;
}

static json_t *summary_json(const GuestTable *table, const Guest *guest)
{
    const GuestSummary *summary = guest->summary;
    json_t *fields = json_pack(
        "{s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:b,s:b,s:b,s:o,s:o}", "type",
        guest_kind_name(summary->kind), "name", wire_string(summary->name), "native",
        wire_string(summary->native), "node", table->agent->node, "state",
        guest_state_name(summary->state), "reason", wire_string(summary->reason), "started",
        figure_known(summary->started), "vcpus", figure_known(summary->vcpus), "mem_max",
        figure_known((gint64)summary->memory_max), "autostart", summary->autostart,
        "persistent", summary->persistent, "pending", summary->pending, "addresses",
        addresses_json(summary->addresses), "stale_since", figure_known(guest->stale_since));
    if (summary->kind == GUEST_KIND_CT)
        json_object_set_new(fields, "privileged", json_boolean(summary->privileged));
    else
        json_object_set_new(fields, "agent", json_boolean(summary->agent));
    const GuestWork *work = g_hash_table_lookup(table->works, guest->id);
    json_object_set_new(fields, "task", work ? wire_string(work->task) : json_null());
    g_autoptr(json_t) gantry = guest_table_document(table, guest);
    json_t *tags = json_object_get(gantry, "tags");
    json_object_set_new(fields, "tags", tags ? json_incref(tags) : json_array());
    return fields;
}

void guest_publish(GuestTable *table, const Guest *guest)
{
    inventory_update(table->agent->inventory, OBJECT_GUEST, guest->id,
                     summary_json(table, guest));
}

void guest_publish_figures(GuestTable *table, Guest *guest)
{
    guest->shown = TRUE;
    const GuestFigures unknown = {NULL, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, NULL};
    const GuestFigures *f = guest->figures.native ? &guest->figures : &unknown;
    inventory_update(
        table->agent->inventory, OBJECT_GUEST, guest->id,
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "cpu", figure_json(f->cpu, 0.1),
                  "mem_used", figure_json(f->memory_used, 1), "mem_rss",
                  figure_json(f->memory_rss, 1), "disk_read", figure_json(f->disk_read, 1),
                  "disk_write", figure_json(f->disk_write, 1), "disk_ops",
                  figure_json(f->disk_operations, 1), "net_in", figure_json(f->net_in, 1),
                  "net_out", figure_json(f->net_out, 1)));
}

void guest_table_publish_figures(GuestTable *table)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, table->by_native);
    while (g_hash_table_iter_next(&iterator, NULL, &value))
        if (!((const Guest *)value)->shown)
            guest_publish_figures(table, value);
}
