/* cluster/store_content - the bytes of a document, as memory holds them.
 *
 * Every node keeps every document in memory, so that reading goes on whatever becomes of
 * its disk. Most of those bytes are definitions of guests, some kilobytes of XML or of
 * settings each, which hardly anybody reads: what gets smaller by a quarter is therefore
 * held deflated (RFC 1951, by zlib), and inflated for whoever asks. How it is held is
 * nobody's business but this module's: files, messages and digests are of the bytes.
 *
 * Immutable, and counted; references may be taken and dropped in any thread.
 */
#pragma once

#include <glib.h>

typedef struct StoreContent StoreContent;

/* Copies the data: 0 to G_MAXUINT32 bytes. */
StoreContent *store_content_new(const void *data, gsize size);
StoreContent *store_content_ref(StoreContent *content);
/* Accepts NULL. */
void store_content_unref(StoreContent *content);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreContent, store_content_unref)

/* How many bytes it is. */
gsize store_content_size(const StoreContent *content);
/* How many memory takes for them. */
gsize store_content_held(const StoreContent *content);
/* The bytes, as a new reference, which may outlive the content. */
GBytes *store_content_bytes(StoreContent *content);
gboolean store_content_equal(const StoreContent *a, const StoreContent *b);
