#include "agent/inventory.h"

#include "backend/wire/message.h"

#include <string.h>

enum {
    PIECE_SIZE = 32 << 10,  /* bytes of a delta after which another is begun */
    BACKLOG_SKIP = 4 << 20, /* bytes waiting at which deltas are dropped */
};

typedef struct {
    json_t *document; /* all fields, with kind and id */
    json_t *changed;  /* fields since the last flush, with kind and id; or NULL */
} Object;

struct InventoryWatch {
    unsigned kinds;
    int number;
    gint64 sequence;
    InventoryWatcher watcher;
    gpointer user;
};

struct Inventory {
    GHashTable *objects[OBJECT_KIND_COUNT]; /* id -> Object */
    GPtrArray *changed[OBJECT_KIND_COUNT];  /* ids (owned) with changes to send */
    GPtrArray *gone[OBJECT_KIND_COUNT];     /* ids (owned) that went */
    GPtrArray *watches;
    GSource *flush;
    GMainContext *context;
    void (*begun)(ObjectKind kind, gpointer user);
    gpointer begun_user;
};

static void object_free(gpointer data)
{
    Object *object = data;
    json_decref(object->document);
    json_decref(object->changed);
    g_free(object);
}

Inventory *inventory_new(void)
{
    Inventory *inventory = g_new0(Inventory, 1);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        inventory->objects[kind] =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, object_free);
        inventory->changed[kind] = g_ptr_array_new_with_free_func(g_free);
        inventory->gone[kind] = g_ptr_array_new_with_free_func(g_free);
    }
    inventory->watches = g_ptr_array_new_with_free_func(g_free);
    inventory->context = g_main_context_ref_thread_default();
    return inventory;
}

void inventory_free(Inventory *inventory)
{
    if (!inventory)
        return;
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        g_hash_table_destroy(inventory->objects[kind]);
        g_ptr_array_unref(inventory->changed[kind]);
        g_ptr_array_unref(inventory->gone[kind]);
    }
    g_ptr_array_unref(inventory->watches);
    if (inventory->flush) {
        g_source_destroy(inventory->flush);
        g_source_unref(inventory->flush);
    }
    g_main_context_unref(inventory->context);
    g_free(inventory);
}

static int append_bytes(const char *piece, size_t length, void *text)
{
    g_string_append_len(text, piece, (gssize)length);
    return 0;
}

static void append_value(GString *text, const json_t *value)
{
    (void)json_dump_callback(value, append_bytes, text, WIRE_DUMP | JSON_ENCODE_ANY);
}

/* What a delta says, "gone" and "objects", shared out over several that are short: who
 * reads them does so between keys. */
typedef struct {
    GPtrArray *done; /* texts */
    GString *text;   /* the one that is being written */
} Pieces;

static void piece_begin(Pieces *pieces, const char *gone)
{
    pieces->text = g_string_new(NULL);
    g_string_append_printf(pieces->text, "\"gone\":[%s],\"objects\":[", gone);
}

static void piece_end(Pieces *pieces)
{
    g_string_append_c(pieces->text, ']');
    g_ptr_array_add(pieces->done, g_string_free(pieces->text, FALSE));
}

static void pieces_add(Pieces *pieces, const json_t *object)
{
    if (pieces->text->len >= PIECE_SIZE) {
        piece_end(pieces);
        piece_begin(pieces, "");
    }
    if (pieces->text->str[pieces->text->len - 1] != '[')
        g_string_append_c(pieces->text, ',');
    append_value(pieces->text, object);
}

/* The items of "gone" for these kinds. */
static char *gone_text(const Inventory *inventory, unsigned kinds)
{
    GString *text = g_string_new(NULL);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        const GPtrArray *ids = inventory->gone[kind];
        for (guint i = 0; kinds & (1u << kind) && i < ids->len; i++) {
            g_autoptr(json_t) one = json_pack(
                "{s:s,s:s}", "kind", object_kind_name((ObjectKind)kind), "id", ids->pdata[i]);
            if (text->len > 0)
                g_string_append_c(text, ',');
            append_value(text, one);
        }
    }
    return g_string_free(text, FALSE);
}

/* The pieces of what changed, for these kinds; none when nothing did. */
static GPtrArray *changes_of(const Inventory *inventory, unsigned kinds)
{
    Pieces pieces = {.done = g_ptr_array_new_with_free_func(g_free)};
    g_autofree char *gone = gone_text(inventory, kinds);
    gboolean any = *gone != '\0';
    piece_begin(&pieces, gone);
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        const GPtrArray *ids = inventory->changed[kind];
        for (guint i = 0; kinds & (1u << kind) && i < ids->len; i++) {
            const Object *object = g_hash_table_lookup(inventory->objects[kind], ids->pdata[i]);
            if (!object || !object->changed)
                continue;
            pieces_add(&pieces, object->changed);
            any = TRUE;
        }
    }
    piece_end(&pieces);
    if (!any)
        g_ptr_array_set_size(pieces.done, 0);
    return pieces.done;
}

static void send_delta(InventoryWatch *watch, const char *piece, gboolean ready)
{
    watch->sequence++;
    if (watch->watcher.backlog(watch->user) > BACKLOG_SKIP)
        return; /* the gap in the numbers tells the watcher to ask again */
    g_autofree char *line =
        g_strdup_printf("{\"jsonrpc\":\"2.0\",\"method\":\"watch.delta\",\"params\":{\"watch\":"
                        "%d,\"seq\":%" G_GINT64_FORMAT ",%s%s}}",
                        watch->number, watch->sequence, piece, ready ? ",\"ready\":true" : "");
    watch->watcher.send(line, strlen(line), watch->user);
}

static void forget_changes(Inventory *inventory)
{
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        for (guint i = 0; i < inventory->changed[kind]->len; i++) {
            Object *object = g_hash_table_lookup(inventory->objects[kind],
                                                 inventory->changed[kind]->pdata[i]);
            if (object)
                g_clear_pointer(&object->changed, json_decref);
        }
        g_ptr_array_set_size(inventory->changed[kind], 0);
        g_ptr_array_set_size(inventory->gone[kind], 0);
    }
}

static void flush_now(Inventory *inventory)
{
    /* Consoles all watch the same kinds, so the same pieces usually serve them all. */
    g_autoptr(GPtrArray) pieces = NULL;
    unsigned kinds = 0;
    for (guint i = 0; i < inventory->watches->len; i++) {
        InventoryWatch *watch = inventory->watches->pdata[i];
        if (!pieces || kinds != watch->kinds) {
            g_clear_pointer(&pieces, g_ptr_array_unref);
            pieces = changes_of(inventory, watch->kinds);
            kinds = watch->kinds;
        }
        for (guint piece = 0; piece < pieces->len; piece++)
            send_delta(watch, pieces->pdata[piece], FALSE);
    }
    forget_changes(inventory);
}

static gboolean on_flush(gpointer user)
{
    Inventory *inventory = user;
    g_clear_pointer(&inventory->flush, g_source_unref);
    flush_now(inventory);
    return G_SOURCE_REMOVE;
}

static void flush_soon(Inventory *inventory)
{
    if (inventory->flush || inventory->watches->len == 0)
        return;
    inventory->flush = g_idle_source_new();
    g_source_set_callback(inventory->flush, on_flush, inventory, NULL);
    g_source_attach(inventory->flush, inventory->context);
}

static json_t *new_document(ObjectKind kind, const char *id)
{
    json_t *document = json_object();
    json_object_set_new(document, "kind", json_string(object_kind_name(kind)));
    json_object_set_new(document, "id", wire_string(id));
    return document;
}

static void mark_changed(Inventory *inventory, ObjectKind kind, Object *object, const char *id)
{
    object->changed = new_document(kind, id);
    g_ptr_array_add(inventory->changed[kind], g_strdup(id));
    flush_soon(inventory);
}

void inventory_update(Inventory *inventory, ObjectKind kind, const char *id, json_t *fields)
{
    gboolean fresh = FALSE;
    Object *object = g_hash_table_lookup(inventory->objects[kind], id);
    if (!object) {
        object = g_new0(Object, 1);
        object->document = new_document(kind, id);
        g_hash_table_insert(inventory->objects[kind], g_strdup(id), object);
        fresh = TRUE;
    }
    gboolean watched = inventory->watches->len > 0;
    if (fresh && watched)
        mark_changed(inventory, kind, object, id);

    const char *key;
    json_t *value;
    json_object_foreach(fields, key, value)
    {
        const json_t *before = json_object_get(object->document, key);
        if (before ? json_equal(before, value) : json_is_null(value))
            continue;
        if (json_is_null(value))
            json_object_del(object->document, key);
        else
            json_object_set(object->document, key, value);
        if (!watched)
            continue;
        if (!object->changed)
            mark_changed(inventory, kind, object, id);
        json_object_set(object->changed, key, value);
    }
    json_decref(fields);
}

void inventory_remove(Inventory *inventory, ObjectKind kind, const char *id)
{
    g_autofree char *copy = g_strdup(id); /* id may belong to what is removed */
    if (!g_hash_table_remove(inventory->objects[kind], copy) || inventory->watches->len == 0)
        return;
    g_ptr_array_add(inventory->gone[kind], g_steal_pointer(&copy));
    flush_soon(inventory);
}

const json_t *inventory_find(const Inventory *inventory, ObjectKind kind, const char *id)
{
    const Object *object = g_hash_table_lookup(inventory->objects[kind], id);
    return object ? object->document : NULL;
}

typedef struct {
    const char *id;
    const Object *object;
} Entry;

static size_t count_digits(const char *text)
{
    size_t count = 0;
    while (g_ascii_isdigit(text[count]))
        count++;
    return count;
}

/* vm/99 before vm/100: by length of a trailing number, then by text. */
static int compare_entries(gconstpointer a, gconstpointer b)
{
    const char *left = ((const Entry *)a)->id, *right = ((const Entry *)b)->id;
    size_t same = 0;
    while (left[same] && left[same] == right[same] && !g_ascii_isdigit(left[same]))
        same++;
    size_t left_digits = count_digits(left + same);
    size_t right_digits = count_digits(right + same);
    if (left_digits && right_digits && left_digits != right_digits)
        return left_digits < right_digits ? -1 : 1;
    return strcmp(left, right);
}

static GArray *sorted_entries(const Inventory *inventory, ObjectKind kind)
{
    GHashTable *objects = inventory->objects[kind];
    GArray *entries =
        g_array_sized_new(FALSE, FALSE, sizeof(Entry), g_hash_table_size(objects));
    GHashTableIter iterator;
    gpointer id, object;
    g_hash_table_iter_init(&iterator, objects);
    while (g_hash_table_iter_next(&iterator, &id, &object)) {
        Entry entry = {id, object};
        g_array_append_val(entries, entry);
    }
    g_array_sort(entries, compare_entries);
    return entries;
}

/* Names of fields need no escapes: see object_kind_fields(). */
static void append_fields(GString *text, const json_t *document, const json_t *fields)
{
    size_t index;
    const json_t *name;
    g_string_append_c(text, '{');
    json_array_foreach(fields, index, name)
    {
        const json_t *value = json_object_get(document, json_string_value(name));
        if (!value)
            continue;
        if (text->str[text->len - 1] != '{')
            g_string_append_c(text, ',');
        g_string_append_c(text, '"');
        g_string_append_len(text, json_string_value(name), (gssize)json_string_length(name));
        g_string_append_len(text, "\":", 2);
        append_value(text, value);
    }
    g_string_append_c(text, '}');
}

GString *inventory_list(const Inventory *inventory, ObjectKind kind, const json_t *fields)
{
    g_autoptr(GArray) entries = sorted_entries(inventory, kind);
    GString *text = g_string_sized_new(entries->len * (gsize)(fields ? 160 : 400) + 2);
    g_string_append_c(text, '[');
    for (guint i = 0; i < entries->len; i++) {
        const json_t *document = g_array_index(entries, Entry, i).object->document;
        if (i > 0)
            g_string_append_c(text, ',');
        if (fields)
            append_fields(text, document, fields);
        else
            append_value(text, document);
    }
    g_string_append_c(text, ']');
    return text;
}

gboolean inventory_watched(const Inventory *inventory, ObjectKind kind)
{
    for (guint i = 0; i < inventory->watches->len; i++)
        if (((const InventoryWatch *)inventory->watches->pdata[i])->kinds & (1u << kind))
            return TRUE;
    return FALSE;
}

void inventory_on_watched(Inventory *inventory, void (*begun)(ObjectKind kind, gpointer user),
                          gpointer user)
{
    inventory->begun = begun;
    inventory->begun_user = user;
}

static void send_snapshot(const Inventory *inventory, InventoryWatch *watch)
{
    g_autoptr(GPtrArray) done = g_ptr_array_new_with_free_func(g_free);
    Pieces pieces = {.done = done};
    piece_begin(&pieces, "");
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
        if (!(watch->kinds & (1u << kind)))
            continue;
        g_autoptr(GArray) entries = sorted_entries(inventory, (ObjectKind)kind);
        for (guint i = 0; i < entries->len; i++)
            pieces_add(&pieces, g_array_index(entries, Entry, i).object->document);
    }
    piece_end(&pieces);
    for (guint i = 0; i < done->len; i++)
        send_delta(watch, done->pdata[i], i + 1 == done->len);
}

InventoryWatch *inventory_watch(Inventory *inventory, unsigned kinds, int number,
                                const InventoryWatcher *watcher, gpointer user)
{
    unsigned fresh = 0;
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        if (kinds & (1u << kind) && !inventory_watched(inventory, (ObjectKind)kind))
            fresh |= 1u << kind;
    for (int kind = 0; kind < OBJECT_KIND_COUNT && inventory->begun; kind++)
        if (fresh & (1u << kind))
            inventory->begun((ObjectKind)kind, inventory->begun_user);

    /* What is pending goes to the others now, so that nobody gets it twice. */
    if (inventory->flush) {
        g_source_destroy(inventory->flush);
        g_clear_pointer(&inventory->flush, g_source_unref);
    }
    flush_now(inventory);
    InventoryWatch *watch = g_new0(InventoryWatch, 1);
    watch->kinds = kinds;
    watch->number = number;
    watch->watcher = *watcher;
    watch->user = user;
    g_ptr_array_add(inventory->watches, watch);
    send_snapshot(inventory, watch);
    return watch;
}

void inventory_unwatch(Inventory *inventory, InventoryWatch *watch)
{
    g_ptr_array_remove(inventory->watches, watch);
    if (inventory->watches->len == 0)
        forget_changes(inventory);
}
