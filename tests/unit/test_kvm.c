/* The pure parts of the KVM driver: domain XML, rates, keys, image headers. The
 * two samples are what libvirt 9.0 says of one domain right after its start. */
#include "backend/guest/kvm.h"
#include "backend/guest/kvm_figures.h"
#include "backend/guest/kvm_image.h"
#include "backend/guest/kvm_keys.h"
#include "backend/guest/kvm_xml.h"

#include "backend/wire/message.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static char *sample_text(const char *name)
{
    const char *root = g_getenv("SOURCE_ROOT");
    g_autofree char *path = g_build_filename(root ? root : ".", "tests/unit/data", name, NULL);
    g_autoptr(GError) error = NULL;
    char *text;
    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    return text;
}

static KvmXml *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    KvmXml *xml = kvm_xml_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return xml;
}

static KvmXml *sample(const char *name)
{
    g_autofree char *text = sample_text(name);
    return parse(text);
}

static void test_brief(void)
{
    g_autoptr(KvmXml) live = sample("domain_live.xml");
    KvmXmlBrief brief = kvm_xml_brief(live);
    g_assert_cmpint(brief.vcpus, ==, 2);
    g_assert_cmpuint(brief.memory_max, ==, 256u << 20);
    g_assert_false(brief.agent);
    g_autoptr(KvmXml) with_agent =
        parse("<domain><vcpu>3</vcpu><memory unit='GB'>2</memory><devices><channel>"
              "<target name='org.qemu.guest_agent.0' state='connected'/></channel></devices>"
              "</domain>");
    brief = kvm_xml_brief(with_agent);
    g_assert_cmpint(brief.vcpus, ==, 3);
    g_assert_cmpuint(brief.memory_max, ==, 2000000000u);
    g_assert_true(brief.agent);
}

static void test_hardware(void)
{
    g_autoptr(KvmXml) live = sample("domain_live.xml");
    g_autoptr(json_t) all = kvm_xml_hardware(live);
    g_assert_cmpstr(wire_get_string(all, "title", NULL), ==, "A title");
    g_assert_cmpstr(wire_get_string(all, "description", NULL), ==, "Two <lines>\nof text");
    g_assert_cmpint(wire_get_integer(all, "vcpus", 0), ==, 2);
    g_assert_cmpint(wire_get_integer(all, "vcpus_max", 0), ==, 4);
    g_assert_cmpstr(wire_get_string(all, "firmware", NULL), ==, "bios");
    g_assert_cmpint(wire_get_integer(json_object_get(all, "topology"), "cores", 0), ==, 2);
    const json_t *disks = json_object_get(all, "disks"), *disk = json_array_get(disks, 0);
    g_assert_cmpint(json_array_size(disks), ==, 2);
    g_assert_cmpstr(wire_get_string(disk, "source", NULL), ==, "/srv/local/im/over.qcow2");
    g_assert_cmpstr(wire_get_string(disk, "cache", NULL), ==, "none");
    const json_t *backing = json_object_get(disk, "backing");
    g_assert_cmpint(json_array_size(backing), ==, 1);
    g_assert_cmpstr(wire_get_string(json_array_get(backing, 0), "source", NULL), ==,
                    "/srv/local/im/base.qcow2");
    const json_t *nic = json_array_get(json_object_get(all, "nics"), 0);
    g_assert_cmpstr(wire_get_string(nic, "mac", NULL), ==, "52:54:00:aa:bb:01");
    g_assert_cmpstr(wire_get_string(nic, "source", NULL), ==, "vmbr0");
    const json_t *graphics = json_array_get(json_object_get(all, "graphics"), 0);
    g_assert_cmpint(wire_get_integer(graphics, "port", 0), ==, 5900);
}

static void test_disks(void)
{
    g_autoptr(KvmXml) live = sample("domain_live.xml");
    g_autoptr(GPtrArray) disks = kvm_xml_disks(live);
    g_assert_cmpuint(disks->len, ==, 2);
    const KvmXmlDisk *first = disks->pdata[0], *second = disks->pdata[1];
    g_assert_cmpstr(first->target, ==, "vda");
    g_assert_false(first->readonly);
    g_assert_cmpuint(first->backing->len, ==, 1);
    g_assert_cmpstr(second->device, ==, "cdrom");
    g_assert_true(second->readonly);
    g_assert_null(second->path);
}

static void test_differ(void)
{
    g_autoptr(KvmXml) live = sample("domain_live.xml"), saved = sample("domain_saved.xml");
    g_assert_false(kvm_xml_differ(live, saved));
    static const struct {
        const char *from, *to;
    } edits[] = {
        {"current='2'", "current='3'"},
        {"over.qcow2", "other.qcow2"},
        {"bridge='vmbr0'", "bridge='vmbr1'"},
        {"<title>A title</title>", "<title>Another</title>"},
        {"<readonly/>", ""},
        {"threads='2'", "threads='1'"},
        {"cache='none'", "cache='writeback'"},
        {"autoport='yes'", "autoport='no'"},
        {"type='vga'", "type='cirrus'"},
    };
    g_autofree char *text = sample_text("domain_saved.xml");
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autoptr(GString) edited = g_string_new(text);
        g_assert_cmpuint(g_string_replace(edited, edits[i].from, edits[i].to, 1), ==, 1);
        g_autoptr(KvmXml) other = parse(edited->str);
        g_assert_true(kvm_xml_differ(live, other));
    }
}

static void test_ejected(void)
{
    static const char saved[] =
        "<domain><devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
        "<target dev='sda' bus='sata'/></disk></devices></domain>";
    static const char ejected[] =
        "<domain><devices><disk type='file' device='cdrom'><driver name='qemu'/>"
        "<source index='5'/><target dev='sda' bus='sata' tray='open'/></disk></devices>"
        "</domain>";
    static const char inserted[] =
        "<domain><devices><disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
        "<source file='/a.iso' index='5'/><target dev='sda' bus='sata'/></disk></devices>"
        "</domain>";
    g_autoptr(KvmXml) a = parse(saved), b = parse(ejected), c = parse(inserted);
    g_assert_false(kvm_xml_differ(b, a));
    g_assert_true(kvm_xml_differ(c, a));
}

static void test_cpu_differs(void)
{
    static const char started[] =
        "<domain><cpu mode='custom' match='exact' check='none'>"
        "<model fallback='forbid'>qemu64</model><feature policy='disable' name='svm'/>"
        "<feature policy='require' name='added'/></cpu></domain>";
    static const struct {
        const char *cpu;
        gboolean exact, differs;
    } saved[] = {
        {"<cpu mode='custom'><model fallback='allow'>qemu64</model>"
         "<feature policy='disable' name='svm'/></cpu>",
         TRUE, FALSE},
        {"<cpu mode='custom' match='exact'><model>qemu64</model></cpu>", TRUE, FALSE},
        {"<cpu mode='custom'><model>EPYC</model></cpu>", TRUE, TRUE},
        {"<cpu mode='custom'><model>qemu64</model><feature name='svm'/></cpu>", TRUE, TRUE},
        {"<cpu mode='custom'><model>qemu64</model><feature name='aes'/></cpu>", TRUE, TRUE},
        {"<cpu mode='custom' match='minimum'><model>EPYC</model></cpu>", FALSE, TRUE},
        {"<cpu mode='custom'><model>qemu64</model>"
         "<feature policy='optional' name='aes'/></cpu>",
         FALSE, TRUE},
        {"<cpu mode='host-model'/>", FALSE, TRUE},
        {"", FALSE, TRUE},
    };
    g_autoptr(KvmXml) live = parse(started);
    for (size_t i = 0; i < G_N_ELEMENTS(saved); i++) {
        g_autofree char *text = g_strdup_printf("<domain>%s</domain>", saved[i].cpu);
        g_autoptr(KvmXml) other = parse(text);
        g_assert_cmpint(kvm_xml_cpu_is_exact(other), ==, saved[i].exact);
        g_assert_cmpint(kvm_xml_cpu_differs(live, other), ==, saved[i].differs);
    }
    g_autoptr(KvmXml) passed = parse("<domain><cpu mode='host-passthrough'/></domain>");
    g_autoptr(KvmXml) exact =
        parse("<domain><cpu mode='custom'><model>qemu64</model></cpu></domain>");
    g_assert_true(kvm_xml_cpu_differs(passed, exact));
}

static void check_refused(const char *text, WireErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(kvm_xml_parse(text, strlen(text), &error));
    g_assert_error(error, WIRE_ERROR, (int)code);
}

static void test_hostile_xml(void)
{
    check_refused("", WIRE_ERROR_PARSE);
    check_refused("<network/>", WIRE_ERROR_PARSE);
    check_refused("<domain>", WIRE_ERROR_PARSE);
    check_refused("<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
                  "<domain><name>&a;</name></domain>",
                  WIRE_ERROR_PARSE);
    check_refused("<!DOCTYPE domain [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
                  "<domain><name>&b;</name></domain>",
                  WIRE_ERROR_PARSE);
    g_autofree char *large = g_strnfill(KVM_XML_MAX + 1, ' ');
    check_refused(large, WIRE_ERROR_LIMIT);
    g_autoptr(GString) deep = g_string_new("<domain>");
    for (int i = 0; i < 2000; i++)
        g_string_append(deep, "<a>");
    check_refused(deep->str, WIRE_ERROR_PARSE);
    g_autoptr(KvmXml) odd = parse("<domain><vcpu>-1</vcpu><memory>99999999999999999999</memory>"
                                  "<devices><disk/><interface/><channel/></devices></domain>");
    KvmXmlBrief brief = kvm_xml_brief(odd);
    g_assert_cmpint(brief.vcpus, ==, 0);
    g_assert_cmpuint(brief.memory_max, ==, 0);
    json_decref(kvm_xml_hardware(odd));
    g_assert_false(kvm_xml_differ(odd, odd));
}

static void test_rates(void)
{
    KvmCounter counter = {0};
    g_assert_true(isnan(kvm_counter_rate(&counter, 100, 1000000)));
    g_assert_cmpfloat(kvm_counter_rate(&counter, 150, 1500000), ==, 100);
    g_assert_cmpfloat(kvm_counter_rate(&counter, 150, 2500000), ==, 0);
    g_assert_true(isnan(kvm_counter_rate(&counter, 10, 3500000)));
    g_assert_cmpfloat(kvm_counter_rate(&counter, 30, 4500000), ==, 20);
    g_assert_true(isnan(kvm_counter_rate(&counter, 40, 4500000)));
}

static virTypedParameter value(const char *field, unsigned long long number)
{
    virTypedParameter parameter = {.type = VIR_TYPED_PARAM_ULLONG, .value.ul = number};
    g_strlcpy(parameter.field, field, sizeof parameter.field);
    return parameter;
}

static const unsigned char uuid[VIR_UUID_BUFLEN] = {
    0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 0xff};

/* One turn with the domain above, at that second. */
static KvmBatch *turn(KvmFigures *figures, int second, guint64 base, gboolean *changed)
{
    virTypedParameter parameters[] = {
        value("cpu.time", base * 1000000000),
        value("vcpu.current", 2),
        value("vcpu.0.time", base * 500000000),
        value("vcpu.1.time", base * 250000000),
        value("vcpu.1.wait", 7),
        value("balloon.maximum", 1000),
        value("balloon.available", 900),
        value("balloon.usable", 600),
        value("balloon.unused", 500),
        value("balloon.rss", 1234),
        value("block.count", 2),
        value("block.0.rd.bytes", base * 10),
        value("block.1.rd.bytes", base * 20),
        value("block.0.wr.bytes", base * 5),
        value("block.0.rd.reqs", base),
        value("block.1.wr.reqs", base * 2),
        value("net.0.rx.bytes", base * 100),
        value("net.12.tx.bytes", base * 200),
        value("net.x.tx.bytes", 1u << 31),
    };
    kvm_figures_begin(figures, (gint64)second * 1000000);
    *changed = kvm_figures_add(figures, uuid, parameters, G_N_ELEMENTS(parameters));
    return kvm_figures_end(figures);
}

static void test_figures(void)
{
    KvmFigures *figures = kvm_figures_new();
    gboolean changed;
    KvmBatch *first = turn(figures, 1, 10, &changed);
    g_assert_false(changed);
    g_assert_true(isnan(first->figures[0].cpu));
    g_assert_true(isnan(first->figures[0].vcpu[1]));
    g_assert_cmpfloat(first->figures[0].memory_rss, ==, 1234 * 1024);
    kvm_batch_free(first);

    KvmBatch *second = turn(figures, 3, 12, &changed);
    const GuestFigures *f = &second->figures[0];
    g_assert_cmpuint(second->count, ==, 1);
    g_assert_cmpstr(f->native, ==, "12345678-9abc-def0-0102-0304050607ff");
    g_assert_cmpfloat_with_epsilon(f->cpu, 100, 1e-9);
    g_assert_cmpint(f->vcpu_count, ==, 2);
    g_assert_cmpfloat_with_epsilon(f->vcpu[0], 50, 1e-9);
    g_assert_cmpfloat_with_epsilon(f->vcpu[1], 25, 1e-9);
    g_assert_cmpfloat(f->memory_used, ==, 300 * 1024);
    g_assert_cmpfloat(f->disk_read, ==, 30);
    g_assert_cmpfloat(f->disk_write, ==, 5);
    g_assert_cmpfloat(f->disk_operations, ==, 3);
    g_assert_cmpfloat(f->net_in, ==, 100);
    g_assert_cmpfloat(f->net_out, ==, 200);
    kvm_batch_free(second);

    /* A restart: every counter begins anew. */
    KvmBatch *third = turn(figures, 4, 1, &changed);
    g_assert_true(isnan(third->figures[0].cpu));
    g_assert_true(isnan(third->figures[0].disk_read));
    g_assert_true(isnan(third->figures[0].vcpu[0]));
    kvm_batch_free(third);
    kvm_figures_free(figures);
}

/* A turn that leaves the processors out. */
static KvmBatch *short_turn(KvmFigures *figures, int second, guint64 nanoseconds)
{
    virTypedParameter parameters[] = {value("cpu.time", nanoseconds)};
    kvm_figures_begin(figures, (gint64)second * 1000000);
    g_assert_false(kvm_figures_add(figures, uuid, parameters, 1));
    return kvm_figures_end(figures);
}

static void test_figures_slow(void)
{
    KvmFigures *figures = kvm_figures_new();
    gboolean changed;
    kvm_batch_free(turn(figures, 1, 10, &changed));
    kvm_batch_free(turn(figures, 3, 12, &changed));
    KvmBatch *batch = short_turn(figures, 4, 13 * G_GUINT64_CONSTANT(1000000000));
    g_assert_cmpfloat_with_epsilon(batch->figures[0].cpu, 100, 1e-9);
    g_assert_cmpint(batch->figures[0].vcpu_count, ==, 2);
    g_assert_cmpfloat_with_epsilon(batch->figures[0].vcpu[1], 25, 1e-9);
    kvm_batch_free(batch);
    batch = turn(figures, 5, 16, &changed); /* the average since second 3 */
    g_assert_cmpfloat_with_epsilon(batch->figures[0].vcpu[0], 100, 1e-9);
    kvm_batch_free(batch);
    batch = short_turn(figures, 6, 1); /* it began anew */
    g_assert_cmpint(batch->figures[0].vcpu_count, ==, 0);
    g_assert_null(batch->figures[0].vcpu);
    kvm_batch_free(batch);
    kvm_figures_free(figures);
}

static void test_figures_forget_and_notice(void)
{
    KvmFigures *figures = kvm_figures_new();
    gboolean changed;
    kvm_batch_free(turn(figures, 1, 1, &changed));
    kvm_figures_begin(figures, 2000000);
    virTypedParameter hotplug[] = {value("vcpu.current", 3)};
    g_assert_true(kvm_figures_add(figures, uuid, hotplug, 1));
    KvmBatch *batch = kvm_figures_end(figures);
    g_assert_true(isnan(batch->figures[0].cpu));
    g_assert_true(isnan(batch->figures[0].memory_used));
    g_assert_cmpint(batch->figures[0].vcpu_count, ==, 0);
    kvm_batch_free(batch);
    kvm_figures_begin(figures, 3000000);
    KvmBatch *empty = kvm_figures_end(figures);
    g_assert_cmpuint(empty->count, ==, 0);
    kvm_batch_free(empty);
    /* After a turn without it, its counters start anew. */
    KvmBatch *again = turn(figures, 4, 9, &changed);
    g_assert_true(isnan(again->figures[0].cpu));
    kvm_batch_free(again);
    kvm_figures_free(figures);
}

static void test_states(void)
{
    g_assert_cmpint(kvm_state_from(VIR_DOMAIN_RUNNING, 1, FALSE), ==, GUEST_STATE_RUNNING);
    g_assert_cmpint(kvm_state_from(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, FALSE), ==,
                    GUEST_STATE_STARTING);
    g_assert_cmpint(kvm_state_from(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_SAVED, TRUE), ==,
                    GUEST_STATE_SAVED);
    g_assert_cmpint(kvm_state_from(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, FALSE), ==,
                    GUEST_STATE_CRASHED);
    g_assert_cmpint(kvm_state_from(77, 77, FALSE), ==, GUEST_STATE_UNKNOWN);
    g_assert_cmpstr(kvm_state_reason(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR), ==,
                    "disk error");
    g_assert_null(kvm_state_reason(VIR_DOMAIN_PAUSED, -1));
    g_assert_null(kvm_state_reason(VIR_DOMAIN_RUNNING, 12345));
}

static void test_keys(void)
{
    unsigned code = 0;
    g_assert_true(kvm_key_from_name("KEY_DELETE", &code));
    g_assert_cmpuint(code, ==, 111);
    g_assert_true(kvm_key_from_name("KEY_F12", &code));
    g_assert_cmpuint(code, ==, 88);
    g_assert_false(kvm_key_from_name("KEY_", &code));
    g_assert_false(kvm_key_from_name("DELETE", &code));
    g_assert_cmpuint(code, ==, 88);
}

static void test_image_header(void)
{
    guint8 header[20] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9};
    guint64 offset = 0;
    guint32 length = 0;
    g_assert_true(kvm_image_backing_place(header, sizeof header, &offset, &length));
    g_assert_cmpuint(offset, ==, 512);
    g_assert_cmpuint(length, ==, 9);
    g_assert_false(kvm_image_backing_place(header, 19, &offset, &length));
    header[18] = 4; /* 1033 bytes: over the format's limit */
    g_assert_false(kvm_image_backing_place(header, sizeof header, &offset, &length));
    header[18] = 0;
    header[8] = 0x80;
    g_assert_false(kvm_image_backing_place(header, sizeof header, &offset, &length));
    header[8] = 0;
    header[0] = 'X';
    g_assert_false(kvm_image_backing_place(header, sizeof header, &offset, &length));
}

static void test_file_remove(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("gantry-kvm-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "disk", NULL);
    KvmFile file, other;
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
    g_assert_true(kvm_file_read(path, &file, NULL));
    other = file;
    other.inode++;
    g_assert_false(kvm_file_remove(path, other, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFLICT);
    g_clear_error(&error);
    g_assert_true(kvm_file_remove(path, file, &error));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_true(kvm_file_remove(path, file, &error));
    g_assert_no_error(error);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
    g_assert_true(kvm_file_remove(path, file, &error));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/xml/brief", test_brief);
    g_test_add_func("/kvm/xml/hardware", test_hardware);
    g_test_add_func("/kvm/xml/disks", test_disks);
    g_test_add_func("/kvm/xml/differ", test_differ);
    g_test_add_func("/kvm/xml/ejected", test_ejected);
    g_test_add_func("/kvm/xml/cpu-differs", test_cpu_differs);
    g_test_add_func("/kvm/xml/hostile", test_hostile_xml);
    g_test_add_func("/kvm/figures/rates", test_rates);
    g_test_add_func("/kvm/figures/turns", test_figures);
    g_test_add_func("/kvm/figures/slow", test_figures_slow);
    g_test_add_func("/kvm/figures/forget", test_figures_forget_and_notice);
    g_test_add_func("/kvm/state", test_states);
    g_test_add_func("/kvm/keys", test_keys);
    g_test_add_func("/kvm/image/header", test_image_header);
    g_test_add_func("/kvm/image/remove", test_file_remove);
    return g_test_run();
}
