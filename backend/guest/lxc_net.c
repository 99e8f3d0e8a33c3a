#include "backend/guest/lxc_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A dump of addresses is cut here: a container may give itself any number. */
enum { ANSWER_MAX = 32768, MESSAGES_MAX = 256, INTERFACES_MAX = 16 };

struct LxcNet {
    int socket;
    guint32 sequence;
    GStrv names;
};

typedef struct {
    pid_t init;
    int socket;
} Entry;

static gboolean same_network(int namespace)
{
    struct stat theirs, ours;
    return fstat(namespace, &theirs) < 0 || stat("/proc/self/ns/net", &ours) < 0 ||
           (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev);
}

/* A thread of its own: it ends where it went, so nothing has to find back. */
static gpointer make_socket(gpointer data)
{
    Entry *entry = data;
    g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", (int)entry->init);
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0)
        return NULL;
    if (!same_network(namespace) && setns(namespace, CLONE_NEWNET) == 0)
        entry->socket =
            socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    close(namespace);
    return NULL;
}

LxcNet *lxc_net_open(pid_t init, const char *const *names)
{
    if (!names || !*names)
        return NULL;
    Entry entry = {init, -1};
    g_thread_join(g_thread_new("lxc-netns", make_socket, &entry));
    if (entry.socket < 0)
        return NULL;
    LxcNet *net = g_new0(LxcNet, 1);
    net->socket = entry.socket;
    net->names = g_strdupv((char **)(gintptr)names);
    return net;
}

void lxc_net_free(LxcNet *net)
{
    if (!net)
        return;
    close(net->socket);
    g_strfreev(net->names);
    g_free(net);
}

typedef struct {
    struct nlmsghdr header;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
    };
    char attributes[64];
} Request;

static void add_name(Request *request, const char *name)
{
    struct rtattr *attribute =
        (struct rtattr *)(void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    gsize length = strlen(name) + 1;
    attribute->rta_type = IFLA_IFNAME;
    attribute->rta_len = (unsigned short)RTA_LENGTH(length);
    memcpy(RTA_DATA(attribute), name, length);
    request->header.nlmsg_len =
        NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

typedef void (*Handle)(const struct nlmsghdr *message, gpointer user);

/* Sends a request and hands over what answers it. The kernel has answered, or the
 * first part of a dump, by the time that sending returns. */
static void ask(LxcNet *net, Request *request, Handle handle, gpointer user)
{
    char answer[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
    request->header.nlmsg_seq = ++net->sequence;
    if (send(net->socket, request, request->header.nlmsg_len, 0) < 0)
        return;
    for (int count = 0; count < MESSAGES_MAX;) {
        ssize_t received = recv(net->socket, answer, sizeof answer, 0);
        if (received <= 0)
            return;
        size_t left = (size_t)received;
        for (const struct nlmsghdr *message = (const void *)answer; NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left), count++) {
            if (message->nlmsg_seq != net->sequence)
                continue; /* the rest of a dump that was cut */
            if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
                return;
            handle(message, user);
            if (!(request->header.nlmsg_flags & NLM_F_DUMP))
                return;
        }
    }
}

typedef struct {
    int index;
    LxcNetInterface interface;
} Link;

static void take_link(const struct nlmsghdr *message, gpointer user)
{
    Link *link = user;
    if (message->nlmsg_type != RTM_NEWLINK)
        return;
    const struct ifinfomsg *info = NLMSG_DATA(message);
    link->index = info->ifi_index;
    link->interface.up = (info->ifi_flags & IFF_UP) != 0;
    size_t left = IFLA_PAYLOAD(message);
    for (const struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        gsize length = RTA_PAYLOAD(a);
        if (a->rta_type == IFLA_ADDRESS && length == sizeof link->interface.mac) {
            memcpy(link->interface.mac, RTA_DATA(a), length);
            link->interface.has_mac = TRUE;
        } else if (a->rta_type == IFLA_MTU && length == sizeof(guint32)) {
            memcpy(&link->interface.mtu, RTA_DATA(a), length);
        } else if (a->rta_type == IFLA_STATS64) {
            struct rtnl_link_stats64 stats = {0};
            memcpy(&stats, RTA_DATA(a), MIN(length, sizeof stats));
            link->interface.in = stats.rx_bytes;
            link->interface.out = stats.tx_bytes;
        }
    }
}

/* The link of this name; index 0 when it is not there. */
static Link find_link(LxcNet *net, const char *name)
{
    Link link = {0};
    if (strlen(name) >= IFNAMSIZ)
        return link;
    g_strlcpy(link.interface.name, name, sizeof link.interface.name);
    Request request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                                  .nlmsg_type = RTM_GETLINK,
                                  .nlmsg_flags = NLM_F_REQUEST},
                       .link = {.ifi_family = AF_UNSPEC}};
    add_name(&request, name);
    ask(net, &request, take_link, &link);
    return link;
}

gboolean lxc_net_read(LxcNet *net, guint64 *in, guint64 *out)
{
    guint64 received = 0, sent = 0;
    gboolean found = FALSE;
    for (char **name = net->names; *name; name++) {
        Link link = find_link(net, *name);
        if (!link.index)
            continue;
        found = TRUE;
        received += link.interface.in;
        sent += link.interface.out;
    }
    if (found) {
        *in = received;
        *out = sent;
    }
    return found;
}

typedef struct {
    int index;
    char *text;
    int prefix;
} Address;

static void clear_address(gpointer data)
{
    g_free(((Address *)data)->text);
}

static void take_address(const struct nlmsghdr *message, gpointer user)
{
    GArray *addresses = user;
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    if (message->nlmsg_type != RTM_NEWADDR || addresses->len >= LXC_NET_ADDRESSES ||
        (info->ifa_scope != RT_SCOPE_UNIVERSE && info->ifa_scope != RT_SCOPE_SITE))
        return;
    const void *bytes = NULL;
    size_t left = IFA_PAYLOAD(message);
    for (const struct rtattr *a = IFA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        gsize wanted = info->ifa_family == AF_INET ? 4 : 16;
        /* On a point-to-point link IFA_ADDRESS is the other end. */
        if (RTA_PAYLOAD(a) == wanted &&
            (a->rta_type == IFA_LOCAL || (a->rta_type == IFA_ADDRESS && !bytes)))
            bytes = RTA_DATA(a);
    }
    char text[INET6_ADDRSTRLEN];
    if (bytes && inet_ntop(info->ifa_family, bytes, text, sizeof text)) {
        Address address = {(int)info->ifa_index, g_strdup(text), info->ifa_prefixlen};
        g_array_append_val(addresses, address);
    }
}

static GArray *find_addresses(LxcNet *net)
{
    GArray *addresses = g_array_new(FALSE, FALSE, sizeof(Address));
    g_array_set_clear_func(addresses, clear_address);
    Request request = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
                                  .nlmsg_type = RTM_GETADDR,
                                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                       .address = {.ifa_family = AF_UNSPEC}};
    ask(net, &request, take_address, addresses);
    return addresses;
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of one interface, or of all with index in indexes. */
static GStrv pick(const GArray *addresses, const int *indexes, int count, gboolean prefix)
{
    GPtrArray *texts = g_ptr_array_new();
    for (guint i = 0; i < addresses->len; i++) {
        const Address *address = &g_array_index(addresses, Address, i);
        for (int k = 0; k < count; k++)
            if (address->index == indexes[k])
                g_ptr_array_add(
                    texts, prefix ? g_strdup_printf("%s/%d", address->text, address->prefix)
                                  : g_strdup(address->text));
    }
    g_ptr_array_sort(texts, compare_texts);
    g_ptr_array_add(texts, NULL);
    return (GStrv)g_ptr_array_free(texts, FALSE);
}

GStrv lxc_net_addresses(LxcNet *net)
{
    int indexes[INTERFACES_MAX], count = 0;
    for (char **name = net->names; *name && count < INTERFACES_MAX; name++) {
        Link link = find_link(net, *name);
        if (link.index)
            indexes[count++] = link.index;
    }
    g_autoptr(GArray) addresses = find_addresses(net);
    return pick(addresses, indexes, count, FALSE);
}

void lxc_net_interface_clear(LxcNetInterface *interface)
{
    g_clear_pointer(&interface->addresses, g_strfreev);
}

static void clear_interface(gpointer data)
{
    lxc_net_interface_clear(data);
}

GArray *lxc_net_interfaces(LxcNet *net)
{
    GArray *interfaces = g_array_new(FALSE, TRUE, sizeof(LxcNetInterface));
    g_array_set_clear_func(interfaces, clear_interface);
    g_autoptr(GArray) addresses = find_addresses(net);
    for (char **name = net->names; *name && interfaces->len < INTERFACES_MAX; name++) {
        Link link = find_link(net, *name);
        if (!link.index)
            continue;
        link.interface.addresses = pick(addresses, &link.index, 1, TRUE);
        g_array_append_val(interfaces, link.interface);
    }
    return interfaces;
}
