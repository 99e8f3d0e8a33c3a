/* What is heard of libvirt's files: a directory such as qemu:///session has, in
 * which the test does what libvirt does. */
#include "backend/guest/kvm_events.h"
#include "backend/guest/kvm_files.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

enum { PATIENCE = 10 * G_USEC_PER_SEC };

typedef struct {
    GAsyncQueue *heard; /* of char *; "*" for any */
    gint released;
} Ear;

static char *root; /* .../libvirt/qemu, where definitions are; the live ones are in run/ */

static void on_changed(const char *name, gpointer user)
{
    g_async_queue_push(((Ear *)user)->heard, g_strdup(name ? name : "*"));
}

static void on_release(gpointer user)
{
    g_atomic_int_set(&((Ear *)user)->released, 1);
    g_async_queue_push(((Ear *)user)->heard, g_strdup("released"));
}

/* Waits until that name is heard, whatever else is before. */
static void expect(Ear *ear, const char *name)
{
    for (;;) {
        g_autofree char *heard = g_async_queue_timeout_pop(ear->heard, PATIENCE);
        g_assert_nonnull(heard);
        if (g_str_equal(heard, name))
            return;
    }
}

static void expect_nothing_before(Ear *ear, const char *name)
{
    g_autofree char *heard = g_async_queue_timeout_pop(ear->heard, PATIENCE);
    g_assert_cmpstr(heard, ==, name);
}

static void drain(Ear *ear)
{
    char *heard;
    while ((heard = g_async_queue_try_pop(ear->heard)))
        g_free(heard);
}

static void write_file(const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    int file = g_open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(file, >=, 0);
    close(file);
}

static void rename_file(const char *from, const char *to)
{
    g_autofree char *a = g_build_filename(root, from, NULL);
    g_autofree char *b = g_build_filename(root, to, NULL);
    g_assert_cmpint(g_rename(a, b), ==, 0);
}

static void remove_file(const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_assert_cmpint(g_remove(path), ==, 0);
}

static void make_directory(const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
}

static void link_file(const char *to, const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_assert_cmpint(symlink(to, path), ==, 0);
}

static void test_changes(void)
{
    Ear ear = {g_async_queue_new(), 0};
    make_directory("save");
    make_directory("run");
    KvmFiles *files = kvm_files_watch("qemu:///session", on_changed, &ear, on_release);
    g_assert_nonnull(files);

    /* libvirt writes beside and renames; the name beside is nobody's */
    write_file("a b.xml.new");
    rename_file("a b.xml.new", "a b.xml");
    expect_nothing_before(&ear, "a b");
    write_file("save/a b.save");
    expect(&ear, "a b");
    drain(&ear);
    remove_file("save/a b.save");
    expect(&ear, "a b");

    write_file("run/a b.xml");
    expect(&ear, "a b");
    drain(&ear);

    /* the directory comes with the first link, which may come before it is watched */
    make_directory("autostart");
    expect(&ear, "*");
    link_file("../a b.xml", "autostart/a b.xml");
    expect(&ear, "a b");
    remove_file("autostart/a b.xml");
    expect(&ear, "a b");

    /* what is nobody's */
    write_file(".xml");
    write_file("notes.txt");
    make_directory("networks.xml");
    write_file("end.xml");
    expect_nothing_before(&ear, "end");

    drain(&ear);
    g_assert_false(g_atomic_int_get(&ear.released));
    kvm_files_unwatch(files);
    expect(&ear, "released");
    write_file("late.xml");
    g_assert_null(g_async_queue_timeout_pop(ear.heard, G_USEC_PER_SEC / 20));
    g_async_queue_unref(ear.heard);
}

static void test_elsewhere(void)
{
    static const char *const uris[] = {
        "qemu+ssh://root@node/session",
        "qemu+tcp://node/session",
        "qemu://node/session",
        "test:///default",
        "lxc:///system",
        "qemu:///embed?root=/x",
        "",
        "not a uri",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++) {
        Ear ear = {g_async_queue_new(), 0};
        g_assert_null(kvm_files_watch(uris[i], on_changed, &ear, on_release));
        g_assert_true(g_atomic_int_get(&ear.released));
        drain(&ear);
        g_async_queue_unref(ear.heard);
    }
}

/* Before libvirt ever ran for this user. */
static void test_without_directories(void)
{
    Ear ear = {g_async_queue_new(), 0};
    g_assert_null(kvm_files_watch("qemu:///session", on_changed, &ear, on_release));
    g_assert_true(g_atomic_int_get(&ear.released));
    drain(&ear);
    g_async_queue_unref(ear.heard);
}

static void remove_all(const char *path)
{
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *below = g_build_filename(path, name, NULL);
        if (!g_file_test(below, G_FILE_TEST_IS_SYMLINK) &&
            g_file_test(below, G_FILE_TEST_IS_DIR))
            remove_all(below);
        else
            (void)g_remove(below);
    }
    (void)g_rmdir(path);
}

int main(int argc, char **argv)
{
    g_autofree char *home = g_dir_make_tmp("gantry-kvm-files-XXXXXX", NULL);
    g_assert_nonnull(home);
    g_setenv("XDG_CONFIG_HOME", home, TRUE);
    g_setenv("XDG_RUNTIME_DIR", home, TRUE);
    root = g_build_filename(home, "libvirt/qemu", NULL);
    g_test_init(&argc, &argv, NULL);
    g_assert_true(kvm_events_start());
    g_test_add_func("/kvm/files/without-directories", test_without_directories);
    g_test_add_func("/kvm/files/changes", test_changes);
    g_test_add_func("/kvm/files/elsewhere", test_elsewhere);
    int status = g_test_run();
    remove_all(home);
    g_free(root);
    return status;
}
