/* guest/kvm_finder - keeps looking for the addresses of the domains that run.
 *
 * There is no event for an address, and asking may take seconds (a guest agent
 * that hangs), so a thread of its own asks: at once, then with growing pauses
 * until there is one, then every few minutes. A domain that is paused gets no new
 * one and is asked about once. The thread sleeps while no domain runs.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct KvmFinder KvmFinder;

/* Called in the finder's thread, with addresses without prefix length, sorted, of
 * no loopback or link-local kind; takes them. */
typedef void (*KvmFound)(const char *native, GStrv addresses, gpointer user);

/* release is called for user when nothing more will be found. */
KvmFinder *kvm_finder_new(KvmFound found, gpointer user, GDestroyNotify release);

/* Looks at once; running: and then again and again; agent: a guest agent is
 * connected. Keeps a reference to the domain, hence to its connection, until it is
 * forgotten. */
void kvm_finder_look(KvmFinder *finder, virDomainPtr domain, const char *native,
                     gboolean running, gboolean agent);
void kvm_finder_forget(KvmFinder *finder, const char *native); /* NULL: all */

/* Ends the thread as soon as it can; does not wait for it. */
void kvm_finder_stop(KvmFinder *finder);
