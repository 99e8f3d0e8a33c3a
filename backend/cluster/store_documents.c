#include "backend/cluster/store_documents.h"

#include "backend/wire/error.h"

#include <string.h>

static void write_clear(gpointer data)
{
    StoreWrite *write = data;
    g_free(write->path);
    g_clear_pointer(&write->content, store_content_unref);
}

GArray *store_writes_new(void)
{
    GArray *writes = g_array_new(FALSE, TRUE, sizeof(StoreWrite));
    g_array_set_clear_func(writes, write_clear);
    return writes;
}

void store_writes_add(GArray *writes, const char *path, StoreContent *content, guint64 revision)
{
    StoreWrite write = {.path = g_strdup(path),
                        .content = content ? store_content_ref(content) : NULL,
                        .revision = revision};
    g_array_append_val(writes, write);
}

static void document_free(gpointer data)
{
    StoreDocument *document = data;
    store_content_unref(document->content);
    g_free(document);
}

static int compare_paths(gconstpointer a, gconstpointer b, gpointer user)
{
    return strcmp(a, b);
}

void store_documents_init(StoreDocuments *documents)
{
    *documents =
        (StoreDocuments){.tree = g_tree_new_full(compare_paths, NULL, g_free, document_free)};
}

void store_documents_clear(StoreDocuments *documents)
{
    g_clear_pointer(&documents->tree, g_tree_unref);
}

gboolean store_path_covers(const char *above, const char *path)
{
    size_t length = strlen(above);
    return length == 0 ||
           (strncmp(above, path, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

const StoreDocument *store_documents_get(const StoreDocuments *documents, const char *path)
{
    return g_tree_lookup(documents->tree, path);
}

void store_documents_each(const StoreDocuments *documents, const char *path,
                          gboolean (*each)(const StoreDocument *document, gpointer user),
                          gpointer user)
{
    GTreeNode *node = g_tree_lower_bound(documents->tree, path);
    for (; node; node = g_tree_node_next(node)) {
        const StoreDocument *document = g_tree_node_value(node);
        if (store_path_covers(path, document->path)) {
            if (!each(document, user))
                return;
        } else if (!g_str_has_prefix(document->path, path)) {
            return;
        }
    }
}

static guint64 document_size(const StoreDocument *document)
{
    return document ? strlen(document->path) + store_content_size(document->content) : 0;
}

/* Path, revision and content, each with its length, so that no two documents give the
 * same input. */
static void hash_document(const StoreDocument *document, guint64 lanes[4])
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autoptr(GBytes) bytes = store_content_bytes(document->content);
    gsize size;
    gconstpointer data = g_bytes_get_data(bytes, &size);
    guint64 head[2] = {GUINT64_TO_LE(document->revision),
                       GUINT64_TO_LE((guint64)strlen(document->path))};
    g_checksum_update(checksum, (const guchar *)head, sizeof head);
    g_checksum_update(checksum, (const guchar *)document->path, -1);
    g_checksum_update(checksum, data, (gssize)size);
    gsize length = 4 * sizeof *lanes;
    g_checksum_get_digest(checksum, (guint8 *)lanes, &length);
}

static void count_document(StoreDocuments *documents, const StoreDocument *document,
                           gboolean in)
{
    guint64 lanes[4], size = document_size(document);
    hash_document(document, lanes);
    documents->size += in ? size : -size;
    for (guint i = 0; i < G_N_ELEMENTS(lanes); i++) {
        guint64 lane = GUINT64_FROM_LE(lanes[i]);
        documents->sum[i] += in ? lane : -lane;
    }
}

gboolean store_documents_remove(StoreDocuments *documents, const char *path)
{
    const StoreDocument *old = store_documents_get(documents, path);
    if (!old)
        return FALSE;
    count_document(documents, old, FALSE);
    return g_tree_remove(documents->tree, path);
}

void store_documents_put(StoreDocuments *documents, const char *path, StoreContent *content,
                         guint64 revision)
{
    char *key = g_strdup(path);
    StoreDocument document = {key, revision, store_content_ref(content)};
    (void)store_documents_remove(documents, path);
    count_document(documents, &document, TRUE);
    g_tree_insert(documents->tree, key, g_memdup2(&document, sizeof document));
}

static gboolean check_condition(const StoreDocuments *documents,
                                const StoreOperation *operation, GError **error)
{
    const StoreDocument *now = store_documents_get(documents, operation->path);
    if (operation->kind == STORE_REQUIRE_ABSENT && now)
        wire_error_set(error, WIRE_ERROR_CONFLICT, "%s exists already", operation->path);
    else if (operation->kind == STORE_REQUIRE && !now)
        wire_error_set(error, WIRE_ERROR_CONFLICT, "%s does not exist any more",
                       operation->path);
    else if (operation->kind == STORE_REQUIRE && now->revision != operation->revision)
        wire_error_set(error, WIRE_ERROR_CONFLICT,
                       "%s was changed since it was read: look at it again", operation->path);
    else
        return TRUE;
    return FALSE;
}

static gboolean is_change(const StoreOperation *operation)
{
    return operation->kind == STORE_PUT || operation->kind == STORE_DELETE;
}

/* The last change of each path, by path; borrowed. */
static GHashTable *find_changes(const GArray *operations)
{
    GHashTable *changes = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < operations->len; i++) {
        StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
        if (is_change(operation))
            g_hash_table_insert(changes, operation->path, operation);
    }
    return changes;
}

static gboolean check_size(const StoreDocuments *documents, GHashTable *changes, GError **error)
{
    guint64 after = documents->size;
    GHashTableIter iterator;
    gpointer path, operation;
    g_hash_table_iter_init(&iterator, changes);
    while (g_hash_table_iter_next(&iterator, &path, &operation)) {
        GBytes *content = ((const StoreOperation *)operation)->content;
        after -= document_size(store_documents_get(documents, path));
        after += content ? strlen(path) + g_bytes_get_size(content) : 0;
    }
    if (after <= STORE_TOTAL_MAX || after <= documents->size)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_LIMIT,
                   "the store is full: it takes up to %llu MiB; delete documents first",
                   STORE_TOTAL_MAX >> 20);
    return FALSE;
}

static StoreContent *content_from(GBytes *bytes)
{
    gsize size;
    gconstpointer data = g_bytes_get_data(bytes, &size);
    return store_content_new(data, size);
}

gboolean store_documents_apply(StoreDocuments *documents, const StoreTransaction *transaction,
                               GArray *writes, GError **error)
{
    const GArray *operations = transaction->operations;
    for (guint i = 0; i < operations->len; i++)
        if (!check_condition(documents, &g_array_index(operations, StoreOperation, i), error))
            return FALSE;
    g_autoptr(GHashTable) changes = find_changes(operations);
    if (!check_size(documents, changes, error))
        return FALSE;
    documents->revision++;
    for (guint i = 0; i < operations->len; i++) {
        const StoreOperation *operation = &g_array_index(operations, StoreOperation, i);
        if (!is_change(operation))
            continue;
        const StoreOperation *last = g_hash_table_lookup(changes, operation->path);
        if (!last)
            continue;
        g_hash_table_remove(changes, operation->path);
        g_autoptr(StoreContent) content = last->content ? content_from(last->content) : NULL;
        if (content)
            store_documents_put(documents, last->path, content, documents->revision);
        else if (!store_documents_remove(documents, last->path))
            continue;
        store_writes_add(writes, last->path, content, documents->revision);
    }
    return TRUE;
}

ReplicaHash store_documents_digest(const StoreDocuments *documents)
{
    ReplicaHash digest;
    guint64 all[5] = {GUINT64_TO_LE(documents->revision)};
    gsize length = sizeof digest.bytes;
    for (guint i = 0; i < G_N_ELEMENTS(documents->sum); i++)
        all[1 + i] = GUINT64_TO_LE(documents->sum[i]);
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, (const guchar *)all, sizeof all);
    g_checksum_get_digest(checksum, digest.bytes, &length);
    return digest;
}

static gboolean list_one(gpointer path, gpointer value, gpointer writes)
{
    const StoreDocument *document = value;
    store_writes_add(writes, path, document->content, document->revision);
    return FALSE;
}

GArray *store_documents_list(const StoreDocuments *documents)
{
    GArray *writes = store_writes_new();
    g_tree_foreach(documents->tree, list_one, writes);
    return writes;
}
