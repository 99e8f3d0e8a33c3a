/* What the store's members become, step by step, when corosync.conf or the nodes change. */
#include "agent/cluster_reconcile.h"

static GPtrArray *make_nodes(const guint *ids, guint count)
{
    GPtrArray *nodes = g_ptr_array_new_with_free_func((GDestroyNotify)corosync_node_free);
    for (guint i = 0; i < count; i++) {
        CorosyncNode *node = g_new0(CorosyncNode, 1);
        node->id = ids[i];
        node->votes = 1;
        g_ptr_array_add(nodes, node);
    }
    return nodes;
}

static ReplicaMembers founder(void)
{
    ReplicaMembers members = {.count = 1};
    members.list[0] = (ReplicaMember){.node = 1, .votes = 1, .birth = 11};
    return members;
}

/* Makes all changes that are due; how many there were. */
static guint settle(ReplicaMembers *members, const GPtrArray *nodes,
                    const ClusterCandidate *candidates, guint count)
{
    ReplicaChange change;
    guint changes = 0;
    while (cluster_reconcile_next(members, nodes, candidates, count, &change)) {
        g_assert_true(replica_members_change(members, &change));
        g_assert_cmpuint(++changes, <, 20);
    }
    return changes;
}

static void test_join(void)
{
    ReplicaMembers members = founder();
    g_autoptr(GPtrArray) nodes = make_nodes((const guint[]){1, 2, 3}, 3);
    ClusterCandidate there[] = {{1, 11, TRUE}, {2, 22, FALSE}};
    g_assert_cmpuint(settle(&members, nodes, there, 1), ==, 0);
    g_assert_cmpuint(settle(&members, nodes, there, 2), ==, 1);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 0);
    g_assert_nonnull(replica_members_find(&members, 2));
    there[1].working = TRUE;
    g_assert_cmpuint(settle(&members, nodes, there, 2), ==, 1);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 1);
    g_assert_null(replica_members_find(&members, 3));
}

/* Up and down by one vote at a time. */
static void test_votes(void)
{
    ReplicaMembers members = founder();
    g_autoptr(GPtrArray) nodes = make_nodes((const guint[]){1, 2}, 2);
    const ClusterCandidate there[] = {{1, 11, TRUE}, {2, 22, TRUE}};
    ((CorosyncNode *)nodes->pdata[1])->votes = 3;
    g_assert_cmpuint(settle(&members, nodes, there, 2), ==, 4);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 3);
    ((CorosyncNode *)nodes->pdata[1])->votes = 1;
    g_assert_cmpuint(settle(&members, nodes, there, 2), ==, 2);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 1);
}

static void test_gone(void)
{
    ReplicaMembers members = founder();
    g_autoptr(GPtrArray) both = make_nodes((const guint[]){1, 2}, 2);
    g_autoptr(GPtrArray) one = make_nodes((const guint[]){1}, 1);
    const ClusterCandidate there[] = {{1, 11, TRUE}, {2, 22, TRUE}};
    (void)settle(&members, both, there, 2);
    /* Being off is no reason. */
    g_assert_cmpuint(settle(&members, both, there, 1), ==, 0);
    g_assert_cmpuint(settle(&members, one, there, 1), ==, 1);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 0);
    g_assert_cmpuint(settle(&members, one, there, 2), ==, 0);
    /* Let in again, as the same. */
    g_assert_cmpuint(settle(&members, both, there, 2), ==, 2);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 1);
}

/* Its file was lost: what it promised is forgotten, so it is a new member. */
static void test_reborn(void)
{
    ReplicaMembers members = founder();
    g_autoptr(GPtrArray) nodes = make_nodes((const guint[]){1, 2}, 2);
    ClusterCandidate there[] = {{1, 11, TRUE}, {2, 22, TRUE}};
    (void)settle(&members, nodes, there, 2);
    there[1] = (ClusterCandidate){2, 23, FALSE};
    g_assert_cmpuint(settle(&members, nodes, there, 2), ==, 2);
    g_assert_cmpuint(replica_members_votes(&members, 2, 22), ==, 0);
    g_assert_cmpuint(replica_members_find(&members, 2)->birth, ==, 23);
    there[1].working = TRUE;
    g_assert_cmpuint(settle(&members, nodes, there, 2), ==, 1);
    g_assert_cmpuint(replica_members_votes(&members, 2, 23), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cluster-reconcile/join", test_join);
    g_test_add_func("/cluster-reconcile/votes", test_votes);
    g_test_add_func("/cluster-reconcile/gone", test_gone);
    g_test_add_func("/cluster-reconcile/reborn", test_reborn);
    return g_test_run();
}
