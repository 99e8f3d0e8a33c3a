/* One callback for each shape of libvirt's events, all to the same end. Each holds a
 * reference, for one may still be under way when the subscription ends. */
#include "backend/guest/kvm_subscribe.h"

#include "backend/guest/kvm_files.h"

enum { EVENTS_MAX = 16 };

struct KvmSubscription {
    virConnectPtr connection;
    const KvmNews *news;
    gpointer user;
    GDestroyNotify release;
    KvmFiles *files;             /* may be NULL */
    int identifiers[EVENTS_MAX]; /* of libvirt; below 0: none */
};

static void subscription_clear(gpointer pointer)
{
    KvmSubscription *subscription = pointer;
    if (subscription->release)
        subscription->release(subscription->user);
}

static void subscription_unref(gpointer pointer)
{
    g_atomic_rc_box_release_full(pointer, subscription_clear);
}

static void note_domain(const KvmSubscription *subscription, virDomainPtr domain)
{
    char native[VIR_UUID_STRING_BUFLEN];
    if (virDomainGetUUIDString(domain, native) == 0)
        subscription->news->domain(native, subscription->user);
}

static void on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
                         void *user)
{
    note_domain(user, domain);
}

static void on_plain(virConnectPtr connection, virDomainPtr domain, void *user)
{
    note_domain(user, domain);
}

static void on_balloon(virConnectPtr connection, virDomainPtr domain, unsigned long long actual,
                       void *user)
{
    note_domain(user, domain);
}

static void on_device(virConnectPtr connection, virDomainPtr domain, const char *alias,
                      void *user)
{
    note_domain(user, domain);
}

static void on_agent(virConnectPtr connection, virDomainPtr domain, int state, int reason,
                     void *user)
{
    note_domain(user, domain);
}

static void on_tunable(virConnectPtr connection, virDomainPtr domain,
                       virTypedParameterPtr parameters, int count, void *user)
{
    note_domain(user, domain);
}

static void on_metadata(virConnectPtr connection, virDomainPtr domain, int type,
                        const char *uri, void *user)
{
    note_domain(user, domain);
}

static void on_disk(virConnectPtr connection, virDomainPtr domain, const char *old_path,
                    const char *new_path, const char *alias, int reason, void *user)
{
    note_domain(user, domain);
}

static void on_sleep(virConnectPtr connection, virDomainPtr domain, int reason, void *user)
{
    note_domain(user, domain);
}

static void on_close(virConnectPtr connection, int reason, void *user)
{
    const KvmSubscription *subscription = user;
    subscription->news->closed(subscription->user);
}

static const struct {
    int event;
    virConnectDomainEventGenericCallback callback;
} subscriptions[] = {
    {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)},
    {VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_plain)},
    {VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, VIR_DOMAIN_EVENT_CALLBACK(on_plain)},
    {VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_balloon)},
    {VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
    {VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device)},
    {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent)},
    {VIR_DOMAIN_EVENT_ID_TUNABLE, VIR_DOMAIN_EVENT_CALLBACK(on_tunable)},
    {VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata)},
    {VIR_DOMAIN_EVENT_ID_DISK_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_disk)},
    {VIR_DOMAIN_EVENT_ID_PMSUSPEND, VIR_DOMAIN_EVENT_CALLBACK(on_sleep)},
    {VIR_DOMAIN_EVENT_ID_PMWAKEUP, VIR_DOMAIN_EVENT_CALLBACK(on_sleep)},
};
G_STATIC_ASSERT(G_N_ELEMENTS(subscriptions) <= EVENTS_MAX);

static void on_file(const char *name, gpointer user)
{
    const KvmSubscription *subscription = user;
    subscription->news->file(name, subscription->user);
}

KvmSubscription *kvm_subscribe(virConnectPtr connection, const KvmNews *news, gpointer user,
                               GDestroyNotify release)
{
    KvmSubscription *subscription = g_atomic_rc_box_new0(KvmSubscription);
    subscription->connection = connection;
    subscription->news = news;
    subscription->user = user;
    subscription->release = release;
    if (virConnectRegisterCloseCallback(connection, on_close,
                                        g_atomic_rc_box_acquire(subscription),
                                        subscription_unref) < 0)
        subscription_unref(subscription);
    for (size_t i = 0; i < G_N_ELEMENTS(subscriptions); i++) {
        subscription->identifiers[i] = virConnectDomainEventRegisterAny(
            connection, NULL, subscriptions[i].event, subscriptions[i].callback,
            g_atomic_rc_box_acquire(subscription), subscription_unref);
        if (subscription->identifiers[i] < 0)
            subscription_unref(subscription);
    }
    char *uri = virConnectGetURI(connection);
    if (uri)
        subscription->files = kvm_files_watch(
            uri, on_file, g_atomic_rc_box_acquire(subscription), subscription_unref);
    free(uri);
    return subscription;
}

gboolean kvm_subscription_hears_files(const KvmSubscription *subscription)
{
    return subscription->files != NULL;
}

void kvm_unsubscribe(KvmSubscription *subscription)
{
    kvm_files_unwatch(subscription->files);
    for (size_t i = 0; i < G_N_ELEMENTS(subscriptions); i++)
        if (subscription->identifiers[i] >= 0)
            (void)virConnectDomainEventDeregisterAny(subscription->connection,
                                                     subscription->identifiers[i]);
    (void)virConnectUnregisterCloseCallback(subscription->connection, on_close);
    subscription_unref(subscription);
}
