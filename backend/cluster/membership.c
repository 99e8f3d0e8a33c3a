#include "backend/cluster/membership_private.h"
#include "backend/wire/error.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LOOK_FOR_SILENCE = 1000 /* ms */ };

struct Membership {
    MembershipShared *shared;
    MembershipEvents events;
    gpointer user;
    MembershipState state;
    gint64 since;
    MembershipView *view;
    GSource *watch; /* for silence */
};

void membership_order_free(gpointer data)
{
    Order *order = data;
    g_clear_pointer(&order->data, g_bytes_unref);
    g_clear_error(&order->error);
    g_free(order);
}

void membership_shared_unref(MembershipShared *shared)
{
    if (!g_atomic_int_dec_and_test(&shared->references))
        return;
    for (guint i = 0; shared->groups[i]; i++)
        g_free(shared->groups[i]);
    g_queue_clear_full(&shared->orders, membership_order_free);
    g_mutex_clear(&shared->mutex);
    g_main_context_unref(shared->context);
    (void)close(shared->wake);
    g_free(shared);
}

/* ---- what the thread tells ---- */

static void enter(Membership *self, MembershipState state)
{
    if (self->state == state)
        return;
    self->state = state;
    self->since = g_get_monotonic_time();
}

static void clear_groups(Membership *self)
{
    for (guint i = 0; self->shared->groups[i]; i++)
        if (self->events.members)
            self->events.members(i, NULL, 0, self->user);
}

static void take_absent(Membership *self)
{
    MembershipShared *shared = self->shared;
    gboolean was_up = self->state != MEMBERSHIP_ABSENT;
    g_clear_pointer(&self->view, membership_view_unref);
    enter(self, MEMBERSHIP_ABSENT);
    if (was_up)
        clear_groups(self);
    if (shared->owner && was_up)
        self->events.changed(self->user);
}

static void take_view(Membership *self, MembershipNews *news)
{
    g_clear_pointer(&self->view, membership_view_unref);
    self->view = g_steal_pointer(&news->view);
    enter(self, MEMBERSHIP_UP);
    self->events.changed(self->user);
}

static void take(Membership *self, MembershipNews *news)
{
    gsize size;
    switch (news->kind) {
    case TOLD_ABSENT:
        take_absent(self);
        break;
    case TOLD_VIEW:
        take_view(self, news);
        break;
    case TOLD_MEMBERS:
        if (self->events.members)
            self->events.members(news->group, (const MembershipPeer *)(void *)news->peers->data,
                                 news->peers->len, self->user);
        break;
    case TOLD_MESSAGE:
        if (self->events.message) {
            const void *data = g_bytes_get_data(news->data, &size);
            self->events.message(news->group, &news->from, data, size, self->user);
        }
        break;
    case TOLD_DONE:
        if (news->order->done)
            news->order->done(news->order->error, news->order->user);
        break;
    }
}

static void news_free(gpointer data)
{
    MembershipNews *news = data;
    membership_shared_unref(news->shared);
    membership_view_unref(news->view);
    g_clear_pointer(&news->peers, g_array_unref);
    g_clear_pointer(&news->data, g_bytes_unref);
    g_clear_pointer(&news->order, membership_order_free);
    g_free(news);
}

static gboolean on_news(gpointer data)
{
    MembershipNews *news = data;
    if (news->shared->owner)
        take(news->shared->owner, news);
    return G_SOURCE_REMOVE;
}

void membership_take(MembershipNews *news)
{
    MembershipShared *shared = news->shared;
    GSource *source = g_idle_source_new();
    g_atomic_int_inc(&shared->references);
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_news, news, news_free);
    g_source_attach(source, shared->context);
    g_source_unref(source);
}

/* ---- silence ---- */

static gboolean on_watch(gpointer user)
{
    Membership *self = user;
    g_mutex_lock(&self->shared->mutex);
    gint64 busy = self->shared->busy;
    g_mutex_unlock(&self->shared->mutex);
    gint64 limit = (gint64)MEMBERSHIP_SILENCE * G_USEC_PER_SEC;
    if (self->state != MEMBERSHIP_SILENT && busy && g_get_monotonic_time() - busy > limit) {
        self->state = MEMBERSHIP_SILENT;
        self->since = busy;
        self->events.changed(self->user);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- from outside ---- */

Membership *membership_new(const char *const *groups, const MembershipEvents *events,
                           gpointer user)
{
    Membership *self = g_new0(Membership, 1);
    MembershipShared *shared = g_new0(MembershipShared, 1);
    g_mutex_init(&shared->mutex);
    g_queue_init(&shared->orders);
    shared->references = 2;
    shared->context = g_main_context_ref_thread_default();
    shared->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    shared->owner = self;
    for (guint i = 0; groups && groups[i] && i < MEMBERSHIP_GROUPS_MAX; i++)
        shared->groups[i] = g_strdup(groups[i]);
    self->shared = shared;
    self->events = *events;
    self->user = user;
    self->since = g_get_monotonic_time();
    self->watch = g_timeout_source_new(LOOK_FOR_SILENCE);
    g_source_set_callback(self->watch, on_watch, self, NULL);
    g_source_attach(self->watch, shared->context);
    g_thread_unref(g_thread_new("corosync", membership_thread, shared));
    return self;
}

static void wake(MembershipShared *shared)
{
    guint64 one = 1;
    (void)!write(shared->wake, &one, sizeof one);
}

void membership_free(Membership *self)
{
    if (!self)
        return;
    MembershipShared *shared = self->shared;
    g_source_destroy(self->watch);
    g_source_unref(self->watch);
    shared->owner = NULL;
    g_mutex_lock(&shared->mutex);
    shared->ended = TRUE;
    g_mutex_unlock(&shared->mutex);
    wake(shared);
    membership_shared_unref(shared);
    membership_view_unref(self->view);
    g_free(self);
}

MembershipState membership_state(const Membership *self, gint64 *since)
{
    if (since)
        *since = self->since;
    return self->state;
}

const MembershipView *membership_view(const Membership *self)
{
    return self->view;
}

void membership_poke(Membership *self)
{
    g_mutex_lock(&self->shared->mutex);
    self->shared->poked = TRUE;
    g_mutex_unlock(&self->shared->mutex);
    wake(self->shared);
}

static gboolean submit(Membership *self, Order *order, GError **error)
{
    gboolean full;
    g_mutex_lock(&self->shared->mutex);
    full = g_queue_get_length(&self->shared->orders) >= MEMBERSHIP_QUEUE_MAX;
    if (!full)
        g_queue_push_tail(&self->shared->orders, order);
    g_mutex_unlock(&self->shared->mutex);
    if (!full) {
        wake(self->shared);
        return TRUE;
    }
    membership_order_free(order);
    wire_error_set(error, WIRE_ERROR_LIMIT, "%d messages wait for corosync already",
                   MEMBERSHIP_QUEUE_MAX);
    return FALSE;
}

gboolean membership_send(Membership *self, guint group, const void *data, size_t size,
                         GError **error)
{
    if (self->state != MEMBERSHIP_UP) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "corosync does not answer on this node");
        return FALSE;
    }
    if (size > MEMBERSHIP_MESSAGE_MAX - 1024) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "a message of %zu bytes is too large", size);
        return FALSE;
    }
    Order *order = g_new0(Order, 1);
    order->kind = ORDER_SEND;
    order->group = group;
    order->data = g_bytes_new(data, size);
    return submit(self, order, error);
}

/* A command that found no place fails through its callback, like any other failure. */
static gboolean on_no_place(gpointer data)
{
    Order *order = data;
    g_autoptr(GError) error = NULL;
    wire_error_set(&error, WIRE_ERROR_LIMIT, "too much waits for corosync already");
    order->done(error, order->user);
    return G_SOURCE_REMOVE;
}

static void command(Membership *self, OrderKind kind, guint votes, MembershipDone done,
                    gpointer user)
{
    Order *order = g_new0(Order, 1);
    *order = (Order){.kind = kind, .votes = votes, .done = done, .user = user};
    if (submit(self, order, NULL) || !done)
        return;
    order = g_new0(Order, 1);
    *order = (Order){.done = done, .user = user};
    GSource *source = g_idle_source_new();
    g_source_set_callback(source, on_no_place, order, membership_order_free);
    g_source_attach(source, self->shared->context);
    g_source_unref(source);
}

void membership_reload(Membership *self, MembershipDone done, gpointer user)
{
    command(self, ORDER_RELOAD, 0, done, user);
}

void membership_expect(Membership *self, guint votes, MembershipDone done, gpointer user)
{
    command(self, ORDER_EXPECT, votes, done, user);
}

void membership_shutdown(Membership *self, MembershipDone done, gpointer user)
{
    command(self, ORDER_SHUTDOWN, 0, done, user);
}
