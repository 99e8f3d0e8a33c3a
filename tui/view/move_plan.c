/* The plan of a move: for each guest where to, by what, how much, how long and what stands in
 * the way, as the agents find it (guest.plan); then Enter begins with those that can go.
 *
 * For a node that is drained, or filled again, its own task finds the plan of all guests
 * (node.drain), and another one moves them. Else each guest's plan is a task of its node. At
 * most ASKED are under way at once, so that many marked guests do not flood an agent. What is
 * turned here (with disks, by what) begins all of them anew. The dialog owns its asks: none
 * answers once it is gone. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"
#include "tui/screen/text.h"
#include "tui/view/page.h"

#include <math.h>
#include <string.h>

enum { ASKED = 4, BEGIN_DEADLINE = 30000, PLAN_DEADLINE = 120000 /* ms */ };
enum { COLUMNS = 110, FOOT = 4 /* rows: the border, the keys, a line before them */ };

typedef enum { PLAN_WAITS, PLAN_ASKED, PLAN_READY, PLAN_FAILED } PlanState;

typedef struct MovePlan MovePlan;

typedef struct Row Row;

struct Row {
    MovePlan *dialog;
    Subject subject;
    char *title; /* "vm/102 db" */
    PlanState state;
    json_t *plan;
    char *trouble;
    Ask *ask;
};

struct MovePlan {
    Overlay overlay;
    Console *console;
    Cluster *cluster;
    const Action *action;
    char *node;      /* where guests go; or the node that is drained or filled again */
    GPtrArray *rows; /* of Row */
    Row *head;       /* the node's own plan, which the rows are of; NULL: each has its own */
    guint mode;      /* index of modes */
    bool with_disks;
    Pager *pager;
    char *text;      /* what the pager has */
    int rows_wanted; /* never fewer than before: the box does not jump */
};

/* As guest.plan takes them; the first is what fits the guest's state. */
static const struct {
    const char *mode, *words;
} modes[] = {
    {NULL, "what fits"}, {"live", "live"}, {"restart", "by a restart"}, {"offline", "stopped"}};

static guint count(const MovePlan *plan, PlanState state, bool free_only)
{
    guint found = 0;
    for (guint i = 0; i < plan->rows->len; i++) {
        const Row *row = plan->rows->pdata[i];
        found += row->state == state &&
                 !(free_only && json_array_size(json_object_get(row->plan, "obstacles")));
    }
    return found;
}

static bool is_open(const Row *row)
{
    return row->state == PLAN_WAITS || row->state == PLAN_ASKED;
}

static guint count_open(const MovePlan *plan)
{
    return count(plan, PLAN_WAITS, false) + count(plan, PLAN_ASKED, false) +
           (plan->head && is_open(plan->head));
}

static bool can_go(const Row *row)
{
    return row->state == PLAN_READY &&
           json_array_size(json_object_get(row->plan, "obstacles")) == 0;
}

static const char *target_of(const Row *row)
{
    return wire_get_string(row->plan, "node", row->dialog->node);
}

/* ---- what it says ---- */

static void add_row(PageTable *table, const Row *row)
{
    static const char *const states[] = {"waits", "is checked", "", "can't"};
    char text[32];
    bool ready = row->state == PLAN_READY;
    bool stays = json_array_size(json_object_get(row->plan, "obstacles")) > 0;
    page_table_add(table, g_strdup(row->title));
    page_table_add(table, page_word(row->plan, "from"));
    page_table_add(table, g_strdup(target_of(row)));
    page_table_add(table, ready ? page_word(row->plan, "mode") : NULL);
    page_table_add(table, ready ? page_bytes(row->plan, "memory_bytes") : NULL);
    page_table_add(table, ready ? page_bytes(row->plan, "disk_bytes") : NULL);
    units_duration(page_number(row->plan, "seconds"), text, sizeof text);
    page_table_add(table, ready ? g_strdup(text) : NULL);
    page_table_add(table, g_strdup(!ready ? states[row->state] : stays ? "stays" : "can go"));
}

static void put_obstacles(Page *page, const Row *row)
{
    size_t index;
    const json_t *obstacle;
    const json_t *obstacles = json_object_get(row->plan, "obstacles");
    if (!row->trouble && json_array_size(obstacles) == 0)
        return;
    page_section(page, row->title);
    if (row->trouble)
        page_line(page, ROLE_ERROR, row->trouble);
    json_array_foreach(obstacles, index, obstacle)
    {
        const char *fix = wire_get_string(obstacle, "fix", "");
        g_autofree char *line = g_strdup_printf("fix: %s", fix);
        page_line(page, ROLE_WARNING, wire_get_string(obstacle, "text", "?"));
        if (*fix)
            page_line(page, ROLE_TEXT, line);
    }
}

/* What a node's memory will be like with those that can go and run there. */
static void put_memory(Page *page, const MovePlan *plan, const ModelNode *node)
{
    double more = 0;
    bool named = false;
    for (guint i = 0; i < plan->rows->len; i++) {
        const Row *row = plan->rows->pdata[i];
        double memory = page_number(row->plan, "memory_bytes");
        if (g_strcmp0(target_of(row), node->name) != 0)
            continue;
        named = true;
        more += can_go(row) && !isnan(memory) ? memory : 0;
    }
    if (!named || isnan(node->mem_used) || !(node->mem_total > 0))
        return;
    double percent = ((double)node->mem_used + more) / (double)node->mem_total * 100;
    g_autofree char *line = g_strdup_printf(
        "%s has %.0f%% of its memory in use, and up to %.0f%% then.", node->name,
        (double)node->mem_used / (double)node->mem_total * 100, percent);
    page_line(page, percent > 90 ? ROLE_WARNING : ROLE_TEXT, line);
}

static void put_end(Page *page, const MovePlan *plan)
{
    const GPtrArray *nodes = model_objects(cluster_model(plan->cluster), OBJECT_NODE);
    page_section(page, NULL);
    if (plan->head && plan->head->trouble)
        page_line(page, ROLE_ERROR, plan->head->trouble);
    else if (plan->head && is_open(plan->head))
        page_line(page, ROLE_DIM, "The node looks where each guest could go.");
    else if (plan->rows->len == 0)
        page_line(page, ROLE_TEXT, "There is no guest to move.");
    for (guint i = 0; i < nodes->len; i++)
        put_memory(page, plan, nodes->pdata[i]);
}

static void show(MovePlan *plan)
{
    static const char *const titles[] = {"Guest",  "From",   "To", "How", ">Memory",
                                         ">Disks", ">About", "",   NULL};
    g_autoptr(Page) page = page_new(screen_glyphs(plan->console->screen));
    PageTable *table = page_table_new(titles);
    for (guint i = 0; i < plan->rows->len; i++)
        add_row(table, plan->rows->pdata[i]);
    page_table_put(page, table);
    for (guint i = 0; i < plan->rows->len; i++)
        put_obstacles(page, plan->rows->pdata[i]);
    put_end(page, plan);
    page_show(page, plan->pager);
    g_free(plan->text);
    plan->text = g_strdup(page_text(page));
    console_changed(plan->console);
}

/* ---- asking ---- */

static void ask_more(MovePlan *plan);

static void row_failed(Row *row, const char *why)
{
    row->state = PLAN_FAILED;
    row->trouble = g_strdup(why);
}

/* The rows are as the node's plan says. */
static void take_guests(MovePlan *plan)
{
    size_t index;
    json_t *guest;
    json_array_foreach(json_object_get(plan->head->plan, "guests"), index, guest)
    {
        Row *row = g_new0(Row, 1);
        row->dialog = plan;
        row->title = g_strdup_printf("%s %s", wire_get_string(guest, "guest", "?"),
                                     wire_get_string(guest, "name", ""));
        row->state = PLAN_READY;
        row->plan = json_incref(guest);
        g_ptr_array_add(plan->rows, row);
    }
}

static void on_plan(const json_t *result, const GError *error, gpointer user)
{
    Row *row = user;
    row->ask = NULL;
    if (error)
        row_failed(row, error->message);
    else if (strcmp(wire_get_string(result, "state", ""), "done") != 0)
        row_failed(row, wire_get_string(result, "error", "the check was cancelled"));
    else
        row->state = PLAN_READY;
    if (row->state == PLAN_READY)
        row->plan = json_incref(json_object_get(result, "result"));
    if (row->plan && row == row->dialog->head)
        take_guests(row->dialog);
    ask_more(row->dialog);
}

static void on_begun(const json_t *result, const GError *error, gpointer user)
{
    Row *row = user;
    MovePlan *plan = row->dialog;
    row->ask = NULL;
    if (error) {
        row_failed(row, error->message);
        ask_more(plan);
        return;
    }
    row->ask = cluster_ask(plan->cluster, row->subject.node, "task.wait",
                           json_pack("{s:s}", "task", wire_get_string(result, "task", "")),
                           PLAN_DEADLINE, on_plan, row);
}

static json_t *params_of(const MovePlan *plan)
{
    json_t *params = json_object();
    if (!plan->head)
        json_object_set_new(params, "node", wire_string(plan->node));
    if (plan->with_disks)
        json_object_set_new(params, "with_disks", json_true());
    if (modes[plan->mode].mode)
        json_object_set_new(params, "mode", json_string(modes[plan->mode].mode));
    return params;
}

static void ask_head(const MovePlan *plan)
{
    Row *head = plan->head;
    json_t *params = params_of(plan);
    json_object_set_new(params, "plan", json_true());
    head->state = PLAN_ASKED;
    head->ask = cluster_ask(plan->cluster, head->subject.node, plan->action->method, params,
                            BEGIN_DEADLINE, on_begun, head);
}

static void ask_more(MovePlan *plan)
{
    if (plan->head && plan->head->state == PLAN_WAITS)
        ask_head(plan);
    guint asked = count(plan, PLAN_ASKED, false);
    for (guint i = 0; i < plan->rows->len && asked < ASKED; i++) {
        Row *row = plan->rows->pdata[i];
        const ModelObject *object =
            row->state == PLAN_WAITS ? subject_find(&row->subject, cluster_model(plan->cluster))
                                     : NULL;
        if (row->state != PLAN_WAITS)
            continue;
        if (!object) {
            row_failed(row, "it is gone since it was chosen");
            continue;
        }
        row->state = PLAN_ASKED;
        row->subject.node = object->node;
        json_t *params = params_of(plan);
        json_object_set_new(params, "guest", wire_string(row->subject.id));
        row->ask = cluster_ask(plan->cluster, object->node, "guest.plan", params,
                               BEGIN_DEADLINE, on_begun, row);
        asked++;
    }
    show(plan);
}

static void row_anew(Row *row)
{
    ask_drop(&row->ask);
    g_clear_pointer(&row->plan, json_decref);
    g_clear_pointer(&row->trouble, g_free);
    row->state = PLAN_WAITS;
}

static void begin_anew(MovePlan *plan)
{
    if (plan->head) {
        g_ptr_array_set_size(plan->rows, 0);
        row_anew(plan->head);
    }
    for (guint i = 0; i < plan->rows->len; i++)
        row_anew(plan->rows->pdata[i]);
    ask_more(plan);
}

/* ---- the dialog ---- */

static char *foot_begin(const MovePlan *plan)
{
    guint all = plan->rows->len, ready = count(plan, PLAN_READY, true);
    guint open = count_open(plan);
    if (open)
        return plan->head ? g_strdup("wait")
                          : g_strdup_printf("checked %u of %u", all - open, all);
    if (ready == 0)
        return g_strdup("none can go");
    return ready < all ? g_strdup_printf("Enter start %u, leave %u", ready, all - ready)
                       : g_strdup_printf("Enter start %u", ready);
}

static void draw_foot(const MovePlan *plan, Screen *screen, Box line)
{
    g_autofree char *left = foot_begin(plan);
    g_autofree char *keys = g_strdup_printf(
        "%s   d disks: %s%s%s   Esc leave", left, plan->with_disks ? "copied" : "stay",
        plan->head ? "" : "   o how: ", plan->head ? "" : modes[plan->mode].words);
    draw_text(screen, line.row, line.column, line.columns, ROLE_ACCENT, keys);
}

static void plan_draw(Overlay *overlay, Screen *screen)
{
    MovePlan *plan = (MovePlan *)overlay;
    guint all = plan->rows->len;
    g_autofree char *title =
        g_strdup_printf("%s%s %s: %u guest%s", plan->action->label, plan->head ? "" : " to",
                        plan->node, all, all == 1 ? "" : "s");
    *title = g_ascii_toupper(*title);
    int columns = MIN(COLUMNS, screen_columns(screen) - 2);
    g_auto(GStrv) lines = text_wrap(plan->text, columns - 4);
    plan->rows_wanted = MAX(plan->rows_wanted, (int)g_strv_length(lines) + FOOT);
    Box box = draw_centre(screen, MIN(plan->rows_wanted, screen_rows(screen) - 4), columns);
    Box inside = draw_frame(screen, box, ROLE_BORDER, title);
    pager_draw(plan->pager, screen,
               (Box){inside.row, inside.column + 1, inside.rows - 2, inside.columns - 2});
    draw_foot(plan, screen,
              (Box){inside.row + inside.rows - 1, inside.column + 1, 1, inside.columns - 2});
}

/* The guests that can go; or the node, which moves them by a task of its own. */
static GArray *subjects_of(const MovePlan *plan)
{
    GArray *subjects = g_array_new(FALSE, TRUE, sizeof(Subject));
    if (plan->head)
        g_array_append_val(subjects, plan->head->subject);
    for (guint i = 0; !plan->head && i < plan->rows->len; i++) {
        const Row *row = plan->rows->pdata[i];
        if (can_go(row))
            g_array_append_val(subjects, row->subject);
    }
    return subjects;
}

/* FALSE when there is nothing to begin with, or not yet. */
static bool begin(const MovePlan *plan)
{
    guint ready = count(plan, PLAN_READY, true);
    if (count_open(plan) || ready == 0) {
        console_say(plan->console, ROLE_WARNING, "%s: %s", plan->action->label,
                    count_open(plan) ? "the plan is not ready"
                                     : "none can go; see what stands in the way");
        return false;
    }
    json_t *params = params_of(plan);
    if (plan->head && ready < plan->rows->len)
        json_object_set_new(params, "skip", json_true());
    console_act_on(plan->console, plan->action, subjects_of(plan), params);
    return true;
}

static bool plan_key(Overlay *overlay, Key key)
{
    MovePlan *plan = (MovePlan *)overlay;
    if (pager_is_asking(plan->pager)) {
        (void)pager_key(plan->pager, key);
    } else if (key == K_ESC || key == 'q' || key == K_CTRL('c')) {
        console_say(plan->console, ROLE_TEXT, "%s: nothing was done", plan->action->label);
        return false;
    } else if (key == K_ENTER) {
        return !begin(plan);
    } else if (key == 'd') {
        plan->with_disks = !plan->with_disks;
        begin_anew(plan);
    } else if (key == 'o' && !plan->head) {
        plan->mode = (plan->mode + 1) % G_N_ELEMENTS(modes);
        begin_anew(plan);
    } else {
        (void)pager_key(plan->pager, key);
    }
    return true;
}

static void row_free(gpointer data)
{
    Row *row = data;
    ask_drop(&row->ask);
    json_decref(row->plan);
    g_free(row->trouble);
    g_free(row->title);
    g_free(row);
}

static void plan_free(Overlay *overlay)
{
    MovePlan *plan = (MovePlan *)overlay;
    g_ptr_array_unref(plan->rows);
    g_clear_pointer(&plan->head, row_free);
    pager_free(plan->pager);
    g_free(plan->node);
    g_free(plan->text);
    g_free(plan);
}

static Row *row_new(MovePlan *plan, const Subject *subject)
{
    const Model *model = cluster_model(plan->cluster);
    const ModelObject *object = subject_find(subject, model);
    Row *row = g_new0(Row, 1);
    row->dialog = plan;
    row->subject = *subject;
    row->title =
        g_strdup_printf("%s %s", subject->id, object ? model_object_name(model, object) : "");
    return row;
}

static MovePlan *plan_new(Console *console, const Action *action, const char *node)
{
    static const OverlayClass class = {plan_draw, plan_key, plan_free, false};
    MovePlan *plan = g_new0(MovePlan, 1);
    plan->overlay.class = &class;
    plan->console = console;
    plan->cluster = console_cluster(console);
    plan->action = action;
    plan->node = g_strdup(node);
    plan->pager = pager_new(false);
    plan->rows = g_ptr_array_new_with_free_func(row_free);
    return plan;
}

void console_plan_move(Console *console, const Action *action, GArray *subjects,
                       const char *node)
{
    MovePlan *plan = plan_new(console, action, node);
    for (guint i = 0; i < subjects->len; i++)
        g_ptr_array_add(plan->rows, row_new(plan, &g_array_index(subjects, Subject, i)));
    console_push(console, &plan->overlay);
    ask_more(plan);
}

void console_plan_drain(Console *console, const Action *action, const ModelObject *node)
{
    Subject subject = {0};
    subject_set(&subject, node);
    MovePlan *plan = plan_new(console, action, model_object_name(console_model(console), node));
    plan->head = row_new(plan, &subject);
    console_push(console, &plan->overlay);
    ask_more(plan);
}
