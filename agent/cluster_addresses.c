#include "agent/cluster_addresses.h"

#include "backend/net/link.h"

#include <arpa/inet.h>
#include <string.h>

static gboolean is_private_bridge(const NetLink *link)
{
    static const char *const prefixes[] = {"virbr", "lxcbr", "docker", "br-", "podman", "cni"};
    for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(link->name, prefixes[i]))
            return TRUE;
    return FALSE;
}

static gboolean is_usable(const NetLink *link)
{
    return link->state == NET_LINK_UP && link->type != NET_LINK_LOOPBACK &&
           link->type != NET_LINK_TAP && !link->master && !is_private_bridge(link);
}

static char *without_prefix(const char *address)
{
    return g_strndup(address, strcspn(address, "/"));
}

/* The first of that family, or NULL. */
static char *first_address(const NetLink *link, int family)
{
    for (char **address = link->addresses; *address; address++) {
        struct in6_addr bytes;
        g_autofree char *plain = without_prefix(*address);
        gboolean local =
            g_str_has_prefix(plain, "169.254.") || g_str_has_prefix(plain, "fe80:");
        if (!local && inet_pton(family, plain, &bytes) == 1)
            return g_steal_pointer(&plain);
    }
    return NULL;
}

static void add_from(GPtrArray *chosen, const GPtrArray *links, int family, gboolean bridges,
                     guint most)
{
    for (guint i = 0; i < links->len && chosen->len < most; i++) {
        const NetLink *link = links->pdata[i];
        if (!is_usable(link) || (link->type == NET_LINK_BRIDGE) != bridges)
            continue;
        char *address = first_address(link, family);
        if (address)
            g_ptr_array_add(chosen, address);
    }
}

GStrv cluster_addresses_choose(const GPtrArray *links, guint most)
{
    GPtrArray *chosen = g_ptr_array_new();
    add_from(chosen, links, AF_INET, TRUE, most);
    add_from(chosen, links, AF_INET, FALSE, most);
    if (chosen->len == 0) {
        add_from(chosen, links, AF_INET6, TRUE, most);
        add_from(chosen, links, AF_INET6, FALSE, most);
    }
    g_ptr_array_add(chosen, NULL);
    return (GStrv)g_ptr_array_free(chosen, FALSE);
}

gboolean cluster_addresses_have(const GPtrArray *links, const char *address)
{
    for (guint i = 0; i < links->len; i++) {
        const NetLink *link = links->pdata[i];
        for (char **own = link->addresses; *own; own++) {
            g_autofree char *plain = without_prefix(*own);
            if (g_str_equal(plain, address))
                return TRUE;
        }
    }
    return FALSE;
}
