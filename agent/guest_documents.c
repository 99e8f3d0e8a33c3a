#include "agent/guest_documents.h"

#include "agent/document.h"
#include "backend/cluster/store_documents.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

#define FOLDER GUEST_DOCUMENTS_FOLDER

enum {
    WRITES_MAX = 512, /* under way; the store takes more, but not without end */
    PRUNED_MAX = 1000 /* guests in one transaction */
};

/* A guest of this node. */
typedef struct {
    int number;
    GuestKind kind;
    char *native, *name, *state;
    gboolean written;  /* as it is here */
    gboolean writing;  /* a write is under way */
    gboolean visiting; /* it moves here: the number is still the other node's */
    gboolean taking;   /* it has moved here: the number is to be taken over */
} Owner;

struct GuestDocuments {
    Store *store;
    char *node;
    guint watch, settle;
    int hint;                 /* no lower number is free */
    guint writes;             /* of owners, under way */
    gboolean backlog;         /* there are more to be written */
    const GArray *former;     /* what the words below were read from */
    GHashTable *former_words; /* native -> GBytes: /gantry of when this node was alone */
    GHashTable *doomed;       /* numbers whose documents are to go and have not yet */
    GHashTable *by_number;    /* number -> Owner */
    GHashTable *by_native;    /* native -> Owner (borrowed); natives of kinds differ */
    GuestDocumentsEvents events;
    gpointer user;
};

static void owner_free(gpointer data)
{
    Owner *owner = data;
    g_free(owner->native);
    g_free(owner->name);
    g_free(owner->state);
    g_free(owner);
}

static Owner *find_owner(const GuestDocuments *documents, int number)
{
    return g_hash_table_lookup(documents->by_number, GINT_TO_POINTER(number));
}

static Owner *add_owner(GuestDocuments *documents, int number, GuestKind kind,
                        const char *native, const char *name)
{
    Owner *owner = g_new0(Owner, 1);
    owner->number = number;
    owner->kind = kind;
    owner->native = g_strdup(native);
    owner->name = g_strdup(name);
    owner->state = g_strdup("");
    g_hash_table_replace(documents->by_number, GINT_TO_POINTER(number), owner);
    g_hash_table_replace(documents->by_native, owner->native, owner);
    return owner;
}

static void drop_owner(GuestDocuments *documents, int number)
{
    documents->hint = MIN(documents->hint, number);
    const Owner *owner = find_owner(documents, number);
    if (owner && g_hash_table_lookup(documents->by_native, owner->native) == owner)
        g_hash_table_remove(documents->by_native, owner->native);
    g_hash_table_remove(documents->by_number, GINT_TO_POINTER(number));
}

/* ---- paths and contents ---- */

static char *path_of(int number, const char *rest)
{
    return g_strdup_printf(FOLDER "/%d%s", number, rest);
}

/* guest/101 -> 101; 0 when the path is another. rest: "", "/gantry", "/definition". */
static int number_of_path(const char *path, const char **rest)
{
    if (!g_str_has_prefix(path, FOLDER "/"))
        return 0;
    const char *digits = path + strlen(FOLDER "/");
    size_t length = strspn(digits, "0123456789");
    g_autofree char *text = g_strndup(digits, length);
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &number,
                                    NULL))
        return 0;
    *rest = digits + length;
    return (int)number;
}

static const StoreDocument *find_document(const GuestDocuments *documents, int number,
                                          const char *rest)
{
    g_autofree char *path = path_of(number, rest);
    return store_get(documents->store, path);
}

/* A document without a node is from before there were clusters. */
static gboolean is_here(const GuestDocuments *documents, const json_t *object)
{
    const char *node = wire_get_string(object, "node", documents->node);
    return g_str_equal(node, documents->node);
}

/* ---- claiming ---- */

static void write_owner(GuestDocuments *documents, Owner *owner);

/* All below the hint are taken. */
static int lowest_free(GuestDocuments *documents)
{
    int number = documents->hint;
    while (number < GUEST_NUMBER_MAX &&
           (find_owner(documents, number) || find_document(documents, number, "")))
        number++;
    documents->hint = number;
    return number;
}

/* Its number is another guest's. */
static void renumber(GuestDocuments *documents, Owner *owner)
{
    int from = owner->number;
    g_hash_table_steal(documents->by_number, GINT_TO_POINTER(from));
    owner->number = lowest_free(documents);
    owner->written = owner->writing = FALSE;
    g_hash_table_replace(documents->by_number, GINT_TO_POINTER(owner->number), owner);
    documents->events.renumbered(owner->native, from, owner->number, documents->user);
    write_owner(documents, owner);
}

typedef struct {
    GuestDocuments *documents;
    int number;
    char *native, *name, *state; /* what was written */
} Writing;

static void writing_free(Writing *writing)
{
    g_free(writing->native);
    g_free(writing->name);
    g_free(writing->state);
    g_free(writing);
}

/* Somebody else wrote: either another guest has the number, or it is to be tried again. */
static void on_conflict(GuestDocuments *documents, Owner *owner)
{
    const StoreDocument *document = find_document(documents, owner->number, "");
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    gboolean own = object && is_here(documents, object) &&
                   g_strcmp0(wire_get_string(object, "native", ""), owner->native) == 0;
    if (document && !own)
        renumber(documents, owner);
    else
        write_owner(documents, owner);
}

/* A write has ended: others may wait for their turn. */
static void note_end(GuestDocuments *documents)
{
    documents->writes--;
    if (documents->backlog && documents->writes < WRITES_MAX / 2)
        guest_documents_settle(documents);
}

static void on_written(guint64 revision, const GError *error, gpointer user)
{
    Writing *writing = user;
    GuestDocuments *documents = writing->documents;
    if (!error || wire_error_code(error) != WIRE_ERROR_CANCELLED)
        note_end(documents);
    Owner *owner = find_owner(documents, writing->number);
    WireErrorCode code = error ? wire_error_code(error) : WIRE_ERROR_FAILED;
    /* It was forgotten while its claim was under way. */
    if (!owner && g_hash_table_contains(documents->doomed, GINT_TO_POINTER(writing->number)))
        guest_documents_settle(documents);
    if (!owner || !g_str_equal(owner->native, writing->native) ||
        (error && code == WIRE_ERROR_CANCELLED)) {
        writing_free(writing);
        return;
    }
    owner->writing = FALSE;
    gboolean same =
        g_str_equal(owner->name, writing->name) && g_str_equal(owner->state, writing->state);
    if (!error) {
        owner->written = same;
        owner->taking = FALSE;
    }
    if (!error)
        documents->events.changed(owner->number, documents->user);
    if (error && code == WIRE_ERROR_CONFLICT)
        on_conflict(documents, owner);
    else if (error)
        g_info("the number of guest %d was not written: %s", writing->number, error->message);
    else if (!same)
        write_owner(documents, owner);
    writing_free(writing);
}

/* The documents below an owner's path come after it. */
static void read_former(GuestDocuments *documents, const GArray *former)
{
    g_autofree char *native = NULL;
    int owner = 0;
    g_clear_pointer(&documents->former_words, g_hash_table_unref);
    documents->former_words =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    documents->former = former;
    for (guint i = 0; i < former->len; i++) {
        const StoreWrite *write = &g_array_index(former, StoreWrite, i);
        const char *rest;
        int number = number_of_path(write->path, &rest);
        if (number && !*rest) {
            g_autoptr(json_t) object = document_parse(write->content);
            g_free(native);
            native = g_strdup(wire_get_string(object, "native", NULL));
            owner = number;
        } else if (number && number == owner && native && g_str_equal(rest, "/gantry")) {
            g_hash_table_insert(documents->former_words, g_strdup(native),
                                g_bytes_ref(write->content));
        }
    }
}

/* What was said of the guest when this node was alone. */
static GBytes *find_former(GuestDocuments *documents, const char *native)
{
    const GArray *former = store_former(documents->store);
    if (former && former != documents->former)
        read_former(documents, former);
    documents->former = former;
    if (!former)
        return NULL;
    return g_hash_table_lookup(documents->former_words, native);
}

static void add_former(GuestDocuments *documents, const Owner *owner,
                       StoreTransaction *transaction)
{
    GBytes *words = find_former(documents, owner->native);
    if (!words || find_document(documents, owner->number, "/gantry"))
        return;
    g_autofree char *path = path_of(owner->number, "/gantry");
    gsize size;
    gconstpointer data = g_bytes_get_data(words, &size);
    store_transaction_require_absent(transaction, path);
    store_transaction_put(transaction, path, data, size);
}

/* Whose number it was, for the node to see that it was not taken from it by chance. */
static void add_origin(json_t *content, const json_t *present)
{
    const char *node = wire_get_string(present, "node", NULL);
    if (node)
        json_object_set_new(content, "from", wire_string(node));
}

static void write_owner(GuestDocuments *documents, Owner *owner)
{
    if (owner->writing || owner->visiting)
        return;
    if (documents->writes >= WRITES_MAX) {
        documents->backlog = TRUE;
        return;
    }
    documents->writes++;
    owner->writing = TRUE;
    g_autoptr(json_t) content =
        json_pack("{s:s,s:o,s:o,s:s,s:s}", "kind", guest_kind_name(owner->kind), "native",
                  wire_string(owner->native), "name", wire_string(owner->name), "node",
                  documents->node, "state", owner->state);
    g_autofree char *path = path_of(owner->number, "");
    const StoreDocument *present = store_get(documents->store, path);
    g_autoptr(json_t) object = present ? document_parse(present->content) : NULL;
    gboolean takes = object && owner->taking &&
                     g_strcmp0(wire_get_string(object, "native", ""), owner->native) == 0;
    if (takes && !is_here(documents, object))
        add_origin(content, object);
    char *text = json_dumps(content, JSON_COMPACT);
    StoreTransaction *transaction = store_transaction_new();
    if (object && (takes || is_here(documents, object)))
        store_transaction_require(transaction, path, present->revision);
    else
        store_transaction_require_absent(transaction, path);
    store_transaction_put(transaction, path, text, strlen(text));
    free(text);
    add_former(documents, owner, transaction);
    Writing *writing = g_new0(Writing, 1);
    *writing = (Writing){documents, owner->number, g_strdup(owner->native),
                         g_strdup(owner->name), g_strdup(owner->state)};
    store_commit(documents->store, transaction, on_written, writing);
}

static void delete_doomed(GuestDocuments *documents);

static gboolean on_settle(gpointer user)
{
    GuestDocuments *documents = user;
    gboolean all = TRUE;
    documents->settle = 0;
    documents->backlog = FALSE;
    delete_doomed(documents);
    g_autoptr(GList) owners = g_hash_table_get_values(documents->by_number);
    for (GList *node = owners; node; node = node->next) {
        Owner *owner = node->data;
        all &= owner->written;
        if (!owner->written)
            write_owner(documents, owner);
    }
    StoreStatus status;
    store_status(documents->store, &status);
    if (all && status.state == STORE_WORKING && store_former(documents->store))
        store_forget_former(documents->store);
    return G_SOURCE_REMOVE;
}

/* Not from within the store's news: others of them may be on their way. */
void guest_documents_settle(GuestDocuments *documents)
{
    if (!documents->settle)
        documents->settle = g_idle_add(on_settle, documents);
}

/* ---- what the store tells ---- */

static void take_here(GuestDocuments *documents, int number, const json_t *object)
{
    const char *native = wire_get_string(object, "native", NULL);
    GuestKind kind;
    /* A document that does not say who has the number still keeps it taken: the
     * number is not given out while its path is there. */
    if (!native || !guest_kind_from_name(wire_get_string(object, "kind", NULL), &kind))
        return;
    const Owner *known = g_hash_table_lookup(documents->by_native, native);
    if (known && known->number == number)
        return;
    if (known) {
        int from = known->number;
        drop_owner(documents, from);
        documents->events.renumbered(native, from, number, documents->user);
    }
    Owner *owner =
        add_owner(documents, number, kind, native, wire_get_string(object, "name", ""));
    g_free(owner->state);
    owner->state = g_strdup(wire_get_string(object, "state", ""));
    owner->written = json_object_get(object, "node") != NULL;
}

/* The document of a number is another, or gone. */
static void take_owner(GuestDocuments *documents, int number, const StoreDocument *document)
{
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    Owner *owner = find_owner(documents, number);
    if (object && is_here(documents, object)) {
        take_here(documents, number, object);
        return;
    }
    if (!owner || owner->writing || owner->visiting)
        return;
    /* A guest that was handed over to another node keeps its number there. */
    if (object && g_strcmp0(wire_get_string(object, "from", ""), documents->node) == 0 &&
        g_strcmp0(wire_get_string(object, "native", ""), owner->native) == 0) {
        drop_owner(documents, number);
        return;
    }
    owner->written = FALSE;
    guest_documents_settle(documents);
}

static void on_store_changed(const char *path, const StoreDocument *document, guint64 revision,
                             gpointer user)
{
    GuestDocuments *documents = user;
    const char *rest;
    int number = number_of_path(path, &rest);
    if (number && !document)
        documents->hint = MIN(documents->hint, number);
    if (number && g_str_equal(rest, "/gantry"))
        documents->events.changed(number, documents->user);
    else if (number && !*rest)
        take_owner(documents, number, document);
}

/* Alone, all is this node's, whatever its name was. */
static gboolean load_one(const StoreDocument *document, gpointer user)
{
    GuestDocuments *documents = user;
    const char *rest;
    int number = number_of_path(document->path, &rest);
    g_autoptr(json_t) object = number && !*rest ? document_parse(document->content) : NULL;
    if (!object)
        return TRUE;
    gboolean here = is_here(documents, object);
    if (here || store_is_alone(documents->store))
        take_here(documents, number, object);
    Owner *owner = find_owner(documents, number);
    if (owner && !here)
        owner->written = FALSE;
    return TRUE;
}

GuestDocuments *guest_documents_new(Store *store, const char *node,
                                    const GuestDocumentsEvents *events, gpointer user)
{
    GuestDocuments *documents = g_new0(GuestDocuments, 1);
    documents->store = store;
    documents->node = g_strdup(node);
    documents->hint = GUEST_NUMBER_MIN;
    documents->events = *events;
    documents->user = user;
    documents->by_number = g_hash_table_new_full(NULL, NULL, NULL, owner_free);
    documents->by_native = g_hash_table_new(g_str_hash, g_str_equal);
    documents->doomed = g_hash_table_new(NULL, NULL);
    store_each(store, FOLDER, load_one, documents);
    documents->watch = store_watch(store, FOLDER, on_store_changed, documents, NULL);
    guest_documents_settle(documents);
    return documents;
}

void guest_documents_free(GuestDocuments *documents)
{
    if (!documents)
        return;
    g_clear_handle_id(&documents->settle, g_source_remove);
    store_unwatch(documents->store, documents->watch);
    g_hash_table_destroy(documents->by_native);
    g_hash_table_destroy(documents->by_number);
    g_clear_pointer(&documents->former_words, g_hash_table_unref);
    g_hash_table_unref(documents->doomed);
    g_free(documents->node);
    g_free(documents);
}

/* ---- numbers ---- */

int guest_documents_number(GuestDocuments *documents, GuestKind kind, const char *native,
                           const char *name, gboolean *fresh)
{
    Owner *owner = g_hash_table_lookup(documents->by_native, native);
    *fresh = !owner;
    if (owner)
        return owner->number;
    owner = add_owner(documents, lowest_free(documents), kind, native, name);
    write_owner(documents, owner);
    return owner->number;
}

void guest_documents_note(GuestDocuments *documents, int number, const char *name,
                          const char *state)
{
    Owner *owner = find_owner(documents, number);
    if (!owner || (g_str_equal(owner->name, name) && g_str_equal(owner->state, state)))
        return;
    g_free(owner->name);
    g_free(owner->state);
    owner->name = g_strdup(name);
    owner->state = g_strdup(state);
    owner->written = owner->visiting;
    write_owner(documents, owner);
}

void guest_documents_expect(GuestDocuments *documents, GuestKind kind, int number,
                            const char *native, const char *name)
{
    if (g_hash_table_contains(documents->by_native, native))
        return;
    Owner *owner = add_owner(documents, number, kind, native, name);
    owner->visiting = owner->written = TRUE;
}

void guest_documents_take(GuestDocuments *documents, int number)
{
    Owner *owner = find_owner(documents, number);
    if (!owner || !owner->visiting)
        return;
    owner->visiting = owner->written = FALSE;
    owner->taking = TRUE;
    write_owner(documents, owner);
}

void guest_documents_part(GuestDocuments *documents, int number)
{
    drop_owner(documents, number);
}

void guest_documents_move(GuestDocuments *documents, GuestKind kind, int number,
                          const char *native, const char *name)
{
    drop_owner(documents, number);
    write_owner(documents, add_owner(documents, number, kind, native, name));
}

static void delete_all(const GuestDocuments *documents, StoreTransaction *transaction,
                       int number)
{
    static const char *const rests[] = {"", "/gantry", "/definition"};
    for (guint i = 0; i < G_N_ELEMENTS(rests); i++) {
        g_autofree char *path = path_of(number, rests[i]);
        store_transaction_delete(transaction, path);
    }
}

typedef struct {
    GuestDocuments *documents;
    int number;
} Deleting;

/* What could not be is tried again when the store works; on a conflict the number has gone
 * to another already. */
static void on_deleted(guint64 revision, const GError *error, gpointer user)
{
    Deleting *deleting = user;
    if (!error || wire_error_code(error) == WIRE_ERROR_CONFLICT)
        g_hash_table_remove(deleting->documents->doomed, GINT_TO_POINTER(deleting->number));
    g_free(deleting);
}

static void delete_one(GuestDocuments *documents, int number)
{
    const StoreDocument *claim = find_document(documents, number, "");
    g_autoptr(json_t) object = claim ? document_parse(claim->content) : NULL;
    if (!claim || (object && !is_here(documents, object))) {
        g_hash_table_remove(documents->doomed, GINT_TO_POINTER(number));
        return;
    }
    Deleting *deleting = g_new(Deleting, 1);
    *deleting = (Deleting){documents, number};
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_require(transaction, claim->path, claim->revision);
    delete_all(documents, transaction, number);
    store_commit(documents->store, transaction, on_deleted, deleting);
}

static void delete_doomed(GuestDocuments *documents)
{
    g_autoptr(GList) numbers = g_hash_table_get_keys(documents->doomed);
    for (GList *node = numbers; node; node = node->next)
        delete_one(documents, GPOINTER_TO_INT(node->data));
}

void guest_documents_forget(GuestDocuments *documents, int number)
{
    const Owner *owner = find_owner(documents, number);
    gboolean writing = owner && owner->writing;
    drop_owner(documents, number);
    g_hash_table_add(documents->doomed, GINT_TO_POINTER(number));
    if (!writing)
        delete_one(documents, number);
}

/* ---- Gantry's own words ---- */

json_t *guest_documents_gantry(const GuestDocuments *documents, int number)
{
    const StoreDocument *document = find_document(documents, number, "/gantry");
    json_t *content = document ? document_parse(document->content) : NULL;
    return content ? content : json_object();
}

gboolean guest_documents_check(const GuestDocuments *documents, int number,
                               const json_t *params, GError **error)
{
    g_autofree char *path = path_of(number, "/gantry");
    g_autofree char *what = g_strdup_printf("what is said of guest %d", number);
    return document_check(documents->store, path, params, what, error);
}

guint64 guest_documents_revision(const GuestDocuments *documents, int number)
{
    g_autofree char *path = path_of(number, "/gantry");
    return document_revision(documents->store, path);
}

typedef struct {
    int number;
    GuestDocumentsSaved saved;
    gpointer user;
} Change;

static void on_change_written(guint64 revision, const GError *error, gpointer user)
{
    Change *change = user;
    g_autoptr(GError) conflict = NULL;
    if (error && wire_error_code(error) == WIRE_ERROR_CONFLICT)
        wire_error_set(
            &conflict, WIRE_ERROR_CONFLICT,
            "somebody else changed guest %d at the same moment: look at what it says "
            "now, and try again",
            change->number);
    if (change->saved)
        change->saved(conflict ? conflict : error, change->user);
    g_free(change);
}

/* Puts a document over the one that is there now, while the number is this guest's. */
static void replace(GuestDocuments *documents, int number, const char *rest, const char *text,
                    GuestDocumentsSaved saved, gpointer user)
{
    g_autofree char *path = path_of(number, rest);
    StoreTransaction *transaction = store_transaction_new();
    document_require(documents->store, transaction, path);
    g_autofree char *owner = path_of(number, "");
    const StoreDocument *claim = store_get(documents->store, owner);
    if (claim)
        store_transaction_require(transaction, owner, claim->revision);
    store_transaction_put(transaction, path, text, strlen(text));
    Change *change = g_new0(Change, 1);
    *change = (Change){number, saved, user};
    store_commit(documents->store, transaction, on_change_written, change);
}

void guest_documents_change(GuestDocuments *documents, int number, json_t *changes,
                            GuestDocumentsSaved saved, gpointer user)
{
    g_autoptr(json_t) content = guest_documents_gantry(documents, number);
    json_object_update(content, changes);
    json_decref(changes);
    char *text = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS);
    replace(documents, number, "/gantry", text, saved, user);
    free(text);
}

/* ---- definitions ---- */

GBytes *guest_documents_definition(const GuestDocuments *documents, int number)
{
    const StoreDocument *document = find_document(documents, number, "/definition");
    return document ? document->content : NULL;
}

gboolean guest_documents_is_claimed(const GuestDocuments *documents, int number)
{
    const Owner *owner = find_owner(documents, number);
    return owner && owner->written && !owner->visiting;
}

void guest_documents_define(GuestDocuments *documents, int number, const char *text,
                            GuestDocumentsSaved saved, gpointer user)
{
    replace(documents, number, "/definition", text, saved, user);
}

/* ---- the cluster's ---- */

int guest_documents_number_of(const char *path)
{
    const char *rest;
    return number_of_path(path, &rest);
}

json_t *guest_documents_find(const GuestDocuments *documents, int number)
{
    const StoreDocument *document = find_document(documents, number, "");
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    const char *kind = wire_get_string(object, "kind", NULL);
    if (!kind)
        return NULL;
    g_autoptr(json_t) words = guest_documents_gantry(documents, number);
    json_t *tags = json_object_get(words, "tags");
    g_autofree char *id = g_strdup_printf("%s/%d", kind, number);
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "id", id, "type", kind, "name",
                     wire_string(wire_get_string(object, "name", "")), "native",
                     wire_string(wire_get_string(object, "native", "")), "node",
                     wire_string(wire_get_string(object, "node", documents->node)), "state",
                     wire_string(wire_get_string(object, "state", "")), "tags",
                     tags ? json_incref(tags) : json_array());
}

static gboolean list_one(const StoreDocument *document, gpointer user)
{
    gpointer *pair = user;
    const char *rest;
    int number = number_of_path(document->path, &rest);
    json_t *guest = number && !*rest ? guest_documents_find(pair[0], number) : NULL;
    if (guest)
        json_array_append_new(pair[1], guest);
    return TRUE;
}

json_t *guest_documents_all(const GuestDocuments *documents)
{
    json_t *list = json_array();
    gpointer pair[] = {(gpointer)documents, list};
    store_each(documents->store, FOLDER, list_one, pair);
    return list;
}

int guest_documents_elsewhere(const GuestDocuments *documents, const char *text, char **node)
{
    GuestKind kind;
    int number = 0;
    guint64 plain;
    if (!guest_id_parse(text, &kind, &number) &&
        g_ascii_string_to_unsigned(text, 10, GUEST_NUMBER_MIN, GUEST_NUMBER_MAX, &plain, NULL))
        number = (int)plain;
    const StoreDocument *document = number ? find_document(documents, number, "") : NULL;
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    if (!object || is_here(documents, object))
        return 0;
    *node = g_strdup(wire_get_string(object, "node", "?"));
    return number;
}

static gboolean gather_foreign(const StoreDocument *document, gpointer user)
{
    gpointer *pair = user;
    const char *rest;
    int number = number_of_path(document->path, &rest);
    g_autoptr(json_t) object = number && !*rest ? document_parse(document->content) : NULL;
    if (object && !is_here(pair[0], object))
        g_array_append_val(pair[1], number);
    return TRUE;
}

void guest_documents_prune(GuestDocuments *documents)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int));
    gpointer pair[] = {documents, numbers};
    store_each(documents->store, FOLDER, gather_foreign, pair);
    for (guint i = 0; i < numbers->len;) {
        StoreTransaction *transaction = store_transaction_new();
        for (guint end = MIN(i + PRUNED_MAX, numbers->len); i < end; i++)
            delete_all(documents, transaction, g_array_index(numbers, int, i));
        store_commit(documents->store, transaction, NULL, NULL);
    }
}
