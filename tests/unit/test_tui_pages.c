#include "backend/wire/message.h"
#include "tests/unit/terminal.h"
#include "tui/view/describe_guest.h"
#include "tui/view/describe_node.h"
#include "tui/view/page.h"
#include "tui/view/past.h"

#include <locale.h>
#include <math.h>
#include <string.h>

static void check_row(TestTerminal *terminal, int row, const char *expected)
{
    g_autofree char *text = test_terminal_row(terminal, row);
    g_assert_cmpstr(text, ==, expected);
}

static void draw(Pager *pager, Screen *screen, TestTerminal *terminal, int rows, int columns)
{
    g_assert_true(screen_begin(screen));
    pager_draw(pager, screen, (Box){0, 0, rows, columns});
    screen_end(screen);
    test_terminal_read(terminal);
}

/* A long line goes on below, set in, at spaces; w cuts it and back. */
static void test_wrap(void)
{
    TestTerminal *terminal = test_terminal_new(16, 60);
    Screen *screen = test_terminal_screen(terminal, NULL, NULL);
    g_autoptr(Pager) pager = pager_new(false);
    PagerLook look = {.role = ROLE_TEXT, .label = 4, .hang = 4};
    pager_add_line(pager, "key one two three four five six", &look);
    pager_add_line(pager, "aaaaaaaaaabbbbbbbbbbccccc", &(PagerLook){0});
    pager_add_line(pager, "end", &(PagerLook){0});
    draw(pager, screen, terminal, 6, 20);
    check_row(terminal, 0, "key one two three");
    check_row(terminal, 1, "    four five six");
    check_row(terminal, 2, "aaaaaaaaaabbbbbbbbbb");
    check_row(terminal, 3, "ccccc");
    check_row(terminal, 4, "end");
    /* By rows, not by lines, and no further than the end. */
    draw(pager, screen, terminal, 4, 20);
    g_assert_true(pager_key(pager, 'j'));
    draw(pager, screen, terminal, 4, 20);
    check_row(terminal, 0, "    four five six");
    g_assert_true(pager_key(pager, 'j'));
    draw(pager, screen, terminal, 4, 20);
    check_row(terminal, 0, "    four five six");
    check_row(terminal, 3, "end");
    g_assert_true(pager_key(pager, 'k'));
    draw(pager, screen, terminal, 4, 20);
    check_row(terminal, 0, "key one two three");
    g_assert_true(pager_key(pager, 'w'));
    draw(pager, screen, terminal, 4, 20);
    check_row(terminal, 0, "key one two three f…");
    check_row(terminal, 2, "end");
    g_assert_true(pager_key(pager, 'l'));
    draw(pager, screen, terminal, 4, 20);
    check_row(terminal, 0, "two three four five…");
    screen_close(screen);
    test_terminal_free(terminal);
}

static void test_page(void)
{
    static const char *const titles[] = {"Name", ">Size", "Empty", "Where", NULL};
    g_autoptr(Page) page = page_new(&glyphs_ascii);
    page_section(page, "First");
    page_fact(page, "Label", "two\nlines\033[2J");
    page_fact(page, "Unknown", NULL);
    page_section(page, "Second");
    PageTable *table = page_table_new(titles);
    const char *const cells[] = {"a", "1", NULL, "/x", "long one", NULL, "", "/y"};
    for (size_t i = 0; i < G_N_ELEMENTS(cells); i++)
        page_table_add(table, g_strdup(cells[i]));
    page_table_put(page, table);
    page_table_put(page, page_table_new(titles));
    g_autofree char *bar = page_bar(page, 4, 50);
    g_assert_cmpstr(bar, ==, "##..  50%");
    g_assert_null(page_bar(page, 4, NAN));
    g_assert_cmpstr(page_text(page), ==,
                    "First\n Label          two lines\uFFFD[2J\n Unknown        -\n"
                    "\nSecond\n Name      Size  Where\n a            1  /x\n"
                    " long one     -  /y\n");
}

/* The line of the page that begins with a word. */
static void assert_line(const Page *page, const char *line)
{
    g_autofree char *wanted = g_strdup_printf("\n %s\n", line);
    if (!strstr(page_text(page), wanted))
        g_test_message("%s", page_text(page));
    g_assert_nonnull(strstr(page_text(page), wanted));
}

static void test_vm(void)
{
    g_autoptr(json_t) guest = json_loads(
        "{\"type\":\"vm\",\"name\":\"web1\",\"problem\":null,\"vcpu_cpu\":[12.2,0],\"detail\":{"
        "\"name\":\"web1\",\"type\":\"kvm\",\"vcpus\":2,\"vcpus_max\":4,\"memory\":100663296,"
        "\"memory_max\":1073741824,\"firmware\":\"efi\",\"secure_boot\":true,"
        "\"disks\":[{\"target\":\"vda\",\"bus\":\"virtio\",\"device\":\"disk\","
        "\"format\":\"qcow2\",\"source\":\"/a.qcow2\",\"capacity\":67108864,"
        "\"backing\":[{\"source\":\"/b.raw\",\"format\":\"raw\"}]},"
        "{\"target\":\"sda\",\"bus\":\"sata\",\"device\":\"cdrom\",\"readonly\":true}],"
        "\"nics\":[{\"model\":\"virtio\",\"mac\":\"52:54:00:00:00:01\",\"source\":\"vmbr0\","
        "\"addresses\":[\"192.0.2.1/24\"],\"from\":\"lease\"}],\"snapshots\":["
        "{\"name\":\"s1\",\"current\":true,\"state\":\"running\"}]}}",
        0, NULL);
    g_assert_nonnull(guest);
    g_autoptr(Page) page = page_new(&glyphs_full);
    describe_hardware(page, guest);
    assert_line(page, "Processors     2 of at most 4");
    assert_line(page, "Firmware       UEFI, secure boot");
    assert_line(page, "Now            96 MiB of at most 1 GiB");
    assert_line(page,
                "vda   virtio  disk    qcow2   64 MiB  -         /a.qcow2 on /b.raw (raw)");
    assert_line(page, "sda   sata    cdrom   -            -  readonly  no medium");
    assert_line(page, "virtio  52:54:00:00:00:01  vmbr0   192.0.2.1/24 (lease)");
    g_assert_null(strstr(page_text(page), "web1"));
    g_assert_null(strstr(page_text(page), "100663296"));

    g_autoptr(Page) snapshots = page_new(&glyphs_full);
    describe_snapshots(snapshots, guest);
    assert_line(snapshots, "s1        running  what it runs on");

    ModelGuest known;
    model_object_init(&known.base, OBJECT_GUEST);
    known.kind = GUEST_KIND_VM;
    known.pending = TRUE;
    g_autoptr(Page) facts = page_new(&glyphs_full);
    describe_guest_facts(facts, &known, guest);
    g_assert_true(g_str_has_prefix(page_text(facts), " Pending "));
    assert_line(facts, "Per vCPU       12%  0%");
    assert_line(facts, "Disks          vda  virtio  a.qcow2  64 MiB");
    model_object_clear(&known.base);
}

/* Nothing known, or all of another kind, is no trouble. */
static void test_strange(void)
{
    static const char *const answers[] = {
        "{}", "{\"detail\":{}}", "{\"type\":\"ct\",\"detail\":{}}",
        "{\"detail\":{\"disks\":[1,null,\"x\",{}],\"nics\":{},\"balloon\":[],\"boot\":[{}]}}",
        "{\"type\":\"ct\",\"detail\":{\"networks\":[7],\"idmap\":[[]],\"memory_max\":-1}}"};
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_autoptr(json_t) guest = json_loads(answers[i], 0, NULL);
        g_autoptr(Page) page = page_new(&glyphs_full);
        ModelGuest known;
        model_object_init(&known.base, OBJECT_GUEST);
        describe_hardware(page, guest);
        describe_snapshots(page, guest);
        describe_guest_facts(page, &known, guest);
        describe_machine(page, guest);
        g_assert_true(g_utf8_validate(page_text(page), -1, NULL));
        model_object_clear(&known.base);
    }
}

static void test_means(void)
{
    float points[] = {1, 3, 5, NAN, NAN, NAN, 7}, out[8];
    /* Points 3 to 9 in pairs: 3, 4-5, 6-7, 8-9. */
    g_assert_cmpuint(past_means(points, 7, 9, 8, 4, out), ==, 4);
    g_assert_cmpfloat((double)out[0], ==, 1);
    g_assert_cmpfloat((double)out[1], ==, 4);
    g_assert_true(isnan(out[2]));
    g_assert_cmpfloat((double)out[3], ==, 7);
    /* A point later the full pairs are the same. */
    float later[] = {3, 5, NAN, NAN, NAN, 7, 9};
    g_assert_cmpuint(past_means(later, 7, 10, 8, 4, out), ==, 4);
    g_assert_cmpfloat((double)out[0], ==, 4);
    g_assert_cmpfloat((double)out[2], ==, 7);
    g_assert_cmpfloat((double)out[3], ==, 9);
    g_assert_cmpuint(past_means(points, 0, 9, 8, 4, out), ==, 0);
}

int main(int argc, char **argv)
{
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    (void)setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tui-pages/wrap", test_wrap);
    g_test_add_func("/tui-pages/page", test_page);
    g_test_add_func("/tui-pages/vm", test_vm);
    g_test_add_func("/tui-pages/strange", test_strange);
    g_test_add_func("/tui-pages/means", test_means);
    return g_test_run();
}
