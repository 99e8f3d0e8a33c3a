#include "backend/node/facts.h"
#include "backend/node/run.h"
#include "backend/node/text.h"
#include "backend/node/upkeep.h"
#include "backend/wire/error.h"

#include <math.h>
#include <string.h>

static void test_processors(void)
{
    static const char text[] =
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nphysical id\t: 0\n"
        "core id\t\t: 0\n\nprocessor\t: 1\nmodel name\t: Other\n"
        "physical id\t: 0\ncore id\t\t: 0\n\nprocessor\t: 2\n"
        "physical id\t: 1\ncore id\t\t: 0\n";
    NodeFacts facts = {0};
    node_facts_parse_processors(text, &facts);
    g_assert_cmpstr(facts.cpu_model, ==, "Some CPU @ 2 GHz");
    g_assert_cmpint(facts.sockets, ==, 2);
    g_assert_cmpint(facts.cores, ==, 2);
    node_facts_clear(&facts);
    node_facts_parse_processors("model name", &facts);
    g_assert_null(facts.cpu_model);
}

static void test_mounts(void)
{
    static const char text[] =
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
        "40 27 254:0 /srv/data /mnt/part rw - ext4 /dev/vda rw\n"
        "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
        "41 27 254:0 / /again rw - ext4 /dev/vda rw\n"
        "42 27 0:50 / /mnt/my\\040disk\\134 ro,nosuid shared:2 master:1 - nfs4 srv:/x\\040y "
        "ro\n"
        "43 27 0:51 / /run rw - tmpfs tmpfs rw\n"
        "44 27 0:52 / /mnt/s rw - fuse.sshfs a@b: rw\n"
        "45 broken\n"
        "46 27 0:53 / /mnt/t rw shared:1 ext4 /dev/x rw\n";
    g_autoptr(GPtrArray) mounts = node_mounts_parse(text);
    g_assert_cmpuint(mounts->len, ==, 3);
    const NodeMount *root = mounts->pdata[0], *nfs = mounts->pdata[1], *ssh = mounts->pdata[2];
    g_assert_cmpstr(root->path, ==, "/");
    g_assert_cmpstr(root->source, ==, "/dev/vda");
    g_assert_false(root->remote);
    g_assert_false(root->read_only);
    g_assert_cmpstr(nfs->path, ==, "/mnt/my disk\\");
    g_assert_cmpstr(nfs->source, ==, "srv:/x y");
    g_assert_cmpstr(nfs->type, ==, "nfs4");
    g_assert_true(nfs->remote);
    g_assert_true(nfs->read_only);
    g_assert_true(ssh->remote);
}

static void test_mounts_here(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) mounts = node_mounts_read(&error);
    g_assert_no_error(error);
    g_assert_nonnull(mounts);
    NodeUse use;
    g_assert_true(node_mount_measure("/", &use, &error));
    g_assert_cmpuint(use.total, >=, use.used);
    g_assert_cmpuint(use.total, >, 0);
    g_assert_false(node_mount_measure("/nonexistent/path", &use, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_UNAVAILABLE);
}

static void test_facts_here(void)
{
    NodeFacts facts;
    node_facts_read(&facts);
    g_assert_nonnull(facts.kernel);
    g_assert_cmpint(facts.threads, >, 0);
    node_facts_clear(&facts);
    g_autoptr(GPtrArray) disks = node_disks_read();
    for (guint i = 0; i < disks->len; i++)
        g_assert_cmpstr(((NodeDisk *)disks->pdata[i])->name, !=, "");
    g_autofree char *reason = NULL;
    g_assert_true(node_kvm_probe(&reason) == (reason == NULL));
}

static void test_clock(void)
{
    NodeClock clock;
    g_assert_true(node_clock_parse_chrony(
        "C0A80101,192.168.1.1,3,1453126395.1,0.25,-0.1,0.2,1.5,0.0,0.1,0.01,0.02,64.2,Normal\n",
        &clock));
    g_assert_true(clock.synchronised);
    g_assert_cmpfloat_with_epsilon(clock.offset, -0.25, 1e-12);
    g_assert_true(
        node_clock_parse_chrony("7F7F0101,,0,0.0,0,0,0,0,0,0,1,1,0,Not synchronised", &clock));
    g_assert_false(clock.synchronised);
    g_assert_true(isnan(clock.offset));
    g_assert_false(node_clock_parse_chrony("", &clock));
    g_assert_false(node_clock_parse_chrony("506 Cannot talk to daemon", &clock));
    g_assert_false(node_clock_parse_chrony("a,b,c,d,x,f,g,h,i,j,k,l,m,Normal", &clock));
}

static void test_text(void)
{
    g_autofree char *clean = node_text_clean("a\tb\033[31m\x9b \xff\xc3\xa4\xe2\x80\xae", -1);
    g_assert_true(g_utf8_validate(clean, -1, NULL));
    g_assert_cmpstr(clean, ==,
                    "a b\xef\xbf\xbd[31m\xef\xbf\xbd \xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");

    static const char log[] = "one\ntwo\n\nthree\0x\nfour";
    g_autoptr(GPtrArray) lines = node_text_tail(log, sizeof log - 1, 3, 4);
    g_assert_cmpuint(lines->len, ==, 3);
    g_assert_cmpstr(lines->pdata[0], ==, "two");
    g_assert_cmpstr(lines->pdata[1], ==, "thre");
    g_assert_cmpstr(lines->pdata[2], ==, "four");
    g_autoptr(GPtrArray) none = node_text_tail("", 0, 3, 4);
    g_assert_cmpuint(none->len, ==, 0);
}

static void test_updates(void)
{
    g_assert_cmpuint(node_updates_parse(""), ==, 0);
    g_assert_cmpuint(node_updates_parse("Inst a [1] (2 Debian [amd64])\nConf a (2)\n"
                                        "Inst b [1] (2)\nInstall\n"),
                     ==, 2);
    g_assert_cmpuint(node_updates_stamp(), ==, node_updates_stamp());
}

static GString *run(const char *script, int deadline, size_t limit, GError **error)
{
    const char *command[] = {"sh", "-c", script, NULL};
    return node_run(command, deadline, limit, error);
}

static void test_run(void)
{
    g_autoptr(GError) error = NULL;
    GString *output = run("pwd; echo $LC_ALL; cat; echo no >&2", 10000, 1000, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(output->str, ==, "/\nC\n");
    (void)g_string_free(output, TRUE);
    g_assert_null(run("exit 3", 10000, 1000, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_FAILED);
    g_clear_error(&error);
    g_assert_null(run("exec sleep 1000", 50, 1000, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_TIMEOUT);
    g_clear_error(&error);
    g_assert_null(run("exec >&-; exec sleep 1000", 50, 1000, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_TIMEOUT);
    g_clear_error(&error);
    g_assert_null(run("exec cat /dev/zero", 10000, 100000, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_LIMIT);
    g_clear_error(&error);
    static const char *const missing[] = {"no-such-program-anywhere", NULL};
    g_assert_null(node_run(missing, 1000, 1000, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/facts/processors", test_processors);
    g_test_add_func("/facts/mounts", test_mounts);
    g_test_add_func("/facts/mounts-here", test_mounts_here);
    g_test_add_func("/facts/here", test_facts_here);
    g_test_add_func("/facts/clock", test_clock);
    g_test_add_func("/facts/text", test_text);
    g_test_add_func("/facts/updates", test_updates);
    g_test_add_func("/facts/run", test_run);
    return g_test_run();
}
