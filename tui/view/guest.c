/* One guest: figures and charts, hardware, snapshots, tasks, definition. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"
#include "tui/view/charts.h"
#include "tui/view/describe_guest.h"
#include "tui/view/tabs.h"
#include "tui/widget/cell.h"

#include <math.h>
#include <string.h>

enum {
    DEADLINE = 20000,
    AGAIN = 5, /* seconds between looks at what changes by itself */
    TAB_SUMMARY = 0,
    TAB_HARDWARE,
    TAB_SNAPSHOTS,
    TAB_TASKS,
    TAB_DEFINITION
};

static const char *const tab_names[] = {"Summary", "Hardware",   "Snapshots",
                                        "Tasks",   "Definition", NULL};

typedef struct {
    Console *console;
    Subject subject;
    guint tab;
    Past *past;
    Table *tasks;
    Pager *pagers[G_N_ELEMENTS(tab_names)];
    Ask *show, *definition;
    json_t *shown; /* the last answer, or NULL */
    char *show_error;
    guint8 shown_state; /* when it was asked for */
    gint64 shown_at;    /* and when that was, monotonic */
} GuestView;

static const ModelGuest *find(const GuestView *view)
{
    return (const ModelGuest *)subject_find(&view->subject, console_model(view->console));
}

static void on_show(const json_t *result, const GError *error, gpointer user)
{
    GuestView *view = user;
    view->show = NULL;
    g_clear_pointer(&view->show_error, g_free);
    if (error) {
        view->show_error = g_strdup(error->message);
    } else {
        const GlyphSet *glyphs = screen_glyphs(view->console->screen);
        g_autoptr(Page) hardware = page_new(glyphs);
        g_autoptr(Page) snapshots = page_new(glyphs);
        json_decref(view->shown);
        view->shown = json_incref((json_t *)(gintptr)result);
        describe_hardware(hardware, view->shown);
        describe_snapshots(snapshots, view->shown);
        page_show(hardware, view->pagers[TAB_HARDWARE]);
        page_show(snapshots, view->pagers[TAB_SNAPSHOTS]);
    }
    console_changed(view->console);
}

static void on_definition(const json_t *result, const GError *error, gpointer user)
{
    GuestView *view = user;
    view->definition = NULL;
    pager_set(view->pagers[TAB_DEFINITION],
              error ? error->message : wire_get_string(result, "text", ""));
    console_changed(view->console);
}

static void ask_show(GuestView *view)
{
    const ModelGuest *guest = find(view);
    ask_drop(&view->show);
    view->shown_state = guest ? guest->state : 0;
    view->shown_at = g_get_monotonic_time();
    view->show =
        cluster_ask(console_cluster(view->console), view->subject.node, "guest.show",
                    json_pack("{s:s}", "guest", view->subject.id), DEADLINE, on_show, view);
}

static void ask_definition(GuestView *view)
{
    if (view->definition || !pager_is_empty(view->pagers[TAB_DEFINITION]))
        return;
    guint node = model_node_spokesman(console_model(view->console), view->subject.node);
    view->definition = cluster_ask(console_cluster(view->console), node, "guest.definition",
                                   json_pack("{s:s}", "guest", view->subject.id), DEADLINE,
                                   on_definition, view);
}

static bool is_its_task(const ModelObject *object, gpointer user)
{
    const GuestView *view = user;
    return object->node == view->subject.node &&
           g_strcmp0(((const ModelTask *)object)->object, view->subject.id) == 0;
}

static gpointer guest_open(Console *console, const Subject *subject)
{
    GuestView *view = g_new0(GuestView, 1);
    view->console = console;
    view->subject = *subject;
    view->past = past_new(console, subject);
    for (guint i = 0; tab_names[i]; i++)
        view->pagers[i] = pager_new(false);
    view->tasks = table_new(console_model(console),
                            &(TableSetup){.kind = OBJECT_TASK,
                                          .columns = "created state method progress took owner "
                                                     "doing error",
                                          .sort = "-created",
                                          .scope = is_its_task,
                                          .user = view});
    ask_show(view);
    return view;
}

static void guest_close(gpointer data)
{
    GuestView *view = data;
    ask_drop(&view->show);
    ask_drop(&view->definition);
    past_free(view->past);
    table_free(view->tasks);
    for (guint i = 0; tab_names[i]; i++)
        pager_free(view->pagers[i]);
    json_decref(view->shown);
    g_free(view->show_error);
    g_free(view);
}

static void draw_summary(const GuestView *view, const ModelGuest *guest, Screen *screen,
                         Box box)
{
    char used[16];
    Chart charts[] = {
        {"cpu", PAST_CPU, PAST_CPU, guest->vcpus > 0 ? (float)guest->vcpus * 100 : 100, ""},
        {"mem", PAST_MEMORY, PAST_MEMORY, guest->mem_max > 0 ? guest->mem_max : 0, ""},
        {"disk", PAST_DISK_READ, PAST_DISK_WRITE, 0, ""},
        {"net", PAST_NET_IN, PAST_NET_OUT, 0, ""}};
    units_percent(guest->cpu, used, sizeof used);
    if (guest->vcpus > 0)
        g_snprintf(charts[0].value, sizeof charts[0].value, "%s%% of %d%%", used,
                   guest->vcpus * 100);
    else
        g_snprintf(charts[0].value, sizeof charts[0].value, "%s%%", used);
    chart_say_bytes(&charts[1], guest->mem_used, guest->mem_max);
    chart_say_rates(&charts[2], "r", guest->disk_read, "w", guest->disk_write);
    chart_say_rates(&charts[3], "in", guest->net_in, "out", guest->net_out);
    g_autoptr(Page) facts = page_new(screen_glyphs(screen));
    if (view->show_error)
        page_line(facts, ROLE_WARNING, view->show_error);
    describe_guest_facts(facts, guest, view->shown);
    page_show(facts, view->pagers[TAB_SUMMARY]);
    charts_draw_summary(view->past, screen, box, charts, G_N_ELEMENTS(charts),
                        view->pagers[TAB_SUMMARY]);
}

static void draw_title(const GuestView *view, const ModelGuest *guest, Screen *screen, Box box)
{
    char up[16], age[16];
    Role role;
    gint64 since;
    const Model *model = console_model(view->console);
    const ModelNode *node = model_node(model, guest ? guest->base.node : view->subject.node);
    int column = 1;
    tabs_draw(screen, box.row + 1, tab_names, view->tab);
    if (!guest) {
        draw_printf(screen, box.row, 1, 60, ROLE_ERROR, "%s is gone", view->subject.id);
        return;
    }
    Glyph glyph = cell_guest_glyph(guest, &role);
    column +=
        draw_printf(screen, box.row, column, box.columns / 2, ROLE_TITLE, "%s %s on %s  ",
                    view->subject.id, guest->name ? guest->name : "", node ? node->name : "?");
    draw_glyph(screen, box.row, column, role, glyph);
    units_duration(guest->started > 0
                       ? (double)g_get_real_time() / G_USEC_PER_SEC - (double)guest->started
                       : NAN,
                   up, sizeof up);
    (void)draw_printf(screen, box.row, column + 2, 24, role, "%s %s",
                      guest_state_name((GuestState)guest->state), guest->started > 0 ? up : "");
    bool stale = model_is_stale(model, &guest->base, &since);
    if (stale && since == 0) {
        draw_text(screen, box.row + 2, 1, box.columns - 2, ROLE_WARNING,
                  "what is shown is what the cluster knows: the node is not reached");
    } else if (stale) {
        units_duration((double)g_get_real_time() / G_USEC_PER_SEC - (double)since, age,
                       sizeof age);
        draw_printf(screen, box.row + 2, 1, box.columns - 2, ROLE_WARNING,
                    "what is shown is %s old: %s", age,
                    node && node->link != MODEL_LINK_UP ? "the node is not reached"
                                                        : "its driver does not answer");
    }
}

static void draw_text_tab(GuestView *view, Screen *screen, Box box)
{
    bool waits = view->tab == TAB_DEFINITION ? view->definition != NULL : view->show != NULL;
    if (waits && pager_is_empty(view->pagers[view->tab]))
        draw_text(screen, box.row, 3, box.columns - 4, ROLE_DIM,
                  "waiting for the agent's answer (Esc leaves)");
    else if (view->show_error && view->tab != TAB_DEFINITION)
        draw_text(screen, box.row, 3, box.columns - 4, ROLE_ERROR, view->show_error);
    else
        pager_draw(view->pagers[view->tab], screen,
                   (Box){box.row, 1, box.rows, box.columns - 2});
}

static void guest_draw(gpointer data, Screen *screen, Box box)
{
    GuestView *view = data;
    const ModelGuest *guest = find(view);
    draw_title(view, guest, screen, box);
    Box body = {box.row + 3, box.column, box.rows - 3, box.columns};
    if (view->tab == TAB_TASKS) {
        table_draw(view->tasks, screen, body);
    } else if (view->tab != TAB_SUMMARY) {
        draw_text_tab(view, screen, body);
    } else if (guest) {
        draw_summary(view, guest, screen, body);
    }
}

static bool guest_key(gpointer data, Key key)
{
    GuestView *view = data;
    if (view->tab != TAB_TASKS && pager_is_asking(view->pagers[view->tab]))
        return pager_key(view->pagers[view->tab], key);
    if (tabs_key(tab_names, &view->tab, key)) {
        if (view->tab == TAB_DEFINITION)
            ask_definition(view);
        return true;
    }
    if (view->tab == TAB_TASKS)
        return false;
    return pager_key(view->pagers[view->tab], key);
}

static void guest_tick(gpointer data)
{
    GuestView *view = data;
    const ModelGuest *guest = find(view);
    /* It moved: what is asked for from now on is asked of the other node. */
    if (guest && guest->base.node != view->subject.node) {
        view->subject.node = guest->base.node;
        view->shown_at = 0;
    }
    const ModelNode *node = model_node(console_model(view->console), view->subject.node);
    bool old = g_get_monotonic_time() - view->shown_at > (gint64)AGAIN * G_USEC_PER_SEC;
    /* Another state has other hardware: live or saved. */
    if (guest && node && node->link == MODEL_LINK_UP && !view->show &&
        (guest->state != view->shown_state || old))
        ask_show(view);
}

static Table *guest_table(gpointer data)
{
    const GuestView *view = data;
    return view->tab == TAB_TASKS ? view->tasks : NULL;
}

static ModelObject *guest_object(gpointer data)
{
    const GuestView *view = data;
    return subject_find(&view->subject, console_model(view->console));
}

static void guest_describe(gpointer data, GString *out)
{
    const GuestView *view = data;
    if (view->tab == TAB_SUMMARY)
        g_string_append_printf(out, "   charts: last %s", past_span_name(view->console->span));
    else if (view->tab != TAB_TASKS)
        pager_describe(view->pagers[view->tab], out);
}

const ViewClass view_guest = {.name = "guest",
                              .title = "Guest",
                              .where = IN_CHARTS,
                              .open = guest_open,
                              .close = guest_close,
                              .draw = guest_draw,
                              .key = guest_key,
                              .tick = guest_tick,
                              .table = guest_table,
                              .object = guest_object,
                              .describe = guest_describe};
