/* The part itself: what corosync.conf says of the store, put in force. */
#include "agent/cluster_reconcile.h"
#include "agent/cluster_store_private.h"
#include "agent/guests.h"

enum { STAY_AFTER = 10 /* seconds in which a leave that was asked for may begin */ };

/* ---- members ---- */

static void on_member_changed(guint64 revision, const GError *error, gpointer user)
{
    ClusterStore *part = user;
    part->changing = FALSE;
    if (error)
        g_info("the store's members were not changed: %s", error->message);
    else
        cluster_store_reconcile(part);
}

static void change_member(ClusterStore *part, const ReplicaChange *change)
{
    part->changing = TRUE;
    g_message("store: node %u %s", change->node,
              change->remove       ? "is removed from the members"
              : change->votes == 0 ? "is taken in"
                                   : "gets a vote");
    store_change_members(part->agent->store, change, on_member_changed, part);
}

static gboolean is_leader(const ClusterStore *part)
{
    StoreStatus status;
    store_status(part->agent->store, &status);
    return part->grouped && status.state == STORE_WORKING && status.log.leader == part->own;
}

/* The nodes that could be members, of those that are there. */
static guint list_candidates(const ClusterStore *part, ClusterCandidate *candidates)
{
    guint count = 0;
    for (guint i = 0; i < part->peers->len && count < REPLICA_MEMBERS_MAX; i++) {
        const ClusterStoreProcess *peer = part->peers->pdata[i];
        if (peer->known && !(peer->hello.flags & STORE_HELLO_LEAVING) &&
            peer->hello.cluster == store_cluster(part->agent->store))
            candidates[count++] = (ClusterCandidate){peer->peer.node, peer->hello.birth,
                                                     peer->line.state == STORE_WORKING};
    }
    return count;
}

void cluster_store_reconcile(ClusterStore *part)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    ClusterCandidate candidates[REPLICA_MEMBERS_MAX];
    ReplicaChange change;
    if (part->changing || !part->conf || !members || !is_leader(part))
        return;
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(part->conf);
    if (cluster_reconcile_next(members, nodes, candidates, list_candidates(part, candidates),
                               &change))
        change_member(part, &change);
}

/* ---- joining and parting ---- */

static void join(ClusterStore *part, const CorosyncNode *node, guint64 number)
{
    part->grouped = TRUE;
    part->own = node->id;
    part->counted = FALSE;
    store_join(part->agent->store, &(StoreGroup){.node = node->id,
                                                 .cluster = number,
                                                 .send = cluster_store_send,
                                                 .hurry = cluster_store_hurry,
                                                 .user = part});
    cluster_store_begin_hellos(part);
    cluster_store_say_hello(part, STORE_HELLO_RENEW);
}

/* Nobody else was ever in the store, or this node was let out of it. */
static gboolean may_part(const ClusterStore *part)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    if (part->left != 0 && part->left == store_cluster(part->agent->store))
        return TRUE;
    for (guint i = 0; members && i < members->count; i++)
        if (members->list[i].birth != store_birth(part->agent->store))
            return FALSE;
    return members != NULL;
}

static void part_with(ClusterStore *part)
{
    if (store_is_alone(part->agent->store) || !may_part(part))
        return;
    part->grouped = part->leaving = FALSE;
    g_clear_handle_id(&part->hello_timer, g_source_remove);
    store_packer_drop(part->packer);
    store_part(part->agent->store);
    if (part->agent->guests)
        guest_table_prune(part->agent->guests);
}

void cluster_store_settle(ClusterStore *part)
{
    if (!part->told || !part->agent->store || !store_is_loaded(part->agent->store))
        return;
    if (!part->conf) {
        part_with(part);
        return;
    }
    guint64 number = corosync_conf_store(part->conf);
    CorosyncNode *node = corosync_conf_node(part->conf, part->agent->node);
    /* The founder goes on alone until corosync is there. */
    gboolean early = number == store_cluster(part->agent->store) && part->peers->len == 0 &&
                     store_is_alone(part->agent->store);
    if (number && node && !early && (!part->grouped || part->own != node->id))
        join(part, node, number);
    corosync_node_free(node);
    cluster_store_reconcile(part);
}

void cluster_store_conf(ClusterStore *part, const CorosyncText *conf, guint64 left)
{
    g_clear_pointer(&part->conf, corosync_text_free);
    part->conf = conf ? corosync_text_copy(conf) : NULL;
    part->left = left;
    part->told = TRUE;
    cluster_line_follow(part->line, conf);
    cluster_store_settle(part);
}

void cluster_store_changed(ClusterStore *part)
{
    cluster_store_settle(part);
    cluster_store_note_work(part);
    cluster_store_say_hello(part, 0);
    cluster_store_reconcile(part);
    part->changed(part->user);
}

const ClusterStorePeer *cluster_store_peer(const ClusterStore *part, guint node)
{
    const ClusterStoreProcess *peer = cluster_store_find(part, node);
    return peer && peer->known ? &peer->line : NULL;
}

gboolean cluster_store_leads(const ClusterStore *part)
{
    return is_leader(part) || store_is_alone(part->agent->store);
}

/* ---- leaving ---- */

void cluster_store_leave(ClusterStore *part, StoreDone done, gpointer user)
{
    const ReplicaMembers *members = store_members(part->agent->store);
    const ReplicaMember *own =
        members ? replica_members_find((ReplicaMembers *)members, part->own) : NULL;
    part->leaving = TRUE;
    part->leaving_since = g_get_monotonic_time();
    cluster_store_say_hello(part, 0);
    if (!part->grouped || !own || own->former || own->votes == replica_members_total(members) ||
        own->birth != store_birth(part->agent->store)) {
        done(0, NULL, user);
        return;
    }
    ReplicaChange change = {.node = part->own, .birth = own->birth, .remove = TRUE};
    store_change_members(part->agent->store, &change, done, user);
}

void cluster_store_stay(ClusterStore *part)
{
    gint64 waited = g_get_monotonic_time() - part->leaving_since;
    if (!part->leaving || waited < (gint64)STAY_AFTER * G_USEC_PER_SEC)
        return;
    part->leaving = FALSE;
    cluster_store_say_hello(part, 0);
}

/* ---- making ---- */

ClusterStore *cluster_store_new(Agent *agent, Membership *membership, guint group,
                                void (*changed)(gpointer user), gpointer user)
{
    ClusterStore *part = g_new0(ClusterStore, 1);
    part->agent = agent;
    part->membership = membership;
    part->group = group;
    part->changed = changed;
    part->user = user;
    part->peers = g_ptr_array_new_with_free_func(cluster_store_process_free);
    part->packer = store_packer_new();
    part->line = cluster_line_new(agent, cluster_store_line_heard, part);
    return part;
}

void cluster_store_free(ClusterStore *part)
{
    if (!part)
        return;
    if (part->agent->store)
        store_mute(part->agent->store);
    g_clear_handle_id(&part->pump, g_source_remove);
    g_clear_handle_id(&part->hello_timer, g_source_remove);
    store_packer_free(part->packer);
    cluster_line_free(part->line);
    g_ptr_array_unref(part->peers);
    corosync_text_free(part->conf);
    g_free(part);
}
