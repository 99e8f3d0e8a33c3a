/* cluster/store_pieces - all documents as one string of bytes, cut into pieces, and back.
 *
 * For a node that lags too far behind. Made of documents as they are at a moment, it shares
 * their contents and copies none; what it was made of may change meanwhile.
 *
 *     "GNTY" revision (8) count (4), then for each document in the order of paths
 *     path revision (8) content, path and content with their length (4) before them;
 *     little-endian
 *
 * A reader takes the pieces in their order and refuses what is no such string, or larger
 * than a store may be.
 */
#pragma once

#include "backend/cluster/store_documents.h"

typedef struct StorePieces StorePieces;

StorePieces *store_pieces_new(const StoreDocuments *documents);
void store_pieces_free(StorePieces *pieces);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StorePieces, store_pieces_free)

/* At most `size` bytes from an offset on; *last when the string ends with them. */
GBytes *store_pieces_read(const StorePieces *pieces, guint64 offset, gsize size,
                          gboolean *last);

/* Most bytes that the whole string may have. */
#define STORE_PIECES_MAX (STORE_TOTAL_MAX + (64ull << 20))

/* The documents (of StoreWrite) and their revision; NULL: WIRE_ERROR_PARSE. */
GArray *store_pieces_parse(GBytes *whole, guint64 *revision, GError **error);
