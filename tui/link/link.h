/* link/link - the connection to one node, kept up.
 *
 *   connecting -> asking -> connecting -> connected -> waiting -> connecting ...
 *                                     \-> refused
 *
 * A Link reaches an agent through the local Unix socket or through SSH, says
 * hello, and when the connection is lost tries again after 0.5 s, 1 s, 2 s ...
 * 30 s with jitter. What trying again can't mend (a refused key, a changed host
 * key, an agent of another version, a person who cancelled) is `refused`:
 * link_retry() then begins anew.
 *
 * Everything here runs in, and calls back in, the thread-default main context
 * of the thread that made the link; SSH works in a thread of its own (tunnel.h)
 * and nothing here blocks. Events never come from inside a call of the owner's.
 * The owner may call link_close() from inside any event.
 *
 * Descriptors that link_open_*() return are close-on-exec, non-blocking stream
 * sockets (or a pty for a local shell), owned by the caller: read, write, close.
 * They work at once; bytes written before the far side is open are kept. When
 * the far side can't be opened or ends, they read as end of file.
 */
#pragma once

#include "tui/link/prompt.h"
#include "tui/link/rpc.h"
#include "tui/link/target.h"

typedef struct Link Link;
typedef struct LinkShell LinkShell;

typedef enum {
    LINK_CONNECTING,
    LINK_ASKING,    /* link_prompt() holds a question to the person */
    LINK_CONNECTED, /* link_rpc() can be called */
    LINK_WAITING,   /* lost or not reached; link_retry_at() says when it tries again */
    LINK_REFUSED,   /* trying again would not help; link_error() says why */
} LinkState;

typedef struct {
    const char *ssh_config; /* read instead of ~/.ssh/config and /etc/ssh/ssh_config, or NULL */
    Link *via;              /* reach the host through this link's SSH session, or NULL; must
                             * be an SSH link and outlive this one */
    gboolean once;          /* no second attempt: `refused` where it would be `waiting` */
} LinkOptions;

typedef struct {
    /* The state, the prompt or the error is another. Required. */
    void (*changed)(Link *link, gpointer user);
    /* The agent sent something on its own, as watch.delta. May be NULL. */
    void (*notified)(Link *link, const char *method, const json_t *params, gpointer user);
} LinkEvents;

/* Copies target and options; begins to connect at once. */
Link *link_new(const Target *target, const LinkOptions *options, const LinkEvents *events,
               gpointer user);
/* Ends it: pending calls are answered with WIRE_ERROR_CANCELLED. NULL is accepted. */
void link_close(Link *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_close)

const Target *link_target(const Link *link);
/* The node's own name once known, else the target as typed. */
const char *link_name(const Link *link);
LinkState link_state(const Link *link);
const char *link_state_name(LinkState state);
/* Why it is waiting or refused; the last failure; NULL when there was none. */
const GError *link_error(const Link *link);
/* Attempts since it was last connected, from 1. */
guint link_attempt(const Link *link);
/* g_get_monotonic_time() of the next attempt, in LINK_WAITING; else 0. */
gint64 link_retry_at(const Link *link);
/* Tries at once, from waiting or refused. */
void link_retry(Link *link);
/* What is connected is taken for dead: why, in words. Tries again as after any loss. */
void link_drop(Link *link, const char *why);

/* The agent; NULL unless connected. Do not keep it across a change of state. */
RpcClient *link_rpc(Link *link);
/* What hello said; kept after a loss, NULL before the first hello. */
const RpcPeer *link_peer(const Link *link);

/* The question to the person, NULL unless asking; valid until the next event. */
const Prompt *link_prompt(const Link *link);
/* Answers it, one string a field, NULL after the last; NULL instead of the
 * array cancels, which refuses the link. */
void link_answer(Link *link, const char *const *answers);

/* Joins the stream that guest.console and such answered. -1 and an error when
 * not connected. */
int link_open_stream(Link *link, const char *stream, GError **error);

/* A login shell of the person's on the node, with a terminal. */
LinkShell *link_open_shell(Link *link, const char *term, int rows, int columns, GError **error);
/* Owned by the shell; to read and write. */
int link_shell_descriptor(const LinkShell *shell);
void link_shell_resize(LinkShell *shell, int rows, int columns);
/* Hangs it up. Must be called before its link is closed or after: both work. */
void link_shell_close(LinkShell *shell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinkShell, link_shell_close)

/* At the end of the program: waits until the threads of closed links are gone,
 * at most so many milliseconds. */
void link_finish(guint milliseconds);
