/* net/rates - what goes through each link a second, and what went wrong on it.
 *
 * One read of /proc/net/dev a tick (six times cheaper than a dump over netlink),
 * rates over CLOCK_MONOTONIC. A rate is NAN at a link's first sight and after its
 * counter went back (the link was made anew); there are never spikes.
 *
 * Which links lead out of the machine is looked up in /sys at a link's first sight.
 * Those are the ones with a device below them. Where none has one, as in a network
 * namespace, they are the links with the name of an Ethernet card (eth0, enp3s0).
 *
 * Does not block. One thread at a time.
 */
#pragma once

#include <glib.h>

#define NET_NAME_MAX 64 /* bytes of a link's name that are kept, with the NUL */

typedef struct {
    guint64 received, sent; /* bytes */
    guint64 errors;         /* errors and drops in both directions */
} NetCounters;

typedef struct {
    char name[NET_NAME_MAX];
    NetCounters counters;
    double in, out;    /* bytes a second */
    gboolean physical; /* has a device */
    gboolean outer;    /* has the name of a card */
} NetRate;

typedef struct NetRates NetRates;

/* Shows the network namespace of the calling thread. */
NetRates *net_rates_new(GError **error);
void net_rates_free(NetRates *rates);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetRates, net_rates_free)

/* Takes the next sample, at this time of CLOCK_MONOTONIC in microseconds. */
gboolean net_rates_read(NetRates *rates, gint64 now, GError **error);

/* The links of the last sample, in the kernel's order; valid until the next. */
const NetRate *net_rates_links(const NetRates *rates, size_t *count);
const NetRate *net_rates_find(const NetRates *rates, const char *name); /* NULL: none */
/* All links that lead out of the machine together; NAN when not known. */
void net_rates_total(const NetRates *rates, double *in, double *out);

/* Reads the line at *cursor of /proc/net/dev and moves to the next; FALSE when it
 * is not the line of a link. The name's length is at most NET_NAME_MAX - 1. */
gboolean net_dev_parse(const char **cursor, char *name, NetCounters *counters);
/* What a counter that went from old to new in so many seconds makes a second. */
double net_rate(guint64 old, guint64 new, double seconds);
