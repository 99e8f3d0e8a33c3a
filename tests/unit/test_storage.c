#include "backend/storage/image.h"
#include "backend/storage/storage.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_text(guint8 *head, size_t at, const char *text)
{
    for (size_t i = 0; text[i]; i++)
        head[at + i] = (guint8)text[i];
}

static void put_big(guint8 *head, size_t at, guint64 number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        head[at + i] = (guint8)(number >> 8 * (size - 1 - i));
}

/* A header of version 3 with clusters of 64 KiB. */
static void make_qcow2(guint8 *head, guint64 size, const char *backing)
{
    memset(head, 0, 512);
    put_text(head, 0, "QFI\xfb");
    put_big(head, 4, 3, 4);
    put_big(head, 20, 16, 4);
    put_big(head, 24, size, 8);
    put_big(head, 100, 104, 4);
    if (backing) {
        put_big(head, 8, 256, 8);
        put_big(head, 16, strlen(backing), 4);
        put_text(head, 256, backing);
    }
}

static void test_qcow2(void)
{
    guint8 head[512];
    StorageImage image;
    make_qcow2(head, 10ull << 30, "/srv/base.img");
    storage_image_probe(head, sizeof head, &image);
    g_assert_cmpstr(image.format, ==, "qcow2");
    g_assert_cmpuint(image.size, ==, 10ull << 30);
    g_assert_cmpstr(image.backing, ==, "/srv/base.img");
    g_assert_false(image.damaged);
    g_assert_false(image.encrypted);

    put_big(head, 32, 2, 4);
    storage_image_probe(head, sizeof head, &image);
    g_assert_true(image.encrypted);
    put_big(head, 72, 2, 8); /* marked corrupt */
    storage_image_probe(head, sizeof head, &image);
    g_assert_true(image.damaged);
    g_assert_cmpuint(image.size, ==, 10ull << 30);
}

static void check_damaged(size_t at, guint64 number, size_t size)
{
    guint8 head[512];
    StorageImage image;
    make_qcow2(head, 1 << 20, "base");
    put_big(head, at, number, size);
    storage_image_probe(head, sizeof head, &image);
    g_assert_cmpstr(image.format, ==, "qcow2");
    g_assert_true(image.damaged);
}

static void test_qcow2_damaged(void)
{
    check_damaged(4, 4, 4);  /* version */
    check_damaged(20, 8, 4); /* cluster bits */
    check_damaged(20, 63, 4);
    check_damaged(24, G_MAXUINT64, 8);    /* size */
    check_damaged(8, G_MAXUINT64 - 1, 8); /* place of the backing file's name */
    check_damaged(8, 65535, 8);           /* it would leave the first cluster */
    check_damaged(16, 1024, 4);           /* its length */
    guint8 head[512];
    StorageImage image;
    make_qcow2(head, 1 << 20, "base");
    for (size_t length = 4; length < 104; length++) {
        storage_image_probe(head, length, &image);
        g_assert_true(image.damaged);
    }
    /* The name lies past what was read: not known, but sound. */
    put_big(head, 8, 4000, 8);
    storage_image_probe(head, sizeof head, &image);
    g_assert_false(image.damaged);
    g_assert_cmpstr(image.backing, ==, "");
}

static void test_other_formats(void)
{
    static guint8 head[STORAGE_IMAGE_HEAD];
    StorageImage image;
    storage_image_probe(head, STORAGE_IMAGE_HEAD, &image);
    g_assert_cmpstr(image.format, ==, "raw");
    storage_image_probe(head, 0, &image);
    g_assert_cmpstr(image.format, ==, "raw");
    put_text(head, 32769, "CD001");
    storage_image_probe(head, STORAGE_IMAGE_HEAD, &image);
    g_assert_cmpstr(image.format, ==, "iso");
    put_text(head, 0, "KDMV");
    head[13] = 1;
    storage_image_probe(head, STORAGE_IMAGE_HEAD, &image);
    g_assert_cmpstr(image.format, ==, "vmdk");
    g_assert_cmpuint(image.size, ==, 131072);
    memset(head + 12, 0xff, 8);
    storage_image_probe(head, STORAGE_IMAGE_HEAD, &image);
    g_assert_true(image.damaged);
    put_text(head, 0, "LUKS\xba\xbe");
    storage_image_probe(head, STORAGE_IMAGE_HEAD, &image);
    g_assert_true(image.encrypted);
}

static void test_pool(void)
{
    Storage storage = {0};
    g_assert_true(storage_pool_parse("<pool type='netfs'><name>x</name><source><name>n</name>"
                                     "</source><target><path>/mnt/x</path></target></pool>",
                                     &storage));
    g_assert_cmpstr(storage.type, ==, "netfs");
    g_assert_cmpstr(storage.path, ==, "/mnt/x");
    g_assert_true(storage_pool_parse("<pool type='rbd'><source><name>n</name></source></pool>",
                                     &storage));
    g_assert_cmpstr(storage.path, ==, "n");
    g_assert_false(storage_pool_parse("", &storage));
    g_assert_false(storage_pool_parse("<domain type='kvm'/>", &storage));
    g_assert_false(storage_pool_parse("<pool><target>", &storage));
    g_assert_cmpstr(storage.type, ==, "rbd"); /* untouched */
    g_free(storage.type);
    g_free(storage.path);
}

static void put_file(int directory, const char *name, const void *bytes, size_t length)
{
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    g_assert_cmpint(file, >=, 0);
    g_assert_cmpint(write(file, bytes, length), ==, (gssize)length);
    (void)close(file);
}

static void remove_tree(int directory, const char *const *names)
{
    for (; *names; names++)
        g_assert_cmpint(
            unlinkat(directory, *names, g_str_has_suffix(*names, "/") ? AT_REMOVEDIR : 0), ==,
            0);
}

static void test_directory(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_dir_make_tmp("storage-XXXXXX", &error);
    g_assert_no_error(error);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    guint8 head[512];
    make_qcow2(head, 1 << 30, "base.img");
    g_assert_cmpint(mkdirat(directory, "images", 0700), ==, 0);
    g_assert_cmpint(mkdirat(directory, "rootfs", 0700), ==, 0);
    put_file(directory, "notes", "hello", 5);
    put_file(directory, ".hidden.img", "x", 1);
    put_file(directory, "images/a.qcow2", head, sizeof head);
    put_file(directory, "images/b.img", "x", 1);
    put_file(directory, "images/readme", "x", 1);
    put_file(directory, "rootfs/c.img", "x", 1);
    g_assert_cmpint(symlinkat("/etc", directory, "out"), ==, 0);
    g_assert_cmpint(symlinkat("/etc/passwd", directory, "passwd.img"), ==, 0);
    g_assert_cmpint(mkfifoat(directory, "fifo.img", 0600), ==, 0);

    StorageListing listing = {0};
    g_assert_true(storage_volumes_read(path, &listing, &error));
    g_assert_no_error(error);
    g_assert_false(listing.more);
    g_assert_cmpuint(listing.volumes->len, ==, 3);
    const StorageVolume *a = listing.volumes->pdata[0], *notes = listing.volumes->pdata[2];
    g_assert_cmpstr(a->name, ==, "images/a.qcow2");
    g_assert_cmpstr(a->format, ==, "qcow2");
    g_assert_cmpuint(a->size, ==, 1 << 30);
    g_assert_cmpstr(a->backing, ==, "base.img");
    g_assert_cmpint(a->modified, >, 0);
    g_assert_cmpstr(((StorageVolume *)listing.volumes->pdata[1])->name, ==, "images/b.img");
    g_assert_cmpstr(notes->name, ==, "notes");
    g_assert_cmpstr(notes->format, ==, "raw");
    g_assert_cmpuint(notes->size, ==, 5);
    storage_listing_clear(&listing);

    g_autoptr(Storage) storage = storage_measure("local", path);
    g_assert_cmpstr(storage_state_name(storage->state), ==, "available");
    g_assert_cmpstr(storage->type, ==, "dir");
    g_assert_nonnull(storage->filesystem);
    g_assert_cmpuint(storage->total, >, 0);
    g_assert_cmpuint(storage->used, <=, storage->total);

    static const char *const names[] = {"notes",        ".hidden.img",   "images/a.qcow2",
                                        "images/b.img", "images/readme", "rootfs/c.img",
                                        "out",          "passwd.img",    "fifo.img",
                                        "images/",      "rootfs/",       NULL};
    remove_tree(directory, names);
    (void)close(directory);
    g_assert_cmpint(g_rmdir(path), ==, 0);
    g_assert_false(storage_volumes_read(path, &listing, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_autoptr(Storage) missing = storage_measure("local", path);
    g_assert_cmpint(missing->state, ==, STORAGE_FAILED);
    g_assert_nonnull(missing->reason);
    g_autoptr(Storage) file = storage_measure("local", "/etc/passwd");
    g_assert_cmpint(file->state, ==, STORAGE_FAILED);
}

/* libvirt's own driver for tests has a pool, and needs no daemon. */
static void test_libvirt_pools(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) pools = storage_pools_read("test:///default", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(pools->len, ==, 1);
    const Storage *pool = pools->pdata[0];
    g_assert_cmpstr(pool->name, ==, "default-pool");
    g_assert_cmpstr(pool->type, ==, "dir");
    g_assert_cmpint(pool->state, ==, STORAGE_AVAILABLE);
    g_assert_cmpuint(pool->total, >, 0);
    const char *const known[] = {pool->path, NULL};
    g_autoptr(GPtrArray) others = storage_pools_read("test:///default", known, &error);
    g_assert_cmpuint(others->len, ==, 0);

    StorageListing listing = {0};
    g_assert_true(
        storage_pool_volumes_read("test:///default", "default-pool", &listing, &error));
    g_assert_no_error(error);
    storage_listing_clear(&listing);
    g_assert_false(storage_pool_volumes_read("test:///default", "none", &listing, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(storage_pools_read("nonsense:///x", NULL, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/storage/qcow2", test_qcow2);
    g_test_add_func("/storage/qcow2-damaged", test_qcow2_damaged);
    g_test_add_func("/storage/other-formats", test_other_formats);
    g_test_add_func("/storage/pool", test_pool);
    g_test_add_func("/storage/directory", test_directory);
    g_test_add_func("/storage/libvirt-pools", test_libvirt_pools);
    return g_test_run();
}
