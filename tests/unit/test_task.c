/* The engine with real processes: this program is also the task's. */
#include "agent/task/engine.h"
#include "agent/task/files.h"
#include "tests/unit/task_handlers.h"
#include "tests/unit/wait.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TASKS_MAX 80

typedef struct {
    char *directory, *database, *tasks, *gate, *file;
    Local *local;
    TaskEngine *engine;
    guint parallel;
    gboolean loaded;
    GPtrArray *begun; /* identifiers in the order in which they were seen running */
    char *ids[TASKS_MAX];
    guint answers;
    WireErrorCode code;
    char *message;
    GString *log;
    gboolean log_read, log_end;
    guint64 log_next;
    int opened; /* the gate, or 0 */
} Fixture;

static void on_changed(const TaskInfo *info, gpointer user)
{
    Fixture *fixture = user;
    if (info->state == TASK_RUNNING &&
        !g_ptr_array_find_with_equal_func(fixture->begun, info->id, g_str_equal, NULL))
        g_ptr_array_add(fixture->begun, g_strdup(info->id));
}

static void on_loaded(const GError *error, gpointer user)
{
    ((Fixture *)user)->loaded = error == NULL;
}

static void start_agent(Fixture *fixture)
{
    static const TaskEvents events = {.changed = on_changed, .loaded = on_loaded};
    g_autoptr(json_t) settings = json_pack("{s:s}", "setting", "kept");
    fixture->loaded = FALSE;
    fixture->local = local_open(fixture->database, NULL, NULL);
    fixture->engine = task_engine_new(&(TaskSettings){.directory = fixture->tasks,
                                                      .node = "node_1",
                                                      .parallel = fixture->parallel,
                                                      .grace = 1,
                                                      .settings = settings},
                                      fixture->local, &events, fixture);
    WAIT_FOR(fixture->loaded);
}

static void stop_agent(Fixture *fixture)
{
    task_engine_free(g_steal_pointer(&fixture->engine));
    g_assert_true(local_close(g_steal_pointer(&fixture->local)));
}

static void restart_agent(Fixture *fixture)
{
    stop_agent(fixture);
    start_agent(fixture);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("gantry-task-XXXXXX", NULL);
    fixture->database = g_build_filename(fixture->directory, "local.db", NULL);
    fixture->tasks = g_build_filename(fixture->directory, "tasks", NULL);
    fixture->gate = g_build_filename(fixture->directory, "gate", NULL);
    fixture->file = g_build_filename(fixture->directory, "volume", NULL);
    fixture->begun = g_ptr_array_new_with_free_func(g_free);
    fixture->log = g_string_new(NULL);
    g_assert_cmpint(mkfifo(fixture->gate, 0600), ==, 0);
    start_agent(fixture);
}

static void remove_tree(const char *path)
{
    GDir *directory = g_dir_open(path, 0, NULL);
    const char *name;
    while (directory && (name = g_dir_read_name(directory))) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        remove_tree(inside);
    }
    if (directory)
        g_dir_close(directory);
    g_assert_cmpint(g_remove(path), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    stop_agent(fixture);
    if (fixture->opened)
        (void)close(fixture->opened);
    remove_tree(fixture->directory);
    for (int i = 0; i < TASKS_MAX; i++)
        g_free(fixture->ids[i]);
    g_ptr_array_unref(fixture->begun);
    g_string_free(fixture->log, TRUE);
    g_free(fixture->directory);
    g_free(fixture->database);
    g_free(fixture->tasks);
    g_free(fixture->gate);
    g_free(fixture->file);
    g_free(fixture->message);
}

/* Submitting, and waiting for the answer. */

static void on_submitted(const char *id, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    g_assert_true((id == NULL) == (error != NULL));
    fixture->ids[fixture->answers++] = g_strdup(id);
    g_clear_pointer(&fixture->message, g_free);
    if (error) {
        fixture->code = wire_error_code(error);
        fixture->message = g_strdup(error->message);
    }
}

static const char *submit_for(Fixture *fixture, const char *owner, const char *method,
                              const char *object, const char *params)
{
    g_autofree char *text = g_strdelimit(g_strdup(params), "'", '"');
    g_autoptr(json_t) object_params = json_loads(text, 0, NULL);
    g_assert_nonnull(object_params);
    json_object_set_new(object_params, "file", json_string(fixture->file));
    if (!json_object_get(object_params, "open"))
        json_object_set_new(object_params, "gate", json_string(fixture->gate));
    TaskSubmission submission = {.method = method,
                                 .object = object,
                                 .name = "web",
                                 .native = "uuid",
                                 .params = object_params,
                                 .owner = owner};
    guint before = fixture->answers;
    task_engine_submit(fixture->engine, &submission, on_submitted, fixture);
    g_assert_cmpuint(fixture->answers, ==, before);
    WAIT_FOR(fixture->answers == before + 1);
    return fixture->ids[before];
}

static const char *submit(Fixture *fixture, const char *method, const char *object,
                          const char *params)
{
    return submit_for(fixture, "anna", method, object, params);
}

static const TaskInfo *info_of(Fixture *fixture, const char *id)
{
    const TaskInfo *info = task_engine_find(fixture->engine, id);
    g_assert_nonnull(info);
    return info;
}

#define WAIT_STATE(id, wanted) WAIT_FOR(info_of(fixture, id)->state == (wanted))
#define WAIT_ENDED(id)         WAIT_FOR(task_info_ended(info_of(fixture, id)))
#define WAIT_DOING(id, wanted) WAIT_FOR(g_strcmp0(info_of(fixture, id)->doing, wanted) == 0)

/* The byte is there for everybody as long as somebody has the FIFO open. */
static void open_gate(Fixture *fixture)
{
    fixture->opened = g_open(fixture->gate, O_RDWR | O_CLOEXEC, 0);
    g_assert_cmpint(fixture->opened, >=, 0);
    g_assert_cmpint(write(fixture->opened, "x", 1), ==, 1);
}

static pid_t pid_of(Fixture *fixture, const char *id)
{
    g_autofree char *path = g_build_filename(fixture->tasks, id, "lock", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    pid_t pid = (pid_t)g_ascii_strtoll(text, NULL, 10);
    g_assert_cmpint(pid, >, 1);
    return pid;
}

static void on_log(const TaskLogPiece *piece, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    g_assert_no_error(error);
    g_string_append(fixture->log, piece->text);
    fixture->log_next = piece->next;
    fixture->log_end = piece->end;
    fixture->log_read = TRUE;
}

static const char *read_log(Fixture *fixture, const char *id)
{
    g_string_truncate(fixture->log, 0);
    fixture->log_next = 0;
    do {
        fixture->log_read = FALSE;
        task_log_read(fixture->engine, id, fixture->log_next, on_log, fixture);
        WAIT_FOR(fixture->log_read);
    } while (!fixture->log_end);
    return fixture->log->str;
}

/* Tests. */

static void test_run(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.echo", "vm/100", "{'text': 'hi'}");
    g_assert_true(task_id_check(id));
    g_assert_true(g_str_has_suffix(id, "-node-1"));
    g_assert_cmpint(info_of(fixture, id)->state, <=, TASK_RUNNING);
    WAIT_ENDED(id);
    const TaskInfo *info = info_of(fixture, id);
    g_assert_cmpint(info->state, ==, TASK_DONE);
    g_assert_cmpstr(wire_get_string(info->result, "text", NULL), ==, "hi");
    g_assert_cmpstr(wire_get_string(info->result, "native", NULL), ==, "uuid");
    g_assert_cmpstr(wire_get_string(info->result, "setting", NULL), ==, "kept");
    g_assert_cmpstr(info->doing, ==, "echoing");
    g_assert_cmpfloat(info->started, >=, info->created);
    g_assert_cmpfloat(info->ended, >=, info->started);
    const char *log = read_log(fixture, id);
    g_assert_nonnull(strstr(log, "hello from"));
    g_assert_cmpuint(info_of(fixture, id)->log_size, ==, strlen(log));

    restart_agent(fixture);
    info = info_of(fixture, id);
    g_assert_cmpint(info->state, ==, TASK_DONE);
    g_assert_cmpstr(wire_get_string(info->result, "text", NULL), ==, "hi");
    g_assert_cmpstr(info->owner, ==, "anna");
}

static void test_fail(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.fail", "vm/100", "{}");
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_FAILED);
    g_assert_cmpint(info_of(fixture, id)->code, ==, WIRE_ERROR_STATE);
    g_assert_cmpstr(info_of(fixture, id)->error, ==, "vm/100 is on fire");
    g_assert_cmpstr(info_of(fixture, id)->field, ==, "guest");
    id = submit(fixture, "test.unknown", "vm/100", "{}");
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->code, ==, WIRE_ERROR_METHOD);
}

static void test_cancel(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.wait", "vm/100", "{}");
    WAIT_DOING(id, "waiting");
    g_assert_true(task_engine_cancel(fixture->engine, id, "bob", NULL));
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_CANCELLED);
    g_assert_cmpstr(info_of(fixture, id)->error, ==, "cancelled by bob");
    g_autoptr(GError) error = NULL;
    g_assert_false(task_engine_cancel(fixture->engine, id, "bob", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STATE);
}

static void test_deaf_is_killed(Fixture *fixture, gconstpointer data)
{
    g_autofree char *held = g_build_filename(fixture->directory, "held", NULL);
    g_assert_cmpint(mkfifo(held, 0600), ==, 0);
    int fd = g_open(held, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    g_autofree char *params = g_strdup_printf("{'held': '%s'}", held);
    const char *id = submit(fixture, "test.deaf", "vm/100", params);
    WAIT_DOING(id, "waiting");
    g_assert_true(task_engine_cancel(fixture->engine, id, "bob", NULL));
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_CANCELLED);
    g_assert_nonnull(strstr(info_of(fixture, id)->error, "was killed"));
    /* The process that it had started is gone too: nobody holds the FIFO. */
    struct pollfd end = {fd, POLLIN, 0};
    g_assert_cmpint(poll(&end, 1, 10000), ==, 1);
    g_assert_true(end.revents & POLLHUP);
    (void)close(fd);
}

static void test_killed(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.wait", "vm/100", "{}");
    WAIT_DOING(id, "waiting");
    g_assert_cmpint(kill(pid_of(fixture, id), SIGKILL), ==, 0);
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_FAILED);
    g_assert_cmpstr(info_of(fixture, id)->error, ==,
                    "the task's process was killed (signal 9)");
    g_assert_nonnull(strstr(read_log(fixture, id), "is gone"));
    /* The object is free again. */
    id = submit(fixture, "test.echo", "vm/100", "{}");
    WAIT_STATE(id, TASK_DONE);
}

static void assert_undone(Fixture *fixture, const char *id)
{
    g_autofree char *part = g_strconcat(fixture->file, ".part", NULL);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_FAILED);
    g_assert_nonnull(strstr(info_of(fixture, id)->error, "; undone"));
    g_assert_false(info_of(fixture, id)->unrecovered);
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(fixture->file, G_FILE_TEST_EXISTS));
    g_assert_nonnull(strstr(read_log(fixture, id), "recovered: undone"));
}

static void test_killed_and_recovered(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.make", "vm/100", "{}");
    WAIT_DOING(id, "waiting");
    g_assert_cmpint(kill(pid_of(fixture, id), SIGKILL), ==, 0);
    WAIT_ENDED(id);
    assert_undone(fixture, id);
}

static void test_cancelled_and_recovered(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.make", "vm/100", "{}");
    WAIT_DOING(id, "waiting");
    g_assert_true(task_engine_cancel(fixture->engine, id, "bob", NULL));
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_CANCELLED);
    g_assert_cmpstr(info_of(fixture, id)->error, ==, "cancelled by bob; undone");
}

static void test_recovery_is_tried_again(Fixture *fixture, gconstpointer data)
{
    g_autofree char *stuck = g_strconcat(fixture->file, ".stuck", NULL);
    g_assert_true(g_file_set_contents(stuck, "", 0, NULL));
    const char *id = submit(fixture, "test.make", "vm/100", "{}");
    WAIT_DOING(id, "waiting");
    g_assert_cmpint(kill(pid_of(fixture, id), SIGKILL), ==, 0);
    WAIT_ENDED(id);
    g_assert_true(info_of(fixture, id)->unrecovered);
    g_assert_nonnull(strstr(info_of(fixture, id)->error, "the volume is stuck"));
    g_assert_cmpint(g_unlink(stuck), ==, 0);
    restart_agent(fixture);
    WAIT_FOR(!info_of(fixture, id)->unrecovered);
    WAIT_ENDED(id);
    assert_undone(fixture, id);
    g_assert_cmpstr(info_of(fixture, id)->error, ==,
                    "the task's process was killed (signal 9); undone");
}

static void test_survives_the_agent(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.wait", "vm/100", "{}");
    WAIT_DOING(id, "waiting");
    pid_t pid = pid_of(fixture, id);
    restart_agent(fixture);
    WAIT_DOING(id, "waiting");
    g_assert_cmpint(pid_of(fixture, id), ==, pid);
    g_assert_null(submit(fixture, "test.wait", "vm/100", "{}"));
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_BUSY);
    open_gate(fixture);
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_DONE);
}

static void test_ends_without_the_agent(Fixture *fixture, gconstpointer data)
{
    const char *done = submit(fixture, "test.wait", "vm/100", "{}");
    const char *killed = submit(fixture, "test.make", "vm/101", "{}");
    WAIT_DOING(done, "waiting");
    WAIT_DOING(killed, "waiting");
    pid_t pid = pid_of(fixture, killed);
    stop_agent(fixture);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    open_gate(fixture);
    start_agent(fixture);
    WAIT_ENDED(done);
    WAIT_ENDED(killed);
    g_assert_cmpint(info_of(fixture, done)->state, ==, TASK_DONE);
    assert_undone(fixture, killed);
}

static void change_record(Fixture *fixture, const char *sql)
{
    sqlite3 *handle;
    g_assert_cmpint(sqlite3_open(fixture->database, &handle), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(handle, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_close(handle), ==, SQLITE_OK);
}

/* As after a reboot: another boot's number, no process, nothing was saved since. */
static void test_reboot(Fixture *fixture, gconstpointer data)
{
    const char *cut_off = submit(fixture, "test.make", "vm/100", "{}");
    WAIT_DOING(cut_off, "waiting");
    pid_t pid = pid_of(fixture, cut_off);
    stop_agent(fixture);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    change_record(
        fixture,
        "UPDATE task SET boot = 'before';"
        "INSERT INTO task SELECT '20200101T000000.000001-node1', 'test.echo', 'vm/101',"
        "  name, native, owner, uid, params, boot, 'queued', created, 0, 0, NULL, NULL,"
        "  NULL, NULL, 0 FROM task");
    start_agent(fixture);
    WAIT_ENDED(cut_off);
    g_assert_cmpstr(info_of(fixture, cut_off)->error, ==,
                    "the machine was restarted while it ran; undone");
    WAIT_ENDED("20200101T000000.000001-node1");
    g_assert_cmpstr(info_of(fixture, "20200101T000000.000001-node1")->error, ==,
                    "the machine was restarted before it began");
}

static void test_queue(Fixture *fixture, gconstpointer data)
{
    fixture->parallel = 1;
    restart_agent(fixture);
    const char *c1 = submit_for(fixture, "carl", "test.wait", "vm/1001", "{}");
    const char *a2 = submit_for(fixture, "anna", "test.echo", "vm/1002", "{}");
    const char *a3 = submit_for(fixture, "anna", "test.echo", "vm/1003", "{}");
    const char *b1 = submit_for(fixture, "bob", "test.echo", "vm/1004", "{}");
    const char *b2 = submit_for(fixture, "bob", "test.echo", "vm/1005", "{}");
    WAIT_DOING(c1, "waiting");
    g_assert_cmpuint(task_engine_count_running(fixture->engine), ==, 1);
    g_assert_cmpint(info_of(fixture, b1)->state, ==, TASK_QUEUED);
    g_assert_true(task_engine_cancel(fixture->engine, b2, "bob", NULL));
    g_assert_cmpint(info_of(fixture, b2)->state, ==, TASK_CANCELLED);

    /* What is queued outlives the agent too. */
    restart_agent(fixture);
    WAIT_DOING(c1, "waiting");
    open_gate(fixture);
    WAIT_ENDED(a3);
    WAIT_ENDED(b1);
    const char *order[] = {c1, a2, b1, a3};
    g_assert_cmpuint(fixture->begun->len, ==, G_N_ELEMENTS(order));
    for (guint i = 0; i < G_N_ELEMENTS(order); i++)
        g_assert_cmpstr(g_ptr_array_index(fixture->begun, i), ==, order[i]);
}

static void test_busy_and_overrule(Fixture *fixture, gconstpointer data)
{
    const char *shutdown = submit(fixture, "guest.shutdown", "vm/100", "{}");
    WAIT_DOING(shutdown, "waiting");
    g_assert_null(submit_for(fixture, "bob", "test.echo", "vm/100", "{}"));
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_BUSY);
    g_assert_nonnull(strstr(fixture->message, "guest.shutdown of anna"));
    g_assert_nonnull(strstr(fixture->message, shutdown));
    g_assert_cmpstr(task_engine_find_object(fixture->engine, "vm/100")->id, ==, shutdown);

    const char *stop = submit_for(fixture, "bob", "guest.stop", "vm/100", "{}");
    g_assert_nonnull(stop);
    WAIT_ENDED(stop);
    g_assert_cmpint(info_of(fixture, stop)->state, ==, TASK_DONE);
    g_assert_cmpint(info_of(fixture, shutdown)->state, ==, TASK_CANCELLED);
    g_assert_cmpstr(info_of(fixture, shutdown)->error, ==, "cancelled by bob (guest.stop)");
    g_assert_cmpfloat(info_of(fixture, stop)->started, >=, info_of(fixture, shutdown)->ended);
}

static void test_log_limit(Fixture *fixture, gconstpointer data)
{
    const char *id = submit(fixture, "test.chatter", "vm/100", "{}");
    WAIT_ENDED(id);
    g_assert_cmpint(info_of(fixture, id)->state, ==, TASK_DONE);
    g_assert_cmpuint(info_of(fixture, id)->log_size, <=, TASK_LOG_MAX + TASK_LOG_SPARE);
    const char *log = read_log(fixture, id);
    g_assert_true(g_utf8_validate(log, -1, NULL));
    g_assert_true(g_str_has_suffix(log, "the log ends here: it has reached its limit\n"));
    const char *ends = strstr(log, "the log ends here");
    g_assert_null(strstr(ends + 1, "the log ends here"));
}

/* The record knows of an identifier later than any clock says. */
static void test_identifiers_grow(Fixture *fixture, gconstpointer data)
{
    const char *first = submit(fixture, "test.echo", "", "{}");
    const char *second = submit(fixture, "test.echo", "", "{}");
    g_assert_cmpstr(first, <, second);
    WAIT_ENDED(first);
    WAIT_ENDED(second);
    stop_agent(fixture);
    change_record(fixture, "UPDATE task SET id = '20991231T235959.999999-node1' WHERE id ="
                           "  (SELECT max(id) FROM task)");
    start_agent(fixture);
    const char *third = submit(fixture, "test.echo", "", "{}");
    g_assert_cmpstr(third, ==, "21000101T000000.000000-node-1");
    WAIT_ENDED(third);
}

static void test_leftover_directory(Fixture *fixture, gconstpointer data)
{
    g_autofree char *stale =
        g_build_filename(fixture->tasks, "20200101T000000.000000-node1", "deep", NULL);
    g_autofree char *above = g_path_get_dirname(stale);
    const char *id = submit(fixture, "test.echo", "", "{}");
    WAIT_ENDED(id);
    stop_agent(fixture);
    g_assert_cmpint(g_mkdir_with_parents(stale, 0700), ==, 0);
    start_agent(fixture);
    /* The log is read in the same thread, after the cleaning. */
    id = submit(fixture, "test.echo", "", "{}");
    WAIT_ENDED(id);
    g_assert_nonnull(strstr(read_log(fixture, fixture->ids[0]), "hello"));
    g_assert_false(g_file_test(above, G_FILE_TEST_EXISTS));
}

static void test_unwritable_record(Fixture *fixture, gconstpointer data)
{
    stop_agent(fixture);
    g_assert_cmpint(g_unlink(fixture->database), ==, 0);
    g_assert_cmpint(g_mkdir(fixture->database, 0700), ==, 0);
    fixture->local = local_open(fixture->database, NULL, NULL);
    fixture->engine =
        task_engine_new(&(TaskSettings){.directory = fixture->tasks, .node = "node1"},
                        fixture->local, NULL, NULL);
    WAIT_FOR(local_reason(fixture->local) != NULL);
    g_assert_null(submit(fixture, "test.echo", "vm/100", "{}"));
    g_assert_cmpint(fixture->code, ==, WIRE_ERROR_STORAGE);
    g_assert_nonnull(strstr(fixture->message, fixture->database));
}

/* Kills whatever process is at a task, be it its recovery. */
static void kill_process(Fixture *fixture, const char *id)
{
    g_autofree char *path = g_build_filename(fixture->tasks, id, "lock", NULL);
    g_autofree char *text = NULL;
    if (!task_info_ended(info_of(fixture, id)) &&
        g_file_get_contents(path, &text, NULL, NULL) && *text)
        (void)kill((pid_t)g_ascii_strtoll(text, NULL, 10), SIGKILL);
}

static void run_for(gint64 microseconds)
{
    gint64 until = g_get_monotonic_time() + microseconds;
    while (g_get_monotonic_time() < until)
        g_main_context_iteration(NULL, FALSE);
}

static void assert_old_or_new(Fixture *fixture, const char *id)
{
    g_autofree char *part = g_strconcat(fixture->file, ".part", NULL);
    const TaskInfo *info = info_of(fixture, id);
    gboolean made = g_file_test(fixture->file, G_FILE_TEST_EXISTS);
    g_assert_false(info->unrecovered);
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
    if (info->state == TASK_DONE)
        g_assert_true(made);
    else if (made)
        g_assert_nonnull(strstr(info->error, "; finished"));
    if (made)
        g_assert_cmpint(g_unlink(fixture->file), ==, 0);
}

/* Killed at any point, and its recovery too, and the agent stopped at any point,
 * a task leaves the old state or the new one. */
static void test_killed_anywhere(Fixture *fixture, gconstpointer data)
{
    gint64 begin = g_get_monotonic_time();
    const char *id = submit(fixture, "test.make", "vm/100", "{'open': true}");
    WAIT_ENDED(id);
    assert_old_or_new(fixture, id);
    gint32 usual = (gint32)(g_get_monotonic_time() - begin);
    guint failed = 0;
    for (int i = 0; i < 60; i++) {
        id = submit(fixture, "test.make", "vm/100", "{'open': true}");
        run_for(g_test_rand_int_range(0, usual));
        kill_process(fixture, id);
        if (i % 3 == 0) {
            run_for(g_test_rand_int_range(0, usual));
            kill_process(fixture, id);
        }
        if (i % 5 == 0)
            restart_agent(fixture);
        WAIT_ENDED(id);
        if (info_of(fixture, id)->unrecovered) {
            restart_agent(fixture);
            WAIT_FOR(!info_of(fixture, id)->unrecovered);
            WAIT_ENDED(id);
        }
        failed += info_of(fixture, id)->state == TASK_FAILED;
        assert_old_or_new(fixture, id);
    }
    g_test_message("%u of 60 tasks were killed before their end", failed);
}

int main(int argc, char **argv)
{
    if (argc > 1 && g_str_equal(argv[1], "task"))
        return task_child_main(test_handlers, argc - 1, argv + 1);
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                    \
    g_test_add("/task/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("run", test_run);
    ADD("fail", test_fail);
    ADD("cancel", test_cancel);
    ADD("deaf-is-killed", test_deaf_is_killed);
    ADD("killed", test_killed);
    ADD("killed-and-recovered", test_killed_and_recovered);
    ADD("cancelled-and-recovered", test_cancelled_and_recovered);
    ADD("recovery-is-tried-again", test_recovery_is_tried_again);
    ADD("survives-the-agent", test_survives_the_agent);
    ADD("ends-without-the-agent", test_ends_without_the_agent);
    ADD("reboot", test_reboot);
    ADD("queue", test_queue);
    ADD("busy-and-overrule", test_busy_and_overrule);
    ADD("log-limit", test_log_limit);
    ADD("identifiers-grow", test_identifiers_grow);
    ADD("leftover-directory", test_leftover_directory);
    ADD("unwritable-record", test_unwritable_record);
    ADD("killed-anywhere", test_killed_anywhere);
    return g_test_run();
}
