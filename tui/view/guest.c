/* One guest: figures and charts, hardware, snapshots, tasks, definition. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"
#include "tui/view/describe.h"
#include "tui/view/past.h"
#include "tui/view/tabs.h"
#include "tui/widget/cell.h"

#include <math.h>
#include <string.h>

enum {
    DEADLINE = 20000,
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
    char *show_error;
    guint8 shown_state; /* when it was asked for */
} GuestView;

static const ModelGuest *find(const GuestView *view)
{
    return (const ModelGuest *)subject_find(&view->subject, console_model(view->console));
}

static void set_section(GuestView *view, guint tab, const json_t *object,
                        const char *const *only)
{
    g_autofree char *text = describe_json(object, only);
    pager_set(view->pagers[tab], *text ? text : "there are none");
}

static void on_show(const json_t *result, const GError *error, gpointer user)
{
    static const char *const snapshots[] = {"snapshots", NULL};
    GuestView *view = user;
    view->show = NULL;
    g_clear_pointer(&view->show_error, g_free);
    if (error) {
        view->show_error = g_strdup(error->message);
    } else {
        const json_t *guest = json_object_get(result, "guest");
        const json_t *object = json_is_object(guest) ? guest : result;
        g_autoptr(json_t) hardware = json_copy((json_t *)(gintptr)object);
        (void)json_object_del(hardware, "snapshots");
        set_section(view, TAB_HARDWARE, hardware, NULL);
        set_section(view, TAB_SNAPSHOTS, object, snapshots);
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
    view->show =
        cluster_ask(console_cluster(view->console), view->subject.node, "guest.show",
                    json_pack("{s:s}", "guest", view->subject.id), DEADLINE, on_show, view);
}

static void ask_definition(GuestView *view)
{
    if (view->definition || !pager_is_empty(view->pagers[TAB_DEFINITION]))
        return;
    view->definition = cluster_ask(
        console_cluster(view->console), view->subject.node, "guest.definition",
        json_pack("{s:s}", "guest", view->subject.id), DEADLINE, on_definition, view);
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
    g_free(view->show_error);
    g_free(view);
}

static void draw_chart(const GuestView *view, Screen *screen, int row, const char *label,
                       const char *value, PastSeries first, PastSeries second, float top,
                       int columns)
{
    guint count, other;
    float sum[PAST_POINTS];
    const float *a = past_points(view->past, first, &count);
    const float *b = past_points(view->past, second, &other);
    for (guint i = 0; i < count; i++)
        sum[i] = first == second ? a[i] : a[i] + b[i];
    draw_text(screen, row, 1, 6, ROLE_TEXT, label);
    draw_text(screen, row, 7, 26, ROLE_TEXT, value);
    chart_draw(screen, (Box){row, 34, 2, columns}, ROLE_CHART, view->console->charts, sum,
               count, top);
}

static void draw_charts(const GuestView *view, const ModelGuest *guest, Screen *screen, Box box)
{
    char text[64], a[16], b[16];
    int columns = MIN(box.columns - 36, 120), row = box.row;
    units_percent(guest->cpu, a, sizeof a);
    if (guest->vcpus > 0)
        g_snprintf(text, sizeof text, "%s%% of %d%%", a, guest->vcpus * 100);
    else
        g_snprintf(text, sizeof text, "%s%%", a);
    draw_chart(view, screen, row, "cpu", text, PAST_CPU, PAST_CPU,
               guest->vcpus > 0 ? (float)guest->vcpus * 100 : 100, columns);
    units_bytes(guest->mem_used, a, sizeof a);
    units_bytes(guest->mem_max, b, sizeof b);
    g_snprintf(text, sizeof text, "%s of %s", a, b);
    draw_chart(view, screen, row + 3, "mem", text, PAST_MEMORY, PAST_MEMORY,
               guest->mem_max > 0 ? guest->mem_max : 0, columns);
    units_rate(guest->disk_read, a, sizeof a);
    units_rate(guest->disk_write, b, sizeof b);
    g_snprintf(text, sizeof text, "r %s w %s/s", a, b);
    draw_chart(view, screen, row + 6, "disk", text, PAST_DISK_READ, PAST_DISK_WRITE, 0,
               columns);
    units_rate(guest->net_in, a, sizeof a);
    units_rate(guest->net_out, b, sizeof b);
    g_snprintf(text, sizeof text, "in %s out %s/s", a, b);
    draw_chart(view, screen, row + 9, "net", text, PAST_NET_IN, PAST_NET_OUT, 0, columns);
}

static void draw_facts(const GuestView *view, const ModelGuest *guest, Screen *screen, Box box)
{
    static const char *const names[] = {"addresses",  "tags",     "autostart", "agent",
                                        "mem_rss",    "disk_ops", "pending",   "persistent",
                                        "privileged", "reason"};
    const ModelField *fields = model_fields(OBJECT_GUEST);
    int row = box.row, end = box.row + box.rows;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && row < end; i++) {
        const ModelField *field = &fields[model_field_find(OBJECT_GUEST, names[i])];
        Cell cell;
        if (!model_field_known(console_model(view->console), field, &guest->base))
            continue;
        cell_fill(&cell, console_model(view->console), field, &guest->base);
        draw_field(screen, row, 1, 10, ROLE_DIM, ALIGN_LEFT, field->title);
        draw_text(screen, row++, 13, box.columns - 14, cell.role, cell.text);
    }
}

static void draw_title(const GuestView *view, const ModelGuest *guest, Screen *screen, Box box)
{
    char up[16], age[16];
    Role role;
    gint64 since;
    const Model *model = console_model(view->console);
    const ModelNode *node = model_node(model, view->subject.node);
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
    if (model_is_stale(model, &guest->base, &since)) {
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
        draw_charts(view, guest, screen, body);
        draw_facts(view, guest, screen, (Box){body.row + 12, 0, body.rows - 12, body.columns});
    }
}

static bool guest_key(gpointer data, Key key)
{
    GuestView *view = data;
    if (tabs_key(tab_names, &view->tab, key)) {
        if (view->tab == TAB_DEFINITION)
            ask_definition(view);
        return true;
    }
    if (view->tab == TAB_SUMMARY || view->tab == TAB_TASKS)
        return false;
    return pager_key(view->pagers[view->tab], key);
}

static void guest_tick(gpointer data)
{
    GuestView *view = data;
    const ModelGuest *guest = find(view);
    /* Another state has other hardware: live or saved. */
    if (guest && guest->state != view->shown_state && !view->show)
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
    if (view->tab != TAB_SUMMARY && view->tab != TAB_TASKS)
        pager_describe(view->pagers[view->tab], out);
}

const ViewClass view_guest = {.name = "guest",
                              .title = "Guest",
                              .open = guest_open,
                              .close = guest_close,
                              .draw = guest_draw,
                              .key = guest_key,
                              .tick = guest_tick,
                              .table = guest_table,
                              .object = guest_object,
                              .describe = guest_describe};
