/* model/device - a cluster's quorum device, as cluster.status tells of it, in words. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* "10.0.0.9: votes, 1 vote, ffsplit, Connected, TLS", from an agent and not cleaned; NULL when
 * there is none. Caller frees. */
char *device_words(const json_t *device);
/* It gives its vote. */
bool device_votes(const json_t *device);
