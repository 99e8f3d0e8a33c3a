#include "agent/peers.h"

#include "backend/peer/ring.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 32, RESOLVE_DEADLINE = 20000 /* ms */, CHILD_SOCKET = 3, RETRY = 10 /* s */ };

struct Peers {
    Agent *agent;
    guint serial;      /* of the question to the resolver that counts */
    GPtrArray *doors;  /* of Door */
    GArray *wanted;    /* of PeerAddress: where doors should be */
    GHashTable *known; /* members' addresses, as text */
    guint children, retry;
    GHashTable *watches; /* child watches */
};

typedef struct {
    Peers *peers;
    int descriptor;
    guint source;
} Door;

static void door_free(gpointer data)
{
    Door *door = data;
    g_clear_handle_id(&door->source, g_source_remove);
    if (door->descriptor >= 0)
        (void)close(door->descriptor);
    g_free(door);
}

/* ---- children ---- */

typedef struct {
    Peers *peers;
    guint source;
} Watch;

static void on_child_ended(GPid child, int status, gpointer user)
{
    Watch *watch = user;
    watch->peers->children--;
    g_hash_table_remove(watch->peers->watches, GUINT_TO_POINTER(watch->source));
    g_spawn_close_pid(child);
}

/* Nothing of the request shows in the process list. */
static int settings_file(const Peers *peers)
{
    g_autoptr(json_t) settings = json_pack("{s:s,s:s}", "node", peers->agent->node, "socket",
                                           peers->agent->config->socket);
    char *text = json_dumps(settings, WIRE_DUMP);
    int file = memfd_create("gantry-peer", MFD_CLOEXEC);
    size_t length = strlen(text);
    if (file >= 0 &&
        (write(file, text, length) != (ssize_t)length || lseek(file, 0, SEEK_SET) != 0)) {
        (void)close(file);
        file = -1;
    }
    free(text);
    return file;
}

static void spawn_child(Peers *peers, int connection)
{
    static const char *const arguments[] = {"/proc/self/exe", "peer", NULL};
    g_autoptr(GError) error = NULL;
    GPid child;
    int target = CHILD_SOCKET, settings = settings_file(peers);
    if (settings >= 0 && g_spawn_async_with_pipes_and_fds(
                             "/", arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                             settings, STDERR_FILENO, STDERR_FILENO, &connection, &target, 1,
                             &child, NULL, NULL, NULL, &error)) {
        Watch *watch = g_new(Watch, 1);
        *watch = (Watch){.peers = peers};
        watch->source = g_child_watch_add(child, on_child_ended, watch);
        g_hash_table_insert(peers->watches, GUINT_TO_POINTER(watch->source), watch);
        peers->children++;
    } else {
        g_warning("a connection of another node can't be served: %s",
                  error ? error->message : g_strerror(errno));
    }
    if (settings >= 0)
        (void)close(settings);
}

/* ---- doors ---- */

static gboolean on_incoming(int descriptor, GIOCondition condition, gpointer user)
{
    Peers *peers = ((Door *)user)->peers;
    PeerAddress from = {.size = sizeof from.bytes};
    int connection = accept4(descriptor, (struct sockaddr *)&from.bytes, &from.size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0)
        return G_SOURCE_CONTINUE;
    g_autofree char *text = peer_address_text(&from);
    if (!g_hash_table_contains(peers->known, text))
        g_info("%s is no member of the cluster: its connection was closed", text);
    else if (peers->children >= PEERS_MAX)
        g_warning("%d connections of other nodes are open, which is the limit: one from %s "
                  "was closed",
                  PEERS_MAX, text);
    else
        spawn_child(peers, connection);
    (void)close(connection);
    return G_SOURCE_CONTINUE;
}

static int listen_on(const PeerAddress *address)
{
    int on = 1;
    int made = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return -1;
    if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        /* The link may come up after the agent. */
        setsockopt(made, SOL_IP, IP_FREEBIND, &on, sizeof on) == 0 &&
        bind(made, (const struct sockaddr *)&address->bytes, address->size) == 0 &&
        listen(made, BACKLOG) == 0)
        return made;
    int reason = errno;
    (void)close(made);
    errno = reason;
    return -1;
}

static gboolean on_retry(gpointer user);

static void open_doors(Peers *peers)
{
    g_ptr_array_set_size(peers->doors, 0);
    for (guint i = 0; i < peers->wanted->len; i++) {
        const PeerAddress *address = &g_array_index(peers->wanted, PeerAddress, i);
        int made = listen_on(address);
        if (made < 0) {
            int reason = errno;
            g_autofree char *text = peer_address_text(address);
            g_warning("other nodes can't reach this one: TCP port %u of %s: %s",
                      peers->agent->config->cluster_port, text, g_strerror(reason));
            if (!peers->retry)
                peers->retry = g_timeout_add_seconds(RETRY, on_retry, peers);
            continue;
        }
        Door *door = g_new0(Door, 1);
        *door = (Door){.peers = peers, .descriptor = made};
        door->source = g_unix_fd_add(made, G_IO_IN, on_incoming, door);
        g_ptr_array_add(peers->doors, door);
    }
}

static gboolean on_retry(gpointer user)
{
    Peers *peers = user;
    peers->retry = 0;
    open_doors(peers);
    return G_SOURCE_REMOVE;
}

/* ---- addresses ---- */

typedef struct {
    GPtrArray *nodes; /* of CorosyncNode */
    guint port;
} Question;

static void question_free(gpointer data)
{
    Question *question = data;
    g_ptr_array_unref(question->nodes);
    g_free(question);
}

static void ring_free(gpointer ring)
{
    g_ptr_array_unref(ring);
}

static gpointer look_up_in_worker(gpointer data, GError **error)
{
    const Question *question = data;
    return peer_ring_look_up(question->nodes, question->port);
}

static gboolean same_addresses(const GArray *a, const GArray *b)
{
    gboolean same = a->len == b->len;
    for (guint i = 0; same && i < a->len; i++)
        same = peer_address_equal(&g_array_index(a, PeerAddress, i),
                                  &g_array_index(b, PeerAddress, i));
    return same;
}

/* Who may come, and where: at all addresses of this node. */
static void take_ring(Peers *peers, const GPtrArray *ring)
{
    GArray *wanted = g_array_new(FALSE, TRUE, sizeof(PeerAddress));
    g_hash_table_remove_all(peers->known);
    for (guint i = 0; i < ring->len; i++) {
        const PeerMember *member = ring->pdata[i];
        gboolean own = g_str_equal(member->name, peers->agent->node);
        for (guint link = 0; link < COROSYNC_LINKS_MAX; link++) {
            const GArray *addresses = member->links[link];
            for (guint a = 0; a < addresses->len; a++)
                g_hash_table_add(peers->known,
                                 peer_address_text(&g_array_index(addresses, PeerAddress, a)));
            if (own && addresses->len > 0)
                g_array_append_vals(wanted, addresses->data, addresses->len);
        }
    }
    gboolean same = same_addresses(wanted, peers->wanted);
    g_array_unref(peers->wanted);
    peers->wanted = wanted;
    if (!same)
        open_doors(peers);
}

typedef struct {
    Peers *peers;
    guint serial;
} Asked;

static void on_looked_up(gpointer result, const GError *error, gpointer user)
{
    g_autofree Asked *asked = user;
    g_autoptr(GPtrArray) ring = result;
    if (ring && asked->serial == asked->peers->serial)
        take_ring(asked->peers, ring);
}

static void ask(Peers *peers, const CorosyncText *conf)
{
    Question *question = g_new(Question, 1);
    *question = (Question){corosync_conf_nodes(conf), peers->agent->config->cluster_port};
    Asked *asked = g_new(Asked, 1);
    *asked = (Asked){peers, peers->serial};
    worker_submit(peers->agent->workers, &(WorkerJob){.key = "addresses of the cluster",
                                                      .deadline = RESOLVE_DEADLINE,
                                                      .run = look_up_in_worker,
                                                      .data = question,
                                                      .free_data = question_free,
                                                      .free_result = ring_free,
                                                      .done = on_looked_up,
                                                      .user = asked});
}

void peers_follow(Peers *peers, const CorosyncText *conf)
{
    peers->serial++;
    if (conf) {
        ask(peers, conf);
        return;
    }
    g_ptr_array_set_size(peers->doors, 0);
    g_array_set_size(peers->wanted, 0);
    g_hash_table_remove_all(peers->known);
}

Peers *peers_new(Agent *agent)
{
    Peers *peers = g_new0(Peers, 1);
    peers->agent = agent;
    peers->doors = g_ptr_array_new_with_free_func(door_free);
    peers->wanted = g_array_new(FALSE, TRUE, sizeof(PeerAddress));
    peers->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    peers->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return peers;
}

void peers_free(Peers *peers)
{
    if (!peers)
        return;
    GHashTableIter iterator;
    gpointer source;
    g_hash_table_iter_init(&iterator, peers->watches);
    while (g_hash_table_iter_next(&iterator, &source, NULL))
        g_source_remove(GPOINTER_TO_UINT(source));
    g_clear_handle_id(&peers->retry, g_source_remove);
    g_ptr_array_unref(peers->doors);
    g_array_unref(peers->wanted);
    g_hash_table_unref(peers->known);
    g_hash_table_unref(peers->watches);
    g_free(peers);
}
