/* What a link carries beside RPC: streams and shells, each a descriptor of its own. */
#include "backend/wire/error.h"
#include "tui/link/link_private.h"
#include "tui/link/local.h"

#include <string.h>
#include <unistd.h>

struct LinkShell {
    Link *link;    /* counted; for a resize over SSH */
    guint session; /* which of the link's SSH sessions it runs in; 0: a local shell */
    guint channel;
    int descriptor;
    GPid pid; /* of a local shell, or 0 */
};

static gboolean require_connection(const Link *link, GError **error)
{
    if (link->state == LINK_CONNECTED && !link->lost)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s is not connected", link_name(link));
    return FALSE;
}

/* Identifiers come from the agent, yet they go into a command line. */
static gboolean is_stream_id(const char *stream)
{
    size_t length = strlen(stream);
    for (const char *c = stream; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
            return FALSE;
    return length >= 1 && length <= 64 && stream[0] != '-';
}

int link_open_stream(Link *link, const char *stream, GError **error)
{
    if (!require_connection(link, error))
        return -1;
    if (!is_stream_id(stream)) {
        wire_error_set(error, WIRE_ERROR_PARSE, "%s: the agent gave a stream no proper name",
                       link_name(link));
        return -1;
    }
    if (!link->tunnel)
        return local_open_stream(link->target->path, link_name(link), stream, error);
    g_autofree char *command = g_strdup_printf(LINK_BRIDGE " --stream %s", stream);
    int descriptor = tunnel_open_command(link->tunnel, command, NULL);
    if (descriptor < 0)
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: no more descriptors", link_name(link));
    return descriptor;
}

/* ---- shells ---- */

LinkShell *link_open_shell(Link *link, const char *term, int rows, int columns, GError **error)
{
    if (!require_connection(link, error))
        return NULL;
    GPid pid = 0;
    guint channel = 0;
    int descriptor;
    if (link->tunnel)
        descriptor = tunnel_open_shell(link->tunnel, term, rows, columns, &channel);
    else
        descriptor = local_open_shell(term, rows, columns, &pid, error);
    if (descriptor < 0) {
        if (error && !*error)
            wire_error_set(error, WIRE_ERROR_FAILED, "%s: no more descriptors",
                           link_name(link));
        return NULL;
    }
    LinkShell *shell = g_new0(LinkShell, 1);
    shell->link = link;
    link->references++;
    shell->session = link->tunnel ? link->session : 0;
    shell->channel = channel;
    shell->descriptor = descriptor;
    shell->pid = pid;
    return shell;
}

int link_shell_descriptor(const LinkShell *shell)
{
    return shell->descriptor;
}

void link_shell_resize(LinkShell *shell, int rows, int columns)
{
    const Link *link = shell->link;
    if (!shell->session)
        local_shell_resize(shell->descriptor, rows, columns);
    else if (link->tunnel && shell->session == link->session)
        tunnel_resize(link->tunnel, shell->channel, rows, columns);
}

void link_shell_close(LinkShell *shell)
{
    if (!shell)
        return;
    if (shell->pid)
        local_shell_close(shell->descriptor, shell->pid);
    else
        close(shell->descriptor);
    link_release(shell->link);
    g_free(shell);
}
