/* The pump of a tunnel against an SSH server of libssh in this thread.
 *
 * What is tried here are packets that libssh takes in the middle of another call, which
 * chance hardly ever brings about. So poll() is ours: it lets the server act right
 * before a given one of libssh's own polls, and the clock can be put forward. */
#include "tests/unit/wait.h"
#include "tui/link/tunnel.h"

#include <glib/gstdio.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOON = 5 /* s; a keep-alive, which wakes everybody, comes after 15 */ };

/* ---- poll() and the clock ---- */

static struct {
    GMutex mutex;
    GCond cond;
    int descriptor; /* the client's end */
    int at;         /* before which poll of libssh's the server acts; 0: none */
    int counted;    /* of them since the thread woke */
    gboolean due;   /* the server is to act */
    gint64 ahead;   /* atomic: of the clock, in microseconds */
} stage = {.descriptor = -1};

static int really_poll(struct pollfd *set, nfds_t count, int timeout)
{
    struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
    return ppoll(set, count, timeout < 0 ? NULL : &limit, NULL);
}

/* In the tunnel's thread. TRUE when what the server sends is to be waited for. */
static gboolean count_poll(const struct pollfd *set, nfds_t count)
{
    g_mutex_lock(&stage.mutex);
    gboolean own = set[0].fd == stage.descriptor && stage.at > 0;
    gboolean act = FALSE;
    if (own && count > 1) {
        stage.counted = 0; /* it goes to sleep */
    } else if (own && ++stage.counted == stage.at) {
        act = stage.due = TRUE;
        stage.at = 0;
        g_cond_signal(&stage.cond);
    }
    g_mutex_unlock(&stage.mutex);
    return act;
}

int poll(struct pollfd *set, nfds_t count, int timeout)
{
    if (count > 0 && count_poll(set, count)) {
        struct pollfd input = {.fd = set[0].fd, .events = POLLIN};
        (void)really_poll(&input, 1, SOON * 1000);
    }
    return really_poll(set, count, timeout);
}

gint64 g_get_monotonic_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 +
           __atomic_load_n(&stage.ahead, __ATOMIC_SEQ_CST);
}

/* To when the next keep-alive is due. */
static void put_clock_forward(void)
{
    (void)__atomic_add_fetch(&stage.ahead, ((gint64)TUNNEL_KEEPALIVE + 1) * G_USEC_PER_SEC,
                             __ATOMIC_SEQ_CST);
}

/* ---- both ends ---- */

typedef struct {
    char *directory, *config, *known;
    ssh_bind bind;
    ssh_session session; /* the server's */
    int descriptor;      /* of it */
    ssh_message held;    /* a channel that waits to be opened */
    Tunnel *tunnel;
    gboolean ready;
    char ended[64]; /* what was told of the last channel that ended */
    char *loss;     /* why the tunnel ended */
} Fixture;

static void on_ready(gpointer user)
{
    ((Fixture *)user)->ready = TRUE;
}

static void on_channel_ended(guint channel, int status, const char *reason, gpointer user)
{
    Fixture *fixture = user;
    (void)g_snprintf(fixture->ended, sizeof fixture->ended, "%u:%d:%s", channel, status,
                     reason);
}

static void on_ended(const GError *error, gpointer user)
{
    ((Fixture *)user)->loss = g_strdup(error->message);
}

/* The next message that the client sends within SOON. */
static ssh_message next_message(const Fixture *fixture)
{
    struct pollfd input = {.fd = fixture->descriptor, .events = POLLIN};
    ssh_set_blocking(fixture->session, 0);
    ssh_message message = ssh_message_get(fixture->session);
    ssh_set_blocking(fixture->session, 1);
    if (!message && really_poll(&input, 1, SOON * 1000) > 0)
        message = ssh_message_get(fixture->session);
    g_assert_nonnull(message);
    return message;
}

static void expect_message(const Fixture *fixture, int type, int subtype, ssh_message *message)
{
    *message = next_message(fixture);
    g_assert_cmpint(ssh_message_type(*message), ==, type);
    g_assert_cmpint(ssh_message_subtype(*message), ==, subtype);
}

static void let_in(const Fixture *fixture)
{
    ssh_message message;
    expect_message(fixture, SSH_REQUEST_SERVICE, -1, &message);
    ssh_message_service_reply_success(message);
    ssh_message_free(message);
    expect_message(fixture, SSH_REQUEST_AUTH, SSH_AUTH_METHOD_NONE, &message);
    ssh_message_auth_reply_success(message, 0);
    ssh_message_free(message);
}

static void set_up(Fixture *fixture, gconstpointer unused)
{
    static const TunnelEvents events = {
        .ready = on_ready, .channel_ended = on_channel_ended, .ended = on_ended};
    ssh_key key = NULL;
    int pair[2];
    fixture->directory = g_dir_make_tmp("gantry-tunnel-XXXXXX", NULL);
    fixture->config = g_build_filename(fixture->directory, "config", NULL);
    fixture->known = g_build_filename(fixture->directory, "known", NULL);
    g_autofree char *text = g_strdup_printf("Host *\n  StrictHostKeyChecking no\n"
                                            "  UserKnownHostsFile %s\n",
                                            fixture->known);
    g_assert_true(g_file_set_contents(fixture->config, text, -1, NULL));
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_assert_cmpint(ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key), ==, SSH_OK);
    fixture->bind = ssh_bind_new();
    gboolean no = FALSE;
    ssh_bind_options_set(fixture->bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    ssh_bind_options_set(fixture->bind, SSH_BIND_OPTIONS_IMPORT_KEY, key);
    fixture->session = ssh_new();
    fixture->descriptor = pair[1];
    g_assert_cmpint(ssh_bind_accept_fd(fixture->bind, fixture->session, pair[1]), ==, SSH_OK);

    stage.descriptor = pair[0];
    g_autoptr(Target) target = target_parse("node1", NULL);
    fixture->tunnel = tunnel_new(target, fixture->config, pair[0], &events, fixture);
    g_assert_cmpint(ssh_handle_key_exchange(fixture->session), ==, SSH_OK);
    let_in(fixture);
    WAIT_FOR(fixture->ready);
}

static void tear_down(Fixture *fixture, gconstpointer unused)
{
    tunnel_close(fixture->tunnel);
    ssh_disconnect(fixture->session);
    ssh_free(fixture->session);
    ssh_bind_free(fixture->bind);
    tunnel_finish(SOON * 1000);
    stage.descriptor = -1;
    __atomic_store_n(&stage.ahead, 0, __ATOMIC_SEQ_CST);
    g_unlink(fixture->config);
    g_unlink(fixture->known);
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->config);
    g_free(fixture->known);
    g_free(fixture->loss);
}

/* The server does as the client asks. */
static void start_program(const Fixture *fixture)
{
    ssh_message message;
    expect_message(fixture, SSH_REQUEST_CHANNEL, SSH_CHANNEL_REQUEST_EXEC, &message);
    ssh_message_channel_request_reply_success(message);
    ssh_message_free(message);
}

static ssh_channel accept_channel(ssh_message message)
{
    ssh_channel channel = ssh_message_channel_request_open_reply_accept(message);
    ssh_message_free(message);
    g_assert_nonnull(channel);
    return channel;
}

static void say(ssh_channel channel, const char *text)
{
    g_assert_cmpint(ssh_channel_write(channel, text, (uint32_t)strlen(text)), ==,
                    (int)strlen(text));
}

/* What comes through the pair within SOON; "" at its end. */
static void expect_text(int descriptor, const char *text)
{
    struct pollfd input = {.fd = descriptor, .events = POLLIN};
    char buffer[64] = "";
    g_assert_cmpint(really_poll(&input, 1, SOON * 1000), ==, 1);
    g_assert_cmpint(read(descriptor, buffer, sizeof buffer - 1), >=, 0);
    g_assert_cmpstr(buffer, ==, text);
}

/* A program that runs, and its pair. */
static int open_program(const Fixture *fixture, ssh_channel *channel)
{
    ssh_message message;
    int descriptor = tunnel_open_command(fixture->tunnel, "program", NULL);
    expect_message(fixture, SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_SESSION, &message);
    *channel = accept_channel(message);
    start_program(fixture);
    say(*channel, "hello");
    expect_text(descriptor, "hello");
    return descriptor;
}

/* Lets the server act before that poll of libssh's after the next waking. */
static void act_at(int number)
{
    g_mutex_lock(&stage.mutex);
    stage.counted = 0;
    stage.at = number;
    stage.due = FALSE;
    g_mutex_unlock(&stage.mutex);
}

static void await_act(void)
{
    gint64 end = g_get_monotonic_time() + (gint64)SOON * G_USEC_PER_SEC;
    g_mutex_lock(&stage.mutex);
    while (!stage.due && g_cond_wait_until(&stage.cond, &stage.mutex, end))
        ;
    g_assert_true(stage.due);
    g_mutex_unlock(&stage.mutex);
}

/* ---- the tests ---- */

/* A channel that is confirmed while another one is read goes on at once. */
static void test_opened_elsewhere(Fixture *fixture, gconstpointer unused)
{
    ssh_channel idle;
    int slow = tunnel_open_command(fixture->tunnel, "slow", NULL);
    expect_message(fixture, SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_SESSION, &fixture->held);
    int descriptor = open_program(fixture, &idle);
    /* The event's own poll, that of the slow channel, and then that of the idle one. */
    act_at(3);
    ssh_send_ignore(fixture->session, "wake");
    await_act();
    ssh_channel channel = accept_channel(fixture->held);
    start_program(fixture);
    say(channel, "there");
    expect_text(slow, "there");
    close(slow);
    close(descriptor);
}

/* What comes together with the answer to a keep-alive is delivered at once. */
static void test_keep_alive(Fixture *fixture, gconstpointer unused)
{
    ssh_channel channel;
    int descriptor = open_program(fixture, &channel);
    put_clock_forward();
    /* The event's, output and errors of the channel, and then that of the keep-alive. */
    act_at(4);
    ssh_send_ignore(fixture->session, "wake");
    await_act();
    say(channel, "late");
    expect_text(descriptor, "late");
    close(descriptor);
}

/* A server that answers nothing any more is given up. */
static void test_silence(Fixture *fixture, gconstpointer unused)
{
    time_t end = time(NULL) + SOON;
    while (!fixture->loss && time(NULL) <= end) {
        put_clock_forward();
        tunnel_resize(fixture->tunnel, 0, 1, 1); /* of no channel; it wakes the thread */
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
    g_assert_cmpstr(fixture->loss, ==, "node1: the connection was lost: no answer for 30 s");
}

/* A program that ends while something is written to it is heard to the end. */
static void test_last_words(Fixture *fixture, gconstpointer unused)
{
    ssh_channel channel;
    int descriptor = open_program(fixture, &channel);
    /* Output has been read, errors are being read, then input is written. */
    act_at(2);
    g_assert_cmpint(write(descriptor, "more", 4), ==, 4);
    await_act();
    say(channel, "bye");
    ssh_channel_request_send_exit_status(channel, 3);
    ssh_channel_close(channel);
    expect_text(descriptor, "bye");
    expect_text(descriptor, "");
    WAIT_FOR(*fixture->ended);
    g_assert_cmpstr(fixture->ended, ==, "1:3:");
    close(descriptor);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add("/tunnel/opened-elsewhere", Fixture, NULL, set_up, test_opened_elsewhere,
               tear_down);
    g_test_add("/tunnel/keep-alive", Fixture, NULL, set_up, test_keep_alive, tear_down);
    g_test_add("/tunnel/silence", Fixture, NULL, set_up, test_silence, tear_down);
    g_test_add("/tunnel/last-words", Fixture, NULL, set_up, test_last_words, tear_down);
    return g_test_run();
}
