/* Stores that are one: real files, and a network in this process that can be cut. */
#include "agent/document.h"
#include "backend/cluster/store.h"
#include "backend/cluster/store_documents.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tests/unit/wait.h"

#include <glib/gstdio.h>
#include <string.h>

#define NODES 4

typedef struct Fixture Fixture;

typedef struct {
    Fixture *fixture;
    guint32 id;
    char *path;
    Store *store;
    guint64 file_max;
    guint side; /* who is on the same side hears each other; 0: nobody */
    gsize sent; /* bytes */
    gboolean loaded;
} Node;

typedef struct {
    guint32 from;
    guint side;
    GBytes *bytes;
} Packet;

struct Fixture {
    char *directory;
    Node nodes[NODES + 1]; /* from 1 on */
    guint64 cluster, views;
    GQueue packets; /* in the one order */
    guint delivery;
    guint answers;
    guint64 revision;
    WireErrorCode code;
};

/* ---- the network ---- */

static gboolean deliver(gpointer user)
{
    Fixture *fixture = user;
    Packet *packet = g_queue_pop_head(&fixture->packets);
    if (!packet) {
        fixture->delivery = 0;
        return G_SOURCE_REMOVE;
    }
    for (guint i = 1; i <= NODES; i++)
        if (fixture->nodes[i].store && fixture->nodes[i].side == packet->side)
            store_receive(fixture->nodes[i].store, packet->from, packet->bytes);
    g_bytes_unref(packet->bytes);
    g_free(packet);
    return G_SOURCE_CONTINUE;
}

static void on_send(GBytes *message, gpointer user)
{
    Node *node = user;
    Fixture *fixture = node->fixture;
    if (node->side == 0)
        return;
    node->sent += g_bytes_get_size(message);
    Packet *packet = g_new(Packet, 1);
    *packet = (Packet){node->id, node->side, g_bytes_ref(message)};
    g_queue_push_tail(&fixture->packets, packet);
    if (!fixture->delivery)
        fixture->delivery = g_idle_add(deliver, fixture);
}

static void tell_view(Fixture *fixture, guint side, guint electorate)
{
    guint32 members[NODES];
    guint count = 0;
    guint64 view = ++fixture->views;
    for (guint i = 1; i <= NODES; i++)
        if (fixture->nodes[i].store && fixture->nodes[i].side == side)
            members[count++] = i;
    for (guint i = 0; i < count; i++)
        store_view(fixture->nodes[members[i]].store, view, members, side ? count : 0,
                   electorate);
}

/* A side a node, from node 1 on: "1120" cuts node 3 and 4 off, 4 wholly. */
static void set_sides(Fixture *fixture, const char *sides)
{
    for (guint i = 1; i <= NODES; i++)
        fixture->nodes[i].side = i <= strlen(sides) ? (guint)(sides[i - 1] - '0') : 0;
    for (guint side = 0; side <= 2; side++)
        tell_view(fixture, side, 0);
}

/* ---- nodes ---- */

static void on_loaded(gpointer user)
{
    ((Node *)user)->loaded = TRUE;
}

static void open_node(Fixture *fixture, guint id)
{
    static const StoreEvents events = {.loaded = on_loaded};
    Node *node = &fixture->nodes[id];
    node->loaded = FALSE;
    node->store = store_open(&(StoreSettings){.path = node->path, .file_max = node->file_max},
                             &events, node);
    WAIT_FOR(node->loaded);
}

static void join_node(Fixture *fixture, guint id)
{
    Node *node = &fixture->nodes[id];
    store_join(
        node->store,
        &(StoreGroup){.node = id, .cluster = fixture->cluster, .send = on_send, .user = node});
}

static StoreStatus status_of(Fixture *fixture, guint id)
{
    StoreStatus status = {0};
    if (fixture->nodes[id].store)
        store_status(fixture->nodes[id].store, &status);
    return status;
}

static StoreState state_of(Fixture *fixture, guint id)
{
    return status_of(fixture, id).state;
}

static void close_node(Fixture *fixture, guint id)
{
    fixture->nodes[id].side = 0;
    store_close(g_steal_pointer(&fixture->nodes[id].store));
}

static void on_done(guint64 revision, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    fixture->answers++;
    fixture->revision = revision;
    fixture->code = error ? wire_error_code(error) : (WireErrorCode)-1;
}

static gboolean put(Fixture *fixture, guint id, const char *path, const char *text)
{
    guint before = fixture->answers;
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, path, text, strlen(text));
    store_commit(fixture->nodes[id].store, transaction, on_done, fixture);
    WAIT_FOR(fixture->answers == before + 1);
    return fixture->revision > 0;
}

static void put_many(Fixture *fixture, guint id, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("many/%u", i);
        g_assert_true(put(fixture, id, path, "x"));
    }
}

static gboolean change(Fixture *fixture, guint by, const ReplicaChange *change)
{
    guint before = fixture->answers;
    store_change_members(fixture->nodes[by].store, change, on_done, fixture);
    WAIT_FOR(fixture->answers == before + 1);
    return fixture->code == (WireErrorCode)-1;
}

static void admit(Fixture *fixture, guint id)
{
    ReplicaChange wish = {.node = id, .birth = store_birth(fixture->nodes[id].store)};
    g_assert_true(change(fixture, 1, &wish));
    WAIT_FOR(state_of(fixture, id) == STORE_WORKING);
    wish.votes = 1;
    g_assert_true(change(fixture, 1, &wish));
}

static gboolean describe(const StoreDocument *document, gpointer user)
{
    g_autoptr(GBytes) bytes = store_content_bytes(document->content);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    g_string_append_printf(user, "%s@%" G_GUINT64_FORMAT "=%.*s\n", document->path,
                           document->revision, (int)MIN(size, 200), data ? data : "");
    return TRUE;
}

static char *documents_of(Fixture *fixture, guint id)
{
    GString *text = g_string_new(NULL);
    store_each(fixture->nodes[id].store, "", describe, text);
    return g_string_free(text, FALSE);
}

static gboolean are_alike(Fixture *fixture, guint a, guint b)
{
    g_autofree char *one = documents_of(fixture, a);
    g_autofree char *other = documents_of(fixture, b);
    return g_str_equal(one, other) &&
           store_revision(fixture->nodes[a].store) == store_revision(fixture->nodes[b].store);
}

#define BECOME_ALIKE(a, b) WAIT_FOR(are_alike(fixture, a, b))

/* Node 1 founds; the others join as they are. */
static void make_group(Fixture *fixture, guint count)
{
    fixture->cluster = store_cluster(fixture->nodes[1].store);
    for (guint i = 1; i <= count; i++)
        join_node(fixture, i);
    for (guint i = 2; i <= count; i++) {
        g_autofree char *sides = g_strnfill(i, '1');
        set_sides(fixture, sides);
        WAIT_FOR(state_of(fixture, 1) == STORE_WORKING &&
                 state_of(fixture, i) == STORE_JOINING);
        admit(fixture, i);
    }
}

static void reopen(Fixture *fixture, guint id, const char *sides)
{
    close_node(fixture, id);
    open_node(fixture, id);
    join_node(fixture, id);
    set_sides(fixture, sides);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("gantry-group-XXXXXX", NULL);
    for (guint i = 1; i <= NODES; i++) {
        Node *node = &fixture->nodes[i];
        *node = (Node){.fixture = fixture, .id = i};
        node->path = g_strdup_printf("%s/%u.db", fixture->directory, i);
        open_node(fixture, i);
    }
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (guint i = 1; i <= NODES; i++) {
        close_node(fixture, i);
        for (guint e = 0; e < G_N_ELEMENTS(ends); e++) {
            g_autofree char *path = g_strconcat(fixture->nodes[i].path, ends[e], NULL);
            (void)g_unlink(path);
        }
        g_free(fixture->nodes[i].path);
    }
    g_clear_handle_id(&fixture->delivery, g_source_remove);
    Packet *packet;
    while ((packet = g_queue_pop_head(&fixture->packets))) {
        g_bytes_unref(packet->bytes);
        g_free(packet);
    }
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *handle;
    g_assert_cmpint(sqlite3_open(path, &handle), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(handle, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_close(handle), ==, SQLITE_OK);
}

/* ---- tests ---- */

static void test_one_order(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 3);
    for (guint id = 1; id <= 3; id++) {
        StoreTransaction *claim = store_transaction_new();
        g_autofree char *owner = g_strdup_printf("node %u", id);
        store_transaction_require_absent(claim, "number/100");
        store_transaction_put(claim, "number/100", owner, strlen(owner));
        store_commit(fixture->nodes[id].store, claim, on_done, fixture);
    }
    guint before = fixture->answers;
    WAIT_FOR(fixture->answers == before + 3);
    BECOME_ALIKE(1, 2);
    BECOME_ALIKE(1, 3);
    g_assert_cmpuint(store_revision(fixture->nodes[1].store), ==, 1);
}

/* In pieces: more than one message takes. */
static void test_joiner_gets_all(Fixture *fixture, gconstpointer data)
{
    g_autofree char *large = g_strnfill(900 << 10, 'l');
    for (guint i = 0; i < 5; i++) {
        g_autofree char *path = g_strdup_printf("large/%u", i);
        g_assert_true(put(fixture, 1, path, large));
    }
    g_assert_true(put(fixture, 2, "guest/100", "of node 2"));
    make_group(fixture, 2);
    BECOME_ALIKE(1, 2);
    g_assert_null(store_get(fixture->nodes[2].store, "guest/100"));
    const GArray *former = store_former(fixture->nodes[2].store);
    g_assert_nonnull(former);
    g_assert_cmpuint(former->len, ==, 1);
    g_assert_cmpstr(g_array_index(former, StoreWrite, 0).path, ==, "guest/100");
    reopen(fixture, 2, "11");
    WAIT_FOR(state_of(fixture, 2) == STORE_WORKING);
    BECOME_ALIKE(1, 2);
    g_assert_nonnull(store_former(fixture->nodes[2].store));
    store_forget_former(fixture->nodes[2].store);
    reopen(fixture, 2, "11");
    g_assert_null(store_former(fixture->nodes[2].store));
}

/* Many that come at once do not each ask for documents of their own. */
static void test_joiners_share(Fixture *fixture, gconstpointer data)
{
    enum { SIZE = 900 << 10, COUNT = 8 };
    g_autofree char *large = g_strnfill(SIZE, 'l');
    for (guint i = 0; i < COUNT; i++) {
        g_autofree char *path = g_strdup_printf("large/%u", i);
        g_assert_true(put(fixture, 1, path, large));
    }
    fixture->cluster = store_cluster(fixture->nodes[1].store);
    for (guint i = 1; i <= NODES; i++)
        join_node(fixture, i);
    set_sides(fixture, "1");
    for (guint i = 2; i <= NODES; i++) {
        WAIT_FOR(state_of(fixture, i) == STORE_JOINING); /* it is born anew for that */
        ReplicaChange wish = {.node = i, .birth = store_birth(fixture->nodes[i].store)};
        g_assert_true(change(fixture, 1, &wish));
    }
    gsize before = fixture->nodes[1].sent;
    set_sides(fixture, "1111");
    for (guint i = 2; i <= NODES; i++)
        WAIT_FOR(state_of(fixture, i) == STORE_WORKING);
    g_assert_cmpuint(fixture->nodes[1].sent - before, <, SIZE * COUNT + SIZE);
    for (guint i = 2; i <= NODES; i++)
        BECOME_ALIKE(1, i);
}

static void test_minority_reads_only(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 3);
    g_assert_true(put(fixture, 1, "a", "before"));
    set_sides(fixture, "122");
    WAIT_FOR(state_of(fixture, 1) == STORE_NO_MAJORITY);
    g_assert_false(put(fixture, 1, "a", "cut off"));
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_UNAVAILABLE);
    g_assert_true(put(fixture, 2, "a", "majority"));
    g_assert_nonnull(store_get(fixture->nodes[1].store, "a"));
    set_sides(fixture, "111");
    BECOME_ALIKE(1, 2);
    BECOME_ALIKE(1, 3);
    g_assert_true(put(fixture, 1, "a", "after"));
}

/* Two nodes of which one is lost, and a person who knows it to be off. */
static void test_expected_less(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 2);
    set_sides(fixture, "12");
    WAIT_FOR(state_of(fixture, 1) == STORE_NO_MAJORITY);
    tell_view(fixture, 1, 1);
    WAIT_FOR(state_of(fixture, 1) == STORE_WORKING);
    g_assert_true(put(fixture, 1, "a", "alone"));
    set_sides(fixture, "11");
    BECOME_ALIKE(1, 2);
    g_assert_nonnull(store_get(fixture->nodes[2].store, "a"));
}

static void test_far_behind(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 3);
    set_sides(fixture, "110");
    put_many(fixture, 1, 300);
    set_sides(fixture, "111");
    BECOME_ALIKE(1, 3);
}

static void test_diverged(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 3);
    put_many(fixture, 1, 3);
    BECOME_ALIKE(1, 3);
    close_node(fixture, 3);
    run_sql(fixture->nodes[3].path,
            "UPDATE document SET content = x'2a' WHERE path = 'many/1'");
    open_node(fixture, 3);
    join_node(fixture, 3);
    set_sides(fixture, "111");
    for (guint i = 0; i < 2 * REPLICA_CHECK_INTERVAL; i++)
        g_assert_true(put(fixture, 1, "one", "x"));
    WAIT_FOR(state_of(fixture, 3) == STORE_DIVERGED);
    g_assert_false(put(fixture, 3, "a", "x"));
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STATE);
    g_assert_true(put(fixture, 2, "a", "the others go on"));
    g_assert_true(store_resync(fixture->nodes[3].store, NULL));
    WAIT_FOR(state_of(fixture, 3) == STORE_WORKING);
    BECOME_ALIKE(1, 3);
    g_assert_true(put(fixture, 3, "a", "again"));
    g_assert_false(store_resync(fixture->nodes[3].store, NULL));
}

/* A file of another cluster of several nodes is not touched before somebody says so. */
static void test_foreign(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 2);
    g_assert_true(put(fixture, 2, "a", "of the first"));
    close_node(fixture, 1);
    fixture->cluster = store_cluster(fixture->nodes[3].store);
    g_assert_cmpuint(fixture->cluster, !=, 0);
    StoreGroup group = {
        .node = 2, .cluster = fixture->cluster, .send = on_send, .user = &fixture->nodes[2]};
    store_join(fixture->nodes[2].store, &group);
    g_assert_cmpint(state_of(fixture, 2), ==, STORE_FOREIGN);
    g_assert_nonnull(store_get(fixture->nodes[2].store, "a"));
    g_assert_false(put(fixture, 2, "a", "x"));
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STATE);
    g_assert_true(store_resync(fixture->nodes[2].store, NULL));
    WAIT_FOR(state_of(fixture, 2) == STORE_JOINING);
    g_assert_cmpuint(store_cluster(fixture->nodes[2].store), ==, fixture->cluster);
}

/* One node's full disk is its own affair. */
static void test_full_disk(Fixture *fixture, gconstpointer data)
{
    g_autofree char *large = g_strnfill(300000, 'x');
    make_group(fixture, 3);
    close_node(fixture, 3);
    fixture->nodes[3].file_max = 256 << 10;
    open_node(fixture, 3);
    join_node(fixture, 3);
    set_sides(fixture, "111");
    WAIT_FOR(state_of(fixture, 3) == STORE_WORKING);
    g_assert_true(put(fixture, 1, "large", large));
    WAIT_FOR(state_of(fixture, 3) == STORE_FAILING);
    g_assert_true(put(fixture, 1, "small", "goes on"));
    g_assert_true(put(fixture, 3, "small", "also from there"));
    fixture->nodes[3].file_max = 0;
    reopen(fixture, 3, "111");
    BECOME_ALIKE(1, 3);
    WAIT_FOR(state_of(fixture, 3) == STORE_WORKING);
}

/* A log with a hole is not believed, and the way out works. */
static void test_torn_log(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 3);
    put_many(fixture, 1, 20);
    BECOME_ALIKE(1, 3);
    close_node(fixture, 3);
    run_sql(fixture->nodes[3].path, "DELETE FROM log WHERE position = 10");
    open_node(fixture, 3);
    join_node(fixture, 3);
    set_sides(fixture, "111");
    g_assert_cmpint(state_of(fixture, 3), ==, STORE_FAILING);
    g_assert_nonnull(strstr(store_reason(fixture->nodes[3].store)->message, "entry 11"));
    g_assert_nonnull(store_get(fixture->nodes[3].store, "many/0"));
    g_assert_false(put(fixture, 3, "a", "x"));
    guint64 before = store_birth(fixture->nodes[3].store);
    g_assert_true(store_resync(fixture->nodes[3].store, NULL));
    WAIT_FOR(state_of(fixture, 3) == STORE_JOINING);
    set_sides(fixture, "111");
    WAIT_FOR(state_of(fixture, 1) == STORE_WORKING);
    g_assert_true(
        change(fixture, 1, &(ReplicaChange){.node = 3, .birth = before, .remove = TRUE}));
    admit(fixture, 3);
    BECOME_ALIKE(1, 3);
}

static void test_leaving(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 2);
    g_assert_true(put(fixture, 1, "a", "common"));
    BECOME_ALIKE(1, 2);
    ReplicaChange wish = {
        .node = 2, .birth = store_birth(fixture->nodes[2].store), .remove = TRUE};
    g_assert_true(change(fixture, 2, &wish));
    set_sides(fixture, "12");
    WAIT_FOR(state_of(fixture, 1) == STORE_WORKING);
    store_part(fixture->nodes[2].store);
    WAIT_FOR(state_of(fixture, 2) == STORE_WORKING);
    g_assert_nonnull(store_get(fixture->nodes[2].store, "a"));
    g_assert_true(put(fixture, 2, "a", "its own"));
    g_assert_true(put(fixture, 1, "a", "the cluster's"));
    g_assert_cmpuint(store_cluster(fixture->nodes[2].store), !=, fixture->cluster);
    /* and back */
    join_node(fixture, 2);
    WAIT_FOR(state_of(fixture, 2) == STORE_JOINING);
    set_sides(fixture, "11");
    WAIT_FOR(state_of(fixture, 1) == STORE_WORKING);
    admit(fixture, 2);
    BECOME_ALIKE(1, 2);
}

typedef struct {
    Fixture *fixture;
    const json_t *params;
    guint builds;
} Changing;

/* Adds one to the number in the document. */
static StoreTransaction *build_one_more(const Store *store, gpointer user, GError **error)
{
    Changing *changing = user;
    changing->builds++;
    if (!document_check(store, "count", changing->params, "the count", error))
        return NULL;
    g_autoptr(json_t) content = document_read(store, "count", NULL);
    json_int_t count = json_integer_value(json_object_get(content, "count"));
    json_object_set_new(content, "count", json_integer(count + 1));
    return document_replace(store, "count", content);
}

static void on_changed(guint64 revision, const GError *error, gpointer user)
{
    on_done(revision, error, ((Changing *)user)->fixture);
}

/* Node 3 has not heard of the last change of node 1 yet. */
static void leave_behind(Fixture *fixture, const char *text)
{
    BECOME_ALIKE(1, 3);
    set_sides(fixture, "112");
    WAIT_FOR(state_of(fixture, 1) == STORE_WORKING);
    g_assert_true(put(fixture, 1, "count", text));
    set_sides(fixture, "111");
    g_assert_cmpuint(store_revision(fixture->nodes[3].store), <,
                     store_revision(fixture->nodes[1].store));
}

static guint change_at(Fixture *fixture, guint id, const json_t *params)
{
    Changing changing = {fixture, params, 0};
    guint before = fixture->answers;
    document_change(fixture->nodes[id].store, params, build_one_more, on_changed, &changing);
    WAIT_FOR(fixture->answers == before + 1);
    return changing.builds;
}

static json_int_t count_at(Fixture *fixture, guint id)
{
    g_autoptr(json_t) content = document_read(fixture->nodes[id].store, "count", NULL);
    return json_integer_value(json_object_get(content, "count"));
}

/* A change is made to what is there, wherever that came from, unless it says otherwise. */
static void test_change_behind(Fixture *fixture, gconstpointer data)
{
    make_group(fixture, 3);
    leave_behind(fixture, "{\"count\":10}");
    g_assert_cmpuint(change_at(fixture, 3, NULL), ==, 2);
    g_assert_true(fixture->code == (WireErrorCode)-1);
    g_assert_cmpint(count_at(fixture, 3), ==, 11);

    guint64 before = document_revision(fixture->nodes[3].store, "count");
    leave_behind(fixture, "{\"count\":20}");
    g_autoptr(json_t) old = json_pack("{s:I}", "revision", (json_int_t)before);
    g_assert_cmpuint(change_at(fixture, 3, old), ==, 2);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_CONFLICT);
    g_assert_cmpint(count_at(fixture, 3), ==, 20);

    leave_behind(fixture, "{\"count\":30}");
    guint64 after = document_revision(fixture->nodes[1].store, "count");
    g_autoptr(json_t) read = json_pack("{s:I}", "revision", (json_int_t)after);
    g_assert_cmpuint(change_at(fixture, 3, read), ==, 1);
    g_assert_true(fixture->code == (WireErrorCode)-1);
    g_assert_cmpint(count_at(fixture, 3), ==, 31);
}

/* Who names what never was is told so. */
static void test_change_in_vain(Fixture *fixture, gconstpointer data)
{
    g_autoptr(json_t) never = json_pack("{s:I}", "revision", (json_int_t)1000);
    g_assert_cmpuint(change_at(fixture, 1, never), ==, 1);
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_CONFLICT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                    \
    g_test_add("/store-group/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("one-order", test_one_order);
    ADD("joiner-gets-all", test_joiner_gets_all);
    ADD("joiners-share", test_joiners_share);
    ADD("minority-reads-only", test_minority_reads_only);
    ADD("expected-less", test_expected_less);
    ADD("far-behind", test_far_behind);
    ADD("diverged", test_diverged);
    ADD("foreign", test_foreign);
    ADD("full-disk", test_full_disk);
    ADD("torn-log", test_torn_log);
    ADD("leaving", test_leaving);
    ADD("change-behind", test_change_behind);
    ADD("change-in-vain", test_change_in_vain);
    return g_test_run();
}
