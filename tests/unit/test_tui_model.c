#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/model/cluster_words.h"
#include "tui/model/filter.h"
#include "tui/model/fuzzy.h"
#include "tui/model/model.h"
#include "tui/model/order.h"
#include "tui/model/units.h"

#include <math.h>
#include <string.h>

static ModelApply apply(Model *model, guint node, const char *text, gboolean *ready)
{
    g_autoptr(json_t) params = json_loads(text, 0, NULL);
    g_assert_nonnull(params);
    return model_apply(model, node, params, ready);
}

static Model *small_cluster(void)
{
    Model *model = model_new();
    model_node_add(model, "root@one", NULL);
    model_node_add(model, "root@two", NULL);
    for (guint node = 0; node < 2; node++) {
        model_node_hello(model, node, node ? "node2" : "node1", "0.1.0", WIRE_ROLE_ADMIN);
        model_node_link(model, node, MODEL_LINK_UP, NULL);
        model_watch_begin(model, node, 7 + node);
    }
    gboolean ready = FALSE;
    g_assert_cmpint(
        apply(model, 0,
              "{\"watch\":7,\"seq\":1,\"objects\":["
              "{\"kind\":\"guest\",\"id\":\"vm/100\",\"name\":\"web2\",\"state\":\"running\","
              "\"cpu\":44.5,\"mem_max\":4294967296,\"tags\":[\"prod\",\"web\"],"
              "\"addresses\":[\"fe80::1\",\"192.0.2.10\"],\"autostart\":true},"
              "{\"kind\":\"guest\",\"id\":\"ct/201\",\"name\":\"Cache\",\"state\":\"stopped\","
              "\"autostart\":false}]}",
              &ready),
        ==, MODEL_APPLIED);
    g_assert_false(ready);
    apply(model, 0, "{\"watch\":7,\"seq\":2,\"ready\":true}", &ready);
    g_assert_true(ready);
    apply(model, 1,
          "{\"watch\":8,\"seq\":1,\"ready\":true,\"objects\":["
          "{\"kind\":\"guest\",\"id\":\"vm/101\",\"name\":\"web10\",\"state\":\"running\","
          "\"cpu\":3,\"tags\":[\"webmail\"],\"started\":1000},"
          "{\"kind\":\"task\",\"id\":\"t1\",\"state\":\"running\",\"progress\":5}]}",
          NULL);
    return model;
}

static void test_counts(void)
{
    g_autoptr(Model) model = small_cluster();
    ModelCounts counts;
    model_counts(model, &counts);
    g_assert_cmpuint(counts.nodes_ready, ==, 2);
    g_assert_cmpuint(counts.guests, ==, 3);
    g_assert_cmpuint(counts.running, ==, 2);
    g_assert_cmpuint(counts.stopped, ==, 1);
    g_assert_cmpuint(counts.tasks, ==, 1);
    apply(model, 0,
          "{\"watch\":7,\"seq\":3,\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/100\","
          "\"state\":\"paused\"}],\"gone\":[{\"kind\":\"guest\",\"id\":\"ct/201\"}]}",
          NULL);
    model_counts(model, &counts);
    g_assert_cmpuint(counts.running, ==, 1);
    g_assert_cmpuint(counts.stopped, ==, 0);
    g_assert_cmpuint(counts.other, ==, 1);
}

/* The counts are kept as guests change, come and go. */
static void test_counts_follow(void)
{
    static const struct {
        const char *delta;
        guint running, stopped, other;
    } steps[] = {
        {"\"objects\":[{\"kind\":\"guest\",\"id\":\"ct/201\",\"state\":\"saved\"}]", 2, 1, 0},
        {"\"objects\":[{\"kind\":\"guest\",\"id\":\"ct/201\",\"state\":\"running\"}]", 3, 0, 0},
        {"\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/100\",\"state\":\"stopped\"},"
         "{\"kind\":\"guest\",\"id\":\"vm/102\",\"state\":\"stopped\"}]",
         2, 2, 0},
        {"\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/102\",\"state\":\"paused\"}]", 2, 1, 1},
        {"\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]", 2, 0, 1},
        /* Gone and back in one: it is there. */
        {"\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/102\",\"state\":\"stopped\"}],"
         "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/102\"}]",
         2, 1, 0},
    };
    g_autoptr(Model) model = small_cluster();
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        ModelCounts counts;
        g_autofree char *text =
            g_strdup_printf("{\"watch\":7,\"seq\":%zu,%s}", i + 3, steps[i].delta);
        g_assert_cmpint(apply(model, 0, text, NULL), ==, MODEL_APPLIED);
        model_counts(model, &counts);
        g_assert_cmpuint(counts.running, ==, steps[i].running);
        g_assert_cmpuint(counts.stopped, ==, steps[i].stopped);
        g_assert_cmpuint(counts.other, ==, steps[i].other);
        g_assert_cmpuint(counts.guests, ==, model_objects(model, OBJECT_GUEST)->len);
    }
}

/* What a quorate node sees counts for more than what one sees that is cut off. */
static void test_quorum(void)
{
    g_autoptr(Model) model = small_cluster();
    ModelCounts counts;
    model_counts(model, &counts);
    g_assert_cmpint(counts.cluster_size, ==, 0);
    const char *first = model_node(model, 0)->name, *second = model_node(model, 1)->name;
    g_autofree char *alone =
        g_strdup_printf("{\"watch\":7,\"seq\":3,\"objects\":[{\"kind\":\"node\",\"id\":\"%s\","
                        "\"cluster\":\"lab\",\"quorate\":false,\"members\":1,"
                        "\"cluster_size\":3}]}",
                        first);
    g_autofree char *most =
        g_strdup_printf("{\"watch\":8,\"seq\":2,\"objects\":[{\"kind\":\"node\",\"id\":\"%s\","
                        "\"cluster\":\"lab\",\"quorate\":true,\"members\":2,"
                        "\"cluster_size\":3}]}",
                        second);
    g_assert_cmpint(apply(model, 0, alone, NULL), ==, MODEL_APPLIED);
    model_counts(model, &counts);
    g_assert_false(counts.quorate);
    g_assert_cmpint(counts.members, ==, 1);
    g_assert_cmpint(counts.cluster_size, ==, 3);
    g_assert_cmpint(apply(model, 1, most, NULL), ==, MODEL_APPLIED);
    model_counts(model, &counts);
    g_assert_true(counts.quorate);
    g_assert_cmpint(counts.members, ==, 2);
    model_node_link(model, 1, MODEL_LINK_DOWN, "gone");
    model_counts(model, &counts);
    g_assert_false(counts.quorate);
}

static guint64 heard_fields;
static int heard_gone;

static void listener(ModelChange change, ModelObject *object, guint64 fields, gpointer user)
{
    if (change == MODEL_CHANGED)
        heard_fields |= fields;
    if (change == MODEL_GONE)
        heard_gone++;
}

static void test_deltas(void)
{
    g_autoptr(Model) model = small_cluster();
    heard_fields = 0;
    heard_gone = 0;
    model_listen(model, listener, NULL);
    apply(model, 0,
          "{\"watch\":7,\"seq\":3,\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/100\","
          "\"cpu\":null,\"name\":\"web2\"}]}",
          NULL);
    ModelGuest *guest = model_find_guest(model, "vm/100");
    g_assert_true(isnan(guest->cpu));
    g_assert_cmpstr(guest->name, ==, "web2");
    g_assert_cmpuint(heard_fields, ==, 1ull << model_field_find(OBJECT_GUEST, "cpu"));
    /* A gap ends the watch; deltas of it are foreign from then on. */
    g_assert_cmpint(apply(model, 0, "{\"watch\":7,\"seq\":5}", NULL), ==, MODEL_GAP);
    g_assert_cmpint(apply(model, 0, "{\"watch\":7,\"seq\":6}", NULL), ==, MODEL_FOREIGN);
    /* A new snapshot: what it does not name is gone, of this node only. */
    model_watch_begin(model, 0, 9);
    apply(model, 0,
          "{\"watch\":9,\"seq\":1,\"ready\":true,\"objects\":["
          "{\"kind\":\"guest\",\"id\":\"vm/100\",\"name\":\"web2\"}]}",
          NULL);
    g_assert_cmpint(heard_gone, ==, 1);
    g_assert_null(model_find_guest(model, "ct/201"));
    g_assert_nonnull(model_find_guest(model, "vm/101"));
    model_unlisten(model, listener, NULL);
}

static void test_hostile(void)
{
    g_autoptr(Model) model = small_cluster();
    static const char *const lines[] = {
        "{\"watch\":7,\"seq\":3,\"objects\":[1,null,{},{\"kind\":\"guest\"},"
        "{\"kind\":\"guest\",\"id\":\"vm/1\"},{\"kind\":\"guest\",\"id\":5},"
        "{\"kind\":\"task\",\"id\":\"\"},{\"kind\":\"moon\",\"id\":\"x\"}]}",
        "{\"watch\":7,\"seq\":4,\"objects\":{},\"gone\":[{},{\"kind\":\"node\",\"id\":"
        "\"node1\"}]}",
        "{\"watch\":7,\"seq\":5,\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/100\","
        "\"cpu\":\"high\",\"name\":7,\"state\":\"melting\",\"tags\":\"x\",\"vcpus\":1e300}]}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
        g_assert_cmpint(apply(model, 0, lines[i], NULL), ==, MODEL_APPLIED);
    const ModelGuest *guest = model_find_guest(model, "vm/100");
    g_assert_true(isnan(guest->cpu));
    g_assert_cmpint(guest->state, ==, GUEST_STATE_UNKNOWN);
    g_assert_cmpuint(model_objects(model, OBJECT_GUEST)->len, ==, 3);
}

static void test_stale(void)
{
    g_autoptr(Model) model = small_cluster();
    const ModelGuest *guest = model_find_guest(model, "vm/100");
    gint64 since = 0;
    g_assert_false(model_is_stale(model, &guest->base, &since));
    model_node_link(model, 0, MODEL_LINK_DOWN, "connection reset");
    g_assert_true(model_is_stale(model, &guest->base, &since));
    g_assert_cmpint(since, >, 0);
    g_assert_cmpint(apply(model, 0, "{\"watch\":7,\"seq\":3}", NULL), ==, MODEL_FOREIGN);
}

/* The ids of the guests that a filter lets through, in order. */
static char *filtered(const Model *model, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Filter) filter = filter_parse(OBJECT_GUEST, text, &error);
    if (!filter)
        return g_strdup_printf("error: %s", error->message);
    const GPtrArray *guests = model_objects(model, OBJECT_GUEST);
    g_autofree guint *places = g_new(guint, guests->len);
    order_sort(model, OBJECT_GUEST, -1, false, guests, places);
    GString *ids = g_string_new(NULL);
    for (guint i = 0; i < guests->len; i++)
        if (filter_matches(filter, model, guests->pdata[places[i]]))
            g_string_append_printf(ids, "%s%s", ids->len ? " " : "",
                                   model_object_id(guests->pdata[places[i]]));
    return g_string_free(ids, FALSE);
}

static void test_filter(void)
{
    g_autoptr(Model) model = small_cluster();
    static const char *const cases[][2] = {
        {"", "vm/100 vm/101 ct/201"},
        {"web", "vm/100 vm/101"},
        {"WEB", "vm/100 vm/101"},
        {"!web", "ct/201"},
        {"state:running cpu>10", "vm/100"},
        {"cpu<=3", "vm/101"},
        {"!cpu>10", "vm/101 ct/201"},
        {"tag:web", "vm/100 vm/101"},
        {"tag=web", "vm/100"},
        {"tag!=web", "vm/101 ct/201"},
        {"node:node2", "vm/101"},
        {"name:~^web\\d{2}$", "vm/101"},
        {"~^c.c", "ct/201"},
        {"name=CACHE", "ct/201"},
        {"mem_max>=4G", "vm/100"},
        {"mem_max>4G", ""},
        {"cpu:-", "ct/201"},
        {"autostart:yes", "vm/100"},
        {"autostart:no", "ct/201"},
        {"fe80::1", "vm/100"},
        {"ip:192.0.2", "vm/100"},
        {"up>2d", "vm/101"},
        {"id>100", "vm/101 ct/201"},
        {"\"web2\"", "vm/100"},
        {"name:\"web2\"", "vm/100"},
        {"state:", "vm/100 vm/101 ct/201"},
        {"kind:ct", "ct/201"},
        {"colour:red", "error: colour is not a field here"},
        {"cpu>much", "error: cpu>much: much is not a number"},
        {"name>3", "error: name>3: name is text, ask with : or ="},
        {"name:~(", "error: name:~(: not a regular expression"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *found = filtered(model, cases[i][0]);
        g_test_message("%s", cases[i][0]);
        g_assert_cmpstr(found, ==, cases[i][1]);
    }
}

static void check_order(const Model *model, const char *field, bool descending,
                        const char *expected)
{
    const GPtrArray *guests = model_objects(model, OBJECT_GUEST);
    g_autofree guint *places = g_new(guint, guests->len);
    order_sort(model, OBJECT_GUEST, model_field_find(OBJECT_GUEST, field), descending, guests,
               places);
    g_autoptr(GString) ids = g_string_new(NULL);
    for (guint i = 0; i < guests->len; i++)
        g_string_append_printf(ids, "%s%s", i ? " " : "",
                               model_object_id(guests->pdata[places[i]]));
    g_assert_cmpstr(ids->str, ==, expected);
}

static void test_order(void)
{
    g_autoptr(Model) model = small_cluster();
    check_order(model, "name", false, "ct/201 vm/100 vm/101");
    check_order(model, "name", true, "vm/101 vm/100 ct/201");
    /* What is not known is last, whichever way. */
    check_order(model, "cpu", false, "vm/101 vm/100 ct/201");
    check_order(model, "cpu", true, "vm/100 vm/101 ct/201");
    check_order(model, "id", true, "ct/201 vm/101 vm/100");
    check_order(model, "state", true, "ct/201 vm/100 vm/101");
    check_order(model, "node", true, "vm/101 vm/100 ct/201");
    check_order(model, "started", false, "vm/101 vm/100 ct/201");
    g_assert_cmpint(order_compare_text("a010b", "a9b"), >, 0);
    g_assert_cmpint(order_compare_text("Node2", "node2"), ==, 0);
}

/* Sorting and comparing agree, whatever a name is like. */
static void test_order_of_names(void)
{
    static const char *const pieces[] = {
        "",    "0", "00",  "7",           "10",
        "007", "a", "B",   "b",           "-",
        "z",   "é", "web", "production-", "98765432109876543210",
        ":",   "/", " "};
    GRand *dice = g_rand_new_with_seed(7);
    g_autoptr(Model) model = small_cluster();
    g_autoptr(GString) text = g_string_new("{\"watch\":7,\"seq\":3,\"objects\":[");
    for (int i = 0; i < 3000; i++) {
        g_string_append_printf(text, "%s{\"kind\":\"guest\",\"id\":\"vm/%d\",\"name\":\"",
                               i ? "," : "", 1000 + i);
        for (gint32 count = g_rand_int_range(dice, 1, 7); count > 0; count--)
            g_string_append(text, pieces[g_rand_int_range(dice, 0, G_N_ELEMENTS(pieces))]);
        g_string_append(text, "\"}");
    }
    g_string_append_printf(text, ",{\"kind\":\"guest\",\"id\":\"vm/500\",\"name\":\"1%0300d\"}",
                           0);
    g_string_append_printf(text,
                           ",{\"kind\":\"guest\",\"id\":\"vm/501\",\"name\":\"9%0299d\"}]}", 0);
    g_assert_cmpint(apply(model, 0, text->str, NULL), ==, MODEL_APPLIED);
    g_rand_free(dice);
    const GPtrArray *guests = model_objects(model, OBJECT_GUEST);
    g_autofree guint *places = g_new(guint, guests->len);
    for (int descending = 0; descending < 2; descending++) {
        order_sort(model, OBJECT_GUEST, model_field_find(OBJECT_GUEST, "name"), descending,
                   guests, places);
        for (guint i = 1; i < guests->len; i++) {
            const ModelGuest *a = guests->pdata[places[i - 1]];
            const ModelGuest *b = guests->pdata[places[i]];
            if (!b->name)
                continue;
            g_assert_nonnull(a->name);
            int order = order_compare_text(a->name, b->name) * (descending ? -1 : 1);
            g_assert_cmpint(order, <=, 0);
            if (order == 0)
                g_assert_cmpint(order_compare_ids(&a->base, &b->base), <, 0);
        }
    }
}

static void test_fuzzy(void)
{
    g_assert_cmpint(fuzzy_score("xyz", "guest start"), <, 0);
    g_assert_cmpint(fuzzy_score("gs", "guest start"), >, fuzzy_score("gs", "logs"));
    g_assert_cmpint(fuzzy_score("start web", "vm/100 web1 start"), >=, 0);
    g_assert_cmpint(fuzzy_score("start web", "vm/100 db start"), <, 0);
    g_assert_cmpint(fuzzy_score("guests", "guests"), >,
                    fuzzy_score("guests", "guests stopped"));
    g_assert_cmpint(fuzzy_score("", "anything"), >=, 0);
}

static void check_unit(void (*format)(double, char *, size_t), double value,
                       const char *expected)
{
    char text[32];
    format(value, text, sizeof text);
    g_assert_cmpstr(text, ==, expected);
}

static void test_units(void)
{
    check_unit(units_bytes, NAN, "-");
    check_unit(units_bytes, 0, "0 B");
    check_unit(units_bytes, 1023, "1 KiB");
    check_unit(units_bytes, 11.8 * 1073741824, "11.8 GiB");
    check_unit(units_bytes, 118.4 * 1073741824, "118 GiB");
    check_unit(units_bytes, 4294967296.0, "4 GiB");
    check_unit(units_rate, 0, "0");
    check_unit(units_rate, 22.4 * 1048576, "22 MiB");
    check_unit(units_percent, 44.4, "44");
    check_unit(units_percent, 0.4, "0.4");
    check_unit(units_percent, 0, "0");
    check_unit(units_duration, 43, "43s");
    check_unit(units_duration, 41 * 86400.0 + 5, "41d");
    check_unit(units_duration, NAN, "-");
    check_unit(units_number, 2.1, "2.10");
}

static void test_device(void)
{
    g_autoptr(json_t) device = json_pack(
        "{s:s,s:s,s:i,s:b,s:s,s:s}", "host", "10.0.0.9", "algorithm", "ffsplit", "votes", 1,
        "voting", 1, "state", "Connected", "tls", "Yes (client certificate sent)");
    g_autofree char *words = device_words(device);
    g_assert_cmpstr(words, ==, "10.0.0.9: votes, 1 vote, ffsplit, Connected, TLS");
    g_assert_true(device_votes(device));
    json_object_set_new(device, "voting", json_false());
    g_autofree char *silent = device_words(device);
    g_assert_cmpstr(silent, ==, "10.0.0.9: GIVES NO VOTE, 1 vote, ffsplit, Connected, TLS");
    g_assert_null(device_words(json_null()));
    g_assert_null(device_words(NULL));
}

static void check_member(const char *text, const char *expected)
{
    g_autoptr(json_t) node = json_loads(text, 0, NULL);
    g_autofree char *words = member_words(node, 10000);
    g_assert_cmpstr(words, ==, expected);
}

static void test_members(void)
{
    check_member("{\"member\":true,\"local\":true}", "asked");
    check_member("{\"member\":true,\"local\":false,\"lost_since\":null}", "member");
    check_member("{\"member\":false,\"lost_since\":null}", "NOT SEEN");
    check_member("{\"member\":false,\"lost_since\":2800}", "NOT SEEN 2h");
    check_member("{\"member\":false,\"lost_since\":20000}", "NOT SEEN 0s");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tui-model/counts", test_counts);
    g_test_add_func("/tui-model/counts/follow", test_counts_follow);
    g_test_add_func("/model/quorum", test_quorum);
    g_test_add_func("/tui-model/deltas", test_deltas);
    g_test_add_func("/tui-model/hostile", test_hostile);
    g_test_add_func("/tui-model/stale", test_stale);
    g_test_add_func("/tui-model/filter", test_filter);
    g_test_add_func("/tui-model/order", test_order);
    g_test_add_func("/tui-model/order/names", test_order_of_names);
    g_test_add_func("/tui-model/fuzzy", test_fuzzy);
    g_test_add_func("/tui-model/units", test_units);
    g_test_add_func("/tui-model/device", test_device);
    g_test_add_func("/tui-model/members", test_members);
    return g_test_run();
}
