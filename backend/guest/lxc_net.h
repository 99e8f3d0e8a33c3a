/* guest/lxc_net - a container's network, seen from inside without going inside.
 *
 * A netlink socket made in the container's network namespace stays in it: through
 * it the addresses and the counters of the container's own interfaces are read,
 * whatever they are (veth, macvlan, phys), by a thread that never leaves the
 * host's namespace. Nothing in the container can delay it: the kernel answers.
 *
 * Only the interfaces that the configuration gives the container count; what it
 * makes for itself (bridges for containers inside it) does not.
 *
 * Format: rtnetlink(7).
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct LxcNet LxcNet;

/* names: of the interfaces inside, copied. NULL when the container shares the
 * host's network or its namespace can't be entered. Makes a thread of its own for
 * a moment. */
LxcNet *lxc_net_open(pid_t init, const char *const *names);
void lxc_net_free(LxcNet *net);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LxcNet, lxc_net_free)

/* Sums over the interfaces: bytes into and out of the container. FALSE when none
 * is there. Never waits. */
gboolean lxc_net_read(LxcNet *net, guint64 *in, guint64 *out);
/* The addresses of the interfaces, without link-local ones, sorted; NULL-terminated,
 * at most LXC_NET_ADDRESSES. Never waits. Caller frees. */
#define LXC_NET_ADDRESSES 32
GStrv lxc_net_addresses(LxcNet *net);

/* One interface in detail, for describing: the names given. */
typedef struct {
    char name[16];
    guint8 mac[6];
    gboolean has_mac, up;
    guint mtu;
    guint64 in, out;
    GStrv addresses; /* with prefix length */
} LxcNetInterface;
void lxc_net_interface_clear(LxcNetInterface *interface);
/* Caller frees the array of LxcNetInterface; it clears its elements. */
GArray *lxc_net_interfaces(LxcNet *net);
