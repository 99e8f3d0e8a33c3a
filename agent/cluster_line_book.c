#include "agent/cluster_line_book.h"

#include "backend/cluster/corosync_files.h"

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

void cluster_line_book_free(gpointer data)
{
    ClusterLineBook *book = data;
    if (!book)
        return;
    g_clear_pointer(&book->authkey, g_bytes_unref);
    g_ptr_array_unref(book->ring);
    g_free(book->digest);
    g_free(book);
}

static void add_to_digest(GChecksum *digest, const PeerMember *member)
{
    static const PeerAddress none;
    g_checksum_update(digest, (const guchar *)&member->id, sizeof member->id);
    g_checksum_update(digest, (const guchar *)member->name, (gssize)strlen(member->name) + 1);
    for (guint link = 0; link < COROSYNC_LINKS_MAX; link++) {
        const PeerAddress *address = peer_member_address(member, link);
        g_checksum_update(digest, (const guchar *)&(address ? address : &none)->bytes,
                          sizeof none.bytes);
    }
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
    book->ring = peer_ring_look_up(question->nodes, question->port);
    g_autoptr(GChecksum) digest = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(digest, g_bytes_get_data(key, NULL), (gssize)g_bytes_get_size(key));
    for (guint i = 0; i < book->ring->len; i++)
        add_to_digest(digest, book->ring->pdata[i]);
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
