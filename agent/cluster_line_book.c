#include "agent/cluster_line_book.h"

#include "backend/cluster/corosync_files.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE = 20000 /* ms */ };

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

static void node_free(gpointer data)
{
    ClusterLineNode *node = data;
    g_free(node->name);
    g_free(node);
}

void cluster_line_book_free(gpointer data)
{
    ClusterLineBook *book = data;
    if (!book)
        return;
    g_clear_pointer(&book->authkey, g_bytes_unref);
    g_ptr_array_unref(book->nodes);
    g_free(book->digest);
    g_free(book);
}

static void resolve(const char *name, guint port, struct sockaddr_storage *address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[16];
    (void)snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(name, service, &hints, &list) != 0)
        return;
    if (list->ai_addrlen <= sizeof *address)
        memcpy(address, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
}

static ClusterLineNode *look_up(const CorosyncNode *from, guint port)
{
    ClusterLineNode *node = g_new0(ClusterLineNode, 1);
    node->id = from->id;
    node->name = g_strdup(from->name ? from->name : "");
    for (guint link = 0; link < corosync_node_links(from); link++)
        if (from->addresses[link])
            resolve(from->addresses[link], port, &node->addresses[link]);
    return node;
}

static void add_to_digest(GChecksum *digest, const ClusterLineNode *node)
{
    g_checksum_update(digest, (const guchar *)&node->id, sizeof node->id);
    g_checksum_update(digest, (const guchar *)node->name, (gssize)strlen(node->name) + 1);
    g_checksum_update(digest, (const guchar *)node->addresses, sizeof node->addresses);
}

static gpointer read_book(gpointer data, GError **error)
{
    const Question *question = data;
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, error);
    if (directory < 0)
        return NULL;
    GBytes *key = corosync_key_load(directory, error);
    (void)close(directory);
    if (!key)
        return NULL;
    ClusterLineBook *book = g_new0(ClusterLineBook, 1);
    book->authkey = key;
    book->nodes = g_ptr_array_new_with_free_func(node_free);
    g_autoptr(GChecksum) digest = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(digest, g_bytes_get_data(key, NULL), (gssize)g_bytes_get_size(key));
    for (guint i = 0; i < question->nodes->len; i++) {
        ClusterLineNode *node = look_up(question->nodes->pdata[i], question->port);
        add_to_digest(digest, node);
        g_ptr_array_add(book->nodes, node);
    }
    book->digest = g_strdup(g_checksum_get_string(digest));
    return book;
}

void cluster_line_book_read(Agent *agent, const CorosyncText *conf, WorkerDone done,
                            gpointer user)
{
    Question *question = g_new(Question, 1);
    *question = (Question){corosync_conf_nodes(conf), agent->config->cluster_port};
    worker_submit(agent->workers, &(WorkerJob){.key = "addresses of the cluster",
                                               .deadline = DEADLINE,
                                               .run = read_book,
                                               .data = question,
                                               .free_data = question_free,
                                               .free_result = cluster_line_book_free,
                                               .done = done,
                                               .user = user});
}
