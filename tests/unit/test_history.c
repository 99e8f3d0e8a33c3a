#include "backend/node/history.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define MS  G_GINT64_CONSTANT(1000)
#define DAY G_GINT64_CONSTANT(86400)
/* A minute's beginning that is also a beginning of every longer slot. */
#define WALL (G_GINT64_CONSTANT(1795392000) * MS)

static HistoryTime at(gint64 seconds)
{
    return (HistoryTime){.up = (1000 + seconds) * MS, .wall = WALL + seconds * MS};
}

static HistoryTime later(HistoryTime time, gint64 ms)
{
    return (HistoryTime){.up = time.up + ms, .wall = time.wall + ms};
}

static void add_node(History *history, HistoryTime time, double cpu)
{
    double values[HISTORY_NODE_COUNT];
    for (int i = 0; i < HISTORY_NODE_COUNT; i++)
        values[i] = NAN;
    values[HISTORY_NODE_CPU] = cpu;
    g_autoptr(GError) error = NULL;
    g_assert_true(history_add(history, HISTORY_NODE, "node1", NULL, time, values, &error));
    g_assert_no_error(error);
}

static HistoryAnswer query(History *history, HistorySpan span, gint64 since, HistoryTime now)
{
    HistoryAnswer answer;
    g_autoptr(GError) error = NULL;
    g_assert_true(history_query(history, "node1", span, since, now, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(answer.series, ==, HISTORY_NODE_COUNT);
    return answer;
}

static float cpu_at(const HistoryAnswer *answer, size_t point)
{
    g_assert_cmpuint(point, <, answer->points);
    return answer->values[HISTORY_NODE_CPU * answer->points + point];
}

static void test_points_and_since(void)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 10; i++)
        add_node(history, later(at(i), 5), i);
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, later(at(9), 500));
    g_assert_cmpint(answer.step, ==, 1);
    g_assert_cmpuint(answer.points, ==, 9); /* the tenth second is not over */
    g_assert_cmpint(answer.start, ==, WALL / MS);
    for (size_t i = 0; i < 9; i++)
        g_assert_cmpfloat(cpu_at(&answer, i), ==, (float)i);
    g_assert_true(isnan(answer.values[HISTORY_NODE_LOAD * answer.points]));
    history_answer_clear(&answer);

    answer = query(history, HISTORY_HOUR, WALL / MS + 6, later(at(9), 500));
    g_assert_cmpuint(answer.points, ==, 2);
    g_assert_cmpint(answer.start, ==, WALL / MS + 7);
    g_assert_cmpfloat(cpu_at(&answer, 0), ==, 7);
    history_answer_clear(&answer);

    static const gint64 beyond[] = {WALL / MS + 100, G_MAXINT64};
    for (size_t i = 0; i < G_N_ELEMENTS(beyond); i++) {
        answer = query(history, HISTORY_HOUR, beyond[i], later(at(9), 500));
        g_assert_cmpuint(answer.points, ==, 0);
        history_answer_clear(&answer);
    }
    answer = query(history, HISTORY_HOUR, G_MININT64, later(at(9), 500));
    g_assert_cmpuint(answer.points, ==, 9);
    history_answer_clear(&answer);
}

static void test_wider_points(void)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 12; i++)
        add_node(history, later(at(i), 5), i == 4 || (i >= 5 && i < 8) ? NAN : i);
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, later(at(11), 500));
    g_assert_cmpuint(answer.points, ==, 11);
    history_answer_widen(&answer, 1);
    g_assert_cmpuint(answer.points, ==, 11);
    /* Seconds 2 to 4, 5 to 7 and 8 to 10; the newest are whole. */
    history_answer_widen(&answer, 3);
    g_assert_cmpint(answer.step, ==, 3);
    g_assert_cmpint(answer.start, ==, WALL / MS + 2);
    g_assert_cmpuint(answer.points, ==, 3);
    g_assert_cmpfloat(cpu_at(&answer, 0), ==, 2.5f);
    g_assert_true(isnan(cpu_at(&answer, 1)));
    g_assert_cmpfloat(cpu_at(&answer, 2), ==, 9);
    g_assert_true(isnan(answer.values[HISTORY_NODE_LOAD * answer.points]));
    /* More than there is. */
    history_answer_widen(&answer, 86400);
    g_assert_cmpuint(answer.points, ==, 0);
    history_answer_clear(&answer);
}

static void test_late_tick_is_no_gap(void)
{
    g_autoptr(History) history = history_new(at(0));
    add_node(history, later(at(0), 990), 1);
    add_node(history, later(at(2), 10), 3); /* 1.02 s later: no tick fell into second 1 */
    add_node(history, later(at(5), 0), 5);  /* three seconds: seconds 3 and 4 are a gap */
    add_node(history, later(at(6), 0), 6);
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, at(6));
    g_assert_cmpuint(answer.points, ==, 6);
    g_assert_cmpfloat(cpu_at(&answer, 1), ==, 3);
    g_assert_cmpfloat(cpu_at(&answer, 2), ==, 3);
    g_assert_true(isnan(cpu_at(&answer, 3)));
    g_assert_true(isnan(cpu_at(&answer, 4)));
    g_assert_cmpfloat(cpu_at(&answer, 5), ==, 5);
    history_answer_clear(&answer);
}

static void test_silence_is_a_gap(void)
{
    g_autoptr(History) history = history_new(at(0));
    add_node(history, at(0), 1);
    add_node(history, at(1), 2);
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, at(10));
    g_assert_cmpuint(answer.points, ==, 10);
    g_assert_cmpfloat(cpu_at(&answer, 1), ==, 2);
    g_assert_true(isnan(cpu_at(&answer, 9)));
    history_answer_clear(&answer);
    /* After a month all is gone. */
    answer = query(history, HISTORY_MONTH, 0, at(40 * DAY));
    g_assert_cmpuint(answer.points, ==, 0);
    history_answer_clear(&answer);
}

/* Two hours at one a second, with a gap of ten minutes in the middle. */
static void test_consolidation(void)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 7200; i++)
        if (i < 3000 || i >= 3600)
            add_node(history, at(i), i % 60 < 30 ? 10 : NAN);
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, at(7199));
    g_assert_cmpuint(answer.points, ==, 3599); /* second 3599 is in the gap */
    history_answer_clear(&answer);
    answer = query(history, HISTORY_DAY, 0, at(7199));
    g_assert_cmpint(answer.step, ==, 60);
    g_assert_cmpuint(answer.points, ==, 119);
    g_assert_cmpfloat(cpu_at(&answer, 0), ==, 10); /* the average of what was known */
    for (size_t i = 50; i < 60; i++)
        g_assert_true(isnan(cpu_at(&answer, i)));
    g_assert_cmpfloat(cpu_at(&answer, 60), ==, 10);
    history_answer_clear(&answer);
    answer = query(history, HISTORY_MONTH, 0, at(7199));
    g_assert_cmpuint(answer.points, ==, 3);
    history_answer_clear(&answer);
}

static void test_full_ring(void)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 8000; i++)
        add_node(history, at(i), i);
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, at(7999));
    g_assert_cmpuint(answer.points, ==, 3600);
    g_assert_cmpint(answer.start, ==, WALL / MS + 7999 - 3600);
    g_assert_cmpfloat(cpu_at(&answer, 0), ==, 7999 - 3600);
    g_assert_cmpfloat(cpu_at(&answer, 3599), ==, 7998);
    history_answer_clear(&answer);
}

/* The wall clock is set by this much after a minute: points keep their age. */
static void check_clock_jump(gint64 jump)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 120; i++) {
        HistoryTime time = at(i);
        if (i >= 60)
            time.wall += jump * MS;
        add_node(history, time, i);
    }
    HistoryTime now = at(120);
    now.wall += jump * MS;
    HistoryAnswer answer = query(history, HISTORY_HOUR, 0, now);
    g_assert_cmpuint(answer.points, ==, 119);
    g_assert_cmpint(answer.start, ==, WALL / MS + jump);
    for (size_t i = 0; i < answer.points; i++)
        g_assert_cmpfloat(cpu_at(&answer, i), ==, (float)i);
    history_answer_clear(&answer);
}

static void test_clock_jumps(void)
{
    check_clock_jump(3600);
    check_clock_jump(-3600);
    check_clock_jump(G_GINT64_CONSTANT(-1795000000));
    check_clock_jump(G_GINT64_CONSTANT(1) << 40);
}

static void test_clock_of_1970(void)
{
    HistoryTime start = {.up = 5 * MS, .wall = 7 * MS};
    g_autoptr(History) history = history_new(start);
    for (int i = 0; i < 5; i++)
        add_node(history, later(start, MS * i), i);
    HistoryAnswer answer = query(history, HISTORY_HOUR, -1000, later(start, 4 * MS));
    g_assert_cmpuint(answer.points, ==, 4);
    g_assert_cmpint(answer.start, ==, 7);
    history_answer_clear(&answer);
}

static History *reload(History *history, HistoryTime saved, const char *saved_boot,
                       HistoryTime loaded, const char *loaded_boot)
{
    g_autoptr(GBytes) bytes = history_save_bytes(history, saved, saved_boot);
    size_t length;
    const guint8 *data = g_bytes_get_data(bytes, &length);
    g_autoptr(GError) error = NULL;
    History *again = history_load_bytes(data, length, loaded, loaded_boot, &error);
    g_assert_no_error(error);
    return again;
}

static void test_save_and_load(void)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 90; i++)
        add_node(history, at(i), i);
    /* The agent was away for ten seconds, and the clock was set meanwhile. */
    HistoryTime loaded = at(100);
    loaded.wall += 3600 * MS;
    g_autoptr(History) again = reload(history, at(90), "boot-a", loaded, "boot-a");
    for (int i = 100; i < 130; i++)
        add_node(again, later(loaded, (i - 100) * MS), i);
    HistoryTime now = later(loaded, 30 * MS);
    HistoryAnswer answer = query(again, HISTORY_HOUR, 0, now);
    g_assert_cmpuint(answer.points, ==, 129);
    g_assert_cmpint(answer.start, ==, WALL / MS + 3600);
    g_assert_cmpfloat(cpu_at(&answer, 89), ==, 89); /* the second that was under way */
    g_assert_true(isnan(cpu_at(&answer, 95)));
    g_assert_cmpfloat(cpu_at(&answer, 100), ==, 100);
    history_answer_clear(&answer);
    /* The minute that was under way goes on: seconds 60 to 89 and 100 to 119. */
    answer = query(again, HISTORY_DAY, 0, now);
    g_assert_cmpuint(answer.points, ==, 2);
    g_assert_cmpfloat_with_epsilon(cpu_at(&answer, 1), (74.5 * 30 + 109.5 * 20) / 50, 1e-3);
    history_answer_clear(&answer);
}

static void test_load_after_reboot(void)
{
    g_autoptr(History) history = history_new(at(0));
    for (int i = 0; i < 90; i++)
        add_node(history, at(i), i);
    HistoryTime off = {.up = 20 * MS, .wall = at(190).wall};
    g_autoptr(History) forth = reload(history, at(90), "boot-a", off, "boot-b");
    HistoryAnswer answer = query(forth, HISTORY_HOUR, 0, off);
    g_assert_cmpint(answer.start, ==, WALL / MS);
    g_assert_cmpuint(answer.points, ==, 190);
    history_answer_clear(&answer);
    /* A machine whose clock went back: the past ends now. */
    HistoryTime back = {.up = 20 * MS, .wall = 0};
    g_autoptr(History) past = reload(history, at(90), "boot-a", back, "boot-b");
    answer = query(past, HISTORY_HOUR, -100000, back);
    g_assert_cmpuint(answer.points, ==, 89);
    g_assert_cmpint(answer.start, ==, -90);
    history_answer_clear(&answer);
}

static void test_size(void)
{
    g_autoptr(History) history = history_new(at(0));
    add_node(history, at(0), 1);
    double values[HISTORY_GUEST_COUNT] = {1, 2, 3, 4, 5, 6, 7};
    for (int i = 0; i < 50; i++) {
        g_autofree char *name = g_strdup_printf("vm/%d", 100 + i);
        g_assert_true(history_add(history, HISTORY_GUEST, name, NULL, at(0), values, NULL));
    }
    g_autoptr(GBytes) bytes = history_save_bytes(history, at(1), "boot");
    g_assert_cmpuint(g_bytes_get_size(bytes), <, 2u << 20);
    g_autoptr(GError) error = NULL;
    g_assert_false(history_add(history, HISTORY_NODE, "vm/100", NULL, at(1), values, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFLICT);
    /* A guest that was silent for a month is not saved; the limit is kept. */
    g_autoptr(GBytes) empty = history_save_bytes(history, at(32 * DAY), "boot");
    g_assert_cmpuint(g_bytes_get_size(empty), <, 200);
    for (int i = 0; i < HISTORY_OBJECTS_MAX; i++) {
        g_autofree char *name = g_strdup_printf("vm/%d", 100 + i);
        g_assert_true(history_add(history, HISTORY_GUEST, name, NULL, at(0), values, NULL));
    }
    g_clear_error(&error);
    g_assert_false(
        history_add(history, HISTORY_GUEST, "vm/99999", NULL, at(0), values, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
    g_autoptr(GBytes) full = history_save_bytes(history, at(1), "boot");
    g_assert_cmpuint(g_bytes_get_size(full), <, HISTORY_FILE_MAX);
}

/* A place that was kept is no longer used when what it led to has gone. */
static void test_place(void)
{
    g_autoptr(History) history = history_new(at(0));
    double values[HISTORY_GUEST_COUNT] = {1, 2, 3, 4, 5, 6, 7};
    HistoryPlace place = {0};
    HistoryAnswer answer = {0};
    for (gint64 i = 0; i < 3; i++) {
        g_assert_true(
            history_add(history, HISTORY_GUEST, "vm/100", &place, at(i * 10), values, NULL));
        g_assert_nonnull(place.object);
    }
    g_assert_true(history_query(history, "vm/100", HISTORY_HOUR, 0, at(30), &answer, NULL));
    g_assert_cmpuint(answer.points, ==, 2);
    history_answer_clear(&answer);
    history_forget(history, "vm/100");
    g_assert_false(history_query(history, "vm/100", HISTORY_HOUR, 0, at(30), &answer, NULL));
    for (gint64 i = 3; i < 5; i++)
        g_assert_true(
            history_add(history, HISTORY_GUEST, "vm/100", &place, at(i * 10), values, NULL));
    g_assert_true(history_query(history, "vm/100", HISTORY_HOUR, 0, at(50), &answer, NULL));
    g_assert_cmpuint(answer.points, ==, 1);
    history_answer_clear(&answer);
    /* So does saving, which drops what was silent for a month. */
    g_autoptr(GBytes) bytes = history_save_bytes(history, at(40 * DAY), "boot");
    g_assert_true(
        history_add(history, HISTORY_GUEST, "vm/100", &place, at(40 * DAY), values, NULL));
    g_assert_true(
        history_query(history, "vm/100", HISTORY_HOUR, 0, at(40 * DAY), &answer, NULL));
    g_assert_cmpuint(answer.points, ==, 0);
    history_answer_clear(&answer);
}

static void test_damage(void)
{
    g_autoptr(History) history = history_new(at(0));
    double values[HISTORY_GUEST_COUNT] = {1, 2, 3, 4, 5, 6, 7};
    g_assert_true(history_add(history, HISTORY_GUEST, "vm/100", NULL, at(0), values, NULL));
    g_autoptr(GBytes) bytes = history_save_bytes(history, at(1), "boot");
    size_t length;
    const guint8 *data = g_bytes_get_data(bytes, &length);
    for (size_t cut = 0; cut < length; cut += cut < 200 ? 1 : 997) {
        g_autoptr(GError) error = NULL;
        g_assert_null(history_load_bytes(data, cut, at(1), "boot", &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STORAGE);
    }
    g_autofree guint8 *copy = g_memdup2(data, length);
    for (size_t place = 0; place < length; place += place < 300 ? 1 : 991) {
        copy[place] ^= 0x10;
        g_autoptr(GError) error = NULL;
        g_assert_null(history_load_bytes(copy, length, at(1), "boot", &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STORAGE);
        copy[place] ^= 0x10;
    }
}

static void test_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_dir_make_tmp("history-XXXXXX", &error);
    g_assert_no_error(error);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_null(history_file_read(directory, "history", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_autoptr(History) history = history_new(at(0));
    add_node(history, at(0), 1);
    for (int i = 0; i < 2; i++) {
        g_autoptr(GBytes) bytes = history_save_bytes(history, at(1), "boot");
        g_assert_true(history_file_write(directory, "history", bytes, &error));
        g_autoptr(GBytes) again = history_file_read(directory, "history", &error);
        g_assert_no_error(error);
        g_assert_true(g_bytes_equal(bytes, again));
    }
    /* Nothing is written through a symbolic link, and nothing is left behind. */
    g_assert_cmpint(symlinkat("/nowhere/else", directory, "link.new"), ==, 0);
    g_autoptr(GBytes) none = g_bytes_new_static("", 0);
    g_assert_false(history_file_write(directory, "link", none, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STORAGE);
    g_assert_cmpint(unlinkat(directory, "link.new", 0), ==, 0);
    g_assert_cmpint(unlinkat(directory, "history", 0), ==, 0);
    (void)close(directory);
    g_assert_cmpint(g_rmdir(path), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/history/points-and-since", test_points_and_since);
    g_test_add_func("/history/wider-points", test_wider_points);
    g_test_add_func("/history/late-tick", test_late_tick_is_no_gap);
    g_test_add_func("/history/silence", test_silence_is_a_gap);
    g_test_add_func("/history/consolidation", test_consolidation);
    g_test_add_func("/history/full-ring", test_full_ring);
    g_test_add_func("/history/clock-jumps", test_clock_jumps);
    g_test_add_func("/history/clock-of-1970", test_clock_of_1970);
    g_test_add_func("/history/save-and-load", test_save_and_load);
    g_test_add_func("/history/load-after-reboot", test_load_after_reboot);
    g_test_add_func("/history/size", test_size);
    g_test_add_func("/history/place", test_place);
    g_test_add_func("/history/damage", test_damage);
    g_test_add_func("/history/file", test_file);
    return g_test_run();
}
