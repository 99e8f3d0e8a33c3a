#include "tui/view/setup.h"

#include "conf/console.h"
#include "tui/view/look.h"
#include "tui/view/names.h"

#include <string.h>

struct ConsoleSetup {
    ConsoleConfig *config;
    ConsoleCluster *named;
    GArray *clusters;   /* ClusterSetup */
    GPtrArray *members; /* GArray of ClusterMember, one a cluster */
    GPtrArray *texts;
    GArray *bindings;
    Skin *skin;
    ConsoleOptions options;
};

static const char *keep_text(ConsoleSetup *setup, char *text)
{
    g_ptr_array_add(setup->texts, text);
    return text;
}

/* A cluster of these targets. */
static void add_cluster(ConsoleSetup *setup, const char *name, const char *const *targets,
                        const ConsoleWords *via)
{
    GArray *members = g_array_new(FALSE, TRUE, sizeof(ClusterMember));
    for (; *targets; targets++) {
        ClusterMember member = {keep_text(setup, g_strdup(*targets)), NULL};
        for (const ConsoleWords *one = via; one && one->name; one++)
            if (strcmp(one->name, *targets) == 0)
                member.via = keep_text(setup, g_strdup(one->words[0]));
        g_array_append_val(members, member);
    }
    ClusterSetup cluster = {keep_text(setup, g_strdup(name)),
                            (const ClusterMember *)(gpointer)members->data, members->len};
    g_ptr_array_add(setup->members, members);
    g_array_append_val(setup->clusters, cluster);
}

static const ConsoleCluster *find_named(const ConsoleSetup *setup, const char *name)
{
    for (const ConsoleCluster *cluster = setup->named; cluster && cluster->name; cluster++)
        if (strcmp(cluster->name, name) == 0)
            return cluster;
    return NULL;
}

static void add_clusters(ConsoleSetup *setup, const char *const *words)
{
    static const char *const local[] = {"local", NULL};
    g_autoptr(GPtrArray) targets = g_ptr_array_new();
    for (const char *const *word = words; *word; word++) {
        const ConsoleCluster *cluster = find_named(setup, *word);
        if (cluster)
            add_cluster(setup, cluster->name, (const char *const *)cluster->nodes,
                        cluster->via);
        else
            g_ptr_array_add(targets, (gpointer)(gintptr)*word);
    }
    if (targets->len) {
        const char *name = targets->pdata[0];
        g_ptr_array_add(targets, NULL);
        add_cluster(setup, name, (const char *const *)targets->pdata, NULL);
    }
    for (const ConsoleCluster *cluster = setup->named; !*words && cluster && cluster->name;
         cluster++)
        add_cluster(setup, cluster->name, (const char *const *)cluster->nodes, cluster->via);
    if (setup->clusters->len == 0)
        add_cluster(setup, "local", local, NULL);
}

static void apply_look(ConsoleSetup *setup)
{
    static const int colours[] = {0, 8, 16, 256, SKIN_EXACT};
    const ConsoleConfig *config = setup->config;
    ConsoleOptions *options = &setup->options;
    options->own = config;
    options->readonly = config->readonly;
    options->ascii = config->ascii;
    options->mouse = config->mouse;
    options->colours = colours[config->colours];
    options->charts = look_charts(config);
    /* Without a word of it the skin is the one chosen last inside. */
    if (!look_has_skin(config))
        return;
    setup->skin = look_skin(config->skin, config->styles, NULL);
    options->skin = setup->skin;
}

static void apply_words(ConsoleSetup *setup)
{
    const ConsoleConfig *config = setup->config;
    for (const ConsoleWords *keys = config->keys; keys && keys->name; keys++) {
        ActionBinding binding = {keys->name, keep_text(setup, g_strjoinv(" ", keys->words))};
        g_array_append_val(setup->bindings, binding);
    }
    for (const ConsoleWords *columns = config->columns; columns && columns->name; columns++) {
        ObjectKind kind;
        if (console_view_kind(columns->name, &kind))
            setup->options.columns[kind] = keep_text(setup, g_strjoinv(" ", columns->words));
    }
    setup->options.bindings = (const ActionBinding *)(gpointer)setup->bindings->data;
    setup->options.binding_count = setup->bindings->len;
    setup->options.commands = config->commands;
}

static bool read_files(ConsoleSetup *setup, GError **error)
{
    g_autoptr(GError) trouble = NULL;
    setup->config = conf_console_load(NULL, console_names(), error);
    if (!setup->config)
        return false;
    setup->named = conf_clusters_load(NULL, &trouble);
    if (trouble)
        g_propagate_error(error, g_steal_pointer(&trouble));
    return setup->named != NULL;
}

ConsoleSetup *console_setup_new(const char *const *words, GError **error)
{
    ConsoleSetup *setup = g_new0(ConsoleSetup, 1);
    setup->texts = g_ptr_array_new_with_free_func(g_free);
    setup->members = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    setup->clusters = g_array_new(FALSE, TRUE, sizeof(ClusterSetup));
    setup->bindings = g_array_new(FALSE, TRUE, sizeof(ActionBinding));
    if (!read_files(setup, error)) {
        console_setup_free(setup);
        return NULL;
    }
    add_clusters(setup, words);
    apply_look(setup);
    apply_words(setup);
    setup->options.clusters = (const ClusterSetup *)(gpointer)setup->clusters->data;
    setup->options.cluster_count = setup->clusters->len;
    return setup;
}

void console_setup_free(ConsoleSetup *setup)
{
    if (!setup)
        return;
    conf_console_free(setup->config);
    conf_clusters_free(setup->named);
    g_array_unref(setup->clusters);
    g_ptr_array_unref(setup->members);
    g_ptr_array_unref(setup->texts);
    g_array_unref(setup->bindings);
    skin_free(setup->skin);
    g_free(setup);
}

ConsoleOptions *console_setup_options(ConsoleSetup *setup)
{
    return &setup->options;
}
