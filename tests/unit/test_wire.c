#include "backend/wire/channel.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "backend/wire/method.h"
#include "backend/wire/pump.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_request_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    char *line = wire_message_request(7, "guest.show", json_pack("{s:s}", "guest", "vm/100"));
    g_autoptr(WireMessage) message = wire_message_parse(line, strlen(line), &error);
    free(line);
    g_assert_no_error(error);
    g_assert_cmpint(message->kind, ==, WIRE_REQUEST);
    g_assert_cmpint(message->id, ==, 7);
    g_assert_cmpstr(message->method, ==, "guest.show");
    g_assert_cmpstr(wire_get_string(message->params, "guest", NULL), ==, "vm/100");
}

static void test_failure_keeps_code_and_field(void)
{
    g_autoptr(GError) error = NULL, parse_error = NULL;
    wire_error_set_field(&error, WIRE_ERROR_PARAMS, "guest", "no guest %s", "web1");
    char *line = wire_message_failure(3, error);
    g_autoptr(WireMessage) message = wire_message_parse(line, strlen(line), &parse_error);
    free(line);
    g_assert_no_error(parse_error);
    g_assert_cmpint(message->kind, ==, WIRE_FAILURE);
    g_assert_error(message->error, WIRE_ERROR, WIRE_ERROR_PARAMS);
    g_assert_cmpstr(wire_error_field(message->error), ==, "guest");
    g_assert_cmpstr(message->error->message, ==, "no guest web1");
}

static void test_bad_messages(void)
{
    static const char *const lines[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"x\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(wire_message_parse(lines[i], strlen(lines[i]), &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_PARSE);
    }
    g_autofree char *deep = g_strnfill(200, '[');
    g_autoptr(GError) error = NULL;
    g_assert_null(wire_message_parse(deep, 200, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_PARSE);
}

static void check_params(const char *method, const char *params, const char *bad_field)
{
    g_autoptr(json_t) object = json_loads(params, 0, NULL);
    g_autoptr(GError) error = NULL;
    gboolean fits = wire_method_check(wire_method_find(method), object, &error);
    g_assert_cmpint(fits, ==, bad_field == NULL);
    g_assert_cmpstr(wire_error_field(error), ==, bad_field);
}

static void test_parameters(void)
{
    check_params("guest.shutdown", "{\"guest\":\"vm/100\"}", NULL);
    check_params("guest.shutdown", "{}", "guest");
    check_params("guest.shutdown", "{\"guest\":100}", "guest");
    check_params("guest.shutdown", "{\"guest\":\"a\",\"timeout\":\"5\"}", "timeout");
    check_params("guest.shutdown", "{\"guest\":\"a\",\"timeout\":0}", "timeout");
    check_params("guest.shutdown", "{\"guest\":\"a\",\"then\":\"pray\"}", "then");
    check_params("guest.shutdown", "{\"guest\":\"a\",\"force\":true}", "force");
    check_params("guest.sendkey", "{\"guest\":\"a\",\"keys\":[]}", "keys");
    check_params("guest.sendkey", "{\"guest\":\"a\",\"keys\":[1]}", "keys");
}

static gpointer pump_thread(gpointer user)
{
    const int *ends = user;
    g_assert_true(pump_run((PumpEnd){ends[0], ends[0]}, (PumpEnd){ends[1], ends[1]}, NULL));
    return NULL;
}

/* The left's end is passed on, and the right may still answer. */
static void test_pump_half_closed(void)
{
    int left[2], right[2];
    char buffer[8];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, left), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, right), ==, 0);
    int ends[] = {left[1], right[1]};
    GThread *thread = g_thread_new("pump", pump_thread, ends);
    g_assert_cmpint(write(left[0], "ask", 3), ==, 3);
    g_assert_cmpint(shutdown(left[0], SHUT_WR), ==, 0);
    g_assert_cmpint(recv(right[0], buffer, 3, MSG_WAITALL), ==, 3);
    g_assert_cmpint(read(right[0], buffer, 1), ==, 0);
    g_assert_cmpint(write(right[0], "answer", 6), ==, 6);
    g_assert_cmpint(recv(left[0], buffer, 6, MSG_WAITALL), ==, 6);
    close(right[0]);
    g_thread_join(thread);
    close(left[0]);
    close(ends[0]);
    close(ends[1]);
}

/* A left that goes away altogether ends it, though the right says nothing. */
static void test_pump_left_gone(void)
{
    int left[2], right[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, left), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, right), ==, 0);
    int ends[] = {left[1], right[1]};
    GThread *thread = g_thread_new("pump", pump_thread, ends);
    close(left[0]);
    g_thread_join(thread);
    close(right[0]);
    close(ends[0]);
    close(ends[1]);
}

enum { PEERS = 3 };

static int lines_seen[PEERS];

/* Takes longer than a turn has for all. */
static void on_slow_line(const char *line, size_t length, gpointer user)
{
    gint64 end = g_get_monotonic_time() + (gint64)2 * WIRE_TURN;
    while (g_get_monotonic_time() < end)
        ;
    lines_seen[GPOINTER_TO_INT(user)]++;
}

static gboolean count_turn(gpointer turns)
{
    (*(int *)turns)++;
    return G_SOURCE_CONTINUE;
}

/* Something urgent gets its turn after each slow line, and every peer is heard. */
static void test_channel_turns(void)
{
    static const WireChannelEvents events = {.line = on_slow_line};
    static const char line[100 * 1024 - 1]; /* more than is read at once */
    WireChannel *channels[PEERS];
    int peers[PEERS], turns = 0;
    for (int i = 0; i < PEERS; i++) {
        int ends[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
        channels[i] = wire_channel_new(ends[0], &events, GINT_TO_POINTER(i));
        peers[i] = ends[1];
        /* The first has much more to say than the others. */
        for (int part = 0; part < (i ? 1 : 4); part++)
            g_assert_cmpint(send(ends[1], i ? "short\n" : "a\n", i ? 6 : 2, 0), >, 0);
    }
    g_assert_cmpint(send(peers[0], line, sizeof line, MSG_DONTWAIT), >, 0);
    guint urgent = g_idle_add_full(G_PRIORITY_HIGH, count_turn, &turns, NULL);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpint(turns, ==, 1);
    g_assert_cmpint(lines_seen[0] + lines_seen[1] + lines_seen[2], ==, 0);
    g_source_remove(urgent);
    for (int turn = 0; turn < PEERS; turn++) {
        g_main_context_iteration(NULL, FALSE);
        for (int i = 0; i < PEERS; i++)
            g_assert_cmpint(lines_seen[i] > 0, ==, i <= turn);
    }
    for (int i = 0; i < PEERS; i++) {
        wire_channel_free(channels[i]);
        close(peers[i]);
    }
}

static void test_guest_ids(void)
{
    GuestKind kind;
    int number;
    g_assert_true(guest_id_parse("ct/201", &kind, &number));
    g_assert_cmpint(kind, ==, GUEST_KIND_CT);
    g_assert_cmpint(number, ==, 201);
    static const char *const bad[] = {"", "vm/", "vm/99", "vm/1000000000", "xx/100", "vm/100 "};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(guest_id_parse(bad[i], &kind, &number));
}

static void test_acts(void)
{
    g_assert_null(guest_act_refusal(GUEST_KIND_VM, GUEST_STATE_STOPPED, GUEST_ACT_START));
    g_assert_cmpstr(guest_act_refusal(GUEST_KIND_VM, GUEST_STATE_RUNNING, GUEST_ACT_START), ==,
                    "is running");
    g_assert_nonnull(guest_act_refusal(GUEST_KIND_CT, GUEST_STATE_RUNNING, GUEST_ACT_RESET));
    for (int act = 0; act < GUEST_ACT_COUNT; act++) {
        GuestAct found;
        g_assert_true(guest_act_from_name(guest_act_name((GuestAct)act), &found));
        g_assert_cmpint(found, ==, act);
        g_assert_null(guest_act_refusal(GUEST_KIND_VM, GUEST_STATE_UNKNOWN, (GuestAct)act));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire/request", test_request_round_trip);
    g_test_add_func("/wire/failure", test_failure_keeps_code_and_field);
    g_test_add_func("/wire/bad", test_bad_messages);
    g_test_add_func("/wire/parameters", test_parameters);
    g_test_add_func("/wire/guest-ids", test_guest_ids);
    g_test_add_func("/wire/acts", test_acts);
    g_test_add_func("/wire/channel/turns", test_channel_turns);
    g_test_add_func("/wire/pump/half-closed", test_pump_half_closed);
    g_test_add_func("/wire/pump/left-gone", test_pump_left_gone);
    return g_test_run();
}
