/* The contract that is kept here: https://libvirt.org/html/libvirt-libvirt-event.html
 * Identifiers count from 1 and are never used again. Callbacks run in the thread
 * of the loop and without the lock, so they may come back to any function here;
 * what is freed for a handle or timer that was removed is freed in that thread
 * too, hence never while its callback runs. */
#include "backend/guest/kvm_events.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { BATCH = 16, TIMER_KEY = 0 };

/* A watched descriptor or a timer. */
typedef struct {
    int key; /* its identifier */
    int descriptor, events;
    virEventHandleCallback handle;
    int interval; /* milliseconds; below 0: off */
    gint64 due;   /* monotonic microseconds */
    virEventTimeoutCallback timer;
    void *opaque;
    virFreeCallback release;
} Entry;

static struct {
    GMutex lock;
    int poll, clock; /* epoll, and the timerfd in it */
    gint64 alarm;    /* what the timerfd is set to; 0: nothing */
    int last_key;
    GHashTable *handles, *timers; /* of Entry by key */
    GSList *removed;              /* of Entry, to be freed by the loop */
} loop;

static uint32_t to_epoll(int events)
{
    return (events & VIR_EVENT_HANDLE_READABLE ? (uint32_t)EPOLLIN : 0) |
           (events & VIR_EVENT_HANDLE_WRITABLE ? (uint32_t)EPOLLOUT : 0);
}

static int from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? VIR_EVENT_HANDLE_READABLE : 0) |
           (events & EPOLLOUT ? VIR_EVENT_HANDLE_WRITABLE : 0) |
           (events & EPOLLERR ? VIR_EVENT_HANDLE_ERROR : 0) |
           (events & EPOLLHUP ? VIR_EVENT_HANDLE_HANGUP : 0);
}

/* With the lock held. A descriptor without events is taken out altogether, for
 * epoll would still report its hang-up, again and again. */
static int watch(Entry *entry, int events)
{
    struct epoll_event event = {.events = to_epoll(events), .data.u32 = (uint32_t)entry->key};
    gboolean was_in = to_epoll(entry->events) != 0, is_in = event.events != 0;
    entry->events = events;
    if (!was_in && !is_in)
        return 0;
    return epoll_ctl(loop.poll,
                     !was_in ? EPOLL_CTL_ADD
                     : is_in ? EPOLL_CTL_MOD
                             : EPOLL_CTL_DEL,
                     entry->descriptor, &event);
}

/* With the lock held: sets the clock to the next timer, or at once when there is
 * something to free. libvirt puts its keepalive off with each message: only the
 * loop itself (again) sets the clock to a later time, when it was woken. */
static void set_clock(gboolean again)
{
    GHashTableIter iterator;
    gpointer value;
    gint64 next = loop.removed ? 1 : G_MAXINT64;
    g_hash_table_iter_init(&iterator, loop.timers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const Entry *entry = value;
        if (entry->interval >= 0)
            next = MIN(next, MAX(entry->due, 1));
    }
    if (!again && loop.alarm && loop.alarm <= next)
        return;
    loop.alarm = next == G_MAXINT64 ? 0 : next;
    struct itimerspec when = {0};
    if (next != G_MAXINT64) {
        when.it_value.tv_sec = next / G_USEC_PER_SEC;
        when.it_value.tv_nsec = next % G_USEC_PER_SEC * 1000;
    }
    (void)timerfd_settime(loop.clock, TFD_TIMER_ABSTIME, &when, NULL);
}

static Entry *add(GHashTable *table, void *opaque, virFreeCallback release)
{
    Entry *entry = g_new0(Entry, 1);
    entry->key = ++loop.last_key;
    entry->opaque = opaque;
    entry->release = release;
    g_hash_table_insert(table, GINT_TO_POINTER(entry->key), entry);
    return entry;
}

static Entry *find(GHashTable *table, int key)
{
    return g_hash_table_lookup(table, GINT_TO_POINTER(key));
}

static int add_handle(int descriptor, int events, virEventHandleCallback callback, void *opaque,
                      virFreeCallback release)
{
    g_mutex_lock(&loop.lock);
    Entry *entry = add(loop.handles, opaque, release);
    entry->descriptor = descriptor;
    entry->handle = callback;
    int key = entry->key;
    if (watch(entry, events) < 0) {
        g_hash_table_remove(loop.handles, GINT_TO_POINTER(key));
        g_free(entry); /* opaque stays the caller's */
        key = -1;
    }
    g_mutex_unlock(&loop.lock);
    return key;
}

static void update_handle(int key, int events)
{
    g_mutex_lock(&loop.lock);
    Entry *entry = find(loop.handles, key);
    if (entry && entry->events != events)
        (void)watch(entry, events);
    g_mutex_unlock(&loop.lock);
}

static int remove_entry(GHashTable *table, int key)
{
    g_mutex_lock(&loop.lock);
    Entry *entry = find(table, key);
    if (entry) {
        if (entry->handle)
            (void)watch(entry, 0);
        g_hash_table_remove(table, GINT_TO_POINTER(key));
        loop.removed = g_slist_prepend(loop.removed, entry);
        set_clock(FALSE);
    }
    g_mutex_unlock(&loop.lock);
    return entry ? 0 : -1;
}

static int remove_handle(int key)
{
    return remove_entry(loop.handles, key);
}

/* With the lock held. */
static void set_interval(Entry *entry, int milliseconds)
{
    entry->interval = milliseconds;
    entry->due = g_get_monotonic_time() + (gint64)milliseconds * 1000;
    set_clock(FALSE);
}

static int add_timer(int milliseconds, virEventTimeoutCallback callback, void *opaque,
                     virFreeCallback release)
{
    g_mutex_lock(&loop.lock);
    Entry *entry = add(loop.timers, opaque, release);
    entry->timer = callback;
    set_interval(entry, milliseconds);
    int key = entry->key;
    g_mutex_unlock(&loop.lock);
    return key;
}

static void update_timer(int key, int milliseconds)
{
    g_mutex_lock(&loop.lock);
    Entry *entry = find(loop.timers, key);
    if (entry && (entry->interval >= 0 || milliseconds >= 0))
        set_interval(entry, milliseconds);
    g_mutex_unlock(&loop.lock);
}

static int remove_timer(int key)
{
    return remove_entry(loop.timers, key);
}

/* ---- the thread ---- */

static void run_handle(int key, uint32_t events)
{
    g_mutex_lock(&loop.lock);
    const Entry *entry = find(loop.handles, key);
    /* It may have been removed or switched off since epoll saw it. */
    if (!entry || !to_epoll(entry->events)) {
        g_mutex_unlock(&loop.lock);
        return;
    }
    Entry copy = *entry;
    g_mutex_unlock(&loop.lock);
    copy.handle(key, copy.descriptor, from_epoll(events), copy.opaque);
}

/* The timers that are due, each once; a callback may remove any of them. */
static void run_timers(void)
{
    gint64 now = g_get_monotonic_time();
    g_autoptr(GArray) due = g_array_new(FALSE, FALSE, sizeof(Entry));
    GHashTableIter iterator;
    gpointer value;
    g_mutex_lock(&loop.lock);
    g_hash_table_iter_init(&iterator, loop.timers);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        Entry *entry = value;
        if (entry->interval >= 0 && entry->due <= now) {
            entry->due = now + (gint64)entry->interval * 1000;
            g_array_append_val(due, *entry);
        }
    }
    g_mutex_unlock(&loop.lock);
    for (guint i = 0; i < due->len; i++) {
        const Entry *copy = &g_array_index(due, Entry, i);
        g_mutex_lock(&loop.lock);
        gboolean there = find(loop.timers, copy->key) != NULL;
        g_mutex_unlock(&loop.lock);
        if (there)
            copy->timer(copy->key, copy->opaque);
    }
}

static void free_removed(void)
{
    g_mutex_lock(&loop.lock);
    GSList *removed = g_steal_pointer(&loop.removed);
    g_mutex_unlock(&loop.lock);
    for (GSList *item = removed; item; item = item->next) {
        Entry *entry = item->data;
        if (entry->release)
            entry->release(entry->opaque);
        g_free(entry);
    }
    g_slist_free(removed);
}

static gpointer run(gpointer unused)
{
    for (;;) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(loop.poll, events, BATCH, -1);
        gboolean clock = FALSE;
        for (int i = 0; i < count; i++) {
            if (events[i].data.u32 == TIMER_KEY)
                clock = TRUE;
            else
                run_handle((int)events[i].data.u32, events[i].events);
        }
        if (!clock)
            continue;
        run_timers();
        free_removed();
        g_mutex_lock(&loop.lock);
        set_clock(TRUE); /* which also makes the descriptor unreadable */
        g_mutex_unlock(&loop.lock);
    }
    return NULL;
}

static gboolean start(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = TIMER_KEY};
    loop.poll = epoll_create1(EPOLL_CLOEXEC);
    loop.clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop.poll < 0 || loop.clock < 0 ||
        epoll_ctl(loop.poll, EPOLL_CTL_ADD, loop.clock, &event) < 0)
        return FALSE;
    loop.handles = g_hash_table_new(NULL, NULL);
    loop.timers = g_hash_table_new(NULL, NULL);
    virEventRegisterImpl(add_handle, update_handle, remove_handle, add_timer, update_timer,
                         remove_timer);
    g_thread_unref(g_thread_new("libvirt-events", run, NULL));
    return TRUE;
}

gboolean kvm_events_start(void)
{
    static gsize once;
    enum { GOOD = 1, BAD = 2 };
    if (g_once_init_enter(&once))
        g_once_init_leave(&once, start() ? GOOD : BAD);
    return once == GOOD;
}
