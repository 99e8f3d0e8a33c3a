/* The process behind one connection of another node: reads its settings from standard input,
 * proves and hears who is there over descriptor 3, and joins it to what it is for. */
#include "agent/move/calls.h"
#include "agent/move/place.h"
#include "agent/move/purpose.h"
#include "agent/peers.h"
#include "backend/peer/book.h"
#include "backend/peer/relay.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CHILD_SOCKET = 3,
    RECEPTION_SECONDS = 60, /* for a reception that was just asked for to be there */
    LOOK_MS = 50,
    ANSWER_SECONDS = 300, /* for libvirt to answer somebody who has gone */
};

typedef struct {
    const char *node, *socket; /* this one's */
    PeerBook *book;
    PeerStream *stream;
    char *client;
    MovePurpose purpose;
    int place;       /* of a move, held while its caller may change something; or -1 */
    MoveCalls calls; /* of libvirt */
} Caller;

static gboolean find_key(const char *client, PeerKey *key, gpointer user)
{
    const Caller *caller = user;
    return peer_book_knows(caller->book, client) &&
           peer_key_derive(caller->book->authkey, client, caller->node, key, NULL);
}

/* ---- what a connection can be for: each opens a descriptor ---- */

static int open_rpc(Caller *caller, GError **error)
{
    int agent = peer_socket_connect(caller->socket, error);
    if (agent < 0)
        return -1;
    char *hello = wire_message_request(
        1, "hello",
        json_pack("{s:i,s:i,s:s,s:s,s:s}", "major", WIRE_PROTOCOL_MAJOR, "minor",
                  WIRE_PROTOCOL_MINOR, "client", "gantryd peer", "peer", caller->client,
                  "person", caller->purpose.person));
    g_autofree char *line = g_strconcat(hello, "\n", NULL);
    free(hello);
    if (send(agent, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
        return agent; /* its answer is the first line that the other node reads */
    wire_error_set(error, WIRE_ERROR_UNAVAILABLE, "gantryd hung up: %s", g_strerror(errno));
    (void)close(agent);
    return -1;
}

/* Its task may still be waiting for its turn, or be in its first steps. */
static int open_reception(Caller *caller, GError **error)
{
    g_autofree char *path = move_place_path(caller->purpose.id, MOVE_DOOR);
    gint64 deadline = g_get_monotonic_time() + (gint64)RECEPTION_SECONDS * G_USEC_PER_SEC;
    while (caller->purpose.fresh && !g_file_test(path, G_FILE_TEST_EXISTS) &&
           g_get_monotonic_time() < deadline)
        g_usleep((gulong)LOOK_MS * 1000);
    return peer_socket_connect(path, error);
}

static int open_libvirt(Caller *caller, GError **error)
{
    static const char *const sockets[] = {"/run/libvirt/libvirt-sock",
                                          "/run/libvirt/virtqemud-sock"};
    caller->place = move_place_hold(caller->purpose.id);
    if (caller->place < 0) {
        wire_error_set(error, WIRE_ERROR_NOT_FOUND, "there is no reception %s (any more)",
                       caller->purpose.id);
        return -1;
    }
    int made = peer_socket_connect(sockets[0], NULL);
    return made >= 0 ? made : peer_socket_connect(sockets[1], error);
}

static int open_socket(Caller *caller, GError **error)
{
    g_autofree char *path = move_place_path(caller->purpose.id, caller->purpose.name);
    return peer_socket_connect(path, error);
}

static int (*const opens[])(Caller *caller, GError **error) = {
    [MOVE_PURPOSE_RPC] = open_rpc,
    [MOVE_PURPOSE_RECEPTION] = open_reception,
    [MOVE_PURPOSE_LIBVIRT] = open_libvirt,
    [MOVE_PURPOSE_SOCKET] = open_socket,
};

static int open_wanted(Caller *caller, const json_t *line, GError **error)
{
    return move_purpose_parse(line, &caller->purpose, error)
               ? opens[caller->purpose.kind](caller, error)
               : -1;
}

static void on_passed(gboolean in, const void *data, gsize size, gpointer calls)
{
    move_calls_pass(calls, in, data, size);
}

/* What libvirt was asked to do it does, whether or not somebody waits for it. */
static void await_answers(MoveCalls *calls, int libvirt)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)ANSWER_SECONDS * G_USEC_PER_SEC;
    char piece[4096];
    while (move_calls_waiting(calls) > 0 && g_get_monotonic_time() < deadline) {
        struct pollfd one = {libvirt, POLLIN, 0};
        (void)poll(&one, 1, LOOK_MS);
        ssize_t got = read(libvirt, piece, sizeof piece);
        if (got > 0)
            move_calls_pass(calls, FALSE, piece, (gsize)got);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return;
    }
}

static gboolean join(Caller *caller, int descriptor, GError **error)
{
    const PeerPumpWatch watch = {on_passed, &caller->calls};
    gboolean held = caller->place >= 0;
    gboolean good = peer_stream_pump(caller->stream, descriptor, held ? &watch : NULL, error);
    if (held)
        await_answers(&caller->calls, descriptor);
    return good;
}

static gboolean serve(Caller *caller, GError **error)
{
    caller->stream = peer_stream_server(CHILD_SOCKET, caller->node, find_key, caller,
                                        &caller->client, error);
    g_autoptr(json_t) line =
        caller->stream ? peer_stream_receive(caller->stream, PEER_HANDSHAKE, NULL, error)
                       : NULL;
    if (!line)
        return FALSE;
    g_autoptr(GError) refusal = NULL;
    int descriptor = open_wanted(caller, line, &refusal);
    g_autoptr(json_t) answer = descriptor >= 0
                                   ? json_pack("{s:s}", "node", caller->node)
                                   : json_pack("{s:{s:s,s:o}}", "error", "code",
                                               wire_error_name(wire_error_code(refusal)),
                                               "message", wire_string(refusal->message));
    gboolean good = peer_stream_send(caller->stream, answer, PEER_HANDSHAKE, error) &&
                    (descriptor < 0 || join(caller, descriptor, error));
    if (descriptor >= 0)
        (void)close(descriptor);
    return good;
}

int peer_main(int argc, char **argv)
{
    g_autoptr(json_t) settings = json_loadf(stdin, 0, NULL);
    g_autoptr(GError) error = NULL;
    Caller caller = {.node = wire_get_string(settings, "node", ""),
                     .socket = wire_get_string(settings, "socket", ""),
                     .place = -1};
    (void)signal(SIGPIPE, SIG_IGN);
    caller.book = peer_book_read(&error);
    gboolean good = caller.book && serve(&caller, &error);
    if (!good)
        (void)fprintf(stderr, "gantryd peer: %s%s%s\n", caller.client ? caller.client : "",
                      caller.client ? ": " : "", error ? error->message : "failed");
    peer_stream_free(caller.stream);
    peer_book_free(caller.book);
    g_free(caller.client);
    return good ? 0 : 1;
}
