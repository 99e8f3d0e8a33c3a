#include "agent/cluster_follow.h"

#include "agent/cluster.h"
#include "agent/cluster_steps.h"
#include "agent/events.h"
#include "backend/cluster/change_message.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/wire/error.h"

#include <string.h>

typedef struct {
    MembershipPeer peer;
    guint64 version;
    char *hash;
} Fellow; /* another agent, or this one */

struct ClusterFollow {
    Agent *agent;
    Membership *membership;
    void (*changed)(gpointer user);
    gpointer user;
    GArray *peers;      /* of MembershipPeer: all in the group */
    GPtrArray *fellows; /* of Fellow: those that have said `here` */
    char *text;         /* this node's file; NULL: none */
    guint64 version;
    /* the change under way; change is NULL when there is none */
    char *change;
    MembershipPeer leader;
    guint64 target; /* its version */
    guint without;
    gboolean committed;
    guint gone;      /* corosync shall read the file once this node is gone; 0: none */
    guint undone;    /* agents that have said so, while reloading */
    gboolean reload; /* after an undo: once all have said undone */
    ClusterSteps *steps;
};

/* ---- saying ---- */

static void say(const ClusterFollow *self, ChangeMessage message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *hash = self->text ? change_hash(self->text) : NULL;
    if (!message.hash) {
        message.hash = hash;
        message.version = self->version;
    }
    char *line = change_message_write(&message);
    if (!membership_send(self->membership, CLUSTER_GROUP_CONFIG, line, strlen(line), &error))
        g_info("corosync.conf: %s", error->message);
    free(line);
}

static void say_here(const ClusterFollow *self)
{
    if (self->peers->len > 0)
        say(self, (ChangeMessage){.kind = CHANGE_HERE});
}

static gboolean is_lowest(const ClusterFollow *self)
{
    const MembershipView *view = membership_view(self->membership);
    for (guint i = 0; view && i < self->fellows->len; i++)
        if (((const Fellow *)self->fellows->pdata[i])->peer.node < view->own)
            return FALSE;
    return view != NULL;
}

static void on_reloaded(const GError *error, gpointer user)
{
    if (error)
        g_warning("corosync.conf: %s", error->message);
}

/* ---- steps on disk ---- */

static void on_step(ClusterStepKind kind, const char *change, const GError *error,
                    gpointer user)
{
    static const ChangeKind answers[] = {CHANGE_PREPARED, CHANGE_COMMITTED, CHANGE_KEPT,
                                         CHANGE_UNDONE};
    ClusterFollow *self = user;
    if (error)
        g_warning("corosync.conf: %s", error->message);
    if (kind == STEP_ADOPT) {
        if (!error)
            membership_reload(self->membership, on_reloaded, NULL);
    } else if (*change) {
        say(self, (ChangeMessage){.kind = error ? CHANGE_REFUSED : answers[kind],
                                  .change = (char *)change,
                                  .reason = error ? error->message : NULL});
    }
    self->changed(self->user);
}

static void add_step(ClusterFollow *self, ClusterStepKind kind, const char *text,
                     const char *base)
{
    cluster_steps_add(
        self->steps,
        &(ClusterStep){.kind = kind,
                       .change = self->change ? self->change : "",
                       .node = self->agent->node,
                       .text = text,
                       .base = base,
                       .version = self->target + 1,
                       .device_stop = (const char *const *)self->agent->config->device_stop});
}

/* ---- the change ---- */

static gboolean is_leaving(const ClusterFollow *self)
{
    const MembershipView *view = membership_view(self->membership);
    return self->without && view && view->own == self->without;
}

static void refuse(const ClusterFollow *self, const ChangeMessage *about, const char *format,
                   ...) G_GNUC_PRINTF(3, 4);

static void refuse(const ClusterFollow *self, const ChangeMessage *about, const char *format,
                   ...)
{
    va_list values;
    va_start(values, format);
    g_autofree char *reason = g_strdup_vprintf(format, values);
    va_end(values);
    say(self,
        (ChangeMessage){.kind = CHANGE_REFUSED, .change = about->change, .reason = reason});
}

static void take_propose(ClusterFollow *self, const MembershipPeer *from,
                         const ChangeMessage *message)
{
    const MembershipView *view = membership_view(self->membership);
    g_autoptr(CorosyncText) fresh =
        corosync_conf_parse(message->text, strlen(message->text), NULL);
    if (self->change) {
        refuse(self, message,
               "%s is at another change of corosync.conf: try again when it is over",
               self->agent->node);
        return;
    }
    if (!view || !view->quorate) {
        refuse(self, message, "the cluster is not quorate on %s", self->agent->node);
        return;
    }
    self->change = g_strdup(message->change);
    self->leader = *from;
    self->without = message->without;
    self->target = fresh ? corosync_conf_version(fresh) : 0;
    self->committed = FALSE;
    self->reload = FALSE;
    if (is_leaving(self))
        say(self, (ChangeMessage){.kind = CHANGE_PREPARED, .change = self->change});
    else
        add_step(self, STEP_PREPARE, message->text, message->hash);
}

static void take_commit(ClusterFollow *self)
{
    self->committed = TRUE;
    if (is_leaving(self))
        say(self, (ChangeMessage){.kind = CHANGE_COMMITTED, .change = self->change});
    else
        add_step(self, STEP_COMMIT, NULL, NULL);
}

static void take_keep(ClusterFollow *self)
{
    gboolean leaving = is_leaving(self);
    if (leaving)
        say(self, (ChangeMessage){.kind = CHANGE_KEPT, .change = self->change});
    else
        add_step(self, STEP_KEEP, NULL, NULL);
    self->gone = leaving ? 0 : self->without;
    g_clear_pointer(&self->change, g_free);
}

static void take_undo(ClusterFollow *self, const char *reason)
{
    event_log_add(self->agent->events, EVENT_WARNING, NULL, NULL,
                  "a change of corosync.conf is taken back: %s", reason);
    self->reload = self->committed;
    self->undone = 0;
    if (is_leaving(self))
        say(self, (ChangeMessage){.kind = CHANGE_UNDONE, .change = self->change});
    else
        add_step(self, STEP_UNDO, NULL, NULL);
    g_clear_pointer(&self->change, g_free);
}

/* The lowest agent speaks for all once the files of all are back. */
static void check_undone(ClusterFollow *self)
{
    if (!self->reload || self->undone < self->fellows->len)
        return;
    self->reload = FALSE;
    if (is_lowest(self))
        membership_reload(self->membership, on_reloaded, NULL);
}

/* ---- those who are behind ---- */

static void fellow_free(gpointer data)
{
    Fellow *fellow = data;
    g_free(fellow->hash);
    g_free(fellow);
}

static gboolean same_peer(const MembershipPeer *a, const MembershipPeer *b)
{
    return a->node == b->node && a->process == b->process;
}

static Fellow *find_fellow(const ClusterFollow *self, const MembershipPeer *peer)
{
    for (guint i = 0; i < self->fellows->len; i++)
        if (same_peer(&((Fellow *)self->fellows->pdata[i])->peer, peer))
            return self->fellows->pdata[i];
    return NULL;
}

/* Of those with the highest version, the one with the lowest number helps. */
static gboolean is_helper(const ClusterFollow *self)
{
    const MembershipView *view = membership_view(self->membership);
    for (guint i = 0; view && i < self->fellows->len; i++) {
        const Fellow *fellow = self->fellows->pdata[i];
        if (fellow->version > self->version ||
            (fellow->version == self->version && fellow->peer.node < view->own))
            return FALSE;
    }
    return view && self->text;
}

static void take_here(ClusterFollow *self, const MembershipPeer *from,
                      const ChangeMessage *message)
{
    Fellow *fellow = find_fellow(self, from);
    if (!fellow) {
        fellow = g_new0(Fellow, 1);
        fellow->peer = *from;
        g_ptr_array_add(self->fellows, fellow);
    }
    fellow->version = message->version;
    g_free(fellow->hash);
    fellow->hash = g_strdup(message->hash);
    if (!self->change && !self->gone && message->version && message->version < self->version &&
        is_helper(self))
        say(self, (ChangeMessage){.kind = CHANGE_LATEST, .text = self->text});
}

static void take_latest(ClusterFollow *self, const ChangeMessage *message)
{
    if (self->change || !self->text || message->version <= self->version)
        return;
    g_message("corosync.conf: taking over version %" G_GUINT64_FORMAT " from the cluster",
              message->version);
    add_step(self, STEP_ADOPT, message->text, NULL);
}

/* ---- from outside ---- */

void cluster_follow_message(ClusterFollow *self, const MembershipPeer *from, const void *data,
                            size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ChangeMessage) message = change_message_read(data, size, &error);
    if (!message) {
        g_warning("from node %u: %s", from->node, error->message);
        return;
    }
    gboolean led = self->change && same_peer(from, &self->leader) &&
                   strcmp(self->change, message->change) == 0;
    switch (message->kind) {
    case CHANGE_HERE:
        take_here(self, from, message);
        break;
    case CHANGE_LATEST:
        take_latest(self, message);
        break;
    case CHANGE_PROPOSE:
        take_propose(self, from, message);
        break;
    case CHANGE_COMMIT:
        if (led && !self->committed)
            take_commit(self);
        break;
    case CHANGE_KEEP:
        if (led)
            take_keep(self);
        break;
    case CHANGE_UNDO:
        if (led)
            take_undo(self, message->reason);
        break;
    case CHANGE_UNDONE:
        self->undone++;
        check_undone(self);
        break;
    default:
        break;
    }
}

static gboolean is_there(const ClusterFollow *self, const MembershipPeer *peer)
{
    for (guint i = 0; i < self->peers->len; i++)
        if (same_peer(&g_array_index(self->peers, MembershipPeer, i), peer))
            return TRUE;
    return FALSE;
}

void cluster_follow_members(ClusterFollow *self, const MembershipPeer *peers, guint count)
{
    g_array_set_size(self->peers, 0);
    for (guint i = 0; i < count; i++)
        g_array_append_val(self->peers, peers[i]);
    for (guint i = self->fellows->len; i > 0; i--)
        if (!is_there(self, &((const Fellow *)self->fellows->pdata[i - 1])->peer))
            g_ptr_array_remove_index(self->fellows, i - 1);
    if (self->change && !is_there(self, &self->leader))
        take_undo(self, "whoever made it has gone away before its end");
    check_undone(self);
    say_here(self);
}

void cluster_follow_view(ClusterFollow *self)
{
    const MembershipView *view = membership_view(self->membership);
    const MembershipNode *node = self->gone ? membership_view_node(view, self->gone) : NULL;
    if (!self->gone || !view || (node && node->member))
        return;
    self->gone = 0;
    if (is_lowest(self))
        membership_reload(self->membership, on_reloaded, NULL);
}

void cluster_follow_file(ClusterFollow *self, const char *text, guint64 version)
{
    if (g_strcmp0(self->text, text) == 0)
        return;
    g_free(self->text);
    self->text = g_strdup(text);
    self->version = version;
    say_here(self);
}

gboolean cluster_follow_writes(const ClusterFollow *self)
{
    return cluster_steps_busy(self->steps);
}

const char *cluster_follow_busy(const ClusterFollow *self)
{
    return self->change;
}

ClusterFollow *cluster_follow_new(Agent *agent, Membership *membership,
                                  void (*changed)(gpointer user), gpointer user)
{
    ClusterFollow *self = g_new0(ClusterFollow, 1);
    self->agent = agent;
    self->membership = membership;
    self->changed = changed;
    self->user = user;
    self->peers = g_array_new(FALSE, FALSE, sizeof(MembershipPeer));
    self->fellows = g_ptr_array_new_with_free_func(fellow_free);
    self->steps = cluster_steps_new(agent->workers, on_step, self);
    /* What an earlier run left: if that change was taken back, the others know. */
    add_step(self, STEP_KEEP, NULL, NULL);
    return self;
}

void cluster_follow_free(ClusterFollow *self)
{
    if (!self)
        return;
    cluster_steps_free(self->steps);
    g_array_unref(self->peers);
    g_ptr_array_unref(self->fellows);
    g_free(self->text);
    g_free(self->change);
    g_free(self);
}
