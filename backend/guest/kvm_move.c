#include "backend/guest/kvm_move.h"

#include "backend/wire/message.h"

#include <string.h>

/* ---- the definition at its new place ---- */

static void remove_children(xmlNode *node, const char *name)
{
    for (xmlNode *child = node->children, *next; child; child = next) {
        next = child->next;
        if (child->type == XML_ELEMENT_NODE && strcmp((const char *)child->name, name) == 0) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        }
    }
}

/* A copied disk is one image without anything below it. */
static void move_disk(xmlNode *disk, const MoveVerdict *verdict)
{
    const char *target = kvm_xml_attribute(kvm_xml_child(disk, "target"), "dev");
    const MovePlace *place = move_verdict_find(verdict, target);
    xmlNode *source = (xmlNode *)(gintptr)kvm_xml_child(disk, "source");
    if (!place || !place->copy || !source)
        return;
    (void)xmlSetProp(disk, BAD_CAST "type", BAD_CAST "file");
    (void)xmlUnsetProp(source, BAD_CAST "pool");
    (void)xmlUnsetProp(source, BAD_CAST "volume");
    (void)xmlSetProp(source, BAD_CAST "file", BAD_CAST place->path);
    remove_children(disk, "backingStore");
    remove_children(disk, "mirror");
}

char *kvm_move_xml(const char *text, const MoveVerdict *verdict, GError **error)
{
    g_autoptr(KvmXml) xml = kvm_xml_parse(text, strlen(text), error);
    xmlChar *dumped = NULL;
    int size = 0;
    if (!xml)
        return NULL;
    const xmlNode *disk = kvm_xml_child(kvm_xml_child(kvm_xml_root(xml), "devices"), "disk");
    for (; disk; disk = kvm_xml_next(disk))
        move_disk((xmlNode *)(gintptr)disk, verdict);
    xmlDocDumpMemory(xml, &dumped, &size);
    char *moved = g_strndup((const char *)dumped, (gsize)MAX(size, 0));
    xmlFree(dumped);
    return moved;
}

/* "+64055:+64055" of <secmodel><model>dac</model><baselabel>; without DAC it is root. */
gboolean kvm_move_owner(KvmConnection *connection, uid_t *uid, gid_t *gid, GError **error)
{
    char *text = virConnectGetCapabilities(connection);
    guint64 user = 0, group = 0;
    if (!text) {
        kvm_error_set(error, "libvirt does not say who QEMU runs as");
        return FALSE;
    }
    const char *model = strstr(text, "<model>dac</model>");
    const char *label = model ? strstr(model, "<baselabel") : NULL;
    label = label ? strstr(label, ">+") : NULL;
    if (label) {
        char *rest = NULL;
        user = g_ascii_strtoull(label + 2, &rest, 10);
        group = g_str_has_prefix(rest, ":+") ? g_ascii_strtoull(rest + 2, NULL, 10) : user;
    }
    *uid = (uid_t)user;
    *gid = (gid_t)group;
    free(text);
    return TRUE;
}

gboolean kvm_move_define(KvmConnection *connection, const char *xml, gboolean autostart,
                         GError **error)
{
    g_autoptr(KvmDomain) domain = virDomainDefineXMLFlags(connection, xml, 0);
    if (!domain) {
        kvm_error_set(error, "it can't be defined here");
        return FALSE;
    }
    if (autostart)
        (void)virDomainSetAutostart(domain, 1);
    return TRUE;
}

/* ---- where it is ---- */

gboolean kvm_move_state(KvmConnection *connection, const char *native, KvmMoveState *state,
                        GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, &failure);
    *state = (KvmMoveState){0};
    if (!domain) {
        if (g_error_matches(failure, WIRE_ERROR, WIRE_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    int now = VIR_DOMAIN_NOSTATE, reason = 0;
    virDomainJobInfo job;
    if (virDomainGetState(domain, &now, &reason, 0) < 0) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
            return TRUE;
        kvm_error_set(error, "the state of the domain %s can't be read", native);
        return FALSE;
    }
    state->defined = TRUE;
    state->active = now != VIR_DOMAIN_SHUTOFF && now != VIR_DOMAIN_CRASHED;
    state->paused = now == VIR_DOMAIN_PAUSED;
    state->working = state->active && virDomainGetJobInfo(domain, &job) == 0 &&
                     job.type != VIR_DOMAIN_JOB_NONE;
    return TRUE;
}

void kvm_move_abort(KvmConnection *connection, const char *native)
{
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, NULL);
    if (domain)
        (void)virDomainAbortJob(domain);
}

gboolean kvm_move_resume(KvmConnection *connection, const char *native, GError **error)
{
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, error);
    if (!domain)
        return FALSE;
    if (virDomainResume(domain) == 0)
        return TRUE;
    int now = VIR_DOMAIN_NOSTATE;
    if (virDomainGetState(domain, &now, NULL, 0) == 0 && now == VIR_DOMAIN_RUNNING)
        return TRUE;
    kvm_domain_error_set(error, domain, "", "can't be let go on");
    return FALSE;
}

gboolean kvm_move_remove(KvmConnection *connection, const char *native, GError **error)
{
    KvmMoveState state;
    if (!kvm_move_state(connection, native, &state, error))
        return FALSE;
    if (!state.defined)
        return TRUE;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, error);
    if (!domain)
        return FALSE;
    if (state.active && virDomainDestroy(domain) < 0 &&
        virGetLastErrorCode() != VIR_ERR_NO_DOMAIN) {
        kvm_end_error_set(error, domain, "can't be ended");
        return FALSE;
    }
    if (virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_KEEP_NVRAM |
                                           VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA |
                                           VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) < 0 &&
        virGetLastErrorCode() != VIR_ERR_NO_DOMAIN) {
        /* One that was never persistent went with its end. */
        KvmMoveState after;
        if (kvm_move_state(connection, native, &after, NULL) && !after.defined)
            return TRUE;
        kvm_domain_error_set(error, domain, "the definition of ", "can't be removed");
        return FALSE;
    }
    return TRUE;
}
