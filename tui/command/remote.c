#include "tui/command/remote.h"

#include "backend/wire/error.h"
#include "tui/command/ask.h"
#include "tui/link/tunnel.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct Remote {
    Client *client;
    char *name; /* as typed */
    Tunnel *tunnel;
    gboolean ready;
    GError *failure; /* the session is over */
    /* the command */
    guint channel;
    gboolean ended;
    int status;
    char *reason;
    GString *output;
    gboolean closed; /* the output has come to its end, or is too much */
};

static void on_asked(gpointer user)
{
    const Remote *self = user;
    const Prompt *prompt = tunnel_prompt(self->tunnel);
    if (!prompt)
        return;
    char **answers = ask_on_terminal(prompt);
    tunnel_answer(self->tunnel, (const char *const *)answers);
    prompt_answers_free(answers);
}

static void on_ready(gpointer user)
{
    ((Remote *)user)->ready = TRUE;
}

static void on_channel_ended(guint channel, int exit_status, const char *reason, gpointer user)
{
    Remote *self = user;
    if (channel != self->channel)
        return;
    self->ended = TRUE;
    self->status = exit_status;
    g_free(self->reason);
    self->reason = g_strdup(reason);
}

static void on_ended(const GError *error, gpointer user)
{
    Remote *self = user;
    if (!self->failure)
        self->failure = g_error_copy(error);
}

Remote *remote_open(Client *client, const char *target, const CommandOptions *options,
                    GError **error)
{
    static const TunnelEvents events = {on_asked, on_ready, on_channel_ended, on_ended};
    g_autoptr(Target) parsed = target_parse(target, error);
    if (!parsed)
        return NULL;
    if (!parsed->host) {
        wire_error_set(error, WIRE_ERROR_PARAMS, "\"%s\" is no machine to reach by SSH",
                       target);
        return NULL;
    }
    g_autoptr(Remote) self = g_new0(Remote, 1);
    self->client = client;
    self->name = g_strdup(target);
    self->output = g_string_new(NULL);
    self->tunnel = tunnel_new(parsed, options->ssh_config, -1, &events, self);
    while (!self->ready && !self->failure)
        if (!client_iterate(client, error))
            return NULL;
    if (self->ready)
        return g_steal_pointer(&self);
    g_propagate_prefixed_error(error, g_error_copy(self->failure), "%s: ", target);
    return NULL;
}

void remote_close(Remote *self)
{
    if (!self)
        return;
    tunnel_close(self->tunnel);
    g_clear_error(&self->failure);
    g_string_free(self->output, TRUE);
    g_free(self->reason);
    g_free(self->name);
    g_free(self);
}

static gboolean on_output(int fd, GIOCondition condition, gpointer user)
{
    Remote *self = user;
    char piece[8192];
    ssize_t size = read(fd, piece, sizeof piece);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (size > 0)
        g_string_append_len(self->output, piece, size);
    self->closed = size <= 0 || self->output->len > REMOTE_OUTPUT_MAX;
    return self->closed ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

/* Fits in the socket's buffer: certificates are small. */
static gboolean write_input(const Remote *self, int fd, const char *input, GError **error)
{
    size_t length = input ? strlen(input) : 0, done = 0;
    while (done < length) {
        ssize_t size = write(fd, input + done, length - done);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0) {
            wire_error_set(error, WIRE_ERROR_FAILED, "%s: can't send: %s", self->name,
                           g_strerror(errno));
            return FALSE;
        }
        done += (size_t)size;
    }
    (void)shutdown(fd, SHUT_WR);
    return TRUE;
}

static char *judge(Remote *self, GError **error)
{
    g_autofree char *reason = g_strdelimit(g_strdup(self->reason), "\r\n", ' ');
    if (self->failure)
        g_propagate_prefixed_error(error, g_error_copy(self->failure), "%s: ", self->name);
    else if (self->output->len > REMOTE_OUTPUT_MAX)
        wire_error_set(error, WIRE_ERROR_LIMIT, "%s: it says too much", self->name);
    else if (self->status != 0)
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: %s", self->name,
                       *g_strstrip(reason) ? reason : "the command has failed there");
    else
        return g_strdup(self->output->str);
    return NULL;
}

char *remote_run(Remote *self, const char *command, const char *input, GError **error)
{
    gboolean good = TRUE;
    g_string_set_size(self->output, 0);
    self->ended = self->closed = FALSE;
    int fd = tunnel_open_command(self->tunnel, command, &self->channel);
    if (fd < 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: can't run a command", self->name);
        return NULL;
    }
    guint source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_output, self);
    good = write_input(self, fd, input, error);
    while (good && !self->failure && !(self->ended && self->closed))
        good = client_iterate(self->client, error);
    if (!self->closed)
        g_source_remove(source);
    (void)close(fd);
    return good ? judge(self, error) : NULL;
}
