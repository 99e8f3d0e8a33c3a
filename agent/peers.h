/* peers - the door between the agents of a cluster.
 *
 * A node in a cluster listens on TCP port cluster.port of its own ring addresses
 * (corosync.conf) for the other members, and on nothing else. A connection from an address that
 * is no member's is closed at once; the others become a child process each, `gantryd peer`,
 * which speaks TLS (backend/peer/stream.h), hears what the connection is for
 * (agent/move/purpose.h) and joins it to that. So a connection that hangs or is attacked is
 * only that child. (Datagrams of the store are the agent's own: cluster_line.h.)
 *
 * Limits: PEERS_MAX children. Addresses that are names are looked up by a worker.
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/corosync_conf.h"

#define PEERS_MAX 128

typedef struct Peers Peers;

Peers *peers_new(Agent *agent);
/* Connections that are carried go on: their children end with them. Accepts NULL. */
void peers_free(Peers *peers);
/* corosync.conf is this now; NULL: this node is in no cluster, and nobody is let in. */
void peers_follow(Peers *peers, const CorosyncText *conf);

/* `gantryd peer`: the child. Returns its exit status. */
int peer_main(int argc, char **argv);
