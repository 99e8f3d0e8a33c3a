/* link/target - what a person types to name a node.
 *
 *   local                          the agent of this machine, /run/gantry.sock
 *   unix:/path/to/socket           the same at another place
 *   node, user@host, host:port,
 *   user@host:port, [v6]:port      SSH; the host may be an alias of ~/.ssh/config
 *   ssh://[user@]host[:port]       the same, spelled out
 *
 * Text from outside: a host or user that could be taken for an option, or that
 * holds white space or control characters, is refused.
 */
#pragma once

#include <glib.h>

#define TARGET_LOCAL_SOCKET "/run/gantry.sock"

typedef struct {
    char *name; /* as it was typed, for people */
    char *path; /* the Unix socket; NULL for SSH */
    char *host; /* NULL for a socket */
    char *user; /* NULL: what ssh_config or the system says */
    int port;   /* 0: what ssh_config says, or 22 */
} Target;

/* WIRE_ERROR_PARAMS when the text is not a target. */
Target *target_parse(const char *text, GError **error);
/* How it is typed, without the name it was given; to be g_freed. */
char *target_text(const Target *target);
Target *target_copy(const Target *target);
void target_free(Target *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Target, target_free)
