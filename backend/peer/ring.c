#include "backend/peer/ring.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

GArray *peer_address_look_up(const char *text, guint port)
{
    /* Without a type of socket each address would come once for every type. */
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    GArray *addresses = g_array_new(FALSE, TRUE, sizeof(PeerAddress));
    struct addrinfo *list = NULL;
    char service[16];
    (void)snprintf(service, sizeof service, "%u", port);
    if (!text || getaddrinfo(text, service, &hints, &list) != 0)
        return addresses;
    for (const struct addrinfo *one = list; one; one = one->ai_next) {
        PeerAddress address = {.size = one->ai_addrlen};
        if (one->ai_addrlen > sizeof address.bytes)
            continue;
        memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
        g_array_append_val(addresses, address);
    }
    freeaddrinfo(list);
    return addresses;
}

gboolean peer_address_equal(const PeerAddress *a, const PeerAddress *b)
{
    return a->size == b->size && memcmp(&a->bytes, &b->bytes, sizeof a->bytes) == 0;
}

char *peer_address_text(const PeerAddress *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_storage *bytes = &address->bytes;
    if (bytes->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)bytes)->sin_addr, text,
                        sizeof text);
    else
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)bytes)->sin6_addr, text,
                        sizeof text);
    return g_strdup(text);
}

static void member_free(gpointer data)
{
    PeerMember *member = data;
    for (guint link = 0; link < COROSYNC_LINKS_MAX; link++)
        g_array_unref(member->links[link]);
    g_free(member->name);
    g_free(member);
}

GPtrArray *peer_ring_look_up(const GPtrArray *nodes, guint port)
{
    GPtrArray *ring = g_ptr_array_new_with_free_func(member_free);
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        PeerMember *member = g_new0(PeerMember, 1);
        member->id = node->id;
        member->name = g_strdup(node->name ? node->name : "");
        for (guint link = 0; link < COROSYNC_LINKS_MAX; link++)
            member->links[link] = peer_address_look_up(node->addresses[link], port);
        g_ptr_array_add(ring, member);
    }
    return ring;
}

const PeerMember *peer_ring_find(const GPtrArray *ring, const char *name)
{
    for (guint i = 0; i < ring->len; i++) {
        const PeerMember *member = ring->pdata[i];
        if (g_str_equal(member->name, name))
            return member;
    }
    return NULL;
}

const PeerAddress *peer_member_address(const PeerMember *member, guint link)
{
    const GArray *addresses = member->links[link];
    return addresses->len > 0 ? &g_array_index(addresses, PeerAddress, 0) : NULL;
}
