/* peer/stream - TLS 1.3 between two members of a cluster, over a connected socket.
 *
 * There are no certificates: both ends prove that they have the key of peer/key.h (an
 * external pre-shared key, with an ephemeral exchange beside it, psk_dhe_ke, so that a key
 * that leaks later opens nothing that was recorded). No other suite, version or mode is
 * agreed to, and sessions are not resumed.
 *
 * Blocks, always with a deadline: for child processes and the threads of one. Not for two
 * threads at once. After PEER_SILENCE without an answer from the other machine's kernel a
 * connection breaks (TCP_USER_TIMEOUT, keepalives), so a cut network does not look like
 * a slow one for ever.
 *
 * Errors: WIRE_ERROR_UNREACHABLE (network), _AUTH (the keys differ), _TIMEOUT,
 * _CANCELLED, _PARSE (a line is not JSON), _LIMIT.
 */
#pragma once

#include "backend/peer/key.h"

#include <jansson.h>

#define PEER_HANDSHAKE 10         /* seconds */
#define PEER_SILENCE   20         /* seconds */
#define PEER_LINE_MAX  (2u << 20) /* bytes of a line */

typedef struct PeerStream PeerStream;

/* Asked some times a second while something waits; TRUE: give up. NULL: never. */
typedef struct {
    gboolean (*cancelled)(gpointer user);
    gpointer user;
} PeerPatience;

/* Finds the key for who asks; FALSE: it may not come in. */
typedef gboolean (*PeerKeyFinder)(const char *client, PeerKey *key, gpointer user);

/* Each takes the socket, also on failure. */
PeerStream *peer_stream_client(int socket, const char *own, const char *server,
                               const PeerKey *key, GError **error);
/* *client is the name that was proved; caller frees. */
PeerStream *peer_stream_server(int socket, const char *own, PeerKeyFinder find, gpointer user,
                               char **client, GError **error);
void peer_stream_free(PeerStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PeerStream, peer_stream_free)

/* One JSON object a line. seconds 0: no deadline. */
gboolean peer_stream_send(PeerStream *stream, const json_t *object, guint seconds,
                          GError **error);
/* A new reference. */
json_t *peer_stream_receive(PeerStream *stream, guint seconds, const PeerPatience *patience,
                            GError **error);

/* A line without its end, from the network: an object, or WIRE_ERROR_PARSE. Pure. */
json_t *peer_line_parse(const char *text, size_t length, GError **error);

/* Hears what was written to the descriptor (in) or read from it. */
typedef struct {
    void (*passed)(gboolean in, const void *data, gsize size, gpointer user);
    gpointer user;
} PeerPumpWatch;

/* Joins it to a descriptor until both directions have ended; half-closes are carried on.
 * FALSE when the connection broke. descriptor is made non-blocking and stays open. watch may
 * be NULL. */
gboolean peer_stream_pump(PeerStream *stream, int descriptor, const PeerPumpWatch *watch,
                          GError **error);
