#include "backend/node/figures.h"
#include "backend/proc/proc.h"

#include <math.h>
#include <unistd.h>

static void test_stat(void)
{
    static const char text[] = "cpu  100 10 50 1000 40 3 7 5 20 1\n"
                               "cpu0 60 5 25 500 20 1 3 2 10 0\n"
                               "cpu2 40 5 25 500 20 2 4 3 10 1\n"
                               "intr 12345 0 0\nctxt 1\n";
    NodeTicks total, cores[3] = {{1, 1, 1}, {7, 7, 7}, {1, 1, 1}};
    size_t online = 0;
    g_assert_cmpuint(node_parse_stat(text, &total, cores, 3, &online), ==, 3);
    g_assert_cmpuint(online, ==, 2);
    g_assert_cmpuint(total.busy, ==, 100 + 10 + 50 + 3 + 7 + 5);
    g_assert_cmpuint(total.idle, ==, 1040);
    g_assert_cmpuint(total.iowait, ==, 40);
    g_assert_cmpuint(cores[0].busy, ==, 60 + 5 + 25 + 1 + 3 + 2);
    g_assert_cmpuint(cores[1].busy, ==, 7); /* off line: untouched */
    g_assert_cmpuint(cores[2].idle, ==, 520);
    /* More processors than there is room for are told of. */
    NodeTicks one;
    g_assert_cmpuint(node_parse_stat(text, &total, &one, 1, &online), ==, 3);
    g_assert_cmpuint(online, ==, 2);
}

static void test_stat_bad(void)
{
    static const char *const texts[] = {"",
                                        "cpu",
                                        "cpu ",
                                        "cpu  1 2 3",
                                        "cpu  1 2 3 4\n",
                                        "cpu  1 2 3 4\ncpu9999999999999 1 2 3 4\n",
                                        "cpu  1 2 3 4\ncpu0\ncpu1 x\ncpu"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        NodeTicks total, cores[2];
        size_t online = 0;
        g_assert_cmpuint(node_parse_stat(texts[i], &total, cores, 2, &online), ==, 0);
    }
}

static void test_memory(void)
{
    static const char text[] = "MemTotal:       1000 kB\nMemFree:         100 kB\n"
                               "MemAvailable:    400 kB\nBuffers:          10 kB\n"
                               "Cached:          200 kB\nSwapCached:        9 kB\n"
                               "SwapTotal:       500 kB\nSwapFree:        450 kB\n"
                               "Shmem:             3 kB\nSlab:   1 kB\n";
    NodeMemory memory;
    g_assert_true(node_parse_memory(text, &memory));
    g_assert_cmpuint(memory.total, ==, 1024000);
    g_assert_cmpuint(memory.available, ==, 409600);
    g_assert_cmpuint(memory.cached, ==, 204800);
    g_assert_cmpuint(memory.swap_free, ==, 460800);
    g_assert_cmpuint(memory.shared, ==, 3072);
    /* An old kernel, and one that says nonsense. */
    g_assert_true(node_parse_memory("MemTotal: 10 kB\nMemFree: 1 kB\nCached: 2 kB\n", &memory));
    g_assert_cmpuint(memory.available, ==, 3072);
    g_assert_true(node_parse_memory("MemTotal: 10 kB\nMemAvailable: 99 kB\n", &memory));
    g_assert_cmpuint(memory.available, ==, memory.total);
    g_assert_false(node_parse_memory("", &memory));
    g_assert_false(node_parse_memory("MemTotal:\nMemFree 1 kB", &memory));
}

static void test_load_and_pressure(void)
{
    double load[3] = {-1, -1, -1}, some = -1, full = -1;
    g_assert_true(node_parse_load("0.17 12.05 3.00 1/96 8347\n", load));
    g_assert_cmpfloat_with_epsilon(load[0], 0.17, 1e-9);
    g_assert_cmpfloat_with_epsilon(load[1], 12.05, 1e-9);
    g_assert_cmpfloat_with_epsilon(load[2], 3, 1e-9);
    g_assert_false(node_parse_load("0.17 nan\n", load));
    g_assert_false(node_parse_load("0.17 1. 2.00\n", load));

    g_assert_true(node_parse_pressure("some avg10=9.94 avg60=8.48 avg300=2.32 total=12\n"
                                      "full avg10=0.50 avg60=8.34 avg300=2.28 total=12\n",
                                      &some, &full));
    g_assert_cmpfloat_with_epsilon(some, 9.94, 1e-9);
    g_assert_cmpfloat_with_epsilon(full, 0.5, 1e-9);
    g_assert_true(node_parse_pressure("some avg10=1.00 avg60=0.00\n", &some, &full));
    g_assert_true(isnan(full));
    g_assert_false(node_parse_pressure("", &some, &full));
    g_assert_false(node_parse_pressure("some avg10=\n", &some, &full));
}

static void test_disks(void)
{
    const char *cursor = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n"
                         "broken line\n"
                         " 254       0 vda 73173 27581 3194370 23011 23543 15637 959992 9995 0 "
                         "17560 33869 7270 74 259560 678 3779 183";
    NodeDiskCounters disk;
    g_assert_true(node_parse_disk(&cursor, &disk));
    g_assert_cmpstr(disk.name, ==, "loop0");
    g_assert_false(node_parse_disk(&cursor, &disk));
    g_assert_true(node_parse_disk(&cursor, &disk));
    g_assert_cmpstr(disk.name, ==, "vda");
    g_assert_cmpuint(disk.major, ==, 254);
    g_assert_cmpuint(disk.reads, ==, 73173);
    g_assert_cmpuint(disk.writes, ==, 23543);
    g_assert_cmpuint(disk.bytes_read, ==, 3194370ull * 512);
    g_assert_cmpuint(disk.bytes_written, ==, 959992ull * 512);
    g_assert_cmpuint(disk.busy, ==, 17560);
    g_assert_cmpstr(cursor, ==, "");
}

static void test_rate_has_gaps_not_spikes(void)
{
    g_assert_cmpfloat_with_epsilon(net_rate(100, 300, 2), 100, 1e-9);
    g_assert_true(isnan(net_rate(300, 100, 2)));
    g_assert_true(isnan(net_rate(100, 300, 0)));
    g_assert_cmpfloat(net_rate(G_MAXUINT64, G_MAXUINT64, 1), ==, 0);
}

static void check_number(const char *text, guint64 expected, const char *rest)
{
    guint64 number = 1;
    g_assert_true(proc_scan_number(&text, &number));
    g_assert_cmpuint(number, ==, expected);
    g_assert_cmpstr(text, ==, rest);
}

static void test_numbers(void)
{
    check_number("0", 0, "");
    check_number(" \t42x", 42, "x");
    check_number("9999999999999999999 1", G_GUINT64_CONSTANT(9999999999999999999), " 1");
    check_number("18446744073709551615", G_MAXUINT64, "");
    check_number("18446744073709551616\n", G_MAXUINT64, "\n");
    check_number("99999999999999999999999999999999", G_MAXUINT64, "");
    check_number("00000000000000000000000000000007", 7, "");
    static const char *const texts[] = {"", " ", "\n1", "-1", "+1", "x"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        const char *cursor = texts[i];
        guint64 number;
        g_assert_false(proc_scan_number(&cursor, &number));
        g_assert_true(cursor == texts[i]);
    }
}

/* The machine that the test runs on. */
static void test_this_machine(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NodeReader) reader = node_reader_new(&error);
    g_assert_no_error(error);
    NodeFigures figures;
    g_assert_true(node_reader_read(reader, &figures, &error));
    g_assert_true(isnan(figures.cpu));
    g_assert_true(figures.disk_count == 0 || isnan(figures.disk_read));
    gint64 boot = figures.boot;
    /* Work until the kernel's clock of ticks has moved. */
    gint64 end = g_get_monotonic_time() + G_USEC_PER_SEC / 10;
    while (g_get_monotonic_time() < end)
        continue;
    g_assert_true(node_reader_read(reader, &figures, &error));
    g_assert_no_error(error);
    g_assert_cmpfloat(figures.cpu, >, 0);
    g_assert_cmpfloat(figures.cpu, <=, 100);
    g_assert_cmpint((long)figures.cpus, ==, sysconf(_SC_NPROCESSORS_ONLN));
    g_assert_cmpuint(figures.core_count, >=, figures.cpus);
    g_assert_cmpuint(figures.mem_used, >, 1u << 20);
    g_assert_cmpuint(figures.mem_used, <, figures.mem_total);
    g_assert_cmpfloat(figures.load[0], >=, 0);
    g_assert_cmpint(figures.boot, ==, boot);
    g_assert_cmpfloat(figures.uptime, >, 0);
    for (size_t i = 0; i < figures.disk_count; i++) {
        g_assert_cmpstr(figures.disks[i].name, !=, "");
        g_assert_cmpfloat(figures.disks[i].read, >=, 0);
    }
    const NetRate *lo = net_rates_find(node_reader_links(reader), "lo");
    if (lo)
        g_assert_false(lo->physical);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/node/numbers", test_numbers);
    g_test_add_func("/node/stat", test_stat);
    g_test_add_func("/node/stat-bad", test_stat_bad);
    g_test_add_func("/node/memory", test_memory);
    g_test_add_func("/node/load-and-pressure", test_load_and_pressure);
    g_test_add_func("/node/disks", test_disks);
    g_test_add_func("/node/rates", test_rate_has_gaps_not_spikes);
    g_test_add_func("/node/this-machine", test_this_machine);
    return g_test_run();
}
