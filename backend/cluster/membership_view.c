#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *membership_error_words(cs_error_t code)
{
    switch (code) {
    case CS_ERR_LIBRARY:
        return "corosync does not run";
    case CS_ERR_TRY_AGAIN:
    case CS_ERR_TIMEOUT:
        return "corosync is busy";
    case CS_ERR_ACCESS:
    case CS_ERR_SECURITY:
        return "corosync does not let this user in";
    case CS_ERR_INVALID_PARAM:
        return "corosync refuses the value";
    case CS_ERR_NOT_EXIST:
        return "corosync does not know it";
    case CS_ERR_NO_MEMORY:
    case CS_ERR_NO_RESOURCES:
        return "corosync has no memory left";
    case CS_ERR_NO_SECTIONS:
        return "corosync does not accept corosync.conf";
    default:
        return cs_strerror(code);
    }
}

/* ---- the view ---- */

static void node_free(gpointer data)
{
    MembershipNode *node = data;
    g_free(node->name);
    g_array_unref(node->links);
    g_free(node);
}

static MembershipView *view_new(void)
{
    MembershipView *view = g_new0(MembershipView, 1);
    view->references = 1;
    view->taken = g_get_monotonic_time();
    view->nodes = g_ptr_array_new_with_free_func(node_free);
    return view;
}

MembershipView *membership_view_ref(const MembershipView *view)
{
    MembershipView *shared = (MembershipView *)(gintptr)view;
    g_atomic_int_inc(&shared->references);
    return shared;
}

void membership_view_unref(MembershipView *view)
{
    if (!view || !g_atomic_int_dec_and_test(&view->references))
        return;
    g_ptr_array_unref(view->nodes);
    g_free(view->cluster);
    g_free(view);
}

const MembershipNode *membership_view_node(const MembershipView *view, guint id)
{
    for (guint i = 0; view && i < view->nodes->len; i++)
        if (((const MembershipNode *)view->nodes->pdata[i])->id == id)
            return view->nodes->pdata[i];
    return NULL;
}

const MembershipNode *membership_view_named(const MembershipView *view, const char *name)
{
    for (guint i = 0; view && i < view->nodes->len; i++)
        if (g_str_equal(((const MembershipNode *)view->nodes->pdata[i])->name, name))
            return view->nodes->pdata[i];
    return NULL;
}

guint membership_view_members(const MembershipView *view)
{
    guint count = 0;
    for (guint i = 0; view && i < view->nodes->len; i++)
        count += ((const MembershipNode *)view->nodes->pdata[i])->member ? 1 : 0;
    return count;
}

/* ---- cmap ---- */

static char *get_string(cmap_handle_t cmap, const char *key)
{
    char *text = NULL;
    if (cmap_get_string(cmap, key, &text) != CS_OK)
        return NULL;
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

static guint64 get_number(cmap_handle_t cmap, const char *key)
{
    guint64 wide = 0;
    guint32 narrow = 0;
    guint8 byte = 0;
    if (cmap_get_uint64(cmap, key, &wide) == CS_OK)
        return wide;
    if (cmap_get_uint32(cmap, key, &narrow) == CS_OK)
        return narrow;
    return cmap_get_uint8(cmap, key, &byte) == CS_OK ? byte : 0;
}

/* ---- a look ---- */

static MembershipNode *find_or_add(MembershipView *view, guint id)
{
    MembershipNode *node = (MembershipNode *)(gintptr)membership_view_node(view, id);
    if (node)
        return node;
    node = g_new0(MembershipNode, 1);
    node->id = id;
    node->name = g_strdup("");
    node->votes = 1;
    node->links = g_array_new(FALSE, TRUE, sizeof(MembershipLink));
    g_ptr_array_add(view->nodes, node);
    return node;
}

/* The nodes of corosync.conf as it is loaded: nodelist.node.POSITION.KEY */
static void look_at_list(MembershipView *view, cmap_handle_t cmap)
{
    char key[64];
    for (guint i = 0; i < COROSYNC_NODES_MAX * 2; i++) {
        g_snprintf(key, sizeof key, "nodelist.node.%u.nodeid", i);
        guint id = (guint)get_number(cmap, key);
        if (!id)
            continue;
        MembershipNode *node = find_or_add(view, id);
        g_snprintf(key, sizeof key, "nodelist.node.%u.name", i);
        char *name = get_string(cmap, key);
        if (name) {
            g_free(node->name);
            node->name = name;
        }
        guint32 votes;
        g_snprintf(key, sizeof key, "nodelist.node.%u.quorum_votes", i);
        if (cmap_get_uint32(cmap, key, &votes) == CS_OK)
            node->votes = votes;
    }
}

/* Of a link: stats.knet.nodeNODE.linkLINK.WHAT */
static guint64 link_number(const MembershipHandles *handles, guint node, guint link,
                           const char *what)
{
    char key[80];
    g_snprintf(key, sizeof key, "stats.knet.node%u.link%u.%s", node, link, what);
    return get_number(handles->stats, key);
}

static void look_at_traffic(MembershipLink *link, guint node, const MembershipHandles *handles)
{
    link->latency = (guint)link_number(handles, node, link->link, "latency_ave");
    link->latency_max = (guint)link_number(handles, node, link->link, "latency_max");
    link->down_count = (guint)link_number(handles, node, link->link, "down_count");
    link->up_count = (guint)link_number(handles, node, link->link, "up_count");
    link->sent = link_number(handles, node, link->link, "tx_total_packets");
    link->received = link_number(handles, node, link->link, "rx_total_packets");
    link->retries = link_number(handles, node, link->link, "tx_data_retries") +
                    link_number(handles, node, link->link, "tx_ping_retries") +
                    link_number(handles, node, link->link, "tx_pong_retries");
    link->errors = link_number(handles, node, link->link, "tx_total_errors");
    link->mtu = (guint)link_number(handles, node, link->link, "mtu");
}

static void look_at_links(MembershipNode *node, const MembershipHandles *handles)
{
    struct corosync_cfg_node_status_v1 status = {0};
    if (corosync_cfg_node_status_get(handles->cfg, node->id, CFG_NODE_STATUS_V1, &status) !=
        CS_OK)
        return;
    for (guint i = 0; i < CFG_MAX_LINKS; i++) {
        const struct corosync_knet_link_status_v1 *from = &status.link_status[i];
        if (!from->enabled)
            continue;
        MembershipLink link = {.link = i, .enabled = TRUE, .connected = from->connected};
        g_strlcpy(link.address, from->dst_ipaddr, sizeof link.address);
        look_at_traffic(&link, node->id, handles);
        g_array_append_val(node->links, link);
    }
}

static void look_at_node(MembershipView *view, MembershipNode *node,
                         const MembershipHandles *handles)
{
    struct votequorum_info info;
    char key[64];
    if (node->member && votequorum_getinfo(handles->votequorum, node->id, &info) == CS_OK) {
        node->votes = info.node_votes;
        node->device_alive = (info.flags & VOTEQUORUM_INFO_QDEVICE_ALIVE) != 0;
        node->device_votes = (info.flags & VOTEQUORUM_INFO_QDEVICE_CAST_VOTE) != 0;
    }
    g_snprintf(key, sizeof key, "runtime.members.%u.config_version", node->id);
    node->config_version = node->member ? get_number(handles->cmap, key) : 0;
    if (node->id != view->own)
        look_at_links(node, handles);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    const MembershipNode *first = *(MembershipNode *const *)a;
    const MembershipNode *second = *(MembershipNode *const *)b;
    return first->id < second->id ? -1 : first->id > second->id;
}

/* The first question fails when corosync is gone or not ready. */
static cs_error_t look_at_votes(MembershipView *view, const MembershipHandles *handles)
{
    struct votequorum_info info;
    unsigned int own = 0;
    cs_error_t code = corosync_cfg_local_get(handles->cfg, &own);
    if (code == CS_OK)
        code = votequorum_getinfo(handles->votequorum, own, &info);
    if (code != CS_OK)
        return code;
    view->own = own;
    view->expected = info.highest_expected;
    view->total = info.total_votes;
    view->quorum = info.quorum;
    view->quorate = (info.flags & VOTEQUORUM_INFO_QUORATE) != 0;
    view->two_node = (info.flags & VOTEQUORUM_INFO_TWONODE) != 0;
    view->wait_for_all = (info.flags & VOTEQUORUM_INFO_WAIT_FOR_ALL) != 0;
    view->device = (info.flags & VOTEQUORUM_INFO_QDEVICE_REGISTERED) != 0;
    view->device_votes = (info.flags & VOTEQUORUM_INFO_QDEVICE_CAST_VOTE) != 0;
    return CS_OK;
}

static void look_at_ring(MembershipRing *ring, const MembershipHandles *handles)
{
    ring->token_timeout = (guint)get_number(handles->cmap, "runtime.config.totem.token");
    ring->token_mean = (guint)get_number(handles->stats, "stats.srp.mtt_rx_token");
    ring->tokens = get_number(handles->stats, "stats.srp.orf_token_rx");
    ring->retransmitted = get_number(handles->stats, "stats.srp.mcast_retx");
    ring->lost_tokens = get_number(handles->stats, "stats.srp.operational_token_lost");
    ring->gathers = get_number(handles->stats, "stats.srp.gather_entered");
}

MembershipView *membership_look(const MembershipHandles *handles, const MembershipTold *told,
                                cs_error_t *code)
{
    MembershipView *view = view_new();
    *code = look_at_votes(view, handles);
    if (*code != CS_OK) {
        membership_view_unref(view);
        return NULL;
    }
    view->quorate = view->quorate && told->quorate;
    view->losses = told->losses;
    view->ring_node = told->ring.nodeid;
    view->ring_sequence = told->ring.seq;
    view->cluster = get_string(handles->cmap, "totem.cluster_name");
    view->config_version = get_number(handles->cmap, "totem.config_version");
    look_at_ring(&view->statistics, handles);
    look_at_list(view, handles->cmap);
    for (guint i = 0; i < told->members->len; i++)
        find_or_add(view, g_array_index(told->members, guint, i))->member = TRUE;
    for (guint i = 0; i < view->nodes->len; i++)
        look_at_node(view, view->nodes->pdata[i], handles);
    g_ptr_array_sort(view->nodes, by_id);
    return view;
}
