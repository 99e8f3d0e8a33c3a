#include "tui/view/console_private.h"

#include "tui/view/shared.h"

#include "backend/wire/error.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_TIME = 12, WARNINGS_MAX = 20 };

Cluster *console_cluster(const Console *console)
{
    return console->clusters->pdata[console->cluster];
}

Model *console_model(const Console *console)
{
    return cluster_model(console_cluster(console));
}

View *console_view(Console *console)
{
    return &console->views[console->view_count - 1];
}

static gboolean on_frame(gpointer user)
{
    Console *console = user;
    console->frame = 0;
    console_draw(console);
    return G_SOURCE_REMOVE;
}

void console_changed(Console *console)
{
    if (console->frame || !console->screen)
        return;
    gint64 since = (g_get_monotonic_time() - console->last_frame) / 1000;
    console->frame = since >= CONSOLE_FRAME
                         ? g_idle_add(on_frame, console)
                         : g_timeout_add((guint)(CONSOLE_FRAME - since), on_frame, console);
}

void console_draw_soon(Console *console)
{
    if (console->frame)
        (void)g_source_remove(console->frame);
    console->frame = console->screen ? g_idle_add(on_frame, console) : 0;
}

void console_say(Console *console, Role role, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_free(console->message);
    console->message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    console->message_role = role;
    console->message_until = g_get_monotonic_time() + (gint64)MESSAGE_TIME * G_USEC_PER_SEC;
    console_changed(console);
}

void console_push(Console *console, Overlay *overlay)
{
    g_ptr_array_add(console->overlays, overlay);
    console_changed(console);
}

void console_remove(Console *console, const Overlay *overlay)
{
    guint at;
    if (!g_ptr_array_find(console->overlays, overlay, &at))
        return;
    Overlay *found = g_ptr_array_remove_index(console->overlays, at);
    GHashTableIter iter;
    gpointer asking;
    g_hash_table_iter_init(&iter, console->prompts);
    while (g_hash_table_iter_next(&iter, NULL, &asking))
        if (asking == overlay)
            g_hash_table_iter_remove(&iter);
    found->class->free(found);
    console_changed(console);
}

static void close_view(Console *console, guint at)
{
    View view = console->views[at];
    memmove(&console->views[at], &console->views[at + 1],
            (console->view_count - at - 1) * sizeof *console->views);
    console->view_count--;
    view.class->close(view.self);
}

void console_open(Console *console, const ViewClass *class, const Subject *subject)
{
    /* One of each top view: it comes to the front as it was left. */
    for (guint i = 0; class->top && i < console->view_count; i++) {
        if (console->views[i].class != class)
            continue;
        View found = console->views[i];
        memmove(&console->views[i], &console->views[i + 1],
                (console->view_count - i - 1) * sizeof *console->views);
        console->views[console->view_count - 1] = found;
        return;
    }
    if (console->view_count == CONSOLE_VIEWS_MAX)
        close_view(console, 0);
    gpointer self = class->open(console, subject);
    if (self)
        console->views[console->view_count++] = (View){class, self};
    console_changed(console);
}

void console_open_object(Console *console, const ModelObject *object)
{
    static const ViewClass *const classes[OBJECT_KIND_COUNT] = {
        [OBJECT_NODE] = &view_node,    [OBJECT_GUEST] = &view_guest,
        [OBJECT_STORAGE] = &view_text, [OBJECT_TASK] = &view_task,
        [OBJECT_EVENT] = &view_text,   [OBJECT_LINK] = &view_text,
        [OBJECT_ALARM] = &view_text,
    };
    Subject subject = {0};
    subject_set(&subject, object);
    console_open(console, classes[object->kind], &subject);
}

void console_back(Console *console)
{
    if (console->view_count > 1)
        close_view(console, console->view_count - 1);
    else if (console_view(console)->class != &view_dashboard)
        console_open(console, &view_dashboard, NULL);
    console_changed(console);
}

void console_close_views(Console *console)
{
    while (console->view_count > 0)
        close_view(console, console->view_count - 1);
}

static void on_model(ModelChange change, ModelObject *object, guint64 fields, gpointer user)
{
    Console *console = user;
    console_changed(console);
    if (object->kind != OBJECT_TASK || change == MODEL_GONE)
        return;
    /* What was asked for here and went wrong is said wherever the person is. */
    const ModelTask *task = (const ModelTask *)object;
    if (!g_hash_table_contains(console->own_tasks, object->id))
        return;
    if (g_strcmp0(task->state, "failed") == 0)
        console_say(console, ROLE_ERROR, "%s %s failed: %s", task->method ? task->method : "",
                    task->object ? task->object : "", task->error ? task->error : "no reason");
    else if (g_strcmp0(task->state, "done") == 0)
        console_say(console, ROLE_TEXT, "%s %s: done", task->method ? task->method : "",
                    task->object ? task->object : "");
    else if (g_strcmp0(task->state, "cancelled") != 0)
        return;
    g_hash_table_remove(console->own_tasks, object->id);
}

/* What a person waits for is shown at once: the first rows of a node. */
static void on_cluster_changed(Cluster *cluster, guint node, gpointer user)
{
    Console *console = user;
    const ModelNode *told = model_node(cluster_model(cluster), node);
    if (cluster == console_cluster(console) && told && told->ready)
        console_draw_soon(console);
    else
        console_changed(console);
}

static void on_cluster_settings(Cluster *cluster, const char *text, gpointer user)
{
    shared_take(user, cluster, text);
}

void console_go_to_cluster(Console *console, guint index)
{
    static const ClusterEvents events = {console_on_asking, on_cluster_changed,
                                         on_cluster_settings};
    gboolean other = console->cluster != index;
    console_close_views(console);
    console->cluster = index;
    if (!console->clusters->pdata[index]) {
        Cluster *cluster = cluster_new(&console->options->clusters[index],
                                       console->options->ssh_config, FALSE, &events, console);
        console->clusters->pdata[index] = cluster;
        model_listen(cluster_model(cluster), on_model, console);
    }
    if (other)
        shared_apply(console);
    console_open(console, &view_dashboard, NULL);
}

static gboolean on_second(gpointer user)
{
    Console *console = user;
    const View *view = console_view(console);
    model_expire(console_model(console), g_get_monotonic_time());
    if (view->class->tick)
        view->class->tick(view->self);
    console_changed(console);
    return G_SOURCE_CONTINUE;
}

static void on_input(gpointer user)
{
    Console *console = user;
    Key key;
    /* All that is there, then one frame. */
    for (int i = 0; i < 256 && (key = screen_read(console->screen)) != KEY_NOTHING; i++)
        console_key(console, key);
    console_draw(console);
}

static void on_resized(gpointer user)
{
    console_draw(user);
}

/* The terminal took all there was: a key may be waiting for its frame. */
static void on_ready(gpointer user)
{
    console_draw_soon(user);
}

static void on_lost(gpointer user)
{
    Console *console = user;
    g_main_loop_quit(console->loop);
}

static gboolean on_signal(gpointer user)
{
    on_lost(user);
    return G_SOURCE_CONTINUE;
}

static bool open_screen(Console *console, GError **error)
{
    static const ScreenEvents events = {
        .input = on_input, .resized = on_resized, .ready = on_ready, .lost = on_lost};
    const char *chosen = state_get(console->state, "skin");
    g_autoptr(Skin) skin = chosen ? skin_builtin(chosen) : NULL;
    ScreenOptions options = {
        .input = STDIN_FILENO,
        .output = STDOUT_FILENO,
        .ascii = console->options->ascii,
        .mouse = console->options->mouse,
        .no_color = console->options->no_color,
        .colours = console->options->colours,
        .skin = console->options->skin ? console->options->skin : skin,
    };
    console->skin = g_strdup(options.skin ? options.skin->name : "terminal");
    console->mouse = options.mouse;
    console->screen = screen_open(&options, &events, console, error);
    return console->screen != NULL;
}

/* On the screen it would only smear what is drawn. */
static void on_warning(const char *domain, GLogLevelFlags level, const char *text,
                       gpointer user)
{
    GAsyncQueue *warnings = user;
    if (level & G_LOG_FLAG_FATAL)
        g_log_default_handler(domain, level, text, NULL);
    else if (g_async_queue_length(warnings) < WARNINGS_MAX)
        g_async_queue_push(warnings, g_strdup_printf("%s: %s", domain ? domain : "", text));
}

static void say_warnings(GAsyncQueue *warnings)
{
    for (char *text; (text = g_async_queue_try_pop(warnings)); g_free(text))
        g_printerr("gantry: %s\n", text);
    g_async_queue_unref(warnings);
}

static void choose_charts(Console *console)
{
    const char *name = console->options->charts ? console->options->charts
                                                : state_get(console->state, "charts");
    if (!name || !chart_style_from_name(name, &console->charts))
        console->charts = CHART_BRAILLE;
}

static void run(Console *console)
{
    guint sources[] = {g_unix_signal_add(SIGTERM, on_signal, console),
                       g_unix_signal_add(SIGHUP, on_signal, console),
                       g_unix_signal_add(SIGINT, on_signal, console),
                       g_timeout_add_seconds(1, on_second, console)};
    console_go_to_cluster(console, 0);
    console_draw(console);
    g_main_loop_run(console->loop);
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        (void)g_source_remove(sources[i]);
}

static void console_clear(Console *console)
{
    while (console->overlays && console->overlays->len)
        console_remove(console, console->overlays->pdata[console->overlays->len - 1]);
    console_close_views(console);
    for (guint i = 0; console->panes && i < console->panes->len; i++)
        panes_free(console->panes->pdata[i]);
    g_clear_pointer(&console->panes, g_ptr_array_unref);
    if (console->frame)
        (void)g_source_remove(console->frame);
    console->frame = 0;
    Screen *screen = g_steal_pointer(&console->screen);
    screen_close(screen);
    for (guint i = 0; console->clusters && i < console->clusters->len; i++)
        if (console->clusters->pdata[i]) {
            model_unlisten(cluster_model(console->clusters->pdata[i]), on_model, console);
            cluster_free(console->clusters->pdata[i]);
        }
    g_clear_pointer(&console->clusters, g_ptr_array_unref);
    g_clear_pointer(&console->shared, g_ptr_array_unref);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        g_clear_pointer(&console->shared_columns[kind], g_free);
    g_clear_pointer(&console->overlays, g_ptr_array_unref);
    g_clear_pointer(&console->prompts, g_hash_table_unref);
    g_clear_pointer(&console->own_tasks, g_hash_table_unref);
    g_clear_pointer(&console->loop, g_main_loop_unref);
    action_keys_free(console->keys);
    state_free(console->state);
    input_clear(&console->filter);
    g_free(console->filter_before);
    g_free(console->filter_error);
    g_free(console->message);
    g_free(console->skin);
}

gboolean console_run(const ConsoleOptions *options, GError **error)
{
    Console console = {.options = options};
    g_autofree char *trouble = NULL;
    console.keys = action_keys_new(options->bindings, options->binding_count, error);
    if (!console.keys)
        return FALSE;
    console.state = state_load(&trouble);
    console.loop = g_main_loop_new(NULL, FALSE);
    console.overlays = g_ptr_array_new();
    console.prompts = g_hash_table_new(NULL, NULL);
    console.own_tasks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    console.clusters = g_ptr_array_new();
    g_ptr_array_set_size(console.clusters, (gint)options->cluster_count);
    console.shared = shared_new(options->cluster_count);
    console.panes = g_ptr_array_new();
    g_ptr_array_set_size(console.panes, (gint)options->cluster_count);
    input_init(&console.filter, "");
    choose_charts(&console);
    gboolean shown = open_screen(&console, error);
    if (shown) {
        if (trouble)
            console_say(&console, ROLE_WARNING, "%s", trouble);
        GAsyncQueue *warnings = g_async_queue_new_full(g_free);
        GLogFunc before = g_log_set_default_handler(on_warning, warnings);
        run(&console);
        g_autofree char *unsaved = state_save(console.state);
        console_clear(&console);
        (void)g_log_set_default_handler(before, NULL);
        say_warnings(warnings);
        if (unsaved)
            g_printerr("gantry: the layout was not kept: %s\n", unsaved);
    } else {
        console_clear(&console);
    }
    return shown;
}
