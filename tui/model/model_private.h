/* model/model_private - what the parts of the model share: the objects (model.c), the nodes and
 * their links (nodes.c), what watches bring (watch.c), and what several nodes claim to have
 * (claims.h, lost_guests.h). */
#pragma once

#include "tui/model/model.h"

/* Limits on what one node may put into the model. */
enum { MODEL_EVENTS_MAX = 1000, MODEL_OBJECTS_MAX = 200000 };

typedef struct {
    ModelListener listener;
    gpointer user;
} ModelEar;

typedef struct {
    gint64 watch; /* 0: none */
    gint64 seq;
    gboolean snapshot; /* it is still coming */
} NodeWatch;

typedef struct LostGuest LostGuest;

struct Model {
    GPtrArray *nodes;                      /* by index; NULL where one was removed */
    GPtrArray *objects[OBJECT_KIND_COUNT]; /* shown */
    GPtrArray *hidden[OBJECT_KIND_COUNT];  /* claims that another stands for: claims.h */
    GHashTable *index[OBJECT_KIND_COUNT];  /* a set of ModelObject, hidden too, no nodes */
    GPtrArray *waiting;                    /* of LostGuest: their node is not known yet */
    guint leaving;                         /* guests that stay though they are gone, until */
    gint64 leave_by;                       /* this (monotonic): claims.h */
    NodeWatch watches[MODEL_NODES_MAX];
    GArray *ears;
};

void model_tell(const Model *model, ModelChange change, ModelObject *object, guint64 fields);
/* The field as a bit of what is told. */
guint64 model_field_bit(ObjectKind kind, const char *name);
/* A key to look up with, in the caller's storage. */
gboolean model_make_key(ModelGuest *key, guint node, ObjectKind kind, const char *id);
/* Puts in a new one of that key, shown, not told of yet. */
ModelObject *model_object_add(Model *model, const ModelGuest *key);
/* Tells of its end, if it is shown, and frees it or the one that stood for it: claims.h. */
void model_object_remove(Model *model, ModelObject *object);
/* All objects of a node; untouched: only those that its snapshot did not name, and no events,
 * of which a snapshot brings only the newest. */
void model_remove_all(Model *model, guint node, gboolean untouched);
/* How the link to a node fares, as it is shown. */
void model_show_link(Model *model, ModelNode *node, ModelLinkState state, const char *trouble);
/* Adds (1) or takes away (-1) a guest that is shown in its node's counts. */
void model_count_guest(Model *model, const ModelObject *object, int sign);
