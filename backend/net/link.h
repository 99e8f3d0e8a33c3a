/* net/link - the links of a node: what they are, and when they change.
 *
 * Read over rtnetlink (libnl-route-3): two dumps, a few milliseconds with a hundred
 * links, no disk and no other program, so it may be called from a main loop. Names are
 * what the kernel allows: any bytes but '/', ':' and white space.
 *
 * A monitor tells that something about a link or an address changed, and not what: the
 * caller reads the links again and compares. News within a fifth of a second come as
 * one, so that a guest's start costs one reading and a storm of changes five a second.
 * Between changes it never wakes up.
 *
 * What goes through a link is in net/rates.h.
 */
#pragma once

#include <glib.h>

typedef enum {
    NET_LINK_OTHER,
    NET_LINK_PHYSICAL, /* has a device */
    NET_LINK_BRIDGE,
    NET_LINK_VETH,
    NET_LINK_TAP,
    NET_LINK_VLAN,
    NET_LINK_BOND, /* also a team */
    NET_LINK_LOOPBACK,
} NetLinkType;

typedef enum { NET_LINK_DOWN, NET_LINK_NO_CARRIER, NET_LINK_UP } NetLinkState;

typedef struct {
    int index;
    char *name;
    NetLinkType type;
    NetLinkState state;
    char *mac; /* NULL when it has none */
    int mtu;
    char *master;                   /* name; NULL when it is no port */
    GStrv addresses;                /* "192.0.2.1/24", never NULL */
    int speed;                      /* Mbit/s of a physical link; 0: not known */
    guint64 received, sent, errors; /* as in rates.h */
} NetLink;

void net_link_free(NetLink *link);
gboolean net_link_equal(const NetLink *a, const NetLink *b); /* counters left out */
/* As in object.h: "physical", "no-carrier". */
const char *net_link_type_name(NetLinkType type);
const char *net_link_state_name(NetLinkState state);

#define NET_LINKS_MAX 10000

/* Links of the calling thread's network namespace, by index. WIRE_ERROR_UNAVAILABLE. */
GPtrArray *net_links_read(GError **error);

/* The type from what netlink says: the kind of a software link ("bridge", NULL for
 * none), ARPHRD_* and whether it has a device. Pure. */
NetLinkType net_link_type_from(const char *kind, unsigned arp_type, gboolean has_device);
/* The state from IFF_* flags. Pure. */
NetLinkState net_link_state_from(unsigned flags);

typedef struct NetMonitor NetMonitor;
typedef void (*NetMonitorChanged)(gpointer user);

/* Calls changed in this main context (NULL: the default one), never from inside this
 * call. WIRE_ERROR_UNAVAILABLE. */
NetMonitor *net_monitor_new(GMainContext *context, NetMonitorChanged changed, gpointer user,
                            GError **error);
/* No call comes after it; it may be called from inside one. */
void net_monitor_free(NetMonitor *monitor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetMonitor, net_monitor_free)
