/* cluster/replica_faults - the protocol broken on purpose, for the simulator.
 *
 * Compiled in only with -DREPLICA_MUTANTS; else every question is a constant FALSE.
 */
#pragma once

#include <glib.h>

typedef enum {
    REPLICA_FAULT_COMMIT_ALONE = 1 << 0,     /* commit without a majority of acks */
    REPLICA_FAULT_ACK_UNSYNCED = 1 << 1,     /* ack what is not on disk yet */
    REPLICA_FAULT_PROMISE_UNSYNCED = 1 << 2, /* promise without writing it */
    REPLICA_FAULT_ADOPT_EARLY = 1 << 3,      /* lead before a majority promised */
    REPLICA_FAULT_RANK_BY_LENGTH = 1 << 4,   /* the longest log is the best */
    REPLICA_FAULT_ANY_EPOCH = 1 << 5,        /* take messages of every epoch and view */
    REPLICA_FAULT_KEEP_TAIL = 1 << 6,        /* keep own entries at sync */
    REPLICA_FAULT_VIEW_MAJORITY = 1 << 7,    /* a majority of the view is enough */
    REPLICA_FAULT_NO_DEDUPE = 1 << 8,        /* give every request a place */
    REPLICA_FAULT_APPLY_EARLY = 1 << 9,      /* apply before the commit */
    REPLICA_FAULT_ADOPT_PART = 1 << 10,      /* adopt before the log is complete */
    REPLICA_FAULT_CHANGE_ANYTIME = 1 << 11,  /* do not wait between changes of members */
    REPLICA_FAULT_FORGET_BIRTH = 1 << 12,    /* count votes of nodes that lost their disk */
} ReplicaFault;

#ifdef REPLICA_MUTANTS
#include "backend/cluster/replica.h"
void replica_set_faults(Replica *replica, guint faults);
#define replica_has_fault(replica, fault) (((replica)->faults & (fault)) != 0)
#else
#define replica_has_fault(replica, fault) FALSE
#endif
