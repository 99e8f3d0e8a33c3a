/* cluster_vitals - what the agents of a cluster tell each other of themselves: their clocks,
 * their versions.
 *
 * In the group "gantry/1/vitals" an agent asks, and each of the others answers with its time.
 * It was taken between question and answer, so the difference of the clocks is known to half
 * of the time that these took: some ms in a busy ring, a tenth of a second in one that holds
 * its token back. The most exact of the last questions counts. Asked once a minute, when
 * members change, and when somebody wants to see it.
 *
 *     {"kind": "ask", "number": 7}
 *     {"kind": "answer", "number": 7, "to": 1, "time": microseconds since 1970,
 *      "agent": "0.1.0"}
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/membership.h"

typedef struct ClusterVitals ClusterVitals;

typedef struct {
    char *agent;        /* its version */
    gint64 offset;      /* microseconds that its clock is ahead of this node's */
    gint64 uncertainty; /* it may be so much more or less */
    gint64 taken;       /* monotonic */
} ClusterVital;

/* changed: another node's vitals are known. membership must outlive it; events of the group
 * CLUSTER_GROUP_VITALS are to be passed on. */
ClusterVitals *cluster_vitals_new(Membership *membership, void (*changed)(gpointer user),
                                  gpointer user);
void cluster_vitals_free(ClusterVitals *vitals);

void cluster_vitals_members(ClusterVitals *vitals, const MembershipPeer *peers, guint count);
void cluster_vitals_message(ClusterVitals *vitals, const MembershipPeer *from, const void *data,
                            size_t size);
/* Asks all, unless it has just done so. */
void cluster_vitals_ask(ClusterVitals *vitals);

/* Of ClusterVital, by the node's number; this node is not in it. */
GHashTable *cluster_vitals_table(const ClusterVitals *vitals);
