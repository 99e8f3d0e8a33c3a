#include "agent/cluster_line.h"

#include "agent/cluster_line_book.h"
#include "backend/cluster/replica.h"
#include "backend/peer/bundle.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum {
    ASK_EVERY = 500,    /* ms, while something is sent */
    IDLE_TURNS = 10,    /* such times without a message: it is at rest, */
    REST_TURNS = 20,    /* and nodes are asked every so many times */
    UNANSWERED_MAX = 2, /* questions, beyond which a node is not up */
    BURST = 64,         /* datagrams that are read in one turn of the main loop */
    BUFFER = 4 << 20    /* bytes of the socket's */
};

G_STATIC_ASSERT(REPLICA_HURRY_MAX <= PEER_BUNDLE_MESSAGE_MAX);

typedef struct {
    const PeerMember *node; /* of the book */
    PeerSealer *sealer;
    PeerOpener *opener;
    guint unanswered[COROSYNC_LINKS_MAX]; /* questions */
    gboolean up[COROSYNC_LINKS_MAX];
    PeerBundle out; /* to be sent when the main loop turns */
} Member;

typedef struct {
    ClusterLine *line;
    guint link;
    int socket;
    guint source;
} Door;

struct ClusterLine {
    Agent *agent;
    ClusterLineHeard heard;
    gpointer user;
    guint serial; /* of the question for a book that counts */
    ClusterLineBook *book;
    GPtrArray *members; /* of Member: the others */
    Door doors[COROSYNC_LINKS_MAX];
    guint timer, flush, idle, resting;
};

static void member_free(gpointer data)
{
    Member *member = data;
    peer_sealer_free(member->sealer);
    peer_opener_free(member->opener);
    g_free(member);
}

static Member *find_member(const ClusterLine *line, guint id)
{
    for (guint i = 0; i < line->members->len; i++)
        if (((Member *)line->members->pdata[i])->node->id == id)
            return line->members->pdata[i];
    return NULL;
}

/* ---- sending ---- */

/* What the kernel does not take now is lost, as it may be anywhere else. */
static void send_on(const ClusterLine *line, Member *member, guint link, const void *data,
                    gsize size)
{
    guint8 datagram[PEER_DATAGRAM_MAX];
    const PeerAddress *address = peer_member_address(member->node, link);
    gsize sealed = line->doors[link].socket >= 0 && address
                       ? peer_seal(member->sealer, data, size, datagram)
                       : 0;
    if (sealed > 0)
        (void)sendto(line->doors[link].socket, datagram, sealed, MSG_DONTWAIT | MSG_NOSIGNAL,
                     (const struct sockaddr *)&address->bytes, address->size);
}

static int find_link(const Member *member)
{
    for (int link = 0; link < COROSYNC_LINKS_MAX; link++)
        if (member->up[link])
            return link;
    return -1;
}

static void flush(ClusterLine *line, Member *member)
{
    int link = find_link(member);
    if (!peer_bundle_is_empty(&member->out) && link >= 0)
        send_on(line, member, (guint)link, member->out.bytes, member->out.size);
    peer_bundle_begin(&member->out);
}

static gboolean on_flush(gpointer user)
{
    ClusterLine *line = user;
    line->flush = 0;
    for (guint i = 0; i < line->members->len; i++)
        flush(line, line->members->pdata[i]);
    return G_SOURCE_REMOVE;
}

void cluster_line_send(ClusterLine *line, guint node, GBytes *message)
{
    Member *member = find_member(line, node);
    gsize size;
    const void *data = g_bytes_get_data(message, &size);
    if (!member || size > REPLICA_HURRY_MAX)
        return;
    line->idle = 0;
    if (!peer_bundle_add(&member->out, data, size)) {
        flush(line, member);
        (void)peer_bundle_add(&member->out, data, size);
    }
    if (!line->flush)
        line->flush = g_idle_add_full(G_PRIORITY_HIGH, on_flush, line, NULL);
}

gboolean cluster_line_is_up(const ClusterLine *line, guint node)
{
    const Member *member = find_member(line, node);
    return member && find_link(member) >= 0;
}

/* ---- asking who hears ---- */

static void ask(ClusterLine *line)
{
    /* As large as any, so that an answer says that any gets there. */
    static const guint8 question[PEER_DATAGRAM_PAYLOAD] = {PEER_BUNDLE_ASKING};
    for (guint i = 0; i < line->members->len; i++) {
        Member *member = line->members->pdata[i];
        for (guint link = 0; link < COROSYNC_LINKS_MAX; link++) {
            if (!peer_member_address(member->node, link))
                continue;
            if (member->unanswered[link]++ >= UNANSWERED_MAX)
                member->up[link] = FALSE;
            send_on(line, member, link, question, sizeof question);
        }
    }
}

static gboolean on_timer(gpointer user)
{
    ClusterLine *line = user;
    if (++line->idle > IDLE_TURNS && ++line->resting < REST_TURNS)
        return G_SOURCE_CONTINUE;
    line->resting = 0;
    ask(line);
    return G_SOURCE_CONTINUE;
}

/* ---- hearing ---- */

static void take_messages(ClusterLine *line, guint node, const guint8 *data, gsize size)
{
    PeerBundleReader reader;
    GBytes *message;
    peer_bundle_read(&reader, data, size);
    while ((message = peer_bundle_next(&reader))) {
        line->heard(node, message, line->user);
        g_bytes_unref(message);
    }
}

static void take_datagram(Door *door, const guint8 *datagram, gsize size)
{
    static const guint8 answer[] = {PEER_BUNDLE_ANSWERING};
    ClusterLine *line = door->line;
    guint8 data[PEER_DATAGRAM_PAYLOAD];
    gsize opened;
    Member *member = find_member(line, peer_datagram_sender(datagram, size));
    if (!member || !peer_open(member->opener, datagram, size, data, &opened))
        return;
    switch (peer_bundle_kind(data, opened)) {
    case PEER_BUNDLE_ASKING:
        send_on(line, member, door->link, answer, sizeof answer);
        break;
    case PEER_BUNDLE_ANSWERING:
        member->unanswered[door->link] = 0;
        member->up[door->link] = TRUE;
        break;
    case PEER_BUNDLE_MESSAGES:
        take_messages(line, member->node->id, data, opened);
        break;
    default:
        break;
    }
}

static gboolean on_readable(int socket, GIOCondition condition, gpointer user)
{
    Door *door = user;
    guint8 datagram[PEER_DATAGRAM_MAX + 1];
    for (guint i = 0; i < BURST; i++) {
        ssize_t size = recv(socket, datagram, sizeof datagram, MSG_DONTWAIT);
        if (size < 0)
            break;
        take_datagram(door, datagram, (gsize)size);
    }
    return G_SOURCE_CONTINUE;
}

/* ---- opening and closing ---- */

static void close_doors(ClusterLine *line)
{
    for (guint link = 0; link < COROSYNC_LINKS_MAX; link++) {
        Door *door = &line->doors[link];
        g_clear_handle_id(&door->source, g_source_remove);
        if (door->socket >= 0)
            (void)close(door->socket);
        *door = (Door){.line = line, .link = link, .socket = -1};
    }
    g_clear_handle_id(&line->timer, g_source_remove);
    g_clear_handle_id(&line->flush, g_source_remove);
    g_ptr_array_set_size(line->members, 0);
}

static void open_door(Door *door, const PeerAddress *address)
{
    int on = 1, size = BUFFER;
    int made = socket(address->bytes.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return;
    /* The link may come up after the agent. */
    if (setsockopt(made, SOL_IP, IP_FREEBIND, &on, sizeof on) < 0 ||
        bind(made, (const struct sockaddr *)&address->bytes, address->size) < 0) {
        g_message("the store has no short way on link %u: %s", door->link, g_strerror(errno));
        (void)close(made);
        return;
    }
    if (setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        (void)setsockopt(made, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    door->socket = made;
    door->source = g_unix_fd_add(made, G_IO_IN, on_readable, door);
}

static void add_member(ClusterLine *line, const PeerMember *own, const PeerMember *node)
{
    GBytes *key = line->book->authkey;
    Member *member = g_new0(Member, 1);
    member->node = node;
    peer_bundle_begin(&member->out);
    member->sealer = peer_sealer_new(key, own->id, own->name, node->name, NULL);
    member->opener = peer_opener_new(key, node->id, node->name, own->name);
    if (member->sealer)
        g_ptr_array_add(line->members, member);
    else
        member_free(member);
}

static void open_line(ClusterLine *line)
{
    const PeerMember *own = peer_ring_find(line->book->ring, line->agent->node);
    if (!own)
        return;
    for (guint i = 0; i < line->book->ring->len; i++)
        if (line->book->ring->pdata[i] != own)
            add_member(line, own, line->book->ring->pdata[i]);
    if (line->members->len == 0)
        return;
    for (guint link = 0; link < COROSYNC_LINKS_MAX; link++)
        if (peer_member_address(own, link))
            open_door(&line->doors[link], peer_member_address(own, link));
    line->timer = g_timeout_add(ASK_EVERY, on_timer, line);
    line->idle = line->resting = 0;
    ask(line);
}

typedef struct {
    ClusterLine *line;
    guint serial;
} Asked;

static void on_book(gpointer result, const GError *error, gpointer user)
{
    g_autofree Asked *asked = user;
    ClusterLine *line = asked->line;
    ClusterLineBook *book = result;
    gboolean known = book && line->book && g_str_equal(book->digest, line->book->digest);
    if (error && asked->serial == line->serial)
        g_message("the store has no short way: %s", error->message);
    if (!book || asked->serial != line->serial || known) {
        cluster_line_book_free(book);
        return;
    }
    close_doors(line);
    cluster_line_book_free(line->book);
    line->book = book;
    open_line(line);
}

void cluster_line_follow(ClusterLine *line, const CorosyncText *conf)
{
    line->serial++;
    if (!conf) {
        close_doors(line);
        g_clear_pointer(&line->book, cluster_line_book_free);
        return;
    }
    Asked *asked = g_new(Asked, 1);
    *asked = (Asked){line, line->serial};
    cluster_line_book_read(line->agent, conf, on_book, asked);
}

ClusterLine *cluster_line_new(Agent *agent, ClusterLineHeard heard, gpointer user)
{
    ClusterLine *line = g_new0(ClusterLine, 1);
    line->agent = agent;
    line->heard = heard;
    line->user = user;
    line->members = g_ptr_array_new_with_free_func(member_free);
    for (guint link = 0; link < COROSYNC_LINKS_MAX; link++)
        line->doors[link].socket = -1;
    close_doors(line);
    return line;
}

void cluster_line_free(ClusterLine *line)
{
    if (!line)
        return;
    close_doors(line);
    cluster_line_book_free(line->book);
    g_ptr_array_unref(line->members);
    g_free(line);
}
