#include "backend/cluster/store.h"
#include "backend/wire/error.h"
#include "tests/unit/wait.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *directory, *path;
    Store *store;
    guint64 file_max;
    gboolean loaded;
    DatabaseHealth health;
    guint answers, failures;
    guint64 revision; /* of the last answer */
    WireErrorCode code;
    char *message;
    GString *changes;
} Fixture;

static void on_loaded(gpointer user)
{
    ((Fixture *)user)->loaded = TRUE;
}

static void on_health(DatabaseHealth health, const GError *reason, gpointer user)
{
    g_assert_true((health == DATABASE_WRITABLE) == (reason == NULL));
    ((Fixture *)user)->health = health;
}

static void open_store(Fixture *fixture)
{
    static const StoreEvents events = {.loaded = on_loaded, .health = on_health};
    fixture->loaded = FALSE;
    fixture->health = DATABASE_OPENING;
    fixture->store =
        store_open(&(StoreSettings){.path = fixture->path, .file_max = fixture->file_max},
                   &events, fixture);
    WAIT_FOR(fixture->loaded);
}

static void reopen_store(Fixture *fixture)
{
    store_close(g_steal_pointer(&fixture->store));
    open_store(fixture);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("gantry-store-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "store.db", NULL);
    fixture->changes = g_string_new(NULL);
    open_store(fixture);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm", "away"};
    store_close(fixture->store);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(fixture->directory, names[i], NULL);
        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture->message);
    g_string_free(fixture->changes, TRUE);
}

static void on_done(guint64 revision, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    fixture->answers++;
    fixture->revision = revision;
    g_clear_pointer(&fixture->message, g_free);
    if (error) {
        g_assert_cmpuint(revision, ==, 0);
        fixture->failures++;
        fixture->code = wire_error_code(error);
        fixture->message = g_strdup(error->message);
    }
}

static void queue_put(Fixture *fixture, const char *path, const char *text)
{
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, path, text, strlen(text));
    store_commit(fixture->store, transaction, on_done, fixture);
}

static guint64 commit(Fixture *fixture, StoreTransaction *transaction)
{
    guint before = fixture->answers;
    store_commit(fixture->store, transaction, on_done, fixture);
    g_assert_cmpuint(fixture->answers, ==, before);
    WAIT_FOR(fixture->answers == before + 1);
    return fixture->revision;
}

static guint64 put(Fixture *fixture, const char *path, const char *text)
{
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, path, text, strlen(text));
    return commit(fixture, transaction);
}

static void assert_document(Fixture *fixture, const char *path, const char *text)
{
    const StoreDocument *document = store_get(fixture->store, path);
    if (!text) {
        g_assert_null(document);
        return;
    }
    g_assert_nonnull(document);
    g_autoptr(GBytes) bytes = store_content_bytes(document->content);
    gsize size;
    const void *content = g_bytes_get_data(bytes, &size);
    g_assert_cmpmem(content, size, text, strlen(text));
}

static void test_conditions(Fixture *fixture, gconstpointer data)
{
    guint64 first = put(fixture, "guest/101/gantry", "a");
    g_assert_cmpuint(first, ==, 1);
    g_assert_cmpuint(store_get(fixture->store, "guest/101/gantry")->revision, ==, 1);

    StoreTransaction *claim = store_transaction_new();
    store_transaction_require_absent(claim, "guest/101/gantry");
    store_transaction_put(claim, "guest/102/gantry", "b", 1);
    g_assert_cmpuint(commit(fixture, claim), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_CONFLICT);
    assert_document(fixture, "guest/102/gantry", NULL);

    StoreTransaction *swap = store_transaction_new();
    store_transaction_require(swap, "guest/101/gantry", first);
    store_transaction_put(swap, "guest/101/gantry", "c", 1);
    store_transaction_delete(swap, "nowhere");
    g_assert_cmpuint(commit(fixture, swap), ==, 2);
    assert_document(fixture, "guest/101/gantry", "c");

    StoreTransaction *late = store_transaction_new();
    store_transaction_require(late, "guest/101/gantry", first);
    store_transaction_delete(late, "guest/101/gantry");
    g_assert_cmpuint(commit(fixture, late), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_CONFLICT);
    g_assert_nonnull(strstr(fixture->message, "guest/101/gantry"));
    assert_document(fixture, "guest/101/gantry", "c");
    g_assert_cmpuint(store_revision(fixture->store), ==, 2);
}

/* Several that wait together are judged one after the other, not side by side. */
static void test_order_in_a_group(Fixture *fixture, gconstpointer data)
{
    for (int i = 0; i < 20; i++) {
        StoreTransaction *claim = store_transaction_new();
        store_transaction_require_absent(claim, "number/100");
        g_autofree char *owner = g_strdup_printf("owner %d", i);
        store_transaction_put(claim, "number/100", owner, strlen(owner));
        store_commit(fixture->store, claim, on_done, fixture);
    }
    g_assert_cmpuint(store_pending(fixture->store), ==, 20);
    assert_document(fixture, "number/100", NULL);
    WAIT_FOR(fixture->answers == 20);
    g_assert_cmpuint(fixture->failures, ==, 19);
    assert_document(fixture, "number/100", "owner 0");
    g_assert_cmpuint(store_revision(fixture->store), ==, 1);
}

static void on_changed(const char *path, const StoreDocument *document, guint64 revision,
                       gpointer user)
{
    Fixture *fixture = user;
    g_assert_true(document == store_get(fixture->store, path));
    g_assert_cmpuint(store_revision(fixture->store), ==, revision);
    g_string_append_printf(fixture->changes, "%s%s ", document ? "+" : "-", path);
}

static gboolean list_path(const StoreDocument *document, gpointer user)
{
    g_string_append_printf(user, "%s ", document->path);
    return TRUE;
}

static void test_watches_and_prefixes(Fixture *fixture, gconstpointer data)
{
    guint watch = store_watch(fixture->store, "guest/10", on_changed, fixture, NULL);
    g_assert_cmpuint(watch, !=, 0);
    put(fixture, "guest/10", "x");
    put(fixture, "guest/101/gantry", "x");
    put(fixture, "guest/10-1", "x");
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, "guest/10/xml", "x", 1);
    store_transaction_put(transaction, "guest/10/xml", "y", 1);
    store_transaction_delete(transaction, "guest/10");
    store_transaction_delete(transaction, "guest/10/none");
    commit(fixture, transaction);
    g_assert_cmpstr(fixture->changes->str, ==, "+guest/10 +guest/10/xml -guest/10 ");
    assert_document(fixture, "guest/10/xml", "y");

    store_unwatch(fixture->store, watch);
    put(fixture, "guest/10", "z");
    g_assert_cmpstr(fixture->changes->str, ==, "+guest/10 +guest/10/xml -guest/10 ");

    g_autoptr(GString) below = g_string_new(NULL);
    store_each(fixture->store, "guest/10", list_path, below);
    g_assert_cmpstr(below->str, ==, "guest/10 guest/10/xml ");
    g_string_truncate(below, 0);
    store_each(fixture->store, "", list_path, below);
    g_assert_cmpstr(below->str, ==, "guest/10 guest/10-1 guest/10/xml guest/101/gantry ");
}

static void test_reopen(Fixture *fixture, gconstpointer data)
{
    put(fixture, "a", "1");
    put(fixture, "b/c", "");
    put(fixture, "b/d", "<x/>");
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_delete(transaction, "a");
    g_assert_cmpuint(commit(fixture, transaction), ==, 4);
    guint64 size = store_size(fixture->store);
    reopen_store(fixture);
    g_assert_cmpuint(store_revision(fixture->store), ==, 4);
    g_assert_cmpuint(store_size(fixture->store), ==, size);
    assert_document(fixture, "a", NULL);
    assert_document(fixture, "b/c", "");
    assert_document(fixture, "b/d", "<x/>");
    g_assert_cmpuint(store_get(fixture->store, "b/d")->revision, ==, 3);
}

/* What was queued is finished by closing; what is answered is in the file. */
static void test_close_with_work(Fixture *fixture, gconstpointer data)
{
    for (int i = 0; i < 600; i++) {
        g_autofree char *path = g_strdup_printf("p/%d", i);
        queue_put(fixture, path, "x");
    }
    store_close(g_steal_pointer(&fixture->store));
    g_assert_cmpuint(fixture->answers, ==, 600);
    guint done = 600 - fixture->failures;
    open_store(fixture);
    g_assert_cmpuint(store_revision(fixture->store), ==, done);
}

static void test_limits(Fixture *fixture, gconstpointer data)
{
    static const char *const bad[] = {"", "/a", "a/", "a//b", "a/../b", ".", "a\nb", "\xff"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_cmpuint(put(fixture, bad[i], "x"), ==, 0);
        g_assert_cmpint(fixture->code, ==, WIRE_ERROR_PARAMS);
    }
    g_autofree char *long_path = g_strnfill(STORE_PATH_MAX + 1, 'a');
    g_assert_cmpuint(put(fixture, long_path, "x"), ==, 0);
    long_path[STORE_PATH_MAX] = '\0';
    g_assert_cmpuint(put(fixture, long_path, "x"), ==, 1);

    g_autofree char *large = g_strnfill(STORE_DOCUMENT_MAX + 1, 'b');
    g_assert_cmpuint(put(fixture, "large", large), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_LIMIT);
    large[STORE_DOCUMENT_MAX] = '\0';
    g_assert_cmpuint(put(fixture, "large", large), ==, 2);

    for (int i = 0; i < STORE_WATCHES_MAX; i++)
        g_assert_cmpuint(store_watch(fixture->store, "", on_changed, fixture, NULL), !=, 0);
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(store_watch(fixture->store, "", on_changed, fixture, &error), ==, 0);
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
}

/* A limit on the file's size is met as a full disk is: EFBIG for ENOSPC. */
static void set_disk_limit(rlim_t bytes)
{
    struct rlimit limit;
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    limit.rlim_cur = bytes;
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void test_failing_disk_recovers(Fixture *fixture, gconstpointer data)
{
    put(fixture, "kept", "old");
    g_autofree char *large = g_strnfill(500000, 'x');
    set_disk_limit(8192);
    queue_put(fixture, "kept", large);
    queue_put(fixture, "other", "x");
    WAIT_FOR(fixture->answers == 3);
    set_disk_limit(RLIM_INFINITY);
    g_assert_cmpuint(fixture->failures, ==, 2);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STORAGE);
    g_assert_nonnull(strstr(fixture->message, fixture->path));
    assert_document(fixture, "kept", "old");
    assert_document(fixture, "other", NULL);
    g_assert_cmpint(fixture->health, ==, DATABASE_READABLE);
    g_assert_nonnull(store_reason(fixture->store));

    store_part(fixture->store); /* a new view meanwhile, which nobody can lead yet */
    WAIT_FOR(fixture->health == DATABASE_WRITABLE);
    g_assert_null(store_reason(fixture->store));
    g_assert_cmpuint(put(fixture, "kept", "new"), ==, 2);
    reopen_store(fixture);
    assert_document(fixture, "kept", "new");
    assert_document(fixture, "other", NULL);
}

static void test_full_file(Fixture *fixture, gconstpointer data)
{
    store_close(fixture->store);
    fixture->file_max = 256 << 10;
    open_store(fixture);
    put(fixture, "kept", "old");
    g_autofree char *large = g_strnfill(300000, 'x');
    g_assert_cmpuint(put(fixture, "large", large), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STORAGE);
    g_assert_nonnull(strstr(fixture->message, "no space left"));
    g_assert_cmpuint(put(fixture, "kept", "new"), ==, 2);
    g_assert_cmpint(fixture->health, ==, DATABASE_WRITABLE);
}

static void overwrite(const char *path, goffset offset, const char *bytes, size_t count)
{
    int fd = g_open(path, O_RDWR | O_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(pwrite(fd, bytes, count, offset), ==, (gssize)count);
    (void)close(fd);
}

static void test_damaged(Fixture *fixture, gconstpointer data)
{
    g_autofree char *text = g_strnfill(3000, 'x');
    for (int i = 0; i < 60; i++) {
        g_autofree char *path = g_strdup_printf("guest/%d", i);
        put(fixture, path, text);
    }
    store_close(g_steal_pointer(&fixture->store));
    GStatBuf info;
    g_assert_cmpint(g_stat(fixture->path, &info), ==, 0);
    g_autofree char *noise = g_strnfill(4096, '\xa5');
    overwrite(fixture->path, (info.st_size / 4096 - 3) * 4096, noise, 4096);
    open_store(fixture);
    g_assert_cmpint(fixture->health, ==, DATABASE_READABLE);
    g_assert_nonnull(strstr(store_reason(fixture->store)->message, "damaged"));
    assert_document(fixture, "guest/0", text);
    g_assert_cmpuint(put(fixture, "new", "x"), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STORAGE);
    g_assert_nonnull(strstr(fixture->message, ".recover"));
}

static void test_not_a_database(Fixture *fixture, gconstpointer data)
{
    store_close(g_steal_pointer(&fixture->store));
    g_autofree char *noise = g_strnfill(8192, 'n');
    g_assert_true(g_file_set_contents(fixture->path, noise, 8192, NULL));
    open_store(fixture);
    g_assert_cmpint(fixture->health, ==, DATABASE_UNUSABLE);
    g_assert_cmpuint(put(fixture, "new", "x"), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STORAGE);
    g_assert_nonnull(strstr(fixture->message, "not a database"));
    store_close(g_steal_pointer(&fixture->store));
    g_autofree char *after = NULL;
    g_assert_true(g_file_get_contents(fixture->path, &after, NULL, NULL));
    g_assert_cmpstr(after, ==, noise);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *handle;
    g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(handle, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_close(handle), ==, SQLITE_OK);
}

static void test_newer_schema(Fixture *fixture, gconstpointer data)
{
    put(fixture, "a", "1");
    store_close(g_steal_pointer(&fixture->store));
    run_sql(fixture->path, "ALTER TABLE document ADD COLUMN hash BLOB; PRAGMA user_version=99");
    open_store(fixture);
    g_assert_cmpint(fixture->health, ==, DATABASE_READABLE);
    assert_document(fixture, "a", "1");
    g_assert_cmpuint(put(fixture, "a", "2"), ==, 0);
    g_assert_nonnull(strstr(fixture->message, "schema version 99"));
}

/* What the first version wrote, before there was a log. */
static void test_older_schema(Fixture *fixture, gconstpointer data)
{
    store_close(g_steal_pointer(&fixture->store));
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    run_sql(fixture->path,
            "CREATE TABLE document (path TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL,"
            " content BLOB NOT NULL) STRICT;"
            "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1),"
            " revision INTEGER NOT NULL) STRICT;"
            "INSERT INTO state VALUES (1, 41);"
            "INSERT INTO document VALUES ('guest/100', 41, x'7b7d');"
            "PRAGMA user_version=1");
    open_store(fixture);
    g_assert_cmpint(fixture->health, ==, DATABASE_WRITABLE);
    assert_document(fixture, "guest/100", "{}");
    g_assert_cmpuint(put(fixture, "guest/101", "new"), ==, 42);
    reopen_store(fixture);
    assert_document(fixture, "guest/100", "{}");
    assert_document(fixture, "guest/101", "new");
    g_assert_cmpuint(store_revision(fixture->store), ==, 42);
}

static void test_foreign_database(Fixture *fixture, gconstpointer data)
{
    store_close(g_steal_pointer(&fixture->store));
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    run_sql(fixture->path, "CREATE TABLE bookmark (url TEXT)");
    open_store(fixture);
    g_assert_cmpuint(put(fixture, "a", "2"), ==, 0);
    g_assert_nonnull(strstr(fixture->message, "another program"));
}

/* The place of the file cannot be written to at first, and then it can. */
static void test_becomes_writable(Fixture *fixture, gconstpointer data)
{
    put(fixture, "a", "1");
    store_close(g_steal_pointer(&fixture->store));
    g_autofree char *away = g_build_filename(fixture->directory, "away", NULL);
    g_assert_cmpint(g_rename(fixture->path, away), ==, 0);
    g_assert_cmpint(g_mkdir(fixture->path, 0700), ==, 0);
    open_store(fixture);
    g_assert_cmpint(fixture->health, ==, DATABASE_UNUSABLE);
    g_assert_cmpuint(put(fixture, "a", "2"), ==, 0);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STORAGE);
    g_assert_cmpuint(store_watch(fixture->store, "", on_changed, fixture, NULL), !=, 0);
    g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
    g_assert_cmpint(g_rename(away, fixture->path), ==, 0);
    WAIT_FOR(fixture->changes->len > 0);
    g_assert_cmpstr(fixture->changes->str, ==, "+a ");
    assert_document(fixture, "a", "1");
    g_assert_cmpuint(put(fixture, "a", "2"), ==, 2);
}

static void commit_again(guint64 revision, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    on_done(revision, error, user);
    if (fixture->answers >= 50)
        return;
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_require(transaction, "a", revision);
    store_transaction_put(transaction, "a", "x", 1);
    store_commit(fixture->store, transaction, commit_again, fixture);
}

static void unwatch_all(const char *path, const StoreDocument *document, guint64 revision,
                        gpointer user)
{
    Fixture *fixture = user;
    g_string_append_c(fixture->changes, 'u');
    for (guint id = 1; id <= 3; id++)
        store_unwatch(fixture->store, id);
}

static void test_callbacks_that_call_back(Fixture *fixture, gconstpointer data)
{
    for (int i = 0; i < 3; i++)
        (void)store_watch(fixture->store, "", unwatch_all, fixture, NULL);
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, "a", "x", 1);
    store_commit(fixture->store, transaction, commit_again, fixture);
    WAIT_FOR(fixture->answers >= 50);
    g_assert_cmpuint(fixture->failures, ==, 0);
    g_assert_cmpstr(fixture->changes->str, ==, "u");
    g_assert_cmpuint(store_revision(fixture->store), ==, 50);
}

static void test_file_mode(Fixture *fixture, gconstpointer data)
{
    GStatBuf info;
    g_assert_cmpint(g_stat(fixture->path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
#define ADD(name, function)                                                                    \
    g_test_add("/store/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("conditions", test_conditions);
    ADD("order-in-a-group", test_order_in_a_group);
    ADD("watches-and-prefixes", test_watches_and_prefixes);
    ADD("reopen", test_reopen);
    ADD("close-with-work", test_close_with_work);
    ADD("limits", test_limits);
    ADD("failing-disk-recovers", test_failing_disk_recovers);
    ADD("full-file", test_full_file);
    ADD("damaged", test_damaged);
    ADD("not-a-database", test_not_a_database);
    ADD("newer-schema", test_newer_schema);
    ADD("older-schema", test_older_schema);
    ADD("foreign-database", test_foreign_database);
    ADD("becomes-writable", test_becomes_writable);
    ADD("callbacks-that-call-back", test_callbacks_that_call_back);
    ADD("file-mode", test_file_mode);
    return g_test_run();
}
