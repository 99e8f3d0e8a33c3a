/* cluster/replica - one node's part in a log that a majority has on disk.
 *
 * A replica is a pure machine: its state and an event go in, its state and actions
 * come out. It does no I/O, reads no clock, keeps no secret randomness; the store
 * (or a simulator) feeds it and carries out what it asks for. PROTOCOL.md beside
 * this file says how it works and why that holds; in short:
 *
 *   - Transactions get their place in one log. A leader gives the places, in the
 *     order in which the cluster engine delivers the requests; an epoch has one
 *     leader, and (epoch, place) one content.
 *   - An entry is committed once voters with a majority of the votes have it on
 *     disk in the same epoch. Committed entries are applied to the documents, in
 *     order, on every node; only then is whoever asked answered.
 *   - Each new membership begins a new epoch: the member with the best log proposes
 *     it, a majority promises on disk to serve no lower one, then the members make
 *     their logs equal to the leader's and say on disk that they adopted it. "Best"
 *     is the highest adopted epoch, then the longest log. What a majority acked is
 *     in every later leader's log.
 *   - A node that is behind fetches what it lacks, entries or the documents in
 *     pieces, while the others go on.
 *
 * What holds whatever the network, the disks and the clocks do, as long as a disk
 * keeps what it said it has:
 *   - Log matching: two logs with the same hash at an index are equal up to it.
 *   - Committed entries are never lost, replaced or reordered.
 *   - All nodes that have applied an index have applied the same entries up to it.
 *   - A request is in the log at most once; one that was REFUSED never.
 * The network has to deliver for anything to go on, not for any of this to hold.
 *
 * What the caller must do:
 *   - carry out a step's actions in their order, before the next event;
 *   - carry out a WRITE as a unit (wholly or not at all), and tell WRITTEN only
 *     when it is on disk to stay. At most one is outstanding;
 *   - give a view a number that no other view has and that its members share;
 *   - be deterministic in applying, and tell the documents' digest when asked for.
 *
 * When there is no majority: what is submitted is refused (UNAVAILABLE); what was
 * under way is held for REPLICA_DOUBT_TICKS, then answered: UNAVAILABLE when it had
 * never been sent, else IN_DOUBT: it may still be committed, now or later.
 */
#pragma once

#include "backend/cluster/replica_log.h"
#include "backend/wire/error.h"

/* All times are in ticks: the caller gives about ten a second. */
#define REPLICA_HEARTBEAT_TICKS 5  /* a leader shows that it is there */
#define REPLICA_GATHER_TICKS    5  /* how long a silent member is waited for */
#define REPLICA_ROUND_TICKS     20 /* until an attempt to begin an epoch is given up */
#define REPLICA_LEADER_TICKS    30 /* until a silent leader is given up */
#define REPLICA_RETRY_TICKS     10 /* until something unanswered is asked again */
#define REPLICA_SENDING_TICKS   50 /* until pieces for which nobody asks are let go */
#define REPLICA_AGAIN_TICKS     2  /* until what was lost on the short way is told again */
#define REPLICA_DOUBT_TICKS     50 /* how long requests are held without a leader */
#define REPLICA_CHECK_INTERVAL  64 /* entries from one digest to the next */
#define REPLICA_SHOW_ENTRIES    64 /* by which documents on disk may lag behind those here, */
#define REPLICA_SHOW_SIZE       (1u << 20) /* and bytes of these entries */
#define REPLICA_WINDOW          128        /* requests of a node that have no place yet */
#define REPLICA_HURRY_MAX       1200       /* bytes of a message that goes the short way */

typedef struct Replica Replica;

/* What the disk has; also what a new replica begins with. */
typedef struct {
    guint64 cluster, birth; /* never change */
    guint64 incarnation;    /* counts the starts */
    guint64 promised;       /* no epoch below it is served */
    guint64 adopted;        /* the last epoch whose leader's log this log was equal to */
    gboolean diverged;      /* the documents were found to differ: see RESYNC_ASKED */
    ReplicaBase base;
    guint64 applied;    /* the documents show the entries up to here */
    GPtrArray *entries; /* of ReplicaEntry: those after the base, in order */
} ReplicaDurable;

typedef struct {
    guint32 node;
    guint64 keep;     /* entries that are kept for those who lag behind */
    gsize size_kept;  /* bytes of them; who is further behind gets the documents instead */
    gsize size_max;   /* bytes of entries in memory: beyond, nothing new gets a place */
    gsize piece_size; /* bytes in one answer to a node that is behind */
    gsize batch_size; /* bytes of entries in one write, about */
} ReplicaSettings;

/* Copies what it needs; entries share their bytes. What cannot be (hashes that do not
 * follow from each other, documents beside the log) begins as REPLICA_DIVERGED. */
Replica *replica_new(const ReplicaSettings *settings, const ReplicaDurable *durable);
void replica_free(Replica *replica);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Replica, replica_free)

typedef enum {
    REPLICA_VIEW_CHANGED,     /* view, nodes, node_count: the members now */
    REPLICA_RECEIVED,         /* node, bytes: a multicast message, also one's own */
    REPLICA_SUBMITTED,        /* ticket, bytes: a transaction is wanted */
    REPLICA_CHANGE_SUBMITTED, /* ticket, change: a change of the members is wanted */
    REPLICA_WRITTEN,          /* token */
    REPLICA_WRITE_FAILED,     /* token: nothing of it is there, as far as can be told */
    REPLICA_APPLIED,          /* index, digest: after each APPLY of a checked index */
    REPLICA_PIECE_READ,       /* node, base, digest, offset, last, bytes: see READ_PIECE */
    REPLICA_RESYNC_ASKED,     /* take the documents of the others */
    REPLICA_SETTLE_ASKED,     /* write the documents as far as the log on disk goes */
    REPLICA_TICKED,
} ReplicaEventKind;

typedef struct {
    ReplicaEventKind kind;
    guint64 view;
    const guint32 *nodes; /* at most REPLICA_MEMBERS_MAX */
    guint node_count;
    guint electorate; /* 0, or: count as though all votes were so few. See PROTOCOL.md */
    guint32 node;
    GBytes *bytes;
    guint64 ticket, token, index, offset;
    ReplicaChange change;
    ReplicaHash digest;
    const ReplicaBase *base;
    gboolean last;
} ReplicaEvent;

/* One unit of writing. In this order: when `install`, all documents and entries are
 * replaced by the pieces kept; entries from `first` on are removed; `entries` come in
 * their place; the documents' changes by the entries up to `applied` are written, not
 * those of later ones (the documents on disk are never ahead of the log there; they may
 * lag behind it, by REPLICA_SHOW_ENTRIES and while nothing ticks);
 * entries up to the base are removed; the rest is set. */
typedef struct {
    guint64 token, incarnation, promised, adopted;
    gboolean diverged, install;
    guint64 first;
    GPtrArray *entries;
    ReplicaBase base;
    guint64 applied;
    gboolean same_state; /* all but the entries is on the disk already */
} ReplicaBatch;
void replica_batch_free(ReplicaBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplicaBatch, replica_batch_free)

typedef enum {
    REPLICA_APPLIED_AT, /* it was applied at index; what came of it the caller knows */
    REPLICA_REFUSED,    /* code; it is not in the log and will never be */
    /* It may have been applied, or be applied later. With the code STORAGE: this node is
     * alone and its disk refused; it was taken back, and is lost unless the disk has it
     * after all. */
    REPLICA_IN_DOUBT,
} ReplicaOutcome;

typedef enum {
    REPLICA_NO_MAJORITY, /* or no view at all: reading only */
    REPLICA_ELECTING,    /* an epoch is being begun */
    REPLICA_SYNCING,     /* behind the others, catching up */
    REPLICA_WORKING,
    REPLICA_STRANGER, /* not a member (any more), or known with another birth */
    REPLICA_DISK,     /* the disk refuses to write */
    REPLICA_DIVERGED, /* has other documents than the others: it must be resynced */
} ReplicaHealth;

typedef enum {
    REPLICA_SEND, /* bytes: multicast, also to oneself */
    /* node, bytes: to one node (0: to all others) by the shortest way there is. It may be
     * lost, doubled and overtaken: what matters is sent again by SEND, on a tick. Whoever
     * has no shorter way sends it like SEND. At most REPLICA_HURRY_MAX bytes. */
    REPLICA_HURRY,
    REPLICA_WRITE, /* batch: answer with WRITTEN or WRITE_FAILED */
    /* entry: apply it to the documents. When its index is a multiple of
     * REPLICA_CHECK_INTERVAL, feed APPLIED. */
    REPLICA_APPLY,
    REPLICA_ANSWER, /* ticket, outcome, index, code */
    /* node, index, offset, base: a piece of the documents, at most piece_size bytes,
     * is wanted for that node. With offset 0, or when the documents of that index
     * are not held for it any more: of the documents as they are now, which `base`
     * describes and which are to be held. Else of those held, at the offset. */
    REPLICA_READ_PIECE,
    REPLICA_KEEP_PIECE, /* offset, bytes: put aside; offset 0 drops what was before */
    /* index, digest: the pieces kept are the documents now (and go to the disk with
     * the next batch that has `install`). */
    REPLICA_LOAD,
    REPLICA_REPORT, /* health changed */
} ReplicaActionKind;

typedef struct {
    ReplicaActionKind kind;
    GBytes *bytes;
    ReplicaBatch *batch;
    ReplicaEntry *entry;
    ReplicaBase *base;
    ReplicaHash digest;
    guint64 ticket, index, offset;
    guint32 node;
    ReplicaOutcome outcome;
    WireErrorCode code;
    ReplicaHealth health;
} ReplicaAction;

/* An array of ReplicaAction; the array frees what they hold. */
GArray *replica_actions_new(void);
/* Appends to actions. */
void replica_step(Replica *replica, const ReplicaEvent *event, GArray *actions);

/* For status and tests. */
typedef struct {
    ReplicaHealth health;
    guint64 epoch; /* being served, 0: none */
    guint32 leader;
    guint64 promised, adopted, end, committed, applied, base;
    guint pending;   /* requests not yet answered */
    guint foreign;   /* messages of another cluster, refused */
    guint senseless; /* messages that could not be read */
} ReplicaStatus;
void replica_status(const Replica *replica, ReplicaStatus *status);
/* Borrowed. */
const ReplicaLog *replica_log(const Replica *replica);
