#include "agent/cluster_events.h"

/* Which nodes are seen: the same words on each of them. */
static char *members_of(const MembershipView *view)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < view->nodes->len; i++) {
        const MembershipNode *node = view->nodes->pdata[i];
        if (node->member)
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", node->name);
    }
    return g_string_free(names, FALSE);
}

static EventSeverity grave(const ClusterChange *change)
{
    return change->under_way ? EVENT_INFO : EVENT_ERROR;
}

/* A node that joins is counted before it is seen: that is no trouble where it was asked for. */
static void tell_quorum(EventLog *log, const MembershipView *before, const MembershipView *now,
                        const ClusterChange *change)
{
    g_autofree char *names = members_of(now);
    if (before->quorate && !now->quorate)
        event_log_add(log, grave(change), CLUSTER_EVENTS_OBJECT, change->who,
                      "quorum is lost: %s with %u of %u votes", names, now->total,
                      now->expected);
    else if (!before->quorate && now->quorate)
        event_log_add(log, EVENT_INFO, CLUSTER_EVENTS_OBJECT, NULL,
                      "quorum is back: %s with %u of %u votes", names, now->total,
                      now->expected);
}

static EventSeverity grave_loss(const ClusterChange *change, const char *name)
{
    CorosyncNode *stays = change->conf ? corosync_conf_node(change->conf, name) : NULL;
    gboolean leaves = change->conf && !stays;
    corosync_node_free(stays);
    return leaves ? EVENT_INFO : grave(change);
}

/* Joined and left are a matter of the configuration; lost and back of what is seen. */
static void tell_node(EventLog *log, const MembershipNode *before, const MembershipNode *now,
                      const ClusterChange *change)
{
    if (!before)
        event_log_add(log, EVENT_INFO, now->name, change->who, "%s joined the cluster",
                      now->name);
    else if (!now)
        event_log_add(log, EVENT_INFO, before->name, change->who, "%s left the cluster",
                      before->name);
    else if (before->member && !now->member)
        event_log_add(log, grave_loss(change, now->name), now->name, NULL,
                      "%s is lost from the cluster", now->name);
    else if (!before->member && now->member)
        event_log_add(log, EVENT_INFO, now->name, NULL, "%s is back in the cluster", now->name);
}

/* A node that came back to the others, or for the first time, sees them all come. */
static gboolean was_alone(const MembershipView *before, const MembershipView *now)
{
    return membership_view_members(before) <= 1 && membership_view_members(now) > 1;
}

static void tell_nodes(EventLog *log, const MembershipView *before, const MembershipView *now,
                       const ClusterChange *change)
{
    for (guint i = 0; i < now->nodes->len; i++) {
        const MembershipNode *node = now->nodes->pdata[i];
        const MembershipNode *old = membership_view_named(before, node->name);
        gboolean back = old && !old->member && node->member;
        if (*node->name && !(back && was_alone(before, now)))
            tell_node(log, old, node, change);
    }
    for (guint i = 0; i < before->nodes->len; i++) {
        const MembershipNode *node = before->nodes->pdata[i];
        if (*node->name && !membership_view_named(now, node->name))
            tell_node(log, node, NULL, change);
    }
}

static const MembershipLink *link_of(const MembershipNode *node, guint number)
{
    for (guint i = 0; node && i < node->links->len; i++)
        if (g_array_index(node->links, MembershipLink, i).link == number)
            return &g_array_index(node->links, MembershipLink, i);
    return NULL;
}

/* When no link is up the node is about to be lost, which is told then. */
static gboolean is_broken(const MembershipNode *node, guint number)
{
    const MembershipLink *link = link_of(node, number);
    gboolean other = FALSE;
    if (!link || !node->member || link->connected)
        return FALSE;
    for (guint i = 0; i < node->links->len; i++)
        other = other || g_array_index(node->links, MembershipLink, i).connected;
    return other;
}

static void tell_links(EventLog *log, const MembershipView *before, const MembershipView *now)
{
    for (guint i = 0; i < now->nodes->len; i++) {
        const MembershipNode *node = now->nodes->pdata[i];
        const MembershipNode *old = membership_view_named(before, node->name);
        for (guint l = 0; *node->name && old && l < node->links->len; l++) {
            const MembershipLink *link = &g_array_index(node->links, MembershipLink, l);
            gboolean was = is_broken(old, link->link), is = is_broken(node, link->link);
            if (is && !was)
                event_log_add(log, EVENT_WARNING, node->name, NULL,
                              "link %u of the cluster to %s (%s) is down", link->link,
                              node->name, link->address);
            else if (was && !is && link->connected)
                event_log_add(log, EVENT_INFO, node->name, NULL,
                              "link %u of the cluster to %s (%s) is up again", link->link,
                              node->name, link->address);
        }
    }
}

void cluster_events_tell(EventLog *log, const MembershipView *before, const MembershipView *now,
                         const ClusterChange *change)
{
    if (!before || !now)
        return;
    tell_nodes(log, before, now, change);
    tell_quorum(log, before, now, change);
    tell_links(log, before, now);
}
