/* view/cluster - one cluster's links and the model they fill.
 *
 * Opens a link to each target, watches every node, and keeps the model in step:
 * a lost link marks its node, a gap in a watch opens it anew. Where the nodes are a
 * cluster the other members are reached too, each by an SSH session of its own
 * (link/ways.h); they come and go as the nodes tell. Knows no screen; the questions of
 * SSH and calls are passed through.
 */
#pragma once

#include "tui/link/link.h"
#include "tui/model/model.h"
#include "tui/view/console.h"

typedef struct Cluster Cluster;
typedef struct Ask Ask;

typedef struct {
    /* A link wants an answer, or no longer does. */
    void (*asking)(Cluster *cluster, guint node, gpointer user);
    /* A link's state or its node's readiness is another. */
    void (*changed)(Cluster *cluster, guint node, gpointer user);
    /* What the cluster says for consoles is another; text NULL: nothing. May be NULL. */
    void (*settings)(Cluster *cluster, const char *text, gpointer user);
} ClusterEvents;

Cluster *cluster_new(const ClusterSetup *setup, const char *ssh_config, gboolean once,
                     const ClusterEvents *events, gpointer user);
void cluster_free(Cluster *cluster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cluster, cluster_free)

const char *cluster_name(const Cluster *cluster);
Model *cluster_model(const Cluster *cluster);
guint cluster_count(const Cluster *cluster);
/* NULL for a target that is not well formed. */
Link *cluster_link(const Cluster *cluster, guint node);
/* What -H takes to reach that node, to be g_freed; NULL when it is only reached through
 * another one. */
char *cluster_target(const Cluster *cluster, guint node);
/* Tries all that are lost at once. */
void cluster_retry(Cluster *cluster);
/* Every node answered whole, or will not. */
gboolean cluster_settled(const Cluster *cluster);

/* Calls a method of a node. The reply comes exactly once, never from inside this
 * call, unless the ask is dropped first. Steals params. */
Ask *cluster_ask(Cluster *cluster, guint node, const char *method, json_t *params,
                 guint deadline, RpcReply reply, gpointer user);
/* No reply will come. NULL is accepted; *ask becomes NULL. */
void ask_drop(Ask **ask);
