/* Guests' numbers and words on a real store of this node alone. */
#include "agent/document.h"
#include "agent/guest_documents.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tests/unit/wait.h"

#include <glib/gstdio.h>
#include <string.h>

enum { MANY = 5000 };

typedef struct {
    char *directory, *path;
    Store *store;
    GuestDocuments *documents;
    gboolean loaded, saved;
    int renumbered; /* to */
    int edits;
    WireErrorCode code;
} Fixture;

static void on_loaded(gpointer user)
{
    ((Fixture *)user)->loaded = TRUE;
}

static void on_changed(int number, gpointer user)
{
}

static void on_renumbered(const char *native, int from, int to, gpointer user)
{
    ((Fixture *)user)->renumbered = to;
}

static void open_all(Fixture *fixture)
{
    static const StoreEvents store_events = {.loaded = on_loaded};
    static const GuestDocumentsEvents events = {on_changed, on_renumbered};
    fixture->loaded = FALSE;
    fixture->store =
        store_open(&(StoreSettings){.path = fixture->path}, &store_events, fixture);
    WAIT_FOR(fixture->loaded);
    fixture->documents = guest_documents_new(fixture->store, "node1", &events, fixture);
}

static void close_all(Fixture *fixture)
{
    store_finish(fixture->store);
    guest_documents_free(g_steal_pointer(&fixture->documents));
    store_close(g_steal_pointer(&fixture->store));
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("gantry-documents-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "store.db", NULL);
    open_all(fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    close_all(fixture);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *path = g_strconcat(fixture->path, ends[i], NULL);
        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
    g_free(fixture->path);
}

static int number_of(Fixture *fixture, const char *native)
{
    gboolean fresh;
    return guest_documents_number(fixture->documents, GUEST_KIND_VM, native, native, &fresh);
}

static gboolean is_written(Fixture *fixture, int number)
{
    return guest_documents_is_claimed(fixture->documents, number);
}

static guint count_all(const Fixture *fixture)
{
    g_autoptr(json_t) all = guest_documents_all(fixture->documents, NULL);
    return (guint)json_array_size(all);
}

/* More than the store takes at a time. */
static void test_many(Fixture *fixture, gconstpointer data)
{
    for (int i = 0; i < MANY; i++) {
        g_autofree char *native = g_strdup_printf("native-%d", i);
        g_assert_cmpint(number_of(fixture, native), ==, GUEST_NUMBER_MIN + i);
    }
    WAIT_FOR(count_all(fixture) == MANY);
    close_all(fixture);
    open_all(fixture);
    g_assert_cmpint(number_of(fixture, "native-4999"), ==, GUEST_NUMBER_MIN + 4999);
    guest_documents_forget(fixture->documents, 105);
    WAIT_FOR(count_all(fixture) == MANY - 1);
    g_assert_cmpint(number_of(fixture, "new"), ==, 105);
}

/* Its claim is still under way, or is not. */
static void test_forgotten(Fixture *fixture, gconstpointer data)
{
    int number = number_of(fixture, "short");
    guest_documents_forget(fixture->documents, number);
    int other = number_of(fixture, "long");
    WAIT_FOR(is_written(fixture, other));
    WAIT_FOR(count_all(fixture) == 1);
    guest_documents_forget(fixture->documents, other);
    WAIT_FOR(count_all(fixture) == 0);
}

/* Another node has the number: as when the claim comes too late. */
static void test_taken(Fixture *fixture, gconstpointer data)
{
    static const char other[] = "{\"kind\":\"vm\",\"native\":\"theirs\",\"node\":\"node2\"}";
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, "guest/100", other, strlen(other));
    store_commit(fixture->store, transaction, NULL, NULL);
    g_assert_cmpint(number_of(fixture, "ours"), ==, 100); /* it is not there yet */
    WAIT_FOR(fixture->renumbered == 101);
    WAIT_FOR(is_written(fixture, 101));
    g_assert_cmpint(number_of(fixture, "ours"), ==, 101);
    g_autofree char *node = NULL;
    g_assert_cmpint(guest_documents_elsewhere(fixture->documents, "vm/100", &node), ==, 100);
    g_assert_cmpstr(node, ==, "node2");
    guest_documents_prune(fixture->documents);
    WAIT_FOR(count_all(fixture) == 1);
}

static const char *owner_of(const Fixture *fixture, const char *path, json_t **object)
{
    const StoreDocument *document = store_get(fixture->store, path);
    json_decref(*object);
    *object = document_parse(document->content);
    return wire_get_string(*object, "node", "");
}

/* A guest that moves here keeps its number, which is the other's until it is taken. */
static void test_moves(Fixture *fixture, gconstpointer data)
{
    static const char other[] = "{\"kind\":\"vm\",\"native\":\"mover\",\"node\":\"node2\"}";
    json_t *object = NULL;
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, "guest/107", other, strlen(other));
    store_commit(fixture->store, transaction, NULL, NULL);
    WAIT_FOR(store_get(fixture->store, "guest/107"));
    guest_documents_expect(fixture->documents, GUEST_KIND_VM, 107, "mover", "mover");
    g_assert_cmpint(number_of(fixture, "mover"), ==, 107);
    guest_documents_note(fixture->documents, 107, "mover", "paused");
    g_assert_false(is_written(fixture, 107));
    g_assert_cmpstr(owner_of(fixture, "guest/107", &object), ==, "node2");
    guest_documents_take(fixture->documents, 107);
    WAIT_FOR(is_written(fixture, 107));
    g_assert_cmpstr(owner_of(fixture, "guest/107", &object), ==, "node1");
    g_assert_cmpstr(wire_get_string(object, "from", ""), ==, "node2");
    guest_documents_expect(fixture->documents, GUEST_KIND_VM, 108, "never", "never");
    guest_documents_part(fixture->documents, 108);
    g_assert_cmpint(number_of(fixture, "never"), ==, 100);
    json_decref(object);
}

static void on_saved(const GError *error, gpointer user)
{
    Fixture *fixture = user;
    fixture->saved = TRUE;
    fixture->code = error ? wire_error_code(error) : (WireErrorCode)-1;
}

typedef struct {
    Fixture *fixture;
    json_t *changes;
} Edit;

static json_t *on_edit(const json_t *words, gpointer user, GError **error)
{
    Edit *edit = user;
    edit->fixture->edits++;
    return json_incref(edit->changes);
}

static void on_edited(const GError *error, gpointer user)
{
    Edit *edit = user;
    on_saved(error, edit->fixture);
    json_decref(edit->changes);
    g_free(edit);
}

/* changes is stolen. */
static void change(Fixture *fixture, int number, json_t *changes)
{
    Edit *edit = g_new(Edit, 1);
    *edit = (Edit){fixture, changes};
    fixture->saved = FALSE;
    guest_documents_change(fixture->documents, number, NULL, on_edit, on_edited, edit);
}

static void test_words(Fixture *fixture, gconstpointer data)
{
    int number = number_of(fixture, "a");
    WAIT_FOR(is_written(fixture, number));
    change(fixture, number, json_pack("{s:[s],s:s}", "tags", "web", "notes", "n"));
    WAIT_FOR(fixture->saved);
    g_autoptr(json_t) words = guest_documents_gantry(fixture->documents, number);
    g_assert_cmpstr(wire_get_string(words, "notes", ""), ==, "n");
    guest_documents_define(fixture->documents, number, "<domain/>", NULL, NULL);
    WAIT_FOR(guest_documents_definition(fixture->documents, number));
}

/* Of two that were read at the same time the later is made to what the other left. */
static void test_words_at_once(Fixture *fixture, gconstpointer data)
{
    int number = number_of(fixture, "a");
    WAIT_FOR(is_written(fixture, number));
    change(fixture, number, json_pack("{s:s}", "notes", "of one"));
    change(fixture, number, json_pack("{s:s}", "description", "of the other"));
    WAIT_FOR(fixture->edits == 3);
    fixture->saved = FALSE;
    WAIT_FOR(fixture->saved);
    g_assert_true(fixture->code == (WireErrorCode)-1);
    g_autoptr(json_t) words = guest_documents_gantry(fixture->documents, number);
    g_assert_cmpstr(wire_get_string(words, "notes", ""), ==, "of one");
    g_assert_cmpstr(wire_get_string(words, "description", ""), ==, "of the other");
}

/* That the guest is started at the same moment is no conflict. */
static void test_words_while_it_starts(Fixture *fixture, gconstpointer data)
{
    int number = number_of(fixture, "a");
    WAIT_FOR(is_written(fixture, number));
    for (guint i = 0; i < 10; i++) {
        g_autofree char *state = g_strdup_printf("state %u", i);
        guest_documents_note(fixture->documents, number, "a", state);
        change(fixture, number, json_pack("{s:i}", "i", i));
        WAIT_FOR(fixture->saved);
        g_assert_true(fixture->code == (WireErrorCode)-1);
    }
}

static gboolean is_as_read(const Fixture *fixture, int number, guint64 revision)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) params = json_pack("{s:I}", "revision", (json_int_t)revision);
    gboolean good = guest_documents_check(fixture->documents, number, params, &error);
    g_assert_true(good || wire_error_code(error) == WIRE_ERROR_CONFLICT);
    return good;
}

/* Who says at which revision it was read hears of every change since, and of no other. */
static void test_as_read(Fixture *fixture, gconstpointer data)
{
    g_autoptr(json_t) nothing = json_object();
    int number = number_of(fixture, "a");
    WAIT_FOR(is_written(fixture, number));
    g_assert_cmpuint(guest_documents_revision(fixture->documents, number), ==, 0);
    g_assert_true(is_as_read(fixture, number, 0));
    change(fixture, number, json_pack("{s:s}", "notes", "n"));
    WAIT_FOR(fixture->saved);
    guint64 read = guest_documents_revision(fixture->documents, number);
    g_assert_false(is_as_read(fixture, number, 0));
    g_assert_true(is_as_read(fixture, number, read));
    /* Another document of the guest. */
    guest_documents_define(fixture->documents, number, "<domain/>", NULL, NULL);
    WAIT_FOR(guest_documents_definition(fixture->documents, number));
    g_assert_true(is_as_read(fixture, number, read));
    change(fixture, number, json_pack("{s:[s]}", "tags", "t"));
    WAIT_FOR(fixture->saved);
    g_assert_false(is_as_read(fixture, number, read));
    g_assert_true(guest_documents_check(fixture->documents, number, nothing, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                    \
    g_test_add("/guest-documents/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("many", test_many);
    ADD("forgotten", test_forgotten);
    ADD("taken", test_taken);
    ADD("moves", test_moves);
    ADD("words", test_words);
    ADD("words/at-once", test_words_at_once);
    ADD("words/starting", test_words_while_it_starts);
    ADD("as-read", test_as_read);
    return g_test_run();
}
