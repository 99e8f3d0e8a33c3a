#include "agent/task/guest_handlers.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

/* A driver that tells what it was asked. */
static gboolean tell_act(const GuestSettings *settings, const char *native, GuestAct act,
                         const json_t *params, const Job *job, json_t **result, GError **error)
{
    if (act == GUEST_ACT_NMI) {
        wire_error_set(error, WIRE_ERROR_STATE, "%s is not running", native);
        return FALSE;
    }
    *result = json_pack("{s:s,s:s,s:s,s:s,s:I}", "act", guest_act_name(act), "native", native,
                        "uri", settings->libvirt_uri, "path", settings->lxc_paths[1], "timeout",
                        wire_get_integer(params, "timeout", 0));
    g_assert_null(settings->lxc_paths[2]);
    return TRUE;
}

static gboolean tell_recover(const GuestSettings *settings, const char *native, GuestAct act,
                             const json_t *note, const Job *job, char **outcome, GError **error)
{
    *outcome = g_strdup_printf("%s %s %s", guest_act_name(act), native,
                               wire_get_string(note, "step", ""));
    return TRUE;
}

static const GuestDriver driver = {
    .name = "test", .kind = GUEST_KIND_CT, .act = tell_act, .recover = tell_recover};
static const GuestDriver *const drivers[] = {&driver, NULL};

typedef struct {
    json_t *params, *settings;
    TaskHandler handler;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    static const char *const paths[] = {"/var/lib/lxc", "/srv/lxc", NULL};
    fixture->settings = task_guest_settings(
        &(GuestSettings){.libvirt_uri = "test:///default", .lxc_paths = paths});
    fixture->params = json_pack("{s:i}", "timeout", 7);
    fixture->handler = task_guest_handler(drivers);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    json_decref(fixture->settings);
    json_decref(fixture->params);
}

static TaskRequest request_for(const Fixture *fixture, const char *method, const char *object)
{
    return (TaskRequest){.method = method,
                         .object = object,
                         .native = "/srv/lxc/web",
                         .params = fixture->params,
                         .settings = fixture->settings};
}

static void test_act(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) result = NULL;
    TaskRequest request = request_for(fixture, "guest.shutdown", "ct/201");
    const TaskHandler *handler = &fixture->handler;
    g_assert_true(handler->run(&request, NULL, handler->user, &result, &error));
    g_assert_cmpstr(wire_get_string(result, "act", NULL), ==, "shutdown");
    g_assert_cmpstr(wire_get_string(result, "native", NULL), ==, "/srv/lxc/web");
    g_assert_cmpstr(wire_get_string(result, "uri", NULL), ==, "test:///default");
    g_assert_cmpstr(wire_get_string(result, "path", NULL), ==, "/srv/lxc");
    g_assert_cmpint(wire_get_integer(result, "timeout", 0), ==, 7);
}

static void test_recover(Fixture *fixture, gconstpointer data)
{
    g_autoptr(json_t) note = json_pack("{s:s}", "step", "rootfs");
    g_autofree char *outcome = NULL;
    TaskRequest request = request_for(fixture, "guest.delete", "ct/201");
    const TaskHandler *handler = &fixture->handler;
    g_assert_true(handler->recover(&request, note, NULL, handler->user, &outcome, NULL));
    g_assert_cmpstr(outcome, ==, "delete /srv/lxc/web rootfs");
}

static void check_refused(const Fixture *fixture, const char *method, const char *object,
                          WireErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) result = NULL;
    TaskRequest request = request_for(fixture, method, object);
    g_assert_false(fixture->handler.run(&request, NULL, drivers, &result, &error));
    g_assert_error(error, WIRE_ERROR, (int)code);
}

static void test_refusals(Fixture *fixture, gconstpointer data)
{
    check_refused(fixture, "guest.nmi", "ct/201", WIRE_ERROR_STATE);
    check_refused(fixture, "guest.start", "vm/100", WIRE_ERROR_UNAVAILABLE);
    check_refused(fixture, "guest.explode", "ct/201", WIRE_ERROR_INTERNAL);
    check_refused(fixture, "guest.start", "ct/1", WIRE_ERROR_INTERNAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                    \
    g_test_add("/guest-task/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("act", test_act);
    ADD("recover", test_recover);
    ADD("refusals", test_refusals);
    return g_test_run();
}
