/* move/tree - a container's files over a socket, by rsync: only what differs, so that a
 * second run after the container has stopped is short.
 *
 * Both ends run rsync, the one at the source as its client. rsync reaches "the other
 * machine" through a program, which is gantryd itself (`gantryd join SOCKET HOST rsync
 * --server OPTIONS . DIRECTORY`): it sends the letters of OPTIONS as one line and then joins
 * its input and output to the socket. The receiving side takes those letters if they are none
 * but rsync's capabilities, and starts its own rsync with a path and long options of its own.
 * Owners, modes, links, holes, access lists and extended attributes come over as they are,
 * by number.
 */
#pragma once

#include "backend/job/job.h"

#define MOVE_TREE_OPTIONS_MAX 200

/* Letters as in "-vlogDtprSHAXe.iLsfxCIvu". Pure. */
gboolean move_tree_options_valid(const char *options);

typedef struct {
    const char *path;   /* at the source */
    const char *socket; /* a Unix socket that leads to the target's */
    guint bandwidth;    /* MiB a second; 0: no limit */
    double from, to;    /* percent of the job's progress */
    const char *doing;  /* "copying, it still runs" */
    const Job *job;
} MoveTree;

gboolean move_tree_send(const MoveTree *tree, GError **error);
gboolean move_tree_receive(const char *path, int stream, const Job *job, GError **error);

/* `gantryd join`: see above. Returns its exit status. */
int move_join_main(int argc, char **argv);
