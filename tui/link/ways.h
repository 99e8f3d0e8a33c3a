/* link/ways - how a node of a cluster may be reached whose name and addresses another node
 * told, in the order in which they are to be tried:
 *
 *   1. by its name, as an alias of the person's ssh_config or a host that is known;
 *   2. by each of its addresses, straight;
 *   3. by each of its addresses through the SSH session of the node that told of it.
 *
 * The user is the one who was given for that node. Whoever answers checks that it is the node
 * it was taken for: a name may lead elsewhere. Text of a node is not trusted: what is no
 * target is left out, and there is a limit on their number.
 */
#pragma once

#include "tui/link/target.h"

#include <jansson.h>

#define WAYS_MAX 16

typedef struct {
    Target *target;
    gboolean through; /* by a session of the node that told of it */
} Way;

/* peer: one of the array `peers` of a node's object; told: how that node is reached. An array
 * of Way, which may be empty; free it with g_array_unref(). */
GArray *ways_new(const json_t *peer, const Target *told);
