#include "tui/command/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int family;
    guint8 bytes[16];
    guint prefix;
} Network;

static gboolean read_network(const char *text, Network *out)
{
    g_auto(GStrv) halves = g_strsplit(text ? text : "", "/", 2);
    if (!halves[0] || !halves[1])
        return FALSE;
    out->family = strchr(halves[0], ':') ? AF_INET6 : AF_INET;
    out->prefix = (guint)strtoul(halves[1], NULL, 10);
    return inet_pton(out->family, halves[0], out->bytes) == 1 &&
           out->prefix <= (out->family == AF_INET ? 32u : 128u);
}

static gboolean same_network(const Network *a, const Network *b)
{
    if (a->family != b->family || a->prefix != b->prefix)
        return FALSE;
    for (guint i = 0; i < a->prefix; i++)
        if ((a->bytes[i / 8] ^ b->bytes[i / 8]) & (0x80u >> i % 8))
            return FALSE;
    return TRUE;
}

static char *plain(const char *address)
{
    return g_strndup(address, strcspn(address, "/"));
}

/* The first of a node's addresses, with prefix, for which this holds. */
static const char *find_address(const json_t *links,
                                gboolean (*fits)(const char *address, gconstpointer user),
                                gconstpointer user)
{
    size_t l, a;
    const json_t *link, *address;
    json_array_foreach(json_object_get(links, "links"), l, link)
    {
        json_array_foreach(json_object_get(link, "addresses"), a, address)
        {
            if (json_is_string(address) && fits(json_string_value(address), user))
                return json_string_value(address);
        }
    }
    return NULL;
}

static gboolean is_address(const char *address, gconstpointer user)
{
    g_autofree char *bare = plain(address);
    return strcmp(bare, user) == 0;
}

static gboolean is_in_network(const char *address, gconstpointer user)
{
    Network network;
    return read_network(address, &network) && same_network(&network, user);
}

gboolean network_reaches(const json_t *links, const char *own, const char *address)
{
    Network network, other;
    if (!read_network(find_address(links, is_address, own), &network))
        return FALSE;
    g_autofree char *prefixed = g_strdup_printf("%s/%u", address, network.prefix);
    return read_network(prefixed, &other) && same_network(&network, &other);
}

char *network_choose(const json_t *links, const char *own, const json_t *theirs)
{
    Network network;
    const char *found = NULL;
    if (read_network(find_address(links, is_address, own), &network))
        found = find_address(theirs, is_in_network, &network);
    return found ? plain(found) : NULL;
}

gboolean network_has(const json_t *links, const char *address)
{
    return find_address(links, is_address, address) != NULL;
}
