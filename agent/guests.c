#include "agent/guests_private.h"

#include "agent/cluster.h"
#include "agent/drivers.h"
#include "agent/events.h"
#include "agent/figure.h"
#include "agent/inventory.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

static void work_free(gpointer data)
{
    GuestWork *work = data;
    g_free(work->task);
    g_free(work->owner);
    g_free(work);
}

gboolean guest_was_just_acted_on(const Guest *guest)
{
    return guest->acted &&
           g_get_monotonic_time() - guest->acted <= GUEST_SETTLE_MS * G_TIME_SPAN_MILLISECOND;
}

const char *guest_actor(const GuestTable *table, const char *id)
{
    const GuestWork *work = g_hash_table_lookup(table->works, id);
    if (work)
        return work->owner;
    const Guest *guest = g_hash_table_lookup(table->by_id, id);
    return guest && guest_was_just_acted_on(guest) ? guest->actor : NULL;
}

static void guest_free(gpointer data)
{
    Guest *guest = data;
    guest_summary_free(guest->summary);
    g_free(guest->vcpu);
    g_free(guest->actor);
    g_free(guest->id);
    g_free(guest);
}

static void driver_free(gpointer data)
{
    GuestTableDriver *driver = data;
    driver->driver->observe_stop(driver->observer);
    g_ptr_array_unref(driver->measured);
    g_free(driver->reason);
    g_free(driver);
}

static void on_document_changed(int number, gpointer user)
{
    GuestTable *table = user;
    static const GuestKind kinds[] = {GUEST_KIND_VM, GUEST_KIND_CT};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *id = g_strdup_printf("%s/%d", guest_kind_name(kinds[i]), number);
        const Guest *guest = guest_table_find(table, id);
        if (!guest)
            continue;
        guest_definitions_note(table->definitions, guest->driver, guest->summary, number, NULL);
        guest_publish(table, guest);
    }
}

/* What was told of it under its number is gone from the inventory with that. */
static void on_renumbered(const char *native, int from, int to, gpointer user)
{
    GuestTable *table = user;
    Guest *guest = g_hash_table_lookup(table->by_native, native);
    if (!guest)
        return;
    inventory_remove(table->agent->inventory, OBJECT_GUEST, guest->id);
    g_hash_table_remove(table->by_id, guest->id);
    g_autofree char *before = guest->id;
    guest->number = to;
    guest->id = g_strdup_printf("%s/%d", guest_kind_name(guest->summary->kind), to);
    memset(&guest->past, 0, sizeof guest->past);
    g_hash_table_insert(table->by_id, guest->id, guest);
    event_log_add(table->agent->events, EVENT_INFO, guest->id, NULL,
                  "%s, until now %s, is %s: its number is another guest's in the cluster",
                  guest->summary->name, before, guest->id);
    guest_definitions_note(table->definitions, guest->driver, guest->summary, to, NULL);
    guest_publish(table, guest);
}

GuestTable *guest_table_new(Agent *agent)
{
    static const GuestDocumentsEvents documents_events = {on_document_changed, on_renumbered};
    GuestTable *table = g_new0(GuestTable, 1);
    table->agent = agent;
    table->by_native = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, guest_free);
    table->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    table->drivers = g_ptr_array_new_with_free_func(driver_free);
    table->works = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, work_free);
    table->departed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    table->versions = json_object();
    table->looks = looks_new();
    table->documents = guest_documents_new(agent->store, agent->node, &documents_events, table);
    table->definitions = guest_definitions_new(agent, table->documents);
    table->lost = guests_lost_new(agent->inventory, agent->store, table->documents);
    guests_lost_nodes(table->lost, cluster_part_lost(agent->cluster));
    const GuestSettings settings = {agent->config->libvirt_uri,
                                    (const char *const *)agent->config->lxc_paths};
    for (size_t i = 0; guest_drivers[i]; i++) {
        GuestTableDriver *driver = g_new0(GuestTableDriver, 1);
        driver->table = table;
        driver->driver = guest_drivers[i];
        driver->health = GUEST_DRIVER_ABSENT;
        driver->measured = g_ptr_array_new();
        g_ptr_array_add(table->drivers, driver);
        driver->observer = driver->driver->observe(&settings, g_main_context_default(),
                                                   &guest_driver_events, driver);
    }
    return table;
}

void guest_table_free(GuestTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->drivers);
    looks_free(table->looks);
    g_hash_table_destroy(table->by_id);
    g_hash_table_destroy(table->by_native);
    g_hash_table_destroy(table->works);
    g_hash_table_destroy(table->departed);
    guests_lost_free(table->lost);
    guest_definitions_free(table->definitions);
    guest_documents_free(table->documents);
    json_decref(table->versions);
    g_free(table);
}

Guest *guest_table_find(const GuestTable *table, const char *id)
{
    return g_hash_table_lookup(table->by_id, id);
}

guint guest_table_count(const GuestTable *table)
{
    return g_hash_table_size(table->by_id);
}

gboolean guest_is_settled(const Guest *guest)
{
    return !guest->stale_since && !guest_was_just_acted_on(guest);
}

static gboolean fits(const Guest *guest, const char *text, guint64 number)
{
    return number ? (guint64)guest->number == number : g_str_equal(guest->summary->name, text);
}

/* Right after the start, or without its daemon, a guest that is there may be unknown. */
static void set_not_found(const GuestTable *table, const char *text, GError **error)
{
    GuestKind kind;
    int number;
    g_autofree char *node = NULL;
    if (guest_documents_elsewhere(table->documents, text, &node)) {
        wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "guest",
                             "%s is a guest of %s, not of %s: ask there", text, node,
                             table->agent->node);
        return;
    }
    gboolean has_kind = guest_id_parse(text, &kind, &number);
    for (guint i = 0; i < table->drivers->len; i++) {
        const GuestTableDriver *driver = table->drivers->pdata[i];
        if (driver->known || (has_kind && driver->driver->kind != kind))
            continue;
        wire_error_set_field(error, WIRE_ERROR_UNAVAILABLE, "guest",
                             "no guest %s is known on %s yet: the %s driver has not listed "
                             "its guests since gantryd started; try again in a moment",
                             text, table->agent->node, driver->driver->name);
        return;
    }
    wire_error_set_field(error, WIRE_ERROR_NOT_FOUND, "guest", "there is no guest %s on %s",
                         text, table->agent->node);
}

Guest *guest_table_resolve(const GuestTable *table, const char *text, GError **error)
{
    Guest *found = g_hash_table_lookup(table->by_id, text);
    if (found)
        return found;
    guint64 number = 0;
    if (!g_ascii_string_to_unsigned(text, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &number,
                                    NULL))
        number = 0;
    GHashTableIter iterator;
    gpointer value;
    g_hash_table_iter_init(&iterator, table->by_native);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Guest *guest = value;
        if (!fits(guest, text, number))
            continue;
        if (found) {
            wire_error_set_field(error, WIRE_ERROR_AMBIGUOUS, "guest",
                                 "%s is the name of %s and of %s: say which by its number",
                                 text, found->id, guest->id);
            return NULL;
        }
        found = guest;
    }
    if (!found)
        set_not_found(table, text, error);
    return found;
}

void guest_table_look(GuestTable *table, const Guest *guest)
{
    for (guint i = 0; i < table->drivers->len; i++) {
        const GuestTableDriver *driver = table->drivers->pdata[i];
        if (driver->driver == guest->driver)
            driver->driver->observe_look(driver->observer, guest->summary->native);
    }
}

gboolean guest_table_look_then(GuestTable *table, const char *id, void (*done)(gpointer user),
                               gpointer user, GDestroyNotify release)
{
    const Guest *guest = guest_table_find(table, id);
    if (!guest)
        return FALSE;
    looks_add(table->looks, guest->summary->native, done, user, release);
    guest_table_look(table, guest);
    return TRUE;
}

void guest_table_set_task(GuestTable *table, const char *id, const char *task,
                          const char *owner)
{
    Guest *guest = guest_table_find(table, id);
    if (task) {
        GuestWork *work = g_new(GuestWork, 1);
        *work = (GuestWork){g_strdup(task), g_strdup(owner)};
        g_hash_table_replace(table->works, g_strdup(id), work);
    } else {
        g_hash_table_remove(table->works, id);
    }
    if (!guest)
        return;
    guest->acted = g_get_monotonic_time();
    if (owner) {
        g_free(guest->actor);
        guest->actor = g_strdup(owner);
    }
    guest_publish(table, guest);
}

json_t *guest_table_drivers(const GuestTable *table)
{
    static const char *const states[] = {"ok", "stale", "absent"};
    json_t *list = json_array();
    for (guint i = 0; i < table->drivers->len; i++) {
        const GuestTableDriver *driver = table->drivers->pdata[i];
        json_array_append_new(
            list,
            json_pack("{s:s,s:s,s:o,s:o}", "name", driver->driver->name, "state",
                      states[driver->health], "since", figure_known(driver->since), "reason",
                      driver->known ? wire_string(driver->reason)
                                    : json_string("it has not been reached yet")));
    }
    return list;
}

const json_t *guest_table_versions(const GuestTable *table)
{
    return table->versions;
}
