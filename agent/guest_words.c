/* What the store holds of one guest beside its number: Gantry's own words, the definition. */
#include "agent/guest_documents_private.h"

#include "agent/document.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <string.h>

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

/* A document that is being put over the one that is there. */
typedef struct {
    GuestDocuments *documents;
    int number;
    char *path;
    char *native; /* whose number it was, "": nobody's */
    char *text;   /* or, by its words that are there: */
    const json_t *params;
    GuestDocumentsEdit edit;
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

static gboolean is_its_number(const Change *change, GError **error)
{
    g_autofree char *native = find_native(change->documents, change->number);
    if (!*change->native || g_str_equal(native, change->native))
        return TRUE;
    wire_error_set(error, WIRE_ERROR_CONFLICT,
                   "the number %d became another guest's at the same moment", change->number);
    return FALSE;
}

static StoreTransaction *replace(const Change *change, const char *text)
{
    const Store *store = change->documents->store;
    StoreTransaction *transaction = store_transaction_new();
    const StoreDocument *claim = guest_document_find(change->documents, change->number, "");
    document_require(store, transaction, change->path);
    if (claim)
        store_transaction_require(transaction, claim->path, claim->revision);
    store_transaction_put(transaction, change->path, text, strlen(text));
    return transaction;
}

static StoreTransaction *build_text(const Store *store, gpointer user, GError **error)
{
    const Change *change = user;
    return is_its_number(change, error) ? replace(change, change->text) : NULL;
}

static StoreTransaction *build_words(const Store *store, gpointer user, GError **error)
{
    const Change *change = user;
    if (!is_its_number(change, error) ||
        !guest_documents_check(change->documents, change->number, change->params, error))
        return NULL;
    g_autoptr(json_t) words = guest_documents_gantry(change->documents, change->number);
    g_autoptr(json_t) news = change->edit(words, change->user, error);
    if (!news)
        return NULL;
    json_object_update(words, news);
    char *text = json_dumps(words, JSON_COMPACT | JSON_SORT_KEYS);
    StoreTransaction *transaction = replace(change, text);
    free(text);
    return transaction;
}

static void on_change_written(guint64 revision, const GError *error, gpointer user)
{
    Change *change = user;
    if (change->saved)
        change->saved(error, change->user);
    change_free(change);
}

static Change *change_new(GuestDocuments *documents, int number, const char *rest,
                          GuestDocumentsSaved saved, gpointer user)
{
    Change *change = g_new0(Change, 1);
    *change = (Change){.documents = documents,
                       .number = number,
                       .path = guest_path(number, rest),
                       .native = find_native(documents, number),
                       .saved = saved,
                       .user = user};
    return change;
}

void guest_documents_change(GuestDocuments *documents, int number, const json_t *params,
                            GuestDocumentsEdit edit, GuestDocumentsSaved saved, gpointer user)
{
    Change *change = change_new(documents, number, "/gantry", saved, user);
    change->params = params;
    change->edit = edit;
    document_change(documents->store, params, build_words, on_change_written, change);
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
    Change *change = change_new(documents, number, "/definition", saved, user);
    change->text = g_strdup(text);
    document_change(documents->store, NULL, build_text, on_change_written, change);
}
