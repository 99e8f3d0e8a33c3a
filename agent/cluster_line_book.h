/* cluster_line_book - who is on the short way, with the addresses and the key.
 *
 * Made in a worker from corosync.conf and authkey: the disk and the resolver may hang.
 */
#pragma once

#include "agent/agent.h"
#include "backend/peer/ring.h"

typedef struct {
    GBytes *authkey;
    GPtrArray *ring; /* of PeerMember: all of the cluster */
    char *digest;    /* the same when all of the above is, but for second addresses */
} ClusterLineBook;

void cluster_line_book_free(gpointer book);

/* done is called in the main loop, as WorkerDone, with a ClusterLineBook. */
void cluster_line_book_read(Agent *agent, const CorosyncText *conf,
                            void (*done)(gpointer book, const GError *error, gpointer user),
                            gpointer user);
