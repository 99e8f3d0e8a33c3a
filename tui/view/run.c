/* Acts that are commands of gantry's own, run in a pane, so that their plans, questions and
 * guarding words are those of the command line: first the node is chosen that the act is
 * about, where there is no saying; then a form asks for what is missing; then the words of
 * the action are filled in. What is typed or told by nodes may be no option. */
#include "tui/view/console_private.h"

#include <string.h>

typedef struct {
    Console *console;
    const Action *action;
    Subject node; /* or the guest; its id is empty where the act is about the whole cluster */
} Run;

static void run_free(gpointer run)
{
    g_free(run);
}

static const ModelNode *node_of(const Run *run)
{
    const ModelObject *object =
        *run->node.id ? subject_find(&run->node, console_model(run->console)) : NULL;
    return object ? model_node(console_model(run->console), object->node) : NULL;
}

/* ---- words ---- */

/* What stands for one of the braced words; to be g_freed. NULL: the node is not reached in
 * a way that another program could go. */
static char *value_of(const Run *run, const char *word, const char *const *answers)
{
    const Cluster *cluster = console_cluster(run->console);
    const ModelNode *node = node_of(run);
    if (g_ascii_isdigit(*word)) {
        const char *answer = answers[*word - '0'];
        return g_strstrip(g_strdup(answer ? answer : ""));
    }
    if (strcmp(word, "guest") == 0)
        return g_strdup(run->node.id);
    if (strcmp(word, "name") == 0)
        return g_strdup(node ? node->name : "");
    if (strcmp(word, "member") == 0)
        node = action_member(console_model(run->console), node);
    return node ? cluster_target(cluster, node->base.node) : NULL;
}

static bool refuse(const Run *run, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(const Run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *why = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    console_say(run->console, ROLE_WARNING, "%s: %s", run->action->label, why);
    return false;
}

/* "--link0={1}" is left out without an answer; "{0}" may become several words. */
static bool add_word(const Run *run, GPtrArray *argv, const char *word,
                     const char *const *answers)
{
    const char *brace = strchr(word, '{');
    if (!brace) {
        g_ptr_array_add(argv, g_strdup(word));
        return true;
    }
    g_autofree char *inner = g_strndup(brace + 1, strcspn(brace + 1, "}"));
    g_autofree char *value = value_of(run, inner, answers);
    if (!value)
        return refuse(run, "it is reached only through another node, where a command can't "
                           "go: run it on that node");
    if (brace > word) {
        if (*value)
            g_ptr_array_add(argv, g_strdup_printf("%.*s%s", (int)(brace - word), word, value));
        return true;
    }
    g_auto(GStrv) parts = g_strsplit(value, " ", -1);
    for (char **part = parts; *part; part++) {
        if (**part == '-')
            return refuse(run, "'%s' begins with a dash", *part);
        if (**part)
            g_ptr_array_add(argv, g_strdup(*part));
    }
    return true;
}

/* To be freed with g_strfreev(); NULL when it was said why not. */
static char **fill_in(const Run *run, const char *const *answers)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) words = g_strsplit(run->action->params, " ", -1);
    g_ptr_array_add(argv, g_strdup("gantry"));
    if (run->console->options->ssh_config) {
        g_ptr_array_add(argv, g_strdup("-F"));
        g_ptr_array_add(argv, g_strdup(run->console->options->ssh_config));
    }
    for (char **word = words; *word; word++)
        if (!add_word(run, argv, *word, answers))
            return NULL;
    g_ptr_array_add(argv, NULL);
    g_ptr_array_set_free_func(argv, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&argv), FALSE);
}

static void go(const Run *run, const char *const *answers)
{
    Console *console = run->console;
    g_autofree char *why =
        action_refusal(run->action, console_model(console),
                       *run->node.id ? subject_find(&run->node, console_model(console)) : NULL,
                       console->options->readonly);
    if (why) {
        (void)refuse(run, "%s", why);
        return;
    }
    g_auto(GStrv) argv = fill_in(run, answers);
    if (argv)
        console_open_command(console, run->action->label, argv);
}

/* ---- the form ---- */

static void ask(const Run *run, const char *const *before);

static void on_answers(const char *const *answers, gpointer user)
{
    const Run *run = user;
    for (guint i = 0; answers && run->action->asks[i].label; i++) {
        if (run->action->asks[i].optional || *answers[i])
            continue;
        (void)refuse(run, "%s is missing", run->action->asks[i].label);
        ask(run, answers);
        return;
    }
    if (answers)
        go(run, answers);
    else
        (void)refuse(run, "%s", "nothing was done");
}

/* "node1= node2= ", to be g_freed; only the addresses are left to type. */
static char *each_node(const Run *run)
{
    Model *model = console_model(run->console);
    const ModelNode *member = action_member(model, NULL);
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    GString *text = g_string_new(NULL);
    for (guint i = 0; member && i < nodes->len; i++) {
        const ModelNode *node = nodes->pdata[i];
        if (node->lost || g_strcmp0(node->cluster, member->cluster) == 0)
            g_string_append_printf(text, "%s%s=", text->len ? " " : "", node->name);
    }
    return g_string_free(text, FALSE);
}

static void ask(const Run *run, const char *const *before)
{
    const ModelNode *node = node_of(run);
    g_autofree char *text = node ? g_strdup_printf("%s: %s.", node->name, run->action->help)
                                 : g_strdup_printf("%s.", run->action->help);
    *text = node ? *text : g_ascii_toupper(*text);
    g_autofree char *title = g_strdup(run->action->label);
    *title = g_ascii_toupper(*title);
    FormSetup form = {.title = title,
                      .text = text,
                      .consent = run->action->label,
                      .answer = on_answers,
                      .user = g_memdup2(run, sizeof *run),
                      .free_user = run_free};
    g_autofree char *names = each_node(run);
    for (const ActionAsk *asked = run->action->asks; asked->label; asked++, form.count++)
        form.fields[form.count] = (FormField){asked->label,
                                              before             ? before[form.count]
                                              : asked->each_node ? names
                                                                 : "",
                                              false};
    console_push(run->console, form_new(&form));
}

static void begin(const Run *run)
{
    static const char *const none[] = {NULL};
    if (run->action->asks)
        ask(run, NULL);
    else
        go(run, none);
}

/* ---- which node ---- */

static GPtrArray *node_items(const char *typed, gpointer user)
{
    const Run *run = user;
    Model *model = console_model(run->console);
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    GPtrArray *items = picker_items_new();
    for (guint i = 0; i < nodes->len; i++) {
        ModelNode *node = nodes->pdata[i];
        PickerItem *item = picker_add(items, (int)node->base.node, node->name,
                                      node->cluster ? node->cluster : "in no cluster");
        item->refusal =
            action_refusal(run->action, model, &node->base, run->console->options->readonly);
    }
    return items;
}

static bool node_picked(PickerWhat what, const PickerItem *item, gpointer user)
{
    Run *run = user;
    if (what != PICKER_CHOSEN || !item)
        return true;
    if (item->refusal)
        return refuse(run, "%s", item->refusal);
    const ModelNode *node = model_node(console_model(run->console), (guint)item->id);
    if (!node)
        return true;
    subject_set(&run->node, &node->base);
    begin(run);
    return true;
}

static void choose_node(const Run *run)
{
    g_autofree char *title = g_strdup_printf("%s: which node", run->action->label);
    *title = g_ascii_toupper(*title);
    PickerSetup setup = {.title = title,
                         .items = node_items,
                         .picked = node_picked,
                         .user = g_memdup2(run, sizeof *run),
                         .free_user = run_free};
    console_push(run->console, picker_new(&setup));
}

/* The node, or guest, that the act is about as things are chosen; NULL: the person is to
 * say. */
static const ModelObject *chosen_node(Console *console, const Action *action,
                                      const GPtrArray *targets)
{
    const GPtrArray *nodes = model_objects(console_model(console), OBJECT_NODE);
    const ModelObject *first = targets->len ? targets->pdata[0] : NULL;
    if (action->needs & RUN_ON_GUEST)
        return first && first->kind == OBJECT_GUEST ? first : NULL;
    if (first && first->kind == OBJECT_NODE)
        return first;
    return nodes->len == 1 ? nodes->pdata[0] : NULL;
}

char *console_run_refusal(Console *console, const Action *action, const GPtrArray *targets)
{
    const ModelObject *node =
        action->needs & RUN_ON_NODE ? chosen_node(console, action, targets) : NULL;
    if (action->needs & RUN_ON_GUEST && !node)
        return g_strdup("no guest is chosen");
    return action_refusal(action, console_model(console), node, console->options->readonly);
}

void console_run_words(Console *console, const Action *action, const GPtrArray *targets)
{
    Run run = {.console = console, .action = action};
    g_autofree char *why = console_run_refusal(console, action, targets);
    if (why) {
        (void)refuse(&run, "%s", why);
        return;
    }
    const ModelObject *node = chosen_node(console, action, targets);
    if (!(action->needs & RUN_ON_NODE)) {
        begin(&run);
    } else if (!node) {
        choose_node(&run);
    } else if ((node->kind == OBJECT_NODE || action->needs & RUN_ON_GUEST) &&
               targets->len > 1) {
        (void)refuse(&run, "%s", "one at a time");
    } else {
        subject_set(&run.node, node);
        begin(&run);
    }
}
