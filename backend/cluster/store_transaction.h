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
