/* view/summary - a cluster in a few lines: sums, troubles, the busiest and the
 * newest; for the dashboard on a screen and as plain text. */
#pragma once

#include "tui/model/model.h"

typedef struct {
    double cpus, cpu_busy; /* processors, and how many of them are at work */
    double memory, memory_used;
    double net_in, net_out; /* bytes a second */
} Totals;

/* Of the nodes that answer. */
void totals_of(const Model *model, Totals *out);

typedef struct {
    bool grave;
    char *text;
} Trouble;

/* Lost nodes, silent drivers, alarms, errors of the last minutes, gravest first; Trouble
 * pointers, owned. */
GPtrArray *troubles_of(const Model *model);

/* At most count; returns how many. */
int busiest_guests(const Model *model, const ModelGuest **out, guint count);
/* Those that run first, then by age. */
int newest_tasks(const Model *model, const ModelTask **out, guint count);
