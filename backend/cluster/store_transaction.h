/* cluster/store_transaction - what a StoreTransaction is made of; for the store. */
#pragma once

#include "backend/cluster/store.h"

typedef enum {
    STORE_REQUIRE,
    STORE_REQUIRE_ABSENT,
    STORE_PUT,
    STORE_DELETE
} StoreOperationKind;

typedef struct {
    StoreOperationKind kind;
    char *path;
    guint64 revision; /* REQUIRE */
    GBytes *content;  /* PUT */
} StoreOperation;

struct StoreTransaction {
    GArray *operations; /* of StoreOperation */
    size_t size;
    GError *error; /* the first thing wrong with it */
};

/* As bytes, and back: the number of operations, then each one's kind, path, revision and
 * content, little-endian. What store_transaction_new() and its siblings would refuse is
 * refused: NULL, WIRE_ERROR_PARSE. Contents are slices of the bytes, and keep them. */
GBytes *store_transaction_encode(const StoreTransaction *transaction);
StoreTransaction *store_transaction_decode(GBytes *bytes, GError **error);
