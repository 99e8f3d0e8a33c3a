#include "backend/peer/key.h"

#include "backend/wire/error.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#define LABEL          "gantry peer 1:"
#define LABEL_DATAGRAM "gantry datagram 1:"

char *peer_identity(const char *client, const char *server)
{
    return g_strconcat(client, ">", server, NULL);
}

char *peer_identity_client(const char *text, size_t length, const char *server)
{
    const char *mark = length <= PEER_IDENTITY_MAX ? memchr(text, '>', length) : NULL;
    if (!mark || mark == text)
        return NULL;
    size_t rest = length - (size_t)(mark - text) - 1;
    if (rest != strlen(server) || memcmp(mark + 1, server, rest) != 0 ||
        memchr(text, '\0', length))
        return NULL;
    return g_strndup(text, (size_t)(mark - text));
}

/* The salt may be empty. */
static gboolean derive(GBytes *authkey, const guint8 *salt, gsize salt_size, const char *label,
                       const char *client, const char *server, PeerKey *key, GError **error)
{
    gsize size;
    gconstpointer secret = g_bytes_get_data(authkey, &size);
    g_autofree char *identity = peer_identity(client, server);
    g_autofree char *info = g_strconcat(label, identity, NULL);
    PeerKey made;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(gintptr)secret, size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, strlen(info)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(gintptr)salt,
                                          salt_size),
        OSSL_PARAM_construct_end()};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    gboolean good =
        context && EVP_KDF_derive(context, made.bytes, sizeof made.bytes, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    if (good)
        *key = made;
    else
        wire_error_set(error, WIRE_ERROR_INTERNAL, "OpenSSL can't derive a key by HKDF");
    return good;
}

gboolean peer_key_derive(GBytes *authkey, const char *client, const char *server, PeerKey *key,
                         GError **error)
{
    return derive(authkey, (const guint8 *)"", 0, LABEL, client, server, key, error);
}

gboolean peer_key_derive_salted(GBytes *authkey, const guint8 *salt, gsize salt_size,
                                const char *from, const char *to, PeerKey *key, GError **error)
{
    return derive(authkey, salt, salt_size, LABEL_DATAGRAM, from, to, key, error);
}
