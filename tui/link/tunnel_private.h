/* link/tunnel_private - what the files of a tunnel share. Runs in its thread
 * unless it says otherwise. */
#pragma once

#include "tui/link/ssh_config.h"
#include "tui/link/tunnel.h"

#include <libssh/libssh.h>

struct Tunnel {
    gint references; /* atomic: owner and thread */
    Target *target;
    char *config_file;
    PromptBox *box; /* shared with jump hosts */

    /* Of the owner's thread. */
    GMainContext *context; /* NULL for a jump host: events have nobody to go to */
    TunnelEvents events;
    gpointer user;
    gboolean closed;
    guint last_channel;

    /* Between the threads. */
    int wake; /* eventfd */
    GMutex mutex;
    GCond changed;   /* ready or over */
    GQueue requests; /* of TunnelRequest */
    gboolean stop;   /* atomic */
    gboolean ready;  /* under mutex */
    gboolean over;   /* under mutex */
    GError *failure; /* under mutex: why it is over */
    int cancel;      /* under mutex: dup of the transport, to shut down; or -1 */
    gboolean is_jump;
    Tunnel *asker; /* whose owner is told of prompts: itself, or the one that jumps */

    /* Of the thread. */
    int given; /* descriptor to use instead of dialling, or -1 */
    SshConfig *config;
    Tunnel *jump; /* the host we go through */
    GPid proxy;   /* the ProxyCommand, or 0 */
    ssh_session session;
    char *host; /* as ssh_config resolved it */
    int port;
    char *login;
    GPtrArray *channels;               /* of TunnelChannel */
    gboolean more;                     /* a channel has had its share and could go on */
    gboolean lost;                     /* the peer was given up */
    struct ssh_counter_struct packets; /* that libssh has taken and sent */
};

typedef enum { REQUEST_COMMAND, REQUEST_SHELL, REQUEST_HOST, REQUEST_RESIZE } RequestKind;

typedef struct {
    RequestKind kind;
    guint channel;
    int descriptor; /* the thread's end of the pair, or -1 */
    char *text;     /* command, TERM or host */
    int a, b;       /* rows and columns, or port */
} TunnelRequest;

/* A session for the target with what ssh_config says; *host (caller frees) and
 * *port are what it resolves to. */
ssh_session tunnel_session_new(const Target *target, const char *config_file, char **host,
                               int *port, GError **error);

void tunnel_request_free(TunnelRequest *request);

/* Names the transport, so that closing the tunnel can shut it down while the
 * thread waits in it. FALSE when the tunnel is already being closed. */
gboolean tunnel_set_cancel(Tunnel *tunnel, int descriptor);
gboolean tunnel_stopping(Tunnel *tunnel);
Tunnel *tunnel_ref(Tunnel *tunnel);
void tunnel_unref(Tunnel *tunnel);
/* Tells the owner that a channel is over. */
void tunnel_post_channel(Tunnel *tunnel, guint channel, int exit_status, const char *reason);
/* Asks the person; NULL when cancelled. Takes the prompt. */
char **tunnel_ask(Tunnel *tunnel, Prompt *prompt);
/* A jump host for that tunnel: no owner's events, prompts go to its owner. */
Tunnel *tunnel_new_jump(Tunnel *through, const Target *target, int descriptor);
/* Waits until the other is ready; FALSE with its failure, or when tunnel stops. */
gboolean tunnel_await(Tunnel *tunnel, Tunnel *other, GError **error);

/* dial.c: a stream to the SSH server, close-on-exec; -1 and an error. */
int tunnel_dial(Tunnel *tunnel, GError **error);
/* tunnel_hostkey.c, tunnel_auth.c */
gboolean tunnel_check_host_key(Tunnel *tunnel, GError **error);
gboolean tunnel_authenticate(Tunnel *tunnel, GError **error);
/* tunnel_pump.c: until the session is lost (error) or the tunnel stops. */
void tunnel_pump(Tunnel *tunnel, GError **error);
