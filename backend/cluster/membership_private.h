/* cluster/membership_private - what the parts of membership.h share. */
#pragma once

#include "backend/cluster/membership.h"

#include <corosync/cfg.h>
#include <corosync/cmap.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>
#include <corosync/votequorum.h>

/* What a person shall read instead of a number. */
const char *membership_error_words(cs_error_t code);

/* ---- membership_view.c ---- */

/* The connections that a look needs. */
typedef struct {
    corosync_cfg_handle_t cfg;
    cmap_handle_t cmap, stats;
    votequorum_handle_t votequorum;
    quorum_handle_t quorum;
} MembershipHandles;

/* What quorum's callbacks told last. */
typedef struct {
    gboolean quorate;
    guint losses; /* how often it was told not to be, since this connection */
    struct quorum_ring_id ring;
    GArray *members; /* of guint */
} MembershipTold;

/* Asks corosync for everything. NULL when a question failed, and its code. Blocks. */
MembershipView *membership_look(const MembershipHandles *handles, const MembershipTold *told,
                                cs_error_t *code);

/* ---- membership_thread.c ---- */

typedef enum { ORDER_SEND, ORDER_RELOAD, ORDER_EXPECT, ORDER_SHUTDOWN } OrderKind;

typedef struct {
    OrderKind kind;
    guint group;
    guint votes;
    GBytes *data;
    MembershipDone done;
    gpointer user;
    GError *error; /* how it went */
} Order;

/* Common to the thread and its owner; the last of the two frees it. */
typedef struct {
    int references;
    char *groups[MEMBERSHIP_GROUPS_MAX + 1];
    GMainContext *context;
    int wake; /* eventfd: there are orders, or it shall end */
    GMutex mutex;
    GQueue orders;     /* of Order; under mutex */
    gboolean ended;    /* under mutex */
    gboolean poked;    /* under mutex */
    gint64 busy;       /* when it went into a call of corosync's; 0: in none. Atomic by
                        * the mutex too */
    Membership *owner; /* main context only; NULL once it is gone */
} MembershipShared;

void membership_shared_unref(MembershipShared *shared);
void membership_order_free(gpointer order);
gpointer membership_thread(gpointer shared);

/* What the thread tells; run in the main context, and freed there. */
typedef struct {
    MembershipShared *shared;
    enum { TOLD_ABSENT, TOLD_VIEW, TOLD_MEMBERS, TOLD_MESSAGE, TOLD_DONE } kind;
    MembershipView *view;
    guint group;
    MembershipPeer from;
    GArray *peers; /* of MembershipPeer */
    GBytes *data;
    Order *order;
} MembershipNews;

void membership_take(MembershipNews *news);
