/* One node: figures and charts, its guests, storages and links, what it is made
 * of, its log. */
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
    TAB_GUESTS,
    TAB_STORAGE,
    TAB_LINKS,
    TAB_TASKS,
    TAB_DETAIL,
    TABS
};

static const char *const tab_names[] = {"Summary", "Guests", "Storage", "Links",
                                        "Tasks",   "Detail", NULL};

typedef struct {
    Console *console;
    Subject subject;
    guint tab;
    Past *past;
    Table *tables[TABS];
    Pager *detail;
    Ask *show;
} NodeView;

static const ModelNode *find(const NodeView *view)
{
    return model_node(console_model(view->console), view->subject.node);
}

static void on_show(const json_t *result, const GError *error, gpointer user)
{
    NodeView *view = user;
    view->show = NULL;
    if (error) {
        pager_set(view->detail, error->message);
    } else {
        const json_t *node = json_object_get(result, "node");
        g_autofree char *text = describe_json(json_is_object(node) ? node : result, NULL);
        pager_set(view->detail, text);
    }
    console_changed(view->console);
}

static bool is_here(const ModelObject *object, gpointer user)
{
    return object->node == ((const NodeView *)user)->subject.node;
}

static gpointer node_open(Console *console, const Subject *subject)
{
    static const struct {
        guint tab;
        ObjectKind kind;
        const char *columns, *sort;
    } tables[] = {
        {TAB_GUESTS, OBJECT_GUEST,
         "id name state cpu vcpus mem_used mem_max disk net addresses tags", "id"},
        {TAB_STORAGE, OBJECT_STORAGE, "id state type used total full path reason", "id"},
        {TAB_LINKS, OBJECT_LINK, "id state type master net_in net_out errors speed addresses",
         "id"},
        {TAB_TASKS, OBJECT_TASK,
         "created state method object name progress took owner doing error", "-created"},
    };
    NodeView *view = g_new0(NodeView, 1);
    view->console = console;
    view->subject = *subject;
    view->past = past_new(console, subject);
    view->detail = pager_new(false);
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        view->tables[tables[i].tab] =
            table_new(console_model(console), &(TableSetup){.kind = tables[i].kind,
                                                            .columns = tables[i].columns,
                                                            .sort = tables[i].sort,
                                                            .scope = is_here,
                                                            .user = view});
    view->show = cluster_ask(console_cluster(console), subject->node, "node.show", NULL,
                             DEADLINE, on_show, view);
    return view;
}

static void node_close(gpointer data)
{
    NodeView *view = data;
    ask_drop(&view->show);
    past_free(view->past);
    pager_free(view->detail);
    for (guint i = 0; i < TABS; i++)
        table_free(view->tables[i]);
    g_free(view);
}

static void draw_chart(const NodeView *view, Screen *screen, int row, const char *label,
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

static void draw_charts(const NodeView *view, const ModelNode *node, Screen *screen, Box box)
{
    char text[64], a[16], b[16];
    int columns = MIN(box.columns - 36, 120), row = box.row;
    units_percent(node->cpu, a, sizeof a);
    units_number(node->load, b, sizeof b);
    if (node->cpus > 0)
        g_snprintf(text, sizeof text, "%s%% of %d, load %s", a, node->cpus, b);
    else
        g_strlcpy(text, "-", sizeof text);
    draw_chart(view, screen, row, "cpu", text, PAST_CPU, PAST_CPU, 100, columns);
    units_bytes(node->mem_used, a, sizeof a);
    units_bytes(node->mem_total, b, sizeof b);
    g_snprintf(text, sizeof text, "%s of %s", a, b);
    draw_chart(view, screen, row + 3, "mem", text, PAST_MEMORY, PAST_MEMORY,
               node->mem_total > 0 ? node->mem_total : 0, columns);
    units_rate(node->disk_read, a, sizeof a);
    units_rate(node->disk_write, b, sizeof b);
    g_snprintf(text, sizeof text, "r %s w %s/s", a, b);
    draw_chart(view, screen, row + 6, "disk", text, PAST_DISK_READ, PAST_DISK_WRITE, 0,
               columns);
    units_rate(node->net_in, a, sizeof a);
    units_rate(node->net_out, b, sizeof b);
    g_snprintf(text, sizeof text, "in %s out %s/s", a, b);
    draw_chart(view, screen, row + 9, "net", text, PAST_NET_IN, PAST_NET_OUT, 0, columns);
}

static void draw_facts(const NodeView *view, const ModelNode *node, Screen *screen, Box box)
{
    static const char *const names[] = {"drivers", "kvm_reason", "boot",        "kernel",
                                        "agent",   "libvirt",    "qemu",        "lxc",
                                        "updates", "swap_used",  "psi_cpu",     "psi_mem",
                                        "psi_io",  "root_used",  "time_offset", "target"};
    const ModelField *fields = model_fields(OBJECT_NODE);
    int row = box.row, end = box.row + box.rows;
    int half = box.columns >= 100 ? box.columns / 2 : box.columns;
    int column = 1;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const ModelField *field = &fields[model_field_find(OBJECT_NODE, names[i])];
        Cell cell;
        if (!model_field_known(console_model(view->console), field, &node->base))
            continue;
        if (row == end && column == 1 && half < box.columns) {
            column += half;
            row = box.row;
        }
        if (row == end)
            return;
        cell_fill(&cell, console_model(view->console), field, &node->base);
        Role role = strcmp(field->name, "drivers") == 0 ? ROLE_WARNING : cell.role;
        draw_field(screen, row, column, 10, ROLE_DIM, ALIGN_LEFT, field->title);
        draw_text(screen, row++, column + 12, half - 14, role, cell.text);
    }
}

static void draw_title(const NodeView *view, const ModelNode *node, Screen *screen, Box box)
{
    char state[64];
    Role role;
    Glyph glyph = cell_node_glyph(node, &role);
    int column = 1;
    tabs_draw(screen, box.row + 1, tab_names, view->tab);
    cell_node_state(node, state, sizeof state);
    column += draw_printf(screen, box.row, column, 30, ROLE_TITLE, "%s  ", node->name);
    draw_glyph(screen, box.row, column, role, glyph);
    draw_text(screen, box.row, column + 2, 24, role, state);
    if (node->trouble)
        draw_text(screen, box.row + 2, 1, box.columns - 2, ROLE_ERROR, node->trouble);
}

static void node_draw(gpointer data, Screen *screen, Box box)
{
    NodeView *view = data;
    const ModelNode *node = find(view);
    draw_title(view, node, screen, box);
    Box body = {box.row + 3, box.column, box.rows - 3, box.columns};
    if (view->tables[view->tab]) {
        table_draw(view->tables[view->tab], screen, body);
    } else if (view->tab == TAB_DETAIL && view->show) {
        draw_text(screen, body.row, 3, body.columns - 4, ROLE_DIM,
                  "waiting for the agent's answer (Esc leaves)");
    } else if (view->tab == TAB_DETAIL) {
        pager_draw(view->detail, screen, (Box){body.row, 1, body.rows, body.columns - 2});
    } else {
        draw_charts(view, node, screen, body);
        draw_facts(view, node, screen, (Box){body.row + 12, 0, body.rows - 12, body.columns});
    }
}

static bool node_key(gpointer data, Key key)
{
    NodeView *view = data;
    /* In a table the arrows scroll its columns. */
    if (view->tables[view->tab] && (key == K_LEFT || key == K_RIGHT))
        return false;
    if (tabs_key(tab_names, &view->tab, key))
        return true;
    return view->tab == TAB_DETAIL && pager_key(view->detail, key);
}

static Table *node_table(gpointer data)
{
    const NodeView *view = data;
    return view->tables[view->tab];
}

static ModelObject *node_object(gpointer data)
{
    const NodeView *view = data;
    return subject_find(&view->subject, console_model(view->console));
}

static void node_describe(gpointer data, GString *out)
{
    const NodeView *view = data;
    if (view->tab == TAB_DETAIL)
        pager_describe(view->detail, out);
}

const ViewClass view_node = {.name = "node",
                             .title = "Node",
                             .open = node_open,
                             .close = node_close,
                             .draw = node_draw,
                             .key = node_key,
                             .table = node_table,
                             .object = node_object,
                             .describe = node_describe};
