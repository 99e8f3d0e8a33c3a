#include "tui/action.h"

#include "backend/wire/error.h"
#include "backend/wire/method.h"

#include <string.h>

#define DO(name, label, keys, where, command, help)                                            \
    {                                                                                          \
        name, label, keys, NULL, where, DO_##command, -1, DANGER_NONE, NULL, NULL, NULL, NULL, \
            help                                                                               \
    }
#define VIEW(view, keys, where, help)                                                          \
    {                                                                                          \
        "view." view, view, keys, NULL, where, DO_VIEW, -1, DANGER_NONE, NULL, view, NULL,     \
            NULL, help                                                                         \
    }
/* The same view again, with the letter that the dashboard offers. */
#define HERE(view, keys, help)                                                                 \
    {                                                                                          \
        "dashboard." view, view, keys, NULL, IN_DASHBOARD, DO_VIEW, -1, DANGER_NONE, NULL,     \
            view, NULL, NULL, help                                                             \
    }
#define ACT(name, label, menu, act, danger, params, help)                                      \
    {                                                                                          \
        name, label, NULL, menu, ON_GUEST, DO_NONE, GUEST_ACT_##act, DANGER_##danger,          \
            "guest." act_method_##act, params, NULL, NULL, help                                \
    }
#define RUN(name, label, menu, where, needs, method, words, asks, help)                        \
    {                                                                                          \
        name, label, NULL, menu, where, DO_RUN, -1, DANGER_NONE, method, words, NULL, NULL,    \
            help, needs, asks                                                                  \
    }
#define act_method_START     "start"
#define act_method_SHUTDOWN  "shutdown"
#define act_method_STOP      "stop"
#define act_method_REBOOT    "reboot"
#define act_method_RESET     "reset"
#define act_method_PAUSE     "pause"
#define act_method_RESUME    "resume"
#define act_method_SAVE      "save"
#define act_method_DISCARD   "discard"
#define act_method_AUTOSTART "autostart"
#define act_method_SENDKEY   "sendkey"
#define act_method_NMI       "nmi"

#define OBJECTS (ON_NODE | ON_GUEST | ON_STORAGE | ON_LINK | ON_TASK | ON_EVENT | ON_ALARM)

static const ActionAsk ask_create[] = {{"The cluster's name", false},
                                       {"Address on link 0 (empty: found)", true},
                                       {"Address on link 1 (empty: none)", true},
                                       {NULL, false}};
static const ActionAsk ask_join[] = {{"Nodes that join, as for ssh", false},
                                     {"Address on link 0 (empty: found)", true},
                                     {"Address on link 1 (empty: found)", true},
                                     {NULL, false}};
static const ActionAsk ask_member[] = {{"A node of that cluster, as for ssh", false},
                                       {NULL, false}};
static const ActionAsk ask_votes[] = {{"Votes to expect", false}, {NULL, false}};
static const ActionAsk ask_device[] = {{"Machine with corosync-qnetd, as for ssh", false},
                                       {"Address for the nodes (empty: found)", true},
                                       {"ffsplit or lms (empty: ffsplit)", true},
                                       {NULL, false}};
static const ActionAsk ask_present[] = {{"The device's machine", false}, {NULL, false}};
static const ActionAsk ask_addresses[] = {{"Addresses of all nodes", false, true},
                                          {NULL, false}};
static const ActionAsk ask_link[] = {{"Number of the link", false}, {NULL, false}};
static const ActionAsk ask_address[] = {
    {"Number of the link", false}, {"The new address", false}, {NULL, false}};
static const ActionAsk ask_name[] = {{"The cluster's new name", false}, {NULL, false}};

static const Action table[] = {
    DO("open", "open", "Enter", OBJECTS, OPEN, "look closer at what the cursor is on"),
    DO("back", "back", "Esc Backspace", IN_ANY, BACK,
       "back to the view before; clears a filter and marks first"),
    DO("menu", "act", "a", OBJECTS | IN_CLUSTER, MENU,
       "the acts on what is marked, or under the cursor"),
    DO("palette", "command", ": Ctrl-P", IN_ANY, PALETTE, "find any object, act or view"),
    HERE("guests", "g", "all guests"),
    HERE("nodes", "n", "all nodes"),
    HERE("tasks", "t", "what runs and what ran"),
    DO("span", "hour/day", "z", IN_CHARTS, SPAN, "charts of the last hour, day or month"),
    DO("filter", "filter", "/", IN_TABLE, FILTER,
       "text and fields: web state:running cpu>50 tag:prod !node:node1 name:~^db"),
    DO("mark", "mark", "Space", IN_TABLE, MARK, "mark the row, or unmark it"),
    DO("range", "range", "v", IN_TABLE, RANGE, "mark a range: here it begins, or ends"),
    DO("mark.all", "mark all", "*", IN_TABLE, MARK_ALL, "mark all rows that are shown"),
    DO("unmark", "unmark all", "U", IN_TABLE, UNMARK, "take all marks away"),
    DO("sort", "sort", "s", IN_TABLE, SORT, "choose the column to sort by"),
    DO("reverse", "reverse", "r", IN_TABLE, REVERSE, "turn the order around"),
    DO("columns", "columns", "o", IN_TABLE, COLUMNS, "choose and order the columns"),

    DO("console", "console", "c", ON_GUEST, CONSOLE, "the guest's console, in a pane"),
    DO("shell", "shell", "S", ON_GUEST | ON_NODE, SHELL,
       "a shell in the container, or on the node"),
    DO("definition", "definition", "x", ON_GUEST, DEFINITION,
       "libvirt's XML or the container's configuration"),
    DO("syslog", "log", "L", ON_NODE, SYSLOG, "the end of the node's system log"),
    DO("retry", "connect now", "Ctrl-R", IN_ANY, RETRY, "try lost nodes again at once"),

    ACT("guest.start", "start", "s", START, NONE, NULL, "start"),
    ACT("guest.start.paused", "start paused", "P", START, NONE, "{\"paused\":true}",
        "start, but do not let it run yet"),
    ACT("guest.shutdown", "shut down", "d", SHUTDOWN, ASK, NULL,
        "ask it to shut down; when it has not after 180 s, say so"),
    ACT("guest.shutdown.stop", "shut down, then stop", "D", SHUTDOWN, ASK,
        "{\"then\":\"stop\"}", "ask it to shut down; stop it hard after 180 s"),
    ACT("guest.reboot", "reboot", "b", REBOOT, ASK, NULL, "ask it to reboot"),
    ACT("guest.pause", "pause", "p", PAUSE, ASK, NULL, "freeze it in memory"),
    ACT("guest.resume", "resume", "u", RESUME, NONE, NULL, "let it go on"),
    ACT("guest.save", "save", "w", SAVE, ASK, NULL, "write its memory to disk and stop it"),
    ACT("guest.discard", "discard saved memory", NULL, DISCARD, ASK, NULL,
        "what ran when it was saved is lost"),
    ACT("guest.stop", "stop hard", "t", STOP, ASK, NULL,
        "as a power cut: what was not written is lost"),
    ACT("guest.reset", "reset", NULL, RESET, ASK, NULL,
        "the reset button: what was not written is lost"),
    ACT("guest.autostart", "start with the node", "o", AUTOSTART, NONE, "{\"enable\":true}",
        "starts when its node starts"),
    ACT("guest.autostart.off", "do not start with the node", "O", AUTOSTART, NONE,
        "{\"enable\":false}", "stays off when its node starts"),
    ACT("guest.cad", "send Ctrl-Alt-Del", NULL, SENDKEY, ASK,
        "{\"keys\":[\"KEY_LEFTCTRL\",\"KEY_LEFTALT\",\"KEY_DELETE\"]}",
        "press these keys; many systems reboot"),
    ACT("guest.nmi", "send an NMI", NULL, NMI, ASK, NULL,
        "many systems write a crash dump and stop"),
    {"guest.migrate", "migrate", "m", "m", ON_GUEST, DO_MOVE, GUEST_ACT_MIGRATE, DANGER_NONE,
     "guest.migrate", NULL, NULL, NULL,
     "move it to another node: first choose which, then see the plan"},
    {"guest.rename", "rename", NULL, "n", ON_GUEST, DO_NONE, GUEST_ACT_RENAME, DANGER_NONE,
     "guest.rename", NULL, "name", "New name", "give it another name"},
    {"guest.delete", "delete, keep its disks", NULL, NULL, ON_GUEST, DO_NONE, GUEST_ACT_DELETE,
     DANGER_NAME, "guest.delete", NULL, NULL, NULL, "the definition goes, its disks stay"},
    {"guest.delete.disks", "delete with its disks", NULL, NULL, ON_GUEST, DO_NONE,
     GUEST_ACT_DELETE, DANGER_NAME, "guest.delete", "{\"all_disks\":true}", NULL, NULL,
     "the definition and every disk go; there is no way back"},
    RUN("guest.notes", "edit the notes", "N", ON_GUEST,
        RUN_ON_NODE | RUN_ON_GUEST | RUN_AT_NODE, "guest.set", "-H {at} guest notes {guest}",
        NULL, "in your editor; said, when somebody else changes them meanwhile"),
    {"node.drain", "drain", NULL, "d", ON_NODE, DO_MOVE, -1, DANGER_NONE, "node.drain", NULL,
     NULL, NULL, "move all its guests to the other nodes: first see the plan",
     RUN_ON_NODE | RUN_AT_NODE | RUN_CLUSTERED, NULL},
    {"node.undrain", "undrain", NULL, "u", ON_NODE, DO_MOVE, -1, DANGER_NONE, "node.undrain",
     NULL, NULL, NULL, "bring the guests back that were drained from it: first see the plan",
     RUN_ON_NODE | RUN_AT_NODE | RUN_CLUSTERED, NULL},
    RUN("cluster.create", "make a cluster", "c", ON_NODE | IN_CLUSTER,
        RUN_ON_NODE | RUN_AT_NODE | RUN_ALONE, "cluster.create",
        "-H {at} cluster create {0} --link0={1} --link1={2}", ask_create,
        "make a cluster of this node, which others can join"),
    RUN("cluster.join", "join nodes", "n", IN_CLUSTER, RUN_BY_MEMBER | RUN_QUORATE,
        "cluster.add", "-H {member} cluster join {0} --link0={1} --link1={2}", ask_join,
        "let nodes into this cluster; shows a plan, then asks"),
    RUN("cluster.enter", "join another cluster", "o", ON_NODE | IN_CLUSTER,
        RUN_ON_NODE | RUN_AT_NODE | RUN_ALONE, "cluster.accept", "-H {0} cluster join {at}",
        ask_member, "let this node into another cluster; shows a plan, then asks"),
    RUN("cluster.leave", "leave the cluster", NULL, ON_NODE | IN_CLUSTER,
        RUN_ON_NODE | RUN_AT_NODE | RUN_CLUSTERED, "cluster.leave", "-H {at} cluster leave",
        NULL, "take this node out of its cluster; its guests stay on it and go on running"),
    RUN("cluster.remove", "remove a dead node", NULL, ON_NODE | IN_CLUSTER,
        RUN_ON_NODE | RUN_BY_MEMBER | RUN_MISSING | RUN_QUORATE, "cluster.remove",
        "-H {member} cluster remove {name}", NULL,
        "take a node out of the cluster that is off and will not come back"),
    RUN("cluster.expected", "expect fewer votes", "e", IN_CLUSTER, RUN_BY_MEMBER,
        "cluster.expected", "-H {member} cluster expected {0}", ask_votes,
        "let the cluster go on while nodes are off, for as long as they are"),
    RUN("cluster.address", "change an address", "a", ON_NODE | IN_CLUSTER,
        RUN_ON_NODE | RUN_BY_MEMBER | RUN_CLUSTERED | RUN_QUORATE, "cluster.address",
        "-H {member} cluster address {name} {0} {1}", ask_address,
        "give a node another address on a link of the cluster"),
    RUN("cluster.link.add", "add a link", "l", IN_CLUSTER, RUN_BY_MEMBER | RUN_QUORATE,
        "cluster.link_add", "-H {member} cluster link add {0}", ask_addresses,
        "one more link between all nodes"),
    RUN("cluster.link.remove", "remove a link", "L", IN_CLUSTER, RUN_BY_MEMBER | RUN_QUORATE,
        "cluster.link_remove", "-H {member} cluster link remove {0}", ask_link,
        "one link less; the cluster goes over what is left"),
    RUN("cluster.device.add", "add a quorum device", "d", IN_CLUSTER,
        RUN_BY_MEMBER | RUN_QUORATE, "cluster.device_add",
        "-H {member} cluster device add {0} --address={1} --algorithm={2}", ask_device,
        "a vote outside of the cluster, for an even number of nodes"),
    RUN("cluster.device.remove", "remove the quorum device", "D", IN_CLUSTER,
        RUN_BY_MEMBER | RUN_QUORATE, "cluster.device_remove",
        "-H {member} cluster device remove {0}", ask_present,
        "the nodes have a majority by themselves again, or need all of them"),
    RUN("cluster.rename", "rename the cluster", "r", IN_CLUSTER, RUN_BY_MEMBER | RUN_QUORATE,
        "cluster.rename", "-H {member} cluster rename {0}", ask_name,
        "another name; corosync starts anew on one node after the other"),
    {"task.cancel", "cancel", NULL, "c", ON_TASK, DO_NONE, -1, DANGER_ASK, "task.cancel", NULL,
     NULL, NULL, "ask the task to stop; what it did is undone or finished"},

    DO("up", "up", "k Up", IN_TABLE, UP, "up"),
    DO("down", "down", "j Down", IN_TABLE, DOWN, "down"),
    DO("left", "columns left", "h Left", IN_TABLE, LEFT, "scroll the columns"),
    DO("right", "columns right", "l Right", IN_TABLE, RIGHT, "scroll the columns"),
    DO("page.up", "page up", "PgUp Ctrl-B Ctrl-U", IN_TABLE, PAGE_UP, "a page up"),
    DO("page.down", "page down", "PgDn Ctrl-F Ctrl-D", IN_TABLE, PAGE_DOWN, "a page down"),
    VIEW("guests", "2", IN_ANY, "all guests"),
    VIEW("nodes", "3", IN_ANY, "all nodes"),
    VIEW("tasks", "6", IN_ANY, "what runs and what ran"),
    DO("first", "first row", "g Home", IN_TABLE, FIRST, "the first row"),
    DO("last", "last row", "G End", IN_TABLE, LAST, "the last row"),
    VIEW("dashboard", "1", IN_ANY, "how things stand"),
    VIEW("storage", "4", IN_ANY, "storages"),
    VIEW("links", "5", IN_ANY, "network links"),
    VIEW("events", "7", IN_ANY, "what happened"),
    VIEW("alarms", "8", IN_ANY, "what needs attention"),
    VIEW("consoles", "9", IN_ANY, "the open consoles and shells"),
    VIEW("cluster", "C", IN_ANY, "the cluster: votes, nodes, links, what is wrong"),
    VIEW("clusters", "0", IN_ANY, "go to another cluster"),
    DO("help", "keys", "? F1", IN_ANY, HELP, "what the keys do here"),
    DO("repaint", "repaint", "Ctrl-L", IN_ANY, REPAINT, "paint the whole screen again"),
    DO("mouse", "mouse", NULL, IN_ANY, MOUSE, "let the mouse in, or out"),
    DO("charts", "chart style", NULL, IN_ANY, CHARTS, "braille, blocks or ASCII"),
    DO("skin", "skin", NULL, IN_ANY, SKIN, "the next set of colours"),
    DO("quit", "quit", "q Ctrl-C", IN_ANY, QUIT, "leave the console; nothing stops by it"),
    {.name = NULL},
};

const Action *actions(void)
{
    return table;
}

guint action_count(void)
{
    return G_N_ELEMENTS(table) - 1;
}

const Action *action_find(const char *name)
{
    for (const Action *action = table; action->name; action++)
        if (strcmp(action->name, name) == 0)
            return action;
    return NULL;
}

bool action_is_act(const Action *action)
{
    return action->command == DO_NONE || action->command == DO_RUN ||
           action->command == DO_MOVE;
}

struct ActionKeys {
    Key keys[G_N_ELEMENTS(table)][ACTION_KEYS_MAX];
};

static bool parse_keys(const char *text, Key *keys, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);
    int count = 0;
    memset(keys, 0, ACTION_KEYS_MAX * sizeof *keys);
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        if (count == ACTION_KEYS_MAX || !key_parse(*word, &keys[count])) {
            wire_error_set(error, WIRE_ERROR_CONFIG,
                           count == ACTION_KEYS_MAX
                               ? "%s is one key too many"
                               : "%s is not a key: g, G, F5, Ctrl-P, Alt-x, Enter, PgDn ...",
                           *word);
            return false;
        }
        count++;
    }
    return true;
}

ActionKeys *action_keys_new(const ActionBinding *bindings, guint count, GError **error)
{
    g_autoptr(ActionKeys) keys = g_new0(ActionKeys, 1);
    for (guint i = 0; i < action_count(); i++)
        if (!parse_keys(table[i].keys, keys->keys[i], error))
            return NULL;
    for (guint i = 0; i < count; i++) {
        const Action *action = action_find(bindings[i].action);
        if (!action) {
            wire_error_set(error, WIRE_ERROR_CONFIG, "there is no action %s to give a key to",
                           bindings[i].action);
            return NULL;
        }
        if (action->danger != DANGER_NONE && bindings[i].keys && *bindings[i].keys &&
            action->danger == DANGER_NAME) {
            wire_error_set(error, WIRE_ERROR_CONFIG, "%s destroys and may not be on one key",
                           action->name);
            return NULL;
        }
        if (!parse_keys(bindings[i].keys, keys->keys[action - table], error))
            return NULL;
    }
    return g_steal_pointer(&keys);
}

void action_keys_free(ActionKeys *keys)
{
    g_free(keys);
}

const Action *action_for_key(const ActionKeys *keys, Key key, unsigned where)
{
    for (guint i = 0; i < action_count(); i++) {
        if (!(table[i].where & where))
            continue;
        for (int k = 0; k < ACTION_KEYS_MAX && keys->keys[i][k]; k++)
            if (keys->keys[i][k] == key)
                return &table[i];
    }
    return NULL;
}

const char *action_key_text(const ActionKeys *keys, const Action *action, char *buffer,
                            size_t size)
{
    Key key = keys->keys[action - table][0];
    if (key)
        return key_describe(key, buffer, size);
    *buffer = '\0';
    return buffer;
}

static char *refusal_of_guest(const Action *action, const ModelGuest *guest)
{
    const char *why = guest_act_refusal((GuestKind)guest->kind, (GuestState)guest->state,
                                        (GuestAct)action->act);
    return why ? g_strdup_printf("it %s", why) : NULL;
}

/* ---- what runs commands ---- */

static int worth_of(const ModelNode *node)
{
    if (node->link != MODEL_LINK_UP)
        return 0;
    return !node->cluster ? 1 : node->quorate == TRUE ? 3 : 2;
}

const ModelNode *action_member(const Model *model, const ModelNode *but)
{
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    const ModelNode *best = but && worth_of(but) ? but : NULL;
    for (guint i = 0; i < nodes->len; i++) {
        const ModelNode *node = nodes->pdata[i];
        if (worth_of(node) > (best && best != but ? worth_of(best) : 0) && node != but)
            best = node;
    }
    return best;
}

/* Why the node that would be asked does not do. */
static char *refusal_of_asked(const Action *action, const ModelNode *asked)
{
    const WireMethod *method = wire_method_find(action->method);
    bool by_member = (action->needs & RUN_BY_MEMBER) != 0;
    if (!asked)
        return g_strdup("no node is reached");
    if (asked->link != MODEL_LINK_UP)
        return g_strdup_printf("%s is not reached", asked->name);
    if (by_member && !asked->cluster)
        return g_strdup("there is no cluster yet");
    if (action->needs & RUN_QUORATE && asked->quorate != TRUE)
        return g_strdup("the cluster is not quorate");
    if (method && asked->role < (gint8)method->role)
        return g_strdup_printf("needs the role %s, here you are %s",
                               wire_role_name(method->role),
                               wire_role_name((WireRole)asked->role));
    return NULL;
}

static char *refusal_of_run(const Action *action, const Model *model, const ModelNode *node)
{
    if (action->needs & RUN_ALONE && node->cluster)
        return g_strdup_printf("it is in the cluster %s already", node->cluster);
    char *why = refusal_of_asked(
        action, action->needs & RUN_AT_NODE ? node : action_member(model, node));
    if (!why && action->needs & RUN_CLUSTERED && !node->cluster)
        why = g_strdup("it is in no cluster");
    if (!why && action->needs & RUN_MISSING && node->link == MODEL_LINK_UP && !node->lost)
        why = g_strdup("it is there: it can leave the cluster by itself");
    return why;
}

/* Takes one more of several reasons, of which the first is kept. FALSE when it is none: then
 * there is no reason for all of them. */
static gboolean add_refusal(char **first, char *why)
{
    if (!why)
        g_clear_pointer(first, g_free);
    else if (*first)
        g_free(why);
    else
        *first = why;
    return why != NULL;
}

/* Of whatever node would be chosen: the reason when there is none. */
static char *refusal_of_nodes(const Action *action, const Model *model)
{
    const GPtrArray *nodes = model_objects(model, OBJECT_NODE);
    char *first = NULL;
    if (!(action->needs & RUN_ON_NODE))
        return refusal_of_asked(action, action_member(model, NULL));
    for (guint i = 0; i < nodes->len; i++)
        if (!add_refusal(&first, refusal_of_run(action, model, nodes->pdata[i])))
            return NULL;
    return first ? first : g_strdup("no node is reached");
}

char *action_refusal(const Action *action, const Model *model, const ModelObject *object,
                     bool readonly)
{
    if (object && !(action->where & (1u << object->kind)) && !(action->where & IN_ANY))
        return g_strdup("not for this");
    const ModelNode *node = object ? model_node(model, object->node) : NULL;
    bool reaches = action->method || action->command == DO_CONSOLE ||
                   action->command == DO_SHELL || action->command == DO_DEFINITION ||
                   action->command == DO_SYSLOG;
    if (!reaches)
        return NULL;
    if (action->needs && !readonly)
        return node && action->needs & RUN_ON_NODE ? refusal_of_run(action, model, node)
                                                   : refusal_of_nodes(action, model);
    if (readonly &&
        (action->method || action->command == DO_CONSOLE || action->command == DO_SHELL))
        return g_strdup("the console was started with --readonly");
    if (!node)
        return g_strdup("nothing is chosen");
    /* A definition is known to the other nodes of the cluster, too. */
    guint asked = action->command == DO_DEFINITION ? model_node_spokesman(model, object->node)
                                                   : object->node;
    if (model_node(model, asked)->link != MODEL_LINK_UP)
        return g_strdup_printf("%s is not reached", node->name);
    const char *method_name = action->command == DO_CONSOLE ? "guest.console"
                              : action->command == DO_SHELL && object->kind == OBJECT_GUEST
                                  ? "guest.console"
                                  : action->method;
    const WireMethod *method = method_name ? wire_method_find(method_name) : NULL;
    if (method && node->role < (gint8)method->role)
        return g_strdup_printf("needs the role %s, here you are %s",
                               wire_role_name(method->role),
                               wire_role_name((WireRole)node->role));
    if (object->kind == OBJECT_GUEST) {
        const ModelGuest *guest = (const ModelGuest *)object;
        if (action->act >= 0)
            return refusal_of_guest(action, guest);
        if (action->command == DO_SHELL && guest->kind == GUEST_KIND_VM)
            return g_strdup("a VM has no shell of its own; its console is on c");
        if (action->command == DO_CONSOLE || action->command == DO_SHELL) {
            const char *why = guest_act_refusal((GuestKind)guest->kind,
                                                (GuestState)guest->state, GUEST_ACT_CONSOLE);
            return why ? g_strdup_printf("it %s", why) : NULL;
        }
    }
    if (object->kind == OBJECT_TASK && action->method) {
        const char *state = ((const ModelTask *)object)->state;
        if (g_strcmp0(state, "running") != 0 && g_strcmp0(state, "queued") != 0)
            return g_strdup("it has ended");
    }
    return NULL;
}

char *action_refusal_of_all(const Action *action, const Model *model, const GPtrArray *objects,
                            bool readonly)
{
    char *first = NULL;
    for (guint i = 0; i < objects->len; i++)
        if (!add_refusal(&first, action_refusal(action, model, objects->pdata[i], readonly)))
            return NULL;
    return first;
}
