#include "backend/net/link.h"

#include <net/if.h>
#include <net/if_arp.h>
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

/* In a network of the test's own; the last test, for there is no way back. */
static void test_monitor_hears(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        g_test_skip("not allowed to make a network namespace");
        return;
    }
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
    g_test_add_func("/net/links-here", test_links_here);
    g_test_add_func("/net/monitor-silent", test_monitor_is_silent);
    g_test_add_func("/net/monitor-hears", test_monitor_hears);
    return g_test_run();
}
