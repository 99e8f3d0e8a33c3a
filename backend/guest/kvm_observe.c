/* The observer itself: what its threads share, whether libvirt answers, and the face. */
#include "backend/guest/kvm_events.h"
#include "backend/guest/kvm_observe_private.h"

enum {
    SECOND = G_USEC_PER_SEC,
    STALE_AFTER = 4 * SECOND, /* of silence */
    STOP_PATIENCE = SECOND,
    FIGURES_THREADS_MAX = 3, /* libvirtd serves 5 requests of a client at once */
};

GuestObserver *kvm_observer_ref(GuestObserver *observer)
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

void kvm_observer_unref(gpointer pointer)
{
    g_atomic_rc_box_release_full(pointer, observer_clear);
}

gboolean kvm_observer_is_stopped(GuestObserver *observer)
{
    g_mutex_lock(&observer->lock);
    gboolean stop = observer->stop;
    g_mutex_unlock(&observer->lock);
    return stop;
}

/* ---- health ---- */

void kvm_observer_set_health(GuestObserver *observer, GuestDriverHealth health,
                             const char *reason)
{
    if (observer->health_known && observer->health == health)
        return;
    observer->health = health;
    observer->health_known = TRUE;
    guest_report_health(observer->report, health, observer->answered_real, reason,
                        observer->versions);
}

void kvm_observer_arm_watchdog(GuestObserver *observer, gint64 after)
{
    g_source_set_ready_time(observer->watchdog, observer->answered + after);
}

void kvm_observer_note_answer(GuestObserver *observer, gboolean statistics)
{
    g_mutex_lock(&observer->lock);
    gboolean was_silent = observer->pinged || observer->health != GUEST_DRIVER_OK;
    observer->answered = g_get_monotonic_time();
    observer->answered_real = g_get_real_time() / SECOND;
    observer->pong = observer->pinged && !statistics;
    observer->pinged = FALSE;
    if (observer->connection && observer->versions)
        kvm_observer_set_health(observer, GUEST_DRIVER_OK, NULL);
    if (was_silent)
        kvm_observer_arm_watchdog(observer, observer->pong ? 0 : KVM_PING_AFTER);
    g_mutex_unlock(&observer->lock);
}

/* ---- the inbox ---- */

void kvm_note_free(gpointer pointer)
{
    KvmNote *note = pointer;
    if (note) {
        g_strfreev(note->addresses);
        g_free(note->name);
    }
    g_free(note);
}

void kvm_observer_push(GuestObserver *observer, KvmNoteKind kind, const char *native)
{
    KvmNote *note = g_new0(KvmNote, 1);
    note->kind = kind;
    if (native)
        g_strlcpy(note->native, native, sizeof note->native);
    g_async_queue_push(observer->inbox, note);
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
            kvm_observer_start_figures(observer);
        kvm_observer_arm_watchdog(observer, KVM_PING_AFTER);
    } else if (silence < KVM_PING_AFTER) {
        kvm_observer_arm_watchdog(observer, KVM_PING_AFTER);
    } else if (silence < STALE_AFTER) {
        if (!observer->pinged && observer->connection)
            kvm_observer_push(observer, KVM_NOTE_PING, NULL);
        observer->pinged = TRUE;
        kvm_observer_arm_watchdog(observer, STALE_AFTER);
    } else if (observer->answered_real) {
        kvm_observer_set_health(
            observer, GUEST_DRIVER_STALE,
            "libvirt's daemon does not answer; if this lasts, look at it with "
            "systemctl status libvirtd");
    } else {
        kvm_observer_set_health(
            observer, GUEST_DRIVER_ABSENT,
            "libvirt's daemon takes connections but does not answer; look at it with "
            "systemctl status libvirtd");
    }
    g_mutex_unlock(&observer->lock);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watchdog_functions = {.dispatch = watch};

/* ---- the face ---- */

GuestObserver *kvm_observe(const GuestSettings *settings, GMainContext *context,
                           const GuestEvents *events, gpointer user)
{
    (void)kvm_events_start();
    GuestObserver *observer = g_atomic_rc_box_new0(GuestObserver);
    observer->uri = g_strdup(settings->libvirt_uri);
    observer->report = guest_report_new(context, events, user);
    observer->inbox = g_async_queue_new_full(kvm_note_free);
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
    kvm_observer_start_figures(observer);
    observer->threads++;
    g_thread_unref(g_thread_new("kvm-reader", kvm_observer_read, kvm_observer_ref(observer)));
    g_mutex_unlock(&observer->lock);
    return observer;
}

void kvm_observe_stop(GuestObserver *observer)
{
    if (!observer)
        return;
    gint64 until = g_get_monotonic_time() + STOP_PATIENCE;
    guest_report_stop(observer->report);
    kvm_observer_push(observer, KVM_NOTE_STOP, NULL);
    g_mutex_lock(&observer->lock);
    observer->stop = TRUE;
    g_cond_broadcast(&observer->wake);
    /* A thread that waits for an answer is left: it ends when that comes. */
    while (observer->threads > 0 && g_cond_wait_until(&observer->wake, &observer->lock, until))
        ;
    g_mutex_unlock(&observer->lock);
    g_source_destroy(observer->watchdog);
    g_source_unref(observer->watchdog);
    kvm_observer_unref(observer);
}

void kvm_observe_look(GuestObserver *observer, const char *native)
{
    g_mutex_lock(&observer->lock);
    observer->looked = g_get_monotonic_time();
    g_mutex_unlock(&observer->lock);
    kvm_observer_push(observer, KVM_NOTE_LOOK, native);
}
