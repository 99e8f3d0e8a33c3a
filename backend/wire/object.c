#include "backend/wire/object.h"

#include <string.h>

static const ObjectField node_fields[] = {
    {"id", "string", NULL, "the node's name"},
    {"boot", "integer", "s since 1970", "when the machine started"},
    {"kernel", "string", NULL, "kernel release"},
    {"agent", "string", NULL, "version of gantryd"},
    {"libvirt", "string", NULL, "version of libvirt's daemon"},
    {"qemu", "string", NULL, "version of QEMU"},
    {"lxc", "string", NULL, "version of liblxc"},
    {"kvm", "boolean", NULL, "hardware virtualisation can be used"},
    {"kvm_reason", "string", NULL, "why it can't"},
    {"cpus", "integer", NULL, "logical processors"},
    {"cpu", "number", "percent", "use of all processors together, 0 to 100"},
    {"load", "numbers", NULL, "load average over 1, 5 and 15 minutes"},
    {"mem_total", "integer", "bytes", "memory"},
    {"mem_used", "integer", "bytes", "memory less what is available"},
    {"swap_total", "integer", "bytes", "swap"},
    {"swap_used", "integer", "bytes", "swap in use"},
    {"psi_cpu", "number", "percent", "pressure: some tasks waited for CPU, over 10 s"},
    {"psi_mem", "number", "percent", "pressure: some tasks waited for memory, over 10 s"},
    {"psi_io", "number", "percent", "pressure: some tasks waited for I/O, over 10 s"},
    {"net_in", "number", "bytes/s", "received by the physical links"},
    {"net_out", "number", "bytes/s", "sent by the physical links"},
    {"disk_read", "number", "bytes/s", "read from the disks"},
    {"disk_write", "number", "bytes/s", "written to the disks"},
    {"root_total", "integer", "bytes", "size of the root file system"},
    {"root_used", "integer", "bytes", "used of it"},
    {"updates", "integer", NULL, "packages waiting for an update"},
    {"time_offset", "number", "s", "clock offset, if a time service knows it"},
    {"cluster", "string", NULL, "the name of the cluster it is in"},
    {"quorate", "boolean", NULL, "it is in the part of the cluster that may change it"},
    {"members", "integer", NULL, "nodes of the cluster that it sees, itself too"},
    {"cluster_size", "integer", NULL, "nodes that the cluster has"},
    {"peers", "objects", NULL,
     "the nodes of the cluster, each with name, addresses, member, whether it is seen, and if "
     "it is not, lost_since"},
    {"console_settings", "integer", NULL,
     "the revision of what is set for all consoles, see cluster.console"},
    {"drivers", "objects", NULL,
     "the guest drivers, each with name, state (ok, stale, absent), since and reason"},
    {NULL, NULL, NULL, NULL},
};

static const ObjectField guest_fields[] = {
    {"id", "string", NULL, "kind/number, as vm/100"},
    {"type", "string", NULL, "vm or ct"},
    {"name", "string", NULL, "the guest's name in libvirt or LXC"},
    {"native", "string", NULL, "libvirt's UUID, or the container's path"},
    {"node", "string", NULL, "where it is"},
    {"state", "string", NULL,
     "unknown, stopped, running, paused, starting, stopping, saved or crashed"},
    {"reason", "string", NULL, "why it is in that state, in a word or two"},
    {"started", "integer", "s since 1970", "when it was started, if it runs"},
    {"vcpus", "integer", NULL, "virtual processors, or the processors it may use"},
    {"mem_max", "integer", "bytes", "memory it may use"},
    {"tags", "strings", NULL, "tags, sorted"},
    {"autostart", "boolean", NULL, "starts with the node"},
    {"persistent", "boolean", NULL, "has a saved definition"},
    {"pending", "boolean", NULL, "the saved definition differs from the live one"},
    {"agent", "boolean", NULL, "a guest agent is connected"},
    {"privileged", "boolean", NULL, "a container without user namespace"},
    {"addresses", "strings", NULL, "IP addresses known"},
    {"task", "string", NULL, "the task at work on it, if any"},
    {"stale_since", "integer", "s since 1970",
     "when its driver last answered, if it is silent"},
    {"cpu", "number", "percent", "of one processor; 200 is two processors busy"},
    {"mem_used", "integer", "bytes", "memory the guest says it uses"},
    {"mem_rss", "integer", "bytes", "memory it occupies on the node"},
    {"disk_read", "number", "bytes/s", "read from its disks"},
    {"disk_write", "number", "bytes/s", "written to its disks"},
    {"disk_ops", "number", "1/s", "operations on its disks"},
    {"net_in", "number", "bytes/s", "received by it"},
    {"net_out", "number", "bytes/s", "sent by it"},
    {NULL, NULL, NULL, NULL},
};

static const ObjectField storage_fields[] = {
    {"id", "string", NULL, "name of the storage on its node"},
    {"node", "string", NULL, "where it is"},
    {"type", "string", NULL, "dir, or the kind of libvirt pool"},
    {"path", "string", NULL, "directory or source"},
    {"filesystem", "string", NULL, "type of the file system"},
    {"state", "string", NULL, "available, inactive, failed or silent"},
    {"reason", "string", NULL, "what is wrong with it"},
    {"total", "integer", "bytes", "size"},
    {"used", "integer", "bytes", "in use"},
    {"stale_since", "integer", "s since 1970", "when it last answered, if it is silent"},
    {NULL, NULL, NULL, NULL},
};

static const ObjectField link_fields[] = {
    {"id", "string", NULL, "name of the link on its node"},
    {"node", "string", NULL, "where it is"},
    {"type", "string", NULL, "physical, bridge, veth, tap, vlan, bond, loopback or other"},
    {"state", "string", NULL, "up, down or no-carrier"},
    {"mac", "string", NULL, "hardware address"},
    {"mtu", "integer", "bytes", "largest packet"},
    {"master", "string", NULL, "the bridge or bond it is a port of"},
    {"addresses", "strings", NULL, "addresses with prefix length"},
    {"speed", "integer", "Mbit/s", "speed of a physical link"},
    {"net_in", "number", "bytes/s", "received"},
    {"net_out", "number", "bytes/s", "sent"},
    {"errors", "integer", NULL, "errors and drops since the link was made"},
    {NULL, NULL, NULL, NULL},
};

static const ObjectField task_fields[] = {
    {"id", "string", NULL, "sorts by time, names the node: 20261123T101500.123456-node1"},
    {"node", "string", NULL, "where it runs"},
    {"method", "string", NULL, "what was asked for, as guest.start"},
    {"object", "string", NULL, "what it is about, as vm/100"},
    {"name", "string", NULL, "that object's name when it began"},
    {"owner", "string", NULL, "who asked"},
    {"state", "string", NULL, "queued, running, done, failed or cancelled"},
    {"progress", "number", "percent", "how far it is, if it knows"},
    {"doing", "string", NULL, "what it is doing, or did last"},
    {"created", "number", "s since 1970", "when it was asked for"},
    {"started", "number", "s since 1970", "when it began"},
    {"ended", "number", "s since 1970", "when it ended"},
    {"error", "string", NULL, "why it failed"},
    {"log_size", "integer", "bytes", "how much log there is to read"},
    {NULL, NULL, NULL, NULL},
};

static const ObjectField event_fields[] = {
    {"id", "string", NULL, "sorts by time"},
    {"node", "string", NULL, "where it happened"},
    {"time", "number", "s since 1970", "when"},
    {"severity", "string", NULL, "info, warning or error"},
    {"object", "string", NULL, "what it is about"},
    {"text", "string", NULL, "what happened"},
    {"who", "string", NULL, "who caused it, if a person did"},
    {NULL, NULL, NULL, NULL},
};

static const ObjectField alarm_fields[] = {
    {"id", "string", NULL, "stable as long as it lasts"},
    {"node", "string", NULL, "where"},
    {"severity", "string", NULL, "warning or error"},
    {"object", "string", NULL, "what it is about"},
    {"text", "string", NULL, "what is wrong and what to do"},
    {"since", "integer", "s since 1970", "when it began"},
    {NULL, NULL, NULL, NULL},
};

/* In a list of guests there are only the node's own. */
static const ObjectField lost_guest_fields[] = {
    {"id", "string", NULL, "kind/number of a guest whose node is not seen now"},
    {"type", "string", NULL, "vm or ct"},
    {"name", "string", NULL, "its name, as this and all else was last"},
    {"native", "string", NULL, "libvirt's UUID, or the container's path"},
    {"node", "string", NULL, "the node that is not seen"},
    {"state", "string", NULL, "as of a guest"},
    {"tags", "strings", NULL, "tags, sorted"},
    {NULL, NULL, NULL, NULL},
};

static const struct {
    const char *name;
    const ObjectField *fields;
} kinds[OBJECT_KIND_COUNT] = {
    [OBJECT_NODE] = {"node", node_fields},
    [OBJECT_GUEST] = {"guest", guest_fields},
    [OBJECT_STORAGE] = {"storage", storage_fields},
    [OBJECT_LINK] = {"link", link_fields},
    [OBJECT_TASK] = {"task", task_fields},
    [OBJECT_EVENT] = {"event", event_fields},
    [OBJECT_ALARM] = {"alarm", alarm_fields},
    [OBJECT_LOST_GUEST] = {"lost_guest", lost_guest_fields},
};

const char *object_kind_name(ObjectKind kind)
{
    return (unsigned)kind < OBJECT_KIND_COUNT ? kinds[kind].name : "?";
}

bool object_kind_from_name(const char *name, ObjectKind *out)
{
    for (int i = 0; name && i < OBJECT_KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *out = (ObjectKind)i;
            return true;
        }
    }
    return false;
}

const ObjectField *object_kind_fields(ObjectKind kind)
{
    return (unsigned)kind < OBJECT_KIND_COUNT ? kinds[kind].fields : NULL;
}
