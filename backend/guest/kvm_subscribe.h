/* guest/kvm_subscribe - all that a connection tells by itself: libvirt's events,
 * the changes of its files (kvm_files.h), and that the daemon has gone. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/* Called in the thread of kvm_events.h; must not block. */
typedef struct {
    /* Something happened to this domain. */
    void (*domain)(const char *native, gpointer user);
    /* A file of the domain of this name changed, or of any (NULL). */
    void (*file)(const char *name, gpointer user);
    /* The connection broke. */
    void (*closed)(gpointer user);
} KvmNews;

typedef struct KvmSubscription KvmSubscription;

/* news must outlive it. What the daemon does not offer is left out. release is
 * called for user when nothing more is told. */
KvmSubscription *kvm_subscribe(virConnectPtr connection, const KvmNews *news, gpointer user,
                               GDestroyNotify release);
/* Whether files are heard of; else domains are to be looked at now and then. */
gboolean kvm_subscription_hears_files(const KvmSubscription *subscription);
/* Before the connection is closed. */
void kvm_unsubscribe(KvmSubscription *subscription);
