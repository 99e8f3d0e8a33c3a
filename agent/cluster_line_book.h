/* cluster_line_book - who is on the short way, with the addresses and the key.
 *
 * Made in a worker from corosync.conf and authkey: the disk and the resolver may hang.
 */
#pragma once

#include "agent/agent.h"
#include "backend/cluster/corosync_conf.h"

#include <sys/socket.h>

typedef struct {
    guint id;
    char *name;
    struct sockaddr_storage addresses[COROSYNC_LINKS_MAX]; /* family 0: none on that link */
} ClusterLineNode;

typedef struct {
    GBytes *authkey;
    GPtrArray *nodes; /* of ClusterLineNode: all of the cluster */
    char *digest;     /* the same when all of the above is */
} ClusterLineBook;

void cluster_line_book_free(gpointer book);

/* done is called in the main loop, as WorkerDone, with a ClusterLineBook. */
void cluster_line_book_read(Agent *agent, const CorosyncText *conf,
                            void (*done)(gpointer book, const GError *error, gpointer user),
                            gpointer user);
