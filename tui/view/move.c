/* Guests to another node: the choice of the node, from what each offers. A node that is
 * drained chooses by itself. */
#include "tui/view/console_private.h"

#include "tui/model/units.h"

#include <math.h>
#include <string.h>

typedef struct {
    Console *console;
    const Action *action;
    GArray *subjects; /* Subject of the guests that may move */
} Choice;

static void choice_free(gpointer user)
{
    Choice *choice = user;
    g_array_unref(choice->subjects);
    g_free(choice);
}

/* The node that the first guest is on; NULL when it is gone. */
static const ModelNode *source_of(const Choice *choice)
{
    Model *model = console_model(choice->console);
    const ModelObject *first =
        subject_find(&g_array_index(choice->subjects, Subject, 0), model);
    return first ? model_node(model, first->node) : NULL;
}

static bool all_are_on(const Choice *choice, guint node)
{
    Model *model = console_model(choice->console);
    for (guint i = 0; i < choice->subjects->len; i++) {
        const ModelObject *object =
            subject_find(&g_array_index(choice->subjects, Subject, i), model);
        if (object && object->node != node)
            return false;
    }
    return true;
}

/* Why no guest could go there; to be g_freed. NULL when one could. */
static char *refusal_of(const Choice *choice, const ModelNode *node)
{
    const ModelNode *source = source_of(choice);
    if (all_are_on(choice, node->base.node))
        return g_strdup(choice->subjects->len == 1 ? "it is there" : "they are there");
    if (!source || !source->cluster)
        return g_strdup("only nodes of one cluster give guests to each other");
    if (node->lost)
        return g_strdup("its cluster lost it");
    if (node->link != MODEL_LINK_UP)
        return g_strdup("it is not reached");
    if (g_strcmp0(node->cluster, source->cluster) != 0)
        return node->cluster ? g_strdup_printf("it is in the cluster %s", node->cluster)
                             : g_strdup("it is in no cluster");
    return node->quorate == FALSE ? g_strdup("it is not quorate") : NULL;
}

static double free_memory(const ModelNode *node)
{
    double left = (double)node->mem_total - (double)node->mem_used;
    return isnan(left) ? -1 : left;
}

static char *describe_node(const ModelNode *node)
{
    char left[32], all[32];
    if (free_memory(node) < 0)
        return g_strdup_printf("%d guests", MAX(node->guests, 0));
    units_bytes(free_memory(node), left, sizeof left);
    units_bytes(node->mem_total, all, sizeof all);
    return g_strdup_printf("%s of %s free   %d guests", left, all, MAX(node->guests, 0));
}

static gint by_room(gconstpointer a, gconstpointer b)
{
    const ModelNode *one = *(ModelNode *const *)a, *two = *(ModelNode *const *)b;
    double more = free_memory(two) - free_memory(one);
    return more > 0 ? 1 : more < 0 ? -1 : g_strcmp0(one->name, two->name);
}

/* Those that could take them first, by their free memory. */
static GPtrArray *node_items(const char *typed, gpointer user)
{
    const Choice *choice = user;
    const GPtrArray *all = model_objects(console_model(choice->console), OBJECT_NODE);
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    GPtrArray *items = picker_items_new();
    for (guint i = 0; i < all->len; i++)
        g_ptr_array_add(nodes, all->pdata[i]);
    g_ptr_array_sort(nodes, by_room);
    for (int pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < nodes->len; i++) {
            const ModelNode *node = nodes->pdata[i];
            g_autofree char *why = refusal_of(choice, node);
            if ((why != NULL) != (pass == 1))
                continue;
            g_autofree char *note = describe_node(node);
            PickerItem *item = picker_add(items, (int)node->base.node, node->name, note);
            item->refusal = g_steal_pointer(&why);
        }
    }
    return items;
}

static bool node_picked(PickerWhat what, const PickerItem *item, gpointer user)
{
    const Choice *choice = user;
    Console *console = choice->console;
    if (what != PICKER_CHOSEN || !item)
        return true;
    if (item->refusal) {
        console_say(console, ROLE_WARNING, "not to %s: %s", item->label, item->refusal);
        return false;
    }
    console_plan_move(console, choice->action, choice->subjects, item->label);
    return true;
}

/* Nodes are chosen already, and where each guest goes is for the node to say. */
static void drain(Console *console, const Action *action, const GPtrArray *targets)
{
    const ModelObject *node = targets->len ? targets->pdata[0] : NULL;
    g_autofree char *why =
        action_refusal(action, console_model(console), node, console->options->readonly);
    if (why || targets->len != 1)
        console_say(console, ROLE_WARNING, "no %s: %s", action->label,
                    why ? why : "one node at a time");
    else
        console_plan_drain(console, action, node);
}

void console_move(Console *console, const Action *action, GPtrArray *targets)
{
    if (action->where & ON_NODE) {
        drain(console, action, targets);
        return;
    }
    Model *model = console_model(console);
    g_autofree char *refusal = NULL;
    GArray *subjects = g_array_new(FALSE, TRUE, sizeof(Subject));
    const ModelObject *last = NULL;
    for (guint i = 0; i < targets->len; i++) {
        char *why =
            action_refusal(action, model, targets->pdata[i], console->options->readonly);
        Subject subject = {0};
        subject_set(&subject, targets->pdata[i]);
        if (why) {
            g_free(refusal);
            refusal = why;
            continue;
        }
        last = targets->pdata[i];
        g_array_append_val(subjects, subject);
    }
    if (subjects->len == 0) {
        console_say(console, ROLE_WARNING, "no %s: %s", action->label,
                    refusal ? refusal : "nothing is chosen");
        g_array_unref(subjects);
        return;
    }
    g_autofree char *title =
        subjects->len == 1 ? g_strdup_printf("Where shall %s %s go", model_object_id(last),
                                             model_object_name(model, last))
                           : g_strdup_printf("Where shall %u guests go", subjects->len);
    Choice *choice = g_new(Choice, 1);
    *choice = (Choice){console, action, subjects};
    PickerSetup setup = {.title = title,
                         .items = node_items,
                         .picked = node_picked,
                         .user = choice,
                         .free_user = choice_free};
    console_push(console, picker_new(&setup));
}
