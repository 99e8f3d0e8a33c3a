/* cluster/store - documents by path, changed by transactions in one order.
 *
 * The store holds what a cluster must agree on: a document is bytes under a path
 * ("guest/101/gantry"), with the revision at which it was last changed. A
 * transaction is conditions (this path is at that revision, or absent) with puts
 * and deletes; it is applied wholly or not at all. All transactions have one
 * global order, and the revision counts those that were applied: each gets the next
 * revision, and all documents it changes carry it.
 *
 * The order is that of the replicated log (cluster/replica, PROTOCOL.md). A node alone
 * is a cluster of one: its log has one voter and needs no network. In a group the
 * log's messages go out by send() and come in by store_receive(), and a change is
 * acknowledged once voters with a majority of the votes have it on disk.
 *
 * Semantics that callers may rely on:
 *   - store_commit() returns at once. Its callback comes later, in the main
 *     context, in the order of the transactions (what is wrong in itself, PARAMS
 *     and LIMIT, is answered before those that wait for the disk), with the new
 *     revision once the change is durable; or with an error:
 *       WIRE_ERROR_CONFLICT     a condition does not hold; nothing was changed
 *       WIRE_ERROR_PARAMS       a path is malformed
 *       WIRE_ERROR_LIMIT        one of the limits below
 *       WIRE_ERROR_STORAGE      it could not be written; says why and what to do
 *       WIRE_ERROR_UNAVAILABLE  there is no majority; nothing was changed
 *       WIRE_ERROR_TIMEOUT      the majority was lost on the way: the change may have
 *                               been made, or be made when the others are back
 *       WIRE_ERROR_STATE        this node's documents differ from the others'
 *       WIRE_ERROR_CANCELLED    the store was closed first
 *   - Conditions are judged against the state that all earlier transactions in
 *     the order leave, so of two that claim the same absent path one gets it,
 *     whichever nodes they come from.
 *   - Reads are served from memory, at once, and show only durable changes. They go
 *     on without a majority: what they show is then as old as its loss.
 *   - A watch is told every change of a document at or below its path, in order,
 *     with memory showing exactly that revision, before the transaction's own
 *     callback. Reading and then watching, in one go, misses nothing. When a node's
 *     documents are replaced by the cluster's, it is told what differs.
 *
 * Opening never fails: store_is_loaded() and the events say when the documents
 * are there. When the file is damaged, full or read-only, what can be read is
 * served and commits are refused with the reason; see cluster/database for which
 * of these pass without a restart. After such a pause the file is read again and
 * what differs is told to the watches.
 *
 * Everything here belongs to one thread, that of the main context which was the
 * thread's default when the store was opened.
 */
#pragma once

#include "backend/cluster/database.h"
#include "backend/cluster/replica.h"
#include "backend/cluster/store_content.h"

#include <glib.h>

#define STORE_PATH_MAX         256            /* bytes */
#define STORE_DOCUMENT_MAX     (1u << 20)     /* bytes */
#define STORE_TOTAL_MAX        (256ull << 20) /* bytes of all paths and documents */
#define STORE_TRANSACTION_MAX  (8u << 20)     /* bytes of a transaction */
#define STORE_OPERATIONS_MAX   4096           /* conditions, puts and deletes in one */
#define STORE_PENDING_MAX      4096           /* transactions not yet answered */
#define STORE_PENDING_SIZE_MAX (64u << 20)    /* bytes of them */
#define STORE_WATCHES_MAX      1024

typedef struct Store Store;

typedef struct {
    const char *path;
    guint64 revision;
    StoreContent *content;
} StoreDocument;

typedef struct {
    /* The documents are in memory (or it is certain that none can be read: see
     * store_reason). Called once. */
    void (*loaded)(gpointer user);
    /* Whether this node's file can be used changed; reason is NULL when it can. */
    void (*health)(DatabaseHealth health, const GError *reason, gpointer user);
    /* What store_status() says of the group changed. May be NULL. */
    void (*group)(gpointer user);
} StoreEvents;

typedef struct {
    const char *path; /* the SQLite file; its directory exists */
    guint64 file_max; /* bytes; 0: no limit but the disk's */
} StoreSettings;

Store *store_open(const StoreSettings *settings, const StoreEvents *events, gpointer user);

/* The first half of closing: callbacks still due are called now (WIRE_ERROR_CANCELLED for
 * what had not gone to the disk). From then on there is only reading, and unwatching. */
void store_finish(Store *store);
/* Ends, finishing first if that was not done. Accepts NULL. */
void store_close(Store *store);

gboolean store_is_loaded(const Store *store);
/* Why commits can't work now, or NULL. Owned by the store. */
const GError *store_reason(const Store *store);
/* Transactions not yet answered, and since when the disk has not answered
 * (monotonic microseconds, 0 when it is idle). */
guint store_pending(const Store *store);
gint64 store_busy_since(Store *store);
/* The revision of the last transaction applied. */
guint64 store_revision(const Store *store);
/* Bytes of all paths and documents. */
guint64 store_size(const Store *store);

/* The document, or NULL. Borrowed: valid until the main context runs again. */
const StoreDocument *store_get(const Store *store, const char *path);
/* Each document at or below a path, "" for all, in the order of their paths,
 * until each() returns FALSE. It must not iterate the main context. */
void store_each(const Store *store, const char *path,
                gboolean (*each)(const StoreDocument *document, gpointer user), gpointer user);

/* A transaction being built. What is wrong with it (a malformed path, a limit)
 * is remembered and reported by store_commit(). Puts and deletes are applied in
 * the order given; deleting what is not there is no error. */
typedef struct StoreTransaction StoreTransaction;
StoreTransaction *store_transaction_new(void);
void store_transaction_free(StoreTransaction *transaction);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreTransaction, store_transaction_free)
void store_transaction_require(StoreTransaction *transaction, const char *path,
                               guint64 revision);
void store_transaction_require_absent(StoreTransaction *transaction, const char *path);
void store_transaction_put(StoreTransaction *transaction, const char *path, const void *data,
                           size_t size);
void store_transaction_delete(StoreTransaction *transaction, const char *path);

/* revision is 0 on an error. */
typedef void (*StoreDone)(guint64 revision, const GError *error, gpointer user);
/* Takes the transaction. done may be NULL; it is never called from within. */
void store_commit(Store *store, StoreTransaction *transaction, StoreDone done, gpointer user);

/* document is NULL when it was deleted. */
typedef void (*StoreChanged)(const char *path, const StoreDocument *document, guint64 revision,
                             gpointer user);
/* Watches a path and all below it ("" for everything). 0 and WIRE_ERROR_LIMIT
 * when there are too many. May be called, as store_unwatch, within a callback. */
guint store_watch(Store *store, const char *path, StoreChanged changed, gpointer user,
                  GError **error);
void store_unwatch(Store *store, guint watch);

/* A path is 1 to STORE_PATH_MAX bytes of UTF-8: segments with / between, none
 * empty, "." or "..", without control characters. */
gboolean store_path_check(const char *path, GError **error);

/* ---- in a group of nodes ---- */

typedef struct {
    guint32 node;    /* this node's number there, from 1 up */
    guint64 cluster; /* the number of the cluster's store: store_cluster() of its founder */
    /* To all members of the group, this node too, in one order (as far as the network
     * keeps it: see cluster/replica). Called from within the store; must not call it. */
    void (*send)(GBytes *message, gpointer user);
    /* To one node, or to all others when it is 0, by a shorter way: the message may be
     * lost, doubled and overtaken. NULL: there is none. */
    void (*hurry)(guint32 node, GBytes *message, gpointer user);
    gpointer user;
} StoreGroup;

/* From now on what the group's majority says holds. A node that was alone until now, with
 * a store that is not the group's, begins anew and takes the group's documents; its own
 * are kept aside: store_former(). A store that belongs to another cluster of several nodes
 * is not touched: STORE_FOREIGN. */
void store_join(Store *store, const StoreGroup *group);
/* Who is in the group now; the number of no other view, the same on all its members. None
 * when count is 0. electorate: 0, or how many votes a person said to expect. */
void store_view(Store *store, guint64 view, const guint32 *nodes, guint count,
                guint electorate);
void store_receive(Store *store, guint32 node, GBytes *message);
/* Alone again, by somebody's decision, as a cluster of one with the documents as they are
 * here; of whatever the store was part of before. */
void store_part(Store *store);
/* Takes the group's documents for its own, whatever they are here: the way out of
 * REPLICA_DIVERGED, STORE_FOREIGN and a damaged log. WIRE_ERROR_STATE when it is alone. */
gboolean store_resync(Store *store, GError **error);

/* Whoever sends for it goes away; it hears and says nothing any more. */
void store_mute(Store *store);

/* A change of the members of the log; see replica_members.h. */
void store_change_members(Store *store, const ReplicaChange *change, StoreDone done,
                          gpointer user);
/* It is in no group, and no other node votes. */
gboolean store_is_alone(const Store *store);
/* The members as of the last entry; NULL while there is no log. Borrowed. */
const ReplicaMembers *store_members(const Store *store);
guint64 store_cluster(const Store *store);
guint64 store_birth(const Store *store);

/* What this node held alone before it joined, of StoreWrite (store_documents.h), or NULL.
 * It is kept until it is forgotten. */
const GArray *store_former(const Store *store);
void store_forget_former(Store *store);

typedef enum {
    STORE_OPENING,
    STORE_WORKING,     /* commits work */
    STORE_NO_MAJORITY, /* reading only */
    STORE_ELECTING,    /* a majority is there, and agrees; commits wait */
    STORE_SYNCING,     /* behind the others; commits work */
    STORE_JOINING,     /* not taken in by the others yet */
    STORE_FAILING,     /* this node's disk; the others go on without it */
    STORE_DIVERGED,    /* other documents than the majority has: store_resync() */
    STORE_FOREIGN,     /* the file is of another cluster: store_resync(), or store_part() */
} StoreState;

typedef struct {
    StoreState state;
    gboolean grouped;
    guint64 revision;
    ReplicaStatus log;
} StoreStatus;
void store_status(const Store *store, StoreStatus *status);
const char *store_state_name(StoreState state);
