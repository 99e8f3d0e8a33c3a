/* One task and its log, which grows before one's eyes. */
#include "tui/view/console_private.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"
#include "tui/widget/cell.h"

#include <math.h>

enum { DEADLINE = 15000 };

typedef struct {
    Console *console;
    Subject subject;
    Pager *pager;
    Ask *ask;
    gint64 offset; /* of the next piece */
    bool ended;
    char *trouble;
} TaskView;

static void ask_more(TaskView *view);

static void on_log(const json_t *result, const GError *error, gpointer user)
{
    TaskView *view = user;
    view->ask = NULL;
    g_clear_pointer(&view->trouble, g_free);
    if (error) {
        view->trouble = g_strdup(error->message);
        console_changed(view->console);
        return;
    }
    const json_t *text = json_object_get(result, "text");
    gint64 before = view->offset;
    if (json_is_string(text))
        pager_add(view->pager, json_string_value(text), json_string_length(text));
    view->offset = MAX(wire_get_integer(result, "offset", before), before);
    view->ended = wire_get_boolean(result, "end", FALSE);
    /* More may have been waiting than one piece holds. */
    if (!view->ended && view->offset > before)
        ask_more(view);
    console_changed(view->console);
}

static void ask_more(TaskView *view)
{
    if (view->ask || view->ended)
        return;
    json_t *params =
        json_pack("{s:s,s:I}", "task", view->subject.id, "offset", (json_int_t)view->offset);
    view->ask = cluster_ask(console_cluster(view->console), view->subject.node, "task.log",
                            params, DEADLINE, on_log, view);
}

static gpointer task_open(Console *console, const Subject *subject)
{
    TaskView *view = g_new0(TaskView, 1);
    view->console = console;
    view->subject = *subject;
    view->pager = pager_new(true);
    ask_more(view);
    return view;
}

static void task_close(gpointer data)
{
    TaskView *view = data;
    ask_drop(&view->ask);
    pager_free(view->pager);
    g_free(view->trouble);
    g_free(view);
}

static const ModelTask *find(const TaskView *view)
{
    return (const ModelTask *)subject_find(&view->subject, console_model(view->console));
}

static void draw_head(const TaskView *view, const ModelTask *task, Screen *screen, Box box)
{
    char from[32], took[16];
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    Role role;
    Glyph glyph = cell_task_glyph(task, &role);
    const ModelNode *node = model_node(console_model(view->console), task->base.node);
    units_when(isnan(task->started) ? task->created : task->started, now, from, sizeof from);
    units_duration(isnan(task->ended) ? now - task->started : task->ended - task->started, took,
                   sizeof took);
    draw_glyph(screen, box.row, 1, role, glyph);
    draw_printf(screen, box.row, 3, box.columns - 4, role == ROLE_TEXT ? ROLE_TITLE : role,
                "%s %s", task->method ? task->method : "?", task->state ? task->state : "");
    draw_printf(screen, box.row + 1, 3, box.columns - 4, ROLE_TEXT,
                "%s %s on %s   asked by %s   %s, %s", task->object ? task->object : "",
                task->name ? task->name : "", node ? node->name : "?",
                task->owner ? task->owner : "?", from, took);
    if (task->error)
        draw_text(screen, box.row + 2, 3, box.columns - 4, ROLE_ERROR, task->error);
    else if (task->progress >= 0)
        draw_printf(screen, box.row + 2, 24, box.columns - 25, ROLE_TEXT, "%.0f%%  %s",
                    task->progress, task->doing ? task->doing : "");
    else if (task->doing)
        draw_text(screen, box.row + 2, 3, box.columns - 4, ROLE_TEXT, task->doing);
    if (!task->error && task->progress >= 0)
        gauge_draw(screen, box.row + 2, 3, 20, task->progress);
}

static void task_draw(gpointer data, Screen *screen, Box box)
{
    TaskView *view = data;
    const ModelTask *task = find(view);
    if (task)
        draw_head(view, task, screen, box);
    else
        draw_text(screen, box.row, 3, box.columns - 4, ROLE_DIM,
                  "this task is not kept any more");
    Box log = {box.row + 4, 1, box.rows - 4, box.columns - 2};
    if (view->trouble)
        draw_text(screen, log.row, 3, box.columns - 4, ROLE_ERROR, view->trouble);
    else if (pager_is_empty(view->pager))
        draw_text(screen, log.row, 3, box.columns - 4, ROLE_DIM,
                  view->ended ? "it wrote no log" : "no log yet");
    else
        pager_draw(view->pager, screen, log);
}

/* The log's size comes with the task's changes; that is when to ask. */
static void task_tick(gpointer data)
{
    TaskView *view = data;
    const ModelTask *task = find(view);
    if (task && (task->log_size > view->offset || !isnan(task->ended)))
        ask_more(view);
}

static bool task_key(gpointer data, Key key)
{
    TaskView *view = data;
    return pager_key(view->pager, key);
}

static void task_describe(gpointer data, GString *out)
{
    const TaskView *view = data;
    g_string_append_printf(out, " %s", view->subject.id);
    pager_describe(view->pager, out);
}

static ModelObject *task_object(gpointer data)
{
    const TaskView *view = data;
    return subject_find(&view->subject, console_model(view->console));
}

const ViewClass view_task = {.name = "task",
                             .title = "Task",
                             .open = task_open,
                             .close = task_close,
                             .draw = task_draw,
                             .key = task_key,
                             .tick = task_tick,
                             .describe = task_describe,
                             .object = task_object};
