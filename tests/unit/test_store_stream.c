/* Messages as one string in chunks: whole, in several, and after a loss. */
#include "backend/cluster/store_stream.h"

#include <string.h>

typedef struct {
    GPtrArray *messages; /* of GBytes */
} Heard;

static void take(GBytes *message, gpointer user)
{
    g_ptr_array_add(((Heard *)user)->messages, g_bytes_ref(message));
}

static Heard heard_new(void)
{
    return (Heard){g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref)};
}

static void feed(StoreUnpacker *unpacker, GBytes *chunk, Heard *heard)
{
    gsize size;
    const void *data = g_bytes_get_data(chunk, &size);
    g_assert_cmpint(store_stream_kind(data, size), ==, STORE_CHUNK);
    g_assert_true(store_unpacker_feed(unpacker, data, size, take, heard));
}

static GBytes *make_message(gsize size, char fill)
{
    char *text = g_strnfill(size, fill);
    return g_bytes_new_take(text, size);
}

static void add(StorePacker *packer, gsize size, char fill)
{
    g_autoptr(GBytes) message = make_message(size, fill);
    store_packer_add(packer, message);
}

static void assert_heard(const Heard *heard, guint index, gsize size, char fill)
{
    g_autoptr(GBytes) expected = make_message(size, fill);
    g_assert_cmpuint(index, <, heard->messages->len);
    g_assert_true(g_bytes_equal(heard->messages->pdata[index], expected));
}

static void test_together(void)
{
    StorePacker *packer = store_packer_new();
    StoreUnpacker *unpacker = store_unpacker_new();
    Heard heard = heard_new();
    add(packer, 5, 'a');
    add(packer, 0, 'b');
    add(packer, 1000, 'c');
    g_autoptr(GBytes) chunk = store_packer_take(packer);
    g_assert_null(store_packer_take(packer));
    g_assert_cmpuint(store_packer_waiting(packer), ==, 0);
    feed(unpacker, chunk, &heard);
    g_assert_cmpuint(heard.messages->len, ==, 3);
    assert_heard(&heard, 0, 5, 'a');
    assert_heard(&heard, 2, 1000, 'c');
    g_ptr_array_unref(heard.messages);
    store_unpacker_free(unpacker);
    store_packer_free(packer);
}

/* A message of several chunks; the second is lost on the way, or who hears came late. */
static void test_large_and_lost(void)
{
    StorePacker *packer = store_packer_new();
    StoreUnpacker *all = store_unpacker_new(), *late = store_unpacker_new(),
                  *lossy = store_unpacker_new();
    Heard heard_all = heard_new(), heard_late = heard_new(), heard_lossy = heard_new();
    add(packer, 10, 'x');
    add(packer, (gsize)3 * STORE_CHUNK_MAX, 'l');
    add(packer, 20, 'y');
    guint count = 0;
    for (;; count++) {
        g_autoptr(GBytes) chunk = store_packer_take(packer);
        if (!chunk)
            break;
        g_assert_cmpuint(g_bytes_get_size(chunk), <=, STORE_CHUNK_MAX + 64);
        feed(all, chunk, &heard_all);
        if (count > 0)
            feed(late, chunk, &heard_late);
        if (count != 1)
            feed(lossy, chunk, &heard_lossy);
    }
    g_assert_cmpuint(count, ==, 4);
    g_assert_cmpuint(heard_all.messages->len, ==, 3);
    assert_heard(&heard_all, 1, (gsize)3 * STORE_CHUNK_MAX, 'l');
    g_assert_cmpuint(heard_late.messages->len, ==, 1);
    assert_heard(&heard_late, 0, 20, 'y');
    g_assert_cmpuint(heard_lossy.messages->len, ==, 2);
    assert_heard(&heard_lossy, 1, 20, 'y');
    /* What waits is dropped with a message that was begun. */
    add(packer, (gsize)2 * STORE_CHUNK_MAX, 'd');
    g_autoptr(GBytes) begun = store_packer_take(packer);
    feed(all, begun, &heard_all);
    store_packer_drop(packer);
    add(packer, 7, 'z');
    g_autoptr(GBytes) next = store_packer_take(packer);
    feed(all, next, &heard_all);
    g_assert_cmpuint(heard_all.messages->len, ==, 4);
    assert_heard(&heard_all, 3, 7, 'z');
    g_ptr_array_unref(heard_all.messages);
    g_ptr_array_unref(heard_late.messages);
    g_ptr_array_unref(heard_lossy.messages);
    store_unpacker_free(all);
    store_unpacker_free(late);
    store_unpacker_free(lossy);
    store_packer_free(packer);
}

static void test_hello(void)
{
    const StoreHello hello = {.nonce = 1,
                              .view = 9,
                              .cluster = 2,
                              .birth = 3,
                              .revision = 4,
                              .applied = 5,
                              .flags = STORE_HELLO_RENEW,
                              .state = 6};
    g_autoptr(GBytes) bytes = store_hello_encode(&hello);
    gsize size;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    StoreHello read = {0};
    g_assert_cmpint(store_stream_kind(data, size), ==, STORE_HELLO);
    g_assert_true(store_hello_decode(data, size, &read));
    g_assert_true(read.nonce == 1 && read.view == 9 && read.cluster == 2 && read.birth == 3 &&
                  read.revision == 4 && read.applied == 5 && read.flags == STORE_HELLO_RENEW &&
                  read.state == 6);
    g_assert_false(store_hello_decode(data, size - 1, &read));
    g_assert_false(store_hello_decode("\3\1", 2, &read));
    g_assert_cmpint(store_stream_kind("\3\1", 2), ==, 0);
    g_assert_cmpint(store_stream_kind("", 0), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store-stream/together", test_together);
    g_test_add_func("/store-stream/large-and-lost", test_large_and_lost);
    g_test_add_func("/store-stream/hello", test_hello);
    return g_test_run();
}
