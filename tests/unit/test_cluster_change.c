/* Changes of corosync.conf: the messages, and what each step leaves on disk. */
#include "backend/cluster/change_files.h"
#include "backend/cluster/change_message.h"
#include "backend/wire/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* ---- messages ---- */

static void test_messages(void)
{
    for (int kind = 0; kind < CHANGE_KIND_COUNT; kind++) {
        ChangeMessage message = {.kind = (ChangeKind)kind,
                                 .change = (char *)"node1-1",
                                 .hash = (char *)"abc",
                                 .text = (char *)"totem {\n}\n",
                                 .version = G_MAXINT64,
                                 .without = 3};
        char *line = change_message_write(&message);
        g_autoptr(ChangeMessage) back = change_message_read(line, strlen(line), NULL);
        g_assert_nonnull(back);
        g_assert_cmpint(back->kind, ==, kind);
        g_assert_cmpstr(back->change, ==, "node1-1");
        g_assert_cmpstr(back->text, ==, message.text);
        g_assert_cmpstr(back->reason, ==, "");
        g_assert_cmpuint(back->version, ==, G_MAXINT64);
        g_assert_cmpuint(back->without, ==, 3);
        free(line);
    }
}

static void test_messages_refused(void)
{
    g_autofree char *wide = g_strnfill(CHANGE_ID_MAX + 1, 'x');
    g_autofree char *long_name = g_strdup_printf(
        "{\"kind\":\"here\",\"change\":\"%s\",\"hash\":\"\",\"text\":\"\",\"reason\":\"\","
        "\"version\":1,\"without\":0}",
        wide);
    const char *const wrong[] = {
        "",
        "[]",
        "{\"kind\":\"here\"}",
        "{\"kind\":\"pray\",\"change\":\"\",\"hash\":\"\",\"text\":\"\",\"reason\":\"\","
        "\"version\":1,\"without\":0}",
        "{\"kind\":\"here\",\"change\":\"\",\"hash\":\"\",\"text\":\"\",\"reason\":\"\","
        "\"version\":-1,\"without\":0}",
        "{\"kind\":\"here\",\"change\":3,\"hash\":\"\",\"text\":\"\",\"reason\":\"\","
        "\"version\":1,\"without\":0}",
        long_name,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(change_message_read(wrong[i], strlen(wrong[i]), &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_PARSE);
    }
}

/* ---- files ---- */

typedef struct {
    char *path;
    int directory;
    char *base, *next; /* texts of version 4 and 5 */
    char *hash;
} Fixture;

static char *text_of(const char *cluster, guint64 version, const char *node)
{
    g_autoptr(CorosyncText) conf = corosync_conf_new(cluster);
    CorosyncNode own = {
        .id = 1, .name = (char *)node, .votes = 1, .addresses = {(char *)"192.0.2.1"}};
    g_assert_true(corosync_conf_add_node(conf, &own, NULL));
    corosync_conf_set_version(conf, version);
    return corosync_text_dump(conf);
}

static void put(const Fixture *f, const char *name, const char *text)
{
    g_assert_true(corosync_file_write(f->directory, name, text, strlen(text), 0644, NULL));
}

static void set_up(Fixture *f, gconstpointer data)
{
    f->path = g_dir_make_tmp("gantry-change-XXXXXX", NULL);
    f->directory = corosync_directory_open(f->path, NULL);
    f->base = text_of("lab", 4, "n1");
    f->next = text_of("lab", 5, "n1");
    f->hash = change_hash(f->base);
    put(f, COROSYNC_CONF, f->base);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    static const char *const names[] = {COROSYNC_CONF, COROSYNC_CONF_NEW, COROSYNC_CONF_OLD};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        (void)corosync_file_remove(f->directory, names[i], NULL);
    close(f->directory);
    g_assert_cmpint(g_rmdir(f->path), ==, 0);
    g_free(f->path);
    g_free(f->base);
    g_free(f->next);
    g_free(f->hash);
}

/* The file in force, and whether the two beside it are there. */
static void check_disk(const Fixture *f, const char *text, gboolean fresh, gboolean old)
{
    g_autoptr(CorosyncText) conf = corosync_file_load(f->directory, COROSYNC_CONF, NULL);
    g_autofree char *found = corosync_text_dump(conf);
    g_assert_cmpstr(found, ==, text);
    g_assert_cmpint(corosync_file_exists(f->directory, COROSYNC_CONF_NEW), ==, fresh);
    g_assert_cmpint(corosync_file_exists(f->directory, COROSYNC_CONF_OLD), ==, old);
}

static void test_kept(Fixture *f, gconstpointer data)
{
    g_assert_true(change_files_prepare(f->directory, "n1", f->next, f->hash, NULL));
    check_disk(f, f->base, TRUE, FALSE);
    g_assert_true(change_files_commit(f->directory, NULL));
    check_disk(f, f->next, FALSE, TRUE);
    g_assert_true(change_files_keep(f->directory, NULL));
    check_disk(f, f->next, FALSE, FALSE);
    g_assert_true(change_files_keep(f->directory, NULL)); /* again */
}

/* Taken back before it came into force: as if nothing had been. */
static void test_undone_early(Fixture *f, gconstpointer data)
{
    gboolean undone = TRUE;
    g_assert_true(change_files_prepare(f->directory, "n1", f->next, f->hash, NULL));
    g_assert_true(change_files_undo(f->directory, 6, &undone, NULL));
    g_assert_false(undone);
    check_disk(f, f->base, FALSE, FALSE);
}

/* And after: what was before, above the version that some may have loaded. */
static void test_undone_late(Fixture *f, gconstpointer data)
{
    gboolean undone = FALSE;
    g_autofree char *expected = text_of("lab", 6, "n1");
    g_assert_true(change_files_prepare(f->directory, "n1", f->next, f->hash, NULL));
    g_assert_true(change_files_commit(f->directory, NULL));
    g_assert_true(change_files_undo(f->directory, 6, &undone, NULL));
    g_assert_true(undone);
    check_disk(f, expected, FALSE, FALSE);
    g_assert_true(change_files_undo(f->directory, 6, &undone, NULL)); /* again */
    g_assert_false(undone);
    check_disk(f, expected, FALSE, FALSE);
}

static void refuse(const Fixture *f, WireErrorCode code, const char *node, const char *text,
                   const char *base)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(change_files_prepare(f->directory, node, text, base, &error));
    g_assert_error(error, WIRE_ERROR, (gint)code);
    check_disk(f, f->base, FALSE, FALSE);
}

static void test_refused(Fixture *f, gconstpointer data)
{
    g_autofree char *later = text_of("lab", 6, "n1");
    refuse(f, WIRE_ERROR_STATE, "n1", f->next, "another hash");
    refuse(f, WIRE_ERROR_STATE, "n1", later, f->hash);
    refuse(f, WIRE_ERROR_CONFLICT, "n2", f->next, f->hash);
    refuse(f, WIRE_ERROR_CONFIG, "n1", "totem {\n}\n", f->hash);
    refuse(f, WIRE_ERROR_CONFIG, "n1", "totem {", f->hash);
    g_autoptr(GError) error = NULL;
    g_assert_false(change_files_commit(f->directory, &error)); /* nothing was prepared */
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_assert_true(corosync_file_remove(f->directory, COROSYNC_CONF_OLD, NULL));
    check_disk(f, f->base, FALSE, FALSE);
}

/* What comes from the cluster may have another name: it was renamed. */
static void test_renamed(Fixture *f, gconstpointer data)
{
    g_autofree char *other = text_of("other", 5, "n1");
    g_assert_true(change_files_prepare(f->directory, "n1", other, f->hash, NULL));
    g_assert_true(change_files_commit(f->directory, NULL));
    check_disk(f, other, FALSE, TRUE);
}

static void test_adopted(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *same = text_of("lab", 4, "n1");
    g_autofree char *far = text_of("lab", 9, "n1");
    g_assert_false(change_files_adopt(f->directory, "n1", same, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STATE);
    g_clear_error(&error);
    g_assert_false(change_files_adopt(f->directory, "n2", far, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFLICT);
    check_disk(f, f->base, FALSE, FALSE);
    /* In the middle of a change that this node missed the end of. */
    g_assert_true(change_files_prepare(f->directory, "n1", f->next, f->hash, NULL));
    g_assert_true(change_files_commit(f->directory, NULL));
    g_assert_true(change_files_adopt(f->directory, "n1", far, NULL));
    check_disk(f, far, FALSE, FALSE);
}

#define ADD(name, test) g_test_add("/change/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/change/messages", test_messages);
    g_test_add_func("/change/messages-refused", test_messages_refused);
    ADD("kept", test_kept);
    ADD("undone-early", test_undone_early);
    ADD("undone-late", test_undone_late);
    ADD("refused", test_refused);
    ADD("renamed", test_renamed);
    ADD("adopted", test_adopted);
    return g_test_run();
}
