/* The connection to libvirt's daemon, and its errors. */
#include "backend/guest/kvm.h"
#include "backend/guest/kvm_xml.h"

#include "backend/wire/error.h"

#include <string.h>

/* libvirt prints each error to stderr unless told otherwise. */
static void keep_silent(void *user, virErrorPtr error)
{
}

static void initialise(void)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        (void)virInitialize();
        virSetErrorFunc(NULL, keep_silent);
        g_once_init_leave(&once, 1);
    }
}

KvmConnection *kvm_connect(const char *uri, GError **error)
{
    initialise();
    virConnectPtr connection = virConnectOpen(uri);
    if (!connection)
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "libvirt at %s can't be reached: %s; install libvirt-daemon-system, or "
                       "start it with systemctl start libvirtd",
                       uri, virGetLastErrorMessage());
    return connection;
}

void kvm_disconnect(KvmConnection *connection)
{
    if (connection)
        (void)virConnectClose(connection);
}

void kvm_domain_free(KvmDomain *domain)
{
    if (domain)
        (void)virDomainFree(domain);
}

KvmDomain *kvm_domain_find(KvmConnection *connection, const char *native, GError **error)
{
    virDomainPtr domain = virDomainLookupByUUIDString(connection, native);
    if (domain)
        return domain;
    if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
        wire_error_set(error, WIRE_ERROR_NOT_FOUND,
                       "libvirt has no domain %s any more: it was undefined, or it was "
                       "transient and has stopped",
                       native);
    else
        kvm_error_set(error, "the domain %s can't be looked up", native);
    return NULL;
}

KvmXml *kvm_domain_xml(KvmDomain *domain, unsigned flags, GError **error)
{
    char *text = virDomainGetXMLDesc(domain, flags);
    if (!text) {
        kvm_domain_error_set(error, domain, "the definition of ", "can't be read");
        return NULL;
    }
    KvmXml *xml = kvm_xml_parse(text, strlen(text), error);
    free(text);
    return xml;
}

static WireErrorCode code_of(int code)
{
    switch (code) {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_STORAGE_VOL:
    case VIR_ERR_NO_STORAGE_POOL:
        return WIRE_ERROR_NOT_FOUND;
    case VIR_ERR_OPERATION_INVALID:
        return WIRE_ERROR_STATE;
    case VIR_ERR_OPERATION_TIMEOUT:
        return WIRE_ERROR_TIMEOUT;
    case VIR_ERR_OPERATION_ABORTED:
        return WIRE_ERROR_CANCELLED;
    case VIR_ERR_RESOURCE_BUSY:
        return WIRE_ERROR_BUSY;
    case VIR_ERR_ACCESS_DENIED:
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_AUTH_FAILED:
        return WIRE_ERROR_NOT_ALLOWED;
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_CONN:
    case VIR_ERR_RPC:
    case VIR_ERR_AGENT_UNRESPONSIVE:
        return WIRE_ERROR_UNAVAILABLE;
    default:
        return WIRE_ERROR_FAILED;
    }
}

static void set_from(GError **error, const virError *last, const char *what)
{
    wire_error_set(error, code_of(last ? last->code : VIR_ERR_OK), "%s: %s", what,
                   last && last->message ? last->message : "libvirt gave no reason");
}

void kvm_error_set(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    set_from(error, virGetLastError(), what);
}

void kvm_domain_error_set(GError **error, KvmDomain *domain, const char *before,
                          const char *after)
{
    virErrorPtr last = virSaveLastError();
    g_autofree char *what =
        g_strdup_printf("%svm %s %s", before, virDomainGetName(domain), after);
    set_from(error, last, what);
    virFreeError(last);
}

/* A libvirtd that was killed while it started a VM leaves word of that. The next one (seen with
 * 9.0) takes the VM for one that is starting, without a process, and waits for the end of what
 * the other did whenever it is to do something with it. */
static gboolean is_stuck(KvmDomain *domain)
{
    int state = VIR_DOMAIN_NOSTATE, reason = 0;
    return virGetLastErrorCode() == VIR_ERR_OPERATION_TIMEOUT &&
           virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
           reason == VIR_DOMAIN_PAUSED_STARTING_UP;
}

void kvm_end_error_set(GError **error, KvmDomain *domain, const char *after)
{
    if (!is_stuck(domain)) {
        kvm_domain_error_set(error, domain, "", after);
        return;
    }
    const char *name = virDomainGetName(domain);
    wire_error_set(error, WIRE_ERROR_TIMEOUT,
                   "vm %s %s: libvirt takes it for one that is starting and waits for that. If "
                   "libvirtd was killed as it started, that has no end: stop libvirtd, remove "
                   "/run/libvirt/qemu/%s.xml, and start it again; other VMs go on running",
                   name, after, name);
}
