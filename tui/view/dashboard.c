/* How things stand: what is wrong first, then the nodes, the busiest guests and
 * what is being done. */
#include "tui/view/console_private.h"

#include "tui/screen/text.h"

#include "tui/model/units.h"
#include "tui/view/past.h"
#include "tui/view/summary.h"
#include "tui/widget/cell.h"

#include <math.h>
#include <string.h>

enum {
    GAUGE = 20,
    BUSIEST = 40,
    TASKS = 40,
    ALARMS = 8,
    RESORT = 5,
    SIDE_BY_SIDE = 158,
    TALL = 45
};

typedef struct {
    Console *console;
    Table *nodes;
    GPtrArray *pasts; /* of each node, NULL until it first answered */
    GArray *busiest;  /* Subject; see choose_busiest() */
    gint64 chosen;    /* when, monotonic */
} Dashboard;

static gpointer dashboard_open(Console *console, const Subject *subject)
{
    Dashboard *view = g_new0(Dashboard, 1);
    view->console = console;
    view->nodes = table_new(console_model(console),
                            &(TableSetup){.kind = OBJECT_NODE,
                                          .columns = "name link cpu mem disk load guests boot",
                                          .sort = "name"});
    view->pasts = g_ptr_array_new_with_free_func((GDestroyNotify)past_free);
    view->busiest = g_array_new(FALSE, TRUE, sizeof(Subject));
    return view;
}

static void dashboard_close(gpointer data)
{
    Dashboard *view = data;
    table_free(view->nodes);
    g_ptr_array_unref(view->pasts);
    g_array_unref(view->busiest);
    g_free(view);
}

/* A node's past is asked for when it first answers. */
static void keep_pasts(const Dashboard *view)
{
    const Model *model = console_model(view->console);
    if (view->pasts->len != model_node_count(model))
        g_ptr_array_set_size(view->pasts, (gint)model_node_count(model));
    for (guint i = 0; i < view->pasts->len; i++) {
        const ModelNode *node = model_node(model, i);
        Subject subject = {0};
        if (!node && view->pasts->pdata[i]) {
            past_free(view->pasts->pdata[i]);
            view->pasts->pdata[i] = NULL;
        }
        if (!node || view->pasts->pdata[i] || node->link != MODEL_LINK_UP)
            continue;
        subject_set(&subject, &node->base);
        view->pasts->pdata[i] = past_new(view->console, &subject);
    }
}

/* Adds a series of all nodes, newest at the end, each times its weight. */
static guint add_pasts(const Dashboard *view, PastSeries series, bool by_cpus, guint wanted,
                       float *out)
{
    const Model *model = console_model(view->console);
    g_autofree float *points = g_new(float, PAST_POINTS);
    guint longest = 0;
    for (guint n = 0; n < view->pasts->len; n++) {
        const ModelNode *node = model_node(model, n);
        if (!view->pasts->pdata[n] || !node)
            continue;
        guint count = past_sample(view->pasts->pdata[n], series, wanted, points);
        float weight = by_cpus ? (float)MAX(node->cpus, 0) : 1;
        for (guint i = 0; i < count; i++) {
            float value = points[count - 1 - i] * weight;
            float *sum = &out[wanted - 1 - i];
            if (!isnan(value))
                *sum = isnan(*sum) ? value : *sum + value;
        }
        longest = MAX(longest, count);
    }
    return longest;
}

static void draw_chart(const Dashboard *view, Screen *screen, int row, int rows, Box box,
                       PastSeries first, PastSeries second, float top)
{
    float values[PAST_POINTS];
    int column = box.column + 55, columns = MAX(box.columns - column - 1, 1);
    ChartStyle style = chart_style_shown(screen, view->console->charts);
    guint wanted = MIN(chart_width(style, columns), PAST_POINTS);
    for (guint i = 0; i < wanted; i++)
        values[i] = NAN;
    guint count = add_pasts(view, first, first == PAST_CPU, wanted, values);
    if (second != first)
        (void)add_pasts(view, second, false, wanted, values);
    chart_draw(screen, (Box){row, column, rows, columns}, ROLE_CHART, view->console->charts,
               values + wanted - count, count, top);
}

static int draw_figures(const Dashboard *view, Screen *screen, Box box)
{
    char used[32], total[32], in[32], out[32];
    Totals totals;
    int row = box.row, rows = box.rows >= TALL ? 3 : 1;
    totals_of(console_model(view->console), &totals);
    double cpu = totals.cpus > 0 ? 100 * totals.cpu_busy / totals.cpus : NAN;
    double memory = totals.memory > 0 ? 100 * totals.memory_used / totals.memory : NAN;
    draw_text(screen, row, 1, 4, ROLE_TEXT, "cpu");
    gauge_draw(screen, row, 6, GAUGE, cpu);
    units_percent(cpu, used, sizeof used);
    draw_printf(screen, row, 27, 28, ROLE_TEXT, "%3s%%  %.1f of %.0f processors", used,
                totals.cpu_busy, totals.cpus);
    draw_chart(view, screen, row, rows, box, PAST_CPU, PAST_CPU, (float)totals.cpus * 100);
    row += rows;
    draw_text(screen, row, 1, 4, ROLE_TEXT, "mem");
    gauge_draw(screen, row, 6, GAUGE, memory);
    units_percent(memory, used, sizeof used);
    units_bytes(totals.memory, total, sizeof total);
    units_bytes(totals.memory_used, in, sizeof in);
    draw_printf(screen, row, 27, 28, ROLE_TEXT, "%3s%%  %s of %s", used, in, total);
    draw_chart(view, screen, row, rows, box, PAST_MEMORY, PAST_MEMORY, (float)totals.memory);
    row += rows;
    units_rate(totals.net_in, in, sizeof in);
    units_rate(totals.net_out, out, sizeof out);
    draw_printf(screen, row, 1, 54, ROLE_TEXT, "net  in %s/s  out %s/s", in, out);
    draw_chart(view, screen, row, rows, box, PAST_NET_IN, PAST_NET_OUT, 0);
    return row + rows + 1;
}

static int draw_troubles(const Dashboard *view, Screen *screen, int row, Box box, int end)
{
    g_autoptr(GPtrArray) troubles = troubles_of(console_model(view->console));
    if (troubles->len == 0 || row + 2 > end)
        return row;
    draw_text(screen, row++, 1, box.columns - 2, ROLE_TITLE, "Needs attention");
    int last = MIN(row + ALARMS, end - 1);
    guint i = 0;
    for (; i < troubles->len && row < last; i++) {
        const Trouble *trouble = troubles->pdata[i];
        Role role = trouble->grave ? ROLE_ERROR : ROLE_WARNING;
        g_auto(GStrv) lines = text_wrap(trouble->text, box.columns - 4);
        draw_glyph(screen, row, 1, role, trouble->grave ? GLYPH_FAILED : GLYPH_ATTENTION);
        /* What to do stands at the end: three lines hold it. */
        for (int line = 0; lines[line] && line < 3 && row < last; line++)
            draw_text(screen, row++, 3, box.columns - 4, role, lines[line]);
    }
    if (i < troubles->len)
        draw_printf(screen, row++, 3, box.columns - 4, ROLE_DIM, "and %u more (8 shows them)",
                    troubles->len - i);
    return row + 1;
}

static void draw_guest(const Dashboard *view, Screen *screen, int row, Box box,
                       const ModelGuest *guest)
{
    char cpu[16], memory[16], disk[16], net[16];
    Role role;
    const Model *model = console_model(view->console);
    const ModelNode *node = model_node(model, guest->base.node);
    Glyph glyph = cell_guest_glyph(guest, &role);
    Role text = model_is_stale(model, &guest->base, NULL) ? ROLE_DIM : ROLE_TEXT;
    units_percent(guest->cpu, cpu, sizeof cpu);
    units_bytes(guest->mem_used, memory, sizeof memory);
    units_rate((double)guest->disk_read + guest->disk_write, disk, sizeof disk);
    units_rate((double)guest->net_in + guest->net_out, net, sizeof net);
    int at = box.column;
    draw_glyph(screen, row, at + 1, role, glyph);
    draw_field(screen, row, at + 3, 9, text, ALIGN_LEFT, model_object_id(&guest->base));
    draw_field(screen, row, at + 13, 16, text, ALIGN_LEFT, guest->name ? guest->name : "-");
    draw_field(screen, row, at + 30, 10, text, ALIGN_LEFT, node ? node->name : "-");
    draw_field(screen, row, at + 41, 6, text, ALIGN_RIGHT, cpu);
    draw_field(screen, row, at + 48, 9, text, ALIGN_RIGHT, memory);
    draw_field(screen, row, at + 58, 9, text, ALIGN_RIGHT, disk);
    draw_field(screen, row, at + 68, 9, text, ALIGN_RIGHT, net);
}

/* Not at each change, for rows that jump can't be read; but a guest that begins to have
 * figures is not kept waiting. */
static void choose_busiest(Dashboard *view)
{
    const ModelGuest *busiest[BUSIEST];
    gint64 now = g_get_monotonic_time();
    int count = busiest_guests(console_model(view->console), busiest, BUSIEST);
    if (count <= (int)view->busiest->len &&
        now - view->chosen < (gint64)RESORT * G_USEC_PER_SEC)
        return;
    g_array_set_size(view->busiest, 0);
    for (int i = 0; i < count; i++) {
        Subject subject = {0};
        subject_set(&subject, &busiest[i]->base);
        g_array_append_val(view->busiest, subject);
    }
    view->chosen = now;
}

static int draw_busiest(Dashboard *view, Screen *screen, int row, Box box, int end)
{
    int room = MIN(end - row - 2, BUSIEST);
    choose_busiest(view);
    int count = MIN((int)view->busiest->len, room);
    if (count <= 0)
        return row;
    draw_text(screen, row, box.column + 1, 39, ROLE_TITLE, "Busiest guests");
    draw_field(screen, row, box.column + 41, 6, ROLE_HEADING, ALIGN_RIGHT, "cpu%");
    draw_field(screen, row, box.column + 48, 9, ROLE_HEADING, ALIGN_RIGHT, "mem");
    draw_field(screen, row, box.column + 58, 9, ROLE_HEADING, ALIGN_RIGHT, "disk/s");
    draw_field(screen, row, box.column + 68, 9, ROLE_HEADING, ALIGN_RIGHT, "net/s");
    row++;
    for (int i = 0; i < count; i++) {
        const ModelObject *guest = subject_find(
            &g_array_index(view->busiest, Subject, (guint)i), console_model(view->console));
        if (guest)
            draw_guest(view, screen, row++, box, (const ModelGuest *)guest);
    }
    return row + 1;
}

static void draw_task(Screen *screen, int row, Box box, const ModelTask *task)
{
    char when[16], took[16];
    Role role;
    Glyph glyph = cell_task_glyph(task, &role);
    units_clock(task->created, FALSE, when, sizeof when);
    draw_glyph(screen, row, 1, role, glyph);
    g_autofree char *state = NULL;
    if (!isnan(task->ended)) {
        units_duration(task->ended - task->started, took, sizeof took);
        state = task->error ? g_strdup_printf("failed: %s", task->error)
                            : g_strdup_printf("%s in %s", task->state, took);
    } else if (task->progress >= 0) {
        state = g_strdup_printf("%.0f%%  %s", task->progress, task->doing ? task->doing : "");
    } else {
        state = g_strdup(task->doing ? task->doing : task->state ? task->state : "");
    }
    int owner = MIN(box.columns / 8, 12);
    draw_printf(screen, row, 3, 40, ROLE_TEXT, "%s  %s %s %s", when,
                task->method ? task->method : "", task->object ? task->object : "",
                task->name ? task->name : "");
    draw_text(screen, row, 44, box.columns - 45 - owner, role, state);
    draw_field(screen, row, box.columns - owner, owner - 1, ROLE_DIM, ALIGN_RIGHT,
               task->owner ? task->owner : "");
}

static void draw_tasks(const Dashboard *view, Screen *screen, int row, Box box, int end)
{
    const ModelTask *tasks[TASKS];
    int room = MIN(end - row - 1, TASKS);
    int count = room > 0 ? newest_tasks(console_model(view->console), tasks, (guint)room) : 0;
    if (count == 0)
        return;
    draw_text(screen, row++, 1, box.columns - 2, ROLE_TITLE, "Tasks");
    for (int i = 0; i < count; i++)
        draw_task(screen, row++, box, tasks[i]);
}

/* One below the other: shares the rows between nodes, guests and tasks. */
static void draw_stacked(Dashboard *view, Screen *screen, int row, Box box, int end)
{
    const Model *model = console_model(view->console);
    int left = end - row, tasks = MIN((int)model_objects(model, OBJECT_TASK)->len, TASKS);
    tasks = tasks ? MIN(tasks + 1, MAX(left / 4, 3)) : 0;
    int nodes =
        MIN((int)model_objects(model, OBJECT_NODE)->len + 1, MAX((left - tasks) / 2, 2));
    nodes = MIN(nodes, left);
    table_draw(view->nodes, screen, (Box){row, box.column, nodes, MIN(box.columns, 110)});
    row = draw_busiest(view, screen, row + nodes + 1, box, end - tasks);
    draw_tasks(view, screen, row, box, end);
}

/* Nodes and tasks at the left, the busiest guests at the right. */
static void draw_side_by_side(Dashboard *view, Screen *screen, int row, Box box, int end)
{
    int half = box.columns / 2, left = end - row;
    Box right = {row, box.column + half, left, box.columns - half};
    int nodes = MIN((int)model_objects(console_model(view->console), OBJECT_NODE)->len + 1,
                    MAX(left * 2 / 3, 2));
    table_draw(view->nodes, screen, (Box){row, box.column, nodes, half - 2});
    (void)draw_busiest(view, screen, row, right, end);
    draw_tasks(view, screen, row + nodes + 1,
               (Box){row + nodes + 1, box.column, left - nodes - 1, half - 2}, end);
}

static void dashboard_draw(gpointer data, Screen *screen, Box box)
{
    Dashboard *view = data;
    int end = box.row + box.rows;
    keep_pasts(view);
    int row = draw_figures(view, screen, box);
    row = draw_troubles(view, screen, row, box, end);
    if (box.columns >= SIDE_BY_SIDE)
        draw_side_by_side(view, screen, row, box, end);
    else
        draw_stacked(view, screen, row, box, end);
}

static Table *dashboard_table(gpointer data)
{
    const Dashboard *view = data;
    return view->nodes;
}

static void dashboard_describe(gpointer data, GString *out)
{
    g_string_truncate(out, 0);
    g_string_append_printf(out, "   charts: last %s",
                           past_span_name(((const Dashboard *)data)->console->span));
}

const ViewClass view_dashboard = {.name = "dashboard",
                                  .title = "Dashboard",
                                  .top = true,
                                  .where = IN_DASHBOARD | IN_CHARTS,
                                  .open = dashboard_open,
                                  .close = dashboard_close,
                                  .draw = dashboard_draw,
                                  .table = dashboard_table,
                                  .describe = dashboard_describe};
