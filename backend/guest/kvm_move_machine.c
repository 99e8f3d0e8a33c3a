/* Whether this node's QEMU can be the machine that a domain of another node is. */
#include "backend/guest/kvm_move_private.h"

#include <string.h>
#include <unistd.h>

/* ---- versions ---- */

/* 8.2 of 8002001. */
static char *version_text(guint64 version)
{
    return g_strdup_printf("%u.%u", (guint)(version / 1000000), (guint)(version / 1000 % 1000));
}

static void check_version(const MoveOffer *offer, const char *what, guint64 here, guint64 there,
                          MoveVerdict *verdict)
{
    if (!here || !there || there / 1000 >= here / 1000)
        return;
    g_autofree char *ours = version_text(here), *theirs = version_text(there);
    move_verdict_add(verdict, "update it there, or move it by restart",
                     "%s there is %s, older than the %s that it runs with on %s", what, theirs,
                     ours, offer->from);
}

void kvm_move_check_versions(const MoveOffer *offer, guint64 libvirt, guint64 qemu,
                             MoveVerdict *verdict)
{
    if (offer->mode != MOVE_LIVE)
        return;
    check_version(offer, "libvirt", offer->libvirt, libvirt, verdict);
    check_version(offer, "QEMU", offer->qemu, qemu, verdict);
}

static void check_versions(const KvmMoveCheck *check)
{
    unsigned long libvirt = 0, qemu = 0;
    (void)virConnectGetLibVersion(check->connection, &libvirt);
    (void)virConnectGetVersion(check->connection, &qemu);
    kvm_move_check_versions(check->offer, libvirt, qemu, check->verdict);
}

/* ---- the machine ---- */

gboolean kvm_move_capable(const char *capabilities, const char *name, const char *value)
{
    xmlDoc *document = xmlReadMemory(capabilities, (int)strlen(capabilities), NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    const xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
    const xmlNode *one = kvm_xml_child(kvm_xml_child(root, "os"), "enum");
    gboolean found = FALSE;
    for (; one && !found; one = kvm_xml_next(one)) {
        if (g_strcmp0(kvm_xml_attribute(one, "name"), name) != 0)
            continue;
        const xmlNode *choice = kvm_xml_child(one, "value");
        for (; choice && !found; choice = kvm_xml_next(choice))
            found = g_strcmp0(kvm_xml_text(choice), value) == 0;
    }
    xmlFreeDoc(document);
    return found;
}

static void check_file(const KvmMoveCheck *check, const xmlNode *parent, const char *element,
                       const char *what)
{
    const char *path = kvm_xml_text(kvm_xml_child(parent, element));
    if (path && *path == '/' && access(path, R_OK) != 0)
        move_verdict_add(check->verdict, "put the same file there", "%s, %s, is not there",
                         what, path);
}

/* Firmware is a file that the definition names, or of a kind for which libvirt finds one when
 * the domain starts; its variables come from a template where there are none yet. */
static void check_firmware(const KvmMoveCheck *check, const xmlNode *os, const char *known)
{
    const char *kind = kvm_xml_attribute(os, "firmware");
    const char *template = kvm_xml_attribute(kvm_xml_child(os, "nvram"), "template");
    gboolean has_variables = move_verdict_find(check->verdict, "nvram") != NULL;
    check_file(check, os, "loader", "its firmware");
    if (kind && known && !kvm_xml_child(os, "loader") &&
        !kvm_move_capable(known, "firmware", kind))
        move_verdict_add(check->verdict, "install it there: apt install ovmf",
                         "there is no firmware of the kind %s there", kind);
    if (template && *template == '/' && !has_variables && check->offer->mode != MOVE_LIVE &&
        access(template, R_OK) != 0)
        move_verdict_add(check->verdict, "install the same firmware there",
                         "the template of its firmware's variables, %s, is not there",
                         template);
}

static void check_machine(const KvmMoveCheck *check)
{
    const xmlNode *root = kvm_xml_root(check->xml), *os = kvm_xml_child(root, "os");
    const xmlNode *type = kvm_xml_child(os, "type");
    const xmlNode *devices = kvm_xml_child(root, "devices");
    const char *emulator = kvm_xml_text(kvm_xml_child(devices, "emulator"));
    const char *machine = kvm_xml_attribute(type, "machine");
    const char *arch = kvm_xml_attribute(type, "arch");
    const char *virtual = kvm_xml_attribute(root, "type");
    char *known =
        virConnectGetDomainCapabilities(check->connection, emulator, arch, machine, virtual, 0);
    if (!known)
        move_verdict_add(check->verdict, "update QEMU there, or give it an older machine type",
                         "QEMU there can't run it (machine %s, type %s): %s",
                         machine ? machine : "?", virtual ? virtual : "?",
                         virGetLastErrorMessage());
    check_file(check, os, "kernel", "its kernel");
    check_file(check, os, "initrd", "its initial RAM disk");
    check_firmware(check, os, known);
    free(known);
}

/* libvirt compares a CPU as it would start it; what it can't compare it does not refuse. */
static void check_cpu(const KvmMoveCheck *check)
{
    const xmlNode *root = kvm_xml_root(check->xml), *cpu = kvm_xml_child(root, "cpu");
    const xmlNode *type = kvm_xml_child(kvm_xml_child(root, "os"), "type");
    if (!cpu || check->offer->mode == MOVE_OFFLINE)
        return;
    xmlBuffer *buffer = xmlBufferCreate();
    (void)xmlNodeDump(buffer, (xmlDoc *)(gintptr)check->xml, (xmlNode *)(gintptr)cpu, 0, 0);
    int result = virConnectCompareHypervisorCPU(
        check->connection,
        kvm_xml_text(kvm_xml_child(kvm_xml_child(root, "devices"), "emulator")),
        kvm_xml_attribute(type, "arch"), kvm_xml_attribute(type, "machine"),
        kvm_xml_attribute(root, "type"), (const char *)xmlBufferContent(buffer),
        VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
    if (result < 0 && virGetLastErrorCode() == VIR_ERR_CPU_INCOMPATIBLE)
        move_verdict_add(check->verdict,
                         "give it a CPU model that both nodes have, or move it by restart",
                         "the CPU there lacks what it uses: %s", virGetLastErrorMessage());
    xmlBufferFree(buffer);
}

void kvm_check_machine(const KvmMoveCheck *check)
{
    check_versions(check);
    check_machine(check);
    check_cpu(check);
}
