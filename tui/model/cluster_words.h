/* model/cluster_words - what cluster.status tells of a cluster's parts, in words. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* "10.0.0.9: votes, 1 vote, ffsplit, Connected, TLS", from an agent and not cleaned; NULL when
 * there is none. Caller frees. */
char *device_words(const json_t *device);
/* It gives its vote. */
bool device_votes(const json_t *device);

/* What a node is: "member", "asked" (it is the one that tells), "NOT SEEN 12m". now: seconds
 * since 1970. Caller frees. */
char *member_words(const json_t *node, double now);
