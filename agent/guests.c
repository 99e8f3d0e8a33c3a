#include "agent/guests.h"

#include "agent/alarms.h"
#include "agent/cluster.h"
#include "agent/drivers.h"
#include "agent/events.h"
#include "agent/figure.h"
#include "agent/guest_definitions.h"
#include "agent/guest_documents.h"
#include "agent/guests_lost.h"
#include "agent/inventory.h"
#include "agent/looks.h"
#include "agent/past.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <math.h>
#include <string.h>

typedef struct {
    GuestTable *table;
    const GuestDriver *driver;
    GuestObserver *observer;
    GPtrArray *measured; /* of Guest: the last figures' ones, each at its place; or NULL */
    GuestDriverHealth health;
    gboolean known; /* it has reported its health at least once */
    gint64 since;
    char *reason;
} Driver;

struct GuestTable {
    Agent *agent;
    GuestDocuments *documents;
    GuestDefinitions *definitions;
    GuestsLost *lost;
    GHashTable *by_native; /* native -> Guest */
    GHashTable *by_id;     /* id -> Guest (borrowed) */
    GPtrArray *drivers;    /* of Driver */
    Looks *looks;
    json_t *versions;
    GHashTable *departed; /* ids of guests that went while the agent ran */
    GHashTable *works;    /* id -> Work: also of guests that are not seen yet */
};

/* A task at work on a guest. */
typedef struct {
    char *task;
    char *owner;
} Work;

static void work_free(gpointer data)
{
    Work *work = data;
    g_free(work->task);
    g_free(work->owner);
    g_free(work);
}

static gboolean was_just_acted_on(const Guest *guest)
{
    return guest->acted &&
           g_get_monotonic_time() - guest->acted <= GUEST_SETTLE_MS * G_TIME_SPAN_MILLISECOND;
}

/* Who causes what happens to a guest now, or NULL. Some news come a moment after the
 * task that made them. */
static const char *actor_of(const GuestTable *table, const char *id)
{
    const Work *work = g_hash_table_lookup(table->works, id);
    if (work)
        return work->owner;
    const Guest *guest = g_hash_table_lookup(table->by_id, id);
    return guest && was_just_acted_on(guest) ? guest->actor : NULL;
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

/* ---- what the inventory shows ---- */

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
    const Work *work = g_hash_table_lookup(table->works, guest->id);
    json_object_set_new(fields, "task", work ? wire_string(work->task) : json_null());
    g_autoptr(json_t) gantry = guest_table_document(table, guest);
    json_t *tags = json_object_get(gantry, "tags");
    json_object_set_new(fields, "tags", tags ? json_incref(tags) : json_array());
    return fields;
}

static void publish(GuestTable *table, const Guest *guest)
{
    inventory_update(table->agent->inventory, OBJECT_GUEST, guest->id,
                     summary_json(table, guest));
}

static void publish_figures(GuestTable *table, Guest *guest)
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
            publish_figures(table, value);
}

/* ---- what the drivers say ---- */

static void tell_change(GuestTable *table, const Guest *guest, const GuestSummary *before)
{
    const GuestSummary *now = guest->summary;
    if (before->state == now->state && g_str_equal(before->name, now->name))
        return;
    const char *who = actor_of(table, guest->id);
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
        event_log_add(table->agent->events, EVENT_INFO, guest->id, actor_of(table, guest->id),
                      "%s %s (%s)", guest->summary->name, back ? "is back" : "appeared",
                      guest_state_name(guest->summary->state));
}

static void on_changed(const GuestSummary *summary, gpointer user)
{
    Driver *driver = user;
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
                           actor_of(table, guest->id));
    publish(table, guest);
    if (!is_active(summary->state) && guest->figures.native) {
        drop_figures(guest);
        publish_figures(table, guest);
    }
}

static void on_gone(const char *native, gpointer user)
{
    Driver *driver = user;
    GuestTable *table = driver->table;
    Guest *guest = g_hash_table_lookup(table->by_native, native);
    if (!guest)
        return;
    event_log_add(table->agent->events, EVENT_INFO, guest->id, actor_of(table, guest->id),
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
    looks_end(((const Driver *)user)->table->looks, native);
}

/* Most often a driver tells of the same guests in the same order as before. */
static Guest *find_measured(const Driver *driver, size_t place, const char *native)
{
    gpointer *guest = &driver->measured->pdata[place];
    if (!*guest || strcmp(((const Guest *)*guest)->summary->native, native) != 0)
        *guest = g_hash_table_lookup(driver->table->by_native, native);
    return *guest;
}

static void on_figures(const GuestFigures *figures, size_t count, gpointer user)
{
    Driver *driver = user;
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
            publish_figures(table, guest);
    }
}

static void set_stale(GuestTable *table, const Driver *driver, gint64 since)
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
        publish(table, guest);
        if (since)
            publish_figures(table, guest);
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
static void check_driver(const GuestTable *table, const Driver *driver,
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
    Driver *driver = user;
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

static const GuestEvents driver_events = {on_changed, on_gone, on_looked, on_figures,
                                          on_health};

/* ---- the table ---- */

static void driver_free(gpointer data)
{
    Driver *driver = data;
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
        publish(table, guest);
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
    publish(table, guest);
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
        Driver *driver = g_new0(Driver, 1);
        driver->table = table;
        driver->driver = guest_drivers[i];
        driver->health = GUEST_DRIVER_ABSENT;
        driver->measured = g_ptr_array_new();
        g_ptr_array_add(table->drivers, driver);
        driver->observer = driver->driver->observe(&settings, g_main_context_default(),
                                                   &driver_events, driver);
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
    return !guest->stale_since && !was_just_acted_on(guest);
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
        const Driver *driver = table->drivers->pdata[i];
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
        const Driver *driver = table->drivers->pdata[i];
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
        Work *work = g_new(Work, 1);
        *work = (Work){g_strdup(task), g_strdup(owner)};
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
    publish(table, guest);
}

void guest_table_expect(GuestTable *table, const char *id, const char *native)
{
    GuestKind kind;
    int number;
    g_autofree char *name = g_path_get_basename(native);
    if (guest_id_parse(id, &kind, &number))
        guest_documents_move(table->documents, kind, number, native, name);
}

void guest_table_settle(GuestTable *table)
{
    guest_documents_settle(table->documents);
    guest_definitions_settle(table->definitions);
}

void guest_table_prune(GuestTable *table)
{
    guest_documents_prune(table->documents);
}

void guest_table_expect_move(GuestTable *table, GuestKind kind, int number, const char *native,
                             const char *name)
{
    guest_documents_expect(table->documents, kind, number, native, name);
}

void guest_table_take(GuestTable *table, const char *id)
{
    GuestKind kind;
    int number;
    if (guest_id_parse(id, &kind, &number))
        guest_documents_take(table->documents, number);
}

void guest_table_part(GuestTable *table, const char *id)
{
    GuestKind kind;
    int number;
    if (guest_id_parse(id, &kind, &number))
        guest_documents_part(table->documents, number);
}

void guest_table_set_lost(GuestTable *table, GHashTable *nodes)
{
    guests_lost_nodes(table->lost, nodes);
}

json_t *guest_table_all(const GuestTable *table)
{
    return guest_documents_all(table->documents);
}

char *guest_table_definition(const GuestTable *table, const char *text, char **node)
{
    int number = guest_documents_elsewhere(table->documents, text, node);
    GBytes *copy = number ? guest_documents_definition(table->documents, number) : NULL;
    gsize size;
    const char *data = copy ? g_bytes_get_data(copy, &size) : NULL;
    return data ? g_strndup(data, size) : NULL;
}

void guest_table_forget(GuestTable *table, const char *id)
{
    GuestKind kind;
    int number;
    if (!guest_id_parse(id, &kind, &number))
        return;
    guest_documents_forget(table->documents, number);
    past_forget_guest(table->agent->past, id);
}

json_t *guest_table_document(const GuestTable *table, const Guest *guest)
{
    return guest_documents_gantry(table->documents, guest->number);
}

gboolean guest_table_check_document(const GuestTable *table, const Guest *guest,
                                    const json_t *params, GError **error)
{
    return guest_documents_check(table->documents, guest->number, params, error);
}

guint64 guest_table_document_revision(const GuestTable *table, const Guest *guest)
{
    return guest_documents_revision(table->documents, guest->number);
}

void guest_table_change_document(GuestTable *table, const Guest *guest, json_t *changes,
                                 GuestSaved saved, gpointer user)
{
    guest_documents_change(table->documents, guest->number, changes, saved, user);
}

json_t *guest_table_drivers(const GuestTable *table)
{
    static const char *const states[] = {"ok", "stale", "absent"};
    json_t *list = json_array();
    for (guint i = 0; i < table->drivers->len; i++) {
        const Driver *driver = table->drivers->pdata[i];
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
