/* What several nodes of a cluster tell of is one object: model/claims.h. */
#include "backend/wire/message.h"
#include "tui/model/model.h"

#include <string.h>

typedef struct {
    Model *model;
    gint64 seq[3];
    guint added, changed, gone; /* of guests, as told */
} Fixture;

static void on_change(ModelChange change, ModelObject *object, guint64 fields, gpointer user)
{
    Fixture *self = user;
    if (object->kind != OBJECT_GUEST)
        return;
    g_assert_false(object->hidden);
    self->added += change == MODEL_ADDED;
    self->changed += change == MODEL_CHANGED;
    self->gone += change == MODEL_GONE;
}

static void tell(Fixture *self, guint node, const char *rest)
{
    g_autofree char *text = g_strdup_printf("{\"watch\":1,\"seq\":%" G_GINT64_FORMAT ",%s}",
                                            ++self->seq[node], rest);
    g_autoptr(json_t) params = json_loads(text, 0, NULL);
    g_assert_nonnull(params);
    g_assert_cmpint(model_apply(self->model, node, params, NULL), ==, MODEL_APPLIED);
}

static void tell_guest(Fixture *self, guint node, const char *state)
{
    g_autofree char *text =
        g_strdup_printf("\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/100\",\"name\":\"web\","
                        "\"native\":\"u-1\",\"state\":\"%s\"}]",
                        state);
    tell(self, node, text);
}

static void join(Fixture *self, guint node, const char *cluster)
{
    g_autofree char *text =
        g_strdup_printf("\"objects\":[{\"kind\":\"node\",\"id\":\"node%u\",\"cluster\":%s}]",
                        node + 1, cluster);
    tell(self, node, text);
}

static void start(Fixture *self, const char *cluster)
{
    *self = (Fixture){.model = model_new()};
    for (guint node = 0; node < 3; node++) {
        g_autofree char *name = g_strdup_printf("node%u", node + 1);
        g_assert_cmpuint(model_node_add(self->model, name, NULL), ==, node);
        model_node_link(self->model, node, MODEL_LINK_UP, NULL);
        model_watch_begin(self->model, node, 1);
        tell(self, node, "\"ready\":true");
        join(self, node, cluster);
    }
    model_listen(self->model, on_change, self);
}

static const ModelGuest *only(const Fixture *self)
{
    const GPtrArray *guests = model_objects(self->model, OBJECT_GUEST);
    ModelCounts counts;
    model_counts(self->model, &counts);
    g_assert_cmpuint(guests->len, ==, 1);
    g_assert_cmpuint(counts.guests, ==, 1);
    const ModelGuest *guest = guests->pdata[0];
    for (guint node = 0; node < 3; node++)
        g_assert_cmpint(model_node(self->model, node)->guests, ==, node == guest->base.node);
    return guest;
}

/* One row, the same all the time, as a guest moves from node1 to node2. */
static void test_move(void)
{
    Fixture self;
    start(&self, "\"lab\"");
    tell_guest(&self, 0, "running");
    const ModelGuest *row = only(&self);
    tell_guest(&self, 1, "paused");
    g_assert_true(only(&self) == row);
    g_assert_cmpuint(row->base.node, ==, 0);
    tell_guest(&self, 0, "stopped");
    g_assert_cmpuint(only(&self)->base.node, ==, 1);
    tell_guest(&self, 1, "running");
    g_assert_true(only(&self) == row);
    g_assert_cmpuint(row->base.node, ==, 1);
    g_assert_cmpint(row->state, ==, GUEST_STATE_RUNNING);
    tell(&self, 0, "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]");
    g_assert_true(only(&self) == row);
    /* Who asks for it where it was finds it where it is. */
    g_assert_true((ModelGuest *)model_find(self.model, 0, OBJECT_GUEST, "vm/100") == row);
    g_assert_cmpuint(self.added, ==, 1);
    g_assert_cmpuint(self.gone, ==, 0);
    tell(&self, 1, "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]");
    g_assert_cmpuint(self.gone, ==, 1);
    model_free(self.model);
}

/* The source goes first: the row is what the target tells. */
static void test_source_goes_first(void)
{
    Fixture self;
    start(&self, "\"lab\"");
    tell_guest(&self, 0, "running");
    const ModelGuest *row = only(&self);
    tell_guest(&self, 2, "paused");
    tell(&self, 0, "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]");
    g_assert_true(only(&self) == row);
    g_assert_cmpuint(row->base.node, ==, 2);
    model_free(self.model);
}

static void begin_move(Fixture *self)
{
    tell(self, 0,
         "\"objects\":[{\"kind\":\"task\",\"id\":\"t1\",\"method\":\"guest.migrate\"},"
         "{\"kind\":\"guest\",\"id\":\"vm/100\",\"name\":\"web\",\"native\":\"u-1\","
         "\"state\":\"running\",\"task\":\"t1\"}]");
}

/* The source is heard first, and for a moment nobody has it: the row stays. */
static void test_nobody_has_it(void)
{
    Fixture self;
    start(&self, "\"lab\"");
    begin_move(&self);
    const ModelGuest *row = only(&self);
    tell(&self, 0, "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]");
    g_assert_true(only(&self) == row);
    model_expire(self.model, g_get_monotonic_time());
    g_assert_true(only(&self) == row);
    tell_guest(&self, 2, "stopped");
    g_assert_true(only(&self) == row);
    g_assert_cmpuint(row->base.node, ==, 2);
    g_assert_cmpint(row->state, ==, GUEST_STATE_STOPPED);
    model_expire(self.model, G_MAXINT64);
    g_assert_true(only(&self) == row);
    g_assert_cmpuint(self.added, ==, 1);
    g_assert_cmpuint(self.gone, ==, 0);
    model_free(self.model);
}

/* Or it does not arrive where this console looks; or its node has it again. */
static void test_it_does_not_come(void)
{
    Fixture self;
    start(&self, "\"lab\"");
    for (guint again = 0; again < 2; again++) {
        begin_move(&self);
        tell(&self, 0, "\"gone\":[{\"kind\":\"guest\",\"id\":\"vm/100\"}]");
        if (again)
            tell_guest(&self, 0, "running");
        model_expire(self.model, G_MAXINT64);
        g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, again);
    }
    g_assert_cmpuint(self.gone, ==, 1);
    tell(&self, 0,
         "\"gone\":[{\"kind\":\"task\",\"id\":\"t1\"},"
         "{\"kind\":\"guest\",\"id\":\"vm/100\"}]");
    g_assert_cmpuint(self.gone, ==, 2);
    model_free(self.model);
}

/* What a node that is reached tells beats what a lost one told. */
static void test_lost(void)
{
    Fixture self;
    start(&self, "\"lab\"");
    tell_guest(&self, 0, "running");
    tell_guest(&self, 1, "stopped");
    g_assert_cmpuint(only(&self)->base.node, ==, 0);
    model_node_lost(self.model, 0, "the cluster lost it", 0);
    g_assert_cmpuint(only(&self)->base.node, ==, 1);
    g_assert_cmpint(model_node(self.model, 0)->link, ==, MODEL_LINK_DOWN);
    /* It says something after all. */
    tell(&self, 0, "\"objects\":[]");
    g_assert_cmpint(model_node(self.model, 0)->link, ==, MODEL_LINK_UP);
    g_assert_cmpuint(only(&self)->base.node, ==, 0);
    model_node_remove(self.model, 0);
    g_assert_null(model_node(self.model, 0));
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 1);
    model_free(self.model);
}

/* Machines that are in no cluster, or in another, keep what is theirs; and so do guests that
 * have a number in common and nothing else. */
static void test_apart(void)
{
    Fixture self;
    start(&self, "null");
    tell_guest(&self, 0, "running");
    tell_guest(&self, 1, "running");
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 2);
    join(&self, 0, "\"lab\"");
    join(&self, 1, "\"lab\"");
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 1);
    join(&self, 1, "null");
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 2);
    join(&self, 1, "\"lab\"");
    join(&self, 2, "\"lab\"");
    tell(&self, 2,
         "\"objects\":[{\"kind\":\"guest\",\"id\":\"vm/100\",\"native\":\"u-2\","
         "\"state\":\"running\"}]");
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 2);
    model_free(self.model);
}

static void tell_event(Fixture *self, guint node, const char *object, const char *text,
                       double when)
{
    g_autofree char *json = g_strdup_printf(
        "\"objects\":[{\"kind\":\"event\",\"id\":\"e%g%s\",\"severity\":\"error\","
        "\"object\":\"%s\",\"text\":\"%s\",\"time\":%g}]",
        when, text, object, text, when);
    tell(self, node, json);
}

static void test_told_by_several(void)
{
    Fixture self;
    start(&self, "\"lab\"");
    const GPtrArray *events = model_objects(self.model, OBJECT_EVENT);
    const GPtrArray *alarms = model_objects(self.model, OBJECT_ALARM);
    tell_event(&self, 0, "node3", "lost", 1000);
    tell_event(&self, 1, "node3", "lost", 1002);
    g_assert_cmpuint(events->len, ==, 1);
    tell_event(&self, 1, "node3", "lost", 2000);
    g_assert_cmpuint(events->len, ==, 2);
    /* Storages of the same name are two. */
    tell_event(&self, 0, "tank", "full", 3000);
    tell_event(&self, 1, "tank", "full", 3000);
    g_assert_cmpuint(events->len, ==, 4);
    for (guint node = 0; node < 2; node++)
        tell(&self, node,
             "\"objects\":[{\"kind\":\"alarm\",\"id\":\"cluster/node/node3\",\"text\":\"t\"},"
             "{\"kind\":\"alarm\",\"id\":\"space/root\",\"text\":\"t\"}]");
    g_assert_cmpuint(alarms->len, ==, 3);
    tell(&self, 0, "\"gone\":[{\"kind\":\"alarm\",\"id\":\"cluster/node/node3\"}]");
    g_assert_cmpuint(alarms->len, ==, 3);
    tell(&self, 1, "\"gone\":[{\"kind\":\"alarm\",\"id\":\"cluster/node/node3\"}]");
    g_assert_cmpuint(alarms->len, ==, 2);
    model_free(self.model);
}

#define LOST_WEB                                                                               \
    "{\"kind\":\"lost_guest\",\"id\":\"vm/100\",\"node\":\"node3\",\"name\":\"web\","          \
    "\"native\":\"u-1\",\"state\":\"running\",\"tags\":[\"prod\"]}"

static void start_without_node3(Fixture *self)
{
    *self = (Fixture){.model = model_new()};
    for (guint node = 0; node < 2; node++) {
        g_autofree char *name = g_strdup_printf("node%u", node + 1);
        model_node_add(self->model, name, NULL);
        model_node_link(self->model, node, MODEL_LINK_UP, NULL);
        model_watch_begin(self->model, node, 1);
        join(self, node, "\"lab\"");
    }
    model_listen(self->model, on_change, self);
}

/* A console that starts while node3 is off: its guests come before the node itself does. */
static void test_recalled(void)
{
    Fixture self;
    gint64 since;
    start_without_node3(&self);
    tell(&self, 0, "\"objects\":[" LOST_WEB "]");
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 0);
    g_assert_cmpuint(model_node_add(self.model, "node3", "node3"), ==, 2);
    model_node_lost(self.model, 2, "the cluster lost it", 1000);
    const ModelGuest *row = only(&self);
    g_assert_cmpuint(row->base.node, ==, 2);
    g_assert_cmpint(model_node(self.model, 2)->link, ==, MODEL_LINK_DOWN);
    g_assert_cmpstr(model_node(self.model, 2)->trouble, ==, "the cluster lost it");
    g_assert_cmpstr(row->tags, ==, "prod");
    g_assert_true(model_is_stale(self.model, &row->base, &since));
    g_assert_cmpint(since, ==, 1000);
    g_assert_cmpuint(model_node_spokesman(self.model, 2), ==, 0);
    /* Another node says the same. */
    tell(&self, 1, "\"objects\":[" LOST_WEB "]");
    g_assert_true(only(&self) == row);
    /* It is back: the others tell no more, and it speaks for itself. */
    tell(&self, 0, "\"gone\":[{\"kind\":\"lost_guest\",\"id\":\"vm/100\"}]");
    g_assert_true(only(&self) == row);
    model_node_link(self.model, 2, MODEL_LINK_UP, NULL);
    model_watch_begin(self.model, 2, 1);
    tell(&self, 1, "\"objects\":[" LOST_WEB "]");
    join(&self, 2, "\"lab\"");
    tell_guest(&self, 2, "stopped");
    tell(&self, 2, "\"ready\":true");
    g_assert_true(only(&self) == row);
    g_assert_cmpint(row->state, ==, GUEST_STATE_STOPPED);
    g_assert_cmpuint(model_node_spokesman(self.model, 2), ==, 2);
    g_assert_cmpuint(self.added, ==, 1);
    g_assert_cmpuint(self.gone, ==, 0);
    /* What it told itself is not what others recall. */
    model_node_link(self.model, 2, MODEL_LINK_DOWN, NULL);
    tell(&self, 0, "\"objects\":[" LOST_WEB "]");
    g_assert_cmpint(only(&self)->state, ==, GUEST_STATE_STOPPED);
    model_free(self.model);
}

/* While it was off the guest has gone: the node's snapshot does not name it. */
static void test_recalled_goes(void)
{
    Fixture self;
    start_without_node3(&self);
    model_node_add(self.model, "node3", "node3");
    tell(&self, 0, "\"objects\":[" LOST_WEB "]");
    g_assert_cmpuint(only(&self)->base.node, ==, 2);
    model_node_link(self.model, 2, MODEL_LINK_UP, NULL);
    model_watch_begin(self.model, 2, 1);
    tell(&self, 2, "\"ready\":true");
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 0);
    g_assert_cmpuint(self.gone, ==, 1);
    model_free(self.model);
}

/* Another node has taken it over: one row, where it is now. */
static void test_recalled_taken_over(void)
{
    Fixture self;
    start_without_node3(&self);
    model_node_add(self.model, "node3", "node3");
    tell(&self, 0, "\"objects\":[" LOST_WEB "]");
    tell_guest(&self, 1, "running");
    g_assert_cmpuint(only(&self)->base.node, ==, 1);
    model_node_remove(self.model, 2);
    g_assert_cmpuint(model_objects(self.model, OBJECT_GUEST)->len, ==, 1);
    model_free(self.model);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tui-claims/move", test_move);
    g_test_add_func("/tui-claims/source-goes-first", test_source_goes_first);
    g_test_add_func("/tui-claims/nobody-has-it", test_nobody_has_it);
    g_test_add_func("/tui-claims/it-does-not-come", test_it_does_not_come);
    g_test_add_func("/tui-claims/lost", test_lost);
    g_test_add_func("/tui-claims/apart", test_apart);
    g_test_add_func("/tui-claims/told-by-several", test_told_by_several);
    g_test_add_func("/tui-claims/recalled", test_recalled);
    g_test_add_func("/tui-claims/recalled-goes", test_recalled_goes);
    g_test_add_func("/tui-claims/recalled-taken-over", test_recalled_taken_over);
    return g_test_run();
}
