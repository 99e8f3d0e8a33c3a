/* The thread: connects, dispatches, looks, sends. All that may hang happens here. */
#include "backend/cluster/membership_private.h"
#include "backend/wire/error.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
    PAUSE_FIRST = 200, /* ms, before corosync is tried again */
    PAUSE_MAX = 5000,
    LOOK_EVERY = 2000, /* ms */
    SEND_AGAIN = 20,   /* ms, while corosync takes no more messages */
    JOIN_TRIES = 100
};

typedef struct {
    MembershipShared *shared;
    MembershipHandles handles;
    MembershipTold told;
    cpg_handle_t groups[MEMBERSHIP_GROUPS_MAX];
    guint group_count;
    gboolean changed; /* quorum told something: look at once */
    gboolean full;    /* a message could not be sent yet */
    gint64 looked;
} Thread;

/* ---- telling ---- */

static MembershipNews *news_new(const Thread *self, int kind)
{
    MembershipNews *news = g_new0(MembershipNews, 1);
    news->shared = self->shared;
    news->kind = kind;
    return news;
}

static void set_busy(const Thread *self, gboolean busy)
{
    g_mutex_lock(&self->shared->mutex);
    self->shared->busy = busy ? g_get_monotonic_time() : 0;
    g_mutex_unlock(&self->shared->mutex);
}

static gboolean has_ended(const Thread *self)
{
    g_mutex_lock(&self->shared->mutex);
    gboolean ended = self->shared->ended;
    g_mutex_unlock(&self->shared->mutex);
    return ended;
}

/* ---- corosync's callbacks ---- */

static void on_quorum(quorum_handle_t handle, uint32_t quorate, struct quorum_ring_id ring,
                      uint32_t count, const uint32_t *members)
{
    const void *context = NULL;
    (void)quorum_context_get(handle, &context);
    Thread *self = (Thread *)(gintptr)context;
    self->told.quorate = quorate != 0;
    self->told.losses += quorate ? 0 : 1;
    self->told.ring = ring;
    g_array_set_size(self->told.members, 0);
    for (uint32_t i = 0; i < count; i++) {
        guint id = members[i];
        g_array_append_val(self->told.members, id);
    }
    self->changed = TRUE;
}

static void on_nodes(quorum_handle_t handle, struct quorum_ring_id ring, uint32_t count,
                     const uint32_t *members, uint32_t joined_count, const uint32_t *joined,
                     uint32_t left_count, const uint32_t *left)
{
    /* The quorum's own notification follows with the same members. */
}

static guint group_of(const Thread *self, cpg_handle_t handle)
{
    guint i = 0;
    while (i + 1 < self->group_count && self->groups[i] != handle)
        i++;
    return i;
}

static Thread *thread_of(cpg_handle_t handle)
{
    void *context = NULL;
    (void)cpg_context_get(handle, &context);
    return context;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *group, uint32_t node,
                       uint32_t process, void *data, size_t size)
{
    const Thread *self = thread_of(handle);
    MembershipNews *news = news_new(self, TOLD_MESSAGE);
    news->group = group_of(self, handle);
    news->from = (MembershipPeer){node, process};
    news->data = g_bytes_new(data, size);
    membership_take(news);
}

static void on_members(cpg_handle_t handle, const struct cpg_name *group,
                       const struct cpg_address *members, size_t count,
                       const struct cpg_address *left, size_t left_count,
                       const struct cpg_address *joined, size_t joined_count)
{
    const Thread *self = thread_of(handle);
    MembershipNews *news = news_new(self, TOLD_MEMBERS);
    news->group = group_of(self, handle);
    news->peers = g_array_new(FALSE, FALSE, sizeof(MembershipPeer));
    for (size_t i = 0; i < count; i++) {
        MembershipPeer peer = {members[i].nodeid, members[i].pid};
        g_array_append_val(news->peers, peer);
    }
    membership_take(news);
}

/* ---- connecting ---- */

static void disconnect(Thread *self)
{
    MembershipHandles *h = &self->handles;
    for (guint i = 0; i < self->group_count; i++)
        (void)cpg_finalize(self->groups[i]);
    self->group_count = 0;
    if (h->quorum)
        (void)quorum_finalize(h->quorum);
    if (h->votequorum)
        (void)votequorum_finalize(h->votequorum);
    if (h->cmap)
        (void)cmap_finalize(h->cmap);
    if (h->stats)
        (void)cmap_finalize(h->stats);
    if (h->cfg)
        (void)corosync_cfg_finalize(h->cfg);
    *h = (MembershipHandles){0};
    g_array_set_size(self->told.members, 0);
    self->told.losses++; /* nobody knows what was meanwhile */
    self->full = FALSE;
}

static cs_error_t join_group(Thread *self, const char *name)
{
    cpg_model_v1_data_t model = {
        .model = CPG_MODEL_V1, .cpg_deliver_fn = on_message, .cpg_confchg_fn = on_members};
    struct cpg_name group = {.length = (uint32_t)strlen(name)};
    cpg_handle_t handle;
    memcpy(group.value, name, MIN(strlen(name), sizeof group.value - 1));
    cs_error_t code =
        cpg_model_initialize(&handle, CPG_MODEL_V1, (cpg_model_data_t *)&model, self);
    if (code != CS_OK)
        return code;
    self->groups[self->group_count++] = handle;
    for (int i = 0; i < JOIN_TRIES && !has_ended(self); i++) {
        code = cpg_join(handle, &group);
        if (code != CS_ERR_TRY_AGAIN)
            break;
        set_busy(self, FALSE); /* it answers, and asks for patience */
        g_usleep(SEND_AGAIN * 1000UL);
        set_busy(self, TRUE);
    }
    return code;
}

static cs_error_t connect_all(Thread *self)
{
    quorum_model_v1_data_t model = {.model = QUORUM_MODEL_V1,
                                    .quorum_notify_fn = on_quorum,
                                    .nodelist_notify_fn = on_nodes};
    MembershipHandles *h = &self->handles;
    uint32_t type = 0;
    cs_error_t code = cmap_initialize(&h->cmap);
    if (code == CS_OK)
        code = cmap_initialize_map(&h->stats, CMAP_MAP_STATS);
    if (code == CS_OK)
        code = corosync_cfg_initialize(&h->cfg, NULL);
    if (code == CS_OK)
        code = votequorum_initialize(&h->votequorum, NULL);
    if (code == CS_OK)
        code = quorum_model_initialize(&h->quorum, QUORUM_MODEL_V1,
                                       (quorum_model_data_t *)&model, &type, self);
    if (code == CS_OK)
        code = quorum_trackstart(h->quorum, CS_TRACK_CURRENT | CS_TRACK_CHANGES);
    for (guint i = 0; code == CS_OK && self->shared->groups[i]; i++)
        code = join_group(self, self->shared->groups[i]);
    self->changed = FALSE;
    return code;
}

/* ---- orders ---- */

static void tell_done(const Thread *self, Order *order, cs_error_t code, const char *doing)
{
    if (code != CS_OK)
        wire_error_set(&order->error,
                       code == CS_ERR_LIBRARY ? WIRE_ERROR_UNAVAILABLE : WIRE_ERROR_FAILED,
                       "%s: %s", doing, membership_error_words(code));
    MembershipNews *news = news_new(self, TOLD_DONE);
    news->order = order;
    membership_take(news);
}

static cs_error_t carry_out(const Thread *self, const Order *order)
{
    switch (order->kind) {
    case ORDER_RELOAD:
        return corosync_cfg_reload_config(self->handles.cfg);
    case ORDER_EXPECT:
        return votequorum_setexpected(self->handles.votequorum, order->votes);
    case ORDER_SHUTDOWN:
        return corosync_cfg_try_shutdown(self->handles.cfg,
                                         COROSYNC_CFG_SHUTDOWN_FLAG_REGARDLESS);
    default:
        return CS_ERR_INVALID_PARAM;
    }
}

static cs_error_t send_message(const Thread *self, const Order *order)
{
    gsize size;
    gconstpointer data = g_bytes_get_data(order->data, &size);
    struct iovec piece = {.iov_base = (void *)(gintptr)data, .iov_len = size};
    return cpg_mcast_joined(self->groups[order->group], CPG_TYPE_AGREED, &piece, 1);
}

static Order *next_order(const Thread *self)
{
    g_mutex_lock(&self->shared->mutex);
    Order *order = g_queue_pop_head(&self->shared->orders);
    g_mutex_unlock(&self->shared->mutex);
    return order;
}

static void put_back(const Thread *self, Order *order)
{
    g_mutex_lock(&self->shared->mutex);
    g_queue_push_head(&self->shared->orders, order);
    g_mutex_unlock(&self->shared->mutex);
}

static cs_error_t carry_out_orders(Thread *self)
{
    static const char *const doing[] = {"", "reading corosync.conf again",
                                        "setting the expected votes", "ending corosync"};
    Order *order;
    self->full = FALSE;
    while ((order = next_order(self))) {
        if (order->kind != ORDER_SEND) {
            cs_error_t code = carry_out(self, order);
            self->changed = TRUE;
            tell_done(self, order, code, doing[order->kind]);
            continue;
        }
        cs_error_t code = send_message(self, order);
        if (code == CS_ERR_TRY_AGAIN) {
            put_back(self, order);
            self->full = TRUE;
            return CS_OK;
        }
        membership_order_free(order);
        if (code != CS_OK)
            return code;
    }
    return CS_OK;
}

static void refuse_orders(const Thread *self)
{
    Order *order;
    while ((order = next_order(self))) {
        if (order->kind == ORDER_SEND)
            membership_order_free(order);
        else
            tell_done(self, order, CS_ERR_LIBRARY, "asking corosync");
    }
}

/* ---- the loop ---- */

static cs_error_t look(Thread *self)
{
    cs_error_t code;
    MembershipView *view = membership_look(&self->handles, &self->told, &code);
    self->changed = FALSE;
    self->looked = g_get_monotonic_time();
    if (!view)
        return code == CS_ERR_TRY_AGAIN ? CS_OK : code;
    MembershipNews *news = news_new(self, TOLD_VIEW);
    news->view = view;
    membership_take(news);
    return CS_OK;
}

static cs_error_t dispatch(Thread *self, const struct pollfd *fds)
{
    cs_error_t code = CS_OK;
    if (fds[1].revents)
        code = quorum_dispatch(self->handles.quorum, CS_DISPATCH_ALL);
    for (guint i = 0; code == CS_OK && i < self->group_count; i++)
        if (fds[2 + i].revents)
            code = cpg_dispatch(self->groups[i], CS_DISPATCH_ALL);
    return code == CS_ERR_TRY_AGAIN ? CS_OK : code;
}

static void drain(int wake)
{
    guint64 count;
    (void)!read(wake, &count, sizeof count);
}

static gboolean take_poke(const Thread *self)
{
    drain(self->shared->wake);
    g_mutex_lock(&self->shared->mutex);
    gboolean poked = self->shared->poked;
    self->shared->poked = FALSE;
    g_mutex_unlock(&self->shared->mutex);
    return poked;
}

/* Until corosync goes away or this thread shall end. The first look waits until quorum
 * has told who is there. */
static void serve(Thread *self)
{
    cs_error_t code = CS_OK;
    self->looked = g_get_monotonic_time();
    while (code == CS_OK && !has_ended(self)) {
        struct pollfd fds[2 + MEMBERSHIP_GROUPS_MAX];
        fds[0] = (struct pollfd){.fd = self->shared->wake, .events = POLLIN};
        fds[1] = (struct pollfd){.events = POLLIN};
        (void)quorum_fd_get(self->handles.quorum, &fds[1].fd);
        for (guint i = 0; i < self->group_count; i++) {
            fds[2 + i] = (struct pollfd){.events = POLLIN};
            (void)cpg_fd_get(self->groups[i], &fds[2 + i].fd);
        }
        gint64 age = (g_get_monotonic_time() - self->looked) / 1000;
        int timeout = self->full ? SEND_AGAIN : (int)CLAMP(LOOK_EVERY - age, 20, LOOK_EVERY);
        set_busy(self, FALSE);
        (void)poll(fds, 2 + self->group_count, timeout);
        set_busy(self, TRUE);
        if (fds[0].revents && take_poke(self))
            self->changed |= self->told.members->len > 0;
        code = dispatch(self, fds);
        if (code == CS_OK)
            code = carry_out_orders(self);
        age = (g_get_monotonic_time() - self->looked) / 1000;
        gboolean due = self->told.members->len > 0 && age >= LOOK_EVERY;
        if (code == CS_OK && (self->changed || due))
            code = look(self);
    }
}

/* Waits, or until it is poked or shall end. */
static void rest(Thread *self, int *pause)
{
    struct pollfd wake = {.fd = self->shared->wake, .events = POLLIN};
    set_busy(self, FALSE);
    (void)poll(&wake, 1, *pause);
    *pause = MIN(*pause * 2, PAUSE_MAX);
    if (take_poke(self))
        *pause = PAUSE_FIRST;
}

gpointer membership_thread(gpointer data)
{
    Thread self = {.shared = data};
    int pause = PAUSE_FIRST;
    self.told.members = g_array_new(FALSE, FALSE, sizeof(guint));
    while (!has_ended(&self)) {
        set_busy(&self, TRUE);
        if (connect_all(&self) == CS_OK) {
            pause = PAUSE_FIRST;
            serve(&self);
        }
        disconnect(&self);
        membership_take(news_new(&self, TOLD_ABSENT));
        refuse_orders(&self);
        if (!has_ended(&self))
            rest(&self, &pause);
    }
    g_array_unref(self.told.members);
    membership_shared_unref(self.shared);
    return NULL;
}
