/* The programs of guests and nodes as a view: joins view/consoles to the
 * console. Each cluster has its own; they live on while other views are shown. */
#include "tui/view/console_private.h"

#include "tui/view/consoles.h"
#include "tui/view/consoles_link.h"
#include "tui/widget/terminal.h"

#include <string.h>

struct Panes {
    Console *console;
    Cluster *cluster;
    ConsolesLink *opener;
    Consoles *consoles;
    GString *paste; /* what came so far, while one is coming */
};

static Link *find_link(const char *name, gpointer user)
{
    const Panes *panes = user;
    const ModelNode *node = model_node_by_name(cluster_model(panes->cluster), name);
    return node ? cluster_link(panes->cluster, node->base.node) : NULL;
}

static void on_changed(gpointer user)
{
    const Panes *panes = user;
    console_draw_soon(panes->console);
}

static void on_leave(gpointer user)
{
    const Panes *panes = user;
    console_back(panes->console);
}

static void on_tasks(char *buffer, size_t size, gpointer user)
{
    const Panes *panes = user;
    const GPtrArray *tasks = model_objects(cluster_model(panes->cluster), OBJECT_TASK);
    *buffer = '\0';
    for (guint i = 0; i < tasks->len; i++) {
        const ModelTask *task = tasks->pdata[i];
        char one[128];
        if (g_strcmp0(task->state, "running") != 0)
            continue;
        g_snprintf(one, sizeof one, "%s%s %s %.0f%%", *buffer ? "   " : "",
                   task->method ? task->method : "", task->object ? task->object : "",
                   task->progress >= 0 ? task->progress : 0);
        g_strlcat(buffer, one, size);
    }
}

static void on_standing(const ConsoleTarget *target, char *buffer, size_t size, gpointer user)
{
    const Panes *panes = user;
    Model *model = cluster_model(panes->cluster);
    const ModelNode *node = target->node ? model_node_by_name(model, target->node) : NULL;
    *buffer = '\0';
    if (!node || node->link != MODEL_LINK_UP || !target->guest)
        return;
    const ModelGuest *guest =
        (const ModelGuest *)model_find(model, node->base.node, OBJECT_GUEST, target->guest);
    if (!guest)
        (void)g_snprintf(buffer, size, "%s is gone", target->guest);
    else if (guest->state != GUEST_STATE_RUNNING)
        (void)g_snprintf(buffer, size, "%s is %s", target->name ? target->name : target->guest,
                         guest_state_name((GuestState)guest->state));
}

static Panes *panes_of(Console *console)
{
    static const ConsolesHost blank = {
        .changed = on_changed, .leave = on_leave, .tasks = on_tasks, .standing = on_standing};
    if (console->panes->pdata[console->cluster])
        return console->panes->pdata[console->cluster];
    Panes *panes = g_new0(Panes, 1);
    ConsolesHost host = blank;
    panes->console = console;
    panes->cluster = console_cluster(console);
    panes->opener = consoles_link_new(find_link, panes);
    host.screen = console->screen;
    host.cluster = cluster_name(panes->cluster);
    panes->consoles = consoles_new(consoles_link_opener(), panes->opener, &host, panes);
    console->panes->pdata[console->cluster] = panes;
    return panes;
}

void panes_free(Panes *panes)
{
    if (!panes)
        return;
    consoles_free(panes->consoles);
    consoles_link_free(panes->opener);
    if (panes->paste)
        g_string_free(panes->paste, TRUE);
    g_free(panes);
}

guint panes_count(const Panes *panes)
{
    return panes ? consoles_count(panes->consoles) : 0;
}

void console_open_program(Console *console, const ModelObject *object, bool is_console)
{
    g_autoptr(GError) error = NULL;
    Panes *panes = panes_of(console);
    const ModelNode *node = model_node(console_model(console), object->node);
    gboolean opened;
    if (object->kind == OBJECT_GUEST)
        opened = consoles_open_guest(panes->consoles, node->name, model_object_id(object),
                                     ((const ModelGuest *)object)->name, is_console, &error);
    else
        opened = consoles_open_node(panes->consoles, node->name, &error);
    if (!opened) {
        console_say(console, ROLE_ERROR, "%s", error->message);
        return;
    }
    console_open(console, &view_consoles, NULL);
}

void console_open_command(Console *console, const char *title, char *const *argv)
{
    g_autoptr(GError) error = NULL;
    const Panes *panes = panes_of(console);
    if (consoles_open_command(panes->consoles, title, argv, &error))
        console_open(console, &view_consoles, NULL);
    else
        console_say(console, ROLE_ERROR, "%s", error->message);
}

static gpointer panes_open(Console *console, const Subject *subject)
{
    Panes *panes = panes_of(console);
    if (consoles_count(panes->consoles) > 0)
        return panes;
    console_say(console, ROLE_TEXT, "nothing is open: c on a guest, S on a container or node");
    return NULL;
}

/* The programs run on; console_run ends them. */
static void panes_close(gpointer data)
{
}

static void panes_draw(gpointer data, Screen *screen, Box box)
{
    const Panes *panes = data;
    consoles_draw(panes->consoles, box);
}

static bool panes_key(gpointer data, Key key)
{
    Panes *panes = data;
    if (key == K_PASTE_BEGIN) {
        if (!panes->paste)
            panes->paste = g_string_new(NULL);
    } else if (key == K_PASTE_END && panes->paste) {
        GString *text = g_steal_pointer(&panes->paste);
        consoles_paste(panes->consoles, text->str, text->len);
        g_string_free(text, TRUE);
    } else if (panes->paste) {
        if (key > 0 && key < KEY_FIRST && panes->paste->len < TERMINAL_PASTE_MAX)
            g_string_append_unichar(panes->paste, key == K_ENTER ? '\n' : (gunichar)key);
    } else if (key != K_MOUSE) {
        consoles_key(panes->consoles, key);
    }
    return true;
}

static bool panes_full(gpointer data)
{
    const Panes *panes = data;
    return consoles_fullscreen(panes->consoles);
}

const ViewClass view_consoles = {.name = "consoles",
                                 .title = "Consoles",
                                 .top = true,
                                 .whole = true,
                                 .open = panes_open,
                                 .close = panes_close,
                                 .draw = panes_draw,
                                 .key = panes_key,
                                 .full = panes_full};
