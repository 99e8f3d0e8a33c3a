/* One node: figures and charts, its guests, what it is made of, its storages and
 * links, its tasks, the end of its system log. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"
#include "tui/view/charts.h"
#include "tui/view/describe_node.h"
#include "tui/view/tabs.h"
#include "tui/widget/cell.h"

#include <math.h>
#include <string.h>

enum {
    DEADLINE = 20000,
    MACHINE_AGAIN = 2, /* seconds; its cores are figures */
    LOG_AGAIN = 5,
    LOG_LINES = 500,
    TAB_SUMMARY = 0,
    TAB_GUESTS,
    TAB_MACHINE,
    TAB_STORAGE,
    TAB_LINKS,
    TAB_TASKS,
    TAB_LOG,
    TABS
};

static const char *const tab_names[] = {"Summary", "Guests", "Machine", "Storage",
                                        "Links",   "Tasks",  "Log",     NULL};

typedef struct {
    Console *console;
    Subject subject;
    guint tab;
    Past *past;
    Table *tables[TABS];
    Pager *pagers[TABS]; /* of the tabs that are not tables */
    Ask *asks[TABS];     /* of the machine and the log */
    gint64 asked[TABS];  /* monotonic */
} NodeView;

static const ModelNode *find(const NodeView *view)
{
    return model_node(console_model(view->console), view->subject.node);
}

static void on_machine(const json_t *result, const GError *error, gpointer user)
{
    NodeView *view = user;
    view->asks[TAB_MACHINE] = NULL;
    g_autoptr(Page) page = page_new(screen_glyphs(view->console->screen));
    if (error)
        page_line(page, ROLE_ERROR, error->message);
    else
        describe_machine(page, result);
    page_show(page, view->pagers[TAB_MACHINE]);
    console_changed(view->console);
}

static void on_log(const json_t *result, const GError *error, gpointer user)
{
    NodeView *view = user;
    view->asks[TAB_LOG] = NULL;
    g_autoptr(GString) text = g_string_new(error ? error->message : NULL);
    size_t i;
    const json_t *line;
    json_array_foreach(json_object_get(result, "lines"), i, line)
    {
        const char *words = json_string_value(line);
        g_string_append_printf(text, "%s\n", words ? words : "");
    }
    pager_set(view->pagers[TAB_LOG], text->len ? text->str : "the log is empty");
    console_changed(view->console);
}

/* Asks for what the tab shows, when it is time to. */
static void ask_tab(NodeView *view)
{
    guint tab = view->tab;
    gint64 again = tab == TAB_LOG ? LOG_AGAIN : MACHINE_AGAIN;
    gint64 now = g_get_monotonic_time();
    if ((tab != TAB_LOG && tab != TAB_MACHINE) || view->asks[tab] ||
        (view->asked[tab] && now - view->asked[tab] < again * G_USEC_PER_SEC))
        return;
    view->asked[tab] = now;
    view->asks[tab] =
        cluster_ask(console_cluster(view->console), view->subject.node,
                    tab == TAB_LOG ? "node.syslog" : "node.show",
                    tab == TAB_LOG ? json_pack("{s:i}", "lines", LOG_LINES) : NULL, DEADLINE,
                    tab == TAB_LOG ? on_log : on_machine, view);
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
    view->pagers[TAB_SUMMARY] = pager_new(false);
    view->pagers[TAB_MACHINE] = pager_new(false);
    view->pagers[TAB_LOG] = pager_new(true);
    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        view->tables[tables[i].tab] =
            table_new(console_model(console), &(TableSetup){.kind = tables[i].kind,
                                                            .columns = tables[i].columns,
                                                            .sort = tables[i].sort,
                                                            .scope = is_here,
                                                            .user = view});
    return view;
}

static void node_close(gpointer data)
{
    NodeView *view = data;
    past_free(view->past);
    for (guint i = 0; i < TABS; i++) {
        ask_drop(&view->asks[i]);
        pager_free(view->pagers[i]);
        table_free(view->tables[i]);
    }
    g_free(view);
}

static void say_percent(Chart *chart, double percent)
{
    char text[16];
    units_percent(percent, text, sizeof text);
    g_snprintf(chart->value, sizeof chart->value, "%s%%", text);
}

static void draw_summary(const NodeView *view, const ModelNode *node, Screen *screen, Box box)
{
    char cpu[16], load[16];
    /* The first five are shown where there is little room. */
    Chart charts[] = {
        {"cpu", PAST_CPU, PAST_CPU, 100, ""},
        {"mem", PAST_MEMORY, PAST_MEMORY, node->mem_total > 0 ? node->mem_total : 0, ""},
        {"disk", PAST_DISK_READ, PAST_DISK_WRITE, 0, ""},
        {"net", PAST_NET_IN, PAST_NET_OUT, 0, ""},
        {"load", PAST_LOAD, PAST_LOAD, 0, ""},
        {"p cpu", PAST_PRESSURE_CPU, PAST_PRESSURE_CPU, 100, ""},
        {"p mem", PAST_PRESSURE_MEMORY, PAST_PRESSURE_MEMORY, 100, ""},
        {"p io", PAST_PRESSURE_DISK, PAST_PRESSURE_DISK, 100, ""},
        {"swap", PAST_SWAP, PAST_SWAP, node->swap_total > 0 ? node->swap_total : 0, ""}};
    guint count = G_N_ELEMENTS(charts) - !(node->swap_total > 0);
    units_percent(node->cpu, cpu, sizeof cpu);
    if (node->cpus > 0)
        g_snprintf(charts[0].value, sizeof charts[0].value, "%s%% of %d threads", cpu,
                   node->cpus);
    chart_say_bytes(&charts[1], node->mem_used, node->mem_total);
    chart_say_rates(&charts[2], "r", node->disk_read, "w", node->disk_write);
    chart_say_rates(&charts[3], "in", node->net_in, "out", node->net_out);
    units_number(node->load, load, sizeof load);
    g_strlcpy(charts[4].value, load, sizeof charts[4].value);
    say_percent(&charts[5], node->psi_cpu);
    say_percent(&charts[6], node->psi_mem);
    say_percent(&charts[7], node->psi_io);
    chart_say_bytes(&charts[8], node->swap_used, node->swap_total);
    g_autoptr(Page) facts = page_new(screen_glyphs(screen));
    describe_node_facts(facts, node);
    page_show(facts, view->pagers[TAB_SUMMARY]);
    charts_draw_summary(view->past, screen, box, charts, count, view->pagers[TAB_SUMMARY]);
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
    if (!node) {
        draw_text(screen, box.row, 1, box.columns - 2, ROLE_ERROR,
                  "this node is no longer a member of the cluster (Esc leaves)");
        return;
    }
    draw_title(view, node, screen, box);
    Box body = {box.row + 3, box.column, box.rows - 3, box.columns};
    if (view->tables[view->tab])
        table_draw(view->tables[view->tab], screen, body);
    else if (view->tab == TAB_SUMMARY)
        draw_summary(view, node, screen, body);
    else if (pager_is_empty(view->pagers[view->tab]))
        draw_text(screen, body.row, 3, body.columns - 4, ROLE_DIM,
                  "waiting for the agent's answer (Esc leaves)");
    else
        pager_draw(view->pagers[view->tab], screen,
                   (Box){body.row, 1, body.rows, body.columns - 2});
}

static bool node_key(gpointer data, Key key)
{
    NodeView *view = data;
    Pager *pager = view->pagers[view->tab];
    if (pager && pager_is_asking(pager))
        return pager_key(pager, key);
    /* In a table the arrows scroll its columns. */
    if (view->tables[view->tab] && (key == K_LEFT || key == K_RIGHT))
        return false;
    if (tabs_key(tab_names, &view->tab, key)) {
        ask_tab(view);
        return true;
    }
    return pager && pager_key(pager, key);
}

static void node_tick(gpointer data)
{
    ask_tab(data);
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
    if (view->tab == TAB_SUMMARY)
        g_string_append_printf(out, "   charts: last %s", past_span_name(view->console->span));
    else if (view->pagers[view->tab])
        pager_describe(view->pagers[view->tab], out);
}

const ViewClass view_node = {.name = "node",
                             .title = "Node",
                             .where = IN_CHARTS,
                             .open = node_open,
                             .close = node_close,
                             .draw = node_draw,
                             .key = node_key,
                             .tick = node_tick,
                             .table = node_table,
                             .object = node_object,
                             .describe = node_describe};
