/* Targets, ssh_config, prompts, and RPC over a socket pair whose other end is a
 * peer in a thread that speaks the wire by itself. */
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "tui/link/link.h"
#include "tui/link/ssh_config.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void check_target(const char *text, const char *user, const char *host, int port)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Target) target = target_parse(text, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(target->name, ==, text);
    g_assert_null(target->path);
    g_assert_cmpstr(target->user, ==, user);
    g_assert_cmpstr(target->host, ==, host);
    g_assert_cmpint(target->port, ==, port);
    /* What it is written as leads to the same. */
    g_autofree char *written = target_text(target);
    g_autoptr(Target) again = target_parse(written, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(again->user, ==, user);
    g_assert_cmpstr(again->host, ==, host);
    g_assert_cmpint(again->port, ==, port);
}

static void test_targets(void)
{
    check_target("node1", NULL, "node1", 0);
    check_target("rico@node1", "rico", "node1", 0);
    check_target("rico@node1:2222", "rico", "node1", 2222);
    check_target("ssh://node1", NULL, "node1", 0);
    check_target("ssh://rico@node1:22/", "rico", "node1", 22);
    check_target("[2001:db8::1]:22", NULL, "2001:db8::1", 22);
    check_target("2001:db8::1", NULL, "2001:db8::1", 0);
    check_target("root@[2001:db8::1]", "root", "2001:db8::1", 0);
    check_target("ssh://local", NULL, "local", 0);
    check_target("ssh://unix:22", NULL, "unix", 22);
    g_autoptr(Target) local = target_parse("local", NULL);
    g_assert_cmpstr(local->path, ==, TARGET_LOCAL_SOCKET);
    g_autoptr(Target) other = target_parse("unix:/tmp/a.sock", NULL);
    g_assert_cmpstr(other->path, ==, "/tmp/a.sock");
    g_autoptr(Target) copy = target_copy(other);
    g_assert_cmpstr(copy->path, ==, "/tmp/a.sock");
    g_autofree char *written = target_text(copy);
    g_assert_cmpstr(written, ==, "unix:/tmp/a.sock");
}

static void test_bad_targets(void)
{
    static const char *const texts[] = {
        "",           "-oProxyCommand=x", "a b",        "host:",     "host:0",
        "host:65536", "host:2x",          "user@",      "@host",     "unix:a",
        "[::1",       "[::1]x",           "h\nx",       "$(reboot)", "a;reboot",
        "-u@host",    "ssh://",           "a/b",        "h\xff",     "`x`@host",
        "[]:22",      "ssh://@:1",        "user@-host", "host:-1"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(target_parse(texts[i], &error));
        g_assert_error(error, WIRE_ERROR, WIRE_ERROR_PARAMS);
        g_assert_cmpstr(wire_error_field(error), ==, "target");
    }
}

static void test_ssh_config(void)
{
    static const char *const text = "# before any Host\n"
                                    "IdentitiesOnly=no\n"
                                    "Host !web1 web*\n"
                                    "  ProxyJump wrong\n"
                                    "Host \"web1\" db?\n"
                                    "  IdentitiesOnly yes\n"
                                    "  IdentityFile /keys/%h-%r\n"
                                    "  certificatefile /keys/a-cert.pub\n"
                                    "  ProxyJump = one,two@three:4\n"
                                    "Match host web1 user nobody\n"
                                    "  IdentityFile /keys/never\n"
                                    "Match originalhost web* user rico\n"
                                    "  IdentityFile /keys/second\n"
                                    "  StrictHostKeyChecking Accept-New\n"
                                    "Match exec \"true\"\n"
                                    "  IdentityFile /keys/never\n"
                                    "Host web2\n"
                                    "  User nobody\n"
                                    "Host web1\n"
                                    "  HostName 192.0.2.1\n"
                                    "  User first\n"
                                    "Host web?\n"
                                    "  User second\n"
                                    "  Port 2222\n"
                                    "  UserKnownHostsFile ~/hosts\n"
                                    "Host *\n"
                                    "  ProxyCommand nc %h %p\n"
                                    "  Include %s\n";
    g_autofree char *directory = g_dir_make_tmp("gantry-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "config", NULL);
    g_autofree char *more = g_build_filename(directory, "more", NULL);
    g_autofree char *whole = g_strdup(text);
    char *place = strstr(whole, "%s\n");
    *place = '\0';
    g_autofree char *full = g_strdup_printf("%s%s/mor*\n", whole, directory);
    g_assert_true(g_file_set_contents(path, full, -1, NULL));
    g_assert_true(g_file_set_contents(more, "IdentityFile /keys/third\n", -1, NULL));

    g_autoptr(GError) error = NULL;
    g_autoptr(SshConfig) web1 = ssh_config_read(path, "web1", "rico", &error);
    g_assert_no_error(error);
    g_assert_cmpint(web1->identities->len, ==, 3);
    g_assert_cmpstr(g_ptr_array_index(web1->identities, 0), ==, "/keys/web1-rico");
    g_assert_cmpstr(g_ptr_array_index(web1->identities, 1), ==, "/keys/second");
    g_assert_cmpstr(g_ptr_array_index(web1->identities, 2), ==, "/keys/third");
    g_assert_cmpint(web1->certificates->len, ==, 1);
    g_assert_cmpstr(web1->proxy_jump, ==, "one,two@three:4");
    g_assert_null(web1->proxy_command);
    g_assert_false(web1->identities_only); /* the first value wins */
    g_assert_cmpstr(web1->strict, ==, "accept-new");
    g_assert_cmpstr(web1->login, ==, "first");
    g_assert_cmpint(web1->port, ==, 2222); /* a HostName does not change what Host fits */
    g_assert_cmpstr(web1->known_hosts, ==, "~/hosts");

    g_autoptr(SshConfig) other = ssh_config_read(path, "mail", NULL, &error);
    g_assert_cmpstr(other->proxy_command, ==, "nc %h %p");
    g_assert_null(other->login);
    g_assert_cmpint(other->port, ==, 0);
    g_autofree char *command = ssh_config_expand("nc %h %p %% %r", "mail", "rico", 25);
    g_assert_cmpstr(command, ==, "nc mail 25 % rico");

    g_remove(path);
    g_remove(more);
    g_rmdir(directory);
    g_assert_null(ssh_config_read(path, "mail", NULL, &error));
    g_assert_error(error, WIRE_ERROR, WIRE_ERROR_CONFIG);
}

/* ---- a peer ---- */

typedef struct {
    int descriptor;
    int major; /* what it answers to hello */
    char *hello;
} Peer;

/* Answers: hello; echo -> params; fail -> an error; mute -> nothing; note -> a
 * notification, then {}; die -> closes; junk -> a line that is no message. */
static gpointer peer_run(gpointer user)
{
    Peer *peer = user;
    FILE *stream = fdopen(peer->descriptor, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stream)) > 0) {
        g_autoptr(WireMessage) message = wire_message_parse(line, (size_t)length - 1, NULL);
        g_assert_nonnull(message);
        char *answer = NULL;
        if (g_str_equal(message->method, "hello")) {
            answer = wire_message_response(
                message->id,
                json_pack("{s:i,s:i,s:s,s:s,s:s,s:s}", "major", peer->major, "minor", 9,
                          "agent", "9.9", "node", "n1", "user", "rico", "role", "admin"));
        } else if (g_str_equal(message->method, "echo")) {
            answer = wire_message_response(message->id, json_incref(message->params));
        } else if (g_str_equal(message->method, "fail")) {
            g_autoptr(GError) error = NULL;
            wire_error_set_field(&error, WIRE_ERROR_STATE, "guest", "it is paused");
            answer = wire_message_failure(message->id, error);
        } else if (g_str_equal(message->method, "note")) {
            char *note = wire_message_notification("watch.delta", json_pack("{s:i}", "n", 5));
            dprintf(peer->descriptor, "%s\n", note);
            free(note);
            answer = wire_message_response(message->id, NULL);
        } else if (g_str_equal(message->method, "junk")) {
            answer = strdup("junk");
        } else if (g_str_equal(message->method, "die")) {
            break;
        }
        if (answer)
            dprintf(peer->descriptor, "%s\n", answer);
        free(answer);
    }
    free(line);
    fclose(stream);
    return NULL;
}

typedef struct {
    RpcClient *client;
    GThread *thread;
    Peer peer;
    GString *story; /* what happened, in order */
} Fixture;

static void on_ready(const RpcPeer *peer, gpointer user)
{
    Fixture *fixture = user;
    g_string_append_printf(fixture->story, "ready:%s:%s:%s ", peer->node, peer->user,
                           peer->role);
}

static void on_notified(const char *method, const json_t *params, gpointer user)
{
    Fixture *fixture = user;
    g_string_append_printf(fixture->story, "%s:%d ", method,
                           (int)wire_get_integer(params, "n", 0));
}

static void on_closed(const GError *error, gpointer user)
{
    Fixture *fixture = user;
    g_string_append_printf(fixture->story, "closed:%s ",
                           wire_error_name(wire_error_code(error)));
}

static void on_reply(const json_t *result, const GError *error, gpointer user)
{
    Fixture *fixture = user;
    if (error)
        g_string_append_printf(fixture->story, "%s:%s ",
                               wire_error_name(wire_error_code(error)),
                               wire_error_field(error) ? wire_error_field(error) : "-");
    else
        g_string_append_printf(fixture->story, "ok:%d ", (int)wire_get_integer(result, "n", 0));
}

static void set_up(Fixture *fixture, gconstpointer major)
{
    static const RpcEvents events = {on_ready, on_notified, on_closed};
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    fixture->story = g_string_new(NULL);
    fixture->peer = (Peer){.descriptor = pair[1], .major = GPOINTER_TO_INT(major)};
    fixture->thread = g_thread_new("peer", peer_run, &fixture->peer);
    fixture->client = rpc_client_new(pair[0], "n1", &events, fixture);
}

static void tear_down(Fixture *fixture, gconstpointer major)
{
    rpc_client_free(fixture->client);
    g_thread_join(fixture->thread);
    g_string_free(fixture->story, TRUE);
}

static gboolean on_too_late(gpointer user)
{
    g_error("timed out; the story so far: %s", ((GString *)user)->str);
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until the story ends with that. */
static void expect(const GString *story, const char *whole)
{
    guint timer = g_timeout_add_seconds(20, on_too_late, (gpointer)(gintptr)story);
    while (story->len < strlen(whole))
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    g_assert_cmpstr(story->str, ==, whole);
}

static void test_rpc_calls(Fixture *fixture, gconstpointer unused)
{
    RpcClient *client = fixture->client;
    /* Before hello is answered: kept and sent after it. */
    rpc_call(client, "echo", json_pack("{s:i}", "n", 1), 0, on_reply, fixture);
    rpc_call(client, "fail", NULL, 0, on_reply, fixture);
    rpc_call(client, "note", NULL, 0, on_reply, fixture);
    expect(fixture->story, "ready:n1:rico:admin ok:1 state:guest watch.delta:5 ok:0 ");
    g_assert_cmpint(rpc_client_peer(client)->minor, ==, 9);
}

static void test_rpc_deadline_and_cancel(Fixture *fixture, gconstpointer unused)
{
    RpcClient *client = fixture->client;
    gint64 forgotten = rpc_call(client, "mute", NULL, 1, on_reply, fixture);
    rpc_cancel(client, forgotten);
    rpc_call(client, "mute", NULL, 60, on_reply, fixture);
    expect(fixture->story, "ready:n1:rico:admin timeout:- ");
}

static void test_rpc_lost(Fixture *fixture, gconstpointer unused)
{
    RpcClient *client = fixture->client;
    rpc_call(client, "mute", NULL, 0, on_reply, fixture);
    rpc_call(client, "die", NULL, 0, NULL, NULL);
    expect(fixture->story, "ready:n1:rico:admin closed:unreachable unreachable:- ");
    rpc_call(client, "echo", NULL, 0, on_reply, fixture);
    expect(fixture->story,
           "ready:n1:rico:admin closed:unreachable unreachable:- unreachable:- ");
}

static void test_rpc_junk(Fixture *fixture, gconstpointer unused)
{
    rpc_call(fixture->client, "junk", NULL, 0, on_reply, fixture);
    expect(fixture->story, "ready:n1:rico:admin closed:parse unreachable:- ");
}

static void test_rpc_freed_with_calls(Fixture *fixture, gconstpointer unused)
{
    rpc_call(fixture->client, "mute", NULL, 0, on_reply, fixture);
    expect(fixture->story, "ready:n1:rico:admin ");
    g_clear_pointer(&fixture->client, rpc_client_free);
    g_assert_cmpstr(fixture->story->str, ==, "ready:n1:rico:admin cancelled:- ");
}

static void test_rpc_other_major(Fixture *fixture, gconstpointer unused)
{
    rpc_call(fixture->client, "echo", NULL, 0, on_reply, fixture);
    expect(fixture->story, "closed:version unreachable:- ");
}

/* ---- a link over a Unix socket ---- */

typedef struct {
    GString *story;
    Link *link;
} Watcher;

static void on_changed(Link *link, gpointer user)
{
    Watcher *watcher = user;
    g_string_append_printf(watcher->story, "%s ", link_state_name(link_state(link)));
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(listener, 5), ==, 0);
    return listener;
}

static gpointer serve_once(gpointer listener)
{
    Peer peer = {.descriptor = accept(GPOINTER_TO_INT(listener), NULL, NULL), .major = 1};
    return peer_run(&peer);
}

static void test_link_reconnects(void)
{
    static const LinkEvents events = {.changed = on_changed};
    g_autofree char *directory = g_dir_make_tmp("gantry-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "socket", NULL);
    g_autofree char *text = g_strconcat("unix:", path, NULL);
    g_autoptr(Target) target = target_parse(text, NULL);
    Watcher watcher = {.story = g_string_new(NULL)};

    /* Nobody there: it waits, and says when it will try again. */
    Link *link = watcher.link = link_new(target, NULL, &events, &watcher);
    expect(watcher.story, "waiting ");
    g_assert_error((GError *)(gintptr)link_error(link), WIRE_ERROR, WIRE_ERROR_UNREACHABLE);
    g_assert_cmpint(link_retry_at(link), >, g_get_monotonic_time());
    g_assert_null(link_rpc(link));

    int listener = listen_at(path);
    GThread *first = g_thread_new("peer", serve_once, GINT_TO_POINTER(listener));
    expect(watcher.story, "waiting connecting connected ");
    g_assert_cmpstr(link_name(link), ==, "n1");
    g_assert_null(link_error(link));

    /* The agent dies and comes back. */
    rpc_call(link_rpc(link), "die", NULL, 0, NULL, NULL);
    expect(watcher.story, "waiting connecting connected waiting ");
    g_thread_join(first);
    GThread *second = g_thread_new("peer", serve_once, GINT_TO_POINTER(listener));
    link_retry(link);
    expect(watcher.story, "waiting connecting connected waiting connecting connected ");

    link_close(link);
    g_thread_join(second);
    close(listener);
    g_unlink(path);
    g_rmdir(directory);
    g_string_free(watcher.story, TRUE);
}

/* Each is longer than the one before, up to 30 s, give or take an eighth. */
static void test_link_pauses(void)
{
    static const LinkEvents events = {.changed = on_changed};
    static const gint64 pauses[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    g_autoptr(Target) target = target_parse("unix:/nonexistent/socket", NULL);
    Watcher watcher = {.story = g_string_new(NULL)};
    g_autoptr(Link) link = link_new(target, NULL, &events, &watcher);
    for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
        g_string_truncate(watcher.story, 0);
        gint64 before = g_get_monotonic_time();
        expect(watcher.story, "waiting ");
        g_assert_cmpint(link_attempt(link), ==, (int)i + 1);
        g_assert_cmpint(link_retry_at(link) - before, >=, pauses[i] * 875);
        g_assert_cmpint(link_retry_at(link) - g_get_monotonic_time(), <=, pauses[i] * 1125);
        link_retry(link);
    }
    g_string_free(watcher.story, TRUE);
}

static void test_link_once(void)
{
    static const LinkEvents events = {.changed = on_changed};
    g_autoptr(Target) target = target_parse("unix:/nonexistent/socket", NULL);
    Watcher watcher = {.story = g_string_new(NULL)};
    Link *link = link_new(target, &(LinkOptions){.once = TRUE}, &events, &watcher);
    expect(watcher.story, "refused ");
    link_close(link);
    g_string_free(watcher.story, TRUE);
}

static gpointer ask_in_thread(gpointer box)
{
    Prompt *prompt = prompt_new(PROMPT_QUESTIONS, "title", NULL);
    prompt_add(prompt, "first", TRUE);
    prompt_add(prompt, "second", FALSE);
    return prompt_box_ask(box, prompt, (void (*)(gpointer))g_main_context_wakeup, NULL);
}

static void test_prompt_box(void)
{
    g_autoptr(PromptBox) box = prompt_box_new();
    GThread *thread = g_thread_new("asker", ask_in_thread, box);
    while (!prompt_box_peek(box))
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(prompt_box_peek(box)->count, ==, 2);
    g_assert_cmpstr(prompt_box_peek(box)->fields[1].label, ==, "second");
    const char *const one[] = {"an answer", NULL};
    prompt_box_answer(box, one);
    char **answers = g_thread_join(thread);
    g_assert_cmpstr(answers[0], ==, "an answer");
    g_assert_cmpstr(answers[1], ==, "");
    prompt_answers_free(answers);

    /* Shut: this and every later question is cancelled at once. */
    prompt_box_shut(box);
    g_assert_null(ask_in_thread(box));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/link/target", test_targets);
    g_test_add_func("/link/target/bad", test_bad_targets);
    g_test_add_func("/link/ssh-config", test_ssh_config);
    g_test_add_func("/link/prompt", test_prompt_box);
    g_test_add("/link/rpc/calls", Fixture, GINT_TO_POINTER(1), set_up, test_rpc_calls,
               tear_down);
    g_test_add("/link/rpc/deadline", Fixture, GINT_TO_POINTER(1), set_up,
               test_rpc_deadline_and_cancel, tear_down);
    g_test_add("/link/rpc/lost", Fixture, GINT_TO_POINTER(1), set_up, test_rpc_lost, tear_down);
    g_test_add("/link/rpc/junk", Fixture, GINT_TO_POINTER(1), set_up, test_rpc_junk, tear_down);
    g_test_add("/link/rpc/freed", Fixture, GINT_TO_POINTER(1), set_up,
               test_rpc_freed_with_calls, tear_down);
    g_test_add("/link/rpc/version", Fixture, GINT_TO_POINTER(2), set_up, test_rpc_other_major,
               tear_down);
    g_test_add_func("/link/reconnect", test_link_reconnects);
    g_test_add_func("/link/pauses", test_link_pauses);
    g_test_add_func("/link/once", test_link_once);
    return g_test_run();
}
