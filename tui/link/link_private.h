/* link/link_private - what the parts of link.h share: connecting and staying connected
 * (link.c), and streams and shells (link_channels.c).
 */
#pragma once

#include "tui/link/link.h"
#include "tui/link/tunnel.h"

#define LINK_BRIDGE "gantryd bridge" /* the command on the other side */

struct Link {
    gint references;
    gboolean closed;
    Target *target;
    char *ssh_config;
    Link *via;
    gboolean once;
    LinkEvents events;
    gpointer user;
    GMainContext *context;

    LinkState state;
    GError *error;
    guint attempt;
    gint64 retry_at;
    GSource *timer; /* the next attempt */
    Tunnel *tunnel; /* SSH only */
    guint session;  /* counts tunnels, from 1 */
    guint rpc_channel;
    RpcClient *rpc;
    gboolean lost; /* the RPC channel read as ended; its reason is still to come */
    RpcPeer peer;
};

/* Frees it with the last reference: the owner's, and one for each shell. */
void link_release(Link *link);
