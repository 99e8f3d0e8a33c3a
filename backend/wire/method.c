#include "backend/wire/method.h"

#include <string.h>

enum { SECONDS_MAX = 86400 };

#define END_OF_PARAMETERS                                                                      \
    {                                                                                          \
        .name = NULL                                                                           \
    }
#define GUEST                                                                                  \
    {                                                                                          \
        "guest", WIRE_TYPE_GUEST, true, .help = "vm/100, 100 or the guest's name"              \
    }
#define TASK                                                                                   \
    {                                                                                          \
        "task", WIRE_TYPE_TASK, true, .help = "the task's identifier"                          \
    }

/* See agent/document.h. */
#define REVISION                                                                               \
    {                                                                                          \
        "revision", WIRE_TYPE_INTEGER, false, 0, G_MAXINT64,                                   \
            .help = "only if it has not changed since it was read at this revision (0: was "   \
                    "not there)"                                                               \
    }

static const WireParameter hello_parameters[] = {
    {"major", WIRE_TYPE_INTEGER, true, 0, 1000, .help = "protocol version the client speaks"},
    {"minor", WIRE_TYPE_INTEGER, true, 0, 1000, .help = "its minor version"},
    {"client", WIRE_TYPE_STRING, false, 0, 200, .help = "name and version of the client"},
    {"stream", WIRE_TYPE_STRING, false, 1, 64,
     .help = "turns this session into the stream of that identifier"},
    {"peer", WIRE_TYPE_STRING, false, 1, 63,
     .help = "the node whose agent asks; gantryd itself says so, for a connection of a member"},
    {"person", WIRE_TYPE_STRING, false, 1, 320, .help = "the person there for whom it asks"},
    END_OF_PARAMETERS};

static const WireParameter watch_open_parameters[] = {
    {"kinds", WIRE_TYPE_STRINGS, false, 1, 16, .help = "kinds of objects; all when absent"},
    END_OF_PARAMETERS};

static const WireParameter watch_close_parameters[] = {
    {"watch", WIRE_TYPE_INTEGER, true, 1, G_MAXINT32, .help = "what watch.open answered"},
    END_OF_PARAMETERS};

static const WireParameter history_parameters[] = {
    {"guest", WIRE_TYPE_GUEST, false, .help = "a guest; the node when absent"},
    {"span", WIRE_TYPE_STRING, true, .choices = "hour|day|month", .help = "how far back"},
    {"since", WIRE_TYPE_INTEGER, false, 0, G_MAXINT64,
     .help = "only points after this time, in seconds since 1970"},
    {"step", WIRE_TYPE_INTEGER, false, 1, 86400,
     .help = "seconds that a point stands for at the least"},
    END_OF_PARAMETERS};

static const WireParameter syslog_parameters[] = {
    {"lines", WIRE_TYPE_INTEGER, false, 1, 1000, .help = "how many lines, 100 when absent"},
    END_OF_PARAMETERS};

static const WireParameter guest_list_parameters[] = {
    {"fields", WIRE_TYPE_STRINGS, false, 1, 64,
     .help = "the fields of each guest that are wanted; all when absent"},
    END_OF_PARAMETERS};

static const WireParameter cluster_guests_parameters[] = {
    {"node", WIRE_TYPE_STRING, false, 1, 63, .help = "only those of this node"},
    END_OF_PARAMETERS};

static const WireParameter guest_parameters[] = {GUEST, END_OF_PARAMETERS};

static const WireParameter definition_parameters[] = {
    GUEST,
    {"saved", WIRE_TYPE_BOOLEAN, false,
     .help = "the saved definition even where a live one differs"},
    END_OF_PARAMETERS};

static const WireParameter start_parameters[] = {
    GUEST,
    {"paused", WIRE_TYPE_BOOLEAN, false, .help = "start it paused (VMs)"},
    END_OF_PARAMETERS};

static const WireParameter shutdown_parameters[] = {
    GUEST,
    {"timeout", WIRE_TYPE_INTEGER, false, 1, SECONDS_MAX,
     .help = "seconds to wait for it, 180 when absent"},
    {"then", WIRE_TYPE_STRING, false, .choices = "fail|stop",
     .help = "when the time is over: report failure, or stop it hard"},
    END_OF_PARAMETERS};

static const WireParameter reboot_parameters[] = {
    GUEST,
    {"timeout", WIRE_TYPE_INTEGER, false, 1, SECONDS_MAX,
     .help = "seconds to wait for it, 180 when absent"},
    END_OF_PARAMETERS};

static const WireParameter autostart_parameters[] = {
    GUEST,
    {"enable", WIRE_TYPE_BOOLEAN, true, .help = "start with the node or not"},
    END_OF_PARAMETERS};

static const WireParameter rename_parameters[] = {
    GUEST, {"name", WIRE_TYPE_STRING, true, 1, 128, .help = "the new name"}, END_OF_PARAMETERS};

static const WireParameter delete_parameters[] = {
    GUEST,
    {"confirm", WIRE_TYPE_STRING, true, 1, 256, .help = "the guest's name, to be sure"},
    {"disks", WIRE_TYPE_STRINGS, false, 0, 64,
     .help = "disks to delete with it, by target (vda); the others are kept"},
    {"all_disks", WIRE_TYPE_BOOLEAN, false,
     .help = "delete every writable disk, or a container's root file system"},
    END_OF_PARAMETERS};

#define MIGRATE_PARAMETERS                                                                     \
    GUEST, {"node", WIRE_TYPE_STRING, true, 1, 63, .help = "the node it shall go to"},         \
        {"mode", WIRE_TYPE_STRING, false, .choices = "live|offline|restart",                   \
         .help = "by what: as it runs, stopped, or stopped here and started there; what fits " \
                 "its state when absent"},                                                     \
        {"with_disks", WIRE_TYPE_BOOLEAN, false,                                               \
         .help = "copy the disks that only this node has"},                                    \
        {"storage", WIRE_TYPE_STRING,                                                          \
         false,     1,                                                                         \
         64,        .help = "the storage there for copied disks; the same paths when absent"}, \
    {                                                                                          \
        "bandwidth", WIRE_TYPE_INTEGER, false, 1, 1048576,                                     \
            .help = "MiB a second at the most; when absent as set for the cluster"             \
    }

static const WireParameter migrate_parameters[] = {MIGRATE_PARAMETERS, END_OF_PARAMETERS};

static const WireParameter offer_parameters[] = {
    {"offer", WIRE_TYPE_STRING, true, 2, 1 << 20,
     .help = "what the other node says of it, JSON"},
    END_OF_PARAMETERS};

static const WireParameter send_parameters[] = {
    MIGRATE_PARAMETERS,
    {"plan", WIRE_TYPE_BOOLEAN, false, .help = "only find out, as guest.plan"},
    END_OF_PARAMETERS};

#define DRAIN_PARAMETERS                                                                       \
    {"parallel", WIRE_TYPE_INTEGER,                                                            \
     false,      1,                                                                            \
     8,          .help = "how many guests move at once; when absent as set for the cluster"},  \
        {"with_disks", WIRE_TYPE_BOOLEAN, false,                                               \
         .help = "copy the disks that only one node has"},                                     \
        {"storage", WIRE_TYPE_STRING,                                                          \
         false,     1,                                                                         \
         64,        .help = "the storage there for copied disks; the same paths when absent"}, \
        {"bandwidth",                                                                          \
         WIRE_TYPE_INTEGER,                                                                    \
         false,                                                                                \
         1,                                                                                    \
         1048576,                                                                              \
         .help = "MiB a second of one move at the most; when absent as set for the cluster"},  \
        {"skip", WIRE_TYPE_BOOLEAN, false,                                                     \
         .help = "guests with something in the way stay, and the others go; else none goes"},  \
    {                                                                                          \
        "plan", WIRE_TYPE_BOOLEAN, false,                                                      \
            .help = "only find out where each would go, and all obstacles"                     \
    }

static const WireParameter drain_parameters[] = {
    {"targets", WIRE_TYPE_STRINGS, false, 1, 31,
     .help = "the nodes that may take guests; all others of the cluster when absent"},
    DRAIN_PARAMETERS,
    END_OF_PARAMETERS};

static const WireParameter undrain_parameters[] = {DRAIN_PARAMETERS, END_OF_PARAMETERS};

static const WireParameter outcome_parameters[] = {
    {"kind", WIRE_TYPE_STRING, true, .choices = "vm|ct", .help = "its kind"},
    {"native", WIRE_TYPE_STRING, true, 1, 4096, .help = "its identifier at libvirt or LXC"},
    END_OF_PARAMETERS};

static const WireParameter sendkey_parameters[] = {
    GUEST,
    {"keys", WIRE_TYPE_STRINGS, true, 1, 16,
     .help = "names of keys pressed together, as KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE"},
    {"hold", WIRE_TYPE_INTEGER, false, 0, 10000, .help = "milliseconds to hold them"},
    END_OF_PARAMETERS};

static const WireParameter set_parameters[] = {
    GUEST,
    {"tags", WIRE_TYPE_STRINGS, false, 0, 64, .help = "all its tags"},
    {"add_tags", WIRE_TYPE_STRINGS, false, 0, 64, .help = "tags that it gets; or tags+=A,B"},
    {"remove_tags", WIRE_TYPE_STRINGS, false, 0, 64,
     .help = "tags that it loses; or tags-=A,B"},
    {"notes", WIRE_TYPE_STRING, false, 0, WIRE_STRING_MAX, .help = "free text; or notes=TEXT"},
    {"description", WIRE_TYPE_STRING, false, 0, 256,
     .help = "what it is, in a line; or description=TEXT"},
    REVISION,
    END_OF_PARAMETERS};

static const WireParameter console_parameters[] = {
    GUEST,
    {"what", WIRE_TYPE_STRING, false, .choices = "console|shell",
     .help = "the guest's console, or a shell in a container"},
    {"rows", WIRE_TYPE_INTEGER, false, 1, 1000, .help = "size of the terminal"},
    {"columns", WIRE_TYPE_INTEGER, false, 1, 1000, .help = "size of the terminal"},
    {"take", WIRE_TYPE_BOOLEAN, false, .help = "take it over from who has it now"},
    END_OF_PARAMETERS};

static const WireParameter exec_parameters[] = {
    GUEST,
    {"command", WIRE_TYPE_STRINGS, true, 1, 256, .help = "program and arguments",
     .verbatim = true},
    {"timeout", WIRE_TYPE_INTEGER, false, 1, SECONDS_MAX,
     .help = "seconds it may take, 60 when absent"},
    END_OF_PARAMETERS};

static const WireParameter stream_resize_parameters[] = {
    {"stream", WIRE_TYPE_STRING, true, 1, 64, .help = "the stream's identifier"},
    {"rows", WIRE_TYPE_INTEGER, true, 1, 1000, .help = "rows"},
    {"columns", WIRE_TYPE_INTEGER, true, 1, 1000, .help = "columns"},
    END_OF_PARAMETERS};

static const WireParameter stream_parameters[] = {
    {"stream", WIRE_TYPE_STRING, true, 1, 64, .help = "the stream's identifier"},
    END_OF_PARAMETERS};

static const WireParameter list_parameters[] = {
    {"limit", WIRE_TYPE_INTEGER, false, 1, 10000, .help = "newest so many, 200 when absent"},
    END_OF_PARAMETERS};

static const WireParameter task_parameters[] = {TASK, END_OF_PARAMETERS};

static const WireParameter task_log_parameters[] = {
    TASK,
    {"offset", WIRE_TYPE_INTEGER, false, 0, G_MAXINT64, .help = "byte to begin at"},
    END_OF_PARAMETERS};

static const WireParameter task_wait_parameters[] = {
    TASK,
    {"timeout", WIRE_TYPE_INTEGER, false, 1, SECONDS_MAX,
     .help = "seconds to wait, without limit when absent"},
    END_OF_PARAMETERS};

static const WireParameter role_set_parameters[] = {
    {"who", WIRE_TYPE_STRING, true, 1, 65, .help = "a user, or a group as @GROUP"},
    {"role", WIRE_TYPE_STRING, true, .choices = "viewer|operator|admin", .help = "the role"},
    REVISION,
    END_OF_PARAMETERS};

static const WireParameter role_remove_parameters[] = {
    {"who", WIRE_TYPE_STRING, true, 1, 65, .help = "a user, or a group as @GROUP"},
    REVISION,
    END_OF_PARAMETERS};

static const WireParameter storage_parameters[] = {
    {"storage", WIRE_TYPE_STRING, true, 1, 256, .help = "the storage's name"},
    END_OF_PARAMETERS};

#define LINK_PARAMETERS                                                                        \
    {"link0", WIRE_TYPE_STRING,                                                                \
     false,   1,                                                                               \
     253,     .help = "its address on the first link; chosen from its networks when absent"},  \
    {                                                                                          \
        "link1", WIRE_TYPE_STRING, false, 1, 253, .help = "its address on a second link"       \
    }

static const WireParameter cluster_create_parameters[] = {
    {"name", WIRE_TYPE_STRING, true, 1, 32, .help = "the cluster's name"},
    LINK_PARAMETERS,
    END_OF_PARAMETERS};

static const WireParameter cluster_add_parameters[] = {
    {"node", WIRE_TYPE_STRING, true, 1, 63, .help = "the name of the node that joins"},
    LINK_PARAMETERS,
    END_OF_PARAMETERS};

static const WireParameter cluster_accept_parameters[] = {
    {"config", WIRE_TYPE_STRING, true, 1, 65536, .help = "corosync.conf of the cluster"},
    {"key", WIRE_TYPE_STRING, true, 1, 8192, .help = "the cluster's key, in base64",
     .secret = true},
    END_OF_PARAMETERS};

static const WireParameter cluster_remove_parameters[] = {
    {"node", WIRE_TYPE_STRING, true, 1, 63, .help = "the node's name"},
    {"confirm", WIRE_TYPE_STRING, true, 1, 63, .help = "the node's name, to be sure"},
    END_OF_PARAMETERS};

static const WireParameter cluster_leave_parameters[] = {
    {"confirm", WIRE_TYPE_STRING, true, 1, 63, .help = "this node's name, to be sure"},
    {"alone", WIRE_TYPE_BOOLEAN, false,
     .help = "without telling the others, when they have removed it or are gone"},
    END_OF_PARAMETERS};

static const WireParameter cluster_resync_parameters[] = {
    {"confirm", WIRE_TYPE_STRING, true, 1, 63, .help = "this node's name, to be sure"},
    END_OF_PARAMETERS};

static const WireParameter cluster_expected_parameters[] = {
    {"votes", WIRE_TYPE_INTEGER, true, 1, 8192, .help = "how many votes to expect"},
    {"confirm", WIRE_TYPE_STRINGS, true, 1, 32,
     .help = "the names of all nodes that are not seen, to be sure that they are off"},
    END_OF_PARAMETERS};

#define AUTHORITY                                                                              \
    {                                                                                          \
        "authority", WIRE_TYPE_STRING, true, 1, 65536,                                         \
            .help = "the certificate of the device's host, in base64"                          \
    }

static const WireParameter device_prepare_parameters[] = {AUTHORITY, END_OF_PARAMETERS};

static const WireParameter device_certify_parameters[] = {
    {"certificate", WIRE_TYPE_STRING, true, 1, 65536,
     .help = "what the host has signed, in base64"},
    END_OF_PARAMETERS};

static const WireParameter device_accept_parameters[] = {
    AUTHORITY,
    {"bundle", WIRE_TYPE_STRING, true, 1, 65536,
     .help = "certificate and key of cluster.device_certify, in base64", .secret = true},
    END_OF_PARAMETERS};

static const WireParameter device_add_parameters[] = {
    {"host", WIRE_TYPE_STRING, true, 1, 253,
     .help = "name or address that all nodes reach the device at"},
    {"algorithm", WIRE_TYPE_STRING, false, .choices = "ffsplit|lms",
     .help = "to whom it votes: to one half (when absent), or to the last one standing"},
    END_OF_PARAMETERS};

static const WireParameter device_remove_parameters[] = {
    {"confirm", WIRE_TYPE_STRING, true, 1, 253, .help = "the device's host, to be sure"},
    END_OF_PARAMETERS};

static const WireParameter cluster_address_parameters[] = {
    {"node", WIRE_TYPE_STRING, true, 1, 63, .help = "the node's name"},
    {"link", WIRE_TYPE_INTEGER, true, 0, 7, .help = "the number of the link"},
    {"address", WIRE_TYPE_STRING, true, 1, 253, .help = "the node's new address on it"},
    END_OF_PARAMETERS};

static const WireParameter cluster_link_add_parameters[] = {
    {"addresses", WIRE_TYPE_STRINGS, true, 1, 32, .help = "NODE=ADDRESS of every node"},
    END_OF_PARAMETERS};

static const WireParameter cluster_link_remove_parameters[] = {
    {"link", WIRE_TYPE_INTEGER, true, 0, 7, .help = "the number of the link"},
    END_OF_PARAMETERS};

static const WireParameter cluster_rename_parameters[] = {
    {"name", WIRE_TYPE_STRING, true, 1, 32, .help = "the cluster's new name"},
    END_OF_PARAMETERS};

static const WireParameter settings_parameters[] = {
    {"description", WIRE_TYPE_STRING, false, 0, 256, .help = "what the cluster is, in a line"},
    {"notes", WIRE_TYPE_STRING, false, 0, WIRE_STRING_MAX, .help = "free text"},
    {"move_bandwidth", WIRE_TYPE_INTEGER, false, 0, 1048576,
     .help = "MiB a second at the most for a guest that moves, where it is not said; 0: no "
             "limit"},
    {"drain_order", WIRE_TYPE_STRING, false, .choices = "as-listed|small-first|large-first",
     .help = "which guests go first when a node is drained, by memory and disks to copy"},
    {"drain_parallel", WIRE_TYPE_INTEGER, false, 1, 8,
     .help = "guests that go at once when a node is drained"},
    {"unset", WIRE_TYPE_STRINGS, false, 1, 16,
     .help = "settings that are to be as they are by default"},
    REVISION,
    END_OF_PARAMETERS};

static const WireParameter console_set_parameters[] = {
    {"text", WIRE_TYPE_STRING, true, 0, WIRE_STRING_MAX,
     .help = "YAML with charts, skin, styles, keys and columns; empty: none any more"},
    REVISION,
    END_OF_PARAMETERS};

#define PEER     WIRE_ROLE_PEER
#define VIEWER   WIRE_ROLE_VIEWER
#define OPERATOR WIRE_ROLE_OPERATOR
#define ADMIN    WIRE_ROLE_ADMIN
#define TASK_ROW(name, role, parameters, help)                                                 \
    {                                                                                          \
        name, role, true, true, parameters, help, "task, the identifier of the task"           \
    }
#define CHANGE(name, role, parameters, help, result)                                           \
    {                                                                                          \
        name, role, false, true, parameters, help, result                                      \
    }
#define STORED(name, role, parameters, help, result)                                           \
    {                                                                                          \
        name, role, false, true, parameters, help, result, .stored = true                      \
    }
#define READ(name, parameters, help, result)                                                   \
    {                                                                                          \
        name, VIEWER, false, false, parameters, help, result                                   \
    }

static const WireMethod methods[] = {
    READ("hello", hello_parameters, "opens a session",
         "major, minor, agent, node, user, role, and peers in a cluster; with a stream: raw "
         "bytes follow"),
    READ("session.ping", NULL, "answers", "an empty object"),
    READ("session.methods", NULL, "this table", "methods"),
    READ("watch.open", watch_open_parameters,
         "sends all objects, then what changes, as watch.delta notifications", "watch"),
    READ("watch.close", watch_close_parameters, "ends a watch", "an empty object"),

    READ("node.list", NULL, "the node as a list of one", "nodes"),
    READ("node.show", NULL, "everything about the node",
         "the node's fields, cores, disks and filesystems"),
    READ("node.history", history_parameters, "figures of the past",
         "start, step and for each series an array of numbers or null"),
    READ("node.syslog", syslog_parameters, "the end of the system's log", "lines"),

    TASK_ROW("node.drain", OPERATOR, drain_parameters,
             "moves all guests of the node to others of its cluster"),
    TASK_ROW("node.undrain", OPERATOR, undrain_parameters,
             "brings the guests back that node.drain has moved away"),

    READ("guest.list", guest_list_parameters, "all guests", "guests"),
    READ("cluster.guests", cluster_guests_parameters,
         "the guests of all nodes as the cluster's store knows them, also while a node is off",
         "guests: id, type, name, native, node, state and tags"),
    READ(
        "guest.show", guest_parameters, "everything about a guest",
        "the guest's fields, its hardware in detail, notes, description, and revision, that of "
        "tags, notes and description for guest.set"),
    READ("guest.definition", definition_parameters,
         "libvirt's XML or the container's configuration", "format and text"),
    TASK_ROW("guest.start", OPERATOR, start_parameters, "starts a guest"),
    TASK_ROW("guest.shutdown", OPERATOR, shutdown_parameters,
             "asks a guest to shut down, by its agent and then by ACPI"),
    TASK_ROW("guest.stop", OPERATOR, guest_parameters, "stops a guest at once, as a power cut"),
    TASK_ROW("guest.reboot", OPERATOR, reboot_parameters, "asks a guest to reboot"),
    TASK_ROW("guest.reset", OPERATOR, guest_parameters, "presses a VM's reset button"),
    TASK_ROW("guest.pause", OPERATOR, guest_parameters, "pauses or freezes a guest"),
    TASK_ROW("guest.resume", OPERATOR, guest_parameters, "lets a paused guest go on"),
    TASK_ROW("guest.save", OPERATOR, guest_parameters,
             "writes a VM's memory to disk and stops it"),
    TASK_ROW("guest.discard", OPERATOR, guest_parameters, "removes a VM's saved memory"),
    TASK_ROW("guest.delete", ADMIN, delete_parameters, "deletes a guest"),
    TASK_ROW("guest.rename", ADMIN, rename_parameters, "renames a guest that does not run"),
    TASK_ROW("guest.autostart", OPERATOR, autostart_parameters,
             "sets whether a guest starts with the node"),
    TASK_ROW("guest.sendkey", OPERATOR, sendkey_parameters, "presses keys on a VM's keyboard"),
    TASK_ROW("guest.nmi", OPERATOR, guest_parameters, "sends an NMI to a VM"),
    TASK_ROW("guest.plan", OPERATOR, migrate_parameters,
             "finds out whether a guest could move, and what stands in the way"),
    TASK_ROW("guest.migrate", OPERATOR, migrate_parameters,
             "moves a guest to another node of the cluster"),
    STORED("guest.set", OPERATOR, set_parameters, "sets tags, notes and description",
           "an empty object"),
    CHANGE("guest.console", OPERATOR, console_parameters,
           "opens a guest's console or a shell in it", "stream"),
    CHANGE("guest.exec", ADMIN, exec_parameters, "runs a program in a guest", "stream"),

    READ("stream.resize", stream_resize_parameters, "tells a stream its terminal's size",
         "an empty object"),
    READ("stream.wait", stream_parameters, "waits for the end of a stream",
         "exit, the program's exit status, or null"),

    READ("task.list", list_parameters, "the newest tasks", "tasks"),
    READ("task.show", task_parameters, "a task",
         "the task's fields, its parameters and result"),
    READ("task.log", task_log_parameters, "a piece of a task's log",
         "text, offset of the next piece, end when there will be no more"),
    CHANGE("task.cancel", OPERATOR, task_parameters, "cancels a task", "an empty object"),
    READ("task.wait", task_wait_parameters, "waits for the end of a task", "the task's fields"),

    READ("cluster.status", NULL, "how the cluster of this node is",
         "cluster, state (none, absent, silent, up), quorate, votes, expected, quorum, nodes, "
         "links, ring_statistics, device, settings and problems, each with what to do"),

    READ("cluster.nodes", NULL,
         "the nodes of the cluster as its store knows them, also while they are off",
         "nodes: name, number, addresses, member, agent, cpus, memory and kvm"),
    READ("cluster.settings", NULL, "what is set for the whole cluster",
         "settings, each with the value that holds, set, the names of those that were set, and "
         "revision"),
    STORED("cluster.settings_set", ADMIN, settings_parameters,
           "sets something for the whole cluster", "an empty object"),
    READ("cluster.console", NULL, "what is set for the consoles of all people",
         "text, YAML or null, and revision"),
    STORED("cluster.console_set", ADMIN, console_set_parameters,
           "sets how the consoles of all people look at first, and their keys",
           "an empty object"),

    TASK_ROW("cluster.create", ADMIN, cluster_create_parameters,
             "makes a cluster of this node"),
    {"cluster.add", ADMIN, false, true, cluster_add_parameters,
     "adds a node to this node's cluster, and takes it back when the node does not join",
     "task (null: the node is in corosync.conf already), config and key for cluster.accept"},
    TASK_ROW("cluster.accept", ADMIN, cluster_accept_parameters,
             "joins the cluster that cluster.add on a member answered for"),
    TASK_ROW("cluster.remove", ADMIN, cluster_remove_parameters,
             "removes a node that is dead from the cluster"),
    TASK_ROW("cluster.leave", ADMIN, cluster_leave_parameters,
             "takes this node out of its cluster"),
    TASK_ROW("cluster.expected", ADMIN, cluster_expected_parameters,
             "lets the cluster expect fewer votes while nodes are off"),

    CHANGE("cluster.device_prepare", ADMIN, device_prepare_parameters,
           "makes a key and a request for a quorum device", "request, in base64, to be signed"),
    CHANGE("cluster.device_certify", ADMIN, device_certify_parameters,
           "takes the signed request", "bundle, in base64, for the other nodes"),
    CHANGE("cluster.device_accept", ADMIN, device_accept_parameters,
           "takes the certificate and key that another node has got", "an empty object"),
    TASK_ROW("cluster.device_add", ADMIN, device_add_parameters,
             "lets a quorum device vote in the cluster"),
    TASK_ROW("cluster.device_remove", ADMIN, device_remove_parameters,
             "takes the quorum device out of the cluster"),
    TASK_ROW("cluster.address", ADMIN, cluster_address_parameters,
             "gives a node another address on a link"),
    TASK_ROW("cluster.link_add", ADMIN, cluster_link_add_parameters,
             "adds a link between all nodes"),
    TASK_ROW("cluster.link_remove", ADMIN, cluster_link_remove_parameters, "removes a link"),
    TASK_ROW("cluster.rename", ADMIN, cluster_rename_parameters,
             "gives the cluster another name, in corosync.conf"),
    CHANGE("cluster.resync", ADMIN, cluster_resync_parameters,
           "gives up this node's store, where it differs, for the cluster's",
           "an empty object"),
    TASK_ROW("cluster.restart", ADMIN, NULL,
             "starts corosync of this node anew and waits until it is back"),

    {"role.list", ADMIN, false, false, NULL, "who has which role in the whole cluster",
     "roles: who (a group as @NAME), role and revision; gantryd.yaml of a node adds to them "
     "there"},
    STORED("role.set", ADMIN, role_set_parameters, "gives a role in the whole cluster",
           "an empty object"),
    STORED("role.remove", ADMIN, role_remove_parameters, "takes such a role back",
           "an empty object"),
    {"migration.check", PEER, false, false, offer_parameters,
     "whether a guest of another node could live here", "obstacles and disks"},
    {"migration.receive", PEER, true, true, offer_parameters,
     "lets a guest of another node come", "task, and number, which it has here"},
    {"migration.send", PEER, true, true, send_parameters,
     "moves a guest of this node, or finds out whether it could: asked by this node's own "
     "task, "
     "or by the node that it shall go to",
     "task"},
    {"migration.cancel", PEER, false, true, task_parameters, "cancels such a move",
     "an empty object"},
    {"migration.outcome", PEER, false, false, outcome_parameters,
     "whether a guest is here, when a move was cut off",
     "defined, active, paused, working, and busy: a task is at work on it"},

    READ("storage.list", NULL, "all storages", "storages"),
    READ("storage.show", storage_parameters, "a storage and its volumes",
         "storage and volumes"),
    READ("link.list", NULL, "all links", "links"),
    READ("event.list", list_parameters, "the newest events", "events"),
    READ("alarm.list", NULL, "what needs attention", "alarms"),
    {"audit.list", ADMIN, false, false, list_parameters, "who asked for what, newest first",
     "entries"},
    {.name = NULL},
};

const WireMethod *wire_methods(void)
{
    return methods;
}

const WireMethod *wire_method_find(const char *name)
{
    for (const WireMethod *method = methods; method->name; method++)
        if (strcmp(method->name, name) == 0)
            return method;
    return NULL;
}
