/* The parts of the LXC driver that only read text. */
#include "backend/guest/lxc_cgroup.h"
#include "backend/guest/lxc_container.h"
#include "backend/guest/lxc_process.h"
#include "backend/wire/error.h"

#include <string.h>
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
    g_assert_cmpint(process.state, ==, 'S');
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
    return g_test_run();
}
