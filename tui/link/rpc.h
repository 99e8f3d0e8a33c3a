/* link/rpc - asking an agent over a descriptor.
 *
 * The descriptor is a Unix socket or one end of a pair that an SSH channel is
 * bridged to; the client does not know which. It says hello first and refuses
 * an agent of another major version. Calls made before hello is answered are
 * sent after it.
 *
 * Every call is answered exactly once, in the main context of the thread that
 * made the client: with a result, with the agent's error, with
 * WIRE_ERROR_TIMEOUT at its deadline, with WIRE_ERROR_UNREACHABLE when the
 * connection is lost, or with WIRE_ERROR_CANCELLED inside rpc_client_free().
 * Only rpc_cancel() takes that back: after it no answer comes.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct RpcClient RpcClient;

/* What the agent said of itself and of the caller. */
typedef struct {
    int major, minor;
    char *agent; /* version of gantryd */
    char *node;
    char *user;
    char *role;
    json_t *peers; /* the nodes of its cluster as in its object; NULL: it is in none */
} RpcPeer;

/* result is borrowed; NULL exactly when error is set. */
typedef void (*RpcReply)(const json_t *result, const GError *error, gpointer user);

typedef struct {
    void (*ready)(const RpcPeer *peer, gpointer user);
    void (*notified)(const char *method, const json_t *params, gpointer user);
    /* The connection is gone or hello was refused; at most once. Comes before
     * the pending calls get their WIRE_ERROR_UNREACHABLE. error is never NULL. */
    void (*closed)(const GError *error, gpointer user);
} RpcEvents;

/* Takes the descriptor. name is the node's name for messages. */
RpcClient *rpc_client_new(int descriptor, const char *name, const RpcEvents *events,
                          gpointer user);
/* May be called from inside any event or reply. */
void rpc_client_free(RpcClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RpcClient, rpc_client_free)

/* For an owner who knows that the connection is gone: pending calls are answered
 * with WIRE_ERROR_UNREACHABLE now, later ones from the main loop; no closed event. */
void rpc_client_lose(RpcClient *client, const GError *reason);

/* NULL until hello was answered. */
const RpcPeer *rpc_client_peer(const RpcClient *client);

/* Steals params (NULL: none). deadline in milliseconds, 0: none. Returns the
 * call's number, for rpc_cancel(). */
gint64 rpc_call(RpcClient *client, const char *method, json_t *params, guint deadline,
                RpcReply reply, gpointer user);
/* Forgets a call: its answer will be dropped. */
void rpc_cancel(RpcClient *client, gint64 call);
