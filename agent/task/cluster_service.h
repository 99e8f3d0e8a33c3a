/* task/cluster_service - starting and ending corosync on this node, in a task, and the
 * daemon of its quorum device, in a worker.
 *
 * Through systemd where it runs; elsewhere by the commands that gantryd.yaml names
 * (cluster.start, cluster.stop, device_start, device_stop) as lists of words; those of
 * corosync are given in the task's settings. No shell sees them. What a command says goes
 * into the job's log. */
#pragma once

#include "backend/job/job.h"

/* Starts it anew where it runs, and with the machine from now on. FAILED with what the
 * command said; UNAVAILABLE where nobody knows how. Blocks. */
gboolean cluster_service_start(const json_t *settings, const Job *job, GError **error);
/* Ends it, and lets it not start with the machine. */
gboolean cluster_service_stop(const json_t *settings, const Job *job, GError **error);
/* Lets the device's daemon run, also with the machine from now on, or not. words: the
 * configured command, or NULL or empty. Nothing happens to one that runs or does not
 * already. Blocks. */
gboolean cluster_service_device(const char *const *words, gboolean start, GError **error);
