/* cluster_store_private - what the parts of cluster_store.h share.
 *
 *   cluster_store.c        what corosync.conf says, put in force: joining a store, parting
 *                          with it, leaving, and who its members are to be
 *   cluster_store_views.c  who is in the group, what they say of themselves (hellos), and the
 *                          views of the store that come of it
 *   cluster_store_carry.c  the store's messages, there and back
 *
 * All of it runs in the main loop. The group's processes come and go by events; a view of
 * the store begins with the first hello after that, which gives it its number
 * (store_stream.h). Between the two nothing is carried.
 */
#pragma once

#include "agent/cluster_line.h"
#include "agent/cluster_store.h"
#include "backend/cluster/store_stream.h"

/* A process in the group. */
typedef struct {
    MembershipPeer peer;
    StoreUnpacker *unpacker;
    gboolean known; /* it has said hello: */
    StoreHello hello;
    guint astray; /* so many of them in a row were out of another view */
    ClusterStorePeer line;
} ClusterStoreProcess;

struct ClusterStore {
    Agent *agent;
    Membership *membership;
    guint group;
    void (*changed)(gpointer user);
    gpointer user;

    CorosyncText *conf; /* as last told, or NULL */
    guint64 left;
    gboolean told, grouped;
    guint32 own; /* this node's number in the group */

    GPtrArray *peers; /* of ClusterStoreProcess */
    gboolean counted; /* the view has its number: */
    guint64 view;
    gint64 since;   /* monotonic */
    guint renewals; /* of views, as a node was astray, since the members changed */
    guint electorate;
    StorePacker *packer;
    ClusterLine *line; /* the short way */
    guint pump, hello_timer, quiet;
    guint64 said;    /* the revision in the last hello */
    guint receiving; /* from which node a chunk is being unpacked */

    gboolean changing, leaving;
    gboolean worked; /* the store has, with a majority of its own: */
    guint losses;    /* of quorum until then */
    gint64 leaving_since;
};

/* ---- cluster_store.c ---- */

/* Puts in force what corosync.conf says, once the store is there. */
void cluster_store_settle(ClusterStore *part);
/* On the node that leads: begins the next step towards the members that corosync.conf says,
 * if there is one. */
void cluster_store_reconcile(ClusterStore *part);

/* ---- cluster_store_views.c ---- */

void cluster_store_process_free(gpointer process);
/* The process of a node, or NULL. */
ClusterStoreProcess *cluster_store_find(const ClusterStore *part, guint node);

/* To all, now; flags: StoreHello's. */
void cluster_store_say_hello(ClusterStore *part, guint8 flags);
/* From now on, now and then. */
void cluster_store_begin_hellos(ClusterStore *part);
void cluster_store_take_hello(ClusterStore *part, ClusterStoreProcess *peer,
                              const StoreHello *hello);
/* Keeps in mind that the store works with a majority of its own, if it does. */
void cluster_store_note_work(ClusterStore *part);

/* ---- cluster_store_carry.c ---- */

/* StoreGroup's send and hurry; user is the ClusterStore. */
void cluster_store_send(GBytes *message, gpointer user);
void cluster_store_hurry(guint32 node, GBytes *message, gpointer user);
/* A ClusterLineHeard. */
void cluster_store_line_heard(guint node, GBytes *message, gpointer user);
