/* cluster/membership - this node's view of its corosync cluster, and its groups.
 *
 * One thread holds the connections to corosync: quorum, votequorum, cmap, cfg, and one CPG
 * connection a group. It looks at corosync when it is told of a change and every two
 * seconds (link states and latencies are not told), and reports what it found. When corosync is
 * not there it tries again after 0.2 s, then less and less often, up to 5 s.
 *
 *     ABSENT   no corosync answers on this node: it does not run, or is just starting
 *     SILENT   it accepted a question and has not answered for MEMBERSHIP_SILENCE
 *              seconds: stopped, or in dire straits. The last view is kept, with its age
 *     UP       the view is at most a few seconds old
 *
 * corosync's own calls have no deadline: whoever is stuck in one is this thread, and nobody
 * waits for it, not even membership_free().
 *
 * Groups (closed process groups of corosync): every message that is delivered in one is
 * delivered to all members in the same order, changes of membership among them. When
 * corosync goes away each group becomes empty (`members` with none). A message that
 * waits to be sent then is dropped: who needs to know looks for it among the delivered.
 *
 * Everything but the thread runs in, and is called back in, the thread-default main context
 * of membership_new(); never from inside a call. Sources: corosync's headers, cmap_keys(7),
 * votequorum(5).
 */
#pragma once

#include <glib.h>

#define MEMBERSHIP_SILENCE     3          /* seconds */
#define MEMBERSHIP_MESSAGE_MAX (1u << 20) /* less some bytes is corosync's own limit */
#define MEMBERSHIP_QUEUE_MAX   1024       /* messages and commands that wait */
#define MEMBERSHIP_GROUPS_MAX  4

typedef struct Membership Membership;
typedef enum { MEMBERSHIP_ABSENT, MEMBERSHIP_SILENT, MEMBERSHIP_UP } MembershipState;

typedef struct {
    guint link;
    gboolean enabled, connected;
    guint latency, latency_max; /* microseconds, the mean and the longest; 0: not measured */
    /* Since corosync started: how often it was lost and found, what it carried, and what
     * had to be sent again or could not be sent. */
    guint down_count, up_count;
    guint64 sent, received, retries, errors; /* packets */
    guint mtu;                               /* bytes that fit into one; 0: not known */
    char address[64];                        /* that node's; may be "" */
} MembershipLink;

/* The ring, since corosync started here. */
typedef struct {
    guint token_timeout;   /* milliseconds without the token, after which it counts as lost */
    guint token_mean;      /* milliseconds between its visits; while idle it is held back */
    guint64 tokens;        /* its visits */
    guint64 retransmitted; /* messages that this node sent again for others */
    guint64 lost_tokens;   /* in operation: each costs a new membership */
    guint64 gathers;       /* how often members had to be found anew */
} MembershipRing;

typedef struct {
    guint id;
    char *name;                          /* as in corosync.conf; "" when it has none */
    guint votes;                         /* as that node, or else corosync.conf, says */
    gboolean member;                     /* it is in this node's membership */
    gboolean device_alive, device_votes; /* its quorum device runs, and votes for it */
    guint64 config_version;              /* of its corosync.conf; 0: not known */
    GArray *links;                       /* of MembershipLink; empty for this node itself */
} MembershipNode;

/* A look at corosync, never changed after it was made. */
typedef struct {
    int references;
    gint64 taken; /* monotonic microseconds */
    char *cluster;
    guint own; /* this node's id */
    gboolean quorate;
    guint losses;                  /* counts how often quorum was lost, however shortly */
    guint expected, total, quorum; /* votes */
    gboolean two_node, wait_for_all, device; /* a quorum device is registered */
    gboolean device_votes;                   /* and gives its vote */
    guint ring_node;                         /* the ring's identifier, both parts */
    guint64 ring_sequence;
    MembershipRing statistics;
    guint64 config_version; /* of the file that corosync has loaded */
    GPtrArray *nodes;       /* of MembershipNode: of corosync.conf and the members, by id */
} MembershipView;

MembershipView *membership_view_ref(const MembershipView *view);
void membership_view_unref(MembershipView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MembershipView, membership_view_unref)
/* NULL when there is none. */
const MembershipNode *membership_view_node(const MembershipView *view, guint id);
const MembershipNode *membership_view_named(const MembershipView *view, const char *name);
guint membership_view_members(const MembershipView *view);

typedef struct {
    guint node, process; /* corosync's node number, and the process there */
} MembershipPeer;

typedef struct {
    /* Another state, or a new view. */
    void (*changed)(gpointer user);
    /* A group's members are others now. This process is among them. May be NULL. */
    void (*members)(guint group, const MembershipPeer *peers, guint count, gpointer user);
    /* A message of a member, one's own too. May be NULL. */
    void (*message)(guint group, const MembershipPeer *from, const void *data, size_t size,
                    gpointer user);
} MembershipEvents;

/* groups: names, ended by NULL; known by their index from then on. */
Membership *membership_new(const char *const *groups, const MembershipEvents *events,
                           gpointer user);
/* No callback comes after it. NULL is accepted. */
void membership_free(Membership *membership);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Membership, membership_free)

/* With *since (may be NULL) the monotonic time when it began. */
MembershipState membership_state(const Membership *membership, gint64 *since);
/* The last look; NULL in ABSENT. Borrowed until the main context runs again. */
const MembershipView *membership_view(const Membership *membership);

/* Looks at once, or tries at once to find a corosync that has just been started. */
void membership_poke(Membership *membership);

/* Sends to all members of a group. WIRE_ERROR_UNAVAILABLE when corosync is not up;
 * WIRE_ERROR_LIMIT. */
gboolean membership_send(Membership *membership, guint group, const void *data, size_t size,
                         GError **error);

/* Called once, also when corosync is not up. */
typedef void (*MembershipDone)(const GError *error, gpointer user);
/* Makes corosync on all members read corosync.conf again. */
void membership_reload(Membership *membership, MembershipDone done, gpointer user);
/* Tells the cluster how many votes to expect, until corosync.conf is read again. */
void membership_expect(Membership *membership, guint votes, MembershipDone done, gpointer user);
/* Takes back what a quorum device's daemon that was killed has left registered on this node:
 * corosync would wait for its vote, for up to half a minute at every change of members. The
 * daemon must have ended, and the device must still be in the file that corosync has read.
 * None registered, or no corosync, is fine. Over a connection of its own; blocks. */
gboolean membership_forget_device(GError **error);
/* Ends corosync on this node, in order. */
void membership_shutdown(Membership *membership, MembershipDone done, gpointer user);
