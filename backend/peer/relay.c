#include "backend/peer/relay.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 16, CONNECTIONS_MAX = 64 };

struct PeerRelay {
    const PeerBook *book;
    char *own, *node, *path;
    guint port;
    json_t *purpose;
    int listening, wake[2];
    GThread *thread;
    GMutex lock;
    GCond ended;
    GHashTable *open; /* descriptors of the connections at work */
};

static gboolean fill(struct sockaddr_un *address, const char *path, GError **error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        wire_error_set(error, WIRE_ERROR_LIMIT, "the path of a socket is too long: %s", path);
        return FALSE;
    }
    memcpy(address->sun_path, path, strlen(path) + 1);
    return TRUE;
}

int peer_socket_listen(const char *path, uid_t uid, gid_t gid, GError **error)
{
    struct sockaddr_un address;
    if (!fill(&address, path, error))
        return -1;
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t before = umask(0177);
    gboolean bound = made >= 0 && bind(made, (struct sockaddr *)&address, sizeof address) == 0;
    (void)umask(before);
    if (bound && chown(path, uid, gid) == 0 && listen(made, BACKLOG) == 0)
        return made;
    wire_error_set(error, WIRE_ERROR_FAILED, "making the socket %s: %s", path,
                   g_strerror(errno));
    if (made >= 0)
        (void)close(made);
    return -1;
}

int peer_socket_connect(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!fill(&address, path, error))
        return -1;
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made >= 0 && connect(made, (struct sockaddr *)&address, sizeof address) == 0)
        return made;
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "%s can't be reached: %s", path,
                   g_strerror(errno));
    if (made >= 0)
        (void)close(made);
    return -1;
}

typedef struct {
    PeerRelay *relay;
    int local;
} Carriage;

static gpointer carry(gpointer data)
{
    Carriage *carriage = data;
    PeerRelay *relay = carriage->relay;
    g_autoptr(GError) error = NULL;
    PeerStream *stream = peer_book_ask(relay->book, relay->own, relay->node, relay->port,
                                       json_deep_copy(relay->purpose), &error);
    if (stream)
        (void)peer_stream_pump(stream, carriage->local, NULL, &error);
    peer_stream_free(stream);
    g_mutex_lock(&relay->lock);
    g_hash_table_remove(relay->open, GINT_TO_POINTER(carriage->local));
    (void)close(carriage->local);
    g_cond_signal(&relay->ended);
    g_mutex_unlock(&relay->lock);
    g_free(carriage);
    return NULL;
}

static void take(PeerRelay *relay, int local)
{
    g_mutex_lock(&relay->lock);
    gboolean room = g_hash_table_size(relay->open) < CONNECTIONS_MAX;
    if (room)
        g_hash_table_add(relay->open, GINT_TO_POINTER(local));
    g_mutex_unlock(&relay->lock);
    if (!room) {
        (void)close(local);
        return;
    }
    Carriage *carriage = g_new(Carriage, 1);
    *carriage = (Carriage){relay, local};
    g_thread_unref(g_thread_new("peer-relay", carry, carriage));
}

static gpointer listen_on(gpointer data)
{
    PeerRelay *relay = data;
    for (;;) {
        struct pollfd polls[] = {{relay->listening, POLLIN, 0}, {relay->wake[0], POLLIN, 0}};
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (polls[1].revents)
            return NULL;
        int local = polls[0].revents ? accept4(relay->listening, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (local >= 0)
            take(relay, local);
    }
}

PeerRelay *peer_relay_new(const PeerBook *book, const PeerRelayAsk *ask, const char *path,
                          uid_t uid, gid_t gid, GError **error)
{
    int wake[2];
    if (pipe2(wake, O_CLOEXEC) < 0) {
        wire_error_set(error, WIRE_ERROR_FAILED, "making a pipe: %s", g_strerror(errno));
        return NULL;
    }
    int listening = peer_socket_listen(path, uid, gid, error);
    if (listening < 0) {
        (void)close(wake[0]);
        (void)close(wake[1]);
        return NULL;
    }
    PeerRelay *relay = g_new0(PeerRelay, 1);
    *relay = (PeerRelay){.book = book,
                         .own = g_strdup(ask->own),
                         .node = g_strdup(ask->node),
                         .path = g_strdup(path),
                         .port = ask->port,
                         .purpose = json_deep_copy(ask->purpose),
                         .listening = listening,
                         .wake = {wake[0], wake[1]},
                         .open = g_hash_table_new(NULL, NULL)};
    g_mutex_init(&relay->lock);
    g_cond_init(&relay->ended);
    relay->thread = g_thread_new("peer-listen", listen_on, relay);
    return relay;
}

void peer_relay_free(PeerRelay *relay)
{
    if (!relay)
        return;
    GHashTableIter iterator;
    gpointer local;
    (void)!write(relay->wake[1], "", 1);
    g_thread_join(relay->thread);
    g_mutex_lock(&relay->lock);
    g_hash_table_iter_init(&iterator, relay->open);
    while (g_hash_table_iter_next(&iterator, &local, NULL))
        (void)shutdown(GPOINTER_TO_INT(local), SHUT_RDWR);
    while (g_hash_table_size(relay->open) > 0)
        g_cond_wait(&relay->ended, &relay->lock);
    g_mutex_unlock(&relay->lock);
    (void)unlink(relay->path);
    (void)close(relay->listening);
    (void)close(relay->wake[0]);
    (void)close(relay->wake[1]);
    g_hash_table_unref(relay->open);
    g_mutex_clear(&relay->lock);
    g_cond_clear(&relay->ended);
    json_decref(relay->purpose);
    g_free(relay->own);
    g_free(relay->node);
    g_free(relay->path);
    g_free(relay);
}
