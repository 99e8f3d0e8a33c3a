#include "tui/link/tunnel_private.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { JUMPS_MAX = 8 };

/* 0, or errno of why not. */
static int connect_one(Tunnel *tunnel, const struct addrinfo *address, gint64 deadline,
                       int *descriptor)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int result = 0;
    if (!tunnel_set_cancel(tunnel, fd)) {
        result = ECANCELED;
    } else if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        result = errno;
        while (result == EINPROGRESS || result == EINTR) {
            gint64 left = (deadline - g_get_monotonic_time()) / 1000;
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
            socklen_t size = sizeof result;
            if (ready == 0)
                result = ETIMEDOUT;
            else if (ready > 0)
                (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size);
        }
    }
    if (tunnel_stopping(tunnel))
        result = ECANCELED;
    if (result) {
        close(fd);
        return result;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *descriptor = fd;
    return 0;
}

static int dial_tcp(Tunnel *tunnel, GError **error)
{
    const char *name = tunnel->target->name;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *addresses = NULL;
    char service[16];
    g_snprintf(service, sizeof service, "%d", tunnel->port);
    int failure = getaddrinfo(tunnel->host, service, &hints, &addresses);
    if (failure != 0) {
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: no address is known for the host %s (%s): check the name, or add a "
                       "Host entry to ~/.ssh/config",
                       name, tunnel->host, gai_strerror(failure));
        return -1;
    }
    gint64 deadline = g_get_monotonic_time() + (gint64)TUNNEL_CONNECT_TIMEOUT * G_USEC_PER_SEC;
    int descriptor = -1, reason = 0;
    for (struct addrinfo *a = addresses; a && descriptor < 0 && reason != ECANCELED;
         a = a->ai_next)
        reason = connect_one(tunnel, a, deadline, &descriptor);
    freeaddrinfo(addresses);
    if (descriptor >= 0)
        return descriptor;
    if (reason == ECONNREFUSED)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: %s port %d refuses the connection: is sshd running there, and on "
                       "that port?",
                       name, tunnel->host, tunnel->port);
    else if (reason == ETIMEDOUT)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE,
                       "%s: %s port %d did not answer within %d s: is the machine up, and does "
                       "a firewall let SSH through?",
                       name, tunnel->host, tunnel->port, TUNNEL_CONNECT_TIMEOUT);
    else if (reason != ECANCELED)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s: %s port %d can't be reached: %s",
                       name, tunnel->host, tunnel->port, g_strerror(reason));
    return -1;
}

/* The person's own ProxyCommand runs in a shell, as ssh_config(5) says. */
static int dial_command(Tunnel *tunnel, GError **error)
{
    g_autofree char *expanded = ssh_config_expand(tunnel->config->proxy_command, tunnel->host,
                                                  tunnel->login, tunnel->port);
    g_autofree char *command = g_strconcat("exec ", expanded, NULL);
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    g_autoptr(GError) failure = NULL;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "%s: socketpair: %s", tunnel->target->name,
                       g_strerror(errno));
        return -1;
    }
    gboolean started =
        g_spawn_async_with_fds(NULL, (char **)(gintptr)arguments, NULL,
                               G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                               NULL, &tunnel->proxy, pair[1], pair[1], -1, &failure);
    close(pair[1]);
    if (!started) {
        close(pair[0]);
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "%s: the ProxyCommand can't be run: %s",
                       tunnel->target->name, failure->message);
        return -1;
    }
    return pair[0];
}

/* A channel through the jump host to where the next target really is. */
static int through(Tunnel *tunnel, Tunnel *jump, const Target *next, GError **error)
{
    if (!tunnel_await(tunnel, jump, error))
        return -1;
    if (!next)
        return tunnel_open_host(jump, tunnel->host, tunnel->port, NULL);
    g_autofree char *host = NULL;
    int port;
    ssh_session session = tunnel_session_new(next, tunnel->config_file, &host, &port, error);
    if (!session)
        return -1;
    ssh_free(session);
    return tunnel_open_host(jump, host, port, NULL);
}

/* Through the hosts of ProxyJump, from the left to the right. */
static int dial_jumps(Tunnel *tunnel, GError **error)
{
    g_auto(GStrv) hops = g_strsplit(tunnel->config->proxy_jump, ",", -1);
    if (tunnel->is_jump || g_strv_length(hops) > JUMPS_MAX) {
        /* A jump host that itself jumps could go in circles. */
        wire_error_set(error, WIRE_ERROR_CONFIG,
                       "%s: the ProxyJump of a jump host is not followed, nor more than %d "
                       "hosts: list them all in one ProxyJump",
                       tunnel->target->name, JUMPS_MAX);
        return -1;
    }
    Tunnel *last = NULL;
    for (char **hop = hops; *hop; hop++) {
        g_autoptr(Target) next = target_parse(g_strstrip(*hop), error);
        if (!next)
            return -1;
        if (next->path) {
            wire_error_set(error, WIRE_ERROR_CONFIG, "%s: ProxyJump %s is not a host",
                           tunnel->target->name, next->name);
            return -1;
        }
        int descriptor = last ? through(tunnel, last, next, error) : -1;
        if (last && descriptor < 0)
            return -1;
        last = tunnel_new_jump(tunnel, next, descriptor);
    }
    return through(tunnel, last, NULL, error);
}

int tunnel_dial(Tunnel *tunnel, GError **error)
{
    if (tunnel->config->proxy_jump)
        return dial_jumps(tunnel, error);
    if (tunnel->config->proxy_command)
        return dial_command(tunnel, error);
    return dial_tcp(tunnel, error);
}
