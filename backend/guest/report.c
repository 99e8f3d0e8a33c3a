#include "backend/guest/report.h"

struct GuestReport {
    gatomicrefcount references; /* the owner's and one for each item under way */
    GMainContext *context;
    GuestEvents events;
    gpointer user;
    gboolean stopped; /* only looked at and set in the context's thread */
};

typedef struct Item Item;
struct Item {
    GuestReport *report;
    void (*deliver)(const Item *item);
    GuestSummary *summary;
    char *text; /* native or reason */
    const GuestFigures *figures;
    size_t count;
    gpointer owned; /* what the figures are in */
    GDestroyNotify release;
    GuestDriverHealth health;
    gint64 since;
    json_t *versions;
};

void guest_report_unref(GuestReport *report)
{
    if (!g_atomic_ref_count_dec(&report->references))
        return;
    g_main_context_unref(report->context);
    g_free(report);
}

static void item_free(gpointer data)
{
    Item *item = data;
    guest_summary_free(item->summary);
    if (item->release)
        item->release(item->owned);
    json_decref(item->versions);
    g_free(item->text);
    guest_report_unref(item->report);
    g_free(item);
}

static gboolean dispatch(gpointer data)
{
    const Item *item = data;
    if (!item->report->stopped)
        item->deliver(item);
    return G_SOURCE_REMOVE;
}

static Item *item_new(GuestReport *report, void (*deliver)(const Item *item))
{
    Item *item = g_new0(Item, 1);
    g_atomic_ref_count_inc(&report->references);
    item->report = report;
    item->deliver = deliver;
    return item;
}

static void item_send(Item *item)
{
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, dispatch, item, item_free);
    g_source_attach(source, item->report->context);
}

GuestReport *guest_report_new(GMainContext *context, const GuestEvents *events, gpointer user)
{
    GuestReport *report = g_new0(GuestReport, 1);
    g_atomic_ref_count_init(&report->references);
    report->context =
        context ? g_main_context_ref(context) : g_main_context_ref(g_main_context_default());
    report->events = *events;
    report->user = user;
    return report;
}

void guest_report_stop(GuestReport *report)
{
    report->stopped = TRUE;
}

static void deliver_changed(const Item *item)
{
    item->report->events.changed(item->summary, item->report->user);
}

void guest_report_changed(GuestReport *report, const GuestSummary *summary)
{
    Item *item = item_new(report, deliver_changed);
    item->summary = guest_summary_copy(summary);
    item_send(item);
}

static void deliver_gone(const Item *item)
{
    item->report->events.gone(item->text, item->report->user);
}

void guest_report_gone(GuestReport *report, const char *native)
{
    Item *item = item_new(report, deliver_gone);
    item->text = g_strdup(native);
    item_send(item);
}

static void deliver_looked(const Item *item)
{
    item->report->events.looked(item->text, item->report->user);
}

void guest_report_looked(GuestReport *report, const char *native)
{
    Item *item = item_new(report, deliver_looked);
    item->text = g_strdup(native);
    item_send(item);
}

static void deliver_figures(const Item *item)
{
    item->report->events.figures(item->figures, item->count, item->report->user);
}

void guest_report_figures(GuestReport *report, const GuestFigures *figures, size_t count,
                          gpointer owned, GDestroyNotify release)
{
    Item *item = item_new(report, deliver_figures);
    item->figures = figures;
    item->count = count;
    item->owned = owned;
    item->release = release;
    item_send(item);
}

static void deliver_health(const Item *item)
{
    item->report->events.health(item->health, item->since, item->text, item->versions,
                                item->report->user);
}

void guest_report_health(GuestReport *report, GuestDriverHealth health, gint64 since,
                         const char *reason, const json_t *versions)
{
    Item *item = item_new(report, deliver_health);
    item->health = health;
    item->since = since;
    item->text = g_strdup(reason);
    item->versions = json_deep_copy(versions);
    item_send(item);
}
