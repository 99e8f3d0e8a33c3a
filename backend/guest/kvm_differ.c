/* Whether two definitions of one domain say the same.
 *
 * Each is flattened into sorted lines "path=value", where a device is named by
 * what identifies it (a disk's target, a NIC's MAC address, a controller's index,
 * else its place among its kind), so that the order of devices does not count. What libvirt
 * fills in while a domain runs gives no line.
 */
#include "backend/guest/kvm_xml.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

/* Elements that say nothing of what somebody wanted. */
static gboolean skip_element(const char *parent, const char *name)
{
    static const char *const always[] = {
        "alias",         "seclabel", "backingStore", "mirror",  "resource",
        "currentMemory", "metadata", "privateData",  "address", "actual",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(always); i++)
        if (strcmp(always[i], name) == 0)
            return TRUE;
    /* The CPU is expanded when a domain starts, see kvm_xml_cpu_differs(); the
     * listen element of graphics repeats the attribute of the same name. */
    return (strcmp(parent, "cpu") == 0 &&
            (strcmp(name, "model") == 0 || strcmp(name, "feature") == 0 ||
             strcmp(name, "vendor") == 0 || strcmp(name, "maxphysaddr") == 0 ||
             strcmp(name, "cache") == 0)) ||
           (strcmp(parent, "graphics") == 0 && strcmp(name, "listen") == 0);
}

static gboolean skip_attribute(const char *parent, const char *element, const char *name)
{
    static const struct {
        const char *parent, *element, *name; /* NULL: any */
    } live[] = {
        {NULL, "domain", "id"},
        {NULL, "cpu", NULL},
        {NULL, "source", "index"},
        {"interface", "target", "dev"},
        {"interface", "source", "portid"},
        {"interface", "source", "bridge"},
        {NULL, "target", "state"},
        {NULL, "console", "tty"},
        {"serial", "source", "path"},
        {"console", "source", "path"},
        {"channel", "source", "path"},
        {"channel", "source", "mode"},
        {"parallel", "source", "path"},
        {"rng", "source", "path"},
        {"tpm", "backend", "version"},
        {"disk", "target", "tray"},
        {"video", "model", "ram"},
        {"video", "model", "vram"},
        {"video", "model", "vram64"},
        {"video", "model", "vgamem"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(live); i++)
        if ((!live[i].parent || strcmp(live[i].parent, parent) == 0) &&
            strcmp(live[i].element, element) == 0 &&
            (!live[i].name || strcmp(live[i].name, name) == 0))
            return TRUE;
    return FALSE;
}

/* A drive whose medium was taken out keeps a source without a name. */
static gboolean has_medium(const xmlNode *disk)
{
    const xmlNode *source = kvm_xml_child(disk, "source");
    for (const xmlAttr *attribute = source ? source->properties : NULL; attribute;
         attribute = attribute->next)
        if (!xmlStrEqual(attribute->name, (const xmlChar *)"index"))
            return TRUE;
    return FALSE;
}

/* Ports that libvirt chose, and the format of a drive without medium, which QEMU
 * is not told. */
static gboolean is_made_up(const xmlNode *node, const char *attribute)
{
    const char *name = (const char *)node->name;
    if (strcmp(name, "graphics") == 0)
        return (strcmp(attribute, "port") == 0 || strcmp(attribute, "tlsPort") == 0 ||
                strcmp(attribute, "websocket") == 0) &&
               g_strcmp0(kvm_xml_attribute(node, "autoport"), "yes") == 0;
    return node->parent && strcmp(name, "driver") == 0 && strcmp(attribute, "type") == 0 &&
           xmlStrEqual(node->parent->name, (const xmlChar *)"disk") &&
           !has_medium(node->parent);
}

/* A bridge is what a NIC of type bridge was given, and what libvirt found out
 * for one of type network. */
static gboolean is_given_bridge(const xmlNode *node, const char *attribute)
{
    return strcmp(attribute, "bridge") == 0 && node->parent &&
           g_strcmp0(kvm_xml_attribute(node->parent, "type"), "bridge") == 0;
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

/* What tells this element from its siblings of the same name. */
static char *identity(const xmlNode *node)
{
    const char *key = NULL;
    if (strcmp((const char *)node->name, "disk") == 0)
        key = kvm_xml_attribute(kvm_xml_child(node, "target"), "dev");
    else if (strcmp((const char *)node->name, "interface") == 0)
        key = kvm_xml_attribute(kvm_xml_child(node, "mac"), "address");
    else if (strcmp((const char *)node->name, "controller") == 0)
        return g_strdup_printf("%s %s", text_or_empty(kvm_xml_attribute(node, "type")),
                               text_or_empty(kvm_xml_attribute(node, "index")));
    if (key)
        return g_strdup(key);
    int place = 0;
    for (const xmlNode *before = node->prev; before; before = before->prev)
        place += before->type == XML_ELEMENT_NODE && xmlStrEqual(before->name, node->name);
    return g_strdup_printf("%d", place);
}

static void flatten(const xmlNode *node, const char *above, int depth, GPtrArray *lines)
{
    const char *name = (const char *)node->name;
    const char *parent = node->parent && node->parent->type == XML_ELEMENT_NODE
                             ? (const char *)node->parent->name
                             : "";
    if (depth > DEPTH_MAX || skip_element(parent, name))
        return;
    g_autofree char *which = identity(node);
    g_autofree char *path = g_strdup_printf("%s/%s[%s]", above, name, which);
    guint before = lines->len;
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        const char *key = (const char *)attribute->name;
        const char *value = kvm_xml_attribute(node, key);
        if (is_given_bridge(node, key) ||
            (!skip_attribute(parent, name, key) && !is_made_up(node, key)))
            g_ptr_array_add(lines,
                            g_strdup_printf("%s@%s=%s", path, key, text_or_empty(value)));
    }
    const char *text = kvm_xml_text(node);
    if (text)
        g_ptr_array_add(lines, g_strdup_printf("%s=%s", path, text));
    for (const xmlNode *child = node->children; child; child = child->next)
        if (child->type == XML_ELEMENT_NODE)
            flatten(child, path, depth + 1, lines);
    /* <readonly/> says something by being there; what has only attributes that
     * are left out does not. */
    if (lines->len == before && !node->properties && !node->children)
        g_ptr_array_add(lines, g_strdup(path));
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *lines_of(const KvmXml *xml)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    flatten(kvm_xml_root(xml), "", 0, lines);
    g_ptr_array_sort(lines, compare_lines);
    return lines;
}

gboolean kvm_xml_differ(const KvmXml *live, const KvmXml *saved)
{
    g_autoptr(GPtrArray) a = lines_of(live);
    g_autoptr(GPtrArray) b = lines_of(saved);
    if (a->len != b->len)
        return TRUE;
    for (guint i = 0; i < a->len; i++)
        if (strcmp(a->pdata[i], b->pdata[i]) != 0)
            return TRUE;
    return FALSE;
}

/* ---- the CPU ---- */

static const char *policy_of(const xmlNode *feature)
{
    const char *policy = kvm_xml_attribute(feature, "policy");
    return policy ? policy : "require";
}

gboolean kvm_xml_cpu_is_exact(const KvmXml *saved)
{
    const xmlNode *cpu = kvm_xml_child(kvm_xml_root(saved), "cpu");
    const char *match = kvm_xml_attribute(cpu, "match");
    if (g_strcmp0(kvm_xml_attribute(cpu, "mode"), "custom") != 0 ||
        !kvm_xml_text(kvm_xml_child(cpu, "model")) || (match && strcmp(match, "exact") != 0))
        return FALSE;
    for (const xmlNode *feature = kvm_xml_child(cpu, "feature"); feature;
         feature = kvm_xml_next(feature))
        if (strcmp(policy_of(feature), "optional") == 0)
            return FALSE;
    return TRUE;
}

static const xmlNode *feature_named(const xmlNode *cpu, const char *name)
{
    const xmlNode *feature = kvm_xml_child(cpu, "feature");
    while (feature && g_strcmp0(kvm_xml_attribute(feature, "name"), name) != 0)
        feature = kvm_xml_next(feature);
    return feature;
}

gboolean kvm_xml_cpu_differs(const KvmXml *migratable, const KvmXml *saved)
{
    const xmlNode *then = kvm_xml_child(kvm_xml_root(migratable), "cpu");
    const xmlNode *now = kvm_xml_child(kvm_xml_root(saved), "cpu");
    if (g_strcmp0(kvm_xml_attribute(then, "mode"), "custom") != 0 ||
        g_strcmp0(kvm_xml_text(kvm_xml_child(then, "model")),
                  kvm_xml_text(kvm_xml_child(now, "model"))) != 0)
        return TRUE;
    for (const xmlNode *feature = kvm_xml_child(now, "feature"); feature;
         feature = kvm_xml_next(feature)) {
        const xmlNode *old = feature_named(then, kvm_xml_attribute(feature, "name"));
        if (!old || strcmp(policy_of(old), policy_of(feature)) != 0)
            return TRUE;
    }
    return FALSE;
}
