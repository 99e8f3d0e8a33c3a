/* guest/kvm_xml - reading libvirt's domain XML. Pure: text in, facts out.
 *
 * The text comes from libvirt's daemon, but parts of it were written by whoever
 * defined the domain, so it is read with care: at most KVM_XML_MAX bytes, no
 * document type (hence no entities but the five of XML), no network, nesting as
 * libxml2 limits it. Elements that are not known are skipped. Numbers that make
 * no sense count as absent.
 *
 * Format: https://libvirt.org/formatdomain.html
 */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <libxml/tree.h>

#define KVM_XML_MAX (4u << 20)

typedef xmlDoc KvmXml;

/* WIRE_ERROR_PARSE when it is not a domain's XML. */
KvmXml *kvm_xml_parse(const char *text, size_t length, GError **error);
void kvm_xml_free(KvmXml *xml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmXml, kvm_xml_free)

/* What a summary needs. */
typedef struct {
    int vcpus;          /* present ones; 0: not known */
    guint64 memory_max; /* bytes; 0: not known */
    gboolean agent;     /* the guest agent's channel is connected */
} KvmXmlBrief;

KvmXmlBrief kvm_xml_brief(const KvmXml *xml);

/* The hardware part of kvm_describe(): a new object, see kvm_describe.h. */
json_t *kvm_xml_hardware(const KvmXml *xml);

/* Whether the live and the saved definition of one domain differ in something
 * that somebody wrote, leaving out what libvirt fills in while a domain runs
 * (identifiers, aliases, labels, ports, paths it made up, video memory, the
 * expanded CPU), and currentMemory, which is the balloon's in the live one. */
gboolean kvm_xml_differ(const KvmXml *live, const KvmXml *saved);

/* The same for the CPU. A CPU given exactly (mode custom, no optional features) is
 * started as it stands; libvirt tells what it was started with in the live
 * definition with VIR_DOMAIN_XML_MIGRATABLE. Whether model or features of the saved
 * one differ from that; features that were taken out are not noticed, since libvirt
 * may add some itself. Other CPUs become what the host has when a domain starts, and
 * a change from one of them to another is not noticed. */
gboolean kvm_xml_cpu_is_exact(const KvmXml *saved);
gboolean kvm_xml_cpu_differs(const KvmXml *migratable, const KvmXml *saved);

/* A disk as far as deleting it is concerned. Strings may be NULL. */
typedef struct {
    char *target;        /* vda */
    char *device;        /* disk, cdrom, floppy, lun */
    char *type;          /* file, block, dir, network, volume, ... */
    char *format;        /* qcow2, raw */
    char *path;          /* of a file, block or dir */
    char *pool, *volume; /* of a volume */
    gboolean readonly, shareable;
    GPtrArray *backing; /* of char *: paths of the chain below, as far as the XML says */
} KvmXmlDisk;

/* The disks in their order: of KvmXmlDisk *, freed with the array. */
GPtrArray *kvm_xml_disks(const KvmXml *xml);

/* For those who read further: the first child element of that name, the next of
 * the same name, an attribute, the text inside; NULL when absent (also when
 * node is NULL). Borrowed from the document. */
const xmlNode *kvm_xml_child(const xmlNode *node, const char *name);
const xmlNode *kvm_xml_next(const xmlNode *node);
const char *kvm_xml_attribute(const xmlNode *node, const char *name);
const char *kvm_xml_text(const xmlNode *node);
const xmlNode *kvm_xml_root(const KvmXml *xml);

/* The number that a text is; FALSE when it is none or absent. */
gboolean kvm_xml_number(const char *text, guint64 *out);
/* An element <memory unit='KiB'>N</memory> in bytes; FALSE when absent. */
gboolean kvm_xml_bytes(const xmlNode *node, guint64 *out);
