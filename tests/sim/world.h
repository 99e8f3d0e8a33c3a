/* sim/world - replicas in a world that is as bad as its seed says.
 *
 * Nodes run the very code of cluster/replica. Around each are a disk that loses what
 * was not written (world_disk.c), a network as the cluster engine shows it
 * (world_network.c) and a small store of documents (world_node.c). world_run() picks
 * one thing after another that could happen next, faults among them (world_fault.c),
 * and after each the model (model.h) looks whether a promise was broken. Then it heals
 * everything and expects all to agree in the end.
 *
 * An event is one step of one replica.
 */
#pragma once

#include "backend/cluster/replica.h"
#include "backend/cluster/replica_faults.h"
#include "tests/sim/random.h"

#define WORLD_CLUSTER   0x6761
#define WORLD_NODES_MAX 32
#define WORLD_KEYS      12
#define WORLD_TRACE     64

/* The documents: numbers by key. A plain structure: copied, written and sent whole. */
typedef struct {
    guint64 applied, revision, digest;
    struct {
        guint64 revision, value; /* revision 0: absent */
    } keys[WORLD_KEYS];
} Documents;

/* What a transaction of the simulator is. */
typedef struct {
    guint64 id, value, revision; /* revision: the one that the key must have */
    guint32 key;
    guint32 conditional;
} Transaction;

typedef struct {
    guint64 view;
    guint64 members; /* a bit a node */
    gboolean broken; /* a member has left: it takes no more messages */
    guint length;    /* messages it has taken */
    guint references;
} Ring;

typedef struct {
    guint references;
    guint32 sender;
    GBytes *bytes;
} Packet;

/* What a node is told next by its cluster engine. */
typedef struct {
    Ring *ring;
    Packet *packet; /* NULL: a view */
    guint position;
    guint64 view, members; /* of a view */
} Delivery;

typedef struct {
    guint64 cluster, birth, incarnation, promised, adopted;
    gboolean diverged;
    ReplicaBase base;
    GPtrArray *entries;
    Documents documents;

    ReplicaBatch *batch;       /* being written */
    Documents batch_documents; /* that an install brings */
    ReplicaBatch *ghost;       /* failed, and perhaps there after all */
    Documents ghost_documents;
    gboolean failing;
    guint slowness; /* times that it is passed over */
} Disk;

typedef struct {
    guint32 id;       /* from 1 */
    Replica *replica; /* NULL: it is down */
    Disk disk;
    Documents documents, loaded;
    GByteArray *pieces;
    Documents held; /* for those who fetch documents */
    ReplicaBase held_base;
    gboolean is_held;
    Ring *ring;
    guint component; /* of the network */
    GQueue inbox;    /* of Delivery */
    GQueue outbox;   /* of Packet, not yet taken by a ring */
    GPtrArray *bag;  /* of Packet: on the short way to it, in any order */
    guint slowness;
    guint64 led;       /* the last epoch that it led */
    guint64 counted;   /* the members by which it last counted votes */
    gboolean was_lost; /* its disk was replaced by an empty one */
} Node;

/* How often things happen: once in so many events; 0: never. */
typedef struct {
    guint crash, crash_within, restart, split, heal, flap, hinge, hinge_back, reform, fail_disk,
        slow, lose_disk, change, burst, tick, submit;
} Rates;

typedef struct {
    const char *what;
    guint32 node;
    guint64 a, b;
} Trace;

typedef struct Model Model;

typedef struct {
    guint64 seed;
    Random random;
    guint node_count;
    Node nodes[WORLD_NODES_MAX + 1]; /* by id */
    Rates rates;
    guint faults;                   /* ReplicaFault */
    gboolean torn_disk, lying_disk; /* the disk's own mutants */
    ReplicaSettings settings;
    guint64 events, last_view, last_birth, last_transaction;
    guint32 hinge; /* the node that two majorities have in common, 0: none */
    guint hinge_stage;
    gboolean calm;        /* no faults any more */
    gboolean lossy_rings; /* who goes on may lose the end of the old ring */
    gboolean garbled;     /* messages are lost, doubled and mixed up */
    gboolean short_way;   /* there is one beside the rings, */
    gboolean short_lossy; /* where much is lost, doubled and late */
    Model *model;
    GArray *actions;
    Trace trace[WORLD_TRACE];
    guint64 trace_count;
    char *failure; /* the first promise broken */
} World;

World *world_new(guint64 seed, guint nodes_max, guint faults, gboolean torn, gboolean lying);
void world_free(World *world);
/* Runs about so many events, and then until all agree. FALSE: see failure. */
gboolean world_run(World *world, guint64 events);
void world_print_trace(const World *world);
void world_print_nodes(const World *world);

void world_fail(World *world, const char *format, ...) G_GNUC_PRINTF(2, 3);
void world_note(World *world, const char *what, guint32 node, guint64 a, guint64 b);

Node *world_pick(World *world);
void world_tick(World *world, Node *node);

/* world_fault.c */
/* Whatever of bad happens now, by the world's rates. */
void fault_some(World *world);
/* The network is whole again. */
void fault_heal(World *world);
/* What an operator does; if not willing, only what makes all nodes voters. */
void fault_change_members(World *world, gboolean willing);

/* world_network.c */
void network_send(World *world, Node *node, GBytes *bytes);
/* By the short way, to a node or to all others. */
void network_hurry(World *world, Node *node, guint32 to, GBytes *bytes);
/* What comes by the short way next; NULL when nothing does. Free as deliveries. */
Delivery *network_hurried(World *world, Node *node);
/* A ring takes the oldest message of the node's; FALSE when there is none. */
gboolean network_take(World *world, Node *node);
/* The next delivery; there is one. */
Delivery *network_deliver(World *world, Node *node);
void network_delivery_free(Delivery *delivery);
/* Forms a new ring where it has to be; FALSE when all is as it should. */
gboolean network_reform(World *world);
/* The node's process ended. */
void network_leave(Node *node);

/* world_disk.c */
void disk_found(Disk *disk, guint64 cluster, guint64 birth, const ReplicaBase *base);
void disk_clear(Disk *disk);
void disk_write(World *world, Node *node, ReplicaBatch *batch);
/* Ends what is being written; FALSE when nothing is. */
gboolean disk_finish(World *world, Node *node);
void disk_crash(World *world, Node *node);
/* Whether the entry is on it, or in its documents. */
gboolean disk_has(const Disk *disk, guint64 index, const ReplicaHash *hash);

/* world_node.c */
void node_start(World *world, Node *node);
void node_crash(World *world, Node *node);
void node_step(World *world, Node *node, const ReplicaEvent *event);
void node_submit(World *world, Node *node);
void node_submit_change(World *world, Node *node, const ReplicaChange *change);
void documents_apply(Documents *documents, const ReplicaEntry *entry);
