/* Messages of the store's protocol as a broken peer sends them: decoded, written again
 * the same, and fed to a replica that takes them for its own cluster's. */
#include "backend/cluster/replica.h"
#include "backend/cluster/replica_message.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Replica *make_replica(const ReplicaMessage *message)
{
    ReplicaMembers members = {.count = 3};
    for (guint32 i = 0; i < 3; i++)
        members.list[i] = (ReplicaMember){.node = i + 1, .votes = 1, .birth = i + 1};
    ReplicaSettings settings = {.node = 1,
                                .keep = 4,
                                .size_kept = 1 << 19,
                                .size_max = 1 << 20,
                                .piece_size = 1024,
                                .batch_size = 1024};
    ReplicaDurable durable = {.cluster = message->cluster,
                              .birth = 1,
                              .base = replica_base_found(message->cluster, &members)};
    return replica_new(&settings, &durable);
}

/* Carries out what the replica wants written. */
static void step(Replica *replica, const ReplicaEvent *event)
{
    g_autoptr(GArray) actions = replica_actions_new();
    replica_step(replica, event, actions);
    for (guint i = 0; i < actions->len; i++) {
        const ReplicaAction *action = &g_array_index(actions, ReplicaAction, i);
        if (action->kind == REPLICA_WRITE)
            step(replica,
                 &(ReplicaEvent){.kind = REPLICA_WRITTEN, .token = action->batch->token});
    }
}

static void feed(const ReplicaMessage *message, GBytes *bytes)
{
    static const guint32 nodes[] = {1, 2, 3};
    g_autoptr(Replica) replica = make_replica(message);
    step(replica, &(ReplicaEvent){.kind = REPLICA_VIEW_CHANGED,
                                  .view = message->view,
                                  .nodes = nodes,
                                  .node_count = G_N_ELEMENTS(nodes)});
    for (guint32 i = 0; i < 3; i++) {
        step(replica,
             &(ReplicaEvent){.kind = REPLICA_RECEIVED, .node = nodes[i], .bytes = bytes});
        step(replica, &(ReplicaEvent){.kind = REPLICA_TICKED});
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(ReplicaMessage) message = replica_message_decode(bytes, NULL);
    if (!message)
        return 0;
    g_autoptr(GBytes) again = replica_message_encode(message);
    g_assert_true(g_bytes_equal(bytes, again));
    feed(message, bytes);
    return 0;
}
