/* cluster_steps - the steps of a change of corosync.conf on this node's disk
 * (backend/cluster/change_files.h), one after the other, each in a worker.
 *
 * When the file has a quorum device no more, its daemon is ended within the step, before
 * corosync reads the file: one that ends later can't take its registration back, nor can one
 * that was killed, and corosync would wait for its vote at every change of members
 * (membership_forget_device). */
#pragma once

#include "agent/worker.h"

typedef enum { STEP_PREPARE, STEP_COMMIT, STEP_KEEP, STEP_UNDO, STEP_ADOPT } ClusterStepKind;

typedef struct ClusterSteps ClusterSteps;

/* In the main loop, in the order in which steps were added. */
typedef void (*ClusterStepDone)(ClusterStepKind kind, const char *change, const GError *error,
                                gpointer user);

ClusterSteps *cluster_steps_new(WorkerPool *workers, ClusterStepDone done, gpointer user);
/* The step at work is left behind; the main loop must not run any more. */
void cluster_steps_free(ClusterSteps *steps);

typedef struct {
    ClusterStepKind kind;
    const char *change;             /* told to done */
    const char *node;               /* this one's name */
    const char *text;               /* of prepare and adopt */
    const char *base;               /* of prepare: the hash of what is replaced */
    guint64 version;                /* of undo */
    const char *const *device_stop; /* the command that ends corosync-qdevice, or empty */
} ClusterStep;

/* Is a step at work, or waiting? */
gboolean cluster_steps_busy(const ClusterSteps *steps);

/* Copies. */
void cluster_steps_add(ClusterSteps *steps, const ClusterStep *step);
