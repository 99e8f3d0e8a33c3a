/* cluster_addresses - which of a node's addresses a cluster's links can use. Pure. */
#pragma once

#include <glib.h>

/* Of NetLink: the first address of each network that other machines can be on, IPv4 before
 * IPv6, bridges before bare links; without loopback, link-local addresses, taps, and the
 * private bridges of libvirt, LXC and Docker. New strings, without a prefix length; at most
 * `most`. */
GStrv cluster_addresses_choose(const GPtrArray *links, guint most);
/* Has one of the links this address? */
gboolean cluster_addresses_have(const GPtrArray *links, const char *address);
