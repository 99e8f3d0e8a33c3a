/* model - the cluster as the console knows it: nodes, and the objects that each
 * node's watch brought.
 *
 * Knows nothing of screens, sessions or SSH. Whoever owns the links calls
 * model_node_add() for each, tells how the link fares, and hands every
 * watch.delta to model_apply(). Objects are known by (node, kind, id); what several
 * nodes of a cluster tell of, as a guest that moves, is one object (claims.h). While a
 * link is down its objects stay as they were; node->heard says how old they
 * are. After a new watch's snapshot is complete, what it did not name is gone.
 *
 * Listeners hear of every change; they must not change the model. A pointer to
 * an object is valid until its MODEL_GONE was told.
 */
#pragma once

#include "tui/model/fields.h"
#include "tui/model/object.h"

#include <jansson.h>

typedef enum { MODEL_ADDED, MODEL_CHANGED, MODEL_GONE } ModelChange;

/* fields: a bit for each index of model_fields(kind) that changed. */
typedef void (*ModelListener)(ModelChange change, ModelObject *object, guint64 fields,
                              gpointer user);

#define MODEL_NODES_MAX 256

Model *model_new(void);
void model_free(Model *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Model, model_free)

void model_listen(Model *model, ModelListener listener, gpointer user);
void model_unlisten(Model *model, ModelListener listener, gpointer user);

/* Adds a node that is reached through target; its index. name: its own name, if it is known
 * already, or NULL. */
guint model_node_add(Model *model, const char *target, const char *name);
/* It, and all that it told of, is gone; its index is free. */
void model_node_remove(Model *model, guint node);
/* One more than the highest index: model_node() may be NULL for those below. */
guint model_node_count(const Model *model);
ModelNode *model_node(const Model *model, guint node); /* NULL when there is none */
ModelNode *model_node_by_name(const Model *model, const char *name);

/* Who can be asked about what the cluster knows of the node: itself when it is reached, else
 * another of its cluster that is; itself when there is none. */
guint model_node_spokesman(const Model *model, guint node);

/* How the link fares; trouble in words, or NULL. */
void model_node_link(Model *model, guint node, ModelLinkState state, const char *trouble);
/* Another node knows it by that name, which it has not said itself yet. */
void model_node_named(Model *model, guint node, const char *name);
/* The others of its cluster lost it: it is shown as lost at once, whatever the link still
 * believes, until it says something or model_node_link() tells otherwise. since: when that
 * was, seconds since 1970 or 0, for a node that this console never heard. */
void model_node_lost(Model *model, guint node, const char *trouble, gint64 since);
/* What its cluster knows of a guest of a node that is not reached, as another node (teller)
 * has it: an object with id, node, name, native, state and tags. See lost_guests.h. */
void model_recall(Model *model, guint teller, const json_t *guest);
/* What hello said. */
void model_node_hello(Model *model, guint node, const char *name, const char *agent,
                      WireRole role);
/* A new watch was opened: its snapshot begins. */
void model_watch_begin(Model *model, guint node, gint64 watch);

typedef enum {
    MODEL_APPLIED,
    MODEL_FOREIGN, /* of another watch: ignore */
    MODEL_GAP,     /* a delta is missing: open the watch again */
} ModelApply;

/* The params of a watch.delta. *ready is set to TRUE when the snapshot was
 * completed by it; may be NULL. */
ModelApply model_apply(Model *model, guint node, const json_t *params, gboolean *ready);

/* Lets go of guests that left their node on the way to another which has not told of them in
 * time: to be called every second. now: monotonic. */
void model_expire(Model *model, gint64 now);

/* The objects of a kind in no order; owned by the model, changes with it. */
const GPtrArray *model_objects(const Model *model, ObjectKind kind);
/* For a guest that moved within the node's cluster: where it is now. */
ModelObject *model_find(const Model *model, guint node, ObjectKind kind, const char *id);
/* The guest by its identifier, wherever it is. */
ModelGuest *model_find_guest(const Model *model, const char *id);

typedef struct {
    guint nodes, nodes_up, nodes_ready;
    guint guests, running, stopped, other;
    guint alarms, errors; /* alarms of severity error */
    guint tasks;          /* queued or running */
    /* The cluster as a node that is up sees it, a quorate one if there is one;
     * cluster_size 0: none of them is in a cluster. */
    gint32 members, cluster_size;
    bool quorate;
} ModelCounts;
void model_counts(const Model *model, ModelCounts *out);

/* Is this object's node lost, or its driver silent? Then since when. */
bool model_is_stale(const Model *model, const ModelObject *object, gint64 *since);
