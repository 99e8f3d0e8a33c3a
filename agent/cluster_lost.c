#include "agent/cluster_lost.h"

#include "backend/wire/message.h"

struct ClusterLost {
    GHashTable *nodes;  /* name -> gint64, seconds since 1970 */
    Local *local;       /* or NULL */
    gboolean reviewed;  /* corosync has had its word */
    gboolean recalling; /* the file is being asked, and will call; */
    gboolean gone;      /* freed then */
    void (*recalled)(gpointer user);
    gpointer user;
};

static void destroy(ClusterLost *lost)
{
    g_hash_table_unref(lost->nodes);
    g_free(lost);
}

static void save(const ClusterLost *lost)
{
    GHashTableIter iterator;
    gpointer node, since;
    if (!lost->local)
        return;
    json_t *nodes = json_object();
    g_hash_table_iter_init(&iterator, lost->nodes);
    while (g_hash_table_iter_next(&iterator, &node, &since))
        json_object_set_new(nodes, node, json_integer(*(const gint64 *)since));
    local_lost_save(lost->local, nodes);
}

static void set(ClusterLost *lost, const char *node, gint64 since)
{
    g_hash_table_insert(lost->nodes, g_strdup(node), g_memdup2(&since, sizeof since));
}

/* ---- what is remembered ---- */

/* Corosync may have been faster: then it says which, and the file only since when. */
static gboolean recall(ClusterLost *lost, const char *node, gint64 since)
{
    gint64 known = cluster_lost_since(lost, node);
    if (!*node || since <= 0 || (lost->reviewed ? since >= known : known != 0))
        return FALSE;
    set(lost, node, since);
    return TRUE;
}

static void on_recalled(json_t *rows, const GError *error, gpointer user)
{
    ClusterLost *lost = user;
    size_t index;
    json_t *row;
    gboolean changed = FALSE;
    lost->recalling = FALSE;
    if (lost->gone) {
        destroy(lost);
        return;
    }
    json_array_foreach(rows, index, row)
    {
        if (recall(lost, wire_get_string(row, "node", ""), wire_get_integer(row, "since", 0)))
            changed = TRUE;
    }
    if (!changed)
        return;
    save(lost);
    lost->recalled(lost->user);
}

ClusterLost *cluster_lost_new(Local *local, void (*recalled)(gpointer user), gpointer user)
{
    ClusterLost *lost = g_new0(ClusterLost, 1);
    lost->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    lost->local = local;
    lost->recalled = recalled;
    lost->user = user;
    if (local) {
        lost->recalling = TRUE;
        local_lost_list(local, on_recalled, lost);
    }
    return lost;
}

void cluster_lost_free(ClusterLost *lost)
{
    lost->gone = TRUE;
    if (!lost->recalling)
        destroy(lost);
}

/* ---- what is so ---- */

/* Neither in corosync.conf any more, nor unseen. */
static gboolean is_over(gpointer node, gpointer since, gpointer unseen)
{
    return !g_hash_table_contains(unseen, node);
}

gboolean cluster_lost_review(ClusterLost *lost, const ClusterFacts *facts)
{
    if (facts->conf && (!facts->view || facts->state != MEMBERSHIP_UP))
        return FALSE;
    gboolean changed = FALSE;
    g_autoptr(GHashTable) unseen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) nodes = facts->conf ? corosync_conf_nodes(facts->conf) : NULL;
    for (guint i = 0; nodes && i < nodes->len; i++) {
        const char *name = ((const CorosyncNode *)nodes->pdata[i])->name;
        const MembershipNode *seen = name ? membership_view_named(facts->view, name) : NULL;
        if (!name || !*name || (seen && seen->member))
            continue;
        g_hash_table_add(unseen, (gpointer)name);
        if (!g_hash_table_contains(lost->nodes, name)) {
            set(lost, name, g_get_real_time() / G_USEC_PER_SEC);
            changed = TRUE;
        }
    }
    if (g_hash_table_foreach_remove(lost->nodes, is_over, unseen) > 0)
        changed = TRUE;
    lost->reviewed = TRUE;
    if (changed)
        save(lost);
    return changed;
}

gint64 cluster_lost_since(const ClusterLost *lost, const char *node)
{
    const gint64 *since = lost ? g_hash_table_lookup(lost->nodes, node) : NULL;
    return since ? *since : 0;
}

GHashTable *cluster_lost_nodes(const ClusterLost *lost)
{
    return lost->nodes;
}
