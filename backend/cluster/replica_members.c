#include "backend/cluster/replica_members.h"

#include <string.h>

#define MEMBER_SIZE 33 /* bytes of a member on the wire */

static ReplicaMember *find_ever(ReplicaMembers *members, guint32 node)
{
    for (guint i = 0; i < members->count; i++)
        if (members->list[i].node == node)
            return &members->list[i];
    return NULL;
}

ReplicaMember *replica_members_find(ReplicaMembers *members, guint32 node)
{
    ReplicaMember *member = find_ever(members, node);
    return member && !member->former ? member : NULL;
}

guint replica_members_votes(const ReplicaMembers *members, guint32 node, guint64 birth)
{
    for (guint i = 0; i < members->count; i++)
        if (members->list[i].node == node)
            return members->list[i].birth == birth ? members->list[i].votes : 0;
    return 0;
}

guint replica_members_total(const ReplicaMembers *members)
{
    guint votes = 0;
    for (guint i = 0; i < members->count; i++)
        votes += members->list[i].votes;
    return votes;
}

gboolean replica_members_is_majority(const ReplicaMembers *members, guint votes)
{
    return 2 * votes > replica_members_total(members);
}

static gboolean is_allowed(ReplicaMembers *members, const ReplicaChange *change)
{
    const ReplicaMember *old = replica_members_find(members, change->node);
    guint before = old ? old->votes : 0, after = change->remove ? 0 : change->votes;
    if (change->node == 0 || (change->remove && !old) || (old && old->birth != change->birth))
        return FALSE;
    if (after > REPLICA_VOTES_MAX || after > before + 1 || before > after + 1)
        return FALSE;
    return replica_members_total(members) - before + after > 0 &&
           (members->count < REPLICA_MEMBERS_MAX || find_ever(members, change->node));
}

/* A place for a node that was never there, in the order of their numbers. */
static ReplicaMember *insert(ReplicaMembers *members, guint32 node)
{
    guint place = 0;
    while (place < members->count && members->list[place].node < node)
        place++;
    ReplicaMember *at = &members->list[place];
    memmove(at + 1, at, (members->count - place) * sizeof *at);
    members->count++;
    *at = (ReplicaMember){.node = node};
    return at;
}

gboolean replica_members_change(ReplicaMembers *members, const ReplicaChange *change)
{
    if (!is_allowed(members, change))
        return FALSE;
    ReplicaMember *member = find_ever(members, change->node);
    if (!member)
        member = insert(members, change->node);
    if (member->birth != change->birth)
        member->incarnation = member->sequence = 0;
    member->birth = change->birth;
    member->votes = change->remove ? 0 : change->votes;
    member->former = change->remove;
    return TRUE;
}

static void code_change(ReplicaCodec *codec, ReplicaChange *change)
{
    replica_code_u32(codec, &change->node);
    replica_code_u32(codec, &change->votes);
    replica_code_u64(codec, &change->birth);
    replica_code_flag(codec, &change->remove);
}

GBytes *replica_change_encode(const ReplicaChange *change)
{
    ReplicaCodec codec = replica_codec_writer();
    ReplicaChange copy = *change;
    code_change(&codec, &copy);
    return replica_codec_take(&codec);
}

gboolean replica_change_decode(GBytes *bytes, ReplicaChange *change)
{
    ReplicaCodec codec = replica_codec_reader(bytes);
    ReplicaChange read = {0};
    code_change(&codec, &read);
    if (!replica_codec_end(&codec))
        return FALSE;
    *change = read;
    return TRUE;
}

void replica_code_members(ReplicaCodec *codec, ReplicaMembers *members)
{
    replica_code_count(codec, &members->count, REPLICA_MEMBERS_MAX, MEMBER_SIZE);
    guint32 last = 0;
    for (guint i = 0; i < members->count; i++) {
        ReplicaMember *member = &members->list[i];
        replica_code_u32(codec, &member->node);
        replica_code_u32(codec, &member->votes);
        replica_code_u64(codec, &member->birth);
        replica_code_u64(codec, &member->incarnation);
        replica_code_u64(codec, &member->sequence);
        replica_code_flag(codec, &member->former);
        if (member->node <= last || member->votes > REPLICA_VOTES_MAX)
            codec->bad = TRUE;
        last = member->node;
    }
}
