#include "backend/net/link.h"

#include "backend/net/rates.h"
#include "backend/proc/proc.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 256 };

static const char *const type_names[] = {
    [NET_LINK_OTHER] = "other", [NET_LINK_PHYSICAL] = "physical", [NET_LINK_BRIDGE] = "bridge",
    [NET_LINK_VETH] = "veth",   [NET_LINK_TAP] = "tap",           [NET_LINK_VLAN] = "vlan",
    [NET_LINK_BOND] = "bond",   [NET_LINK_LOOPBACK] = "loopback",
};

static const char *const state_names[] = {
    [NET_LINK_DOWN] = "down",
    [NET_LINK_NO_CARRIER] = "no-carrier",
    [NET_LINK_UP] = "up",
};

static const struct {
    const char *kind;
    NetLinkType type;
} kinds[] = {
    {"bridge", NET_LINK_BRIDGE}, {"openvswitch", NET_LINK_BRIDGE}, {"veth", NET_LINK_VETH},
    {"tun", NET_LINK_TAP},       {"macvtap", NET_LINK_TAP},        {"vlan", NET_LINK_VLAN},
    {"bond", NET_LINK_BOND},     {"team", NET_LINK_BOND},
};

typedef struct nl_sock NetSocket;
typedef struct nl_cache NetCache;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSocket, nl_socket_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetCache, nl_cache_free)

void net_link_free(NetLink *link)
{
    if (!link)
        return;
    g_free(link->name);
    g_free(link->mac);
    g_free(link->master);
    g_strfreev(link->addresses);
    g_free(link);
}

gboolean net_link_equal(const NetLink *a, const NetLink *b)
{
    return a->index == b->index && a->type == b->type && a->state == b->state &&
           a->mtu == b->mtu && a->speed == b->speed && strcmp(a->name, b->name) == 0 &&
           g_strcmp0(a->mac, b->mac) == 0 && g_strcmp0(a->master, b->master) == 0 &&
           g_strv_equal((const char *const *)a->addresses, (const char *const *)b->addresses);
}

const char *net_link_type_name(NetLinkType type)
{
    return type_names[type];
}

const char *net_link_state_name(NetLinkState state)
{
    return state_names[state];
}

NetLinkType net_link_type_from(const char *kind, unsigned arp_type, gboolean has_device)
{
    for (size_t i = 0; kind && i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].type;
    if (arp_type == ARPHRD_LOOPBACK)
        return NET_LINK_LOOPBACK;
    return has_device ? NET_LINK_PHYSICAL : NET_LINK_OTHER;
}

NetLinkState net_link_state_from(unsigned flags)
{
    if (!(flags & IFF_UP))
        return NET_LINK_DOWN;
    return flags & IFF_RUNNING ? NET_LINK_UP : NET_LINK_NO_CARRIER;
}

static gboolean refuse(GError **error, const char *what, int code)
{
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "can't %s: %s", what, nl_geterror(code));
    return FALSE;
}

static char *mac_of(struct rtnl_link *link)
{
    struct nl_addr *address = rtnl_link_get_addr(link);
    if (!address || nl_addr_get_len(address) == 0 || nl_addr_iszero(address))
        return NULL;
    char text[128];
    return g_strdup(nl_addr2str(address, text, sizeof text));
}

static void read_sysfs(int sysfs, struct rtnl_link *source, NetLink *link)
{
    char path[NET_NAME_MAX + sizeof "/device"];
    (void)g_snprintf(path, sizeof path, "%s/device", link->name);
    gboolean has_device = sysfs >= 0 && faccessat(sysfs, path, F_OK, 0) == 0;
    link->type = net_link_type_from(rtnl_link_get_type(source), rtnl_link_get_arptype(source),
                                    has_device);
    if (link->type != NET_LINK_PHYSICAL || link->state != NET_LINK_UP)
        return; /* the kernel knows no speed, or -1 */
    (void)g_snprintf(path, sizeof path, "%s/speed", link->name);
    gint64 speed = proc_attribute_number(sysfs, path, 0);
    link->speed = speed > 0 && speed < G_MAXINT ? (int)speed : 0;
}

static guint64 errors_of(struct rtnl_link *source)
{
    return rtnl_link_get_stat(source, RTNL_LINK_RX_ERRORS) +
           rtnl_link_get_stat(source, RTNL_LINK_RX_DROPPED) +
           rtnl_link_get_stat(source, RTNL_LINK_TX_ERRORS) +
           rtnl_link_get_stat(source, RTNL_LINK_TX_DROPPED);
}

static NetLink *make_link(struct rtnl_link *source, NetCache *links, GStrv addresses, int sysfs)
{
    NetLink *link = g_new(NetLink, 1);
    *link = (NetLink){
        .index = rtnl_link_get_ifindex(source),
        .name = g_strndup(rtnl_link_get_name(source), NET_NAME_MAX - 1),
        .state = net_link_state_from(rtnl_link_get_flags(source)),
        .mac = mac_of(source),
        .mtu = (int)rtnl_link_get_mtu(source),
        .addresses = addresses,
        .received = rtnl_link_get_stat(source, RTNL_LINK_RX_BYTES),
        .sent = rtnl_link_get_stat(source, RTNL_LINK_TX_BYTES),
        .errors = errors_of(source),
    };
    int master = rtnl_link_get_master(source);
    struct rtnl_link *owner = master ? rtnl_link_get(links, master) : NULL;
    if (owner) {
        link->master = g_strdup(rtnl_link_get_name(owner));
        rtnl_link_put(owner);
    }
    read_sysfs(sysfs, source, link);
    return link;
}

/* index -> GPtrArray of "address/prefix". */
static GHashTable *sort_addresses(NetCache *cache)
{
    GHashTable *by_index =
        g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    for (struct nl_object *object = nl_cache_get_first(cache); object;
         object = nl_cache_get_next(object)) {
        struct rtnl_addr *source = (struct rtnl_addr *)(void *)object;
        struct nl_addr *local = rtnl_addr_get_local(source);
        gpointer key = GINT_TO_POINTER(rtnl_addr_get_ifindex(source));
        char text[128];
        if (!local)
            continue;
        GPtrArray *list = g_hash_table_lookup(by_index, key);
        if (!list) {
            list = g_ptr_array_new_null_terminated(0, g_free, TRUE);
            g_hash_table_insert(by_index, key, list);
        }
        if (list->len >= ADDRESSES_MAX)
            continue;
        (void)nl_addr2str(local, text, sizeof text);
        /* libnl leaves out the prefix of an address that stands for one host. */
        g_ptr_array_add(list,
                        strchr(text, '/')
                            ? g_strdup(text)
                            : g_strdup_printf("%s/%u", text, nl_addr_get_prefixlen(local)));
    }
    return by_index;
}

static GStrv take_addresses(GHashTable *by_index, int index)
{
    GPtrArray *list = g_hash_table_lookup(by_index, GINT_TO_POINTER(index));
    return list ? g_strdupv((GStrv)(void *)list->pdata) : g_new0(char *, 1);
}

static gint compare_links(gconstpointer a, gconstpointer b)
{
    const NetLink *first = *(NetLink *const *)a, *second = *(NetLink *const *)b;
    return first->index < second->index ? -1 : first->index > second->index;
}

GPtrArray *net_links_read(GError **error)
{
    g_autoptr(NetSocket) socket = nl_socket_alloc();
    g_autoptr(NetCache) links = NULL;
    g_autoptr(NetCache) addresses = NULL;
    int code = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;
    if (code == 0)
        code = rtnl_link_alloc_cache(socket, AF_UNSPEC, &links);
    if (code == 0)
        code = rtnl_addr_alloc_cache(socket, &addresses);
    if (code < 0) {
        (void)refuse(error, "read the links over netlink", code);
        return NULL;
    }
    int sysfs = open("/sys/class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GHashTable) by_index = sort_addresses(addresses);
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)net_link_free);
    for (struct nl_object *object = nl_cache_get_first(links);
         object && list->len < NET_LINKS_MAX; object = nl_cache_get_next(object)) {
        struct rtnl_link *source = (struct rtnl_link *)(void *)object;
        if (!rtnl_link_get_name(source))
            continue;
        GStrv owned = take_addresses(by_index, rtnl_link_get_ifindex(source));
        g_ptr_array_add(list, make_link(source, links, owned, sysfs));
    }
    if (sysfs >= 0)
        (void)close(sysfs);
    g_ptr_array_sort(list, compare_links);
    return list;
}
