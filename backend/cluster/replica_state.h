/* cluster/replica_state - what a replica knows; for the files of the replica only.
 *
 * Everything that is to be on disk is kept as it shall be (`promised`, `adopted`,
 * the log), and beside it what the disk is known to have (ReplicaDisk). A batch is
 * the difference of the two, so a write that failed is tried again by itself, and
 * whatever waits for the disk looks at ReplicaDisk only.
 */
#pragma once

#include "backend/cluster/replica.h"
#include "backend/cluster/replica_faults.h"
#include "backend/cluster/replica_message.h"

typedef enum {
    REPLICA_GATHERING, /* members tell each other what they have */
    REPLICA_PROPOSING, /* this node would lead, and collects promises */
    REPLICA_PROMISED,  /* another would lead; its epoch is promised, or will be */
    REPLICA_CATCHING,  /* a leader is there, the log is not yet known to be its own */
    REPLICA_FOLLOWING, /* the log is the leader's, as far as it goes */
    REPLICA_LEADING,
} ReplicaPhase;

/* A member of the view. */
typedef struct {
    guint32 node;
    guint64 birth;
    gboolean has_state; /* in this round: */
    guint64 promised, adopted, end;
    gboolean electable;
    gboolean has_promised; /* the epoch being proposed */
    gboolean has_acked;    /* in this epoch: */
    guint64 acked;         /* its disk has the leader's log up to here */
    guint64 checked;       /* its digest at an entry, 0: none */
    ReplicaHash digest;
    gboolean differs; /* a digest of its was not this node's */
    gboolean owed;    /* the leader: it waits for the answer to its request */
} ReplicaPeer;

typedef struct {
    gboolean writing, failed, retry;
    guint64 token;
    guint64 incarnation, promised, adopted, base; /* what the disk has */
    gboolean diverged;
    guint64 applied;     /* its documents show the entries up to here */
    gboolean settle;     /* they shall show all that its log has */
    guint64 end;         /* the last entry that the disk has */
    guint64 synced;      /* up to here they are those of the log */
    gboolean reset;      /* the log and the documents on disk are to be replaced */
    ReplicaBatch *batch; /* outstanding, without its entries */
    guint64 batch_end;
    guint64 cut; /* the log was changed after this entry since then */
} ReplicaDisk;

/* A transaction or change of this node, from SUBMITTED to ANSWER. */
typedef struct {
    guint64 ticket, sequence;
    ReplicaEntryKind kind;
    GBytes *bytes;
    gboolean sent;      /* in this epoch */
    gboolean ever_sent; /* a prefix of the queue */
    gboolean answered;  /* IN_DOUBT; it keeps its place among its siblings */
} ReplicaRequest;

typedef struct {
    guint64 index;
    ReplicaHash digest;
} ReplicaCheck;
#define REPLICA_CHECKS 64 /* digests that are remembered */
#define REPLICA_LEADS  2  /* tellings of places that are on their way at a time */

struct Replica {
    ReplicaSettings settings;
    guint faults;    /* ReplicaFault, in mutants */
    GArray *actions; /* of the present step */

    guint64 cluster, birth, incarnation, promised, adopted;
    gboolean diverged;
    ReplicaLog log;
    guint64 verified; /* the log's end when it adopted: adopted goes to disk with it */
    guint64 committed, applied;
    ReplicaMembers members; /* as of applied */
    ReplicaDisk disk;

    guint64 view;
    guint electorate; /* 0: as the log says */
    guint peer_count;
    ReplicaPeer peers[REPLICA_MEMBERS_MAX];
    ReplicaPhase phase;
    guint32 round;
    guint ticks;                         /* in this phase, or since the leader was heard */
    gboolean owes_propose, owes_promise; /* to be sent once the disk has the promise */

    guint64 epoch; /* served, 0: none */
    guint32 leader;
    guint64 start; /* the leader's log when the epoch began */
    ReplicaHash start_hash;
    gboolean in_force; /* a majority has adopted */
    guint64 acked;     /* what this node last acked, with `has_acked` */
    gboolean has_acked;
    guint again_ticks;            /* since it did, or something more was committed */
    guint64 announced;            /* the leader: places up to here were told, */
    guint64 leads[REPLICA_LEADS]; /* and up to there by the tellings before */
    gboolean owes_notice;         /* and the others not that more is committed, or in force */
    GQueue waiting;               /* of ReplicaEntry: requests without a place */

    gboolean fetching, resync; /* an answer is awaited; it shall be the documents */
    guint fetch_ticks;
    guint64 matched;     /* the log is known to be the leader's up to here */
    gboolean installing; /* pieces are coming: */
    guint64 install_index, install_offset;
    gboolean sending; /* the leader: pieces are going out, the next is asked for soon: */
    guint64 sent_index, sent_offset; /* it begins there; 0: one is being read */
    guint sending_ticks;

    GQueue requests; /* of ReplicaRequest: own, oldest first */
    gsize request_size;
    guint64 next_sequence;
    guint request_ticks, leaderless_ticks;

    ReplicaCheck checks[REPLICA_CHECKS];
    guint64 checked; /* the last of them */
    guint64 told;    /* the last that the others were told of */
    ReplicaHealth health;
    guint foreign, senseless;
};

/* replica.c */
ReplicaPeer *replica_peer(Replica *replica, guint32 node);
ReplicaAction *replica_act(Replica *replica, ReplicaActionKind kind);
/* Sends a message, with its header filled in; takes it. */
void replica_send(Replica *replica, ReplicaMessage *message);
/* By the short way, if it is small enough, to a node; 0: to all others. */
void replica_hurry(Replica *replica, guint32 node, ReplicaMessage *message);
guint replica_votes(const Replica *replica, const ReplicaPeer *peer);
/* The votes of the members of the view that are so. */
guint replica_count_votes(const Replica *replica, gboolean (*is_so)(const ReplicaPeer *peer));
gboolean replica_is_majority(const Replica *replica, guint votes);
/* Whether those who are in the view can be a majority. */
gboolean replica_sees_majority(const Replica *replica);
gboolean replica_is_voter(const Replica *replica);
/* The log is, as far as it goes, the leader's. */
gboolean replica_is_in_line(const Replica *replica);
void replica_diverge(Replica *replica);

/* replica_disk.c */
void replica_disk_init(Replica *replica);
void replica_disk_flush(Replica *replica);
/* Documents that lag behind on disk are written. */
void replica_disk_tick(Replica *replica);
void replica_disk_done(Replica *replica, guint64 token, gboolean written);
/* The log was, or will be, changed after this entry. */
void replica_disk_cut(Replica *replica, guint64 last);
/* The log and the documents were replaced. */
void replica_disk_reset(Replica *replica);

/* replica_epoch.c */
void replica_view(Replica *replica, const ReplicaEvent *event);
void replica_round(Replica *replica, guint32 round);
void replica_leave_epoch(Replica *replica);
void replica_on_state(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_on_propose(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_on_promise(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_epoch_written(Replica *replica);
void replica_epoch_tick(Replica *replica);
guint32 replica_epoch_leader(guint64 epoch);

/* replica_order.c */
void replica_on_request(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
/* A request of this node's, which is on its way to the others; takes it. */
void replica_take_own(Replica *replica, ReplicaEntry *entry);
/* The leader: that it lives, how far its log goes, and how much of it is committed. */
void replica_show(Replica *replica);
/* The leader: tells those who wait for an answer what is committed. */
void replica_notify(Replica *replica);
void replica_order_tick(Replica *replica);
void replica_on_lead(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_order(Replica *replica);
void replica_adopt(Replica *replica);
void replica_drop_waiting(Replica *replica);

/* replica_commit.c */
void replica_on_ack(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_ack(Replica *replica);
void replica_ack_tick(Replica *replica);
void replica_count_acks(Replica *replica);
void replica_commit(Replica *replica, guint64 index);
/* Lets go of entries that are on disk and in the documents, beyond what is kept. */
void replica_compact(Replica *replica);
void replica_checked(Replica *replica, guint64 index, const ReplicaHash *digest);

/* replica_request.c */
void replica_submit(Replica *replica, guint64 ticket, ReplicaEntryKind kind, GBytes *bytes);
void replica_send_requests(Replica *replica);
void replica_resend_requests(Replica *replica);
void replica_request_applied(Replica *replica, const ReplicaEntry *entry, gboolean accepted);
/* The members are others, perhaps by documents that were loaded. */
void replica_check_session(Replica *replica);
/* The disk refused. What nobody else has heard of is taken back. */
void replica_withdraw(Replica *replica);
void replica_request_tick(Replica *replica);
void replica_requests_clear(Replica *replica);

/* replica_sync.c */
void replica_catch_up(Replica *replica);
void replica_fetch(Replica *replica);
void replica_on_fetch(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_on_entries(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_on_snapshot(Replica *replica, ReplicaPeer *peer, const ReplicaMessage *message);
void replica_piece(Replica *replica, const ReplicaEvent *event);
void replica_sync_tick(Replica *replica);
