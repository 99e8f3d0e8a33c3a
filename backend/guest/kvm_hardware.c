/* A domain's XML as the hardware part of kvm_describe(). */
#include "backend/guest/kvm_describe.h"
#include "backend/guest/kvm_xml.h"

#include "backend/wire/message.h"

#include <string.h>

static void put_string(json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(object, key, wire_string(text));
}

static void put_number(json_t *object, const char *key, const char *text)
{
    guint64 value;
    if (kvm_xml_number(text, &value) && value <= G_MAXINT64)
        json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_bytes(json_t *object, const char *key, const xmlNode *node)
{
    guint64 value;
    if (kvm_xml_bytes(node, &value) && value <= G_MAXINT64)
        json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void put_boolean(json_t *object, const char *key, gboolean value)
{
    json_object_set_new(object, key, json_boolean(value));
}

/* Where a disk, a backing file or a serial port is, whatever names it. */
static const char *source_name(const xmlNode *source)
{
    static const char *const names[] = {"file",    "dev",    "dir",    "name", "path",
                                        "network", "bridge", "volume", "mount"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = kvm_xml_attribute(source, names[i]);
        if (value)
            return value;
    }
    return NULL;
}

static json_t *backing_of(const xmlNode *disk)
{
    json_t *chain = json_array();
    const xmlNode *below = kvm_xml_child(disk, "backingStore");
    for (; below; below = kvm_xml_child(below, "backingStore")) {
        json_t *link = json_object();
        put_string(link, "source", source_name(kvm_xml_child(below, "source")));
        put_string(link, "format", kvm_xml_attribute(kvm_xml_child(below, "format"), "type"));
        if (json_object_size(link))
            json_array_append_new(chain, link);
        else
            json_decref(link); /* the empty element that ends a chain */
    }
    return chain;
}

static json_t *disk_of(const xmlNode *node)
{
    json_t *disk = json_object();
    const xmlNode *target = kvm_xml_child(node, "target"),
                  *driver = kvm_xml_child(node, "driver");
    const char *device = kvm_xml_attribute(node, "device");
    put_string(disk, "target", kvm_xml_attribute(target, "dev"));
    put_string(disk, "bus", kvm_xml_attribute(target, "bus"));
    put_string(disk, "device", device ? device : "disk");
    put_string(disk, "type", kvm_xml_attribute(node, "type"));
    put_string(disk, "format", kvm_xml_attribute(driver, "type"));
    put_string(disk, "cache", kvm_xml_attribute(driver, "cache"));
    put_string(disk, "io", kvm_xml_attribute(driver, "io"));
    put_string(disk, "discard", kvm_xml_attribute(driver, "discard"));
    put_string(disk, "source", source_name(kvm_xml_child(node, "source")));
    put_string(disk, "serial", kvm_xml_text(kvm_xml_child(node, "serial")));
    put_number(disk, "boot", kvm_xml_attribute(kvm_xml_child(node, "boot"), "order"));
    put_boolean(disk, "readonly", kvm_xml_child(node, "readonly") != NULL);
    put_boolean(disk, "shareable", kvm_xml_child(node, "shareable") != NULL);
    json_object_set_new(disk, "backing", backing_of(node));
    return disk;
}

static json_t *nic_of(const xmlNode *node)
{
    json_t *nic = json_object();
    g_autofree char *mac = NULL;
    const char *address = kvm_xml_attribute(kvm_xml_child(node, "mac"), "address");
    if (address)
        mac = g_ascii_strdown(address, -1);
    put_string(nic, "type", kvm_xml_attribute(node, "type"));
    put_string(nic, "mac", mac);
    put_string(nic, "model", kvm_xml_attribute(kvm_xml_child(node, "model"), "type"));
    put_string(nic, "source", source_name(kvm_xml_child(node, "source")));
    put_string(nic, "target", kvm_xml_attribute(kvm_xml_child(node, "target"), "dev"));
    put_string(nic, "link", kvm_xml_attribute(kvm_xml_child(node, "link"), "state"));
    put_number(nic, "boot", kvm_xml_attribute(kvm_xml_child(node, "boot"), "order"));
    json_object_set_new(nic, "addresses", json_array());
    return nic;
}

static json_t *graphics_of(const xmlNode *node)
{
    json_t *graphics = json_object();
    put_string(graphics, "type", kvm_xml_attribute(node, "type"));
    put_string(graphics, "listen", kvm_xml_attribute(node, "listen"));
    put_string(graphics, "socket", kvm_xml_attribute(node, "socket"));
    put_number(graphics, "port", kvm_xml_attribute(node, "port"));
    put_number(graphics, "tls_port", kvm_xml_attribute(node, "tlsPort"));
    put_number(graphics, "websocket", kvm_xml_attribute(node, "websocket"));
    return graphics;
}

static json_t *video_of(const xmlNode *node)
{
    json_t *video = json_object();
    put_string(video, "model", kvm_xml_attribute(kvm_xml_child(node, "model"), "type"));
    return video;
}

static json_t *serial_of(const xmlNode *node)
{
    json_t *serial = json_object();
    put_string(serial, "type", kvm_xml_attribute(node, "type"));
    put_string(serial, "target", kvm_xml_attribute(kvm_xml_child(node, "target"), "type"));
    put_number(serial, "port", kvm_xml_attribute(kvm_xml_child(node, "target"), "port"));
    put_string(serial, "path", kvm_xml_attribute(kvm_xml_child(node, "source"), "path"));
    put_string(serial, "log", kvm_xml_attribute(kvm_xml_child(node, "log"), "file"));
    return serial;
}

static json_t *channel_of(const xmlNode *node)
{
    json_t *channel = json_object();
    const xmlNode *target = kvm_xml_child(node, "target");
    put_string(channel, "type", kvm_xml_attribute(node, "type"));
    put_string(channel, "name", kvm_xml_attribute(target, "name"));
    put_string(channel, "state", kvm_xml_attribute(target, "state"));
    return channel;
}

/* The address of a PCI or USB device of the host in the usual form. */
static char *host_address(const xmlNode *source)
{
    const xmlNode *address = kvm_xml_child(source, "address");
    const xmlNode *vendor = kvm_xml_child(source, "vendor");
    const char *parts[4] = {
        kvm_xml_attribute(address, "domain"), kvm_xml_attribute(address, "bus"),
        kvm_xml_attribute(address, "slot"), kvm_xml_attribute(address, "function")};
    if (parts[0] && parts[1] && parts[2] && parts[3]) {
        guint64 n[4];
        for (int i = 0; i < 4; i++)
            n[i] = g_ascii_strtoull(parts[i], NULL, 0);
        return g_strdup_printf("%04x:%02x:%02x.%x", (guint)n[0], (guint)n[1], (guint)n[2],
                               (guint)n[3]);
    }
    if (vendor)
        return g_strdup_printf("%s:%s", kvm_xml_attribute(vendor, "id"),
                               kvm_xml_attribute(kvm_xml_child(source, "product"), "id"));
    if (kvm_xml_attribute(address, "uuid"))
        return g_strdup(kvm_xml_attribute(address, "uuid"));
    return NULL;
}

static json_t *hostdev_of(const xmlNode *node)
{
    json_t *hostdev = json_object();
    g_autofree char *address = host_address(kvm_xml_child(node, "source"));
    put_string(hostdev, "type", kvm_xml_attribute(node, "type"));
    put_string(hostdev, "source", address);
    put_boolean(hostdev, "managed", g_strcmp0(kvm_xml_attribute(node, "managed"), "yes") == 0);
    return hostdev;
}

static json_t *filesystem_of(const xmlNode *node)
{
    json_t *filesystem = json_object();
    put_string(filesystem, "source", source_name(kvm_xml_child(node, "source")));
    put_string(filesystem, "target", kvm_xml_attribute(kvm_xml_child(node, "target"), "dir"));
    put_string(filesystem, "driver", kvm_xml_attribute(kvm_xml_child(node, "driver"), "type"));
    return filesystem;
}

static void put_list(json_t *object, const char *key, const xmlNode *first,
                     json_t *(*convert)(const xmlNode *))
{
    json_t *list = json_array();
    for (; first; first = kvm_xml_next(first))
        json_array_append_new(list, convert(first));
    json_object_set_new(object, key, list);
}

static void put_processors(json_t *object, const xmlNode *root)
{
    const xmlNode *vcpu = kvm_xml_child(root, "vcpu"), *cpu = kvm_xml_child(root, "cpu");
    const xmlNode *topology = kvm_xml_child(cpu, "topology");
    const char *current = kvm_xml_attribute(vcpu, "current");
    put_number(object, "vcpus_max", kvm_xml_text(vcpu));
    put_number(object, "vcpus", current ? current : kvm_xml_text(vcpu));
    put_string(object, "cpu_mode", kvm_xml_attribute(cpu, "mode"));
    put_string(object, "cpu_model", kvm_xml_text(kvm_xml_child(cpu, "model")));
    if (topology) {
        static const char *const keys[] = {"sockets", "dies", "cores", "threads"};
        json_t *shape = json_object();
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
            put_number(shape, keys[i], kvm_xml_attribute(topology, keys[i]));
        json_object_set_new(object, "topology", shape);
    }
}

static void put_firmware(json_t *object, const xmlNode *root)
{
    const xmlNode *os = kvm_xml_child(root, "os"), *type = kvm_xml_child(os, "type");
    const xmlNode *loader = kvm_xml_child(os, "loader");
    const char *firmware = kvm_xml_attribute(os, "firmware");
    const char *loader_type = kvm_xml_attribute(loader, "type");
    gboolean efi = g_strcmp0(firmware, "efi") == 0 || g_strcmp0(loader_type, "pflash") == 0;
    put_string(object, "arch", kvm_xml_attribute(type, "arch"));
    put_string(object, "machine", kvm_xml_attribute(type, "machine"));
    put_string(object, "firmware", efi ? "efi" : "bios");
    put_string(object, "loader", kvm_xml_text(loader));
    put_string(object, "nvram", kvm_xml_text(kvm_xml_child(os, "nvram")));
    if (efi)
        put_boolean(object, "secure_boot",
                    g_strcmp0(kvm_xml_attribute(loader, "secure"), "yes") == 0);
    json_t *boot = json_array();
    for (const xmlNode *n = kvm_xml_child(os, "boot"); n; n = kvm_xml_next(n)) {
        const char *device = kvm_xml_attribute(n, "dev");
        if (device)
            json_array_append_new(boot, wire_string(device));
    }
    json_object_set_new(object, "boot", boot);
}

static void put_tpm(json_t *object, const xmlNode *tpm)
{
    if (!tpm)
        return;
    json_t *chip = json_object();
    put_string(chip, "model", kvm_xml_attribute(tpm, "model"));
    put_string(chip, "backend", kvm_xml_attribute(kvm_xml_child(tpm, "backend"), "type"));
    json_object_set_new(object, "tpm", chip);
}

json_t *kvm_xml_hardware(const KvmXml *xml)
{
    json_t *object = json_object();
    const xmlNode *root = kvm_xml_root(xml), *devices = kvm_xml_child(root, "devices");
    put_string(object, "type", kvm_xml_attribute(root, "type"));
    put_string(object, "title", kvm_xml_text(kvm_xml_child(root, "title")));
    put_string(object, "description", kvm_xml_text(kvm_xml_child(root, "description")));
    put_bytes(object, "memory_max", kvm_xml_child(root, "memory"));
    put_bytes(object, "memory", kvm_xml_child(root, "currentMemory"));
    put_processors(object, root);
    put_firmware(object, root);
    put_string(object, "emulator", kvm_xml_text(kvm_xml_child(devices, "emulator")));
    json_t *balloon = json_object();
    put_string(balloon, "model",
               kvm_xml_attribute(kvm_xml_child(devices, "memballoon"), "model"));
    json_object_set_new(object, "balloon", balloon);
    put_list(object, "disks", kvm_xml_child(devices, "disk"), disk_of);
    put_list(object, "nics", kvm_xml_child(devices, "interface"), nic_of);
    put_list(object, "graphics", kvm_xml_child(devices, "graphics"), graphics_of);
    put_list(object, "videos", kvm_xml_child(devices, "video"), video_of);
    put_list(object, "serials", kvm_xml_child(devices, "serial"), serial_of);
    put_list(object, "channels", kvm_xml_child(devices, "channel"), channel_of);
    put_list(object, "hostdevs", kvm_xml_child(devices, "hostdev"), hostdev_of);
    put_list(object, "filesystems", kvm_xml_child(devices, "filesystem"), filesystem_of);
    put_tpm(object, kvm_xml_child(devices, "tpm"));
    return object;
}
