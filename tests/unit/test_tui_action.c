#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "backend/wire/method.h"
#include "tests/unit/terminal.h"
#include "tui/action.h"
#include "tui/screen/text.h"
#include "tui/view/describe.h"
#include "tui/view/view.h"
#include "tui/widget/form.h"
#include "tui/widget/pager.h"
#include "tui/widget/picker.h"

#include <locale.h>
#include <string.h>

/* Every method and view that the table names exists, its parameters are taken,
 * and nothing that stops or destroys is on one key. */
static void test_table(void)
{
    for (const Action *action = actions(); action->name; action++) {
        g_test_message("%s", action->name);
        g_assert_true(action == action_find(action->name));
        if (action->command == DO_VIEW)
            g_assert_nonnull(view_class_find(action->params));
        if (!action->method || action->command == DO_RUN)
            continue;
        const WireMethod *method = wire_method_find(action->method);
        g_assert_nonnull(method);
        g_autoptr(json_t) params =
            action->params ? json_loads(action->params, 0, NULL) : json_object();
        g_assert_nonnull(params);
        if (!(action->where & ON_NODE))
            json_object_set_new(params, action->where & ON_TASK ? "task" : "guest",
                                json_string("vm/100"));
        if (action->field)
            json_object_set_new(params, action->field, json_string("x"));
        if (action->command == DO_MOVE && action->where & ON_GUEST)
            json_object_set_new(params, "node", json_string("node2"));
        if (action->danger == DANGER_NAME)
            json_object_set_new(params, "confirm", json_string("x"));
        g_autoptr(GError) error = NULL;
        (void)wire_method_check(method, params, &error);
        g_assert_no_error(error);
        if (action->danger != DANGER_NONE)
            g_assert_null(action->keys);
    }
}

static void test_keys(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ActionKeys) usual = action_keys_new(NULL, 0, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(action_for_key(usual, 'g', IN_ANY | IN_TABLE)->name, ==, "first");
    g_assert_cmpstr(action_for_key(usual, 'g', IN_ANY | IN_TABLE | IN_DASHBOARD)->name, ==,
                    "dashboard.guests");
    g_assert_null(action_for_key(usual, 'c', IN_ANY | IN_TABLE | ON_NODE));
    g_assert_nonnull(action_for_key(usual, 'c', IN_ANY | IN_TABLE | ON_GUEST));

    ActionBinding own[] = {{"down", "J"}, {"guest.start", "F9"}};
    g_autoptr(ActionKeys) bound = action_keys_new(own, 2, &error);
    g_assert_no_error(error);
    g_assert_null(action_for_key(bound, 'j', IN_ANY | IN_TABLE));
    g_assert_cmpstr(action_for_key(bound, 'J', IN_ANY | IN_TABLE)->name, ==, "down");
    g_assert_cmpstr(action_for_key(bound, K_F1 + 8, ON_GUEST)->name, ==, "guest.start");

    static const ActionBinding bad[] = {
        {"no.such", "x"}, {"down", "Hyper-x"}, {"down", "a b c d e"}, {"guest.delete", "X"}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) refused = NULL;
        g_assert_null(action_keys_new(&bad[i], 1, &refused));
        g_assert_error(refused, WIRE_ERROR, WIRE_ERROR_CONFIG);
    }
}

static void check_refusal(const Model *model, const char *name, bool readonly,
                          const char *expected)
{
    g_autofree char *why = action_refusal(action_find(name), model,
                                          &model_find_guest(model, "vm/100")->base, readonly);
    g_assert_cmpstr(why, ==, expected);
}

static void test_refusals(void)
{
    g_autoptr(Model) model = model_new();
    g_autoptr(json_t) params =
        json_loads("{\"watch\":1,\"seq\":1,\"ready\":true,\"objects\":[{\"kind\":\"guest\","
                   "\"id\":\"vm/100\",\"name\":\"a\",\"state\":\"running\"}]}",
                   0, NULL);
    model_node_add(model, "here", NULL);
    model_node_hello(model, 0, "node1", "0.1.0", WIRE_ROLE_OPERATOR);
    model_node_link(model, 0, MODEL_LINK_UP, NULL);
    model_watch_begin(model, 0, 1);
    model_apply(model, 0, params, NULL);
    check_refusal(model, "guest.start", false, "it is running");
    check_refusal(model, "guest.stop", false, NULL);
    check_refusal(model, "guest.stop", true, "the console was started with --readonly");
    check_refusal(model, "guest.delete", false, "needs the role admin, here you are operator");
    check_refusal(model, "open", true, NULL);
    check_refusal(model, "task.cancel", false, "not for this");
    model_node_hello(model, 0, "node1", "0.1.0", WIRE_ROLE_VIEWER);
    check_refusal(model, "guest.stop", false, "needs the role operator, here you are viewer");
    check_refusal(model, "console", false, "needs the role operator, here you are viewer");
    model_node_link(model, 0, MODEL_LINK_DOWN, "gone");
    check_refusal(model, "guest.stop", false, "node1 is not reached");
}

static void check_run(const Model *model, const char *name, const ModelNode *node,
                      const char *expected)
{
    g_autofree char *why =
        action_refusal(action_find(name), model, node ? &node->base : NULL, false);
    g_assert_cmpstr(why, ==, expected);
}

static void tell_cluster(Model *model, guint node, const char *name, gboolean quorate)
{
    g_autoptr(json_t) params =
        json_pack("{s:i,s:i,s:b,s:[{s:s,s:s,s:s,s:b}]}", "watch", 1, "seq", 1, "ready", 1,
                  "objects", "kind", "node", "id", name, "cluster", "lab", "quorate", quorate);
    model_watch_begin(model, node, 1);
    g_assert_cmpint(model_apply(model, node, params, NULL), !=, MODEL_GAP);
}

/* Commands about the cluster ask a member, those about a node are for nodes that fit. */
static void test_refusals_of_commands(void)
{
    g_autoptr(Model) model = model_new();
    check_run(model, "cluster.join", NULL, "no node is reached");
    check_run(model, "cluster.create", NULL, "no node is reached");
    for (guint i = 0; i < 2; i++) {
        model_node_add(model, i ? "b" : "a", NULL);
        model_node_hello(model, i, i ? "node2" : "node1", "0.1.0", WIRE_ROLE_ADMIN);
        model_node_link(model, i, MODEL_LINK_UP, NULL);
    }
    const ModelNode *one = model_node(model, 0), *two = model_node(model, 1);
    check_run(model, "cluster.create", one, NULL);
    check_run(model, "cluster.join", NULL, "there is no cluster yet");
    check_run(model, "cluster.leave", one, "it is in no cluster");
    tell_cluster(model, 0, "node1", FALSE);
    check_run(model, "cluster.create", one, "it is in the cluster lab already");
    check_run(model, "cluster.join", NULL, "the cluster is not quorate");
    check_run(model, "cluster.expected", NULL, NULL);
    tell_cluster(model, 1, "node2", TRUE);
    g_assert_true(action_member(model, NULL) == two);
    g_assert_true(action_member(model, two) == one);
    check_run(model, "cluster.join", NULL, NULL);
    check_run(model, "cluster.leave", two, NULL);
    check_run(model, "cluster.remove", one, "it is there: it can leave the cluster by itself");
    model_node_link(model, 0, MODEL_LINK_DOWN, "gone");
    check_run(model, "cluster.remove", one, NULL);
    check_run(model, "cluster.leave", one, "node1 is not reached");
    model_node_hello(model, 1, "node2", "0.1.0", WIRE_ROLE_OPERATOR);
    check_run(model, "cluster.join", NULL, "needs the role admin, here you are operator");
}

static int consents, refusals;

static void on_answer(const char *const *answers, gpointer user)
{
    if (answers)
        consents++;
    else
        refusals++;
    if (answers && answers[0] && user)
        g_string_assign(user, answers[0]);
}

/* TRUE while the overlay stays. */
static bool type(Overlay *overlay, const char *keys)
{
    bool stays = true;
    for (; *keys && stays; keys++)
        stays = overlay->class->key(overlay, (Key)*keys);
    return stays;
}

static void test_forms(void)
{
    FormSetup setup = {.title = "Stop", .text = "hard", .consent = "stop", .answer = on_answer};
    Overlay *form = form_new(&setup);
    consents = refusals = 0;
    /* Leaning on Enter does nothing. */
    g_assert_true(type(form, "\r\r\rx"));
    g_assert_cmpint(consents, ==, 0);
    g_assert_false(type(form, "y"));
    g_assert_cmpint(consents, ==, 1);
    form->class->free(form);

    g_autoptr(GString) typed = g_string_new(NULL);
    setup.word = "web1";
    setup.count = 1;
    setup.fields[0] = (FormField){"To be sure", "", false};
    setup.user = typed;
    form = form_new(&setup);
    g_assert_true(type(form, "web\r"));
    g_assert_true(type(form, "2\r\177"));
    g_assert_cmpint(consents, ==, 1);
    g_assert_false(type(form, "1\r"));
    g_assert_cmpint(consents, ==, 2);
    g_assert_cmpstr(typed->str, ==, "web1");
    form->class->free(form);

    form = form_new(&setup);
    g_assert_false(type(form, "web1\033"));
    g_assert_cmpint(refusals, ==, 1);
    form->class->free(form);
    g_auto(GStrv) lines = text_wrap("one two three\nfour", 7);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    g_assert_cmpstr(lines[0], ==, "one two");
}

static GPtrArray *fruit(const char *typed, gpointer user)
{
    static const char *const names[] = {"apple", "pear", "plum"};
    GPtrArray *items = picker_items_new();
    for (int i = 0; i < 3; i++)
        if (strstr(names[i], typed))
            picker_add(items, i, names[i], NULL)->key = (guchar)names[i][1];
    return items;
}

static bool on_pick(PickerWhat what, const PickerItem *item, gpointer user)
{
    *(int *)user = item ? item->id : -1;
    return true;
}

static void test_pickers(void)
{
    int chosen = -2;
    PickerSetup setup = {.title = "Fruit", .items = fruit, .picked = on_pick, .user = &chosen};
    Overlay *picker = picker_new(&setup);
    g_assert_true(type(picker, "j"));
    g_assert_false(type(picker, "\r"));
    g_assert_cmpint(chosen, ==, 1);
    picker->class->free(picker);
    picker = picker_new(&setup);
    g_assert_false(type(picker, "l")); /* plum's own key */
    g_assert_cmpint(chosen, ==, 2);
    picker->class->free(picker);
    setup.search = true;
    picker = picker_new(&setup);
    g_assert_false(type(picker, "ear\r"));
    g_assert_cmpint(chosen, ==, 1);
    picker->class->free(picker);
    picker = picker_new(&setup);
    g_assert_true(type(picker, "xyz\r"));
    g_assert_false(type(picker, "\033"));
    g_assert_cmpint(chosen, ==, -1);
    picker->class->free(picker);
}

static void check_row(TestTerminal *terminal, int row, const char *expected)
{
    g_autofree char *text = test_terminal_row(terminal, row);
    g_assert_cmpstr(text, ==, expected);
}

static void draw(Pager *pager, Screen *screen, TestTerminal *terminal)
{
    g_assert_true(screen_begin(screen));
    pager_draw(pager, screen, (Box){0, 0, 4, 60});
    screen_end(screen);
    test_terminal_read(terminal);
}

static void test_pager(void)
{
    TestTerminal *terminal = test_terminal_new(16, 60);
    Screen *screen = test_terminal_screen(terminal, NULL, NULL);
    g_autoptr(Pager) pager = pager_new(true);
    for (int i = 1; i <= 9; i++) {
        g_autofree char *line = g_strdup_printf("line %d\n", i);
        /* In pieces that do not end where lines do. */
        pager_add(pager, line, 3);
        pager_add(pager, line + 3, strlen(line) - 3);
    }
    draw(pager, screen, terminal);
    check_row(terminal, 0, "line 6");
    check_row(terminal, 3, "line 9");
    g_assert_true(pager_key(pager, 'g'));
    pager_add(pager, "line 10\n", 8);
    draw(pager, screen, terminal);
    check_row(terminal, 0, "line 1");
    for (const char *key = "/ne 7\r"; *key; key++)
        (void)pager_key(pager, (Key)*key);
    draw(pager, screen, terminal);
    check_row(terminal, 0, "line 7");
    pager_set(pager, "a\033[2Jb");
    draw(pager, screen, terminal);
    check_row(terminal, 0, "a\uFFFD[2Jb");
    screen_close(screen);
    test_terminal_free(terminal);
}

static void test_describe(void)
{
    g_autoptr(json_t) object = json_loads(
        "{\"name\":\"db\",\"memory\":17179869184,\"agent\":true,\"none\":null,"
        "\"disks\":[{\"target\":\"vda\",\"capacity\":1073741824},{\"target\":\"vdb\"}],"
        "\"cpu\":{\"model\":\"host\"}}",
        0, NULL);
    g_autofree char *text = describe_json(object, NULL);
    g_assert_cmpstr(
        text, ==,
        "name      db\nmemory    16 GiB\nagent     yes\n"
        "\ndisks\n  target  capacity  \n  vda     1 GiB     \n  vdb     -         \n"
        "\ncpu\n  model     host\n");
}

int main(int argc, char **argv)
{
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    (void)setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tui-action/table", test_table);
    g_test_add_func("/tui-action/keys", test_keys);
    g_test_add_func("/tui-action/refusals", test_refusals);
    g_test_add_func("/tui-action/refusals/commands", test_refusals_of_commands);
    g_test_add_func("/tui-action/forms", test_forms);
    g_test_add_func("/tui-action/pickers", test_pickers);
    g_test_add_func("/tui-action/pager", test_pager);
    g_test_add_func("/tui-action/describe", test_describe);
    return g_test_run();
}
