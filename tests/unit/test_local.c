#include "agent/local/local.h"
#include "tests/unit/wait.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
    char *directory, *path;
    Local *local;
    guint done;
    json_t *rows;
    GPtrArray *tasks; /* identifiers */
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("gantry-local-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "local.db", NULL);
    fixture->local = local_open(fixture->path, NULL, NULL);
    fixture->tasks = g_ptr_array_new_with_free_func(g_free);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    g_assert_true(local_close(fixture->local));
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    json_decref(fixture->rows);
    g_ptr_array_unref(fixture->tasks);
    g_free(fixture->directory);
    g_free(fixture->path);
}

static void on_done(const GError *error, gpointer user)
{
    g_assert_no_error(error);
    ((Fixture *)user)->done++;
}

static void on_rows(json_t *rows, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    g_assert_no_error(error);
    json_decref(fixture->rows);
    fixture->rows = json_incref(rows);
    fixture->done++;
}

static void on_tasks(GPtrArray *tasks, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    g_assert_no_error(error);
    g_ptr_array_set_size(fixture->tasks, 0);
    for (guint i = 0; i < tasks->len; i++)
        g_ptr_array_add(fixture->tasks,
                        g_strdup(((const TaskInfo *)g_ptr_array_index(tasks, i))->id));
    fixture->done++;
}

static const char *row_text(Fixture *fixture, size_t row, const char *key)
{
    return wire_get_string(json_array_get(fixture->rows, row), key, NULL);
}

static void test_audit_and_events(Fixture *fixture, gconstpointer data)
{
    g_autoptr(json_t) params = json_pack("{s:s}", "guest", "vm/100");
    for (int i = 0; i < 3; i++) {
        g_autofree char *result = g_strdup_printf("result %d", i);
        local_audit_add(fixture->local,
                        &(LocalAudit){.who = "anna",
                                      .uid = 1000,
                                      .method = "guest.stop",
                                      .params = params,
                                      .result = result},
                        on_done, fixture);
    }
    local_audit_list(fixture->local, NULL, 2, on_rows, fixture);
    WAIT_FOR(fixture->done == 4);
    g_assert_cmpuint(json_array_size(fixture->rows), ==, 2);
    g_assert_cmpstr(row_text(fixture, 0, "result"), ==, "result 2");
    g_assert_cmpstr(row_text(fixture, 1, "result"), ==, "result 1");
    g_assert_cmpstr(row_text(fixture, 1, "params"), ==, "{\"guest\":\"vm/100\"}");
    g_assert_cmpint(wire_get_integer(json_array_get(fixture->rows, 0), "uid", 0), ==, 1000);
    g_assert_true(json_is_null(json_object_get(json_array_get(fixture->rows, 0), "object")));

    g_autofree char *before = g_strdup(row_text(fixture, 1, "id"));
    local_audit_list(fixture->local, before, 10, on_rows, fixture);
    WAIT_FOR(fixture->done == 5);
    g_assert_cmpuint(json_array_size(fixture->rows), ==, 1);
    g_assert_cmpstr(row_text(fixture, 0, "result"), ==, "result 0");

    g_autofree char *large = g_strnfill(LOCAL_TEXT_MAX + 10, 'x');
    local_event_add(fixture->local, &(LocalEvent){.severity = "info", .text = large}, on_done,
                    fixture);
    local_event_add(fixture->local,
                    &(LocalEvent){.severity = "error", .text = "bad \xff byte", .who = "bob"},
                    on_done, fixture);
    local_event_list(fixture->local, NULL, 10, on_rows, fixture);
    WAIT_FOR(fixture->done == 8);
    g_assert_cmpuint(json_array_size(fixture->rows), ==, 2);
    g_assert_cmpstr(row_text(fixture, 0, "text"), ==, "bad \xef\xbf\xbd byte");
    g_assert_cmpuint(strlen(row_text(fixture, 1, "text")), ==, LOCAL_TEXT_MAX);
}

static void save_task(Fixture *fixture, gint64 time, TaskState state, gboolean unrecovered)
{
    g_autoptr(TaskInfo) info = task_info_new();
    g_free(info->id);
    info->id = task_id_make(time, "node1");
    info->state = state;
    info->unrecovered = unrecovered;
    info->created = (double)time / G_USEC_PER_SEC;
    if (task_info_ended(info))
        info->ended = info->created;
    local_task_save(fixture->local, info, on_done, fixture);
}

static void test_tasks_are_trimmed(Fixture *fixture, gconstpointer data)
{
    gint64 now = g_get_real_time(), day = G_TIME_SPAN_DAY;
    save_task(fixture, now - 40 * day, TASK_DONE, FALSE);
    save_task(fixture, now - 39 * day, TASK_RUNNING, FALSE);
    save_task(fixture, now - 38 * day, TASK_FAILED, TRUE);
    save_task(fixture, now - 1 * day, TASK_FAILED, FALSE);
    save_task(fixture, now, TASK_DONE, FALSE);
    local_task_load(fixture->local, 1, on_tasks, fixture);
    WAIT_FOR(fixture->done == 6);
    g_assert_cmpuint(fixture->tasks->len, ==, 3); /* the two open ones and the newest */
    local_trim(fixture->local, 30, on_done, fixture);
    local_task_list(fixture->local, NULL, 100, on_tasks, fixture);
    WAIT_FOR(fixture->done == 8);
    g_assert_cmpuint(fixture->tasks->len, ==, 4);
    g_autofree char *newest = task_id_make(now, "node1");
    g_assert_cmpstr(g_ptr_array_index(fixture->tasks, 0), ==, newest);
    local_task_list(fixture->local, newest, 2, on_tasks, fixture);
    WAIT_FOR(fixture->done == 9);
    g_assert_cmpuint(fixture->tasks->len, ==, 2);
    g_autofree char *next = task_id_make(now - day, "node1");
    g_assert_cmpstr(g_ptr_array_index(fixture->tasks, 0), ==, next);
}

static void test_rows_are_bounded(Fixture *fixture, gconstpointer data)
{
    guint count = LOCAL_EVENT_ROWS + 25;
    for (guint i = 0; i < count; i++)
        local_event_add(fixture->local, &(LocalEvent){.severity = "info", .text = "x"}, on_done,
                        fixture);
    local_trim(fixture->local, 30, on_done, fixture);
    local_event_list(fixture->local, NULL, G_MAXUINT, on_rows, fixture);
    WAIT_FOR(fixture->done == count + 2);
    g_assert_cmpuint(json_array_size(fixture->rows), ==, LOCAL_EVENT_ROWS);
    g_assert_cmpstr(row_text(fixture, 0, "id"), ==, "000000010025");
}

static void test_identifiers(void)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "20261123T101500.123456-",
                                      "../20261123",
                                      "20261123T101500.123456-a/b",
                                      "20261323T101500.123456-node1",
                                      "20261123T101500.123456_node1"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(task_id_check(bad[i]));
    g_assert_false(task_id_check(NULL));
    g_autofree char *id = task_id_make(G_GINT64_CONSTANT(1795428900123456), "a_b/c");
    g_assert_cmpstr(id, ==, "20261123T101500.123456-a-b-c");
    g_assert_true(task_id_check(id));
    g_assert_cmpint(task_id_time(id), ==, G_GINT64_CONSTANT(1795428900123456));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                    \
    g_test_add("/local/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("audit-and-events", test_audit_and_events);
    ADD("tasks-are-trimmed", test_tasks_are_trimmed);
    ADD("rows-are-bounded", test_rows_are_bounded);
    g_test_add_func("/local/identifiers", test_identifiers);
    return g_test_run();
}
