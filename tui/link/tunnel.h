/* link/tunnel - one SSH session in a thread of its own.
 *
 * The thread dials (TCP, a ProxyCommand, ProxyJump hosts, or a descriptor it
 * was given), checks the host's key, authenticates, and then moves bytes
 * between SSH channels and socket pairs until it is closed or the session is
 * lost. The rest of the program sees descriptors. The thread sleeps in poll();
 * every step ends at once when the tunnel is closed, except a name look-up,
 * which the thread sits out alone.
 *
 * ProxyJump is done here, not by libssh (which would run the ssh program and
 * let it ask its questions on the terminal): each jump host is a tunnel too,
 * and the next one's dial goes through a direct-tcpip channel of it.
 *
 * A peer that says nothing to TUNNEL_KEEPALIVE_MISSED keepalives in a row,
 * TUNNEL_KEEPALIVE seconds apart, is taken for dead.
 *
 * Channels: bytes are moved with the flow control of both sides; a reader that
 * stops reading stops the channel's window, costs bounded memory and delays no
 * other channel. Ownership: the tunnel is counted between owner and thread;
 * after tunnel_close() no event comes.
 */
#pragma once

#include "tui/link/prompt.h"
#include "tui/link/target.h"

#define TUNNEL_CONNECT_TIMEOUT  10 /* s: TCP, and again key exchange */
#define TUNNEL_KEEPALIVE        15 /* s */
#define TUNNEL_KEEPALIVE_MISSED 2
#define TUNNEL_STDERR_MAX       4096 /* bytes kept of a command's stderr */

typedef struct Tunnel Tunnel;

/* In the owner's main context. */
typedef struct {
    void (*asked)(gpointer user); /* tunnel_prompt() is another: a question, or NULL again */
    void (*ready)(gpointer user);
    /* A channel is over. exit_status is -1 when the far side told none; reason is
     * its stderr or why it could not be opened, never NULL. */
    void (*channel_ended)(guint channel, int exit_status, const char *reason, gpointer user);
    /* Not reached, refused or lost; the tunnel is dead, and still to be closed. */
    void (*ended)(const GError *error, gpointer user);
} TunnelEvents;

/* descriptor: a stream to the SSH server, taken over, or -1 to dial. */
Tunnel *tunnel_new(const Target *target, const char *ssh_config, int descriptor,
                   const TunnelEvents *events, gpointer user);
void tunnel_close(Tunnel *tunnel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tunnel, tunnel_close)

const Prompt *tunnel_prompt(Tunnel *tunnel);
void tunnel_answer(Tunnel *tunnel, const char *const *answers);

/* Each returns our end of a socket pair at once; *channel gets a number for
 * tunnel_resize() and channel_ended (may be NULL). */
int tunnel_open_command(Tunnel *tunnel, const char *command, guint *channel);
int tunnel_open_shell(Tunnel *tunnel, const char *term, int rows, int columns, guint *channel);
int tunnel_open_host(Tunnel *tunnel, const char *host, int port, guint *channel);
void tunnel_resize(Tunnel *tunnel, guint channel, int rows, int columns);

/* Waits until no tunnel's thread is left, at most so long. */
void tunnel_finish(guint milliseconds);
