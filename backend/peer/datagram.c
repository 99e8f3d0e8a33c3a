#include "backend/peer/datagram.h"

#include "backend/wire/error.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum {
    VERSION = 1,
    NUMBER_AT = 1,
    SALT_AT = 5,
    SALT = 16,
    COUNTER_AT = 21,
    HEAD = 29,
    TAG = 16,
    NONCE = 12
};
G_STATIC_ASSERT(PEER_DATAGRAM_MAX == PEER_DATAGRAM_PAYLOAD + HEAD + TAG);

struct PeerSealer {
    EVP_CIPHER_CTX *cipher;
    guint8 head[HEAD]; /* of the next datagram, but for its counter */
    guint64 counter;
};

struct PeerOpener {
    GBytes *authkey;
    guint32 number;
    char *from, *to;
    EVP_CIPHER_CTX *cipher; /* NULL: nothing was opened yet */
    guint8 salt[SALT];      /* whose key it has */
};

static void fill_nonce(guint8 nonce[NONCE], const guint8 *head)
{
    memset(nonce, 0, NONCE);
    memcpy(nonce + NONCE - sizeof(guint64), head + COUNTER_AT, sizeof(guint64));
}

static EVP_CIPHER_CTX *cipher_new(const PeerKey *key, gboolean seals)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher && EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, NULL,
                                    seals ? 1 : 0) == 1)
        return cipher;
    EVP_CIPHER_CTX_free(cipher);
    return NULL;
}

PeerSealer *peer_sealer_new(GBytes *authkey, guint32 number, const char *from, const char *to,
                            GError **error)
{
    g_autoptr(PeerSealer) sealer = g_new0(PeerSealer, 1);
    PeerKey key;
    guint32 big = GUINT32_TO_BE(number);
    sealer->head[0] = VERSION;
    memcpy(sealer->head + NUMBER_AT, &big, sizeof big);
    if (RAND_bytes(sealer->head + SALT_AT, SALT) != 1) {
        wire_error_set(error, WIRE_ERROR_INTERNAL, "OpenSSL has no random numbers");
        return NULL;
    }
    if (!peer_key_derive_salted(authkey, sealer->head + SALT_AT, SALT, from, to, &key, error))
        return NULL;
    sealer->cipher = cipher_new(&key, TRUE);
    if (sealer->cipher)
        return g_steal_pointer(&sealer);
    wire_error_set(error, WIRE_ERROR_INTERNAL, "OpenSSL has no AES-256-GCM");
    return NULL;
}

void peer_sealer_free(PeerSealer *sealer)
{
    if (!sealer)
        return;
    EVP_CIPHER_CTX_free(sealer->cipher);
    g_free(sealer);
}

gsize peer_seal(PeerSealer *sealer, const void *data, gsize size,
                guint8 datagram[PEER_DATAGRAM_MAX])
{
    guint64 counter = GUINT64_TO_BE(sealer->counter);
    guint8 nonce[NONCE];
    int done = 0, rest = 0;
    if (size > PEER_DATAGRAM_PAYLOAD || sealer->counter == G_MAXUINT64)
        return 0;
    sealer->counter++;
    memcpy(sealer->head + COUNTER_AT, &counter, sizeof counter);
    memcpy(datagram, sealer->head, HEAD);
    fill_nonce(nonce, datagram);
    if (EVP_EncryptInit_ex(sealer->cipher, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(sealer->cipher, NULL, &done, datagram, HEAD) != 1 ||
        EVP_EncryptUpdate(sealer->cipher, datagram + HEAD, &done, data, (int)size) != 1 ||
        EVP_EncryptFinal_ex(sealer->cipher, datagram + HEAD + done, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(sealer->cipher, EVP_CTRL_GCM_GET_TAG, TAG,
                            datagram + HEAD + size) != 1)
        return 0;
    return HEAD + size + TAG;
}

PeerOpener *peer_opener_new(GBytes *authkey, guint32 number, const char *from, const char *to)
{
    PeerOpener *opener = g_new0(PeerOpener, 1);
    opener->authkey = g_bytes_ref(authkey);
    opener->number = number;
    opener->from = g_strdup(from);
    opener->to = g_strdup(to);
    return opener;
}

void peer_opener_free(PeerOpener *opener)
{
    if (!opener)
        return;
    EVP_CIPHER_CTX_free(opener->cipher);
    g_bytes_unref(opener->authkey);
    g_free(opener->from);
    g_free(opener->to);
    g_free(opener);
}

static gboolean open_with(EVP_CIPHER_CTX *cipher, const guint8 *datagram, gsize size,
                          guint8 *data)
{
    guint8 nonce[NONCE];
    int done = 0, rest = 0;
    fill_nonce(nonce, datagram);
    return EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
           EVP_DecryptUpdate(cipher, NULL, &done, datagram, HEAD) == 1 &&
           EVP_DecryptUpdate(cipher, data, &done, datagram + HEAD, (int)size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG,
                               (void *)(gintptr)(datagram + HEAD + size)) == 1 &&
           EVP_DecryptFinal_ex(cipher, data + done, &rest) == 1;
}

/* The sender began anew, or somebody pretends: it is believed when the datagram opens. */
static gboolean open_anew(PeerOpener *opener, const guint8 *datagram, gsize size, guint8 *data)
{
    PeerKey key;
    if (!peer_key_derive_salted(opener->authkey, datagram + SALT_AT, SALT, opener->from,
                                opener->to, &key, NULL))
        return FALSE;
    EVP_CIPHER_CTX *cipher = cipher_new(&key, FALSE);
    if (!cipher || !open_with(cipher, datagram, size, data)) {
        EVP_CIPHER_CTX_free(cipher);
        return FALSE;
    }
    EVP_CIPHER_CTX_free(opener->cipher);
    opener->cipher = cipher;
    memcpy(opener->salt, datagram + SALT_AT, SALT);
    return TRUE;
}

gboolean peer_open(PeerOpener *opener, const void *datagram, gsize size,
                   guint8 data[PEER_DATAGRAM_PAYLOAD], gsize *data_size)
{
    const guint8 *bytes = datagram;
    if (peer_datagram_sender(datagram, size) != opener->number)
        return FALSE;
    *data_size = size - HEAD - TAG;
    if (opener->cipher && memcmp(opener->salt, bytes + SALT_AT, SALT) == 0)
        return open_with(opener->cipher, bytes, *data_size, data);
    return open_anew(opener, bytes, *data_size, data);
}

guint32 peer_datagram_sender(const void *datagram, gsize size)
{
    const guint8 *bytes = datagram;
    guint32 number;
    if (size < HEAD + TAG || size > PEER_DATAGRAM_MAX || bytes[0] != VERSION)
        return 0;
    memcpy(&number, bytes + NUMBER_AT, sizeof number);
    return GUINT32_FROM_BE(number);
}
