/* command/migrate - many guests that move: a plan for each, shown and asked about, then each
 * in turn, some at once. Used by guest migrate, node drain and node undrain. */
#pragma once

#include "tui/command/act.h"

typedef struct {
    char *guest;
    char *node;       /* where to */
    Link *link;       /* of the node that has it; NULL: looked for */
    json_t *tags;     /* that it gets as it goes; NULL: it keeps its own */
    json_t *old_tags; /* those that it has; with tags */
    json_t *plan;     /* what guest.plan found */
    char *task;       /* of its move, once it has begun */
} Mover;

typedef struct {
    const Act *act;
    json_t *params;    /* of guest.migrate, but for guest and node */
    GPtrArray *movers; /* of Mover */
    guint parallel;    /* that move at once, at least 1 */
} Move;

/* with_disks, bandwidth and storage come from the command's arguments. */
void move_begin(Move *move, const Act *act);
void move_end(Move *move);
/* Owned by the move. */
Mover *move_add(Move *move, const char *guest, const char *node);
/* Asks the guest's node; what it finds is in plan. */
gboolean move_plan(const Move *move, Mover *mover, GError **error);
/* Shows the plans; with --plan that is all, else asks (but with --yes) and moves them. */
gboolean move_go(const Move *move, GError **error);
