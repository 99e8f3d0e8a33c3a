/* What the reader knows of each domain, and what it reports when that is no longer so. */
#include "backend/guest/kvm_observe_private.h"

static void report_gone(GuestObserver *observer, const char *native)
{
    if (g_hash_table_contains(observer->known, native)) {
        guest_report_gone(observer->report, native);
        kvm_finder_forget(observer->finder, native);
        g_hash_table_remove(observer->known, native);
    }
}

static gboolean has_addresses(const GuestSummary *summary)
{
    return summary->state == GUEST_STATE_RUNNING || summary->state == GUEST_STATE_PAUSED;
}

/* A guest that is paused answers nobody, so what it was known by stays. */
static void find_addresses(GuestObserver *observer, virDomainPtr domain,
                           const GuestSummary *summary)
{
    gboolean running = summary->state == GUEST_STATE_RUNNING;
    if (!running && summary->addresses && summary->addresses[0])
        kvm_finder_forget(observer->finder, summary->native);
    else
        kvm_finder_look(observer->finder, domain, summary->native, running, summary->agent);
}

/* Takes the summary, and completes it by what is known. */
static void report_changed(GuestObserver *observer, virDomainPtr domain, GuestSummary *summary)
{
    const GuestSummary *old = g_hash_table_lookup(observer->known, summary->native);
    /* The start is computed from two clocks: a second's difference is none. */
    gboolean same_run = old && ABS(old->started - summary->started) <= 1;
    if (same_run)
        summary->started = old->started;
    if (!has_addresses(summary)) {
        kvm_finder_forget(observer->finder, summary->native);
    } else {
        if (same_run && has_addresses(old))
            summary->addresses = g_strdupv(old->addresses);
        if (!same_run || old->state != summary->state || old->agent != summary->agent ||
            observer->connecting)
            find_addresses(observer, domain, summary);
    }
    if (old && guest_summary_equal(old, summary)) {
        guest_summary_free(summary);
        return;
    }
    guest_report_changed(observer->report, summary);
    g_hash_table_replace(observer->known, summary->native, summary);
}

void kvm_known_take_addresses(GuestObserver *observer, KvmNote *note)
{
    GuestSummary *known = g_hash_table_lookup(observer->known, note->native);
    if (!known || !has_addresses(known) ||
        (known->addresses ? g_strv_equal((const char *const *)known->addresses,
                                         (const char *const *)note->addresses)
                          : !note->addresses[0]))
        return;
    g_strfreev(known->addresses);
    known->addresses = g_steal_pointer(&note->addresses);
    guest_report_changed(observer->report, known);
}

/* A failure that does not mean that the domain has gone leaves it as it was: if
 * the connection broke, it is read again after the next one. */
static void read_domain(GuestObserver *observer, virDomainPtr domain, const char *native)
{
    g_autoptr(GError) error = NULL;
    GuestSummary *summary = kvm_summary_read(domain, &error);
    if (summary)
        report_changed(observer, domain, summary);
    else if (g_error_matches(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND))
        report_gone(observer, native);
}

void kvm_known_look(GuestObserver *observer, virConnectPtr connection, const char *native)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, &error);
    if (domain)
        read_domain(observer, domain, native);
    else if (g_error_matches(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND))
        report_gone(observer, native);
}

gboolean kvm_known_list(GuestObserver *observer, virConnectPtr connection)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(connection, &domains, 0);
    if (count < 0)
        return FALSE;
    g_autoptr(GHashTable) missing =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iterator;
    gpointer key;
    g_hash_table_iter_init(&iterator, observer->known);
    while (g_hash_table_iter_next(&iterator, &key, NULL))
        g_hash_table_add(missing, g_strdup(key));
    for (int i = 0; i < count; i++) {
        char native[VIR_UUID_STRING_BUFLEN];
        if (virDomainGetUUIDString(domains[i], native) == 0) {
            g_hash_table_remove(missing, native);
            read_domain(observer, domains[i], native);
        }
        (void)virDomainFree(domains[i]);
    }
    free(domains);
    g_hash_table_iter_init(&iterator, missing);
    while (g_hash_table_iter_next(&iterator, &key, NULL))
        report_gone(observer, key);
    return TRUE;
}
