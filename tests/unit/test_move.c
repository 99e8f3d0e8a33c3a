#include "agent/move/calls.h"
#include "agent/move/drain_list.h"
#include "agent/move/file.h"
#include "agent/move/place.h"
#include "agent/move/purpose.h"
#include "agent/move/tree.h"
#include "backend/guest/kvm_move.h"
#include "backend/guest/lxc_container.h"
#include "backend/guest/lxc_move_check.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static MoveOffer *make_offer(void)
{
    MoveOffer *offer = move_offer_new();
    offer->id = g_strdup("0123456789ab");
    offer->number = 101;
    offer->name = g_strdup("web");
    offer->native = g_strdup("1b4e28ba-2fa1-11d2-883f-0016d3cca427");
    offer->from = g_strdup("node1");
    offer->definition = g_strdup("<domain/>");
    MoveDisk *disk = move_offer_add_disk(offer);
    disk->target = g_strdup("vda");
    disk->path = g_strdup("/a/vda.qcow2");
    disk->format = g_strdup("qcow2");
    disk->allocation = 5;
    return offer;
}

static gboolean parses(const MoveOffer *offer)
{
    g_autofree char *text = move_offer_text(offer);
    g_autoptr(MoveOffer) again = move_offer_parse(text, strlen(text), NULL);
    return again && again->disks->len == offer->disks->len && again->number == offer->number;
}

static void test_offer(void)
{
    g_autoptr(MoveOffer) offer = make_offer();
    g_assert_true(parses(offer));
    MoveDisk *disk = offer->disks->pdata[0];
    static const char *const wrong[] = {"relative", "/a/../etc/shadow", "/a/..", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_free(disk->path);
        disk->path = g_strdup(wrong[i]);
        g_assert_false(parses(offer));
    }
}

static void test_verdict(void)
{
    g_autoptr(MoveOffer) offer = make_offer();
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    g_autoptr(GError) error = NULL;
    move_verdict_place(verdict, "vda", TRUE, "/b/vda.qcow2");
    g_assert_true(move_verdict_allows(verdict, "web", NULL));
    g_assert_cmpuint(move_verdict_bytes(verdict, offer), ==, 5);
    move_verdict_add(verdict, "make it", "there is no bridge %s", "br0");
    move_verdict_add(verdict, "", "another");
    g_assert_false(move_verdict_allows(verdict, "web", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STATE);
    g_assert_cmpstr(error->message, ==, "web: there is no bridge br0 (make it); another");
}

/* A copied disk is one image at its new path; the others stay as they are. */
static void test_xml(void)
{
    static const char text[] =
        "<domain type='kvm'><name>a</name><devices>"
        "<disk type='volume' device='disk'><driver type='qcow2'/>"
        "<source pool='p' volume='v'/><backingStore type='file'><source file='/base'/>"
        "</backingStore><target dev='vda'/></disk>"
        "<disk type='file' device='disk'><source file='/keep'/><target dev='vdb'/></disk>"
        "</devices></domain>";
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    move_verdict_place(verdict, "vda", TRUE, "/new/vda.qcow2");
    move_verdict_place(verdict, "vdb", FALSE, "/keep");
    g_autofree char *moved = kvm_move_xml(text, verdict, NULL);
    g_assert_nonnull(strstr(moved, "file=\"/new/vda.qcow2\""));
    g_assert_null(strstr(moved, "pool="));
    g_assert_null(strstr(moved, "/base"));
    g_assert_nonnull(strstr(moved, "/keep"));
}

/* ---- what another node may lack ---- */

static void check_obstacles(MoveVerdict *verdict, guint count, const char *word)
{
    g_assert_cmpuint(verdict->obstacles->len, ==, count);
    for (guint i = 0; i < count; i++) {
        const MoveObstacle *obstacle = verdict->obstacles->pdata[i];
        g_assert_nonnull(strstr(obstacle->text, word));
        g_assert_cmpstr(obstacle->fix, !=, "");
    }
    g_ptr_array_set_size(verdict->obstacles, 0);
}

/* Only what runs needs the same versions or newer ones; patch levels do not count. */
static void test_versions(void)
{
    g_autoptr(MoveOffer) offer = make_offer();
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    offer->libvirt = 9000005;
    offer->qemu = 7002009;
    offer->mode = MOVE_LIVE;
    kvm_move_check_versions(offer, 9000000, 7002001, verdict);
    kvm_move_check_versions(offer, 10000000, 8000000, verdict);
    kvm_move_check_versions(offer, 0, 0, verdict);
    check_obstacles(verdict, 0, "");
    kvm_move_check_versions(offer, 8010000, 7002000, verdict);
    check_obstacles(verdict, 1, "libvirt there is 8.10, older than the 9.0");
    kvm_move_check_versions(offer, 9000000, 7001000, verdict);
    check_obstacles(verdict, 1, "QEMU there is 7.1, older than the 7.2");
    offer->mode = MOVE_RESTART;
    kvm_move_check_versions(offer, 8000000, 6000000, verdict);
    check_obstacles(verdict, 0, "");
    g_autofree char *text = move_offer_text(offer);
    g_autoptr(MoveOffer) again = move_offer_parse(text, strlen(text), NULL);
    g_assert_cmpuint(again->qemu, ==, 7002009);
    g_assert_cmpuint(again->libvirt, ==, 9000005);
}

static void test_capable(void)
{
    static const char text[] =
        "<domainCapabilities><os supported='yes'><enum name='firmware'><value>bios</value>"
        "<value>efi</value></enum><loader supported='yes'><enum name='type'><value>rom</value>"
        "</enum></loader></os></domainCapabilities>";
    g_assert_true(kvm_move_capable(text, "firmware", "efi"));
    g_assert_false(kvm_move_capable(text, "firmware", "rom"));
    g_assert_false(kvm_move_capable("<domainCapabilities/>", "firmware", "efi"));
    g_assert_false(kvm_move_capable("no XML", "firmware", "efi"));
}

static void test_idmap(void)
{
    static const char ids[] = "anna:100000:65536\nroot:200000:65536\nbroken\n0:1000000:1000\n";
    static const char maps[] = "u 0 200000 65536\ng 0 300000 1000\n";
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    g_assert_true(lxc_subids_hold(ids, 200000, 65536));
    g_assert_true(lxc_subids_hold(ids, 1000999, 1));
    g_assert_false(lxc_subids_hold(ids, 1000999, 2));
    g_assert_false(lxc_subids_hold(ids, 100000, 10)); /* anna's */
    g_assert_false(lxc_subids_hold("", 1, 1));
    lxc_check_idmap(maps, ids, ids, verdict);
    check_obstacles(verdict, 1, "/etc/subgid");
    lxc_check_idmap(maps, "", "", verdict);
    check_obstacles(verdict, 2, "does not give to root");
    lxc_check_idmap(maps, NULL, NULL, verdict); /* no newuidmap: root may */
    lxc_check_idmap(NULL, "", "", verdict);
    check_obstacles(verdict, 0, "");
}

static void test_cgroup(void)
{
    g_autoptr(MoveOffer) offer = make_offer();
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    g_free(offer->definition);
    offer->definition = g_strdup(" lxc.cgroup.memory.limit_in_bytes = 64M\n");
    lxc_check_cgroup(offer, FALSE, verdict);
    check_obstacles(verdict, 0, "");
    lxc_check_cgroup(offer, TRUE, verdict);
    check_obstacles(verdict, 1, "version 2");
    g_free(offer->definition);
    offer->definition = g_strdup("lxc.cgroup.cpu.shares = 5\nlxc.cgroup2.memory.max = 64M\n");
    lxc_check_cgroup(offer, TRUE, verdict);
    check_obstacles(verdict, 0, "");
}

static void test_apparmor(void)
{
    static const char loaded[] =
        "lxc-container-default-cgns (enforce)\n/usr/sbin/x (complain)\n";
    g_autoptr(MoveVerdict) verdict = move_verdict_new();
    lxc_check_apparmor("lxc-container-default-cgns", loaded, verdict);
    lxc_check_apparmor("unconfined", loaded, verdict);
    lxc_check_apparmor("mine", NULL, verdict);
    lxc_check_apparmor(NULL, loaded, verdict);
    check_obstacles(verdict, 0, "");
    lxc_check_apparmor("lxc-container-default", loaded, verdict);
    check_obstacles(verdict, 1, "lxc-container-default is not loaded");
}

/* liblxc says whether it takes a configuration, without a container. */
static void test_try(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(LxcHandle) good = lxc_handle_try("lxc.uts.name = a\nlxc.net.0.type = veth\n"
                                               "lxc.net.0.link = br7\n",
                                               NULL);
    g_assert_nonnull(good);
    g_autofree char *link = lxc_handle_item(good, "lxc.net.0.link");
    g_assert_cmpstr(link, ==, "br7");
    g_assert_null(lxc_handle_try("lxc.no.such.key = 1\n", &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
    g_assert_null(lxc_handle_try("lxc.include = /no/such/file\n", NULL));
}

/* ---- files ---- */

typedef struct {
    int stream, file;
    GError *error;
    gboolean good;
} Receiver;

static gpointer receive(gpointer data)
{
    Receiver *receiver = data;
    const MoveFile what = {.path = "there", .what = "vda"};
    receiver->good =
        move_file_receive(&what, receiver->stream, receiver->file, &receiver->error);
    return NULL;
}

static void test_file(void)
{
    g_autofree char *directory = g_dir_make_tmp("move-XXXXXX", NULL);
    g_autofree char *from = g_build_filename(directory, "from", NULL);
    g_autofree char *to = g_build_filename(directory, "to", NULL);
    g_autofree char *sent = NULL, *got = NULL;
    gsize sent_size, got_size;
    int pair[2], file = open(from, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(pwrite(file, "begin", 5, 0), ==, 5);
    g_assert_cmpint(pwrite(file, "end", 3, 5 << 20), ==, 3);
    g_assert_cmpint(ftruncate(file, 6 << 20), ==, 0);
    (void)close(file);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    Receiver receiver = {.stream = pair[1],
                         .file = open(to, O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    GThread *thread = g_thread_new("receive", receive, &receiver);
    const MoveFile what = {.path = from, .what = "vda"};
    guint64 bytes = 0;
    g_assert_true(move_file_send(&what, pair[0], &bytes, NULL));
    g_thread_join(thread);
    g_assert_no_error(receiver.error);
    g_assert_true(receiver.good);
    g_assert_cmpuint(bytes, <, 2 << 20); /* the hole stayed here */
    g_assert_true(g_file_get_contents(from, &sent, &sent_size, NULL));
    g_assert_true(g_file_get_contents(to, &got, &got_size, NULL));
    g_assert_cmpmem(sent, sent_size, got, got_size);
    (void)close(pair[0]);
    (void)close(pair[1]);
    (void)close(receiver.file);
    (void)g_unlink(from);
    (void)g_unlink(to);
    (void)g_rmdir(directory);
}

static void test_records(void)
{
    guint8 head[MOVE_RECORD_HEAD];
    MoveRecord record = {'D', 4096, 10}, again;
    move_record_write(&record, head);
    g_assert_true(move_record_parse(head, 4096, &again, NULL));
    g_assert_cmpuint(again.offset, ==, 4096);
    g_assert_false(move_record_parse(head, 4097, &again, NULL)); /* backwards */
    record.length = MOVE_RECORD_MAX + 1;
    move_record_write(&record, head);
    g_assert_false(move_record_parse(head, 0, &again, NULL));
    record = (MoveRecord){'X', 0, 10};
    move_record_write(&record, head);
    g_assert_false(move_record_parse(head, 0, &again, NULL));
}

static void test_words(void)
{
    g_assert_true(move_tree_options_valid("-logDtprSHAXe.iLsfxCIvu"));
    g_assert_false(move_tree_options_valid("--rsync-path=sh"));
    g_assert_false(move_tree_options_valid("-"));
    g_autofree char *id = move_id_new();
    g_assert_true(move_id_is_valid(id));
    g_assert_false(move_id_is_valid("../../etc/x"));
    g_assert_false(move_socket_is_valid("../x"));
    g_autofree char *name =
        move_place_socket("memory", "a-name-that-is-far-too-long-for-a-"
                                    "socket-in-a-directory-of-a-move-and-so-"
                                    "it-is-left-out");
    g_assert_cmpstr(name, ==, "memory");
}

typedef struct {
    guint32 program, type, size;
} CallFrame;

/* In pieces of that size, as streams give them. */
static void pass(MoveCalls *calls, gboolean asked, const CallFrame *frame, gsize piece)
{
    g_autofree guint8 *bytes = g_malloc0(frame->size);
    const guint32 head[] = {GUINT32_TO_BE(frame->size),
                            GUINT32_TO_BE(frame->program),
                            0,
                            0,
                            GUINT32_TO_BE(frame->type),
                            0,
                            0};
    memcpy(bytes, head, sizeof head);
    for (gsize at = 0; at < frame->size; at += piece)
        move_calls_pass(calls, asked, bytes + at, MIN(piece, frame->size - at));
}

/* Calls are counted when they are whole, and until they are answered; pings are neither. */
static void test_calls(void)
{
    static const CallFrame call = {0x20008086, 0, 1000}, reply = {0x20008086, 1, 28},
                           event = {0x20008086, 2, 60}, ping = {0x6b656570, 2, 28};
    static const gsize pieces[] = {1, 3, 28, 29, 4096};
    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        MoveCalls calls = {0};
        pass(&calls, TRUE, &call, pieces[i]);
        pass(&calls, TRUE, &call, pieces[i]);
        g_assert_cmpuint(move_calls_waiting(&calls), ==, 2);
        pass(&calls, FALSE, &event, pieces[i]);
        pass(&calls, FALSE, &ping, pieces[i]);
        pass(&calls, TRUE, &ping, pieces[i]);
        pass(&calls, FALSE, &reply, pieces[i]);
        g_assert_cmpuint(move_calls_waiting(&calls), ==, 1);
        pass(&calls, FALSE, &reply, pieces[i]);
        g_assert_cmpuint(move_calls_waiting(&calls), ==, 0);
        move_calls_pass(&calls, TRUE, "\0\0\3\350\40\0\200\206", 8); /* cut off */
        g_assert_cmpuint(move_calls_waiting(&calls), ==, 0);
    }
    MoveCalls strange = {0};
    pass(&strange, TRUE, &call, 4096);
    move_calls_pass(&strange, TRUE, "GET / HTTP/1.1\r\nHost: libvirt\r\n\r\n", 35);
    g_assert_cmpuint(move_calls_waiting(&strange), ==, 0);
}

static json_t *guest_object(const char *type, const char *native)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:i}", "id", "vm/101", "name", "web", "type", type,
                     "native", native, "cpu", 5);
}

static size_t list_length(const char *state)
{
    g_autoptr(json_t) list = drain_list_read(state, NULL);
    return json_array_size(list);
}

/* Who has left is remembered once, by kind and native identifier, and forgotten alone. */
static void test_drain_list(void)
{
    g_autofree char *state = g_dir_make_tmp("drain-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(state, "drained.json", NULL);
    g_autoptr(json_t) vm = guest_object("vm", "/a"), ct = guest_object("ct", "/a");
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(list_length(state), ==, 0);
    g_assert_true(drain_list_remove(state, vm, NULL));
    g_assert_true(drain_list_add(state, vm, NULL) && drain_list_add(state, ct, NULL));
    g_assert_true(drain_list_add(state, vm, NULL));
    g_assert_cmpuint(list_length(state), ==, 2);
    g_autoptr(json_t) list = drain_list_read(state, NULL);
    const json_t *found = drain_list_find(list, vm);
    g_assert_cmpstr(json_string_value(json_object_get(found, "name")), ==, "web");
    g_assert_null(json_object_get(found, "cpu"));
    g_assert_true(drain_list_remove(state, vm, NULL));
    g_autoptr(json_t) rest = drain_list_read(state, NULL);
    g_assert_null(drain_list_find(rest, vm));
    g_assert_nonnull(drain_list_find(rest, ct));
    g_assert_true(g_file_set_contents(path, "{\"guests\":", -1, NULL));
    g_assert_null(drain_list_read(state, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_STORAGE);
    g_assert_false(drain_list_add(state, vm, NULL)); /* what it held is not thrown away */
    (void)g_unlink(path);
    (void)g_rmdir(state);
}

/* The error's code; 0: it was understood, and is said again the same. */
static int purpose_code(const char *text)
{
    g_autoptr(json_t) line = json_loads(text, 0, NULL);
    g_autoptr(GError) error = NULL;
    MovePurpose purpose;
    g_assert_nonnull(line);
    if (!move_purpose_parse(line, &purpose, &error))
        return error->code;
    g_autoptr(json_t) again = move_purpose_line(&purpose);
    g_assert_true(json_equal(line, again));
    return 0;
}

static void test_purpose(void)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"{\"want\":\"rpc\",\"person\":\"root\"}", 0},
        {"{\"want\":\"reception\",\"id\":\"0123456789ab\",\"fresh\":true}", 0},
        {"{\"want\":\"libvirt\",\"id\":\"0123456789ab\"}", 0},
        {"{\"want\":\"socket\",\"id\":\"0123456789ab\",\"name\":\"disk.vda\"}", 0},
        {"{}", WIRE_ERROR_METHOD},
        {"{\"want\":\"shell\",\"person\":\"root\"}", WIRE_ERROR_METHOD},
        {"{\"want\":\"rpc\"}", WIRE_ERROR_PARAMS},
        {"{\"want\":\"rpc\",\"person\":\"\"}", WIRE_ERROR_PARAMS},
        {"{\"want\":\"libvirt\",\"person\":\"root\"}", WIRE_ERROR_PARAMS},
        {"{\"want\":\"libvirt\",\"id\":\"../../../etc\"}", WIRE_ERROR_PARAMS},
        {"{\"want\":\"socket\",\"id\":\"0123456789ab\"}", WIRE_ERROR_PARAMS},
        {"{\"want\":\"socket\",\"id\":\"0123456789ab\",\"name\":\"../x\"}", WIRE_ERROR_PARAMS},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpint(purpose_code(cases[i].text), ==, cases[i].code);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/move/offer", test_offer);
    g_test_add_func("/move/calls", test_calls);
    g_test_add_func("/move/verdict", test_verdict);
    g_test_add_func("/move/xml", test_xml);
    g_test_add_func("/move/versions", test_versions);
    g_test_add_func("/move/capable", test_capable);
    g_test_add_func("/move/idmap", test_idmap);
    g_test_add_func("/move/cgroup", test_cgroup);
    g_test_add_func("/move/apparmor", test_apparmor);
    g_test_add_func("/move/try", test_try);
    g_test_add_func("/move/file", test_file);
    g_test_add_func("/move/records", test_records);
    g_test_add_func("/move/words", test_words);
    g_test_add_func("/move/purpose", test_purpose);
    g_test_add_func("/move/drain-list", test_drain_list);
    return g_test_run();
}
