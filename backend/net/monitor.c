#include "backend/net/link.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GATHER_MS = 200, PIECE = 32768 };

struct NetMonitor {
    int descriptor;
    GMainContext *context;
    GSource *news;   /* the socket has something to say */
    GSource *gather; /* news came; NULL: none */
    NetMonitorChanged changed;
    gpointer user;
};

static gboolean gathered(gpointer user)
{
    NetMonitor *monitor = user;
    g_clear_pointer(&monitor->gather, g_source_unref);
    monitor->changed(monitor->user); /* may free the monitor */
    return G_SOURCE_REMOVE;
}

/* Empties the socket; what is in it does not matter. An overrun (ENOBUFS) is news as
 * well. FALSE when the socket is broken. */
static gboolean drain(int descriptor)
{
    char piece[PIECE];
    for (;;) {
        ssize_t got = recv(descriptor, piece, sizeof piece, MSG_DONTWAIT | MSG_TRUNC);
        if (got > 0 || (got < 0 && (errno == EINTR || errno == ENOBUFS)))
            continue;
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
}

static gboolean news_came(gint descriptor, GIOCondition condition, gpointer user)
{
    NetMonitor *monitor = user;
    gboolean sound = drain(descriptor);
    if (!monitor->gather) {
        monitor->gather = g_timeout_source_new(GATHER_MS);
        g_source_set_callback(monitor->gather, gathered, monitor, NULL);
        (void)g_source_attach(monitor->gather, monitor->context);
    }
    return sound ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static int open_socket(void)
{
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    };
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (descriptor < 0)
        return -1;
    if (bind(descriptor, (const struct sockaddr *)(const void *)&address, sizeof address) < 0) {
        int reason = errno;
        (void)close(descriptor);
        errno = reason;
        return -1;
    }
    return descriptor;
}

NetMonitor *net_monitor_new(GMainContext *context, NetMonitorChanged changed, gpointer user,
                            GError **error)
{
    int descriptor = open_socket();
    if (descriptor < 0) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't watch the links over netlink: %s",
                       g_strerror(errno));
        return NULL;
    }
    NetMonitor *monitor = g_new(NetMonitor, 1);
    *monitor = (NetMonitor){
        .descriptor = descriptor,
        .context = context ? g_main_context_ref(context) : NULL,
        .news = g_unix_fd_source_new(descriptor, G_IO_IN),
        .changed = changed,
        .user = user,
    };
    g_source_set_callback(monitor->news, G_SOURCE_FUNC(news_came), monitor, NULL);
    (void)g_source_attach(monitor->news, monitor->context);
    return monitor;
}

static void drop_source(GSource *source)
{
    if (!source)
        return;
    g_source_destroy(source);
    g_source_unref(source);
}

void net_monitor_free(NetMonitor *monitor)
{
    if (!monitor)
        return;
    drop_source(monitor->news);
    drop_source(monitor->gather);
    (void)close(monitor->descriptor);
    if (monitor->context)
        g_main_context_unref(monitor->context);
    g_free(monitor);
}
