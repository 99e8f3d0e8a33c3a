#include "agent/cluster_reconcile.h"

static const CorosyncNode *find_node(const GPtrArray *nodes, guint32 id)
{
    for (guint i = 0; i < nodes->len; i++)
        if (((const CorosyncNode *)nodes->pdata[i])->id == id)
            return nodes->pdata[i];
    return NULL;
}

static const ClusterCandidate *find_candidate(const ClusterCandidate *candidates, guint count,
                                              guint32 node)
{
    for (guint i = 0; i < count; i++)
        if (candidates[i].node == node)
            return &candidates[i];
    return NULL;
}

static gboolean must_go(const ReplicaMember *member, const GPtrArray *nodes,
                        const ClusterCandidate *candidate)
{
    if (member->former)
        return FALSE;
    return !find_node(nodes, member->node) || (candidate && candidate->birth != member->birth);
}

/* The next number of votes; what it is when nothing is to change. */
static guint next_votes(const ReplicaMember *member, const ClusterCandidate *candidate,
                        guint wanted)
{
    if (wanted == 0 || member->votes == wanted || (member->votes == 0 && !candidate->working))
        return member->votes;
    return member->votes < wanted ? member->votes + 1 : member->votes - 1;
}

/* What a node that is there should become. */
static gboolean take_in(const ReplicaMembers *members, const CorosyncNode *node,
                        const ClusterCandidate *candidate, ReplicaChange *change)
{
    const ReplicaMember *member =
        replica_members_find((ReplicaMembers *)(gintptr)members, node->id);
    *change = (ReplicaChange){.node = node->id, .birth = candidate->birth};
    if (!member)
        return TRUE;
    change->votes = next_votes(member, candidate, MIN(node->votes, REPLICA_VOTES_MAX));
    return change->votes != member->votes;
}

gboolean cluster_reconcile_next(const ReplicaMembers *members, const GPtrArray *nodes,
                                const ClusterCandidate *candidates, guint count,
                                ReplicaChange *change)
{
    for (guint i = 0; i < members->count; i++) {
        const ReplicaMember *member = &members->list[i];
        if (!must_go(member, nodes, find_candidate(candidates, count, member->node)))
            continue;
        *change = (ReplicaChange){.node = member->node, .birth = member->birth, .remove = TRUE};
        return TRUE;
    }
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        const ClusterCandidate *candidate = find_candidate(candidates, count, node->id);
        if (candidate && take_in(members, node, candidate, change))
            return TRUE;
    }
    return FALSE;
}
