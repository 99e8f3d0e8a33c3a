/* store_node DIRECTORY NODE [NUMBER [agents]] - one node of a store for measuring: the agent's
 * own code for store, group and members, without the agent around it. With `agents` it is one
 * of the agents' own groups, beside real agents, and tells them of itself as they do.
 *
 * It reads /etc/corosync/corosync.conf of the node that it runs in, keeps its file in
 * DIRECTORY and joins the store NUMBER, or is the founder. It prints "number N" once its
 * file is read and "state NAME" at each change. On stdin it takes
 *
 *     write SECONDS WRITERS SIZE   so many writers each commit again and again; prints
 *                                  "wrote COUNT MEAN P99", in milliseconds
 *     fill COUNT SIZE              so many commits, 64 at a time; prints "filled REVISION"
 *     guests COUNT NODES           commits what the store has of so many guests, who are of
 *                                  the nodes from node2 on; prints "guests REVISION"
 *     reach REVISION               prints "reached MS", since the program was started
 */
#include "agent/agent.h"
#include "agent/cluster.h"
#include "agent/cluster_store.h"
#include "agent/cluster_vitals.h"
#include "backend/cluster/corosync_files.h"
#include "backend/peer/book.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    Agent agent;
    ClusterStore *part;
    ClusterVitals *vitals; /* with agents */
    guint64 number, reach;
    gint64 started, end;
    StoreState state;
    guint size, left, running;
    guint nodes, guests; /* not 0: guests are written, those of so many nodes */
    guint64 count, next;
    GArray *times; /* of double, ms */
} Bench;

typedef struct {
    Bench *bench;
    gint64 since;
} Writer;

static void say(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    (void)fflush(stdout);
}

static double since(gint64 when)
{
    return (double)(g_get_monotonic_time() - when) / 1000;
}

/* ---- writing ---- */

static int compare(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void finish(Bench *bench)
{
    if (bench->nodes > 0) {
        say("guests %" G_GUINT64_FORMAT, store_revision(bench->agent.store));
        bench->nodes = 0;
        return;
    }
    if (bench->times->len == 0) {
        say("filled %" G_GUINT64_FORMAT, store_revision(bench->agent.store));
        return;
    }
    g_array_sort(bench->times, compare);
    guint count = bench->times->len;
    double sum = 0;
    for (guint i = 0; i < count; i++)
        sum += g_array_index(bench->times, double, i);
    say("wrote %u %.3f %.3f", count, sum / count,
        g_array_index(bench->times, double, count * 99 / 100));
    g_array_set_size(bench->times, 0);
}

static gboolean has_more(const Bench *bench)
{
    return bench->end ? g_get_monotonic_time() < bench->end : bench->left > 0;
}

static void commit(Writer *writer);

static void on_done(guint64 revision, const GError *error, gpointer user)
{
    Writer *writer = user;
    Bench *bench = writer->bench;
    if (error) {
        g_printerr("store_node: %s\n", error->message);
        exit(1);
    }
    if (bench->end) {
        double taken = since(writer->since);
        g_array_append_val(bench->times, taken);
    }
    if (has_more(bench)) {
        commit(writer);
        return;
    }
    g_free(writer);
    if (--bench->running == 0)
        finish(bench);
}

/* About what libvirt has of a VM with two disks and one card. */
static char *make_definition(guint number)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(
        text,
        "<domain type='kvm'>\n  <name>v%u</name>\n  <uuid>00000000-0000-4000-"
        "8000-%012u</uuid>\n  <memory unit='KiB'>2097152</memory>\n",
        number, number);
    for (guint i = 0; i < 24; i++)
        g_string_append_printf(text,
                               "  <controller type='pci' index='%u' model='pcie-root-port'>\n"
                               "    <address type='pci' domain='0x0000' bus='0x00' slot='0x02' "
                               "function='0x%x'/>\n  </controller>\n",
                               i, i % 8);
    g_string_append(text, "</domain>\n");
    return g_string_free(text, FALSE);
}

static void put(StoreTransaction *transaction, guint number, const char *rest, const char *text)
{
    g_autofree char *path = g_strdup_printf("guest/%u%s", number, rest);
    store_transaction_put(transaction, path, text, strlen(text));
}

static StoreTransaction *make_guest(Bench *bench)
{
    guint number = 100 + bench->guests++;
    g_autofree char *definition = make_definition(number);
    g_autofree char *claim = g_strdup_printf(
        "{\"kind\":\"vm\",\"native\":\"00000000-0000-4000-8000-%012u\",\"name\":\"v%u\","
        "\"node\":\"node%u\",\"state\":\"running\"}",
        number, number, 2 + number % (bench->nodes - 1));
    StoreTransaction *transaction = store_transaction_new();
    put(transaction, number, "", claim);
    put(transaction, number, "/gantry",
        "{\"notes\":\"as measured\",\"tags\":[\"web\",\"bench\"]}");
    put(transaction, number, "/definition", definition);
    return transaction;
}

static StoreTransaction *make_value(Bench *bench)
{
    g_autofree char *value = g_strnfill(bench->size, 'v');
    g_autofree char *path = g_strdup_printf("bench/%" G_GUINT64_FORMAT, bench->next++ % 1000);
    StoreTransaction *transaction = store_transaction_new();
    store_transaction_put(transaction, path, value, bench->size);
    return transaction;
}

static void commit(Writer *writer)
{
    Bench *bench = writer->bench;
    StoreTransaction *transaction = bench->nodes > 0 ? make_guest(bench) : make_value(bench);
    writer->since = g_get_monotonic_time();
    bench->left -= bench->left > 0 ? 1 : 0;
    store_commit(bench->agent.store, transaction, on_done, writer);
}

static void begin(Bench *bench, guint writers)
{
    for (guint i = 0; i < writers && has_more(bench); i++) {
        Writer *writer = g_new0(Writer, 1);
        writer->bench = bench;
        bench->running++;
        commit(writer);
    }
}

static void obey(Bench *bench, char **words)
{
    guint count = g_strv_length(words);
    if (count == 4 && g_str_equal(words[0], "write")) {
        bench->size = (guint)atoi(words[3]);
        bench->end = g_get_monotonic_time() + atoi(words[1]) * G_USEC_PER_SEC;
        begin(bench, (guint)atoi(words[2]));
    } else if (count == 3 && g_str_equal(words[0], "fill")) {
        bench->left = (guint)atoi(words[1]);
        bench->size = (guint)atoi(words[2]);
        bench->end = 0;
        begin(bench, 64);
    } else if (count == 3 && g_str_equal(words[0], "guests")) {
        bench->left = (guint)atoi(words[1]);
        bench->nodes = (guint)atoi(words[2]);
        bench->end = 0;
        begin(bench, 8);
    } else if (count == 2 && g_str_equal(words[0], "reach")) {
        bench->reach = g_ascii_strtoull(words[1], NULL, 10);
    }
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer user)
{
    char line[256];
    if (!fgets(line, sizeof line, stdin))
        exit(0);
    g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", 0);
    obey(user, words);
    return G_SOURCE_CONTINUE;
}

/* ---- the node ---- */

static gboolean on_look(gpointer user)
{
    Bench *bench = user;
    StoreStatus status;
    store_status(bench->agent.store, &status);
    if (status.state != bench->state)
        say("state %s", store_state_name(status.state));
    bench->state = status.state;
    if (bench->reach && status.revision >= bench->reach) {
        say("reached %.1f", since(bench->started));
        bench->reach = 0;
    }
    return G_SOURCE_CONTINUE;
}

static void on_told(gpointer user)
{
}

static void on_changed(gpointer user)
{
    cluster_store_changed(((Bench *)user)->part);
}

static void on_loaded(gpointer user)
{
    Bench *bench = user;
    g_autoptr(GError) error = NULL;
    int directory = corosync_directory_open(COROSYNC_DIRECTORY, &error);
    g_autoptr(CorosyncText) conf =
        directory >= 0 ? corosync_file_load(directory, COROSYNC_CONF, &error) : NULL;
    if (!conf) {
        g_printerr("store_node: %s\n", error->message);
        exit(1);
    }
    (void)close(directory);
    if (!bench->number)
        bench->number = store_cluster(bench->agent.store);
    say("number %" G_GUINT64_FORMAT, bench->number);
    corosync_conf_set_store(conf, bench->number);
    cluster_store_conf(bench->part, conf, 0);
    cluster_store_changed(bench->part);
}

static void on_view(gpointer user)
{
    cluster_store_view(((Bench *)user)->part);
}

static void on_members(guint group, const MembershipPeer *peers, guint count, gpointer user)
{
    const Bench *bench = user;
    if (group == CLUSTER_GROUP_AGENTS)
        cluster_store_members(bench->part, peers, count);
    else if (group == CLUSTER_GROUP_VITALS)
        cluster_vitals_members(bench->vitals, peers, count);
}

static void on_message(guint group, const MembershipPeer *from, const void *data, size_t size,
                       gpointer user)
{
    const Bench *bench = user;
    if (group == CLUSTER_GROUP_AGENTS)
        cluster_store_message(bench->part, from, data, size);
    else if (group == CLUSTER_GROUP_VITALS)
        cluster_vitals_message(bench->vitals, from, data, size);
}

int main(int argc, char **argv)
{
    static const char *const alone[] = {"gantry/bench", NULL};
    static const char *const agents[] = {CLUSTER_GROUPS_NAMES, NULL};
    static const MembershipEvents membership_events = {on_view, on_members, on_message};
    static const StoreEvents store_events = {.loaded = on_loaded, .group = on_changed};
    Bench bench = {.started = g_get_monotonic_time(), .state = (StoreState)-1};
    if (argc < 3)
        return 2;
    g_autofree char *path = g_build_filename(argv[1], "store.db", NULL);
    bench.agent.node = argv[2];
    bench.number = argc > 3 ? g_ascii_strtoull(argv[3], NULL, 10) : 0;
    gboolean is_agent = argc > 4 && g_str_equal(argv[4], "agents");
    /* Else the node's agent has that one. */
    AgentConfig config = {.cluster_port = is_agent ? PEER_PORT : PEER_PORT + 1};
    bench.agent.config = &config;
    bench.agent.workers = worker_pool_new();
    bench.times = g_array_new(FALSE, FALSE, sizeof(double));
    Membership *membership =
        membership_new(is_agent ? agents : alone, &membership_events, &bench);
    if (is_agent)
        bench.vitals = cluster_vitals_new(membership, on_told, &bench);
    bench.part = cluster_store_new(&bench.agent, membership, 0, on_told, &bench);
    bench.agent.store = store_open(&(StoreSettings){.path = path}, &store_events, &bench);
    (void)g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, &bench);
    (void)g_timeout_add(is_agent ? 200 : 5, on_look, &bench);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}
