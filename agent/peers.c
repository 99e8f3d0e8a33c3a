#include "agent/peers.h"

#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
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
    GPtrArray *wanted; /* of char *: addresses where doors should be */
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

static char *address_text(const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text,
                        sizeof text);
    else
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text,
                        sizeof text);
    return g_strdup(text);
}

static gboolean on_incoming(int descriptor, GIOCondition condition, gpointer user)
{
    Peers *peers = ((Door *)user)->peers;
    struct sockaddr_storage from = {0};
    socklen_t length = sizeof from;
    int connection =
        accept4(descriptor, (struct sockaddr *)&from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0)
        return G_SOURCE_CONTINUE;
    g_autofree char *text = address_text(&from);
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

static int listen_on(const char *address, guint port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *place = NULL;
    g_autofree char *service = g_strdup_printf("%u", port);
    int on = 1;
    if (getaddrinfo(address, service, &hints, &place) != 0)
        return -1;
    int made = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean good =
        made >= 0 && setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        /* The link may come up after the agent. */
        setsockopt(made, SOL_IP, IP_FREEBIND, &on, sizeof on) == 0 &&
        bind(made, place->ai_addr, place->ai_addrlen) == 0 && listen(made, BACKLOG) == 0;
    freeaddrinfo(place);
    if (good)
        return made;
    if (made >= 0)
        (void)close(made);
    return -1;
}

static gboolean on_retry(gpointer user);

static void open_doors(Peers *peers)
{
    guint port = peers->agent->config->cluster_port;
    g_ptr_array_set_size(peers->doors, 0);
    for (guint i = 0; i < peers->wanted->len; i++) {
        const char *address = peers->wanted->pdata[i];
        int made = listen_on(address, port);
        if (made < 0) {
            g_warning("other nodes can't reach this one: TCP port %u of %s: %s", port, address,
                      g_strerror(errno));
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
    Peers *peers;
    guint serial;
    GPtrArray *own, *all; /* of char *: as corosync.conf has them */
} Question;

typedef struct {
    GPtrArray *own;    /* of char * */
    GHashTable *known; /* of char * */
} Answer;

static void question_free(gpointer data)
{
    Question *question = data;
    g_ptr_array_unref(question->own);
    g_ptr_array_unref(question->all);
    g_free(question);
}

static void answer_free(gpointer data)
{
    Answer *answer = data;
    g_ptr_array_unref(answer->own);
    g_hash_table_unref(answer->known);
    g_free(answer);
}

static void resolve(const char *name, GPtrArray *addresses, GHashTable *texts)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    if (getaddrinfo(name, NULL, &hints, &list) != 0)
        return;
    for (const struct addrinfo *one = list; one; one = one->ai_next) {
        struct sockaddr_storage storage = {0};
        memcpy(&storage, one->ai_addr, MIN(one->ai_addrlen, sizeof storage));
        g_autofree char *text = address_text(&storage);
        if (addresses)
            g_ptr_array_add(addresses, g_steal_pointer(&text));
        else
            g_hash_table_add(texts, g_steal_pointer(&text));
    }
    freeaddrinfo(list);
}

static gpointer resolve_in_worker(gpointer data, GError **error)
{
    const Question *question = data;
    Answer *answer = g_new(Answer, 1);
    answer->own = g_ptr_array_new_with_free_func(g_free);
    answer->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < question->own->len; i++)
        resolve(question->own->pdata[i], answer->own, NULL);
    for (guint i = 0; i < question->all->len; i++)
        resolve(question->all->pdata[i], NULL, answer->known);
    return answer;
}

static gboolean same_addresses(const GPtrArray *a, const GPtrArray *b)
{
    gboolean same = a->len == b->len;
    for (guint i = 0; same && i < a->len; i++)
        same = g_str_equal(a->pdata[i], b->pdata[i]);
    return same;
}

typedef struct {
    Peers *peers;
    guint serial;
} Asked;

static void on_resolved(gpointer result, const GError *error, gpointer user)
{
    g_autofree Asked *asked = user;
    Peers *peers = asked->peers;
    Answer *answer = result;
    if (!answer || asked->serial != peers->serial) {
        if (answer)
            answer_free(answer);
        return;
    }
    g_hash_table_unref(peers->known);
    peers->known = g_hash_table_ref(answer->known);
    if (!same_addresses(answer->own, peers->wanted)) {
        g_ptr_array_unref(peers->wanted);
        peers->wanted = g_ptr_array_ref(answer->own);
        open_doors(peers);
    }
    answer_free(answer);
}

static void ask(Peers *peers, const CorosyncText *conf)
{
    g_autoptr(GPtrArray) nodes = corosync_conf_nodes(conf);
    Question *question = g_new(Question, 1);
    *question = (Question){.own = g_ptr_array_new_with_free_func(g_free),
                           .all = g_ptr_array_new_with_free_func(g_free)};
    for (guint i = 0; i < nodes->len; i++) {
        const CorosyncNode *node = nodes->pdata[i];
        for (guint l = 0; l < corosync_node_links(node); l++) {
            g_ptr_array_add(question->all, g_strdup(node->addresses[l]));
            if (g_strcmp0(node->name, peers->agent->node) == 0)
                g_ptr_array_add(question->own, g_strdup(node->addresses[l]));
        }
    }
    Asked *asked = g_new(Asked, 1);
    *asked = (Asked){peers, peers->serial};
    worker_submit(peers->agent->workers, &(WorkerJob){.key = "addresses of the cluster",
                                                      .deadline = RESOLVE_DEADLINE,
                                                      .run = resolve_in_worker,
                                                      .data = question,
                                                      .free_data = question_free,
                                                      .free_result = answer_free,
                                                      .done = on_resolved,
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
    g_ptr_array_set_size(peers->wanted, 0);
    g_hash_table_remove_all(peers->known);
}

Peers *peers_new(Agent *agent)
{
    Peers *peers = g_new0(Peers, 1);
    peers->agent = agent;
    peers->doors = g_ptr_array_new_with_free_func(door_free);
    peers->wanted = g_ptr_array_new_with_free_func(g_free);
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
    g_ptr_array_unref(peers->wanted);
    g_hash_table_unref(peers->known);
    g_hash_table_unref(peers->watches);
    g_free(peers);
}
