#include "tui/model/fields.h"

#include "backend/wire/message.h"
#include "tui/model/model.h"
#include "tui/model/units.h"

#include <math.h>
#include <string.h>

static double guest_mem_percent(const Model *model, const ModelObject *object)
{
    const ModelGuest *guest = (const ModelGuest *)object;
    return guest->mem_max > 0 ? 100.0 * guest->mem_used / guest->mem_max : NAN;
}

static double guest_disk(const Model *model, const ModelObject *object)
{
    const ModelGuest *guest = (const ModelGuest *)object;
    return (double)guest->disk_read + guest->disk_write;
}

static double guest_net(const Model *model, const ModelObject *object)
{
    const ModelGuest *guest = (const ModelGuest *)object;
    return (double)guest->net_in + guest->net_out;
}

static const char *guest_kind(const Model *model, const ModelObject *object)
{
    return guest_kind_name((GuestKind)((const ModelGuest *)object)->kind);
}

static const char *node_of(const Model *model, const ModelObject *object)
{
    const ModelNode *node = model ? model_node(model, object->node) : NULL;
    return node && node->name ? node->name : "";
}

static double node_mem_percent(const Model *model, const ModelObject *object)
{
    const ModelNode *node = (const ModelNode *)object;
    return node->mem_total > 0 ? 100.0 * node->mem_used / node->mem_total : NAN;
}

static double node_root_percent(const Model *model, const ModelObject *object)
{
    const ModelNode *node = (const ModelNode *)object;
    return node->root_total > 0 ? 100.0 * node->root_used / node->root_total : NAN;
}

static double node_net(const Model *model, const ModelObject *object)
{
    const ModelNode *node = (const ModelNode *)object;
    return (double)node->net_in + node->net_out;
}

static const char *node_link(const Model *model, const ModelObject *object)
{
    static const char *const words[] = {"connecting", "up", "lost", "failed"};
    return words[MIN(((const ModelNode *)object)->link, 3)];
}

static double storage_percent(const Model *model, const ModelObject *object)
{
    const ModelStorage *storage = (const ModelStorage *)object;
    return storage->total > 0 ? 100.0 * storage->used / storage->total : NAN;
}

static double task_took(const Model *model, const ModelObject *object)
{
    const ModelTask *task = (const ModelTask *)object;
    if (isnan(task->started))
        return NAN;
    double end = isnan(task->ended) ? (double)g_get_real_time() / G_USEC_PER_SEC : task->ended;
    return MAX(end - task->started, 0);
}

#define AT(struct_name, member) offsetof(struct_name, member)
#define FIELD(type, wire, title, storage, meaning, width, member)                              \
    {                                                                                          \
        wire, title, STORE_##storage, MEANS_##meaning, AT(type, member), width, NULL, NULL     \
    }
#define NUMBER(wire, title, meaning, width, function)                                          \
    {                                                                                          \
        wire, title, STORE_NONE, MEANS_##meaning, 0, width, function, NULL                     \
    }
#define WORD(wire, title, width, function)                                                     \
    {                                                                                          \
        wire, title, STORE_NONE, MEANS_TEXT, 0, width, NULL, function                          \
    }
#define ID(width)                                                                              \
    {                                                                                          \
        "id", "Id", STORE_NONE, MEANS_ID, 0, width, NULL, NULL                                 \
    }
#define END                                                                                    \
    {                                                                                          \
        .name = NULL                                                                           \
    }

static const ModelField node_fields[] = {
    FIELD(ModelNode, "name", "Node", NONE, TEXT, 12, name),
    WORD("link", "Link", 10, node_link),
    FIELD(ModelNode, "cpu", "cpu%", FLOAT, PERCENT, 5, cpu),
    NUMBER("mem", "mem%", PERCENT, 5, node_mem_percent),
    NUMBER("disk", "disk%", PERCENT, 5, node_root_percent),
    FIELD(ModelNode, "load", "load", FIRST, NUMBER, 5, load),
    FIELD(ModelNode, "guests", "guests", NONE, COUNT, 6, guests),
    FIELD(ModelNode, "running", "running", NONE, COUNT, 7, running),
    FIELD(ModelNode, "cpus", "cpus", INT32, COUNT, 4, cpus),
    FIELD(ModelNode, "mem_total", "memory", FLOAT, BYTES, 9, mem_total),
    FIELD(ModelNode, "mem_used", "used", FLOAT, BYTES, 9, mem_used),
    FIELD(ModelNode, "swap_total", "swap", FLOAT, BYTES, 9, swap_total),
    FIELD(ModelNode, "swap_used", "swapped", FLOAT, BYTES, 9, swap_used),
    FIELD(ModelNode, "psi_cpu", "psi cpu", FLOAT, PERCENT, 7, psi_cpu),
    FIELD(ModelNode, "psi_mem", "psi mem", FLOAT, PERCENT, 7, psi_mem),
    FIELD(ModelNode, "psi_io", "psi io", FLOAT, PERCENT, 6, psi_io),
    FIELD(ModelNode, "net_in", "net in/s", FLOAT, RATE, 8, net_in),
    FIELD(ModelNode, "net_out", "net out/s", FLOAT, RATE, 9, net_out),
    NUMBER("net", "net/s", RATE, 8, node_net),
    FIELD(ModelNode, "disk_read", "read/s", FLOAT, RATE, 8, disk_read),
    FIELD(ModelNode, "disk_write", "write/s", FLOAT, RATE, 8, disk_write),
    FIELD(ModelNode, "root_total", "root", FLOAT, BYTES, 9, root_total),
    FIELD(ModelNode, "root_used", "root used", FLOAT, BYTES, 9, root_used),
    FIELD(ModelNode, "boot", "up", INT64, SINCE, 5, boot),
    FIELD(ModelNode, "updates", "updates", INT32, COUNT, 7, updates),
    FIELD(ModelNode, "time_offset", "offset s", DOUBLE, NUMBER, 8, time_offset),
    FIELD(ModelNode, "kvm", "kvm", FLAG, YES, 3, kvm),
    FIELD(ModelNode, "kvm_reason", "why no kvm", STRING, TEXT, 20, kvm_reason),
    FIELD(ModelNode, "kernel", "kernel", STRING, TEXT, 16, kernel),
    FIELD(ModelNode, "agent", "gantryd", STRING, TEXT, 8, agent),
    FIELD(ModelNode, "libvirt", "libvirt", STRING, TEXT, 8, libvirt),
    FIELD(ModelNode, "qemu", "qemu", STRING, TEXT, 8, qemu),
    FIELD(ModelNode, "lxc", "lxc", STRING, TEXT, 8, lxc),
    FIELD(ModelNode, "drivers", "drivers", DRIVERS, TEXT, 24, drivers),
    FIELD(ModelNode, "cluster", "cluster", STRING, TEXT, 12, cluster),
    FIELD(ModelNode, "quorate", "quorate", FLAG, YES, 7, quorate),
    FIELD(ModelNode, "members", "members", INT32, COUNT, 7, members),
    FIELD(ModelNode, "cluster_size", "of nodes", INT32, COUNT, 8, cluster_size),
    FIELD(ModelNode, "target", "target", NONE, TEXT, 20, target),
    FIELD(ModelNode, "trouble", "trouble", NONE, TEXT, 30, trouble),
    END};

static const ModelField guest_fields[] = {
    ID(9),
    FIELD(ModelGuest, "name", "Name", STRING, TEXT, 12, name),
    WORD("node", "Node", 8, node_of),
    FIELD(ModelGuest, "state", "State", STATE, STATE, 9, state),
    FIELD(ModelGuest, "started", "up", INT64, SINCE, 4, started),
    FIELD(ModelGuest, "cpu", "cpu%", FLOAT, PERCENT, 5, cpu),
    FIELD(ModelGuest, "vcpus", "vcpu", INT32, COUNT, 4, vcpus),
    FIELD(ModelGuest, "mem_used", "mem", FLOAT, BYTES, 8, mem_used),
    FIELD(ModelGuest, "mem_max", "of", FLOAT, BYTES, 8, mem_max),
    NUMBER("mem", "mem%", PERCENT, 5, guest_mem_percent),
    FIELD(ModelGuest, "mem_rss", "rss", FLOAT, BYTES, 8, mem_rss),
    NUMBER("disk", "disk/s", RATE, 8, guest_disk),
    NUMBER("net", "net/s", RATE, 8, guest_net),
    FIELD(ModelGuest, "disk_read", "read/s", FLOAT, RATE, 8, disk_read),
    FIELD(ModelGuest, "disk_write", "write/s", FLOAT, RATE, 8, disk_write),
    FIELD(ModelGuest, "disk_ops", "ops/s", FLOAT, PERCENT, 6, disk_ops),
    FIELD(ModelGuest, "net_in", "net in/s", FLOAT, RATE, 8, net_in),
    FIELD(ModelGuest, "net_out", "net out/s", FLOAT, RATE, 9, net_out),
    FIELD(ModelGuest, "addresses", "Address", WORDS, TEXT, 15, addresses),
    FIELD(ModelGuest, "tags", "Tags", WORDS, TEXT, 14, tags),
    FIELD(ModelGuest, "reason", "Reason", STRING, TEXT, 12, reason),
    WORD("kind", "Kind", 4, guest_kind),
    FIELD(ModelGuest, "task", "Task", STRING, TEXT, 12, task),
    FIELD(ModelGuest, "autostart", "auto", FLAG, YES, 4, autostart),
    FIELD(ModelGuest, "persistent", "kept", FLAG, YES, 4, persistent),
    FIELD(ModelGuest, "pending", "pending", FLAG, YES, 7, pending),
    FIELD(ModelGuest, "agent", "agent", FLAG, YES, 5, agent),
    FIELD(ModelGuest, "privileged", "priv", FLAG, YES, 4, privileged),
    FIELD(ModelGuest, "stale_since", "stale", INT64, SINCE, 5, stale_since),
    FIELD(ModelGuest, "native", "native", STRING, TEXT, 36, native),
    END};

static const ModelField storage_fields[] = {
    {"id", "Storage", STORE_NONE, MEANS_ID, 0, 14, NULL, NULL},
    WORD("node", "Node", 8, node_of),
    FIELD(ModelStorage, "state", "State", STRING, TEXT, 11, state),
    FIELD(ModelStorage, "type", "Type", STRING, TEXT, 6, type),
    FIELD(ModelStorage, "used", "used", FLOAT, BYTES, 8, used),
    FIELD(ModelStorage, "total", "size", FLOAT, BYTES, 8, total),
    NUMBER("full", "full%", PERCENT, 5, storage_percent),
    FIELD(ModelStorage, "filesystem", "File system", STRING, TEXT, 11, filesystem),
    FIELD(ModelStorage, "path", "Path", STRING, TEXT, 24, path),
    FIELD(ModelStorage, "reason", "Reason", STRING, TEXT, 24, reason),
    FIELD(ModelStorage, "stale_since", "silent", INT64, SINCE, 6, stale_since),
    END};

static const ModelField link_fields[] = {
    {"id", "Link", STORE_NONE, MEANS_ID, 0, 14, NULL, NULL},
    WORD("node", "Node", 8, node_of),
    FIELD(ModelLink, "state", "State", STRING, TEXT, 10, state),
    FIELD(ModelLink, "type", "Type", STRING, TEXT, 8, type),
    FIELD(ModelLink, "master", "Master", STRING, TEXT, 10, master),
    FIELD(ModelLink, "net_in", "in/s", FLOAT, RATE, 8, net_in),
    FIELD(ModelLink, "net_out", "out/s", FLOAT, RATE, 8, net_out),
    FIELD(ModelLink, "errors", "errors", INT64, COUNT, 6, errors),
    FIELD(ModelLink, "speed", "Mbit/s", INT32, COUNT, 6, speed),
    FIELD(ModelLink, "mtu", "mtu", INT32, COUNT, 5, mtu),
    FIELD(ModelLink, "addresses", "Addresses", WORDS, TEXT, 24, addresses),
    FIELD(ModelLink, "mac", "Hardware", STRING, TEXT, 17, mac),
    END};

static const ModelField task_fields[] = {
    FIELD(ModelTask, "created", "Asked", DOUBLE, CLOCK, 12, created),
    FIELD(ModelTask, "state", "State", STRING, TEXT, 9, state),
    FIELD(ModelTask, "method", "What", STRING, TEXT, 15, method),
    FIELD(ModelTask, "object", "On", STRING, TEXT, 9, object),
    FIELD(ModelTask, "name", "Name", STRING, TEXT, 12, name),
    WORD("node", "Node", 8, node_of),
    FIELD(ModelTask, "progress", "%", FLOAT, PERCENT, 4, progress),
    NUMBER("took", "took s", NUMBER, 7, task_took),
    FIELD(ModelTask, "owner", "By", STRING, TEXT, 8, owner),
    FIELD(ModelTask, "doing", "Doing", STRING, TEXT, 24, doing),
    FIELD(ModelTask, "error", "Error", STRING, TEXT, 30, error),
    FIELD(ModelTask, "started", "Started", DOUBLE, CLOCK, 12, started),
    FIELD(ModelTask, "ended", "Ended", DOUBLE, CLOCK, 12, ended),
    FIELD(ModelTask, "log_size", "log", INT64, BYTES, 8, log_size),
    {"id", "Id", STORE_NONE, MEANS_ID, 0, 24, NULL, NULL},
    END};

static const ModelField event_fields[] = {
    FIELD(ModelEvent, "time", "Time", DOUBLE, CLOCK, 12, time),
    FIELD(ModelEvent, "severity", "Severity", STRING, TEXT, 8, severity),
    WORD("node", "Node", 8, node_of),
    FIELD(ModelEvent, "object", "About", STRING, TEXT, 10, object),
    FIELD(ModelEvent, "text", "What happened", STRING, TEXT, 40, text),
    FIELD(ModelEvent, "who", "By", STRING, TEXT, 10, who),
    {"id", "Id", STORE_NONE, MEANS_ID, 0, 20, NULL, NULL},
    END};

static const ModelField alarm_fields[] = {
    FIELD(ModelAlarm, "since", "for", INT64, SINCE, 5, since),
    FIELD(ModelAlarm, "severity", "Severity", STRING, TEXT, 8, severity),
    WORD("node", "Node", 8, node_of),
    FIELD(ModelAlarm, "object", "About", STRING, TEXT, 12, object),
    FIELD(ModelAlarm, "text", "What is wrong", STRING, TEXT, 50, text),
    {"id", "Id", STORE_NONE, MEANS_ID, 0, 20, NULL, NULL},
    END};

static const struct {
    const ModelField *fields;
    size_t size;
} kinds[OBJECT_KIND_COUNT] = {
    [OBJECT_NODE] = {node_fields, sizeof(ModelNode)},
    [OBJECT_GUEST] = {guest_fields, sizeof(ModelGuest)},
    [OBJECT_STORAGE] = {storage_fields, sizeof(ModelStorage)},
    [OBJECT_LINK] = {link_fields, sizeof(ModelLink)},
    [OBJECT_TASK] = {task_fields, sizeof(ModelTask)},
    [OBJECT_EVENT] = {event_fields, sizeof(ModelEvent)},
    [OBJECT_ALARM] = {alarm_fields, sizeof(ModelAlarm)},
    [OBJECT_LOST_GUEST] = {guest_fields, sizeof(ModelGuest)},
};

const ModelField *model_fields(ObjectKind kind)
{
    return kinds[kind].fields;
}

size_t model_object_size(ObjectKind kind)
{
    return kinds[kind].size;
}

int model_field_find(ObjectKind kind, const char *name)
{
    for (int i = 0; kinds[kind].fields[i].name; i++)
        if (strcmp(kinds[kind].fields[i].name, name) == 0)
            return i;
    return -1;
}

bool model_field_is_number(const ModelField *field)
{
    return field->meaning != MEANS_TEXT && field->meaning != MEANS_ID &&
           field->meaning != MEANS_STATE && field->meaning != MEANS_CLOCK;
}

/* Where a field stands in its struct; fields that the model sets (STORE_NONE
 * with an offset) are read by their meaning. */
#define MEMBER(object, field, type)                                                            \
    (*(const type *)(const void *)((const char *)(object) + (field)->offset))

static double whole(gint64 value)
{
    return value < 0 ? NAN : (double)value;
}

double model_field_number(const Model *model, const ModelField *field,
                          const ModelObject *object)
{
    if (field->number)
        return field->number(model, object);
    switch (field->storage) {
    case STORE_FLOAT:
    case STORE_FIRST:
        return MEMBER(object, field, float);
    case STORE_DOUBLE:
        return MEMBER(object, field, double);
    case STORE_INT32:
        return whole(MEMBER(object, field, gint32));
    case STORE_INT64:
        return whole(MEMBER(object, field, gint64));
    case STORE_FLAG:
        return whole(MEMBER(object, field, gint8));
    case STORE_NONE:
        return field->meaning == MEANS_COUNT ? whole(MEMBER(object, field, gint32)) : NAN;
    default:
        return NAN;
    }
}

const char *model_object_id(const ModelObject *object)
{
    static char id[24];
    if (object->kind != OBJECT_GUEST)
        return object->id ? object->id : "";
    /* By hand: filters ask this for every guest at each key. */
    char *at = id + sizeof id - 1;
    guint32 number = object->number;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    *--at = '/';
    at -= 2;
    return memcpy(at, guest_kind_name((GuestKind)((const ModelGuest *)object)->kind), 2);
}

const char *model_object_name(const Model *model, const ModelObject *object)
{
    const char *name = NULL;
    if (object->kind == OBJECT_GUEST)
        name = ((const ModelGuest *)object)->name;
    else if (object->kind == OBJECT_NODE)
        name = ((const ModelNode *)object)->name;
    return name ? name : model_object_id(object);
}

const char *model_field_text(const Model *model, const ModelField *field,
                             const ModelObject *object)
{
    if (field->text)
        return field->text(model, object);
    if (field->meaning == MEANS_ID)
        return model_object_id(object);
    if (field->meaning == MEANS_STATE)
        return guest_state_name((GuestState)MEMBER(object, field, guint8));
    if (field->meaning != MEANS_TEXT)
        return "";
    const char *text = MEMBER(object, field, char *);
    return text ? text : "";
}

bool model_field_known(const Model *model, const ModelField *field, const ModelObject *object)
{
    if (model_field_is_number(field) || field->meaning == MEANS_CLOCK)
        return !isnan(model_field_number(model, field, object));
    return *model_field_text(model, field, object) != '\0';
}

void model_field_format(const Model *model, const ModelField *field, const ModelObject *object,
                        char *buffer, size_t size)
{
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    double number = NAN;
    if (model_field_is_number(field) || field->meaning == MEANS_CLOCK)
        number = model_field_number(model, field, object);
    switch (field->meaning) {
    case MEANS_TEXT:
    case MEANS_ID:
    case MEANS_STATE: {
        const char *text = model_field_text(model, field, object);
        g_strlcpy(buffer, *text ? text : "-", size);
        break;
    }
    case MEANS_COUNT:
        if (isnan(number))
            g_strlcpy(buffer, "-", size);
        else
            g_snprintf(buffer, size, "%.0f", number);
        break;
    case MEANS_NUMBER:
        units_number(number, buffer, size);
        break;
    case MEANS_PERCENT:
        units_percent(number, buffer, size);
        break;
    case MEANS_BYTES:
        units_bytes(number, buffer, size);
        break;
    case MEANS_RATE:
        units_rate(number, buffer, size);
        break;
    case MEANS_SINCE:
        units_duration(isnan(number) ? NAN : MAX(now - number, 0), buffer, size);
        break;
    case MEANS_CLOCK:
        units_when(number, now, buffer, size);
        break;
    case MEANS_YES:
        g_strlcpy(buffer, isnan(number) ? "-" : number > 0 ? "yes" : "no", size);
        break;
    }
}
