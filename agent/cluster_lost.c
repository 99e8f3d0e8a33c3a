#include "agent/cluster_lost.h"

GHashTable *cluster_lost_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void add(GHashTable *lost, const char *node)
{
    gint64 *since = g_new(gint64, 1);
    *since = g_get_real_time() / G_USEC_PER_SEC;
    g_hash_table_insert(lost, g_strdup(node), since);
}

/* Neither in corosync.conf any more, nor unseen. */
static gboolean is_over(gpointer node, gpointer since, gpointer unseen)
{
    return !g_hash_table_contains(unseen, node);
}

gboolean cluster_lost_review(GHashTable *lost, const ClusterFacts *facts)
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
        if (!g_hash_table_contains(lost, name)) {
            add(lost, name);
            changed = TRUE;
        }
    }
    return g_hash_table_foreach_remove(lost, is_over, unseen) > 0 || changed;
}

gint64 cluster_lost_since(GHashTable *lost, const char *node)
{
    const gint64 *since = lost ? g_hash_table_lookup(lost, node) : NULL;
    return since ? *since : 0;
}
