/* move/drain_private - a drain or its way back while it is at work, shared by its files. */
#pragma once

#include "agent/move/route.h"

typedef enum {
    DRAIN_WAITS,
    DRAIN_MOVES,
    DRAIN_MOVED,
    DRAIN_FAILED, /* or stays, for what stands in its way */
} DrainState;

typedef struct {
    json_t *object; /* as guest.list says it, or the list of drained guests */
    const char *id; /* its own */
    char *from, *to;
    json_t *plan;   /* what guest.plan said; obstacles alone when it could not */
    guint64 bytes;  /* that the move takes */
    char *task;     /* of the move */
    double percent; /* of it */
    DrainState state;
    gboolean tried;  /* it was to move; else what stands in its way keeps it */
    gboolean unsure; /* it was asked to move, and the answer was lost */
    gint64 silent;   /* since when its node does not answer; 0: it does */
    char *error;
} DrainGuest;

typedef struct {
    MoveRoute route;
    MoveSession session;
} DrainPeer;

typedef struct {
    const TaskRequest *request;
    const Job *job;
    const char *own, *state; /* this node; the directory of its state */
    gboolean back;           /* undrain */
    guint parallel;
    gint64 began;      /* seconds since 1970 */
    GHashTable *peers; /* node -> DrainPeer */
    GPtrArray *guests; /* of DrainGuest */
} Drain;

/* drain.c */
/* Calls the agent of a node, this one's too; steals params. See move_session_call(). */
json_t *drain_call(Drain *drain, const char *node, const char *method, json_t *params,
                   gboolean *refused, GError **error);
/* migration.send's for a guest, but for plan. */
json_t *drain_wish(const Drain *drain, const DrainGuest *guest);
DrainGuest *drain_add(Drain *drain, const json_t *object, const char *from);

/* drain_plan.c */
/* Which guests, from where, where to, and what stands in the way of each. */
gboolean drain_plan(Drain *drain, GError **error);
/* The guests with something in their way. */
guint drain_count_blocked(const Drain *drain);

/* drain_moves.c */
/* Moves all that may; FALSE when it was cancelled, or the list can't be written. */
gboolean drain_move_all(Drain *drain, GError **error);
/* What has been said of a task: looks at it once. TRUE: it has ended. */
gboolean drain_look(Drain *drain, DrainGuest *guest);
/* The list keeps what has left this node, or may have. */
gboolean drain_update_list(Drain *drain, const DrainGuest *guest, GError **error);
guint drain_count(const Drain *drain, DrainState state);
