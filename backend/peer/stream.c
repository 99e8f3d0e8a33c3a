#include "backend/peer/stream_private.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SLICE = 200 /* ms between looks at patience */ };

/* ---- the keys, as OpenSSL asks for them ---- */

static SSL_SESSION *session_of(SSL *ssl, const PeerKey *key)
{
    static const unsigned char aes_128_gcm_sha256[] = {0x13, 0x01};
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
    SSL_SESSION *session = SSL_SESSION_new();
    if (cipher && session &&
        SSL_SESSION_set1_master_key(session, key->bytes, sizeof key->bytes) &&
        SSL_SESSION_set_cipher(session, cipher) &&
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

static int use_session(SSL *ssl, const EVP_MD *digest, const unsigned char **identity,
                       size_t *length, SSL_SESSION **session)
{
    const PeerStream *stream = SSL_get_app_data(ssl);
    *session = session_of(ssl, &stream->key);
    *identity = (const unsigned char *)stream->identity;
    *length = strlen(stream->identity);
    return *session != NULL;
}

static int find_session(SSL *ssl, const unsigned char *identity, size_t length,
                        SSL_SESSION **session)
{
    PeerStream *stream = SSL_get_app_data(ssl);
    g_autofree char *client = peer_identity_client((const char *)identity, length, stream->own);
    *session = NULL;
    if (client && stream->find(client, &stream->key, stream->user)) {
        *session = session_of(ssl, &stream->key);
        g_free(stream->client);
        stream->client = g_steal_pointer(&client);
    }
    return 1; /* without a session the handshake goes on to fail: there is no certificate */
}

static SSL_CTX *make_context(gboolean server)
{
    SSL_CTX *context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (!context)
        return NULL;
    (void)SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    (void)SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    (void)SSL_CTX_set_num_tickets(context, 0);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    if (server) {
        SSL_CTX_set_psk_find_session_callback(context, find_session);
    } else {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL); /* no certificate is trusted */
        SSL_CTX_set_psk_use_session_callback(context, use_session);
    }
    return context;
}

/* ---- waiting ---- */

static gboolean wait_for(const PeerStream *stream, int result, gint64 deadline,
                         const PeerPatience *patience, GError **error)
{
    int want = SSL_get_error(stream->ssl, result);
    short events = want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    for (;;) {
        struct pollfd poll_one = {stream->socket, events, 0};
        int slice = SLICE;
        if (deadline) {
            gint64 left = (deadline - g_get_monotonic_time()) / 1000;
            if (left <= 0) {
                wire_error_set(error, WIRE_ERROR_TIMEOUT, "the other node does not answer");
                return FALSE;
            }
            slice = (int)MIN(left, SLICE);
        }
        if (patience && patience->cancelled && patience->cancelled(patience->user)) {
            wire_error_set(error, WIRE_ERROR_CANCELLED, "it was cancelled");
            return FALSE;
        }
        int ready = poll(&poll_one, 1, slice);
        if (ready > 0)
            return TRUE;
        if (ready < 0 && errno != EINTR) {
            wire_error_set(error, WIRE_ERROR_FAILED, "poll: %s", g_strerror(errno));
            return FALSE;
        }
    }
}

gboolean peer_stream_is_waiting(const PeerStream *stream, int result)
{
    int want = SSL_get_error(stream->ssl, result);
    return want == SSL_ERROR_WANT_READ || want == SSL_ERROR_WANT_WRITE;
}

void peer_stream_set_broken(GError **error)
{
    int number = errno;
    unsigned long reason = ERR_get_error();
    if (reason && ERR_GET_LIB(reason) == ERR_LIB_SSL)
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "the connection broke: %s",
                       ERR_reason_error_string(reason));
    else
        wire_error_set(error, WIRE_ERROR_UNREACHABLE, "the connection broke: %s",
                       number ? g_strerror(number) : "the other node hung up");
    ERR_clear_error();
}

static gint64 deadline_in(guint seconds)
{
    return seconds ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : 0;
}

/* ---- beginning and end ---- */

static void set_socket(int socket)
{
    int on = 1, idle = PEER_SILENCE / 4, count = 3;
    unsigned silence = PEER_SILENCE * 1000;
    g_unix_set_fd_nonblocking(socket, TRUE, NULL);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence, sizeof silence);
}

static PeerStream *stream_new(int socket, gboolean server, GError **error)
{
    PeerStream *stream = g_new0(PeerStream, 1);
    stream->socket = socket;
    stream->input = g_string_new(NULL);
    stream->context = make_context(server);
    stream->ssl = stream->context ? SSL_new(stream->context) : NULL;
    set_socket(socket);
    if (stream->ssl && SSL_set_fd(stream->ssl, socket) == 1) {
        SSL_set_app_data(stream->ssl, stream);
        return stream;
    }
    wire_error_set(error, WIRE_ERROR_INTERNAL, "OpenSSL makes no TLS 1.3 connection");
    peer_stream_free(stream);
    return NULL;
}

static gboolean shake_hands(PeerStream *stream, int (*step)(SSL *), GError **error)
{
    gint64 deadline = deadline_in(PEER_HANDSHAKE);
    int result;
    ERR_clear_error();
    while ((result = step(stream->ssl)) != 1) {
        if (!peer_stream_is_waiting(stream, result)) {
            gboolean tls = SSL_get_error(stream->ssl, result) == SSL_ERROR_SSL;
            ERR_clear_error();
            wire_error_set(error, tls ? WIRE_ERROR_AUTH : WIRE_ERROR_UNREACHABLE,
                           tls ? "the nodes do not have the same cluster key "
                                 "(/etc/corosync/authkey), or names differ"
                               : "the other node hung up before it said who it is");
            return FALSE;
        }
        if (!wait_for(stream, result, deadline, NULL, error))
            return FALSE;
    }
    if (SSL_session_reused(stream->ssl)) /* by the key, and by nothing else */
        return TRUE;
    wire_error_set(error, WIRE_ERROR_AUTH, "the other node did not prove the cluster's key");
    return FALSE;
}

PeerStream *peer_stream_client(int socket, const char *own, const char *server,
                               const PeerKey *key, GError **error)
{
    g_autoptr(PeerStream) stream = stream_new(socket, FALSE, error);
    g_autofree char *identity = peer_identity(own, server);
    if (!stream)
        return NULL;
    stream->identity = identity;
    stream->key = *key;
    gboolean good = shake_hands(stream, SSL_connect, error);
    stream->identity = NULL;
    OPENSSL_cleanse(&stream->key, sizeof stream->key);
    return good ? g_steal_pointer(&stream) : NULL;
}

PeerStream *peer_stream_server(int socket, const char *own, PeerKeyFinder find, gpointer user,
                               char **client, GError **error)
{
    g_autoptr(PeerStream) stream = stream_new(socket, TRUE, error);
    if (!stream)
        return NULL;
    stream->own = own;
    stream->find = find;
    stream->user = user;
    gboolean good = shake_hands(stream, SSL_accept, error);
    stream->own = NULL;
    OPENSSL_cleanse(&stream->key, sizeof stream->key);
    if (!good)
        return NULL;
    *client = g_steal_pointer(&stream->client);
    return g_steal_pointer(&stream);
}

void peer_stream_free(PeerStream *stream)
{
    if (!stream)
        return;
    if (stream->ssl && SSL_is_init_finished(stream->ssl))
        (void)SSL_shutdown(stream->ssl);
    SSL_free(stream->ssl);
    SSL_CTX_free(stream->context);
    ERR_clear_error();
    (void)close(stream->socket);
    g_string_free(stream->input, TRUE);
    g_free(stream->client);
    g_free(stream);
}

/* ---- lines ---- */

gboolean peer_stream_send(PeerStream *stream, const json_t *object, guint seconds,
                          GError **error)
{
    gint64 deadline = deadline_in(seconds);
    char *dumped = json_dumps(object, WIRE_DUMP);
    g_autofree char *text = g_strconcat(dumped ? dumped : "{}", "\n", NULL);
    free(dumped);
    size_t length = strlen(text);
    for (size_t done = 0; done < length;) {
        size_t put = 0;
        errno = 0;
        int result = SSL_write_ex(stream->ssl, text + done, length - done, &put);
        if (result == 1) {
            done += put;
        } else if (!peer_stream_is_waiting(stream, result)) {
            peer_stream_set_broken(error);
            return FALSE;
        } else if (!wait_for(stream, result, deadline, NULL, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

json_t *peer_line_parse(const char *text, size_t length, GError **error)
{
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    wire_error_set(error, WIRE_ERROR_PARSE, "the other node sent a line that is no JSON");
    return NULL;
}

static json_t *take_line(PeerStream *stream, GError **error)
{
    const char *end = memchr(stream->input->str, '\n', stream->input->len);
    size_t length = (size_t)(end - stream->input->str);
    json_t *object = peer_line_parse(stream->input->str, length, error);
    g_string_erase(stream->input, 0, (gssize)length + 1);
    return object;
}

json_t *peer_stream_receive(PeerStream *stream, guint seconds, const PeerPatience *patience,
                            GError **error)
{
    gint64 deadline = deadline_in(seconds);
    char piece[4096];
    while (!memchr(stream->input->str, '\n', stream->input->len)) {
        size_t got = 0;
        if (stream->input->len > PEER_LINE_MAX) {
            wire_error_set(error, WIRE_ERROR_LIMIT,
                           "the other node sent a line of over %u bytes", PEER_LINE_MAX);
            return NULL;
        }
        errno = 0;
        int result = SSL_read_ex(stream->ssl, piece, sizeof piece, &got);
        if (result == 1) {
            g_string_append_len(stream->input, piece, (gssize)got);
        } else if (!peer_stream_is_waiting(stream, result)) {
            peer_stream_set_broken(error);
            return NULL;
        } else if (!wait_for(stream, result, deadline, patience, error)) {
            return NULL;
        }
    }
    return take_line(stream, error);
}
