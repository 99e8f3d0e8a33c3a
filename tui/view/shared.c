#include "tui/view/shared.h"

#include "tui/view/look.h"
#include "tui/view/names.h"

#include <string.h>

static const ConsoleConfig *current(const Console *console)
{
    return console->cluster < console->shared->len ? console->shared->pdata[console->cluster]
                                                   : NULL;
}

static void add_bindings(GArray *bindings, GPtrArray *texts, const ConsoleWords *keys)
{
    for (; keys && keys->name; keys++) {
        char *text = g_strjoinv(" ", keys->words);
        ActionBinding binding = {keys->name, text};
        g_ptr_array_add(texts, text);
        g_array_append_val(bindings, binding);
    }
}

static bool apply_keys(Console *console, const ConsoleConfig *config, GError **error)
{
    g_autoptr(GArray) bindings = g_array_new(FALSE, TRUE, sizeof(ActionBinding));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    add_bindings(bindings, texts, config ? config->keys : NULL);
    if (console->options->binding_count)
        g_array_append_vals(bindings, console->options->bindings,
                            console->options->binding_count);
    ActionKeys *keys =
        action_keys_new((const ActionBinding *)(gpointer)bindings->data, bindings->len, error);
    if (!keys)
        return false;
    action_keys_free(console->keys);
    console->keys = keys;
    return true;
}

/* Under the skin that the person's file says, or that was chosen inside. */
static void apply_skin(Console *console, const ConsoleConfig *config)
{
    const ConsoleConfig *own = console->options->own;
    const char *chosen = state_get(console->state, "skin");
    const ConsoleWords *own_styles = own ? own->styles : NULL;
    bool own_skin = own && strcmp(own->skin, "terminal") != 0;
    bool is_own = own_skin || (chosen && !(own_styles && own_styles->name));
    const char *name = own_skin ? own->skin : is_own ? chosen : config ? config->skin : NULL;
    g_autoptr(Skin) skin = look_skin(name ? name : "terminal",
                                     is_own || !config ? NULL : config->styles, own_styles);
    screen_set_skin(console->screen, skin);
    g_free(console->skin);
    console->skin = g_strdup(skin->name);
}

static void apply_charts(Console *console, const ConsoleConfig *config)
{
    const char *name = console->options->charts;
    if (!name)
        name = state_get(console->state, "charts");
    if (!name && config)
        name = look_charts(config);
    if (!name || !chart_style_from_name(name, &console->charts))
        console->charts = CHART_BRAILLE;
}

const char *shared_columns(const Console *console, ObjectKind kind)
{
    return console->options->columns[kind] ? console->options->columns[kind]
                                           : console->shared_columns[kind];
}

/* Tables that are open get them too, but for those that the person arranged. */
static void apply_columns(Console *console, const ConsoleConfig *config)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        g_clear_pointer(&console->shared_columns[kind], g_free);
    for (const ConsoleWords *one = config ? config->columns : NULL; one && one->name; one++) {
        ObjectKind kind;
        if (console_view_kind(one->name, &kind))
            console->shared_columns[kind] = g_strjoinv(" ", one->words);
    }
    for (guint i = 0; i < console->view_count; i++) {
        const View *view = &console->views[i];
        Table *table =
            view->class->top && view->class->table ? view->class->table(view->self) : NULL;
        const char *columns = table ? shared_columns(console, table_kind(table)) : NULL;
        if (columns && !(view->class->where & IN_DASHBOARD) &&
            !console_layout(console, table_kind(table), "columns"))
            table_set_columns(table, columns);
    }
}

static void refuse(Console *console, const GError *error)
{
    console_say(console, ROLE_WARNING, "what %s says for consoles is left out: %s",
                cluster_name(console_cluster(console)), error->message);
}

void shared_apply(Console *console)
{
    g_autoptr(GError) error = NULL;
    const ConsoleConfig *config = current(console);
    if (!apply_keys(console, config, &error)) {
        refuse(console, error);
        return;
    }
    apply_columns(console, config);
    apply_charts(console, config);
    apply_skin(console, config);
    console_changed(console);
}

static void config_free(gpointer config)
{
    conf_console_free(config);
}

GPtrArray *shared_new(guint clusters)
{
    GPtrArray *shared = g_ptr_array_new_with_free_func(config_free);
    g_ptr_array_set_size(shared, (gint)clusters);
    return shared;
}

void shared_take(Console *console, const Cluster *cluster, const char *text)
{
    g_autoptr(GError) error = NULL;
    guint index;
    if (!g_ptr_array_find(console->clusters, cluster, &index))
        return;
    ConsoleConfig *config = text ? conf_shared_parse("the cluster's settings", text,
                                                     strlen(text), console_names(), &error)
                                 : NULL;
    conf_console_free(console->shared->pdata[index]);
    console->shared->pdata[index] = config;
    if (index == console->cluster)
        shared_apply(console);
    if (error)
        refuse(console, error);
}
