#include "backend/guest/kvm_describe.h"
#include "backend/guest/kvm.h"
#include "backend/guest/kvm_xml.h"

#include "backend/wire/message.h"

#include <libxml/parser.h>
#include <string.h>

enum {
    AGENT_PATIENCE = 2 * G_USEC_PER_SEC,
    SNAPSHOTS_MAX = 1000,
};

char *kvm_definition(const GuestSettings *settings, const char *native, gboolean saved,
                     GError **error)
{
    g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
    if (!connection)
        return NULL;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, error);
    if (!domain)
        return NULL;
    char *text = virDomainGetXMLDesc(domain, saved ? VIR_DOMAIN_XML_INACTIVE : 0);
    if (!text) {
        kvm_domain_error_set(error, domain, "the definition of ", "can't be read");
        return NULL;
    }
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

/* The numbers of virDomainGetBlockInfo; a disk without medium has none. */
static void add_sizes(virDomainPtr domain, json_t *disks)
{
    size_t index;
    json_t *disk;
    json_array_foreach(disks, index, disk)
    {
        virDomainBlockInfo info;
        const char *target = wire_get_string(disk, "target", NULL);
        if (!target || !json_object_get(disk, "source") ||
            virDomainGetBlockInfo(domain, target, &info, 0) < 0)
            continue;
        json_object_set_new(disk, "capacity", json_integer((json_int_t)info.capacity));
        json_object_set_new(disk, "allocation", json_integer((json_int_t)info.allocation));
        json_object_set_new(disk, "physical", json_integer((json_int_t)info.physical));
    }
}

static void add_balloon(virDomainPtr domain, json_t *balloon)
{
    static const struct {
        int tag;
        const char *key;
        guint64 factor;
    } tags[] = {
        {VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, "actual", 1024},
        {VIR_DOMAIN_MEMORY_STAT_AVAILABLE, "available", 1024},
        {VIR_DOMAIN_MEMORY_STAT_UNUSED, "unused", 1024},
        {VIR_DOMAIN_MEMORY_STAT_USABLE, "usable", 1024},
        {VIR_DOMAIN_MEMORY_STAT_RSS, "rss", 1024},
        {VIR_DOMAIN_MEMORY_STAT_SWAP_IN, "swap_in", 1024},
        {VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, "swap_out", 1024},
        {VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, "disk_caches", 1024},
        {VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, "updated", 1},
    };
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int count = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    for (int i = 0; i < count; i++)
        for (size_t t = 0; t < G_N_ELEMENTS(tags); t++)
            if (stats[i].tag == tags[t].tag && stats[i].val <= G_MAXINT64 / 1024)
                json_object_set_new(balloon, tags[t].key,
                                    json_integer((json_int_t)(stats[i].val * tags[t].factor)));
    unsigned long maximum = virDomainGetMaxMemory(domain);
    if (maximum)
        json_object_set_new(balloon, "maximum", json_integer((json_int_t)maximum * 1024));
}

static void add_addresses(virDomainPtr domain, gboolean agent, json_t *nics)
{
    size_t index;
    json_t *nic;
    g_autoptr(json_t) all = kvm_addresses_read(domain, agent, AGENT_PATIENCE);
    json_array_foreach(nics, index, nic)
    {
        const json_t *known = json_object_get(all, wire_get_string(nic, "mac", ""));
        if (!known)
            continue;
        json_object_set(nic, "addresses", json_object_get(known, "addresses"));
        json_object_set(nic, "from", json_object_get(known, "from"));
    }
}

static void copy_text(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(object, key, wire_string(text));
}

static json_t *snapshot_of(virDomainSnapshotPtr snapshot)
{
    json_t *object = json_object();
    copy_text(object, "name", virDomainSnapshotGetName(snapshot));
    json_object_set_new(object, "current",
                        json_boolean(virDomainSnapshotIsCurrent(snapshot, 0) == 1));
    char *text = virDomainSnapshotGetXMLDesc(snapshot, 0);
    xmlDoc *xml = text && strlen(text) <= KVM_XML_MAX
                      ? xmlReadMemory(text, (int)strlen(text), NULL, NULL,
                                      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
                      : NULL;
    free(text);
    if (!xml)
        return object;
    const xmlNode *root = kvm_xml_root(xml);
    guint64 created;
    copy_text(object, "description", kvm_xml_text(kvm_xml_child(root, "description")));
    copy_text(object, "state", kvm_xml_text(kvm_xml_child(root, "state")));
    copy_text(object, "parent",
              kvm_xml_text(kvm_xml_child(kvm_xml_child(root, "parent"), "name")));
    if (kvm_xml_number(kvm_xml_text(kvm_xml_child(root, "creationTime")), &created) &&
        created <= G_MAXINT64)
        json_object_set_new(object, "created", json_integer((json_int_t)created));
    xmlFreeDoc(xml);
    return object;
}

json_t *kvm_snapshots_read(virDomainPtr domain)
{
    virDomainSnapshotPtr *snapshots = NULL;
    json_t *list = json_array();
    int count = virDomainListAllSnapshots(domain, &snapshots, 0);
    for (int i = 0; i < count; i++) {
        if (i < SNAPSHOTS_MAX)
            json_array_append_new(list, snapshot_of(snapshots[i]));
        (void)virDomainSnapshotFree(snapshots[i]);
    }
    free(snapshots);
    return list;
}

static void add_summary(json_t *object, const GuestSummary *summary)
{
    json_object_set_new(object, "name", wire_string(summary->name));
    json_object_set_new(object, "native", json_string(summary->native));
    json_object_set_new(object, "state", json_string(guest_state_name(summary->state)));
    copy_text(object, "reason", summary->reason);
    json_object_set_new(object, "persistent", json_boolean(summary->persistent));
    json_object_set_new(object, "autostart", json_boolean(summary->autostart));
    json_object_set_new(object, "pending", json_boolean(summary->pending));
    json_object_set_new(object, "agent", json_boolean(summary->agent));
    if (summary->started) {
        gint64 uptime = g_get_real_time() / G_USEC_PER_SEC - summary->started;
        json_object_set_new(object, "started", json_integer(summary->started));
        json_object_set_new(object, "uptime", json_integer(MAX(uptime, 0)));
    }
}

json_t *kvm_describe(const GuestSettings *settings, const char *native, GError **error)
{
    g_autoptr(KvmConnection) connection = kvm_connect(settings->libvirt_uri, error);
    if (!connection)
        return NULL;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, error);
    if (!domain)
        return NULL;
    g_autoptr(GuestSummary) summary = kvm_summary_read(domain, error);
    if (!summary)
        return NULL;
    g_autoptr(KvmXml) xml = kvm_domain_xml(domain, 0, error);
    if (!xml)
        return NULL;
    gboolean active = virDomainIsActive(domain) == 1;
    json_t *object = kvm_xml_hardware(xml);
    add_summary(object, summary);
    json_object_set_new(object, "managed_save",
                        json_boolean(virDomainHasManagedSaveImage(domain, 0) == 1));
    add_sizes(domain, json_object_get(object, "disks"));
    if (active) {
        add_balloon(domain, json_object_get(object, "balloon"));
        add_addresses(domain, summary->agent, json_object_get(object, "nics"));
    }
    json_object_set_new(object, "snapshots", kvm_snapshots_read(domain));
    return object;
}
