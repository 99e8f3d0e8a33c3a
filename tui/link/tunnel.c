#include "tui/link/tunnel_private.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How many threads live, for tunnel_finish(). */
static GMutex living_mutex;
static GCond living_changed;
static guint living;
static GSList *finished; /* GThread that are through, to be joined */

Tunnel *tunnel_ref(Tunnel *tunnel)
{
    g_atomic_int_inc(&tunnel->references);
    return tunnel;
}

void tunnel_request_free(TunnelRequest *request)
{
    if (request->descriptor >= 0)
        close(request->descriptor);
    g_free(request->text);
    g_free(request);
}

static void request_free(gpointer request)
{
    tunnel_request_free(request);
}

void tunnel_unref(Tunnel *tunnel)
{
    if (!g_atomic_int_dec_and_test(&tunnel->references))
        return;
    if (tunnel->given >= 0)
        close(tunnel->given);
    if (tunnel->cancel >= 0)
        close(tunnel->cancel);
    close(tunnel->wake);
    g_queue_clear_full(&tunnel->requests, request_free);
    g_clear_error(&tunnel->failure);
    g_mutex_clear(&tunnel->mutex);
    g_cond_clear(&tunnel->changed);
    if (tunnel->context)
        g_main_context_unref(tunnel->context);
    prompt_box_unref(tunnel->box);
    target_free(tunnel->target);
    ssh_config_free(tunnel->config);
    g_free(tunnel->config_file);
    g_free(tunnel->host);
    g_free(tunnel->login);
    g_free(tunnel);
}

/* ---- events, from the thread to the owner's main context ---- */

typedef enum { EVENT_ASKED, EVENT_READY, EVENT_CHANNEL, EVENT_ENDED } EventKind;

typedef struct {
    Tunnel *tunnel;
    EventKind kind;
    guint channel;
    int exit_status;
    char *reason;
    GError *error;
} Event;

static void event_free(gpointer data)
{
    Event *event = data;
    tunnel_unref(event->tunnel);
    g_free(event->reason);
    g_clear_error(&event->error);
    g_free(event);
}

static gboolean deliver(gpointer data)
{
    const Event *event = data;
    const Tunnel *tunnel = event->tunnel;
    const TunnelEvents *events = &tunnel->events;
    if (tunnel->closed)
        return G_SOURCE_REMOVE;
    if (event->kind == EVENT_ASKED && events->asked)
        events->asked(tunnel->user);
    else if (event->kind == EVENT_READY && events->ready)
        events->ready(tunnel->user);
    else if (event->kind == EVENT_CHANNEL && events->channel_ended)
        events->channel_ended(event->channel, event->exit_status, event->reason, tunnel->user);
    else if (event->kind == EVENT_ENDED && events->ended)
        events->ended(event->error, tunnel->user);
    return G_SOURCE_REMOVE;
}

static void post(const Event *event)
{
    if (!event->tunnel->context)
        return;
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    Event *copy = g_memdup2(event, sizeof *event);
    tunnel_ref(copy->tunnel);
    copy->reason = g_strdup(event->reason);
    copy->error = event->error ? g_error_copy(event->error) : NULL;
    g_source_set_callback(source, deliver, copy, event_free);
    g_source_attach(source, event->tunnel->context);
    g_source_unref(source);
}

void tunnel_post_channel(Tunnel *tunnel, guint channel, int exit_status, const char *reason)
{
    post(&(Event){.tunnel = tunnel,
                  .kind = EVENT_CHANNEL,
                  .channel = channel,
                  .exit_status = exit_status,
                  .reason = (char *)reason});
}

static void post_asked(gpointer user)
{
    post(&(Event){.tunnel = user, .kind = EVENT_ASKED});
}

char **tunnel_ask(Tunnel *tunnel, Prompt *prompt)
{
    return prompt_box_ask(tunnel->box, prompt, post_asked,
                          tunnel->asker ? tunnel->asker : tunnel);
}

/* ---- the thread ---- */

gboolean tunnel_stopping(Tunnel *tunnel)
{
    return g_atomic_int_get(&tunnel->stop);
}

static void set_option(ssh_session session, enum ssh_options_e option, const void *value)
{
    (void)ssh_options_set(session, option, value);
}

ssh_session tunnel_session_new(const Target *target, const char *config_file, char **host,
                               int *port, GError **error)
{
    g_autoptr(SshConfig) config =
        ssh_config_read(config_file, target->host, target->user, error);
    if (!config)
        return NULL;
    ssh_session session = ssh_new();
    set_option(session, SSH_OPTIONS_HOST, target->host);
    if (target->user)
        set_option(session, SSH_OPTIONS_USER, target->user);
    if (target->port)
        set_option(session, SSH_OPTIONS_PORT, &target->port);
    if (ssh_options_parse_config(session, config_file) != 0) {
        wire_error_set(error, WIRE_ERROR_CONFIG, "%s: the SSH configuration is wrong: %s",
                       target->name, ssh_get_error(session));
        ssh_free(session);
        return NULL;
    }
    if (target->user || config->login)
        set_option(session, SSH_OPTIONS_USER, target->user ? target->user : config->login);
    if (config->known_hosts)
        set_option(session, SSH_OPTIONS_KNOWNHOSTS, config->known_hosts);
    if (!target->port && config->port)
        set_option(session, SSH_OPTIONS_PORT, &config->port);
    guint configured = 22;
    ssh_options_get_port(session, &configured);
    *port = target->port ? target->port : (int)configured;
    char *text = NULL;
    gboolean known = ssh_options_get(session, SSH_OPTIONS_HOST, &text) == SSH_OK;
    *host = g_strdup(known ? text : target->host);
    ssh_string_free_char(text);
    return session;
}

/* A session with the options of ssh_config and of the target, the target first. */
static gboolean prepare_session(Tunnel *tunnel, GError **error)
{
    const Target *target = tunnel->target;
    tunnel->config = ssh_config_read(tunnel->config_file, target->host, target->user, error);
    if (!tunnel->config)
        return FALSE;
    tunnel->session =
        tunnel_session_new(target, tunnel->config_file, &tunnel->host, &tunnel->port, error);
    if (!tunnel->session)
        return FALSE;
    int no = 0, yes = 1;
    long timeout = TUNNEL_CONNECT_TIMEOUT;
    set_option(tunnel->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    set_option(tunnel->session, SSH_OPTIONS_NODELAY, &yes);
    set_option(tunnel->session, SSH_OPTIONS_TIMEOUT, &timeout);
    /* Else libssh would take a changed key for good where ssh_config says "no";
     * tunnel_hostkey.c decides. */
    set_option(tunnel->session, SSH_OPTIONS_STRICTHOSTKEYCHECK, &yes);
    /* We dial ourselves: to libssh the host is only the name in known_hosts. */
    if (tunnel->config->key_alias) {
        guint port = 22;
        set_option(tunnel->session, SSH_OPTIONS_HOST, tunnel->config->key_alias);
        set_option(tunnel->session, SSH_OPTIONS_PORT, &port);
    }
    char *text = NULL;
    gboolean known = ssh_options_get(tunnel->session, SSH_OPTIONS_USER, &text) == SSH_OK;
    tunnel->login = g_strdup(known ? text : g_get_user_name());
    ssh_string_free_char(text);
    return TRUE;
}

static gboolean connect_session(Tunnel *tunnel, GError **error)
{
    int descriptor = tunnel->given >= 0 ? tunnel->given : tunnel_dial(tunnel, error);
    tunnel->given = -1;
    if (descriptor < 0)
        return FALSE;
    if (!tunnel_set_cancel(tunnel, descriptor)) {
        close(descriptor);
        return FALSE;
    }
    set_option(tunnel->session, SSH_OPTIONS_FD, &descriptor);
    if (ssh_connect(tunnel->session) == SSH_OK)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                   "%s: %s port %d does not answer as an SSH server: %s", tunnel->target->name,
                   tunnel->host, tunnel->port, ssh_get_error(tunnel->session));
    return FALSE;
}

static void announce_ready(Tunnel *tunnel)
{
    g_mutex_lock(&tunnel->mutex);
    tunnel->ready = TRUE;
    g_cond_broadcast(&tunnel->changed);
    g_mutex_unlock(&tunnel->mutex);
    post(&(Event){.tunnel = tunnel, .kind = EVENT_READY});
}

static void announce_end(Tunnel *tunnel, GError *error)
{
    g_mutex_lock(&tunnel->mutex);
    tunnel->over = TRUE;
    tunnel->failure = error ? g_error_copy(error) : NULL;
    g_cond_broadcast(&tunnel->changed);
    g_queue_clear_full(&tunnel->requests, request_free);
    g_mutex_unlock(&tunnel->mutex);
    if (error)
        post(&(Event){.tunnel = tunnel, .kind = EVENT_ENDED, .error = error});
}

static void dismantle(Tunnel *tunnel)
{
    if (tunnel->session) {
        if (ssh_is_connected(tunnel->session))
            ssh_disconnect(tunnel->session);
        ssh_free(tunnel->session);
        tunnel->session = NULL;
    }
    if (tunnel->proxy) {
        kill(tunnel->proxy, SIGTERM);
        while (waitpid(tunnel->proxy, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    g_mutex_lock(&tunnel->mutex);
    Tunnel *jump = g_steal_pointer(&tunnel->jump);
    g_mutex_unlock(&tunnel->mutex);
    tunnel_close(jump);
    g_clear_pointer(&tunnel->asker, tunnel_unref);
}

static gpointer run(gpointer user)
{
    Tunnel *tunnel = user;
    g_autoptr(GError) error = NULL;
    if (prepare_session(tunnel, &error) && connect_session(tunnel, &error) &&
        tunnel_check_host_key(tunnel, &error) && tunnel_authenticate(tunnel, &error)) {
        announce_ready(tunnel);
        tunnel_pump(tunnel, &error);
    }
    if (!error)
        wire_error_set(&error, WIRE_ERROR_CANCELLED, "%s: cancelled", tunnel->target->name);
    announce_end(tunnel, error);
    dismantle(tunnel);
    tunnel_unref(tunnel);

    g_mutex_lock(&living_mutex);
    living--;
    finished = g_slist_prepend(finished, g_thread_self());
    g_cond_broadcast(&living_changed);
    g_mutex_unlock(&living_mutex);
    return NULL;
}

gboolean tunnel_set_cancel(Tunnel *tunnel, int descriptor)
{
    g_mutex_lock(&tunnel->mutex);
    if (tunnel->cancel >= 0)
        close(tunnel->cancel);
    tunnel->cancel = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    gboolean go_on = !tunnel->stop && tunnel->cancel >= 0;
    g_mutex_unlock(&tunnel->mutex);
    return go_on;
}

/* ---- the owner's side ---- */

static Tunnel *tunnel_make(const Target *target, const char *ssh_config, int descriptor)
{
    Tunnel *tunnel = g_new0(Tunnel, 1);
    tunnel->references = 2;
    tunnel->target = target_copy(target);
    tunnel->config_file = g_strdup(ssh_config);
    tunnel->given = descriptor;
    tunnel->cancel = -1;
    tunnel->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_mutex_init(&tunnel->mutex);
    g_cond_init(&tunnel->changed);
    g_queue_init(&tunnel->requests);
    return tunnel;
}

/* What OpenSSL keeps for a thread goes only at its very end: a process that leaves
 * before that would clean up under its feet. */
static void join_finished(void)
{
    g_mutex_lock(&living_mutex);
    GSList *threads = g_steal_pointer(&finished);
    g_mutex_unlock(&living_mutex);
    for (GSList *node = threads; node; node = node->next)
        (void)g_thread_join(node->data);
    g_slist_free(threads);
}

static void start(Tunnel *tunnel)
{
    g_mutex_lock(&living_mutex);
    living++;
    g_mutex_unlock(&living_mutex);
    join_finished();
    (void)g_thread_new("ssh", run, tunnel); /* until it is joined */
}

Tunnel *tunnel_new(const Target *target, const char *ssh_config, int descriptor,
                   const TunnelEvents *events, gpointer user)
{
    Tunnel *tunnel = tunnel_make(target, ssh_config, descriptor);
    tunnel->context = g_main_context_ref_thread_default();
    tunnel->events = *events;
    tunnel->user = user;
    tunnel->box = prompt_box_new();
    start(tunnel);
    return tunnel;
}

Tunnel *tunnel_new_jump(Tunnel *through, const Target *target, int descriptor)
{
    Tunnel *jump = tunnel_make(target, through->config_file, descriptor);
    jump->box = prompt_box_ref(through->box);
    jump->is_jump = TRUE;
    jump->asker = tunnel_ref(through->asker ? through->asker : through);
    /* The one before stays alive as long as the one that goes through it. */
    g_mutex_lock(&through->mutex);
    jump->jump = through->jump;
    through->jump = jump;
    gboolean stop = through->stop;
    g_mutex_unlock(&through->mutex);
    jump->stop = stop;
    start(jump);
    return jump;
}

gboolean tunnel_await(Tunnel *tunnel, Tunnel *other, GError **error)
{
    g_mutex_lock(&other->mutex);
    while (!other->ready && !other->over && !other->stop)
        g_cond_wait(&other->changed, &other->mutex);
    gboolean ready = other->ready && !other->over && !other->stop;
    if (!ready && other->failure)
        g_propagate_prefixed_error(error, g_error_copy(other->failure),
                                   "on the way to %s: ", tunnel->target->name);
    g_mutex_unlock(&other->mutex);
    return ready;
}

static void wake(Tunnel *tunnel)
{
    guint64 one = 1;
    (void)!write(tunnel->wake, &one, sizeof one);
}

static void stop(Tunnel *tunnel)
{
    g_mutex_lock(&tunnel->mutex);
    g_atomic_int_set(&tunnel->stop, TRUE);
    if (tunnel->cancel >= 0 && !tunnel->ready)
        (void)shutdown(tunnel->cancel, SHUT_RDWR);
    g_cond_broadcast(&tunnel->changed);
    if (tunnel->jump && !tunnel->ready)
        stop(tunnel->jump);
    g_mutex_unlock(&tunnel->mutex);
    wake(tunnel);
}

void tunnel_close(Tunnel *tunnel)
{
    if (!tunnel)
        return;
    tunnel->closed = TRUE;
    if (!tunnel->is_jump)
        prompt_box_shut(tunnel->box);
    stop(tunnel);
    tunnel_unref(tunnel);
}

const Prompt *tunnel_prompt(Tunnel *tunnel)
{
    return prompt_box_peek(tunnel->box);
}

void tunnel_answer(Tunnel *tunnel, const char *const *answers)
{
    prompt_box_answer(tunnel->box, answers);
}

static int request_channel(Tunnel *tunnel, TunnelRequest *request, guint *channel)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        tunnel_request_free(request);
        return -1;
    }
    request->descriptor = pair[1];
    g_mutex_lock(&tunnel->mutex);
    request->channel = ++tunnel->last_channel;
    if (channel)
        *channel = request->channel;
    if (tunnel->over)
        tunnel_request_free(request);
    else
        g_queue_push_tail(&tunnel->requests, request);
    g_mutex_unlock(&tunnel->mutex);
    wake(tunnel);
    return pair[0];
}

static TunnelRequest *request_new(RequestKind kind, const char *text, int a, int b)
{
    TunnelRequest *request = g_new0(TunnelRequest, 1);
    request->kind = kind;
    request->descriptor = -1;
    request->text = g_strdup(text);
    request->a = a;
    request->b = b;
    return request;
}

int tunnel_open_command(Tunnel *tunnel, const char *command, guint *channel)
{
    return request_channel(tunnel, request_new(REQUEST_COMMAND, command, 0, 0), channel);
}

int tunnel_open_shell(Tunnel *tunnel, const char *term, int rows, int columns, guint *channel)
{
    return request_channel(tunnel, request_new(REQUEST_SHELL, term, rows, columns), channel);
}

int tunnel_open_host(Tunnel *tunnel, const char *host, int port, guint *channel)
{
    return request_channel(tunnel, request_new(REQUEST_HOST, host, port, 0), channel);
}

void tunnel_resize(Tunnel *tunnel, guint channel, int rows, int columns)
{
    TunnelRequest *request = request_new(REQUEST_RESIZE, NULL, rows, columns);
    request->channel = channel;
    g_mutex_lock(&tunnel->mutex);
    if (tunnel->over)
        tunnel_request_free(request);
    else
        g_queue_push_tail(&tunnel->requests, request);
    g_mutex_unlock(&tunnel->mutex);
    wake(tunnel);
}

void tunnel_finish(guint milliseconds)
{
    gint64 end = g_get_monotonic_time() + (gint64)milliseconds * 1000;
    g_mutex_lock(&living_mutex);
    while (living > 0 && g_cond_wait_until(&living_changed, &living_mutex, end))
        ;
    g_mutex_unlock(&living_mutex);
    join_finished();
}
