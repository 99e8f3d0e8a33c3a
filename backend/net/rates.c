/* The dump: linux/rtnetlink.h, linux/if_link.h and rtnl_stats_dump() of Linux, which has
 * it since 4.7. The kernel answers within the call, so nothing here waits. */
#include "backend/net/rates.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 16384, FRESH = G_USEC_PER_SEC / 2 };

G_STATIC_ASSERT(NET_NAME_MAX > IF_NAMESIZE);

struct NetRates {
    int socket;
    guint32 sequence;      /* of the question under way */
    gboolean renamed;      /* links came, went or got other names since all were read */
    int sysfs;             /* /sys/class/net, or -1 */
    GArray *links, *spare; /* of NetRate: the last sample, and room for the next */
    gint64 read;           /* when all were; 0: never */
    _Alignas(struct nlmsghdr) char piece[PIECE]; /* of an answer */
};

NetRates *net_rates_new(GError **error)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    g_autoptr(NetRates) rates = g_new(NetRates, 1);
    *rates = (NetRates){
        .socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE),
        .sysfs = open("/sys/class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .links = g_array_new(FALSE, FALSE, sizeof(NetRate)),
        .spare = g_array_new(FALSE, FALSE, sizeof(NetRate)),
    };
    if (rates->socket < 0 ||
        bind(rates->socket, (const struct sockaddr *)(const void *)&address, sizeof address) <
            0) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "can't ask for the links' counters over netlink: %s", g_strerror(errno));
        return NULL;
    }
    return g_steal_pointer(&rates);
}

void net_rates_free(NetRates *rates)
{
    if (!rates)
        return;
    if (rates->socket >= 0)
        (void)close(rates->socket);
    if (rates->sysfs >= 0)
        (void)close(rates->sysfs);
    g_array_unref(rates->links);
    g_array_unref(rates->spare);
    g_free(rates);
}

double net_rate(guint64 old, guint64 new, double seconds)
{
    return new >= old &&seconds > 0 ? (double)(new - old) / seconds : NAN;
}

/* The attribute of that type among these, and its length. */
static const char *find_attribute(const char *at, size_t left, unsigned type, size_t *length)
{
    struct rtattr attribute;
    while (left >= sizeof attribute) {
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || attribute.rta_len > left)
            return NULL;
        if (attribute.rta_type == type) {
            *length = attribute.rta_len - RTA_LENGTH(0);
            return at + RTA_LENGTH(0);
        }
        size_t step = MIN(RTA_ALIGN(attribute.rta_len), left);
        at += step;
        left -= step;
    }
    return NULL;
}

gboolean net_stats_parse(const void *body, size_t length, int *index, NetCounters *counters)
{
    struct if_stats_msg head;
    struct rtnl_link_stats64 stats = {0};
    if (length < sizeof head)
        return FALSE;
    memcpy(&head, body, sizeof head);
    size_t start = MIN(NLMSG_ALIGN(sizeof head), length), size;
    const char *content =
        find_attribute((const char *)body + start, length - start, IFLA_STATS_LINK_64, &size);
    if (!content || head.ifindex > G_MAXINT)
        return FALSE;
    memcpy(&stats, content, MIN(size, sizeof stats)); /* it grows with the kernel's version */
    *index = (int)head.ifindex;
    *counters = (NetCounters){
        .received = stats.rx_bytes,
        .sent = stats.tx_bytes,
        .errors = stats.rx_errors + stats.rx_dropped + stats.rx_missed_errors +
                  stats.tx_errors + stats.tx_dropped,
    };
    return TRUE;
}

/* FALSE when the link has gone meanwhile. */
static gboolean name_link(const NetRates *rates, NetRate *link)
{
    struct ifreq request = {.ifr_ifindex = link->index};
    char path[NET_NAME_MAX + sizeof "/device"];
    if (ioctl(rates->socket, SIOCGIFNAME, &request) < 0)
        return FALSE;
    (void)g_strlcpy(link->name, request.ifr_name, sizeof link->name);
    (void)g_snprintf(path, sizeof path, "%s/device", link->name);
    link->physical = rates->sysfs >= 0 && faccessat(rates->sysfs, path, F_OK, 0) == 0;
    link->outer = g_str_has_prefix(link->name, "eth") || g_str_has_prefix(link->name, "en");
    return TRUE;
}

/* The link of the last sample, most often at the same place. */
static const NetRate *find_old(const NetRates *rates, size_t place, int index)
{
    const GArray *links = rates->links;
    if (place < links->len && g_array_index(links, NetRate, place).index == index)
        return &g_array_index(links, NetRate, place);
    for (guint i = 0; i < links->len; i++)
        if (g_array_index(links, NetRate, i).index == index)
            return &g_array_index(links, NetRate, i);
    return NULL;
}

static void update(NetRate *link, const NetCounters *counters, gint64 now)
{
    double seconds = link->read ? (double)(now - link->read) / G_USEC_PER_SEC : 0;
    if (link->read && now - link->read < FRESH)
        return;
    link->in = net_rate(link->counters.received, counters->received, seconds);
    link->out = net_rate(link->counters.sent, counters->sent, seconds);
    link->counters = *counters;
    link->read = now;
}

static void take(NetRates *rates, gint64 now, const struct nlmsghdr *message)
{
    int index;
    NetCounters counters;
    if (!net_stats_parse(NLMSG_DATA(message), NLMSG_PAYLOAD(message, 0), &index, &counters))
        return;
    const NetRate *old = find_old(rates, rates->spare->len, index);
    NetRate link = old ? *old : (NetRate){.index = index};
    update(&link, &counters, now);
    g_array_append_val(rates->spare, link);
}

typedef enum { MORE, DONE, REFUSED } Piece;

/* The answer to a question about one link ends with it. */
static Piece take_piece(NetRates *rates, gint64 now, size_t length)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)rates->piece;
    for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
        if (message->nlmsg_seq != rates->sequence)
            rates->renamed = TRUE; /* a change that came meanwhile */
        else if (message->nlmsg_type == RTM_NEWSTATS)
            take(rates, now, message);
        else
            return message->nlmsg_type == NLMSG_DONE ? DONE : REFUSED;
        if (message->nlmsg_seq == rates->sequence && !(message->nlmsg_flags & NLM_F_MULTI))
            return DONE;
    }
    return MORE;
}

static ssize_t receive(NetRates *rates)
{
    ssize_t got;
    do {
        got = recv(rates->socket, rates->piece, sizeof rates->piece, 0);
        if (got < 0 && errno == ENOBUFS) /* changes were lost */
            rates->renamed = TRUE;
    } while (got < 0 && (errno == ENOBUFS || errno == EINTR));
    return got;
}

/* About one link, or all (0): into the spare array. */
static gboolean ask(NetRates *rates, int index, gint64 now)
{
    struct {
        struct nlmsghdr header;
        struct if_stats_msg body;
    } question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = RTM_GETSTATS,
                   .nlmsg_flags = NLM_F_REQUEST | (index ? 0 : NLM_F_DUMP),
                   .nlmsg_seq = ++rates->sequence},
        .body = {.ifindex = (guint32)index,
                 .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64)},
    };
    Piece piece = send(rates->socket, &question, sizeof question, 0) < 0 ? REFUSED : MORE;
    while (piece == MORE) {
        ssize_t got = receive(rates);
        piece = got > 0 ? take_piece(rates, now, (size_t)got) : REFUSED;
    }
    return piece == DONE;
}

static void name_links(NetRates *rates)
{
    for (guint i = rates->spare->len; i-- > 0;) {
        NetRate *link = &g_array_index(rates->spare, NetRate, i);
        if ((rates->renamed || !link->name[0]) && !name_link(rates, link))
            g_array_remove_index(rates->spare, i);
    }
    rates->renamed = FALSE;
}

static gboolean read_all(NetRates *rates, gint64 now, GError **error)
{
    g_array_set_size(rates->spare, 0);
    if (!ask(rates, 0, now)) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "the kernel does not tell the links' counters over netlink");
        return FALSE;
    }
    name_links(rates);
    GArray *last = rates->links;
    rates->links = rates->spare;
    rates->spare = last;
    rates->read = now;
    return TRUE;
}

static void read_outward(NetRates *rates, gint64 now)
{
    for (guint i = 0; i < rates->links->len; i++) {
        NetRate *link = &g_array_index(rates->links, NetRate, i);
        if (!link->physical && !link->outer)
            continue;
        g_array_set_size(rates->spare, 0);
        if (ask(rates, link->index, now) && rates->spare->len == 1)
            *link = g_array_index(rates->spare, NetRate, 0);
        else
            link->in = link->out = NAN;
    }
}

gboolean net_rates_read(NetRates *rates, gint64 now, gboolean all, GError **error)
{
    /* A socket full of changes would have no room for the answer. */
    while (receive(rates) > 0)
        rates->renamed = TRUE;
    if (!rates->read || rates->renamed || (all && now - rates->read >= FRESH))
        return read_all(rates, now, error);
    if (!all)
        read_outward(rates, now);
    return TRUE;
}

const NetRate *net_rates_links(const NetRates *rates, size_t *count)
{
    *count = rates->links->len;
    return (const NetRate *)(const void *)rates->links->data;
}

const NetRate *net_rates_find(const NetRates *rates, const char *name)
{
    for (size_t i = 0; i < rates->links->len; i++) {
        const NetRate *link = &g_array_index(rates->links, NetRate, i);
        if (strcmp(link->name, name) == 0)
            return link;
    }
    return NULL;
}

void net_rates_total(const NetRates *rates, double *in, double *out)
{
    double sums[2][2] = {{0, 0}, {0, 0}}; /* [physical][in, out] */
    gboolean any[2] = {FALSE, FALSE};
    for (size_t i = 0; i < rates->links->len; i++) {
        const NetRate *link = &g_array_index(rates->links, NetRate, i);
        if (!link->physical && !link->outer)
            continue;
        int kind = link->physical ? 1 : 0;
        any[kind] = TRUE;
        sums[kind][0] += link->in;
        sums[kind][1] += link->out;
    }
    int kind = any[1] ? 1 : 0;
    *in = any[kind] ? sums[kind][0] : NAN;
    *out = any[kind] ? sums[kind][1] : NAN;
}
