/* guest/kvm - what the files of the KVM driver share: the connection to libvirt,
 * its errors as ours, and how a domain becomes a GuestSummary.
 *
 * Private to backend/guest/kvm*.c. A domain's native identifier is its UUID in
 * lower case, which libvirt keeps over a rename. Functions here block; who calls
 * them decides in which thread. Calls on one connection may come from any
 * threads at once.
 *
 * started: libvirt does not say when a domain was started. It is the start of
 * the QEMU process, found through the pid file that libvirt keeps in
 * /run/libvirt/qemu (so it survives a restart of the agent and of libvirt), and
 * unknown (0) where there is no such file.
 */
#pragma once

#include "backend/guest/driver.h"
#include "backend/wire/error.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

typedef virConnect KvmConnection;
typedef virDomain KvmDomain;

/* Opens a connection; it has events and keepalives only where kvm_events_start()
 * was called before. WIRE_ERROR_UNAVAILABLE with what to do. */
KvmConnection *kvm_connect(const char *uri, GError **error);
void kvm_disconnect(KvmConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmConnection, kvm_disconnect)

/* WIRE_ERROR_NOT_FOUND when there is no such domain (any more). */
KvmDomain *kvm_domain_find(KvmConnection *connection, const char *native, GError **error);
void kvm_domain_free(KvmDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmDomain, kvm_domain_free)

/* A domain's definition, parsed (see kvm_xml.h); flags are virDomainXMLFlags. */
struct _xmlDoc *kvm_domain_xml(KvmDomain *domain, unsigned flags, GError **error);

/* Sets *error from the libvirt error of this thread: the code that fits it, and
 * the text given with libvirt's message behind a colon. */
void kvm_error_set(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The same for a domain whose name is not at hand: "BEFOREvm NAME AFTER: ...".
 * Asking libvirt for the name first would make it forget its error. */
void kvm_domain_error_set(GError **error, KvmDomain *domain, const char *before,
                          const char *after);

/* The same after virDomainDestroy() has failed, with what to do where libvirt never will. */
void kvm_end_error_set(GError **error, KvmDomain *domain, const char *after);

/* State and reason as they are now; *reason (may be NULL) is a constant, and
 * NULL where there is nothing to say. */
gboolean kvm_state_read(KvmDomain *domain, GuestState *state, const char **reason,
                        GError **error);

/* libvirt's numbers in our words. saved: the domain has a managed save image. */
GuestState kvm_state_from(int state, int reason, gboolean saved);
const char *kvm_state_reason(int state, int reason);

/* Everything of a summary but addresses. WIRE_ERROR_NOT_FOUND when the domain has
 * gone in the meantime. */
GuestSummary *kvm_summary_read(KvmDomain *domain, GError **error);

/* When the QEMU process of the domain of this name was started, in seconds since
 * 1970; 0 when that can't be found out. */
gint64 kvm_started_read(const char *name);

/* The faces of the driver, one file each; see GuestDriver. */
GuestObserver *kvm_observe(const GuestSettings *settings, GMainContext *context,
                           const GuestEvents *events, gpointer user);
void kvm_observe_stop(GuestObserver *observer);
void kvm_observe_look(GuestObserver *observer, const char *native);
json_t *kvm_describe(const GuestSettings *settings, const char *native, GError **error);
char *kvm_definition(const GuestSettings *settings, const char *native, gboolean saved,
                     GError **error);
gboolean kvm_act(const GuestSettings *settings, const char *native, GuestAct act,
                 const json_t *params, const Job *job, json_t **result, GError **error);
gboolean kvm_recover(const GuestSettings *settings, const char *native, GuestAct act,
                     const json_t *note, const Job *job, char **outcome, GError **error);
gboolean kvm_stream(const GuestSettings *settings, const char *native,
                    const GuestStreamRequest *request, int *exit_status, GError **error);
