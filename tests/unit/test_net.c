#include "backend/net/link.h"
#include "backend/net/rates.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <math.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_type(void)
{
    g_assert_cmpint(net_link_type_from("bridge", ARPHRD_ETHER, FALSE), ==, NET_LINK_BRIDGE);
    g_assert_cmpint(net_link_type_from("tun", ARPHRD_ETHER, FALSE), ==, NET_LINK_TAP);
    g_assert_cmpint(net_link_type_from("bond", ARPHRD_ETHER, TRUE), ==, NET_LINK_BOND);
    g_assert_cmpint(net_link_type_from(NULL, ARPHRD_ETHER, TRUE), ==, NET_LINK_PHYSICAL);
    g_assert_cmpint(net_link_type_from(NULL, ARPHRD_LOOPBACK, FALSE), ==, NET_LINK_LOOPBACK);
    g_assert_cmpint(net_link_type_from("wireguard", ARPHRD_NONE, FALSE), ==, NET_LINK_OTHER);
    g_assert_cmpstr(net_link_type_name(NET_LINK_TAP), ==, "tap");
}

static void test_state(void)
{
    g_assert_cmpint(net_link_state_from(0), ==, NET_LINK_DOWN);
    g_assert_cmpint(net_link_state_from(IFF_RUNNING), ==, NET_LINK_DOWN);
    g_assert_cmpint(net_link_state_from(IFF_UP), ==, NET_LINK_NO_CARRIER);
    g_assert_cmpint(net_link_state_from(IFF_UP | IFF_RUNNING), ==, NET_LINK_UP);
    g_assert_cmpstr(net_link_state_name(NET_LINK_NO_CARRIER), ==, "no-carrier");
}

static const NetLink *find(const GPtrArray *links, const char *name)
{
    for (guint i = 0; i < links->len; i++)
        if (strcmp(((NetLink *)links->pdata[i])->name, name) == 0)
            return links->pdata[i];
    return NULL;
}

static void test_links_here(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) links = net_links_read(&error);
    g_assert_no_error(error);
    const NetLink *lo = find(links, "lo");
    g_assert_nonnull(lo);
    g_assert_cmpint(lo->index, ==, (int)if_nametoindex("lo"));
    g_assert_cmpint(lo->type, ==, NET_LINK_LOOPBACK);
    g_assert_null(lo->mac);
    g_assert_null(lo->master);
    g_assert_cmpint(lo->speed, ==, 0);
    g_assert_true(net_link_equal(lo, lo));
    if (lo->state == NET_LINK_UP)
        g_assert_true(g_strv_contains((const char *const *)lo->addresses, "127.0.0.1/8"));
    g_autoptr(GPtrArray) again = net_links_read(&error);
    g_assert_true(net_link_equal(lo, find(again, "lo")));
}

static void test_stats(void)
{
    struct {
        struct if_stats_msg head;
        struct rtattr attribute;
        struct rtnl_link_stats64 stats;
    } body = {
        .head = {.ifindex = 7},
        .attribute = {RTA_LENGTH(sizeof body.stats), IFLA_STATS_LINK_64},
        .stats = {.rx_bytes = 99,
                  .tx_bytes = G_MAXUINT64,
                  .rx_errors = 1,
                  .rx_dropped = 2,
                  .rx_missed_errors = 4,
                  .tx_errors = 8,
                  .tx_dropped = 16},
    };
    int index = 0;
    NetCounters counters = {0};
    g_assert_true(net_stats_parse(&body, sizeof body, &index, &counters));
    g_assert_cmpint(index, ==, 7);
    g_assert_cmpuint(counters.received, ==, 99);
    g_assert_cmpuint(counters.sent, ==, G_MAXUINT64);
    g_assert_cmpuint(counters.errors, ==, 31);
    for (size_t length = 0; length < sizeof body; length++)
        g_assert_false(net_stats_parse(&body, length, &index, &counters));
    body.attribute.rta_len = 0;
    g_assert_false(net_stats_parse(&body, sizeof body, &index, &counters));
}

static void count_change(gpointer user)
{
    ++*(int *)user;
}

static void test_monitor_is_silent(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainContext) context = g_main_context_new();
    int changes = 0;
    NetMonitor *monitor = net_monitor_new(context, count_change, &changes, &error);
    g_assert_no_error(error);
    g_assert_nonnull(monitor);
    g_assert_cmpint(changes, ==, 0);
    net_monitor_free(monitor);
    while (g_main_context_iteration(context, FALSE))
        continue;
    g_assert_cmpint(changes, ==, 0);
    net_monitor_free(NULL);
}

static void set_up(const char *name)
{
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    (void)g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    g_assert_cmpint(ioctl(descriptor, SIOCGIFFLAGS, &request), ==, 0);
    request.ifr_flags |= IFF_UP;
    g_assert_cmpint(ioctl(descriptor, SIOCSIFFLAGS, &request), ==, 0);
    (void)close(descriptor);
}

/* A network of the test's own. Such tests are the last: there is no way back. */
static gboolean have_network(void)
{
    if (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
        return TRUE;
    g_test_skip("not allowed to make a network namespace");
    return FALSE;
}

/* A link that is there until the descriptor is closed. */
static int make_tap(const char *name)
{
    int descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    (void)g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    if (descriptor >= 0 && ioctl(descriptor, TUNSETIFF, &request) == 0)
        return descriptor;
    if (descriptor >= 0)
        (void)close(descriptor);
    return -1;
}

static void rename_link(const char *from, const char *to)
{
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {0};
    (void)g_strlcpy(request.ifr_name, from, sizeof request.ifr_name);
    (void)g_strlcpy(request.ifr_newname, to, sizeof request.ifr_newname);
    g_assert_cmpint(ioctl(descriptor, SIOCSIFNAME, &request), ==, 0);
    (void)close(descriptor);
}

static void say(const char *text)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = g_htons(9)};
    self.sin_addr.s_addr = g_htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t said = sendto(descriptor, text, strlen(text), 0,
                          (const struct sockaddr *)(const void *)&self, sizeof self);
    g_assert_cmpint(said, ==, (ssize_t)strlen(text));
    (void)close(descriptor);
}

static gint64 at(int second)
{
    return second * (gint64)G_USEC_PER_SEC;
}

static const NetRate *sample(NetRates *rates, int second, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(net_rates_read(rates, at(second), TRUE, &error));
    g_assert_no_error(error);
    return net_rates_find(rates, name);
}

static void test_rates(void)
{
    if (!have_network())
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(NetRates) rates = net_rates_new(&error);
    g_assert_no_error(error);
    set_up("lo");
    const NetRate *lo = sample(rates, 1, "lo");
    g_assert_true(isnan(lo->in) && isnan(lo->out));
    g_assert_cmpint(lo->index, ==, (int)if_nametoindex("lo"));
    g_assert_false(lo->physical || lo->outer);
    say("hello");
    lo = sample(rates, 3, "lo");
    double bytes = 5 + 8 + 20 + 14; /* UDP, IP, Ethernet */
    g_assert_cmpfloat(lo->in, >=, bytes / 2);
    g_assert_cmpfloat(lo->in, ==, lo->out);
    lo = sample(rates, 4, "lo");
    g_assert_cmpfloat(lo->in, ==, 0);
}

/* More links than one piece of the answer holds, and what happens to their names. */
static void test_rates_names(void)
{
    enum { TAPS = 100 };
    int taps[TAPS];
    size_t count;
    if (!have_network())
        return;
    g_autoptr(NetRates) rates = net_rates_new(NULL);
    for (int i = 0; i < TAPS; i++) {
        g_autofree char *name = g_strdup_printf("eth%d", i);
        taps[i] = make_tap(name);
        if (taps[i] < 0) {
            g_test_skip("not allowed to make a tap");
            return;
        }
    }
    const NetRate *last = sample(rates, 1, "eth99");
    g_assert_nonnull(last);
    g_assert_true(isnan(last->in) && last->outer && !last->physical);
    (void)net_rates_links(rates, &count);
    g_assert_cmpuint(count, >=, TAPS + 1);

    rename_link("eth99", "spare");
    last = sample(rates, 2, "spare");
    g_assert_cmpfloat(last->in, ==, 0);
    g_assert_false(last->outer);
    g_assert_null(net_rates_find(rates, "eth99"));

    /* Another link of the same name is another link. */
    g_assert_cmpint(close(taps[TAPS - 1]), ==, 0);
    taps[TAPS - 1] = make_tap("spare");
    last = sample(rates, 3, "spare");
    g_assert_true(isnan(last->in));

    /* Only those that lead out are read, and what was read a moment ago stays. */
    g_assert_true(net_rates_read(rates, at(4), FALSE, NULL));
    g_assert_cmpint(net_rates_find(rates, "eth1")->read, ==, at(4));
    g_assert_cmpfloat(net_rates_find(rates, "eth1")->in, ==, 0);
    g_assert_cmpint(net_rates_find(rates, "spare")->read, ==, at(3));
    g_assert_true(net_rates_read(rates, at(4) + 1, TRUE, NULL));
    g_assert_cmpint(net_rates_find(rates, "eth1")->read, ==, at(4));
    g_assert_cmpint(net_rates_find(rates, "spare")->read, ==, at(4) + 1);

    for (int i = 0; i < TAPS; i++)
        g_assert_cmpint(close(taps[i]), ==, 0);
    g_assert_null(sample(rates, 5, "eth1"));
    g_assert_nonnull(net_rates_find(rates, "lo"));
}

static void test_monitor_hears(void)
{
    if (!have_network())
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) before = net_links_read(&error);
    g_assert_no_error(error);
    const NetLink *lo = find(before, "lo");
    g_assert_cmpint(lo->state, ==, NET_LINK_DOWN);
    g_assert_cmpuint(g_strv_length(lo->addresses), ==, 0);

    g_autoptr(GMainContext) context = g_main_context_new();
    int changes = 0;
    g_autoptr(NetMonitor) monitor = net_monitor_new(context, count_change, &changes, &error);
    g_assert_no_error(error);
    set_up("lo"); /* news of the link and of two addresses, told as one */
    while (!changes)
        (void)g_main_context_iteration(context, TRUE);
    g_assert_cmpint(changes, ==, 1);
    g_autoptr(GPtrArray) after = net_links_read(&error);
    lo = find(after, "lo");
    g_assert_cmpint(lo->state, ==, NET_LINK_UP);
    g_assert_true(g_strv_contains((const char *const *)lo->addresses, "127.0.0.1/8"));
    g_assert_false(net_link_equal(lo, find(before, "lo")));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/type", test_type);
    g_test_add_func("/net/state", test_state);
    g_test_add_func("/net/stats", test_stats);
    g_test_add_func("/net/links-here", test_links_here);
    g_test_add_func("/net/monitor-silent", test_monitor_is_silent);
    g_test_add_func("/net/rates", test_rates);
    g_test_add_func("/net/rates-names", test_rates_names);
    g_test_add_func("/net/monitor-hears", test_monitor_hears);
    return g_test_run();
}
