/* cluster/store_private - what a store is made of; for its own files only.
 *
 *     store.c          opening, closing, reading, watches, commits and their answers
 *     store_machine.c  feeds the replica and carries out what it asks for
 *     store_load.c     reads the file; begins anew alone or in a group
 */
#pragma once

#include "backend/cluster/store.h"
#include "backend/cluster/store_disk.h"
#include "backend/cluster/store_pieces.h"

/* A transaction, or a change of the members, that is not answered yet. */
typedef struct {
    guint64 ticket;
    gsize size;
    StoreDone done;
    gpointer user;
    GError *error; /* why it was refused at once */
} StorePending;

/* An event for the replica, with what it points to. */
typedef struct {
    ReplicaEvent event;
    guint32 *nodes;
    ReplicaBase *base;
} StoreInput;

/* What an entry changed, until it is in the file. */
typedef struct {
    guint64 index, revision;
    GArray *writes; /* of StoreWrite */
} StoreChange;

/* Documents as they were when a node that lags began to fetch them, until it has all. */
typedef struct {
    StorePieces *pieces; /* NULL: none */
    ReplicaBase base;
    ReplicaHash digest;
} StoreHeld;

struct Store {
    Database *database;
    StoreEvents events;
    gpointer user;
    gboolean read;   /* the file was, at least once */
    gboolean loaded; /* and it was told */
    gboolean reading, closing;
    gboolean partial;   /* memory was read from a file that was not well */
    GError *unreadable; /* what could not be read of it */
    GError *foreign;    /* why the file is not of this cluster */

    StoreDocuments documents;
    GArray *former;

    GHashTable *pending; /* ticket -> StorePending */
    guint64 last_ticket;
    gsize pending_size;
    GQueue rejected; /* of StorePending: wrong in themselves, to be answered soon */
    GSource *rejected_source;

    Replica *replica; /* NULL: not read yet, or cannot be used */
    ReplicaHealth health;
    guint32 node;
    guint64 cluster, birth;
    GQueue inbox; /* of StoreInput, not yet fed */
    gboolean feeding;
    GSource *ticker;
    guint ticks; /* since the file was read */

    /* what came of the last entry applied */
    guint64 verdict_index, verdict_revision;
    GError *verdict;

    GQueue changes;  /* of StoreChange: applied, not known to be in the file */
    GArray *install; /* all documents, to replace those in the file */
    guint64 install_revision;
    GByteArray *kept; /* pieces of them that came */
    StoreHeld held;

    gboolean grouped;
    StoreGroup group;
    ReplicaEvent view; /* who is in it, as last told; with the array of its own */
    guint32 view_nodes[REPLICA_MEMBERS_MAX];

    GPtrArray *watches; /* of a watch; a hole is NULL while telling */
    guint last_watch, telling;
};

/* store.c */
void store_tell_watches(Store *store, const char *path, guint64 revision);
/* Answers the ticket; takes the error. */
void store_answer(Store *store, guint64 ticket, guint64 revision, GError *error);
/* Answers all that are pending. */
void store_answer_all(Store *store, const GError *error);
void store_tell_loaded(Store *store);

/* store_machine.c */
/* Queues an event, with a copy of nodes and base and a reference to bytes. */
void store_feed(Store *store, const ReplicaEvent *event);
/* Callbacks may commit again: such events wait until the actions at hand are carried
 * out, so that nothing is judged against a state in the middle. */
void store_drain(Store *store);
/* A replica from what was read; takes the entries. */
void store_machine_start(Store *store, const ReplicaDurable *durable);
/* Without it; what waits to be submitted waits on. */
void store_machine_stop(Store *store);
/* For good: the store is being freed. */
void store_machine_close(Store *store);
/* Makes memory what the list (of StoreWrite) says and tells the watches what differs.
 * With keep, what is not in the list stays. */
void store_adopt(Store *store, const GArray *documents, guint64 revision, gboolean keep);

/* store_load.c */
void store_load(Store *store);
/* The file's health is another. */
void store_load_again(Store *store, DatabaseHealth health);
