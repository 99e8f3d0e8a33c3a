/* What the drivers say: guests that come, change and go, figures, and their own health. */
#include "agent/guests_private.h"

#include "agent/alarms.h"
#include "agent/events.h"
#include "agent/inventory.h"
#include "agent/past.h"

#include <string.h>

static void tell_change(GuestTable *table, const Guest *guest, const GuestSummary *before)
{
    const GuestSummary *now = guest->summary;
    if (before->state == now->state && g_str_equal(before->name, now->name))
        return;
    const char *who = guest_actor(table, guest->id);
    if (!g_str_equal(before->name, now->name))
        event_log_add(table->agent->events, EVENT_INFO, guest->id, who, "%s is now named %s",
                      before->name, now->name);
    if (before->state == now->state)
        return;
    EventSeverity severity = now->state == GUEST_STATE_CRASHED ? EVENT_ERROR : EVENT_INFO;
    if (now->reason)
        event_log_add(table->agent->events, severity, guest->id, who, "%s is %s (%s)",
                      now->name, guest_state_name(now->state), now->reason);
    else
        event_log_add(table->agent->events, severity, guest->id, who, "%s is %s", now->name,
                      guest_state_name(now->state));
}

static void drop_figures(Guest *guest)
{
    memset(&guest->figures, 0, sizeof guest->figures);
    g_clear_pointer(&guest->vcpu, g_free);
}

static gboolean is_active(GuestState state)
{
    return state == GUEST_STATE_RUNNING || state == GUEST_STATE_PAUSED ||
           state == GUEST_STATE_STARTING || state == GUEST_STATE_STOPPING;
}

static Guest *add_guest(GuestTable *table, const GuestDriver *driver,
                        const GuestSummary *summary)
{
    Guest *guest = g_new0(Guest, 1);
    guest->driver = driver;
    guest->summary = guest_summary_copy(summary);
    guest->number = guest_documents_number(table->documents, summary->kind, summary->native,
                                           summary->name, &guest->fresh);
    guest->id = g_strdup_printf("%s/%d", guest_kind_name(summary->kind), guest->number);
    g_hash_table_insert(table->by_native, g_strdup(summary->native), guest);
    g_hash_table_insert(table->by_id, guest->id, guest);
    return guest;
}

/* News is a guest that this node has not seen before, or that had gone; those
 * found when the agent starts are not. */
static void tell_arrival(GuestTable *table, const Guest *guest)
{
    gboolean back = g_hash_table_remove(table->departed, guest->id);
    if (back || guest->fresh)
        event_log_add(table->agent->events, EVENT_INFO, guest->id,
                      guest_actor(table, guest->id), "%s %s (%s)", guest->summary->name,
                      back ? "is back" : "appeared", guest_state_name(guest->summary->state));
}

static void on_changed(const GuestSummary *summary, gpointer user)
{
    GuestTableDriver *driver = user;
    GuestTable *table = driver->table;
    Guest *guest = g_hash_table_lookup(table->by_native, summary->native);
    if (!guest) {
        guest = add_guest(table, driver->driver, summary);
        tell_arrival(table, guest);
    } else {
        g_autoptr(GuestSummary) before = guest->summary;
        guest->summary = guest_summary_copy(summary);
        tell_change(table, guest, before);
    }
    guest->stale_since = 0;
    guest_documents_note(table->documents, guest->number, summary->name,
                         guest_state_name(summary->state));
    guest_definitions_note(table->definitions, driver->driver, summary, guest->number,
                           guest_actor(table, guest->id));
    guest_publish(table, guest);
    if (!is_active(summary->state) && guest->figures.native) {
        drop_figures(guest);
        guest_publish_figures(table, guest);
    }
}

static void on_gone(const char *native, gpointer user)
{
    GuestTableDriver *driver = user;
    GuestTable *table = driver->table;
    Guest *guest = g_hash_table_lookup(table->by_native, native);
    if (!guest)
        return;
    event_log_add(table->agent->events, EVENT_INFO, guest->id, guest_actor(table, guest->id),
                  "%s is gone", guest->summary->name);
    g_hash_table_add(table->departed, g_strdup(guest->id));
    g_ptr_array_set_size(driver->measured, 0);
    guest_definitions_forget(table->definitions, native);
    inventory_remove(table->agent->inventory, OBJECT_GUEST, guest->id);
    g_hash_table_remove(table->by_id, guest->id);
    g_hash_table_remove(table->by_native, native);
    looks_end(table->looks, native);
}

static void on_looked(const char *native, gpointer user)
{
    looks_end(((const GuestTableDriver *)user)->table->looks, native);
}

/* Most often a driver tells of the same guests in the same order as before. */
static Guest *find_measured(const GuestTableDriver *driver, size_t place, const char *native)
{
    gpointer *guest = &driver->measured->pdata[place];
    if (!*guest || strcmp(((const Guest *)*guest)->summary->native, native) != 0)
        *guest = g_hash_table_lookup(driver->table->by_native, native);
    return *guest;
}

static void on_figures(const GuestFigures *figures, size_t count, gpointer user)
{
    GuestTableDriver *driver = user;
    GuestTable *table = driver->table;
    g_ptr_array_set_size(driver->measured, (gint)count);
    gboolean watched = inventory_watched(table->agent->inventory, OBJECT_GUEST);
    for (size_t i = 0; i < count; i++) {
        Guest *guest = find_measured(driver, i, figures[i].native);
        if (!guest)
            continue;
        double *vcpu = guest->figures.vcpu_count == figures[i].vcpu_count
                           ? g_steal_pointer(&guest->vcpu)
                           : NULL;
        g_free(guest->vcpu);
        size_t size = (size_t)figures[i].vcpu_count * sizeof(double);
        guest->vcpu = vcpu ? vcpu : g_malloc(size);
        if (figures[i].vcpu && size)
            memcpy(guest->vcpu, figures[i].vcpu, size);
        guest->figures = figures[i];
        guest->figures.native = guest->summary->native;
        guest->figures.vcpu = figures[i].vcpu ? guest->vcpu : NULL;
        guest->shown = FALSE;
        past_add_guest(table->agent->past, guest->id, &guest->past, &guest->figures);
        if (watched)
            guest_publish_figures(table, guest);
    }
}

static void set_stale(GuestTable *table, const GuestTableDriver *driver, gint64 since)
{
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, table->by_native);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Guest *guest = value;
        if (guest->driver != driver->driver || guest->stale_since == since)
            continue;
        guest->stale_since = since;
        if (since)
            drop_figures(guest);
        guest_publish(table, guest);
        if (since)
            guest_publish_figures(table, guest);
    }
}

static void publish_drivers(GuestTable *table)
{
    json_t *fields = json_pack("{s:o}", "drivers", guest_table_drivers(table));
    json_object_update(fields, table->versions);
    inventory_update(table->agent->inventory, OBJECT_NODE, table->agent->node, fields);
}

/* A node may well have no libvirt or no LXC; one that had it and lost it is in
 * trouble. */
static void check_driver(const GuestTable *table, const GuestTableDriver *driver,
                         GuestDriverHealth health, const char *reason)
{
    g_autofree char *key = g_strdup_printf("driver/%s", driver->driver->name);
    const char *kind = driver->driver->kind == GUEST_KIND_VM ? "VMs" : "containers";
    if (health == GUEST_DRIVER_OK)
        alarms_clear(table->agent->alarms, key);
    else if (health == GUEST_DRIVER_STALE || driver->health == GUEST_DRIVER_OK)
        alarms_raise(table->agent->alarms, EVENT_ERROR, key, driver->driver->name,
                     "the %s of %s are shown as they last were: %s", kind, table->agent->node,
                     reason ? reason : "their driver does not answer");
}

static void on_health(GuestDriverHealth health, gint64 since, const char *reason,
                      const json_t *versions, gpointer user)
{
    static const struct {
        EventSeverity severity;
        const char *text;
    } words[] = {[GUEST_DRIVER_OK] = {EVENT_INFO, "answers"},
                 [GUEST_DRIVER_STALE] = {EVENT_WARNING, "does not answer"},
                 [GUEST_DRIVER_ABSENT] = {EVENT_WARNING, "is not there"}};
    GuestTableDriver *driver = user;
    GuestTable *table = driver->table;
    gboolean changed = driver->health != health;
    if (driver->known ? changed : health == GUEST_DRIVER_STALE)
        event_log_add(table->agent->events, words[health].severity, driver->driver->name, NULL,
                      "the %s driver %s%s%s", driver->driver->name, words[health].text,
                      reason ? ": " : "", reason ? reason : "");
    check_driver(table, driver, health, reason);
    driver->health = health;
    driver->known = TRUE;
    driver->since = since;
    g_free(driver->reason);
    driver->reason = g_strdup(reason);
    if (versions)
        json_object_update(table->versions, (json_t *)(gintptr)versions);
    set_stale(table, driver, health == GUEST_DRIVER_OK ? 0 : since);
    publish_drivers(table);
}

const GuestEvents guest_driver_events = {on_changed, on_gone, on_looked, on_figures, on_health};
