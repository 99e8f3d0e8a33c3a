/* cluster/store_stream - the store's messages as the agents' group carries them.
 *
 * corosync takes messages of limited size, and each costs a turn of the ring. So what a
 * node sends is one string of bytes (each message with its length before it), cut into
 * chunks: what waits together goes together, and what is too large goes in several. A
 * chunk says where in the string it stands and where in it a message begins, so that who
 * joins in the middle, or lost a chunk with a member of the ring, finds the next one.
 *
 *     version (1) kind (1)
 *     HELLO   nonce (8) view (8) flags (1) cluster (8) birth (8) state (1) revision (8)
 *             applied (8)
 *     CHUNK   offset (8) begins (4: 0xffffffff none) bytes
 *
 * little-endian. What has another version or kind, or does not fit, is refused.
 *
 * A HELLO says who a node is; the first that is delivered after the members have changed
 * gives the view its number, which is the same on all members as all are told in one order.
 * It says in which view its sender is (0: none yet), so that one that went astray is noticed.
 */
#pragma once

#include <glib.h>

#define STORE_CHUNK_MAX (256u << 10) /* bytes of one chunk, about */

typedef enum { STORE_HELLO = 1, STORE_CHUNK = 2 } StoreStreamKind;

enum {
    STORE_HELLO_RENEW = 1,   /* begin a new view with the same members */
    STORE_HELLO_LEAVING = 2, /* do not take this node in (again) */
};

typedef struct {
    guint64 nonce, view, cluster, birth, revision, applied;
    guint8 flags, state;
} StoreHello;

/* 0 when it is neither. */
StoreStreamKind store_stream_kind(const void *data, gsize size);
GBytes *store_hello_encode(const StoreHello *hello);
gboolean store_hello_decode(const void *data, gsize size, StoreHello *hello);

typedef struct StorePacker StorePacker;
StorePacker *store_packer_new(void);
void store_packer_free(StorePacker *packer);
void store_packer_add(StorePacker *packer, GBytes *message);
/* The next chunk to be sent, or NULL. */
GBytes *store_packer_take(StorePacker *packer);
gsize store_packer_waiting(const StorePacker *packer);
/* What waits will not be sent. */
void store_packer_drop(StorePacker *packer);

/* One for each sender. */
typedef struct StoreUnpacker StoreUnpacker;
StoreUnpacker *store_unpacker_new(void);
void store_unpacker_free(gpointer unpacker);
/* Calls take() with each message that is complete. FALSE when this is no chunk. */
gboolean store_unpacker_feed(StoreUnpacker *unpacker, const void *data, gsize size,
                             void (*take)(GBytes *message, gpointer user), gpointer user);
