#include "tui/view/console_private.h"

#include <string.h>

static Table *current_table(Console *console)
{
    const View *view = console_view(console);
    return view->class->table ? view->class->table(view->self) : NULL;
}

GPtrArray *console_targets(Console *console)
{
    const View *view = console_view(console);
    Table *table = current_table(console);
    if (table)
        return table_targets(table);
    GPtrArray *targets = g_ptr_array_new();
    ModelObject *object = view->class->object ? view->class->object(view->self) : NULL;
    if (object)
        g_ptr_array_add(targets, object);
    return targets;
}

unsigned console_where(Console *console)
{
    const View *view = console_view(console);
    unsigned where = IN_ANY | view->class->where;
    Table *table = current_table(console);
    ModelObject *object = table                 ? table_current(table)
                          : view->class->object ? view->class->object(view->self)
                                                : NULL;
    if (table)
        where |= IN_TABLE;
    if (object)
        where |= 1u << object->kind;
    return where;
}

const char *console_layout(const Console *console, ObjectKind kind, const char *what)
{
    g_autofree char *key = g_strjoin(".", object_kind_name(kind), what, NULL);
    return state_get(console->state, key);
}

void console_keep_layout(Console *console, const Table *table)
{
    const ViewClass *class = console_view(console)->class;
    /* Tables inside other views have columns of their own. */
    if (!class->top || class->where & IN_DASHBOARD)
        return;
    const char *kind = object_kind_name(table_kind(table));
    g_autofree char *columns_key = g_strconcat(kind, ".columns", NULL);
    g_autofree char *sort_key = g_strconcat(kind, ".sort", NULL);
    g_autofree char *columns = table_columns_text(table);
    g_autofree char *sort = table_sort_text(table);
    state_set(console->state, columns_key, columns);
    state_set(console->state, sort_key, sort);
}

static void begin_filter(Console *console, const Table *table)
{
    console->filtering = true;
    g_free(console->filter_before);
    console->filter_before = g_strdup(table_filter(table));
    input_set(&console->filter, table_filter(table));
}

static void end_filter(Console *console)
{
    console->filtering = false;
    g_clear_pointer(&console->filter_error, g_free);
}

/* The table follows each letter; what is not yet a filter leaves it as it is. */
static void filter_key(Console *console, Key key)
{
    Table *table = current_table(console);
    if (!table || key == K_ENTER) {
        end_filter(console);
        return;
    }
    if (key == K_ESC || key == K_CTRL('c')) {
        (void)table_set_filter(table, console->filter_before, NULL);
        end_filter(console);
        return;
    }
    if (key == K_UP || key == K_DOWN) {
        table_move(table, key == K_UP ? TABLE_UP : TABLE_DOWN);
        return;
    }
    if (!input_key(&console->filter, key))
        return;
    g_autoptr(GError) error = NULL;
    g_clear_pointer(&console->filter_error, g_free);
    if (!table_set_filter(table, console->filter.text->str, &error))
        console->filter_error = g_strdup(error->message);
}

static void table_command(Console *console, Table *table, ActionDo command)
{
    static const struct {
        ActionDo command;
        TableMove move;
    } moves[] = {
        {DO_UP, TABLE_UP},       {DO_DOWN, TABLE_DOWN},       {DO_LEFT, TABLE_LEFT},
        {DO_RIGHT, TABLE_RIGHT}, {DO_PAGE_UP, TABLE_PAGE_UP}, {DO_PAGE_DOWN, TABLE_PAGE_DOWN},
        {DO_FIRST, TABLE_FIRST}, {DO_LAST, TABLE_LAST},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(moves); i++)
        if (moves[i].command == command)
            table_move(table, moves[i].move);
    bool descending;
    int sort;
    switch (command) {
    case DO_FILTER:
        begin_filter(console, table);
        break;
    case DO_SORT:
        console_sort_menu(console);
        break;
    case DO_REVERSE:
        sort = table_sort(table, &descending);
        table_set_sort(table, sort, !descending);
        break;
    case DO_COLUMNS:
        console_columns_menu(console);
        break;
    case DO_MARK:
        table_toggle_mark(table);
        break;
    case DO_RANGE:
        table_toggle_range(table);
        break;
    case DO_MARK_ALL:
        table_mark_all(table);
        break;
    case DO_UNMARK:
        table_clear_marks(table);
        break;
    default:
        return;
    }
    console_keep_layout(console, table);
}

/* Out, one step at a time: the range, the filter, the marks, the view. */
static void go_back(Console *console)
{
    Table *table = current_table(console);
    if (table && table_in_range(table))
        table_toggle_range(table);
    else if (table && *table_filter(table))
        (void)table_set_filter(table, "", NULL);
    else if (table && table_marked(table, NULL))
        table_clear_marks(table);
    else
        console_back(console);
}

static void on_quit_answer(const char *const *answers, gpointer user)
{
    Console *console = user;
    if (answers)
        g_main_loop_quit(console->loop);
}

static void quit(Console *console)
{
    if (!console_view(console)->class->top) {
        console_back(console);
        return;
    }
    guint open = 0;
    for (guint i = 0; i < console->panes->len; i++)
        open += panes_count(console->panes->pdata[i]);
    if (console->pending == 0 && open == 0) {
        g_main_loop_quit(console->loop);
        return;
    }
    g_autofree char *text =
        open ? g_strdup_printf("%u consoles and shells are open and will be closed; what runs "
                               "in a shell gets a hang-up.",
                               open)
             : g_strdup("Agents have not yet answered what was asked. It may still be done.");
    FormSetup form = {.title = "Leave",
                      .text = text,
                      .consent = "leave now",
                      .answer = on_quit_answer,
                      .user = console};
    console_push(console, form_new(&form));
}

static void next_skin(Console *console)
{
    const char *const *names = skin_names();
    guint at = 0;
    while (names[at] && g_strcmp0(names[at], console->skin) != 0)
        at++;
    const char *name = names[at] && names[at + 1] ? names[at + 1] : names[0];
    g_autoptr(Skin) skin = skin_builtin(name);
    screen_set_skin(console->screen, skin);
    g_free(console->skin);
    console->skin = g_strdup(name);
    state_set(console->state, "skin", name);
    console_say(console, ROLE_TEXT, "skin: %s", name);
}

static void next_charts(Console *console)
{
    ChartStyle style = chart_style_shown(console->screen, console->charts);
    do
        style = (ChartStyle)((style + 1) % CHART_STYLES);
    while (chart_style_shown(console->screen, style) != style);
    console->charts = style;
    state_set(console->state, "charts", chart_style_name(console->charts));
    console_say(console, ROLE_TEXT, "charts: %s", chart_style_name(console->charts));
}

static void open_text(Console *console, const ModelObject *object, const char *what)
{
    Subject subject = {0};
    subject_set(&subject, object);
    g_strlcpy(subject.what, what, sizeof subject.what);
    console_open(console, &view_text, &subject);
}

/* For commands about one object: it, or NULL when there is none or it can't be. */
static ModelObject *subject_of(Console *console, const Action *action)
{
    g_autoptr(GPtrArray) targets = console_targets(console);
    Table *table = current_table(console);
    ModelObject *object = table          ? table_current(table)
                          : targets->len ? targets->pdata[0]
                                         : NULL;
    if (!object)
        return NULL;
    g_autofree char *refusal =
        action_refusal(action, console_model(console), object, console->options->readonly);
    if (!refusal)
        return object;
    console_say(console, ROLE_WARNING, "%s: no %s: %s",
                model_object_name(console_model(console), object), action->label, refusal);
    return NULL;
}

static void object_command(Console *console, const Action *action)
{
    ModelObject *object = subject_of(console, action);
    if (!object)
        return;
    switch (action->command) {
    case DO_OPEN:
        /* Else it is open already. */
        if (current_table(console))
            console_open_object(console, object);
        break;
    case DO_DEFINITION:
        open_text(console, object, "definition");
        break;
    case DO_SYSLOG:
        open_text(console, object, "syslog");
        break;
    case DO_CONSOLE:
    case DO_SHELL:
        console_open_program(console, object, action->command == DO_CONSOLE);
        break;
    default:
        break;
    }
}

void console_run_command(Console *console, const Action *action)
{
    Table *table = current_table(console);
    switch (action->command) {
    case DO_BACK:
        go_back(console);
        return;
    case DO_QUIT:
        quit(console);
        return;
    case DO_PALETTE:
        console_palette(console);
        return;
    case DO_MENU:
        console_menu(console);
        return;
    case DO_HELP:
        console_open(console, &view_help, NULL);
        return;
    case DO_VIEW:
        if (view_class_find(action->params))
            console_open(console, view_class_find(action->params), NULL);
        return;
    case DO_REPAINT:
        screen_repaint(console->screen);
        return;
    case DO_RETRY:
        cluster_retry(console_cluster(console));
        console_say(console, ROLE_TEXT, "trying every lost node again");
        return;
    case DO_MOUSE:
        console->mouse = !console->mouse;
        screen_set_mouse(console->screen, console->mouse);
        console_say(console, ROLE_TEXT, "mouse: %s", console->mouse ? "in" : "out");
        return;
    case DO_CHARTS:
        next_charts(console);
        return;
    case DO_SPAN:
        console->span = (console->span + 1) % CONSOLE_SPANS;
        return;
    case DO_SKIN:
        next_skin(console);
        return;
    case DO_OPEN:
    case DO_DEFINITION:
    case DO_SYSLOG:
    case DO_CONSOLE:
    case DO_SHELL:
        object_command(console, action);
        return;
    default:
        if (table)
            table_command(console, table, action->command);
    }
}

static void mouse_key(Console *console)
{
    ScreenMouse mouse;
    Table *table = current_table(console);
    if (!screen_mouse(console->screen, &mouse) || !table)
        return;
    if (mouse.what == MOUSE_WHEEL_UP || mouse.what == MOUSE_WHEEL_DOWN)
        for (int i = 0; i < 3; i++)
            table_move(table, mouse.what == MOUSE_WHEEL_UP ? TABLE_UP : TABLE_DOWN);
    else if (table_click(table, mouse.row, mouse.column) && mouse.what == MOUSE_DOUBLE)
        console_run_command(console, action_find("open"));
}

/* What is pasted is text: it reaches fields and panes, never the table of keys. */
static bool paste_key(Console *console, const View *view, Key key)
{
    if (key == K_PASTE_BEGIN || key == K_PASTE_END) {
        console->pasting = key == K_PASTE_BEGIN;
        return !(view->class->whole && console->overlays->len == 0);
    }
    if (!console->pasting)
        return false;
    Overlay *top =
        console->overlays->len ? console->overlays->pdata[console->overlays->len - 1] : NULL;
    if (top)
        return !top->class->takes_text || key < 32 || key >= KEY_FIRST;
    if (console->filtering)
        return key < 32 || key >= KEY_FIRST;
    return !view->class->whole;
}

void console_key(Console *console, Key key)
{
    const View *view = console_view(console);
    g_clear_pointer(&console->message, g_free);
    if (paste_key(console, view, key))
        return;
    if (console->overlays->len) {
        Overlay *overlay = console->overlays->pdata[console->overlays->len - 1];
        if (!overlay->class->key(overlay, key))
            console_remove(console, overlay);
        return;
    }
    if (console->filtering) {
        filter_key(console, key);
        return;
    }
    if (view->class->key && view->class->key(view->self, key))
        return;
    if (key == K_MOUSE) {
        mouse_key(console);
        return;
    }
    const ConsoleCommand *own = console_own_for_key(console, key);
    if (own) {
        g_autoptr(GPtrArray) targets = console_targets(console);
        console_own_run(console, own, targets);
        return;
    }
    const Action *action = action_for_key(console->keys, key, console_where(console));
    if (!action)
        return;
    if (!action_is_act(action)) {
        console_run_command(console, action);
        return;
    }
    g_autoptr(GPtrArray) targets = console_targets(console);
    console_act(console, action, targets);
}
