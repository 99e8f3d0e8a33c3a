/* cluster_device - the daemon of the quorum device on this node follows corosync.conf.
 *
 * When the file that corosync has loaded names a device, corosync-qdevice is started here,
 * and again when it is found not to run; when it names none any more, it is ended
 * (cluster_steps.h, before corosync reads that). So a change of the device is one of
 * corosync.conf like every other, also when it is taken back. Programs run in workers. A device
 * whose model is not net is left to whoever made it.
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership.h"

#include <jansson.h>

typedef struct ClusterDevice ClusterDevice;

ClusterDevice *cluster_device_new(Agent *agent);
void cluster_device_free(ClusterDevice *device);

/* conf: the file in force; NULL: this node is in no cluster. view may be NULL. */
void cluster_device_follow(ClusterDevice *device, const CorosyncText *conf,
                           const MembershipView *view);
/* Asks the daemon how it is; done is called once, within a few seconds. */
void cluster_device_ask(ClusterDevice *device, void (*done)(gpointer user), gpointer user);

/* What it said when it was asked last: state ("Connected"), tls, algorithm, tie_breaker,
 * since; NULL when nothing is known. Borrowed. */
const json_t *cluster_device_report(const ClusterDevice *device);
/* Why it could not be started, or NULL. */
const char *cluster_device_trouble(const ClusterDevice *device);
