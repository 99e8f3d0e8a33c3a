/* Finding domains and noticing what happens to them.
 *
 * Four threads, so that none can hold another up:
 *   reader   owns the connection: opens it, lists, and reads a domain again
 *            whenever an event names it. Sleeps on its inbox. What has no event
 *            (autostart, a changed saved definition) is told by libvirt's files;
 *            where they can't be watched it lists again after a quiet minute.
 *   figures  asks for the statistics of all domains once a second. Those of virtual
 *            processors, which only who looks at a guest sees, it leaves out of four
 *            turns of five while nobody does.
 *   finder   asks for addresses (kvm_finder.h).
 *   libvirt  runs its event loop (kvm_events.h); callbacks (kvm_subscribe.h) only
 *            write to the inbox.
 * What they find goes to the main context as sources, in the order it was found.
 *
 * Silence is noticed by a timer in the main context that is set to a while after
 * the last answer, so it hardly ever fires while answers come. It first makes the
 * reader ask the daemon something small. If that is answered, not libvirt hangs
 * but one guest's QEMU, which the statistics wait for: then another figures
 * thread takes over, which passes by a guest that has a question pending, and the
 * old one ends when it is answered. If not, the driver is reported as stale.
 *
 * The connection is dropped only when it breaks. A daemon that was stopped and
 * goes on delivers the events of the time between; one that was killed is
 * connected to again with growing pauses, and everything is listed and compared
 * with what was known.
 */
#include "backend/guest/kvm.h"
#include "backend/guest/kvm_events.h"
#include "backend/guest/kvm_figures.h"
#include "backend/guest/kvm_finder.h"
#include "backend/guest/kvm_subscribe.h"
#include "backend/guest/report.h"

#include <string.h>

enum {
    SECOND = G_USEC_PER_SEC,
    PING_AFTER = 3 * SECOND,  /* of silence */
    STALE_AFTER = 4 * SECOND, /* of silence */
    PAUSE_FIRST = SECOND / 10,
    PAUSE_MAX = 5 * SECOND,
    LIST_AGAIN = 60 * SECOND,
    FILES_PAUSE = SECOND / 10, /* libvirt writes a file several times in a row */
    STOP_PATIENCE = SECOND,
    SLOW_TURNS = 5,          /* what few look at is asked for every so many seconds */
    LOOKED_AT = 10 * SECOND, /* so long after a look at a guest it is asked for each second */
    FIGURES_THREADS_MAX = 3, /* libvirtd serves 5 requests of a client at once */
    KEEPALIVE_INTERVAL = 10, /* seconds, for daemons on other machines */
    KEEPALIVE_COUNT = 6,
};

typedef enum {
    NOTE_DOMAIN,
    NOTE_LOOK,
    NOTE_FILE,
    NOTE_ADDRESSES,
    NOTE_CLOSED,
    NOTE_PING,
    NOTE_STOP
} NoteKind;

/* What stands in the reader's inbox. */
typedef struct {
    NoteKind kind;
    char native[VIR_UUID_STRING_BUFLEN]; /* NOTE_DOMAIN, NOTE_LOOK, NOTE_ADDRESSES */
    GStrv addresses;                     /* NOTE_ADDRESSES */
    char *name;                          /* NOTE_FILE: a domain's, or NULL for any */
} Note;

static void note_free(gpointer pointer)
{
    Note *note = pointer;
    if (note) {
        g_strfreev(note->addresses);
        g_free(note->name);
    }
    g_free(note);
}

struct GuestObserver {
    char *uri;
    GuestReport *report;
    GAsyncQueue *inbox; /* of Note * */
    GSource *watchdog;
    KvmFinder *finder;             /* reader's */
    KvmSubscription *subscription; /* reader's: while there is a connection */
    GHashTable *edited;            /* reader's: natives whose files changed */
    gint64 edited_due;             /* reader's: when to read them; 0: there are none */
    gboolean connecting;           /* reader's: the list of a new connection is being read */
    GHashTable *known;             /* reader's: GuestSummary by native */
    guint happened;                /* atomic: what libvirt told of domains so far */

    GMutex lock; /* for what follows */
    GCond wake;  /* stop, a connection, the end of a thread */
    gboolean stop;
    virConnectPtr connection; /* NULL while there is none */
    guint generation;         /* of the figures thread at work; others end */
    guint threads;            /* that have not ended */
    guint figures_threads;
    gint64 looked;        /* monotonic: when somebody last looked at a guest; 0: never */
    gint64 answered;      /* monotonic: last answer, or begin of connecting */
    gint64 answered_real; /* seconds since 1970; 0: never */
    gboolean pinged;
    gboolean pong; /* the ping was answered, but no statistics since */
    GuestDriverHealth health;
    gboolean health_known;
    json_t *versions;
};

static GuestObserver *observer_ref(GuestObserver *observer)
{
    return g_atomic_rc_box_acquire(observer);
}

static void observer_clear(gpointer pointer)
{
    GuestObserver *observer = pointer;
    g_free(observer->uri);
    guest_report_unref(observer->report);
    g_async_queue_unref(observer->inbox);
    g_hash_table_unref(observer->known);
    g_hash_table_unref(observer->edited);
    g_mutex_clear(&observer->lock);
    g_cond_clear(&observer->wake);
    json_decref(observer->versions);
}

static void observer_unref(gpointer pointer)
{
    g_atomic_rc_box_release_full(pointer, observer_clear);
}

static gboolean stopped(GuestObserver *observer)
{
    g_mutex_lock(&observer->lock);
    gboolean stop = observer->stop;
    g_mutex_unlock(&observer->lock);
    return stop;
}

/* ---- health ---- */

/* With the lock held, so that reports go out in the order of their making. */
static void set_health(GuestObserver *observer, GuestDriverHealth health, const char *reason)
{
    if (observer->health_known && observer->health == health)
        return;
    observer->health = health;
    observer->health_known = TRUE;
    guest_report_health(observer->report, health, observer->answered_real, reason,
                        observer->versions);
}

/* With the lock held: sets the timer a while after the last answer. */
static void arm_watchdog(GuestObserver *observer, gint64 after)
{
    g_source_set_ready_time(observer->watchdog, observer->answered + after);
}

/* The daemon answered. statistics: it was a figures thread that heard it. */
static void note_answer(GuestObserver *observer, gboolean statistics)
{
    g_mutex_lock(&observer->lock);
    gboolean was_silent = observer->pinged || observer->health != GUEST_DRIVER_OK;
    observer->answered = g_get_monotonic_time();
    observer->answered_real = g_get_real_time() / SECOND;
    observer->pong = observer->pinged && !statistics;
    observer->pinged = FALSE;
    if (observer->connection && observer->versions)
        set_health(observer, GUEST_DRIVER_OK, NULL);
    if (was_silent)
        arm_watchdog(observer, observer->pong ? 0 : PING_AFTER);
    g_mutex_unlock(&observer->lock);
}

static void push_note(GuestObserver *observer, NoteKind kind, const char *native)
{
    Note *note = g_new0(Note, 1);
    note->kind = kind;
    if (native)
        g_strlcpy(note->native, native, sizeof note->native);
    g_async_queue_push(observer->inbox, note);
}

static void on_addresses(const char *native, GStrv addresses, gpointer user)
{
    GuestObserver *observer = user;
    Note *note = g_new0(Note, 1);
    note->kind = NOTE_ADDRESSES;
    note->addresses = addresses;
    g_strlcpy(note->native, native, sizeof note->native);
    g_async_queue_push(observer->inbox, note);
}

/* ---- figures ---- */

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
            push_note(observer, NOTE_DOMAIN, native);
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
        note_answer(observer, TRUE);
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
    observer_unref(observer);
    return NULL;
}

/* With the lock held. */
static void start_figures(GuestObserver *observer)
{
    observer->generation++;
    observer->threads++;
    observer->figures_threads++;
    g_thread_unref(g_thread_new("kvm-figures", run_figures, observer_ref(observer)));
}

/* ---- the watchdog, in the main context ---- */

static gboolean watch(GSource *source, GSourceFunc callback, gpointer user)
{
    GuestObserver *observer = *(GuestObserver **)(source + 1);
    g_mutex_lock(&observer->lock);
    g_source_set_ready_time(source, -1);
    gint64 silence = g_get_monotonic_time() - observer->answered;
    if (observer->stop) {
        /* nothing more */
    } else if (observer->pong) {
        observer->pong = FALSE;
        if (observer->figures_threads < FIGURES_THREADS_MAX)
            start_figures(observer);
        arm_watchdog(observer, PING_AFTER);
    } else if (silence < PING_AFTER) {
        arm_watchdog(observer, PING_AFTER);
    } else if (silence < STALE_AFTER) {
        if (!observer->pinged && observer->connection)
            push_note(observer, NOTE_PING, NULL);
        observer->pinged = TRUE;
        arm_watchdog(observer, STALE_AFTER);
    } else if (observer->answered_real) {
        set_health(observer, GUEST_DRIVER_STALE,
                   "libvirt's daemon does not answer; if this lasts, look at it with "
                   "systemctl status libvirtd");
    } else {
        set_health(observer, GUEST_DRIVER_ABSENT,
                   "libvirt's daemon takes connections but does not answer; look at it with "
                   "systemctl status libvirtd");
    }
    g_mutex_unlock(&observer->lock);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watchdog_functions = {.dispatch = watch};

/* ---- what the connection tells ---- */

static void on_domain(const char *native, gpointer user)
{
    GuestObserver *observer = user;
    g_atomic_int_inc(&observer->happened);
    push_note(observer, NOTE_DOMAIN, native);
}

static void on_file(const char *name, gpointer user)
{
    GuestObserver *observer = user;
    Note *note = g_new0(Note, 1);
    note->kind = NOTE_FILE;
    note->name = g_strdup(name);
    g_async_queue_push(observer->inbox, note);
}

static void on_closed(gpointer user)
{
    push_note(user, NOTE_CLOSED, NULL);
}

static const KvmNews news = {.domain = on_domain, .file = on_file, .closed = on_closed};

/* ---- the reader ---- */

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

static void take_addresses(GuestObserver *observer, Note *note)
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

static void look_at(GuestObserver *observer, virConnectPtr connection, const char *native)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KvmDomain) domain = kvm_domain_find(connection, native, &error);
    if (domain)
        read_domain(observer, domain, native);
    else if (g_error_matches(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND))
        report_gone(observer, native);
}

static gboolean list_all(GuestObserver *observer, virConnectPtr connection)
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

static char *version_text(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000,
                           version % 1000);
}

static json_t *versions_read(virConnectPtr connection)
{
    unsigned long version;
    json_t *versions = json_object();
    if (virConnectGetLibVersion(connection, &version) == 0) {
        g_autofree char *text = version_text(version);
        json_object_set_new(versions, "libvirt", json_string(text));
    }
    if (virConnectGetVersion(connection, &version) == 0 && version) {
        g_autofree char *text = version_text(version);
        json_object_set_new(versions, "qemu", json_string(text));
    }
    return versions;
}

/* Opens, subscribes, lists: in this order, so that what happens during the list
 * is heard and read once more. */
static virConnectPtr reader_connect(GuestObserver *observer)
{
    g_autoptr(GError) error = NULL;
    g_mutex_lock(&observer->lock);
    if (!observer->health_known || observer->health == GUEST_DRIVER_OK) {
        observer->answered = g_get_monotonic_time();
        arm_watchdog(observer, PING_AFTER);
    }
    g_mutex_unlock(&observer->lock);
    virConnectPtr connection = kvm_connect(observer->uri, &error);
    if (!connection) {
        g_mutex_lock(&observer->lock);
        set_health(observer, observer->answered_real ? GUEST_DRIVER_STALE : GUEST_DRIVER_ABSENT,
                   error->message);
        g_mutex_unlock(&observer->lock);
        return NULL;
    }
    (void)virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
    observer->subscription =
        kvm_subscribe(connection, &news, observer_ref(observer), observer_unref);
    g_atomic_int_inc(&observer->happened); /* for those of the time without connection */
    json_t *versions = versions_read(connection);
    observer->connecting = TRUE;
    gboolean listed = list_all(observer, connection);
    observer->connecting = FALSE;
    if (!listed) {
        kvm_finder_forget(observer->finder, NULL);
        json_decref(versions);
        kvm_unsubscribe(g_steal_pointer(&observer->subscription));
        (void)virConnectClose(connection);
        return NULL;
    }
    g_mutex_lock(&observer->lock);
    json_decref(observer->versions);
    observer->versions = versions;
    observer->connection = connection;
    g_cond_broadcast(&observer->wake);
    g_mutex_unlock(&observer->lock);
    note_answer(observer, FALSE);
    return connection;
}

static void reader_disconnect(GuestObserver *observer, virConnectPtr connection)
{
    g_mutex_lock(&observer->lock);
    observer->connection = NULL;
    if (!observer->stop)
        set_health(observer, GUEST_DRIVER_STALE,
                   "libvirt's daemon has gone; connecting again. If this lasts, start it with "
                   "systemctl start libvirtd");
    g_mutex_unlock(&observer->lock);
    kvm_finder_forget(observer->finder, NULL);
    kvm_unsubscribe(g_steal_pointer(&observer->subscription));
    (void)virConnectClose(connection);
}

/* The domains of that name, or all (NULL), are to be read soon. One that is not
 * known yet has an event coming. */
static void add_named(GuestObserver *observer, const char *name)
{
    GHashTableIter iterator;
    gpointer native, summary;
    g_hash_table_iter_init(&iterator, observer->known);
    while (g_hash_table_iter_next(&iterator, &native, &summary))
        if (!name || g_strcmp0(((const GuestSummary *)summary)->name, name) == 0)
            g_hash_table_add(observer->edited, g_strdup(native));
    if (!observer->edited_due)
        observer->edited_due = g_get_monotonic_time() + FILES_PAUSE;
}

static void look_at_all(GuestObserver *observer, virConnectPtr connection, GHashTable *natives)
{
    GHashTableIter iterator;
    gpointer native;
    g_hash_table_iter_init(&iterator, natives);
    while (g_hash_table_iter_next(&iterator, &native, NULL))
        look_at(observer, connection, native);
}

/* All that was reported goes out before this does. */
static void report_looked(GuestObserver *observer, GHashTable *natives)
{
    GHashTableIter iterator;
    gpointer native;
    g_hash_table_iter_init(&iterator, natives);
    while (g_hash_table_iter_next(&iterator, &native, NULL))
        guest_report_looked(observer->report, native);
}

static gboolean look_at_edited(GuestObserver *observer, virConnectPtr connection)
{
    look_at_all(observer, connection, observer->edited);
    g_hash_table_remove_all(observer->edited);
    observer->edited_due = 0;
    return virConnectIsAlive(connection) == 1;
}

/* Handles one note and all that are there already; a domain that several of them
 * name is read once. FALSE when the connection is to be given up. */
static gboolean handle_notes(GuestObserver *observer, virConnectPtr connection, Note *note)
{
    gboolean go_on = TRUE, ping = FALSE;
    g_autoptr(GHashTable) domains =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) looks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (; note; note = g_async_queue_try_pop(observer->inbox)) {
        switch (note->kind) {
        case NOTE_LOOK:
            g_hash_table_add(looks, g_strdup(note->native));
            g_hash_table_add(domains, g_strdup(note->native));
            break;
        case NOTE_DOMAIN:
            g_hash_table_add(domains, g_strdup(note->native));
            break;
        case NOTE_FILE:
            add_named(observer, note->name);
            break;
        case NOTE_ADDRESSES:
            take_addresses(observer, note);
            break;
        case NOTE_PING:
            ping = TRUE;
            break;
        case NOTE_CLOSED:
        case NOTE_STOP:
            go_on = FALSE;
            break;
        }
        note_free(note);
    }
    if (go_on)
        look_at_all(observer, connection, domains);
    gboolean alive = go_on && virConnectIsAlive(connection) == 1;
    if (alive)
        report_looked(observer, looks);
    unsigned long version;
    if (go_on && ping && virConnectGetLibVersion(connection, &version) == 0)
        note_answer(observer, FALSE);
    return alive;
}

/* Waits before the next try; the notes of a time without connection say nothing. */
static void pause_reader(GuestObserver *observer, gint64 pause)
{
    gint64 until = g_get_monotonic_time() + pause;
    while (!stopped(observer)) {
        gint64 left = until - g_get_monotonic_time();
        if (left <= 0)
            return;
        note_free(g_async_queue_timeout_pop(observer->inbox, (guint64)left));
    }
}

/* Waits for something to do, and does it. FALSE when the connection is to be given
 * up. */
static gboolean serve_inbox(GuestObserver *observer, virConnectPtr connection)
{
    Note *note;
    gint64 now = g_get_monotonic_time();
    if (observer->edited_due && observer->edited_due <= now)
        return look_at_edited(observer, connection);
    if (observer->edited_due)
        note =
            g_async_queue_timeout_pop(observer->inbox, (guint64)(observer->edited_due - now));
    else if (kvm_subscription_hears_files(observer->subscription))
        note = g_async_queue_pop(observer->inbox);
    else if (!(note = g_async_queue_timeout_pop(observer->inbox, LIST_AGAIN)))
        return list_all(observer, connection);
    return !note || handle_notes(observer, connection, note);
}

static gpointer run_reader(gpointer pointer)
{
    GuestObserver *observer = pointer;
    gint64 pause = PAUSE_FIRST;
    observer->finder = kvm_finder_new(on_addresses, observer_ref(observer), observer_unref);
    while (!stopped(observer)) {
        virConnectPtr connection = reader_connect(observer);
        if (connection) {
            pause = PAUSE_FIRST;
            while (!stopped(observer) && serve_inbox(observer, connection))
                ;
            reader_disconnect(observer, connection);
        }
        pause_reader(observer, pause);
        pause = MIN(pause * 2, PAUSE_MAX);
    }
    kvm_finder_stop(observer->finder);
    g_mutex_lock(&observer->lock);
    observer->threads--;
    g_cond_broadcast(&observer->wake);
    g_mutex_unlock(&observer->lock);
    observer_unref(observer);
    return NULL;
}

/* ---- the face ---- */

GuestObserver *kvm_observe(const GuestSettings *settings, GMainContext *context,
                           const GuestEvents *events, gpointer user)
{
    (void)kvm_events_start();
    GuestObserver *observer = g_atomic_rc_box_new0(GuestObserver);
    observer->uri = g_strdup(settings->libvirt_uri);
    observer->report = guest_report_new(context, events, user);
    observer->inbox = g_async_queue_new_full(note_free);
    observer->known = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                            (GDestroyNotify)guest_summary_free);
    observer->edited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_init(&observer->lock);
    g_cond_init(&observer->wake);
    observer->watchdog =
        g_source_new(&watchdog_functions, sizeof(GSource) + sizeof(GuestObserver *));
    *(GuestObserver **)(observer->watchdog + 1) = observer;
    g_source_attach(observer->watchdog, context);
    g_mutex_lock(&observer->lock);
    start_figures(observer);
    observer->threads++;
    g_thread_unref(g_thread_new("kvm-reader", run_reader, observer_ref(observer)));
    g_mutex_unlock(&observer->lock);
    return observer;
}

void kvm_observe_stop(GuestObserver *observer)
{
    if (!observer)
        return;
    gint64 until = g_get_monotonic_time() + STOP_PATIENCE;
    guest_report_stop(observer->report);
    push_note(observer, NOTE_STOP, NULL);
    g_mutex_lock(&observer->lock);
    observer->stop = TRUE;
    g_cond_broadcast(&observer->wake);
    /* A thread that waits for an answer is left: it ends when that comes. */
    while (observer->threads > 0 && g_cond_wait_until(&observer->wake, &observer->lock, until))
        ;
    g_mutex_unlock(&observer->lock);
    g_source_destroy(observer->watchdog);
    g_source_unref(observer->watchdog);
    observer_unref(observer);
}

void kvm_observe_look(GuestObserver *observer, const char *native)
{
    g_mutex_lock(&observer->lock);
    observer->looked = g_get_monotonic_time();
    g_mutex_unlock(&observer->lock);
    push_note(observer, NOTE_LOOK, native);
}
