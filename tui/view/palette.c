/* The palette: every view, act and object, by a few letters. Acts come as they
 * are ("start", on what is chosen) and with an object ("start web1"). */
#include "tui/view/console_private.h"

#include "tui/model/fuzzy.h"

#include <string.h>

enum { SHOWN = 60, ID_OWN = 1 << 16, ID_OBJECT = 1 << 20 };

typedef struct {
    int score;
    int id;              /* of an action, of a command (from ID_OWN on), or ID_OBJECT */
    ModelObject *object; /* what it is about, or NULL */
} Hit;

typedef struct {
    Console *console;
    GArray *subjects; /* of the items shown, by index in data */
} Palette;

static void offer(GArray *hits, Hit hit)
{
    if (hit.score >= 0)
        g_array_append_val(hits, hit);
}

static int compare_hits(gconstpointer a, gconstpointer b)
{
    const Hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id - y->id;
}

static int score_object(const Model *model, const char *typed, const ModelObject *object)
{
    char text[256];
    const ModelNode *node = model_node(model, object->node);
    if (object->kind == OBJECT_NODE)
        g_snprintf(text, sizeof text, "%s node", model_object_name(model, object));
    else if (object->kind == OBJECT_GUEST)
        g_snprintf(text, sizeof text, "%s %s", model_object_id(object),
                   model_object_name(model, object));
    else
        g_snprintf(text, sizeof text, "%s %s", model_object_id(object), node ? node->name : "");
    return fuzzy_score(typed, text);
}

static void offer_objects(GArray *hits, const Model *model, const char *typed, int id,
                          int bonus)
{
    static const ObjectKind kinds[] = {OBJECT_NODE, OBJECT_GUEST, OBJECT_STORAGE};
    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        const GPtrArray *objects = model_objects(model, kinds[k]);
        if (id != ID_OBJECT && !(actions()[id].where & (1u << kinds[k])))
            continue;
        for (guint i = 0; i < objects->len; i++) {
            int score = score_object(model, typed, objects->pdata[i]);
            if (score >= 0)
                offer(hits, (Hit){score + bonus, id, objects->pdata[i]});
        }
    }
}

static void offer_actions(GArray *hits, Console *console, const char *typed)
{
    unsigned where = console_where(console);
    for (guint i = 0; i < action_count(); i++) {
        const Action *action = &actions()[i];
        bool here = action->where & where || (action->command == DO_RUN && *typed);
        if (!here || action->where & IN_DASHBOARD || action->command == DO_PALETTE)
            continue;
        int score = fuzzy_score(typed, action->label);
        if (score >= 0)
            offer(hits, (Hit){score + (*typed ? 20 : 0), (int)i, NULL});
    }
}

static void offer_own(GArray *hits, Console *console, const char *typed)
{
    const ConsoleCommand *all = console->options->commands;
    unsigned where = console_where(console);
    for (int i = 0; all && all[i].name; i++) {
        int score = fuzzy_score(typed, all[i].name);
        if (score >= 0 && console_own_fits(&all[i], where))
            offer(hits, (Hit){score + (*typed ? 20 : 0), ID_OWN + i, NULL});
    }
}

/* "start web1": an act's first letters, then an object. */
static void offer_acts_on(GArray *hits, const Model *model, const char *typed)
{
    const char *space = strchr(typed, ' ');
    if (!space || !space[1] || space == typed)
        return;
    for (guint i = 0; i < action_count(); i++) {
        const Action *action = &actions()[i];
        if (action->method &&
            g_ascii_strncasecmp(action->label, typed, (gsize)(space - typed)) == 0)
            offer_objects(hits, model, space + 1, (int)i, 10);
    }
}

static char *refusal_of_run(Console *console, const Action *action)
{
    g_autoptr(GPtrArray) targets = console_targets(console);
    return console_run_refusal(console, action, targets);
}

static void add_item(const Palette *palette, GPtrArray *items, const Hit *hit)
{
    Console *console = palette->console;
    Model *model = console_model(console);
    g_autofree char *named = NULL;
    const ModelNode *node = hit->object ? model_node(model, hit->object->node) : NULL;
    if (hit->object)
        named = g_strdup_printf(
            "%s %s", model_object_id(hit->object),
            hit->object->kind == OBJECT_GUEST ? model_object_name(model, hit->object) : "");
    if (hit->id >= ID_OWN && hit->id < ID_OBJECT) {
        const ConsoleCommand *own = &console->options->commands[hit->id - ID_OWN];
        g_autofree char *words = g_strjoinv(" ", own->command);
        PickerItem *item = picker_add(items, hit->id, own->name, words);
        item->data = GUINT_TO_POINTER(palette->subjects->len);
        item->refusal = console->options->readonly ? g_strdup(CONSOLE_READONLY) : NULL;
    } else if (hit->id == ID_OBJECT) {
        PickerItem *item = picker_add(items, hit->id, named, node ? node->name : "");
        item->data = GUINT_TO_POINTER(palette->subjects->len);
    } else {
        const Action *action = &actions()[hit->id];
        g_autofree char *label = g_strconcat(action->label, named ? " " : "", named, NULL);
        PickerItem *item = picker_add(items, hit->id, label, action->help);
        item->data = GUINT_TO_POINTER(palette->subjects->len);
        if (hit->object)
            item->refusal =
                action_refusal(action, model, hit->object, console->options->readonly);
        else if (action->needs)
            item->refusal = refusal_of_run(console, action);
    }
    Subject subject = {0};
    if (hit->object)
        subject_set(&subject, hit->object);
    g_array_append_val(palette->subjects, subject);
}

static GPtrArray *palette_items(const char *typed, gpointer user)
{
    Palette *palette = user;
    g_autoptr(GArray) hits = g_array_new(FALSE, FALSE, sizeof(Hit));
    GPtrArray *items = picker_items_new();
    Model *model = console_model(palette->console);
    offer_actions(hits, palette->console, typed);
    offer_own(hits, palette->console, typed);
    if (*typed) {
        offer_objects(hits, model, typed, ID_OBJECT, 0);
        offer_acts_on(hits, model, typed);
    }
    g_array_sort(hits, compare_hits);
    g_array_set_size(palette->subjects, 0);
    for (guint i = 0; i < hits->len && i < SHOWN; i++)
        add_item(palette, items, &g_array_index(hits, Hit, i));
    return items;
}

static void run_action(Console *console, const Action *action, const Subject *subject)
{
    g_autoptr(GPtrArray) targets = NULL;
    if (!action_is_act(action)) {
        console_run_command(console, action);
        return;
    }
    if (*subject->id) {
        ModelObject *object = subject_find(subject, console_model(console));
        targets = g_ptr_array_new();
        if (object)
            g_ptr_array_add(targets, object);
    } else {
        targets = console_targets(console);
    }
    console_act(console, action, targets);
}

static bool palette_picked(PickerWhat what, const PickerItem *item, gpointer user)
{
    Palette *palette = user;
    if (what != PICKER_CHOSEN || !item)
        return true;
    if (item->refusal) {
        console_say(palette->console, ROLE_WARNING, "no %s: %s", item->label, item->refusal);
        return false;
    }
    const Subject *subject =
        &g_array_index(palette->subjects, Subject, GPOINTER_TO_UINT(item->data));
    if (item->id >= ID_OWN && item->id < ID_OBJECT) {
        g_autoptr(GPtrArray) targets = console_targets(palette->console);
        console_own_run(palette->console,
                        &palette->console->options->commands[item->id - ID_OWN], targets);
        return true;
    }
    if (item->id != ID_OBJECT) {
        run_action(palette->console, &actions()[item->id], subject);
        return true;
    }
    const ModelObject *object = subject_find(subject, console_model(palette->console));
    if (object)
        console_open_object(palette->console, object);
    return true;
}

static void palette_free(gpointer user)
{
    Palette *palette = user;
    g_array_unref(palette->subjects);
    g_free(palette);
}

void console_palette(Console *console)
{
    Palette *palette = g_new0(Palette, 1);
    palette->console = console;
    palette->subjects = g_array_new(FALSE, TRUE, sizeof(Subject));
    PickerSetup setup = {.title = "Command",
                         .search = true,
                         .items = palette_items,
                         .picked = palette_picked,
                         .user = palette,
                         .free_user = palette_free};
    console_push(console, picker_new(&setup));
}
