#include "backend/guest/lxc_report.h"

#include "backend/wire/message.h"

#include <lxc/lxccontainer.h>
#include <lxc/version.h>

struct LxcReport {
    gatomicrefcount references; /* the owner's and one for each item under way */
    GMainContext *context;
    GuestEvents events;
    gpointer user;
    gboolean stopped; /* only looked at and set in the context's thread */
};

typedef struct Item Item;
struct Item {
    LxcReport *report;
    void (*deliver)(const Item *item);
    GuestSummary *summary;
    char *text; /* native or reason */
    GuestFigures *figures;
    size_t count;
    GuestDriverHealth health;
    gint64 since;
};

static void report_unref(LxcReport *report)
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
    for (size_t i = 0; i < item->count; i++)
        g_free((char *)(gintptr)item->figures[i].native);
    g_free(item->figures);
    g_free(item->text);
    report_unref(item->report);
    g_free(item);
}

static gboolean dispatch(gpointer data)
{
    const Item *item = data;
    if (!item->report->stopped)
        item->deliver(item);
    return G_SOURCE_REMOVE;
}

static Item *item_new(LxcReport *report, void (*deliver)(const Item *item))
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

LxcReport *lxc_report_new(GMainContext *context, const GuestEvents *events, gpointer user)
{
    LxcReport *report = g_new0(LxcReport, 1);
    g_atomic_ref_count_init(&report->references);
    report->context =
        context ? g_main_context_ref(context) : g_main_context_ref(g_main_context_default());
    report->events = *events;
    report->user = user;
    return report;
}

void lxc_report_stop(LxcReport *report)
{
    report->stopped = TRUE;
    report_unref(report);
}

static void deliver_changed(const Item *item)
{
    item->report->events.changed(item->summary, item->report->user);
}

void lxc_report_changed(LxcReport *report, const GuestSummary *summary)
{
    Item *item = item_new(report, deliver_changed);
    item->summary = guest_summary_copy(summary);
    item_send(item);
}

static void deliver_gone(const Item *item)
{
    item->report->events.gone(item->text, item->report->user);
}

void lxc_report_gone(LxcReport *report, const char *native)
{
    Item *item = item_new(report, deliver_gone);
    item->text = g_strdup(native);
    item_send(item);
}

static void deliver_looked(const Item *item)
{
    item->report->events.looked(item->text, item->report->user);
}

void lxc_report_looked(LxcReport *report, const char *native)
{
    Item *item = item_new(report, deliver_looked);
    item->text = g_strdup(native);
    item_send(item);
}

static void deliver_figures(const Item *item)
{
    item->report->events.figures(item->figures, item->count, item->report->user);
}

void lxc_report_figures(LxcReport *report, const GuestFigures *figures, size_t count)
{
    Item *item = item_new(report, deliver_figures);
    item->figures = g_memdup2(figures, count * sizeof *figures);
    item->count = count;
    for (size_t i = 0; i < count; i++)
        item->figures[i].native = g_strdup(figures[i].native);
    item_send(item);
}

static void deliver_health(const Item *item)
{
    g_autoptr(json_t) versions = json_pack("{s:s}", "lxc", lxc_get_version());
    item->report->events.health(item->health, item->since, item->text, versions,
                                item->report->user);
}

void lxc_report_health(LxcReport *report, GuestDriverHealth health, gint64 since,
                       const char *reason)
{
    Item *item = item_new(report, deliver_health);
    item->health = health;
    item->since = since;
    item->text = g_strdup(reason);
    item_send(item);
}
