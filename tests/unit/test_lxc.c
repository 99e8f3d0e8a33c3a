/* The parts of the LXC driver that need no container. */
#include "backend/guest/lxc_cgroup.h"
#include "backend/guest/lxc_config.h"
#include "backend/guest/lxc_container.h"
#include "backend/guest/lxc_process.h"
#include "backend/guest/lxc_pump.h"
#include "backend/guest/lxc_work.h"
#include "backend/wire/error.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char hybrid_mounts[] =
    "22 1 0:20 / / rw - ext4 /dev/vda rw\n"
    "30 22 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "31 30 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:27 / /sys/fs/cgroup/with\\040space rw - cgroup cgroup rw,memory\n"
    "33 30 0:28 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

static void check_string(char *found, const char *expected)
{
    g_assert_cmpstr(found, ==, expected);
    g_free(found);
}

static void test_mounts(void)
{
    check_string(lxc_cgroup_find_mount(hybrid_mounts, "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
    check_string(lxc_cgroup_find_mount(hybrid_mounts, "cpu"), "/sys/fs/cgroup/cpu,cpuacct");
    check_string(lxc_cgroup_find_mount(hybrid_mounts, "memory"), "/sys/fs/cgroup/with space");
    check_string(lxc_cgroup_find_mount(hybrid_mounts, NULL), "/sys/fs/cgroup/unified");
    check_string(lxc_cgroup_find_mount(hybrid_mounts, "blkio"), NULL);
    check_string(lxc_cgroup_find_mount("garbage\n1 2 - cgroup\n - \n", "cpu"), NULL);
}

static void test_groups(void)
{
    static const char text[] = "9:name=systemd:/lxc.payload.c1/init.scope\n"
                               "4:memory:/lxc.payload.c1\n"
                               "2:cpu,cpuacct:/site/web/init.scope\n"
                               "1:pids:/../other\n"
                               "0::/lxc.payload.c1-1/system.slice/cron.service\n";
    check_string(lxc_cgroup_find_group(text, "name=systemd"), "/lxc.payload.c1");
    check_string(lxc_cgroup_find_group(text, "memory"), "/lxc.payload.c1");
    check_string(lxc_cgroup_find_group(text, "cpuacct"), "/site/web");
    check_string(lxc_cgroup_find_group(text, "pids"), NULL);
    check_string(lxc_cgroup_find_group(text, NULL), "/lxc.payload.c1-1");
    check_string(lxc_cgroup_find_group("", NULL), NULL);
}

static void test_v1_figures(void)
{
    guint64 reads, writes;
    lxc_cgroup_parse_blkio("8:0 Read 100\n8:0 Write 20\n8:0 Sync 5\n8:0 Total 120\n"
                           "253:1 Read 1\n253:1 Write 2\nTotal 123\n",
                           &reads, &writes);
    g_assert_cmpuint(reads, ==, 101);
    g_assert_cmpuint(writes, ==, 22);
    lxc_cgroup_parse_blkio("Total 0", &reads, &writes);
    g_assert_cmpuint(reads + writes, ==, 0);

    static const char stat[] = "inactive_file 1\ntotal_inactive_file 4096\ntotal_rss_huge 7\n"
                               "total_rss 8192\n";
    g_assert_cmpuint(lxc_cgroup_find_value(stat, "total_inactive_file"), ==, 4096);
    g_assert_cmpuint(lxc_cgroup_find_value(stat, "inactive_file"), ==, 1);
    g_assert_cmpuint(lxc_cgroup_find_value(stat, "total_rss"), ==, 8192);
    g_assert_cmpuint(lxc_cgroup_find_value(stat, "rss"), ==, LXC_COUNTER_UNKNOWN);
    g_assert_cmpuint(lxc_cgroup_parse_number("123456789\n"), ==, 123456789);
    g_assert_cmpuint(lxc_cgroup_parse_number("max\n"), ==, LXC_COUNTER_UNKNOWN);
}

static void test_v2_figures(void)
{
    guint64 read, write, operations;
    lxc_cgroup_parse_io("8:0 rbytes=4096 wbytes=512 rios=3 wios=2 dbytes=9 dios=9\n"
                        "8:16 \n"
                        "259:0 rbytes=1 wbytes=1 rios=1 wios=1 dbytes=0 dios=0\n",
                        &read, &write, &operations);
    g_assert_cmpuint(read, ==, 4097);
    g_assert_cmpuint(write, ==, 513);
    g_assert_cmpuint(operations, ==, 7);
    g_assert_cmpuint(lxc_cgroup_find_value("usage_usec 55\nuser_usec 5\n", "usage_usec"), ==,
                     55);
    g_assert_cmpuint(lxc_cgroup_find_value("populated 1\nfrozen 1\n", "frozen"), ==, 1);
}

static void test_limits(void)
{
    g_assert_cmpuint(lxc_cgroup_parse_size("64M"), ==, 64u << 20);
    g_assert_cmpuint(lxc_cgroup_parse_size("2GB"), ==, G_GUINT64_CONSTANT(2) << 30);
    g_assert_cmpuint(lxc_cgroup_parse_size("4096"), ==, 4096);
    g_assert_cmpuint(lxc_cgroup_parse_size("9223372036854771712"), ==, 0);
    g_assert_cmpuint(lxc_cgroup_parse_size("99999999999999T"), ==, 0);
    g_assert_cmpuint(lxc_cgroup_parse_size("max"), ==, 0);
    g_assert_cmpuint(lxc_cgroup_parse_size("-1"), ==, 0);
    g_assert_cmpuint(lxc_cgroup_parse_size("64Q"), ==, 0);
    g_assert_cmpuint(lxc_cgroup_parse_size(NULL), ==, 0);
    g_assert_cmpint(lxc_cgroup_count_cpus("0-3,7"), ==, 5);
    g_assert_cmpint(lxc_cgroup_count_cpus("2"), ==, 1);
    g_assert_cmpint(lxc_cgroup_count_cpus("3-1"), ==, 0);
    g_assert_cmpint(lxc_cgroup_count_cpus("all"), ==, 0);
    g_assert_cmpint(lxc_cgroup_count_cpus(NULL), ==, 0);
}

static void test_process(void)
{
    LxcProcess process;
    g_assert_true(lxc_process_parse(
        "42 (a) R (b) S 7 42 42 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 1 0 9000 1048576 3 "
        "18446744073709551615 1 1",
        &process));
    g_assert_cmpint(process.pid, ==, 42);
    g_assert_cmpint(process.parent, ==, 7);
    g_assert_true(process.state == 'S');
    g_assert_cmpstr(process.name, ==, "a) R (b");
    g_assert_cmpuint(process.cpu_ticks, ==, 42);
    g_assert_cmpuint(process.start_ticks, ==, 9000);
    g_assert_cmpuint(process.rss, ==, 3 * (guint64)sysconf(_SC_PAGESIZE));
    g_assert_false(lxc_process_parse("42 (a", &process));
    g_assert_false(lxc_process_parse("42 (a) S 7", &process));
    g_assert_cmpint(lxc_process_parse_inner("Name:\tsh\nNSpid:\t900\t12\t1\nNSsid:\t1\n"), ==,
                    1);
    g_assert_cmpint(lxc_process_parse_inner("Name:\tsh\nNSpid:\t900\n"), ==, 900);
    g_assert_cmpint(lxc_process_parse_inner("Name:\tsh\n"), ==, 0);

    g_assert_true(lxc_process_read(getpid(), &process));
    g_assert_cmpint(process.parent, ==, getppid());
    gint64 age = g_get_real_time() / G_USEC_PER_SEC - lxc_process_started(&process);
    g_assert_cmpint(age, >=, -1);
    g_assert_cmpint(age, <=, 60);
}

static void test_names(void)
{
    static const char *const paths[] = {"/var/lib/lxc", "/srv/ct", NULL};
    const GuestSettings settings = {.lxc_paths = paths};
    g_assert_true(lxc_name_valid("web-1.example_x"));
    static const char *const bad[] = {"", ".hidden", "..", "a/b", "a b", "a\n", "\xc3\xa9"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(lxc_name_valid(bad[i]));

    const char *path = NULL;
    g_autofree char *name = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(lxc_native_split(&settings, "/srv/ct/web", &path, &name, &error));
    g_assert_cmpstr(path, ==, "/srv/ct");
    g_assert_cmpstr(name, ==, "web");
    static const char *const outside[] = {"/etc/web", "/srv/ct/../x", "/srv/ct/",
                                          "/srv/ct",  "web",          "/srv/ct/a/b"};
    for (gsize i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_autoptr(GError) refused = NULL;
        char *untouched = NULL;
        g_assert_false(lxc_native_split(&settings, outside[i], &path, &untouched, &refused));
        g_assert_error(refused, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
        g_assert_null(untouched);
    }
    g_assert_cmpint(lxc_state_parse("FROZEN"), ==, GUEST_STATE_PAUSED);
    g_assert_cmpint(lxc_state_parse(NULL), ==, GUEST_STATE_UNKNOWN);
    g_assert_false(lxc_monitor_listens("/srv/ct", "no-such-container"));
}

static void check_set(const char *text, const char *expected)
{
    check_string(lxc_config_set(text, "lxc.start.auto", "1"), expected);
}

static void test_config_set(void)
{
    check_set("", "lxc.start.auto = 1\n");
    check_set("a = b", "a = b\nlxc.start.auto = 1\n");
    check_set("# lxc.start.auto = 0\n\ta =  b \n", "# lxc.start.auto = 0\n\ta =  b \n"
                                                   "lxc.start.auto = 1\n");
    check_set("x = 1\n  lxc.start.auto=0\n\n# end\n", "x = 1\nlxc.start.auto = 1\n\n# end\n");
    check_set("lxc.start.auto = 1\nlxc.start.auto = 0\n",
              "lxc.start.auto = 1\nlxc.start.auto = 1\n");
    check_set("lxc.start.autonomous = 0\n", "lxc.start.autonomous = 0\nlxc.start.auto = 1\n");
    /* What is included later could set it again. */
    check_set("lxc.start.auto = 0\nlxc.include = /x\n",
              "lxc.start.auto = 0\nlxc.include = /x\nlxc.start.auto = 1\n");
    check_set("lxc.include = /x\nlxc.start.auto = 0\n",
              "lxc.include = /x\nlxc.start.auto = 1\n");
    check_string(lxc_config_find("a = 1\nb = 2\n a =  3 \n", "a"), "3");
    check_string(lxc_config_find("ab = 1\n#a = 2\n", "a"), NULL);
}

static void test_config_move(void)
{
    check_string(lxc_config_move("# /l/c1/rootfs\n"
                                 "lxc.rootfs.path = overlay:/l/c10/rootfs:/l/c1/delta\n"
                                 "lxc.mount.fstab = \"/l/c1/fstab\"\n"
                                 "lxc.hook.start = /l/c1\n"
                                 "lxc.uts.name = \"c1\"\n"
                                 "lxc.uts.name=c1\n"
                                 "lxc.uts.name = c10\n"
                                 "lxc.environment = NAME=c1",
                                 "/l/c1", "/l/web"),
                 "# /l/c1/rootfs\n"
                 "lxc.rootfs.path = overlay:/l/c10/rootfs:/l/web/delta\n"
                 "lxc.mount.fstab = \"/l/web/fstab\"\n"
                 "lxc.hook.start = /l/web\n"
                 "lxc.uts.name = \"web\"\n"
                 "lxc.uts.name=web\n"
                 "lxc.uts.name = c10\n"
                 "lxc.environment = NAME=c1");
}

static void test_config_file(void)
{
    g_autofree char *path = g_dir_make_tmp("lxc-XXXXXX", NULL);
    g_autofree char *config = g_build_filename(path, "config", NULL);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GError) error = NULL;
    g_assert_null(lxc_config_read(directory, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_NOT_FOUND);
    g_clear_error(&error);

    g_assert_true(g_file_set_contents(config, "a = 1\n", -1, NULL));
    g_assert_cmpint(g_chmod(config, 0640), ==, 0);
    g_assert_true(lxc_config_write(directory, "a = 1\n", "a = 2\n", &error));
    check_string(lxc_config_read(directory, &error), "a = 2\n");
    GStatBuf status;
    g_assert_cmpint(g_stat(config, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 07777, ==, 0640);

    g_assert_false(lxc_config_write(directory, "a = 1\n", "a = 3\n", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFLICT);
    g_clear_error(&error);
    check_string(lxc_config_read(directory, &error), "a = 2\n");

    g_assert_cmpint(truncate(config, LXC_CONFIG_LIMIT + 1), ==, 0);
    g_assert_null(lxc_config_read(directory, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_cmpint(truncate(config, 10), ==, 0); /* ends in NUL bytes */
    g_assert_null(lxc_config_read(directory, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_clear_error(&error);

    g_assert_cmpint(g_unlink(config), ==, 0);
    g_assert_cmpint(symlink("/etc/passwd", config), ==, 0);
    g_assert_null(lxc_config_read(directory, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_assert_cmpint(g_unlink(config), ==, 0);
    close(directory);
    /* Fails if anything was left behind. */
    g_assert_cmpint(g_rmdir(path), ==, 0);
}

/* A program that gives back what it gets, behind pipes, until its input ends. */
static gpointer echo_program(gpointer data)
{
    const int *ends = data;
    char bytes[4096];
    ssize_t got;
    while ((got = read(ends[0], bytes, sizeof bytes)) > 0)
        g_assert_cmpint(write(ends[1], bytes, (size_t)got), ==, got);
    close(ends[0]);
    close(ends[1]);
    g_assert_cmpint(write(ends[2], "", 1), ==, 1);
    return NULL;
}

static gpointer send_much(gpointer data)
{
    static char bytes[1 << 20];
    int person = GPOINTER_TO_INT(data);
    for (size_t sent = 0; sent < 1 << 20;) {
        ssize_t put = write(person, bytes + sent, (1 << 20) - sent);
        g_assert_cmpint(put, >, 0);
        sent += (size_t)put;
    }
    g_assert_cmpint(shutdown(person, SHUT_WR), ==, 0);
    return NULL;
}

static gpointer receive_much(gpointer data)
{
    char bytes[4096];
    size_t total = 0;
    ssize_t got;
    while ((got = read(GPOINTER_TO_INT(data), bytes, sizeof bytes)) > 0)
        total += (size_t)got;
    return GSIZE_TO_POINTER(total);
}

static void test_pump_pipes(void)
{
    int person[2], in[2], out[2], end[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, person), ==, 0);
    g_assert_cmpint(pipe(in) | pipe(out) | pipe(end), ==, 0);
    int program[3] = {in[0], out[1], end[1]};
    GThread *echo = g_thread_new("echo", echo_program, program);
    GThread *sender = g_thread_new("send", send_much, GINT_TO_POINTER(person[1]));
    GThread *receiver = g_thread_new("receive", receive_much, GINT_TO_POINTER(person[1]));
    LxcPump pump = {
        .data = person[0], .control = -1, .input = in[1], .output = out[0], .end = end[0]};
    g_assert_cmpint(lxc_pump_run(&pump), ==, LXC_PUMP_PROGRAM);
    g_assert_cmpint(pump.input, ==, -1); /* the end of the input was passed on */
    close(person[0]);
    g_thread_join(echo);
    g_thread_join(sender);
    g_assert_cmpuint(GPOINTER_TO_SIZE(g_thread_join(receiver)), ==, 1 << 20);
    const int left[] = {person[1], out[0], end[0], end[1]};
    for (gsize i = 0; i < G_N_ELEMENTS(left); i++)
        close(left[i]);
}

static void test_pump_terminal(void)
{
    int person[2], control[2], master, slave;
    static const char lines[] = "resize 9999 80\nnonsense\nresize 50 120\nresize 0 0\n";
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, person), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), ==, 0);
    g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(write(control[1], lines, strlen(lines)), ==, (ssize_t)strlen(lines));
    close(control[1]);
    LxcPump pump = {.data = person[0],
                    .control = control[0],
                    .input = master,
                    .output = master,
                    .end = -1,
                    .deadline = g_get_monotonic_time() + G_USEC_PER_SEC / 10};
    g_assert_cmpint(lxc_pump_run(&pump), ==, LXC_PUMP_LATE);
    struct winsize size;
    g_assert_cmpint(ioctl(slave, TIOCGWINSZ, &size), ==, 0);
    g_assert_cmpint(size.ws_row, ==, 50);
    g_assert_cmpint(size.ws_col, ==, 120);
    g_assert_cmpint(fcntl(master, F_GETFL) & O_NONBLOCK, ==, 0);

    close(person[1]);
    pump.deadline = 0;
    pump.control = -1;
    g_assert_cmpint(lxc_pump_run(&pump), ==, LXC_PUMP_PERSON);
    const int left[] = {person[0], control[0], master, slave};
    for (gsize i = 0; i < G_N_ELEMENTS(left); i++)
        close(left[i]);
}

/* Work that waits until it is let go: what hangs must not hold up the rest. */
typedef struct {
    GMainLoop *loop;
    GAsyncQueue *gate;
    int late, done;
} Works;

static gpointer work_run(gconstpointer input)
{
    const Works *works = input;
    if (works->gate)
        (void)g_async_queue_pop(works->gate);
    return NULL;
}

static void work_done(gpointer input, gpointer result, gpointer user)
{
    Works *works = user;
    g_assert_null(result);
    works->done++;
    if (!((Works *)input)->gate || works->done == LXC_WORK_THREADS + 2)
        g_main_loop_quit(works->loop);
}

static void work_late(gpointer input, gpointer user)
{
    (void)input;
    ((Works *)user)->late++;
}

static gboolean work_check(gpointer work)
{
    lxc_work_check(work);
    return G_SOURCE_CONTINUE;
}

static void test_work(void)
{
    static const LxcWorkKind kind = {work_run, work_done, work_late, g_free, g_free};
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GMainLoop) loop = g_main_loop_new(context, FALSE);
    g_autoptr(GAsyncQueue) gate = g_async_queue_new();
    Works works = {loop, gate, 0, 0};
    const Works quick = {loop, NULL, 0, 0};
    LxcWork *work = lxc_work_new(context);
    for (int i = 0; i < LXC_WORK_THREADS + 1; i++)
        lxc_work_submit(work, &kind, g_memdup2(&works, sizeof works), &works);
    lxc_work_submit(work, &kind, g_memdup2(&quick, sizeof quick), &works);
    g_autoptr(GSource) tick = g_timeout_source_new(100);
    g_source_set_callback(tick, work_check, work, NULL);
    g_source_attach(tick, context);
    g_main_loop_run(loop); /* until the quick one is done, behind those that hang */
    g_assert_cmpint(works.done, ==, 1);
    /* Two threads had to be found late for it and the one before it to begin; on a busy
     * machine not all began at once, and so not all are late at once. */
    g_assert_cmpint(works.late, >=, 2);
    g_assert_cmpint(works.late, <=, LXC_WORK_THREADS + 1);
    for (int i = 0; i < LXC_WORK_THREADS + 1; i++)
        g_async_queue_push(gate, GINT_TO_POINTER(1));
    g_main_loop_run(loop);
    g_assert_cmpint(works.done, ==, LXC_WORK_THREADS + 2);
    g_source_destroy(tick);
    lxc_work_free(work);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lxc/mounts", test_mounts);
    g_test_add_func("/lxc/groups", test_groups);
    g_test_add_func("/lxc/v1-figures", test_v1_figures);
    g_test_add_func("/lxc/v2-figures", test_v2_figures);
    g_test_add_func("/lxc/limits", test_limits);
    g_test_add_func("/lxc/process", test_process);
    g_test_add_func("/lxc/names", test_names);
    g_test_add_func("/lxc/config-set", test_config_set);
    g_test_add_func("/lxc/config-move", test_config_move);
    g_test_add_func("/lxc/config-file", test_config_file);
    g_test_add_func("/lxc/pump-pipes", test_pump_pipes);
    g_test_add_func("/lxc/pump-terminal", test_pump_terminal);
    g_test_add_func("/lxc/work", test_work);
    return g_test_run();
}
