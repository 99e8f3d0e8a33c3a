/* loadgen - a load generator: speaks the real protocol over a real Unix socket
 * and invents guests. It is no agent and has no guests; it exists so that the
 * console can be measured and looked at with more guests than a machine holds.
 *
 *   loadgen --socket PATH [--nodes N] [--guests N] [--rate HZ] [--share PERCENT]
 *           [--cluster] [--trace]
 *
 * With --nodes N above 1 it listens on PATH.1, PATH.2 ... as so many nodes,
 * each with its share of the guests. Every 1/HZ s, SHARE percent of the guests
 * have new figures. With --cluster the nodes say that they are one. Acts are answered with a
 * task that takes some seconds. With
 * --trace it prints "METHOD TIME" for each answer, in seconds of CLOCK_MONOTONIC.
 */
#include "backend/wire/channel.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"
#include "backend/wire/method.h"
#include "backend/wire/object.h"

#include <errno.h>
#include <glib-unix.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Objects in a delta: about 32 KiB, as the agent cuts them. */
enum { PIECE_WHOLE = 80, PIECE_FIGURES = 200, TASK_SECONDS = 4 };

typedef struct {
    int number;
    gboolean container;
    char name[24];
    GuestState state;
    double cpu, memory, read, write, in, out;
    gint64 started;
} Guest;

typedef struct {
    char *id, *method, *guest;
    gint64 begun;
    double created;
    int log;
} Task;

typedef struct {
    char name[32];
    int index;
    Guest *guests;
    guint count;
    GPtrArray *sessions;
    GPtrArray *tasks;
    guint next; /* guest to change next */
    double cpu;
} Node;

typedef struct {
    Node *node;
    WireChannel *channel;
    gint64 watch, seq;
} Session;

static char *socket_path;
static int node_count = 1, guest_count = 100, share = 100;
static double rate = 1;
static gboolean trace;
static gboolean cluster;
static GRand *dice;

static double wander(double value, double step, double low, double high)
{
    double next = value + g_rand_double_range(dice, -step, step);
    return CLAMP(next, low, high);
}

static void send_delta(Session *session, json_t *objects, gboolean ready)
{
    json_t *params = json_pack("{s:I,s:I,s:o}", "watch", (json_int_t)session->watch, "seq",
                               (json_int_t)++session->seq, "objects", objects);
    if (ready)
        json_object_set_new(params, "ready", json_true());
    wire_channel_send_steal(session->channel, wire_message_notification("watch.delta", params));
}

/* Takes the objects over. */
static void send_pieces(Session *session, json_t *objects, size_t each, gboolean ready)
{
    size_t count = json_array_size(objects);
    for (size_t begin = 0; begin < count; begin += each) {
        size_t end = MIN(begin + each, count);
        json_t *piece = json_array();
        for (size_t i = begin; i < end; i++)
            json_array_append(piece, json_array_get(objects, i));
        send_delta(session, piece, ready && end == count);
    }
    json_decref(objects);
}

/* Figures are rounded as the agent rounds them. */
static json_t *tenths(double value)
{
    return json_real(round(value * 10) / 10);
}

static json_t *whole(double value)
{
    return json_integer((json_int_t)value);
}

static json_t *guest_figures(const Guest *guest)
{
    char id[24];
    g_snprintf(id, sizeof id, "%s/%d", guest->container ? "ct" : "vm", guest->number);
    json_t *object = json_pack("{s:s,s:s}", "kind", "guest", "id", id);
    if (guest->state == GUEST_STATE_RUNNING) {
        json_object_set_new(object, "cpu", tenths(guest->cpu));
        json_object_set_new(object, "mem_used", whole(guest->memory));
        json_object_set_new(object, "mem_rss", whole(guest->memory / 2));
        json_object_set_new(object, "disk_read", whole(guest->read));
        json_object_set_new(object, "disk_write", whole(guest->write));
        json_object_set_new(object, "disk_ops", whole((guest->read + guest->write) / 4096));
        json_object_set_new(object, "net_in", whole(guest->in));
        json_object_set_new(object, "net_out", whole(guest->out));
    }
    return object;
}

static json_t *guest_whole(const Node *node, const Guest *guest)
{
    static const char *const tags[] = {"web", "prod", "test", "db"};
    char address[32], native[48];
    json_t *object = guest_figures(guest);
    g_snprintf(address, sizeof address, "192.0.2.%d", guest->number % 254 + 1);
    g_snprintf(native, sizeof native, "00000000-0000-4000-8000-%012d", guest->number);
    json_object_set_new(object, "name", json_string(guest->name));
    json_object_set_new(object, "native", json_string(native));
    json_object_set_new(object, "node", json_string(node->name));
    json_object_set_new(object, "state", json_string(guest_state_name(guest->state)));
    json_object_set_new(object, "vcpus", json_integer(1 + guest->number % 4));
    json_object_set_new(object, "mem_max", json_integer((json_int_t)4 << 30));
    json_object_set_new(object, "autostart", json_boolean(guest->number % 2));
    json_object_set_new(object, "persistent", json_true());
    json_object_set_new(object, "tags",
                        json_pack("[s,s]", tags[guest->number % 4], tags[guest->number % 3]));
    json_object_set_new(object, "addresses", json_pack("[s]", address));
    if (guest->started)
        json_object_set_new(object, "started", json_integer(guest->started));
    return object;
}

static json_t *node_object(const Node *node)
{
    return json_pack("{s:s,s:s,s:i,s:f,s:[fff],s:I,s:I,s:I,s:I,s:s,s:s,s:b,s:I,s:f,s:f}",
                     "kind", "node", "id", node->name, "cpus", 16, "cpu", node->cpu, "load",
                     node->cpu / 10, 1.0, 1.0, "mem_total", (json_int_t)64 << 30, "mem_used",
                     (json_int_t)((32.0 + node->cpu / 10) * 0x1p30), "root_total",
                     (json_int_t)200 << 30, "root_used", (json_int_t)90 << 30, "kernel",
                     "6.1.0-synthetic", "libvirt", "9.0.0", "kvm", 1, "boot",
                     (json_int_t)(g_get_real_time() / G_USEC_PER_SEC - 3600000), "net_in",
                     node->cpu * 1e5, "net_out", node->cpu * 3e4);
}

/* What all of them say of each other. */
static void add_cluster(json_t *object)
{
    json_t *peers = json_array();
    for (int i = 0; i < node_count; i++) {
        g_autofree char *name = g_strdup_printf("node%d", i + 1);
        json_array_append_new(
            peers, json_pack("{s:s,s:b,s:[]}", "name", name, "member", 1, "addresses"));
    }
    json_object_update_new(object, json_pack("{s:s,s:b,s:i,s:i,s:o}", "cluster", "bench",
                                             "quorate", 1, "members", node_count,
                                             "cluster_size", node_count, "peers", peers));
}

static json_t *task_object(const Task *task)
{
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    double done =
        (double)(g_get_monotonic_time() - task->begun) / G_USEC_PER_SEC / TASK_SECONDS;
    gboolean ended = done >= 1;
    json_t *object =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:f,s:f,s:f,s:i,s:s}", "kind", "task", "id",
                  task->id, "method", task->method, "object", task->guest, "owner",
                  g_get_user_name(), "state", ended ? "done" : "running", "created",
                  task->created, "started", task->created, "progress", MIN(done, 1) * 100,
                  "log_size", task->log * 20, "doing", ended ? "finished" : "pretending");
    if (ended)
        json_object_set_new(object, "ended", json_real(now));
    return object;
}

static void send_snapshot(Session *session)
{
    const Node *node = session->node;
    json_t *objects = json_pack("[o]", node_object(node));
    if (cluster)
        add_cluster(json_array_get(objects, 0));
    json_array_append_new(
        objects, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "kind", "storage", "id", "local",
                           "type", "dir", "state", "available", "path", "/var/lib/vz", "total",
                           (json_int_t)500 << 30, "used", (json_int_t)455 << 30));
    json_array_append_new(objects,
                          json_pack("{s:s,s:s,s:s,s:s,s:I,s:f,s:f}", "kind", "link", "id",
                                    "eth0", "type", "physical", "state", "up", "speed",
                                    (json_int_t)10000, "net_in", 3e6, "net_out", 1e6));
    json_array_append_new(
        objects, json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "kind", "alarm", "id", "synthetic",
                           "severity", "warning", "object", "local", "text",
                           "storage local is 91% full: make room or add a disk", "since",
                           (json_int_t)(g_get_real_time() / G_USEC_PER_SEC - 4000)));
    for (guint i = 0; i < node->count; i++)
        json_array_append_new(objects, guest_whole(node, &node->guests[i]));
    send_pieces(session, objects, PIECE_WHOLE, TRUE);
}

static json_t *history(int step)
{
    static const char *const names[] = {"cpu",        "mem_used", "disk_read",
                                        "disk_write", "net_in",   "net_out"};
    json_t *series = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        json_t *points = json_array();
        for (int p = 0; p < 3600; p += step)
            json_array_append_new(
                points, json_real((1 + sin(p / 100.0 + (double)i)) * (i == 0   ? 50
                                                                      : i == 1 ? 0x1p30
                                                                               : 1e6)));
        json_object_set_new(series, names[i], points);
    }
    return json_pack("{s:s,s:I,s:i,s:o}", "span", "hour", "start",
                     (json_int_t)(g_get_real_time() / G_USEC_PER_SEC - 3600), "step", step,
                     "series", series);
}

static json_t *begin_task(Session *session, const char *method, const json_t *params)
{
    Task *task = g_new0(Task, 1);
    static int number;
    task->id = g_strdup_printf("20261123T101500.%06d-%s", ++number, session->node->name);
    task->method = g_strdup(method);
    task->guest = g_strdup(wire_get_string(params, "guest", ""));
    task->begun = g_get_monotonic_time();
    task->created = (double)g_get_real_time() / G_USEC_PER_SEC;
    g_ptr_array_add(session->node->tasks, task);
    return json_pack("{s:s}", "task", task->id);
}

static json_t *task_log(const Node *node, const json_t *params)
{
    gint64 offset = wire_get_integer(params, "offset", 0);
    const char *id = wire_get_string(params, "task", "");
    for (guint i = 0; i < node->tasks->len; i++) {
        const Task *task = node->tasks->pdata[i];
        if (!g_str_equal(task->id, id))
            continue;
        GString *text = g_string_new(NULL);
        for (int line = (int)(offset / 20); line < task->log; line++)
            g_string_append_printf(text, "line %06d of it\n   ", line);
        gboolean end = task->log >= TASK_SECONDS;
        json_t *answer = json_pack("{s:s,s:I,s:b}", "text", text->str, "offset",
                                   (json_int_t)task->log * 20, "end", end);
        g_string_free(text, TRUE);
        return answer;
    }
    return json_pack("{s:s,s:i,s:b}", "text", "", "offset", 0, "end", 1);
}

static json_t *answer(Session *session, const WireMessage *request)
{
    const char *method = request->method;
    const WireMethod *row = wire_method_find(method);
    if (g_str_equal(method, "hello"))
        return json_pack("{s:i,s:i,s:s,s:s,s:s,s:s}", "major", WIRE_PROTOCOL_MAJOR, "minor",
                         WIRE_PROTOCOL_MINOR, "agent", "loadgen", "node", session->node->name,
                         "user", g_get_user_name(), "role", "admin");
    if (g_str_equal(method, "watch.open")) {
        static gint64 watch;
        session->watch = ++watch;
        session->seq = 0;
        return json_pack("{s:I}", "watch", (json_int_t)session->watch);
    }
    if (g_str_equal(method, "node.history"))
        return history((int)MAX(wire_get_integer(request->params, "step", 1), 1));
    if (g_str_equal(method, "task.log"))
        return task_log(session->node, request->params);
    if (g_str_equal(method, "guest.definition"))
        return json_pack("{s:s,s:s}", "format", "xml", "text",
                         "<domain type='kvm'>\n  <name>synthetic</name>\n</domain>\n");
    if (row && row->task)
        return begin_task(session, method, request->params);
    return json_object();
}

static void on_line(const char *line, size_t length, gpointer user)
{
    Session *session = user;
    g_autoptr(WireMessage) request = wire_message_parse(line, length, NULL);
    if (!request || request->kind != WIRE_REQUEST)
        return;
    json_t *result = answer(session, request);
    wire_channel_send_steal(session->channel, wire_message_response(request->id, result));
    if (trace) {
        printf("%s %.6f\n", request->method, (double)g_get_monotonic_time() / G_USEC_PER_SEC);
        (void)fflush(stdout);
    }
    if (g_str_equal(request->method, "watch.open"))
        send_snapshot(session);
}

static void on_closed(const GError *error, gpointer user)
{
    Session *session = user;
    g_ptr_array_remove_fast(session->node->sessions, session);
    wire_channel_free(session->channel);
    g_free(session);
}

static gboolean on_connection(gint listener, GIOCondition condition, gpointer user)
{
    static const WireChannelEvents events = {on_line, on_closed};
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0)
        return G_SOURCE_CONTINUE;
    Session *session = g_new0(Session, 1);
    session->node = user;
    session->channel = wire_channel_new(descriptor, &events, session);
    g_ptr_array_add(session->node->sessions, session);
    return G_SOURCE_CONTINUE;
}

static void change_guest(Guest *guest)
{
    guest->cpu = wander(guest->cpu, 4, 0, 400);
    guest->memory = wander(guest->memory, 2e6, 1e8, 4e9);
    guest->read = wander(guest->read, 2e5, 0, 1e8);
    guest->write = wander(guest->write, 2e5, 0, 1e8);
    guest->in = wander(guest->in, 1e5, 0, 1e8);
    guest->out = wander(guest->out, 1e5, 0, 1e8);
}

static gboolean on_tick(gpointer user)
{
    Node *node = user;
    guint changes = MAX(node->count * (guint)share / 100, 1);
    g_autoptr(json_t) objects = json_array();
    node->cpu = wander(node->cpu, 3, 0, 100);
    json_array_append_new(objects, node_object(node));
    for (guint i = 0; i < changes && node->count; i++) {
        Guest *guest = &node->guests[node->next++ % node->count];
        change_guest(guest);
        json_array_append_new(objects, guest_figures(guest));
    }
    for (guint i = 0; i < node->tasks->len; i++) {
        Task *task = node->tasks->pdata[i];
        if (task->log <= TASK_SECONDS) {
            task->log++;
            json_array_append_new(objects, task_object(task));
        }
    }
    for (guint i = 0; i < node->sessions->len; i++) {
        Session *session = node->sessions->pdata[i];
        if (session->watch)
            send_pieces(session, json_incref(objects), PIECE_FIGURES, FALSE);
    }
    return G_SOURCE_CONTINUE;
}

static Node *make_node(int index)
{
    static const char *const words[] = {"web", "db", "cache", "mail", "build", "proxy"};
    Node *node = g_new0(Node, 1);
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    g_snprintf(node->name, sizeof node->name, "node%d", index + 1);
    node->index = index;
    node->count = (guint)(guest_count / node_count + (index < guest_count % node_count));
    node->guests = g_new0(Guest, MAX(node->count, 1));
    node->sessions = g_ptr_array_new();
    node->tasks = g_ptr_array_new();
    node->cpu = 20 + index * 10;
    for (guint i = 0; i < node->count; i++) {
        Guest *guest = &node->guests[i];
        guest->number = 100 + index + (int)i * node_count;
        guest->container = guest->number % 5 == 0;
        guest->state = guest->number % 7 == 3 ? GUEST_STATE_STOPPED : GUEST_STATE_RUNNING;
        guest->started =
            guest->state == GUEST_STATE_RUNNING ? now - guest->number * (gint64)977 : 0;
        guest->cpu = guest->number % 90;
        guest->memory = 1e9 + guest->number % 100 * 1e7;
        guest->read = guest->write = guest->number % 50 * 1e5;
        guest->in = guest->out = guest->number % 40 * 1e5;
        g_snprintf(guest->name, sizeof guest->name, "%s%d",
                   words[guest->number % (int)G_N_ELEMENTS(words)], guest->number);
    }
    return node;
}

static gboolean listen_on(const char *path, Node *node)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
        return FALSE;
    (void)unlink(path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 64) != 0) {
        g_printerr("loadgen: %s: %s\n", path, g_strerror(errno));
        return FALSE;
    }
    g_unix_fd_add(listener, G_IO_IN, on_connection, node);
    return TRUE;
}

static gboolean on_signal(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"socket", 's', 0, G_OPTION_ARG_FILENAME, &socket_path, "where to listen", "PATH"},
        {"nodes", 'n', 0, G_OPTION_ARG_INT, &node_count, "nodes to pretend", "N"},
        {"guests", 'g', 0, G_OPTION_ARG_INT, &guest_count, "guests to pretend", "N"},
        {"rate", 'r', 0, G_OPTION_ARG_DOUBLE, &rate, "changes a second", "HZ"},
        {"share", 'p', 0, G_OPTION_ARG_INT, &share, "guests that change each time", "PERCENT"},
        {"cluster", 'c', 0, G_OPTION_ARG_NONE, &cluster, "the nodes are a cluster", NULL},
        {"trace", 't', 0, G_OPTION_ARG_NONE, &trace, "print when what was answered", NULL},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("- a load generator, no agent");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !socket_path ||
        node_count < 1 || node_count > 256 || guest_count < 0 || guest_count > 1000000) {
        g_printerr("loadgen: %s\n", error ? error->message : "--socket PATH is needed");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    dice = g_rand_new_with_seed(1);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    for (int i = 0; i < node_count; i++) {
        Node *node = make_node(i);
        g_autofree char *path = node_count == 1 ? g_strdup(socket_path)
                                                : g_strdup_printf("%s.%d", socket_path, i + 1);
        if (!listen_on(path, node))
            return 1;
        if (rate > 0)
            g_timeout_add((guint)(1000 / rate), on_tick, node);
    }
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    g_main_loop_run(loop);
    for (int i = 0; i < node_count; i++) {
        g_autofree char *path = node_count == 1 ? g_strdup(socket_path)
                                                : g_strdup_printf("%s.%d", socket_path, i + 1);
        (void)unlink(path);
    }
    return 0;
}
