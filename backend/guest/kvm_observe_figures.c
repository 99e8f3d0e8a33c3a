/* The figures of all domains, once a second, in a thread of their own. */
#include "backend/guest/kvm_figures.h"
#include "backend/guest/kvm_observe_private.h"

#include <string.h>

enum {
    SECOND = G_USEC_PER_SEC,
    SLOW_TURNS = 5,          /* what few look at is asked for every so many seconds */
    LOOKED_AT = 10 * SECOND, /* so long after a look at a guest it is asked for each second */
};

/* What a figures thread keeps from turn to turn. */
typedef struct {
    KvmFigures *figures;
    guint generation, turns;
    GHashTable *uuids; /* of domains, by name */
    guint happened;    /* of the observer, when the first of them was asked for */
} Figures;

/* libvirt writes out a domain's UUID for its log in each call about it, which costs more
 * than all figures of that domain; its name it just returns. So the UUID of a name is
 * asked for once, and again after anything happened to a domain: a name that goes to
 * another one is such an event. */
static gboolean identify(const Figures *own, virDomainPtr domain, unsigned char *uuid)
{
    const char *name = virDomainGetName(domain);
    const unsigned char *known = name ? g_hash_table_lookup(own->uuids, name) : NULL;
    if (known) {
        memcpy(uuid, known, VIR_UUID_BUFLEN);
        return TRUE;
    }
    if (!name || virDomainGetUUID(domain, uuid) < 0)
        return FALSE;
    g_hash_table_insert(own->uuids, g_strdup(name), g_memdup2(uuid, VIR_UUID_BUFLEN));
    return TRUE;
}

static void add_figures(GuestObserver *observer, Figures *own, virDomainStatsRecordPtr *records,
                        int count)
{
    guint happened = (guint)g_atomic_int_get(&observer->happened);
    if (own->happened != happened)
        g_hash_table_remove_all(own->uuids);
    own->happened = happened;
    for (int i = 0; i < count; i++) {
        unsigned char uuid[VIR_UUID_BUFLEN];
        char native[VIR_UUID_STRING_BUFLEN];
        if (identify(own, records[i]->dom, uuid) &&
            kvm_figures_add(own->figures, uuid, records[i]->params, records[i]->nparams) &&
            virDomainGetUUIDString(records[i]->dom, native) == 0)
            kvm_observer_push(observer, KVM_NOTE_DOMAIN, native);
    }
}

/* With the lock held. */
static guint choose_statistics(const GuestObserver *observer, Figures *own)
{
    gboolean looked = observer->looked && g_get_monotonic_time() - observer->looked < LOOKED_AT;
    return own->turns++ % SLOW_TURNS == 0 || looked ? KVM_FIGURES_STATS
                                                    : KVM_FIGURES_STATS & ~KVM_FIGURES_SLOW;
}

static void release_batch(gpointer batch)
{
    kvm_batch_free(batch);
}

static void ask_figures(GuestObserver *observer, virConnectPtr connection, Figures *own,
                        guint statistics)
{
    virDomainStatsRecordPtr *records = NULL;
    gint64 before = g_get_monotonic_time();
    int count = virConnectGetAllDomainStats(connection, statistics, &records,
                                            VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
                                                VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (count < 0)
        return; /* the close callback, or the watchdog, sees to the rest */
    g_mutex_lock(&observer->lock);
    gboolean current = observer->generation == own->generation && !observer->stop;
    g_mutex_unlock(&observer->lock);
    if (current) {
        kvm_observer_note_answer(observer, TRUE);
        /* Each domain was asked at some time during the call. */
        kvm_figures_begin(own->figures, before + (g_get_monotonic_time() - before) / 2);
        add_figures(observer, own, records, count);
        KvmBatch *batch = kvm_figures_end(own->figures);
        guest_report_figures(observer->report, batch->figures, batch->count, batch,
                             release_batch);
    }
    virDomainStatsRecordListFree(records);
}

static gpointer run_figures(gpointer pointer)
{
    GuestObserver *observer = pointer;
    Figures own = {
        .figures = kvm_figures_new(),
        .uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
    };
    g_mutex_lock(&observer->lock);
    own.generation = observer->generation;
    gint64 next = g_get_monotonic_time();
    while (!observer->stop && observer->generation == own.generation) {
        if (!observer->connection) {
            g_cond_wait(&observer->wake, &observer->lock);
            next = g_get_monotonic_time();
            continue;
        }
        if (g_get_monotonic_time() < next) {
            (void)g_cond_wait_until(&observer->wake, &observer->lock, next);
            continue;
        }
        virConnectPtr connection = observer->connection;
        (void)virConnectRef(connection);
        guint statistics = choose_statistics(observer, &own);
        g_mutex_unlock(&observer->lock);
        ask_figures(observer, connection, &own, statistics);
        (void)virConnectClose(connection);
        g_mutex_lock(&observer->lock);
        /* A late turn does not shorten the next one. */
        next = MAX(next + SECOND, g_get_monotonic_time() + SECOND / 2);
    }
    observer->figures_threads--;
    observer->threads--;
    g_cond_broadcast(&observer->wake);
    g_mutex_unlock(&observer->lock);
    kvm_figures_free(own.figures);
    g_hash_table_unref(own.uuids);
    kvm_observer_unref(observer);
    return NULL;
}

void kvm_observer_start_figures(GuestObserver *observer)
{
    observer->generation++;
    observer->threads++;
    observer->figures_threads++;
    g_thread_unref(g_thread_new("kvm-figures", run_figures, kvm_observer_ref(observer)));
}
