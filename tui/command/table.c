#include "tui/command/table.h"

#include <string.h>

#define END                                                                                    \
    {                                                                                          \
        NULL, NULL, AS_TEXT                                                                    \
    }

static const CommandColumn node_columns[] = {{"id", "NODE", AS_TEXT},
                                             {"cpu", "CPU%", AS_PERCENT},
                                             {"cpus", "CPUS", AS_TEXT},
                                             {"mem_used", "MEM", AS_BYTES},
                                             {"mem_total", "OF", AS_BYTES},
                                             {"boot", "UP", AS_SINCE},
                                             {"kernel", "KERNEL", AS_TEXT},
                                             {"libvirt", "LIBVIRT", AS_TEXT},
                                             {"lxc", "LXC", AS_TEXT},
                                             {"agent", "AGENT", AS_TEXT},
                                             END};

static const CommandColumn guest_columns[] = {
    {"id", "ID", AS_TEXT},         {"name", "NAME", AS_TEXT},
    {"node", "NODE", AS_TEXT},     {"state", "STATE", AS_TEXT},
    {"cpu", "CPU%", AS_PERCENT},   {"vcpus", "VCPU", AS_TEXT},
    {"mem_used", "MEM", AS_BYTES}, {"mem_max", "OF", AS_BYTES},
    {"started", "UP", AS_SINCE},   {"addresses", "ADDRESS", AS_TEXT},
    {"tags", "TAGS", AS_TEXT},     END};

static const CommandColumn cluster_guest_columns[] = {
    {"id", "ID", AS_TEXT},       {"name", "NAME", AS_TEXT}, {"node", "NODE", AS_TEXT},
    {"state", "STATE", AS_TEXT}, {"tags", "TAGS", AS_TEXT}, END};

static const CommandColumn cluster_node_columns[] = {{"name", "NODE", AS_TEXT},
                                                     {"number", "ID", AS_TEXT},
                                                     {"member", "SEEN", AS_YES},
                                                     {"cpus", "CPUS", AS_TEXT},
                                                     {"memory", "MEMORY", AS_BYTES},
                                                     {"kvm", "KVM", AS_YES},
                                                     {"agent", "AGENT", AS_TEXT},
                                                     {"addresses", "ADDRESSES", AS_TEXT},
                                                     END};

static const CommandColumn task_columns[] = {
    {"id", "TASK", AS_TEXT},       {"method", "METHOD", AS_TEXT},
    {"object", "OBJECT", AS_TEXT}, {"name", "NAME", AS_TEXT},
    {"owner", "OWNER", AS_TEXT},   {"state", "STATE", AS_TEXT},
    {"progress", "%", AS_PERCENT}, {"created", "CREATED", AS_WHEN},
    {"error", "ERROR", AS_TEXT},   END};

static const CommandColumn storage_columns[] = {
    {"id", "STORAGE", AS_TEXT},  {"node", "NODE", AS_TEXT},     {"type", "TYPE", AS_TEXT},
    {"state", "STATE", AS_TEXT}, {"used", "USED", AS_BYTES},    {"total", "OF", AS_BYTES},
    {"path", "PATH", AS_TEXT},   {"reason", "REASON", AS_TEXT}, END};

static const CommandColumn link_columns[] = {{"id", "LINK", AS_TEXT},
                                             {"node", "NODE", AS_TEXT},
                                             {"type", "TYPE", AS_TEXT},
                                             {"state", "STATE", AS_TEXT},
                                             {"master", "MASTER", AS_TEXT},
                                             {"mac", "MAC", AS_TEXT},
                                             {"net_in", "IN/S", AS_RATE},
                                             {"net_out", "OUT/S", AS_RATE},
                                             {"addresses", "ADDRESSES", AS_TEXT},
                                             END};

static const CommandColumn event_columns[] = {{"time", "TIME", AS_WHEN},
                                              {"node", "NODE", AS_TEXT},
                                              {"severity", "SEVERITY", AS_TEXT},
                                              {"object", "OBJECT", AS_TEXT},
                                              {"who", "WHO", AS_TEXT},
                                              {"text", "TEXT", AS_TEXT},
                                              END};

static const CommandColumn alarm_columns[] = {
    {"since", "SINCE", AS_WHEN},   {"node", "NODE", AS_TEXT}, {"severity", "SEVERITY", AS_TEXT},
    {"object", "OBJECT", AS_TEXT}, {"text", "TEXT", AS_TEXT}, END};

static const CommandColumn role_columns[] = {
    {"who", "WHO", AS_TEXT}, {"role", "ROLE", AS_TEXT}, END};

static const CommandColumn audit_columns[] = {
    {"time", "TIME", AS_WHEN},     {"node", "NODE", AS_TEXT},
    {"who", "WHO", AS_TEXT},       {"method", "METHOD", AS_TEXT},
    {"object", "OBJECT", AS_TEXT}, {"params", "PARAMETERS", AS_TEXT},
    {"result", "RESULT", AS_TEXT}, END};

static const WireParameter join_parameters[] = {
    {"node", WIRE_TYPE_STRINGS, true, 1, 31, .help = "the nodes that join, as targets of SSH"},
    {"link0", WIRE_TYPE_STRING, false, 1, 253,
     .help = "the joining node's address on the first link; found in the member's network when "
             "absent"},
    {"link1", WIRE_TYPE_STRING, false, 1, 253, .help = "the same on the second link"},
    {"yes", WIRE_TYPE_BOOLEAN, false, .help = "go on without asking"},
    {.name = NULL}};

static const WireMethod join_method = {"cluster.add",
                                       WIRE_ROLE_ADMIN,
                                       false,
                                       true,
                                       join_parameters,
                                       "joins nodes to the cluster of the node that -H names",
                                       "node and cluster of each"};

#define YES                                                                                    \
    {                                                                                          \
        "yes", WIRE_TYPE_BOOLEAN, false, .help = "go on without asking"                        \
    }

static const WireParameter device_parameters[] = {
    {"act", WIRE_TYPE_STRING, true, .choices = "add|remove", .help = "add or remove"},
    {"host", WIRE_TYPE_STRING, true, 1, 253,
     .help = "the machine with corosync-qnetd, as a target of SSH"},
    {"address", WIRE_TYPE_STRING, false, 1, 253,
     .help = "where the nodes reach it; found in their networks when absent"},
    {"algorithm", WIRE_TYPE_STRING, false, .choices = "ffsplit|lms",
     .help = "ffsplit (when absent): when the nodes lose each other one half goes on; lms: the "
             "last one standing goes on, but none may be lost without the device"},
    YES,
    {.name = NULL}};

static const WireMethod device_method = {
    "cluster.device_add",
    WIRE_ROLE_ADMIN,
    false,
    true,
    device_parameters,
    "lets a machine outside of the cluster vote in it, for an even number of nodes, or no more",
    "cluster and device"};

static const WireParameter address_parameters[] = {
    {"node", WIRE_TYPE_STRING, true, 1, 63, .help = "the node's name"},
    {"link", WIRE_TYPE_INTEGER, true, 0, 7, .help = "the number of the link"},
    {"address", WIRE_TYPE_STRING, true, 1, 253,
     .help = "the new address, which the machine must have already"},
    YES,
    {.name = NULL}};

static const WireMethod address_method = {
    "cluster.address",
    WIRE_ROLE_ADMIN,
    false,
    true,
    address_parameters,
    "gives a node another address on a link of the cluster",
    "node, link and address"};

static const WireParameter cluster_link_parameters[] = {
    {"act", WIRE_TYPE_STRING, true, .choices = "add|remove", .help = "add or remove"},
    {"what", WIRE_TYPE_STRINGS, true, 1, 32,
     .help = "to add: NODE=ADDRESS of every node; to remove: the number of the link"},
    YES,
    {.name = NULL}};

static const WireMethod cluster_link_method = {
    "cluster.link_add",
    WIRE_ROLE_ADMIN,
    false,
    true,
    cluster_link_parameters,
    "adds a link between all nodes of the cluster, or removes one",
    "nothing"};

static const WireParameter rename_parameters[] = {
    {"name", WIRE_TYPE_STRING, true, 1, 32, .help = "the cluster's new name"},
    YES,
    {.name = NULL}};

static const WireMethod rename_method = {
    "cluster.rename",
    WIRE_ROLE_ADMIN,
    false,
    true,
    rename_parameters,
    "gives the cluster another name, and starts corosync anew on one node after the other",
    "cluster"};

static const WireParameter console_settings_parameters[] = {
    {"act", WIRE_TYPE_STRINGS, true, 1, 2, .help = "show, edit, set FILE, or remove"},
    {.name = NULL}};

static const WireMethod console_settings_method = {
    "cluster.console_set",
    WIRE_ROLE_ADMIN,
    false,
    true,
    console_settings_parameters,
    "shows or sets how the consoles of all people of the cluster look, and their keys",
    "nothing"};

static const WireParameter migrate_parameters[] = {
    {"guests", WIRE_TYPE_STRINGS, true, 2, 256,
     .help = "the guests that move, and last the node that they go to"},
    {"live", WIRE_TYPE_BOOLEAN, false, .help = "as they run (VMs)"},
    {"offline", WIRE_TYPE_BOOLEAN, false, .help = "stopped, as they are"},
    {"restart", WIRE_TYPE_BOOLEAN, false, .help = "stopped here and started there"},
    {"with_disks", WIRE_TYPE_BOOLEAN, false, .help = "copy disks that only this node has"},
    {"bandwidth", WIRE_TYPE_INTEGER, false, 1, 1048576,
     .help = "MiB a second at the most; when absent as cluster settings say"},
    {"storage", WIRE_TYPE_STRING, false, 1, 64,
     .help = "the storage there for copied disks; the same paths when absent"},
    {"plan", WIRE_TYPE_BOOLEAN, false,
     .help = "only show where each would go, by what, what is copied, and all obstacles"},
    {"yes", WIRE_TYPE_BOOLEAN, false, .help = "go on without asking"},
    {.name = NULL}};

static const WireMethod migrate_method = {
    "guest.migrate",
    WIRE_ROLE_OPERATOR,
    false,
    true,
    migrate_parameters,
    "moves guests to another node of the cluster; the last word is the node",
    "the task of each"};

static const WireParameter notes_parameters[] = {
    {"guest", WIRE_TYPE_GUEST, true, .help = "vm/100, 100 or the guest's name"},
    {.name = NULL}};

static const WireMethod notes_method = {
    "guest.show",
    WIRE_ROLE_OPERATOR,
    false,
    true,
    notes_parameters,
    "changes a guest's notes in your editor, unless somebody else does meanwhile",
    "nothing"};

#define DRAIN_NODE                                                                             \
    {                                                                                          \
        "node", WIRE_TYPE_STRING, true, 1, 63,                                                 \
            .help = "the node, in the cluster of the one that -H names"                        \
    }
#define DRAIN_OPTIONS                                                                          \
    {"parallel", WIRE_TYPE_INTEGER,                                                            \
     false,      1,                                                                            \
     8,          .help = "how many guests move at once; when absent as cluster settings say"}, \
        {"order", WIRE_TYPE_STRING, false, .choices = "as-listed|small-first|large-first",     \
         .help = "which go first, by memory and disks to copy; else as cluster settings say"}, \
        {"with_disks", WIRE_TYPE_BOOLEAN, false, .help = "copy disks that only one node has"}, \
        {"storage", WIRE_TYPE_STRING,                                                          \
         false,     1,                                                                         \
         64,        .help = "the storage there for copied disks; the same paths when absent"}, \
        {"bandwidth",                                                                          \
         WIRE_TYPE_INTEGER,                                                                    \
         false,                                                                                \
         1,                                                                                    \
         1048576,                                                                              \
         .help = "MiB a second of one move at the most; else as cluster settings say"},        \
        {"skip", WIRE_TYPE_BOOLEAN, false,                                                     \
         .help = "guests with something in the way stay, and the others go; else none goes"},  \
        {"plan", WIRE_TYPE_BOOLEAN, false,                                                     \
         .help = "only show where each guest would go, how long it takes, and all obstacles"}, \
        YES,                                                                                   \
    {                                                                                          \
        .name = NULL                                                                           \
    }

static const WireParameter drain_parameters[] = {
    DRAIN_NODE,
    {"targets", WIRE_TYPE_STRINGS, false, 1, 31,
     .help = "the nodes that may take guests; all others of the cluster when absent"},
    DRAIN_OPTIONS};

static const WireMethod drain_method = {
    "node.drain", WIRE_ROLE_OPERATOR, true,
    true,         drain_parameters,   "moves all guests of a node to the others of its cluster",
    "the task"};

static const WireParameter undrain_parameters[] = {DRAIN_NODE, DRAIN_OPTIONS};

static const WireMethod undrain_method = {
    "node.undrain", WIRE_ROLE_OPERATOR, true,
    true,           undrain_parameters, "brings the guests back that node drain has moved away",
    "the task"};

#define ACT(verb)                                                                              \
    {                                                                                          \
        "guest", #verb, COMMAND_ACT, "guest." #verb                                            \
    }

static const Command commands[] = {
    {"node", "ls", COMMAND_LIST, "node.list", "nodes", node_columns, OBJECT_NODE,
     "lists the nodes"},
    {"node", "show", COMMAND_SHOW, "node.show", NULL, NULL, OBJECT_NODE, NULL},
    {"node", "history", COMMAND_SHOW, "node.history", NULL, NULL, OBJECT_NODE, NULL},
    {"node", "syslog", COMMAND_LINES, "node.syslog", "lines", NULL, OBJECT_NODE, NULL},
    {"node", "drain", COMMAND_NODE_DRAIN, "node.drain", NULL, NULL, OBJECT_NODE, NULL,
     &drain_method},
    {"node", "undrain", COMMAND_NODE_DRAIN, "node.undrain", NULL, NULL, OBJECT_NODE, NULL,
     &undrain_method},
    {"guest", "ls", COMMAND_LIST, "guest.list", "guests", guest_columns, OBJECT_GUEST,
     "lists the guests"},
    {"guest", "show", COMMAND_SHOW, "guest.show", NULL, NULL, OBJECT_GUEST, NULL},
    {"guest", "definition", COMMAND_TEXT, "guest.definition", "text", NULL, OBJECT_GUEST, NULL},
    ACT(start),
    ACT(shutdown),
    ACT(stop),
    ACT(reboot),
    ACT(reset),
    ACT(pause),
    ACT(resume),
    ACT(save),
    ACT(discard),
    {"guest", "console", COMMAND_CONSOLE, "guest.console", NULL, NULL, OBJECT_GUEST, NULL},
    {"guest", "exec", COMMAND_EXEC, "guest.exec", NULL, NULL, OBJECT_GUEST, NULL},
    {"guest", "migrate", COMMAND_GUEST_MIGRATE, NULL, NULL, NULL, OBJECT_GUEST, NULL,
     &migrate_method},
    ACT(rename),
    ACT(delete),
    ACT(autostart),
    ACT(sendkey),
    ACT(nmi),
    ACT(set),
    {"guest", "notes", COMMAND_GUEST_NOTES, NULL, NULL, NULL, OBJECT_GUEST, NULL,
     &notes_method},
    {"task", "ls", COMMAND_LIST, "task.list", "tasks", task_columns, OBJECT_TASK, NULL},
    {"task", "show", COMMAND_SHOW, "task.show", NULL, NULL, OBJECT_TASK, NULL},
    {"task", "log", COMMAND_LOG, "task.log", NULL, NULL, OBJECT_TASK,
     "prints a task's log; -f follows it to its end"},
    {"task", "cancel", COMMAND_ACT, "task.cancel"},
    {"task", "wait", COMMAND_SHOW, "task.wait", NULL, NULL, OBJECT_TASK, NULL},
    {"storage", "ls", COMMAND_LIST, "storage.list", "storages", storage_columns, OBJECT_STORAGE,
     NULL},
    {"storage", "show", COMMAND_SHOW, "storage.show", NULL, NULL, OBJECT_STORAGE, NULL},
    {"link", "ls", COMMAND_LIST, "link.list", "links", link_columns, OBJECT_LINK, NULL},
    {"cluster", "status", COMMAND_CLUSTER_STATUS, "cluster.status", NULL, NULL, OBJECT_NODE,
     "shows the cluster: nodes, votes, links, and what to do about what is not well"},
    {"cluster", "guests", COMMAND_SAME, "cluster.guests", "guests", cluster_guest_columns,
     OBJECT_GUEST, NULL},
    {"cluster", "nodes", COMMAND_SAME, "cluster.nodes", "nodes", cluster_node_columns,
     OBJECT_NODE, NULL},
    {"cluster", "settings", COMMAND_CLUSTER_SETTINGS, "cluster.settings_set", NULL, NULL,
     OBJECT_NODE, "shows what is set for the whole cluster, or sets SETTING=VALUE"},
    {"cluster", "console-settings", COMMAND_CONSOLE_SETTINGS, NULL, NULL, NULL, OBJECT_NODE,
     NULL, &console_settings_method},
    {"cluster", "create", COMMAND_ACT, "cluster.create"},
    {"cluster", "join", COMMAND_CLUSTER_JOIN, NULL, NULL, NULL, OBJECT_NODE, NULL,
     &join_method},
    {"cluster", "device", COMMAND_CLUSTER_DEVICE, NULL, NULL, NULL, OBJECT_NODE, NULL,
     &device_method},
    {"cluster", "link", COMMAND_CLUSTER_LINK, NULL, NULL, NULL, OBJECT_NODE, NULL,
     &cluster_link_method},
    {"cluster", "address", COMMAND_CLUSTER_ADDRESS, NULL, NULL, NULL, OBJECT_NODE, NULL,
     &address_method},
    {"cluster", "rename", COMMAND_CLUSTER_RENAME, NULL, NULL, NULL, OBJECT_NODE, NULL,
     &rename_method},
    {"cluster", "restart", COMMAND_ACT, "cluster.restart"},
    {"cluster", "resync", COMMAND_ACT, "cluster.resync"},
    {"cluster", "leave", COMMAND_ACT, "cluster.leave"},
    {"cluster", "remove", COMMAND_ACT, "cluster.remove"},
    {"cluster", "expected", COMMAND_ACT, "cluster.expected"},
    {"event", "ls", COMMAND_LIST, "event.list", "events", event_columns, OBJECT_EVENT, NULL},
    {"event", "watch", COMMAND_EVENTS, "watch.open", NULL, event_columns, OBJECT_EVENT,
     "prints what happens, until interrupted"},
    {"alarm", "ls", COMMAND_LIST, "alarm.list", "alarms", alarm_columns, OBJECT_ALARM, NULL},
    {"role", "ls", COMMAND_SAME, "role.list", "roles", role_columns, OBJECT_EVENT, NULL},
    {"role", "set", COMMAND_ACT, "role.set"},
    {"role", "remove", COMMAND_ACT, "role.remove"},
    {"audit", "ls", COMMAND_LIST, "audit.list", "entries", audit_columns, OBJECT_EVENT, NULL},
    {"api", NULL, COMMAND_API, NULL, NULL, NULL, OBJECT_NODE,
     "calls METHOD with the parameters of a JSON object, and prints the result"},
    {"whoami", NULL, COMMAND_WHOAMI, NULL, NULL, NULL, OBJECT_NODE,
     "prints who you are to the agent, and your role"},
    {NULL, NULL, COMMAND_ACT, NULL, NULL, NULL, OBJECT_NODE, NULL}};

const Command *command_table(void)
{
    return commands;
}

const WireMethod *command_method(const Command *command)
{
    if (command->own)
        return command->own;
    return command->method ? wire_method_find(command->method) : NULL;
}

const Command *command_find(const char *noun, const char *verb)
{
    for (const Command *c = commands; c->noun; c++)
        if (strcmp(c->noun, noun) == 0 && (!c->verb || (verb && strcmp(c->verb, verb) == 0)))
            return c;
    return NULL;
}
