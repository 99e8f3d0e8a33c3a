/* What the store holds of one guest beside its number: Gantry's own words, the definition. */
#include "agent/guest_documents_private.h"

#include "agent/document.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

enum { TRIES_MAX = 8 };

json_t *guest_documents_gantry(const GuestDocuments *documents, int number)
{
    const StoreDocument *document = guest_document_find(documents, number, "/gantry");
    json_t *content = document ? document_parse(document->content) : NULL;
    return content ? content : json_object();
}

gboolean guest_documents_check(const GuestDocuments *documents, int number,
                               const json_t *params, GError **error)
{
    g_autofree char *path = guest_path(number, "/gantry");
    g_autofree char *what = g_strdup_printf("what is said of guest %d", number);
    return document_check(documents->store, path, params, what, error);
}

guint64 guest_documents_revision(const GuestDocuments *documents, int number)
{
    g_autofree char *path = guest_path(number, "/gantry");
    return document_revision(documents->store, path);
}

/* A document that is being put over the one that was there. */
typedef struct {
    GuestDocuments *documents;
    int number;
    char *path, *text;
    char *native;     /* whose number it was: */
    guint64 revision; /* of the document that is replaced */
    guint tries;
    GuestDocumentsSaved saved;
    gpointer user;
} Change;

static void change_free(Change *change)
{
    g_free(change->path);
    g_free(change->text);
    g_free(change->native);
    g_free(change);
}

static char *find_native(const GuestDocuments *documents, int number)
{
    const StoreDocument *claim = guest_document_find(documents, number, "");
    g_autoptr(json_t) object = claim ? document_parse(claim->content) : NULL;
    return g_strdup(wire_get_string(object, "native", ""));
}

static void on_change_written(guint64 revision, const GError *error, gpointer user);

static void send_change(Change *change)
{
    const Store *store = change->documents->store;
    StoreTransaction *transaction = store_transaction_new();
    change->revision = document_revision(store, change->path);
    document_require(store, transaction, change->path);
    const StoreDocument *claim = guest_document_find(change->documents, change->number, "");
    if (claim)
        store_transaction_require(transaction, claim->path, claim->revision);
    store_transaction_put(transaction, change->path, change->text, strlen(change->text));
    change->tries++;
    store_commit(change->documents->store, transaction, on_change_written, change);
}

/* It was not this document that changed but its guest's state, which agents note as it comes
 * and goes: nobody would know what to look at. */
static gboolean may_try_again(const Change *change)
{
    if (change->tries >= TRIES_MAX ||
        document_revision(change->documents->store, change->path) != change->revision)
        return FALSE;
    g_autofree char *native = find_native(change->documents, change->number);
    return g_str_equal(native, change->native);
}

static void on_change_written(guint64 revision, const GError *error, gpointer user)
{
    Change *change = user;
    g_autoptr(GError) conflict = NULL;
    if (error && wire_error_code(error) == WIRE_ERROR_CONFLICT) {
        if (may_try_again(change)) {
            send_change(change);
            return;
        }
        wire_error_set(
            &conflict, WIRE_ERROR_CONFLICT,
            "somebody else changed guest %d at the same moment: look at what it says "
            "now, and try again",
            change->number);
    }
    if (change->saved)
        change->saved(conflict ? conflict : error, change->user);
    change_free(change);
}

/* Puts a document over the one that is there now, while the number is this guest's. */
static void replace(GuestDocuments *documents, int number, const char *rest, const char *text,
                    GuestDocumentsSaved saved, gpointer user)
{
    Change *change = g_new0(Change, 1);
    *change = (Change){.documents = documents,
                       .number = number,
                       .path = guest_path(number, rest),
                       .text = g_strdup(text),
                       .native = find_native(documents, number),
                       .saved = saved,
                       .user = user};
    send_change(change);
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
    const StoreDocument *document = guest_document_find(documents, number, "/definition");
    return document ? store_content_bytes(document->content) : NULL;
}

gboolean guest_documents_is_claimed(const GuestDocuments *documents, int number)
{
    const GuestOwner *owner = guest_owner_find(documents, number);
    return owner && owner->written && !owner->visiting;
}

void guest_documents_define(GuestDocuments *documents, int number, const char *text,
                            GuestDocumentsSaved saved, gpointer user)
{
    replace(documents, number, "/definition", text, saved, user);
}
