#include "tui/view/setup.h"

#include "conf/console.h"
#include "tui/view/view.h"

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

static bool is_action(const char *name)
{
    return action_find(name) != NULL;
}

static bool is_key(const char *text)
{
    Key key;
    return key_parse(text, &key);
}

static bool is_skin(const char *name)
{
    g_autoptr(Skin) skin = skin_builtin(name);
    return skin != NULL;
}

static bool is_role(const char *name)
{
    Role role;
    return skin_role_from_name(name, &role);
}

static bool is_style(const char *text)
{
    SkinStyle style;
    return skin_style_parse(text, &style, NULL);
}

/* The kind of object that a view is a table of; false when it is none. */
static bool kind_of_view(const char *view, ObjectKind *out)
{
    static const struct {
        const char *view;
        ObjectKind kind;
    } kinds[] = {{"nodes", OBJECT_NODE},  {"guests", OBJECT_GUEST}, {"storage", OBJECT_STORAGE},
                 {"links", OBJECT_LINK},  {"tasks", OBJECT_TASK},   {"events", OBJECT_EVENT},
                 {"alarms", OBJECT_ALARM}};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].view, view) == 0) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool is_view(const char *name)
{
    ObjectKind kind;
    return kind_of_view(name, &kind);
}

static bool is_column(const char *view, const char *name)
{
    ObjectKind kind;
    return kind_of_view(view, &kind) && model_field_find(kind, name) >= 0;
}

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
    static const char *const charts[] = {NULL, "braille", "blocks", "ascii"};
    const ConsoleConfig *config = setup->config;
    ConsoleOptions *options = &setup->options;
    options->readonly = config->readonly;
    options->ascii = config->ascii;
    options->mouse = config->mouse;
    options->colours = colours[config->colours];
    options->charts = charts[config->charts];
    bool styled = config->styles && config->styles->name;
    /* Without a word of it the skin is the one chosen last inside. */
    if (!styled && (!config->skin || strcmp(config->skin, "terminal") == 0))
        return;
    setup->skin = skin_builtin(config->skin ? config->skin : "terminal");
    for (const ConsoleWords *style = config->styles; style && style->name; style++) {
        Role role;
        g_autofree char *text = g_strjoinv(" ", style->words);
        if (skin_role_from_name(style->name, &role))
            (void)skin_style_parse(text, &setup->skin->styles[role], NULL);
    }
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
        if (kind_of_view(columns->name, &kind))
            setup->options.columns[kind] = keep_text(setup, g_strjoinv(" ", columns->words));
    }
    setup->options.bindings = (const ActionBinding *)(gpointer)setup->bindings->data;
    setup->options.binding_count = setup->bindings->len;
    setup->options.commands = config->commands;
}

static bool read_files(ConsoleSetup *setup, GError **error)
{
    static const ConsoleNames names = {.action = is_action,
                                       .key = is_key,
                                       .skin = is_skin,
                                       .role = is_role,
                                       .style = is_style,
                                       .view = is_view,
                                       .column = is_column};
    g_autoptr(GError) trouble = NULL;
    setup->config = conf_console_load(NULL, &names, error);
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
