#include "backend/cluster/store_transaction.h"

#include "backend/cluster/replica_codec.h"
#include "backend/wire/error.h"

#include <string.h>

gboolean store_path_check(const char *path, GError **error)
{
    size_t length = path ? strlen(path) : 0;
    const char *wrong = NULL;
    if (length == 0)
        wrong = "is empty";
    else if (length > STORE_PATH_MAX)
        wrong = "is longer than 256 bytes";
    else if (!g_utf8_validate(path, (gssize)length, NULL))
        wrong = "is not UTF-8";
    for (const char *p = path; !wrong && *p; p++)
        if (g_ascii_iscntrl(*p))
            wrong = "has a control character";
    if (!wrong) {
        g_auto(GStrv) segments = g_strsplit(path, "/", -1);
        for (char **segment = segments; *segment && !wrong; segment++)
            if (!**segment || g_str_equal(*segment, ".") || g_str_equal(*segment, ".."))
                wrong = "has an empty, '.' or '..' segment";
    }
    if (!wrong)
        return TRUE;
    g_autofree char *shown = g_utf8_make_valid(path ? path : "", (gssize)MIN(length, 300));
    wire_error_set_field(error, WIRE_ERROR_PARAMS, "path", "the store's path '%s' %s", shown,
                         wrong);
    return FALSE;
}

static void clear_operation(gpointer data)
{
    StoreOperation *operation = data;
    g_free(operation->path);
    g_clear_pointer(&operation->content, g_bytes_unref);
}

StoreTransaction *store_transaction_new(void)
{
    StoreTransaction *transaction = g_new0(StoreTransaction, 1);
    transaction->operations = g_array_new(FALSE, TRUE, sizeof(StoreOperation));
    g_array_set_clear_func(transaction->operations, clear_operation);
    return transaction;
}

void store_transaction_free(StoreTransaction *transaction)
{
    if (!transaction)
        return;
    g_array_unref(transaction->operations);
    g_clear_error(&transaction->error);
    g_free(transaction);
}

/* The operation to fill in, or NULL when the transaction is already wrong. */
static StoreOperation *add_operation(StoreTransaction *transaction, StoreOperationKind kind,
                                     const char *path, size_t size)
{
    if (transaction->error || !store_path_check(path, &transaction->error))
        return NULL;
    if (size > STORE_DOCUMENT_MAX) {
        wire_error_set(&transaction->error, WIRE_ERROR_LIMIT,
                       "the document %s has %zu bytes, the store takes up to %u", path, size,
                       STORE_DOCUMENT_MAX);
        return NULL;
    }
    transaction->size += strlen(path) + size;
    if (transaction->size > STORE_TRANSACTION_MAX ||
        transaction->operations->len >= STORE_OPERATIONS_MAX) {
        wire_error_set(&transaction->error, WIRE_ERROR_LIMIT,
                       "a transaction of the store takes up to %u bytes and %d operations; "
                       "split the change",
                       STORE_TRANSACTION_MAX, STORE_OPERATIONS_MAX);
        return NULL;
    }
    StoreOperation operation = {.kind = kind, .path = g_strdup(path)};
    g_array_append_val(transaction->operations, operation);
    return &g_array_index(transaction->operations, StoreOperation,
                          transaction->operations->len - 1);
}

void store_transaction_require(StoreTransaction *transaction, const char *path,
                               guint64 revision)
{
    StoreOperation *operation = add_operation(transaction, STORE_REQUIRE, path, 0);
    if (operation)
        operation->revision = revision;
}

void store_transaction_require_absent(StoreTransaction *transaction, const char *path)
{
    (void)add_operation(transaction, STORE_REQUIRE_ABSENT, path, 0);
}

void store_transaction_put(StoreTransaction *transaction, const char *path, const void *data,
                           size_t size)
{
    StoreOperation *operation = add_operation(transaction, STORE_PUT, path, size);
    if (operation)
        operation->content = g_bytes_new(data, size);
}

void store_transaction_delete(StoreTransaction *transaction, const char *path)
{
    (void)add_operation(transaction, STORE_DELETE, path, 0);
}

/* Both ways. A path is text of the operation's own; content only a put has. */
static void code_operation(ReplicaCodec *codec, StoreOperation *operation)
{
    guint8 kind = (guint8)operation->kind;
    g_autoptr(GBytes) path =
        operation->path ? g_bytes_new_static(operation->path, strlen(operation->path)) : NULL;
    replica_code_u8(codec, &kind);
    replica_code_bytes(codec, &path, STORE_PATH_MAX);
    replica_code_u64(codec, &operation->revision);
    operation->kind = kind;
    if (kind == STORE_PUT)
        replica_code_part(codec, &operation->content, STORE_DOCUMENT_MAX);
    if (codec->output || !path)
        return;
    gsize size;
    const char *data = g_bytes_get_data(path, &size);
    operation->path = g_strndup(data ? data : "", size);
}

GBytes *store_transaction_encode(const StoreTransaction *transaction)
{
    ReplicaCodec codec = replica_codec_writer();
    GArray *operations = transaction->operations;
    guint count = operations->len;
    replica_code_count(&codec, &count, STORE_OPERATIONS_MAX, 1);
    for (guint i = 0; i < operations->len; i++)
        code_operation(&codec, &g_array_index(operations, StoreOperation, i));
    return replica_codec_take(&codec);
}

StoreTransaction *store_transaction_decode(GBytes *bytes, GError **error)
{
    g_autoptr(StoreTransaction) transaction = store_transaction_new();
    ReplicaCodec codec = replica_codec_reader(bytes);
    guint count = 0;
    replica_code_count(&codec, &count, STORE_OPERATIONS_MAX, 1);
    gboolean good = TRUE;
    for (guint i = 0; i < count && good; i++) {
        StoreOperation operation = {0};
        code_operation(&codec, &operation);
        g_array_append_val(transaction->operations, operation);
        transaction->size += operation.path ? strlen(operation.path) : 0;
        transaction->size += operation.content ? g_bytes_get_size(operation.content) : 0;
        good = !codec.bad && operation.kind <= STORE_DELETE &&
               store_path_check(operation.path, NULL) &&
               (operation.kind != STORE_PUT || operation.content);
    }
    if (good && replica_codec_end(&codec) && transaction->size <= STORE_TRANSACTION_MAX)
        return g_steal_pointer(&transaction);
    wire_error_set(error, WIRE_ERROR_PARSE,
                   "an entry of the store's log is no transaction that this gantryd knows: "
                   "update it");
    return NULL;
}
