#include "agent/listener.h"

#include "backend/wire/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, ACCEPT_BURST = 32 };

struct Listener {
    char *path;
    int descriptor;
    guint source;
    dev_t device;
    ino_t inode;
    ListenerAccepted accepted;
    gpointer user;
};

static gboolean on_incoming(int descriptor, GIOCondition condition, gpointer user)
{
    Listener *listener = user;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        int peer = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                g_warning("accepting a session on %s: %s", listener->path, g_strerror(errno));
            break;
        }
        listener->accepted(peer, listener->user);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean fill_address(struct sockaddr_un *address, const char *path, GError **error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        wire_error_set(error, WIRE_ERROR_CONFIG, "socket: the path %s is longer than %zu bytes",
                       path, sizeof address->sun_path - 1);
        return FALSE;
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    return TRUE;
}

static gboolean somebody_answers(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean answers =
        probe >= 0 && (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 ||
                       errno == EAGAIN);
    if (probe >= 0)
        close(probe);
    return answers;
}

static gboolean find_group(const char *name, gid_t *gid, GError **error)
{
    const struct group *found = getgrnam(name);
    if (!found) {
        wire_error_set(error, WIRE_ERROR_CONFIG,
                       "the group %s, which may open the socket, does not exist: "
                       "groupadd --system %s",
                       name, name);
        return FALSE;
    }
    *gid = found->gr_gid;
    return TRUE;
}

static gboolean bind_in_place(Listener *listener, gid_t gid, GError **error)
{
    struct sockaddr_un address;
    g_autofree char *temporary = g_strdup_printf("%s.%d", listener->path, (int)getpid());
    struct stat made;
    if (!fill_address(&address, temporary, error))
        return FALSE;
    (void)unlink(temporary);
    mode_t mask = umask(0177);
    gboolean bound =
        bind(listener->descriptor, (struct sockaddr *)&address, sizeof address) == 0;
    umask(mask);
    if (!bound || chown(temporary, (uid_t)-1, gid) < 0 || chmod(temporary, 0660) < 0 ||
        listen(listener->descriptor, BACKLOG) < 0 || lstat(temporary, &made) < 0 ||
        rename(temporary, listener->path) < 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "making the socket %s: %s", listener->path,
                       g_strerror(errno));
        (void)unlink(temporary);
        return FALSE;
    }
    listener->device = made.st_dev;
    listener->inode = made.st_ino;
    return TRUE;
}

Listener *listener_new(const char *path, const char *group, ListenerAccepted accepted,
                       gpointer user, GError **error)
{
    struct sockaddr_un address;
    gid_t gid;
    if (!fill_address(&address, path, error) || !find_group(group, &gid, error))
        return NULL;
    if (somebody_answers(&address)) {
        wire_error_set(error, WIRE_ERROR_BUSY, "another agent answers on %s already", path);
        return NULL;
    }
    Listener *listener = g_new0(Listener, 1);
    listener->path = g_strdup(path);
    listener->accepted = accepted;
    listener->user = user;
    listener->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->descriptor < 0 || !bind_in_place(listener, gid, error)) {
        if (error && !*error)
            wire_error_set(error, WIRE_ERROR_FAILED, "making a socket: %s", g_strerror(errno));
        listener_free(listener);
        return NULL;
    }
    listener->source = g_unix_fd_add(listener->descriptor, G_IO_IN, on_incoming, listener);
    return listener;
}

void listener_free(Listener *listener)
{
    if (!listener)
        return;
    struct stat present;
    g_clear_handle_id(&listener->source, g_source_remove);
    if (listener->descriptor >= 0)
        close(listener->descriptor);
    if (listener->inode && lstat(listener->path, &present) == 0 &&
        present.st_ino == listener->inode && present.st_dev == listener->device)
        (void)unlink(listener->path);
    g_free(listener->path);
    g_free(listener);
}
