#include "backend/guest/kvm_xml.h"

#include "backend/wire/error.h"

#include <libxml/parser.h>
#include <string.h>

KvmXml *kvm_xml_parse(const char *text, size_t length, GError **error)
{
    if (length > KVM_XML_MAX) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "the domain's XML is over %u MiB",
                       KVM_XML_MAX >> 20);
        return NULL;
    }
    xmlDoc *xml = xmlReadMemory(text, (int)length, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                    XML_PARSE_NOBLANKS | XML_PARSE_NOCDATA | XML_PARSE_COMPACT);
    const xmlNode *root = xml ? xmlDocGetRootElement(xml) : NULL;
    if (!root || xml->intSubset || xml->extSubset ||
        strcmp((const char *)root->name, "domain") != 0) {
        wire_error_set(error, WIRE_ERROR_PARSE, "not the XML of a libvirt domain");
        xmlFreeDoc(xml);
        return NULL;
    }
    return xml;
}

void kvm_xml_free(KvmXml *xml)
{
    if (xml)
        xmlFreeDoc(xml);
}

const xmlNode *kvm_xml_root(const KvmXml *xml)
{
    for (const xmlNode *node = xml->children; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE)
            return node;
    return NULL;
}

static const xmlNode *named(const xmlNode *node, const char *name)
{
    for (; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
            return node;
    return NULL;
}

const xmlNode *kvm_xml_child(const xmlNode *node, const char *name)
{
    return node ? named(node->children, name) : NULL;
}

const xmlNode *kvm_xml_next(const xmlNode *node)
{
    return node ? named(node->next, (const char *)node->name) : NULL;
}

/* Entities are never expanded, so what is wanted is one text node or nothing. */
static const char *only_text(const xmlNode *child)
{
    if (!child || child->type != XML_TEXT_NODE || child->next)
        return NULL;
    return (const char *)child->content;
}

const char *kvm_xml_attribute(const xmlNode *node, const char *name)
{
    for (const xmlAttr *attribute = node ? node->properties : NULL; attribute;
         attribute = attribute->next)
        if (strcmp((const char *)attribute->name, name) == 0)
            return only_text(attribute->children);
    return NULL;
}

const char *kvm_xml_text(const xmlNode *node)
{
    return node ? only_text(node->children) : NULL;
}

gboolean kvm_xml_number(const char *text, guint64 *out)
{
    return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, out, NULL);
}

gboolean kvm_xml_bytes(const xmlNode *node, guint64 *out)
{
    static const struct {
        const char *unit;
        guint64 bytes;
    } units[] = {
        {"b", 1},          {"bytes", 1},        {"KB", 1000},
        {"k", 1u << 10},   {"KiB", 1u << 10},   {"MB", 1000000},
        {"M", 1u << 20},   {"MiB", 1u << 20},   {"GB", 1000000000},
        {"G", 1u << 30},   {"GiB", 1u << 30},   {"TB", G_GUINT64_CONSTANT(1000000000000)},
        {"T", 1ull << 40}, {"TiB", 1ull << 40},
    };
    guint64 value, factor = 1u << 10;
    if (!kvm_xml_number(kvm_xml_text(node), &value))
        return FALSE;
    const char *unit = kvm_xml_attribute(node, "unit");
    for (size_t i = 0; unit && i < G_N_ELEMENTS(units); i++)
        if (strcmp(units[i].unit, unit) == 0)
            factor = units[i].bytes;
    return g_uint64_checked_mul(out, value, factor);
}

static gboolean agent_connected(const xmlNode *devices)
{
    const xmlNode *channel = kvm_xml_child(devices, "channel");
    for (; channel; channel = kvm_xml_next(channel)) {
        const xmlNode *target = kvm_xml_child(channel, "target");
        if (g_strcmp0(kvm_xml_attribute(target, "name"), "org.qemu.guest_agent.0") == 0)
            return g_strcmp0(kvm_xml_attribute(target, "state"), "connected") == 0;
    }
    return FALSE;
}

KvmXmlBrief kvm_xml_brief(const KvmXml *xml)
{
    KvmXmlBrief brief = {0};
    const xmlNode *root = kvm_xml_root(xml);
    const xmlNode *vcpu = kvm_xml_child(root, "vcpu");
    guint64 count;
    if ((kvm_xml_number(kvm_xml_attribute(vcpu, "current"), &count) ||
         kvm_xml_number(kvm_xml_text(vcpu), &count)) &&
        count <= G_MAXUINT16)
        brief.vcpus = (int)count;
    (void)kvm_xml_bytes(kvm_xml_child(root, "memory"), &brief.memory_max);
    brief.agent = agent_connected(kvm_xml_child(root, "devices"));
    return brief;
}

static void disk_free(gpointer pointer)
{
    KvmXmlDisk *disk = pointer;
    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->type);
    g_free(disk->format);
    g_free(disk->path);
    g_free(disk->pool);
    g_free(disk->volume);
    g_ptr_array_unref(disk->backing);
    g_free(disk);
}

static const char *source_path(const xmlNode *source)
{
    const char *path = kvm_xml_attribute(source, "file");
    if (!path)
        path = kvm_xml_attribute(source, "dev");
    return path ? path : kvm_xml_attribute(source, "dir");
}

static KvmXmlDisk *disk_read(const xmlNode *node)
{
    KvmXmlDisk *disk = g_new0(KvmXmlDisk, 1);
    const xmlNode *source = kvm_xml_child(node, "source");
    const char *device = kvm_xml_attribute(node, "device");
    disk->target = g_strdup(kvm_xml_attribute(kvm_xml_child(node, "target"), "dev"));
    disk->device = g_strdup(device ? device : "disk");
    disk->type = g_strdup(kvm_xml_attribute(node, "type"));
    disk->format = g_strdup(kvm_xml_attribute(kvm_xml_child(node, "driver"), "type"));
    disk->path = g_strdup(source_path(source));
    disk->pool = g_strdup(kvm_xml_attribute(source, "pool"));
    disk->volume = g_strdup(kvm_xml_attribute(source, "volume"));
    disk->readonly = kvm_xml_child(node, "readonly") != NULL;
    disk->shareable = kvm_xml_child(node, "shareable") != NULL;
    disk->backing = g_ptr_array_new_with_free_func(g_free);
    const xmlNode *below = kvm_xml_child(node, "backingStore");
    for (; below; below = kvm_xml_child(below, "backingStore")) {
        const char *path = source_path(kvm_xml_child(below, "source"));
        if (path)
            g_ptr_array_add(disk->backing, g_strdup(path));
    }
    return disk;
}

GPtrArray *kvm_xml_disks(const KvmXml *xml)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func(disk_free);
    const xmlNode *node = kvm_xml_child(kvm_xml_child(kvm_xml_root(xml), "devices"), "disk");
    for (; node; node = kvm_xml_next(node))
        g_ptr_array_add(disks, disk_read(node));
    return disks;
}
