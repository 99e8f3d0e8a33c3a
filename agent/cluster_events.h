/* cluster_events - what happens to the cluster, as events: nodes lost and back, joined and
 * gone, quorum lost and back, links down and up.
 *
 * Two looks at corosync are compared, so each change is told once and at once. Every agent
 * tells what it sees, in words that do not depend on who tells: whoever shows the events of
 * several nodes takes those with the same object and text for one.
 */
#pragma once

#include "agent/events.h"
#include "backend/cluster/corosync_conf.h"
#include "backend/cluster/membership.h"

/* What the quorum and the membership as such are about. */
#define CLUSTER_EVENTS_OBJECT "cluster"

typedef struct {
    gboolean under_way;       /* what it brings with it is no error */
    const char *who;          /* asked for it, if it was asked for here; or NULL */
    const CorosyncText *conf; /* the file: who is not in it any more leaves, and is not lost */
} ClusterChange;

/* before or now may be NULL: then nothing is told, as nothing is known of a change. */
void cluster_events_tell(EventLog *log, const MembershipView *before, const MembershipView *now,
                         const ClusterChange *change);
