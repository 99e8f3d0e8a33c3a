/* Connecting, and staying connected. */
#include "backend/wire/error.h"
#include "tui/link/link_private.h"
#include "tui/link/local.h"

#include <string.h>

enum { PAUSE_FIRST = 500, PAUSE_MAX = 30000 /* ms */ };

static void begin(Link *link);

void link_release(Link *link)
{
    if (--link->references > 0)
        return;
    target_free(link->target);
    g_free(link->ssh_config);
    g_clear_error(&link->error);
    g_main_context_unref(link->context);
    g_free(link->peer.agent);
    g_free(link->peer.node);
    g_free(link->peer.user);
    g_free(link->peer.role);
    json_decref(link->peer.peers);
    g_free(link);
}

static void set_state(Link *link, LinkState state)
{
    link->state = state;
    if (link->closed)
        return;
    link->references++;
    link->events.changed(link, link->user);
    link_release(link);
}

static void stop_timer(Link *link)
{
    link->retry_at = 0;
    if (!link->timer)
        return;
    g_source_destroy(link->timer);
    g_clear_pointer(&link->timer, g_source_unref);
}

/* reason: why the pending calls can't be answered; NULL: the owner closes. */
static void disconnect(Link *link, const GError *reason)
{
    stop_timer(link);
    link->lost = FALSE;
    RpcClient *rpc = g_steal_pointer(&link->rpc);
    g_clear_pointer(&link->tunnel, tunnel_close);
    if (rpc && reason)
        rpc_client_lose(rpc, reason);
    rpc_client_free(rpc);
}

static gboolean on_timer(gpointer user)
{
    Link *link = user;
    stop_timer(link);
    begin(link);
    return G_SOURCE_REMOVE;
}

static void run_after(Link *link, guint milliseconds)
{
    stop_timer(link);
    link->timer = g_timeout_source_new(milliseconds);
    g_source_set_callback(link->timer, on_timer, link, NULL);
    g_source_attach(link->timer, link->context);
    link->retry_at = g_get_monotonic_time() + (gint64)milliseconds * 1000;
}

static gboolean is_final(const GError *error)
{
    switch (wire_error_code(error)) {
    case WIRE_ERROR_AUTH:
    case WIRE_ERROR_VERSION:
    case WIRE_ERROR_CANCELLED:
    case WIRE_ERROR_CONFIG:
    case WIRE_ERROR_PARAMS:
    case WIRE_ERROR_NOT_ALLOWED:
    case WIRE_ERROR_STORAGE:
        return TRUE;
    default:
        return FALSE;
    }
}

/* Doubles, with a quarter of jitter, so that many consoles don't come back at
 * the same moment. */
static guint pause_before(guint attempt)
{
    /* None yet when a connection is lost that was up. */
    guint doubled = MAX(attempt, 1) - 1;
    guint pause = doubled < 7 ? PAUSE_FIRST << doubled : PAUSE_MAX;
    pause = MIN(pause, PAUSE_MAX);
    return pause - pause / 8 + (guint)g_random_int_range(0, (gint32)(pause / 4) + 1);
}

/* Steals the error. */
static void fail(Link *link, GError *error)
{
    link->references++;
    link->state = LINK_WAITING; /* replies must find it unconnected */
    disconnect(link, error);
    g_clear_error(&link->error);
    link->error = error;
    if (!link->closed) {
        gboolean final = link->once || is_final(error);
        if (!final)
            run_after(link, pause_before(link->attempt));
        set_state(link, final ? LINK_REFUSED : LINK_WAITING);
    }
    link_release(link);
}

/* ---- RPC ---- */

static void on_rpc_ready(const RpcPeer *peer, gpointer user)
{
    Link *link = user;
    g_free(link->peer.agent);
    g_free(link->peer.node);
    g_free(link->peer.user);
    g_free(link->peer.role);
    json_decref(link->peer.peers);
    link->peer = (RpcPeer){.major = peer->major,
                           .minor = peer->minor,
                           .agent = g_strdup(peer->agent),
                           .node = g_strdup(peer->node),
                           .user = g_strdup(peer->user),
                           .role = g_strdup(peer->role),
                           .peers = json_incref(peer->peers)};
    link->attempt = 0;
    g_clear_error(&link->error);
    set_state(link, LINK_CONNECTED);
}

static void on_rpc_notified(const char *method, const json_t *params, gpointer user)
{
    Link *link = user;
    if (link->events.notified && !link->closed)
        link->events.notified(link, method, params, link->user);
}

static void on_rpc_closed(const GError *error, gpointer user)
{
    Link *link = user;
    /* Over SSH the end of the channel tells more: wait for on_channel_ended. */
    if (link->tunnel && wire_error_code(error) == WIRE_ERROR_UNREACHABLE) {
        link->lost = TRUE;
        return;
    }
    GError *copy = g_error_copy(error);
    if (wire_error_code(copy) == WIRE_ERROR_UNREACHABLE)
        g_prefix_error(&copy, "%s: ", link_name(link));
    fail(link, copy);
}

static void open_rpc(Link *link, int descriptor)
{
    static const RpcEvents events = {on_rpc_ready, on_rpc_notified, on_rpc_closed};
    link->rpc = rpc_client_new(descriptor, link_name(link), &events, link);
}

/* ---- SSH ---- */

static void on_tunnel_asked(gpointer user)
{
    Link *link = user;
    set_state(link, tunnel_prompt(link->tunnel) ? LINK_ASKING : LINK_CONNECTING);
}

static void on_tunnel_ready(gpointer user)
{
    Link *link = user;
    int descriptor = tunnel_open_command(link->tunnel, LINK_BRIDGE, &link->rpc_channel);
    if (descriptor >= 0) {
        open_rpc(link, descriptor);
        return;
    }
    GError *error = NULL;
    wire_error_set(&error, WIRE_ERROR_FAILED, "%s: no more descriptors", link_name(link));
    fail(link, error);
}

/* What a person should read of a bridge that ended. */
static GError *bridge_error(Link *link, int exit_status, const char *reason)
{
    const char *name = link->target->name;
    GError *error = NULL;
    g_autofree char *text = g_utf8_make_valid(reason, -1);
    g_strchomp(text);
    static const char prefix[] = "gantryd bridge: ";
    const char *words = g_str_has_prefix(text, prefix) ? text + strlen(prefix) : text;
    if (exit_status == 127)
        wire_error_set(&error, WIRE_ERROR_UNREACHABLE,
                       "%s: gantryd is not installed there (or not in the PATH): install it "
                       "with apt install gantryd, or meson install",
                       name);
    else if (exit_status == wire_error_exit_status(WIRE_ERROR_NOT_ALLOWED))
        wire_error_set(&error, WIRE_ERROR_NOT_ALLOWED, "%s: %s", name,
                       *words ? words : "you may not use its agent");
    else if (*words)
        wire_error_set(&error, WIRE_ERROR_UNREACHABLE, "%s: %s", name, words);
    else if (exit_status >= 0)
        wire_error_set(&error, WIRE_ERROR_UNREACHABLE,
                       "%s: the connection to the agent ended (status %d): is gantryd running?",
                       name, exit_status);
    else
        wire_error_set(&error, WIRE_ERROR_UNREACHABLE, "%s: the connection to the agent ended",
                       name);
    return error;
}

static void on_channel_ended(guint channel, int exit_status, const char *reason, gpointer user)
{
    Link *link = user;
    if (channel == link->rpc_channel)
        fail(link, bridge_error(link, exit_status, reason));
}

static void on_tunnel_ended(const GError *error, gpointer user)
{
    fail(user, g_error_copy(error));
}

/* ---- connecting ---- */

static int open_via(Link *link, GError **error)
{
    if (link->via->state != LINK_CONNECTED || !link->via->tunnel) {
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s is reached through %s, which is not connected", link->target->name,
                       link_name(link->via));
        return -1;
    }
    return tunnel_open_host(link->via->tunnel, link->target->host,
                            link->target->port ? link->target->port : 22, NULL);
}

static void begin(Link *link)
{
    static const TunnelEvents events = {on_tunnel_asked, on_tunnel_ready, on_channel_ended,
                                        on_tunnel_ended};
    GError *error = NULL;
    link->attempt++;
    link->state = LINK_CONNECTING;
    int descriptor = -1;
    if (link->target->path)
        descriptor = local_connect(link->target->path, link->target->name, &error);
    else if (link->via)
        descriptor = open_via(link, &error);
    if (error) {
        fail(link, error);
        return;
    }
    if (link->target->path) {
        open_rpc(link, descriptor);
    } else {
        link->session++;
        link->tunnel = tunnel_new(link->target, link->ssh_config, descriptor, &events, link);
    }
    set_state(link, LINK_CONNECTING);
}

Link *link_new(const Target *target, const LinkOptions *options, const LinkEvents *events,
               gpointer user)
{
    Link *link = g_new0(Link, 1);
    link->references = 1;
    link->target = target_copy(target);
    link->ssh_config = options ? g_strdup(options->ssh_config) : NULL;
    link->via = options ? options->via : NULL;
    link->once = options && options->once;
    link->events = *events;
    link->user = user;
    link->context = g_main_context_ref_thread_default();
    run_after(link, 0); /* events never come from inside link_new() */
    link->retry_at = 0;
    return link;
}

void link_close(Link *link)
{
    if (!link)
        return;
    link->closed = TRUE;
    link->events = (LinkEvents){0};
    disconnect(link, NULL);
    link_release(link);
}

void link_drop(Link *link, const char *why)
{
    GError *error = NULL;
    if (link->state != LINK_CONNECTED)
        return;
    wire_error_set(&error, WIRE_ERROR_UNREACHABLE, "%s: %s", link_name(link), why);
    fail(link, error);
}

void link_retry(Link *link)
{
    if (link->state != LINK_WAITING && link->state != LINK_REFUSED)
        return;
    run_after(link, 0);
}

/* ---- what the owner asks ---- */

const Target *link_target(const Link *link)
{
    return link->target;
}

const char *link_name(const Link *link)
{
    return link->peer.node ? link->peer.node : link->target->name;
}

LinkState link_state(const Link *link)
{
    return link->state;
}

const char *link_state_name(LinkState state)
{
    static const char *const names[] = {"connecting", "asking", "connected", "waiting",
                                        "refused"};
    return (unsigned)state < G_N_ELEMENTS(names) ? names[state] : "?";
}

const GError *link_error(const Link *link)
{
    return link->error;
}

guint link_attempt(const Link *link)
{
    return link->attempt;
}

gint64 link_retry_at(const Link *link)
{
    return link->state == LINK_WAITING ? link->retry_at : 0;
}

RpcClient *link_rpc(Link *link)
{
    return link->state == LINK_CONNECTED ? link->rpc : NULL;
}

const RpcPeer *link_peer(const Link *link)
{
    return link->peer.node ? &link->peer : NULL;
}

const Prompt *link_prompt(const Link *link)
{
    return link->state == LINK_ASKING && link->tunnel ? tunnel_prompt(link->tunnel) : NULL;
}

void link_answer(Link *link, const char *const *answers)
{
    if (link->tunnel)
        tunnel_answer(link->tunnel, answers);
}

void link_finish(guint milliseconds)
{
    tunnel_finish(milliseconds);
}
