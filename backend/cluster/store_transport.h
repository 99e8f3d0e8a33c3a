/* cluster/store_transport - who orders the store's transactions and keeps them.
 *
 * A transport is a pure machine: its state and an event go in, its state and
 * actions come out. It does no I/O and reads no clock; the store (or a simulator)
 * feeds it and carries out what it asks for. Transactions are known to it by
 * tickets, which the store hands out in growing order.
 *
 *     event      SUBMITTED ticket    a caller wants this transaction
 *                PERSISTED first..last   a PERSIST was carried out: it is on this
 *                                        node's disk
 *                FAILED first..last      a PERSIST could not be carried out, and
 *                                        left nothing behind
 *     action     PERSIST first..last judge these in this order and write those
 *                                    whose conditions hold, as one unit
 *                COMMIT first..last  they are durable where they must be: show
 *                                    them to readers and watches, answer callers
 *                REFUSE first..last  answer their callers with the failure
 *
 * Rules that every transport keeps: each ticket is persisted at most once, and
 * committed or refused exactly once, in order; at most one PERSIST is
 * outstanding, so that conditions are always judged against committed state.
 */
#pragma once

#include <glib.h>

typedef enum { STORE_SUBMITTED, STORE_PERSISTED, STORE_FAILED } StoreEventKind;

typedef struct {
    StoreEventKind kind;
    guint64 first, last; /* tickets, both included; equal in SUBMITTED */
} StoreEvent;

typedef enum { STORE_PERSIST, STORE_COMMIT, STORE_REFUSE } StoreActionKind;

typedef struct {
    StoreActionKind kind;
    guint64 first, last;
} StoreAction;

typedef struct StoreTransport {
    const char *name;
    gpointer (*begin)(void);
    void (*end)(gpointer state);
    /* Appends actions to an array of StoreAction. */
    void (*step)(gpointer state, const StoreEvent *event, GArray *actions);
} StoreTransport;

/* One node alone: what is on its disk is durable. Transactions that arrive while
 * the disk is at work wait and go to it together. */
extern const StoreTransport store_transport_solo;
