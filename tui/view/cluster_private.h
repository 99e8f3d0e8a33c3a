/* view/cluster_private - what cluster.c and cluster_members.c share. */
#pragma once

#include "tui/link/ways.h"
#include "tui/view/cluster.h"

typedef struct {
    Cluster *cluster;
    guint index;
    Link *link;
    GError *error; /* of a target that is not well formed */
    gint64 watch;
    Ask *opening;
    bool jumps;    /* the person said to go through another */
    json_t *peers; /* its cluster as it told last; NULL: it is in none, or never told */

    /* Of a node that another told of; the person's own have no ways. */
    char *name;
    GArray *ways; /* of Way */
    guint way;    /* that is tried now */
    bool reached; /* by this way, once: it is kept */
    guint pause;  /* source of the next round of all ways, or 0 */

    bool lost;  /* as the others said last */
    Ask *knock; /* whether it still answers */

    Ask *recall;  /* what the cluster knows of its guests, while it was never reached */
    guint teller; /* who is asked */
} Member;

struct Cluster {
    char *name;
    Model *model;
    GPtrArray *members; /* by the model's index; NULL where one went */
    ClusterEvents events;
    gpointer user;
    char *ssh_config;
    gboolean once;
    gint64 settings; /* the revision of what it says for consoles; 0: nothing */
    Ask *settings_ask;
    guint review; /* source of the next look at who is in the cluster, or 0 */
};

extern const LinkEvents cluster_link_events;

/* cluster.c */
Member *cluster_member(const Cluster *cluster, guint node);
void cluster_member_free(Member *member);

/* cluster_members.c: the members of the cluster as the nodes tell them.
 *
 * A member that is not among the given targets gets a link of its own, by one of its ways;
 * one that no node names any more goes, and so does a given target that turns out to be a
 * node that is reached already. What the nodes say of who is lost is shown at once.
 */

/* The node told who is in its cluster (NULL or null: it is in none). */
void members_heard(Member *member, const json_t *peers);
/* Its link is up: FALSE when another than the one it was taken for answers. */
gboolean members_met(Member *member, const RpcPeer *peer);
/* Its link is not up: TRUE when it goes on by another way. */
gboolean members_missed(Member *member);
/* It is not reached: what its cluster knows of its guests is asked of another node, unless it
 * has told of them itself, or is lost (then the others tell by themselves). */
void members_recall(Member *member);
/* Tries all ways again, now. */
void members_try(Member *member);
