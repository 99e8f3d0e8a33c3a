/* net/rates - what goes through each link a second, and what went wrong on it.
 *
 * Counters come from RTM_GETSTATS over rtnetlink, rates are over CLOCK_MONOTONIC. A dump
 * of them is a quarter of the work of /proc/net/dev and a twentieth of RTM_GETLINK, but on
 * a node with a tap for each guest the kernel still has to fetch every counter. So a tick
 * may read those links only that lead out of the machine; the rate of another is then the
 * average since it was last read. A rate is NAN at a link's first sight and after its
 * counter went back; there are never spikes, also not when links are read at any time
 * between two ticks: what was read within half a second stays as it is.
 *
 * The answer knows links by their index only. Names are asked for at a link's first
 * sight, and for all when the socket, which is told of changes as well, has heard of one:
 * nothing wakes up for that, it is read at the next tick.
 *
 * Which links lead out of the machine is looked up in /sys at a link's first sight.
 * Those are the ones with a device below them. Where none has one, as in a network
 * namespace, they are the links with the name of an Ethernet card (eth0, enp3s0).
 *
 * Does not block. One thread at a time.
 */
#pragma once

#include <glib.h>

#define NET_NAME_MAX 64 /* bytes of a link's name, with the NUL; no fewer than IF_NAMESIZE */

typedef struct {
    guint64 received, sent; /* bytes */
    guint64 errors;         /* errors and drops in both directions */
} NetCounters;

typedef struct {
    int index;
    char name[NET_NAME_MAX];
    NetCounters counters;
    gint64 read;       /* when the counters were */
    double in, out;    /* bytes a second */
    gboolean physical; /* has a device */
    gboolean outer;    /* has the name of a card */
} NetRate;

typedef struct NetRates NetRates;

/* Shows the network namespace of the calling thread. */
NetRates *net_rates_new(GError **error);
void net_rates_free(NetRates *rates);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetRates, net_rates_free)

/* Reads all links, or only those that lead out of the machine, at this time of
 * CLOCK_MONOTONIC in microseconds. All are read when any came, went or got another name. */
gboolean net_rates_read(NetRates *rates, gint64 now, gboolean all, GError **error);

/* All links, in the kernel's order; valid until the next reading. */
const NetRate *net_rates_links(const NetRates *rates, size_t *count);
const NetRate *net_rates_find(const NetRates *rates, const char *name); /* NULL: none */
/* All links that lead out of the machine together; NAN when not known. */
void net_rates_total(const NetRates *rates, double *in, double *out);

/* Reads the body of an RTM_NEWSTATS message: struct if_stats_msg and attributes. FALSE
 * when it has no counters. */
gboolean net_stats_parse(const void *body, size_t length, int *index, NetCounters *counters);
/* What a counter that went from old to new in so many seconds makes a second. */
double net_rate(guint64 old, guint64 new, double seconds);
