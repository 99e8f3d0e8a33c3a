/* Who of this node's guests has which number, and the claims of numbers in the store. */
#include "agent/guest_documents_private.h"

#include "agent/document.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { WRITES_MAX = 512 /* under way; the store takes more, but not without end */ };

void guest_owner_free(gpointer data)
{
    GuestOwner *owner = data;
    g_free(owner->native);
    g_free(owner->name);
    g_free(owner->state);
    g_free(owner);
}

GuestOwner *guest_owner_find(const GuestDocuments *documents, int number)
{
    return g_hash_table_lookup(documents->by_number, GINT_TO_POINTER(number));
}

GuestOwner *guest_owner_add(GuestDocuments *documents, int number, GuestKind kind,
                            const char *native, const char *name)
{
    GuestOwner *owner = g_new0(GuestOwner, 1);
    owner->number = number;
    owner->kind = kind;
    owner->native = g_strdup(native);
    owner->name = g_strdup(name);
    owner->state = g_strdup("");
    g_hash_table_replace(documents->by_number, GINT_TO_POINTER(number), owner);
    g_hash_table_replace(documents->by_native, owner->native, owner);
    return owner;
}

void guest_owner_drop(GuestDocuments *documents, int number)
{
    documents->hint = MIN(documents->hint, number);
    const GuestOwner *owner = guest_owner_find(documents, number);
    if (owner && g_hash_table_lookup(documents->by_native, owner->native) == owner)
        g_hash_table_remove(documents->by_native, owner->native);
    g_hash_table_remove(documents->by_number, GINT_TO_POINTER(number));
}

/* ---- claiming ---- */

/* All below the hint are taken. */
int guest_owner_lowest_free(GuestDocuments *documents)
{
    int number = documents->hint;
    while (number < GUEST_NUMBER_MAX &&
           (guest_owner_find(documents, number) || guest_document_find(documents, number, "")))
        number++;
    documents->hint = number;
    return number;
}

/* Its number is another guest's. */
static void renumber(GuestDocuments *documents, GuestOwner *owner)
{
    int from = owner->number;
    g_hash_table_steal(documents->by_number, GINT_TO_POINTER(from));
    owner->number = guest_owner_lowest_free(documents);
    owner->written = owner->writing = FALSE;
    g_hash_table_replace(documents->by_number, GINT_TO_POINTER(owner->number), owner);
    documents->events.renumbered(owner->native, from, owner->number, documents->user);
    guest_owner_write(documents, owner);
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
static void on_conflict(GuestDocuments *documents, GuestOwner *owner)
{
    const StoreDocument *document = guest_document_find(documents, owner->number, "");
    g_autoptr(json_t) object = document ? document_parse(document->content) : NULL;
    gboolean own = object && guest_document_is_here(documents, object) &&
                   g_strcmp0(wire_get_string(object, "native", ""), owner->native) == 0;
    if (document && !own)
        renumber(documents, owner);
    else
        guest_owner_write(documents, owner);
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
    GuestOwner *owner = guest_owner_find(documents, writing->number);
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
        guest_owner_write(documents, owner);
    writing_free(writing);
}

/* Whose number it was, for the node to see that it was not taken from it by chance. */
static void add_origin(json_t *content, const json_t *present)
{
    const char *node = wire_get_string(present, "node", NULL);
    if (node)
        json_object_set_new(content, "from", wire_string(node));
}

void guest_owner_write(GuestDocuments *documents, GuestOwner *owner)
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
    g_autofree char *path = guest_path(owner->number, "");
    const StoreDocument *present = store_get(documents->store, path);
    g_autoptr(json_t) object = present ? document_parse(present->content) : NULL;
    gboolean takes = object && owner->taking &&
                     g_strcmp0(wire_get_string(object, "native", ""), owner->native) == 0;
    if (takes && !guest_document_is_here(documents, object))
        add_origin(content, object);
    char *text = json_dumps(content, JSON_COMPACT);
    StoreTransaction *transaction = store_transaction_new();
    if (object && (takes || guest_document_is_here(documents, object)))
        store_transaction_require(transaction, path, present->revision);
    else
        store_transaction_require_absent(transaction, path);
    store_transaction_put(transaction, path, text, strlen(text));
    free(text);
    guest_former_add(documents, owner, transaction);
    Writing *writing = g_new0(Writing, 1);
    *writing = (Writing){documents, owner->number, g_strdup(owner->native),
                         g_strdup(owner->name), g_strdup(owner->state)};
    store_commit(documents->store, transaction, on_written, writing);
}
