/* The reader: the connection, what it tells, and the notes that the others leave. */
#include "backend/guest/kvm_observe_private.h"

enum {
    SECOND = G_USEC_PER_SEC,
    PAUSE_FIRST = SECOND / 10,
    PAUSE_MAX = 5 * SECOND,
    LIST_AGAIN = 60 * SECOND,
    FILES_PAUSE = SECOND / 10, /* libvirt writes a file several times in a row */
    KEEPALIVE_INTERVAL = 10,   /* seconds, for daemons on other machines */
    KEEPALIVE_COUNT = 6,
};

/* ---- what is told ---- */

static void on_domain(const char *native, gpointer user)
{
    GuestObserver *observer = user;
    g_atomic_int_inc(&observer->happened);
    kvm_observer_push(observer, KVM_NOTE_DOMAIN, native);
}

static void on_file(const char *name, gpointer user)
{
    GuestObserver *observer = user;
    KvmNote *note = g_new0(KvmNote, 1);
    note->kind = KVM_NOTE_FILE;
    note->name = g_strdup(name);
    g_async_queue_push(observer->inbox, note);
}

static void on_closed(gpointer user)
{
    kvm_observer_push(user, KVM_NOTE_CLOSED, NULL);
}

static void on_addresses(const char *native, GStrv addresses, gpointer user)
{
    GuestObserver *observer = user;
    KvmNote *note = g_new0(KvmNote, 1);
    note->kind = KVM_NOTE_ADDRESSES;
    note->addresses = addresses;
    g_strlcpy(note->native, native, sizeof note->native);
    g_async_queue_push(observer->inbox, note);
}

static const KvmNews news = {.domain = on_domain, .file = on_file, .closed = on_closed};

/* ---- the connection ---- */

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
        kvm_observer_arm_watchdog(observer, KVM_PING_AFTER);
    }
    g_mutex_unlock(&observer->lock);
    virConnectPtr connection = kvm_connect(observer->uri, &error);
    if (!connection) {
        g_mutex_lock(&observer->lock);
        kvm_observer_set_health(
            observer, observer->answered_real ? GUEST_DRIVER_STALE : GUEST_DRIVER_ABSENT,
            error->message);
        g_mutex_unlock(&observer->lock);
        return NULL;
    }
    (void)virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT);
    observer->subscription =
        kvm_subscribe(connection, &news, kvm_observer_ref(observer), kvm_observer_unref);
    g_atomic_int_inc(&observer->happened); /* for those of the time without connection */
    json_t *versions = versions_read(connection);
    observer->connecting = TRUE;
    gboolean listed = kvm_known_list(observer, connection);
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
    kvm_observer_note_answer(observer, FALSE);
    return connection;
}

static void reader_disconnect(GuestObserver *observer, virConnectPtr connection)
{
    g_mutex_lock(&observer->lock);
    observer->connection = NULL;
    if (!observer->stop)
        kvm_observer_set_health(
            observer, GUEST_DRIVER_STALE,
            "libvirt's daemon has gone; connecting again. If this lasts, start it with "
            "systemctl start libvirtd");
    g_mutex_unlock(&observer->lock);
    kvm_finder_forget(observer->finder, NULL);
    kvm_unsubscribe(g_steal_pointer(&observer->subscription));
    (void)virConnectClose(connection);
}

/* ---- the inbox ---- */

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
        kvm_known_look(observer, connection, native);
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
static gboolean handle_notes(GuestObserver *observer, virConnectPtr connection, KvmNote *note)
{
    gboolean go_on = TRUE, ping = FALSE;
    g_autoptr(GHashTable) domains =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) looks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (; note; note = g_async_queue_try_pop(observer->inbox)) {
        switch (note->kind) {
        case KVM_NOTE_LOOK:
            g_hash_table_add(looks, g_strdup(note->native));
            g_hash_table_add(domains, g_strdup(note->native));
            break;
        case KVM_NOTE_DOMAIN:
            g_hash_table_add(domains, g_strdup(note->native));
            break;
        case KVM_NOTE_FILE:
            add_named(observer, note->name);
            break;
        case KVM_NOTE_ADDRESSES:
            kvm_known_take_addresses(observer, note);
            break;
        case KVM_NOTE_PING:
            ping = TRUE;
            break;
        case KVM_NOTE_CLOSED:
        case KVM_NOTE_STOP:
            go_on = FALSE;
            break;
        }
        kvm_note_free(note);
    }
    if (go_on)
        look_at_all(observer, connection, domains);
    gboolean alive = go_on && virConnectIsAlive(connection) == 1;
    if (alive)
        report_looked(observer, looks);
    unsigned long version;
    if (go_on && ping && virConnectGetLibVersion(connection, &version) == 0)
        kvm_observer_note_answer(observer, FALSE);
    return alive;
}

/* Waits before the next try; the notes of a time without connection say nothing. */
static void pause_reader(GuestObserver *observer, gint64 pause)
{
    gint64 until = g_get_monotonic_time() + pause;
    while (!kvm_observer_is_stopped(observer)) {
        gint64 left = until - g_get_monotonic_time();
        if (left <= 0)
            return;
        kvm_note_free(g_async_queue_timeout_pop(observer->inbox, (guint64)left));
    }
}

/* Waits for something to do, and does it. FALSE when the connection is to be given
 * up. */
static gboolean serve_inbox(GuestObserver *observer, virConnectPtr connection)
{
    KvmNote *note;
    gint64 now = g_get_monotonic_time();
    if (observer->edited_due && observer->edited_due <= now)
        return look_at_edited(observer, connection);
    if (observer->edited_due)
        note =
            g_async_queue_timeout_pop(observer->inbox, (guint64)(observer->edited_due - now));
    else if (kvm_subscription_hears_files(observer->subscription))
        note = g_async_queue_pop(observer->inbox);
    else if (!(note = g_async_queue_timeout_pop(observer->inbox, LIST_AGAIN)))
        return kvm_known_list(observer, connection);
    return !note || handle_notes(observer, connection, note);
}

gpointer kvm_observer_read(gpointer pointer)
{
    GuestObserver *observer = pointer;
    gint64 pause = PAUSE_FIRST;
    observer->finder =
        kvm_finder_new(on_addresses, kvm_observer_ref(observer), kvm_observer_unref);
    while (!kvm_observer_is_stopped(observer)) {
        virConnectPtr connection = reader_connect(observer);
        if (connection) {
            pause = PAUSE_FIRST;
            while (!kvm_observer_is_stopped(observer) && serve_inbox(observer, connection))
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
    kvm_observer_unref(observer);
    return NULL;
}
