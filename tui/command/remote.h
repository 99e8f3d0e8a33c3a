/* command/remote - a command on a machine without an agent, over the person's own SSH
 * session. For the host of a quorum device, which is no node. */
#pragma once

#include "tui/command/client.h"

#define REMOTE_OUTPUT_MAX (256u << 10)

typedef struct Remote Remote;

/* Connected, with the host's key checked and the person let in, or NULL and why. */
Remote *remote_open(Client *client, const char *target, const CommandOptions *options,
                    GError **error);
void remote_close(Remote *remote);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Remote, remote_close)

/* Runs a command of ours: nothing that others said may be in it. input (may be NULL) is what
 * it reads. What it writes to standard output, to be g_freed; or WIRE_ERROR_FAILED with what
 * it said on standard error; LIMIT. */
char *remote_run(Remote *remote, const char *command, const char *input, GError **error);
