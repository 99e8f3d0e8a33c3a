#include "backend/cluster/store_content.h"

#include <string.h>

/* The XML of a guest, about as libvirt writes it: the same words again and again. */
static GBytes *definition_of(guint number, guint disks)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "<domain type='kvm'>\n  <name>guest-%u</name>\n", number);
    for (guint i = 0; i < disks; i++)
        g_string_append_printf(
            text,
            "  <disk type='file' device='disk'>\n    <source file='/srv/%u/disk-%u.qcow2'/>\n"
            "    <target dev='vd%c' bus='virtio'/>\n  </disk>\n",
            number, i, 'a' + (char)(i % 26));
    g_string_append(text, "</domain>\n");
    return g_string_free_to_bytes(text);
}

static StoreContent *content_of(GBytes *bytes)
{
    gsize size;
    gconstpointer data = g_bytes_get_data(bytes, &size);
    return store_content_new(data, size);
}

static void assert_same(GBytes *bytes)
{
    g_autoptr(StoreContent) content = content_of(bytes);
    g_autoptr(GBytes) again = store_content_bytes(content);
    g_assert_cmpuint(store_content_size(content), ==, g_bytes_get_size(bytes));
    g_assert_cmpuint(store_content_held(content), <=, g_bytes_get_size(bytes));
    g_assert_true(g_bytes_equal(bytes, again));
}

static void test_sizes(void)
{
    static const gsize sizes[] = {0, 1, 511, 512, 513, 4096, 131072, 131073, 1 << 20};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = g_malloc(sizes[i] + 1);
        for (gsize j = 0; j < sizes[i]; j++)
            text[j] = (char)(j % 97);
        g_autoptr(GBytes) bytes = g_bytes_new(text, sizes[i]);
        assert_same(bytes);
    }
}

static void test_noise(void)
{
    guint32 noise[2048];
    for (guint i = 0; i < G_N_ELEMENTS(noise); i++)
        noise[i] = g_test_rand_int_range(G_MININT32, G_MAXINT32);
    g_autoptr(GBytes) bytes = g_bytes_new(noise, sizeof noise);
    g_autoptr(StoreContent) content = content_of(bytes);
    g_assert_cmpuint(store_content_held(content), ==, sizeof noise);
    assert_same(bytes);
}

static void test_definition(void)
{
    g_autoptr(GBytes) bytes = definition_of(101, 30);
    g_autoptr(StoreContent) content = content_of(bytes);
    g_assert_cmpuint(store_content_held(content), <, g_bytes_get_size(bytes) / 3);
    assert_same(bytes);
}

static void test_equal(void)
{
    g_autoptr(GBytes) one = definition_of(101, 8), other = definition_of(102, 8);
    g_autoptr(StoreContent) a = content_of(one), b = content_of(one), c = content_of(other);
    g_assert_true(store_content_equal(a, b));
    g_assert_false(store_content_equal(a, c));
}

/* What was asked for stays when the document is gone. */
static void test_outlives(void)
{
    static const char text[] = "small";
    StoreContent *content = store_content_new(text, sizeof text);
    g_autoptr(GBytes) bytes = store_content_bytes(content);
    store_content_unref(content);
    gsize size;
    gconstpointer data = g_bytes_get_data(bytes, &size);
    g_assert_cmpmem(data, size, text, sizeof text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store-content/sizes", test_sizes);
    g_test_add_func("/store-content/noise", test_noise);
    g_test_add_func("/store-content/definition", test_definition);
    g_test_add_func("/store-content/equal", test_equal);
    g_test_add_func("/store-content/outlives", test_outlives);
    return g_test_run();
}
