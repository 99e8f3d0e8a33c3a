/* driver_probe - drives one guest driver by hand, without an agent.
 *
 *   driver_probe DRIVER observe [SECONDS [--no-figures]]
 *   driver_probe DRIVER describe|definition|saved NATIVE
 *   driver_probe DRIVER act NATIVE ACT [PARAMS-AS-JSON]
 *   driver_probe DRIVER recover NATIVE ACT NOTE-AS-JSON
 *   driver_probe DRIVER console|take|shell NATIVE
 *   driver_probe DRIVER exec NATIVE TIMEOUT COMMAND...
 *
 * DRIVER is kvm or lxc. What it sees goes to stdout as one JSON object a line,
 * with "t" in seconds since it began; for a stream, stdin and stdout are the
 * terminal. GANTRY_LIBVIRT_URI and GANTRY_LXC_PATH say where the guests are. A
 * note of an act is printed before the act goes on, and GANTRY_PROBE_DIE=N ends
 * the program at once at the Nth note, to try what recover makes of it.
 */
#include "backend/guest/driver.h"
#include "backend/wire/error.h"
#include "backend/wire/message.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

typedef struct {
    gint64 begin;
    gboolean no_figures;
    int notes, die_at;
} Probe;

static const GuestDriver *const drivers[] = {&guest_driver_kvm, &guest_driver_lxc};

static void print_line(const Probe *probe, json_t *line)
{
    double seconds = (double)(g_get_monotonic_time() - probe->begin) / 1e6;
    json_object_set_new(line, "t", json_real(round(seconds * 1000) / 1000));
    json_dumpf(line, stdout, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    fputc('\n', stdout);
    fflush(stdout);
    json_decref(line);
}

static json_t *number(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static void on_changed(const GuestSummary *summary, gpointer user)
{
    json_t *addresses = json_array();
    for (int i = 0; summary->addresses && summary->addresses[i]; i++)
        json_array_append_new(addresses, wire_string(summary->addresses[i]));
    print_line(
        user,
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:I, s:i, s:I, s:b, s:b, s:b, s:b, s:b, "
                  "s:o}",
                  "event", "changed", "kind", guest_kind_name(summary->kind), "native",
                  summary->native, "name", wire_string(summary->name), "state",
                  guest_state_name(summary->state), "reason",
                  summary->reason ? wire_string(summary->reason) : json_null(), "started",
                  (json_int_t)summary->started, "vcpus", summary->vcpus, "mem_max",
                  (json_int_t)summary->memory_max, "autostart", summary->autostart,
                  "persistent", summary->persistent, "pending", summary->pending, "agent",
                  summary->agent, "privileged", summary->privileged, "addresses", addresses));
}

static void on_gone(const char *native, gpointer user)
{
    print_line(user, json_pack("{s:s, s:s}", "event", "gone", "native", native));
}

static void on_looked(const char *native, gpointer user)
{
    print_line(user, json_pack("{s:s, s:s}", "event", "looked", "native", native));
}

static void on_figures(const GuestFigures *figures, size_t count, gpointer user)
{
    const Probe *probe = user;
    if (probe->no_figures)
        return;
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        const GuestFigures *f = &figures[i];
        json_t *vcpu = json_array();
        for (int n = 0; f->vcpu && n < f->vcpu_count; n++)
            json_array_append_new(vcpu, number(f->vcpu[n]));
        json_array_append_new(
            all,
            json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "native", f->native,
                      "cpu", number(f->cpu), "mem_used", number(f->memory_used), "mem_rss",
                      number(f->memory_rss), "disk_read", number(f->disk_read), "disk_write",
                      number(f->disk_write), "disk_ops", number(f->disk_operations), "net_in",
                      number(f->net_in), "net_out", number(f->net_out), "vcpu", vcpu));
    }
    print_line(probe, json_pack("{s:s, s:o}", "event", "figures", "guests", all));
}

static void on_health(GuestDriverHealth health, gint64 since, const char *reason,
                      const json_t *versions, gpointer user)
{
    static const char *const names[] = {"ok", "stale", "absent"};
    print_line(user, json_pack("{s:s, s:s, s:I, s:s?, s:O?}", "event", "health", "health",
                               names[health], "since", (json_int_t)since, "reason", reason,
                               "versions", versions));
}

static const GuestEvents guest_events = {on_changed, on_gone, on_looked, on_figures, on_health};

static void on_progress(double percent, const char *doing, gpointer user)
{
    print_line(user, json_pack("{s:s, s:f, s:s?}", "event", "progress", "percent", percent,
                               "doing", doing));
}

static void on_log(const char *line, gpointer user)
{
    print_line(user, json_pack("{s:s, s:o}", "event", "log", "line", wire_string(line)));
}

static gboolean on_note(const json_t *note, gpointer user, GError **error)
{
    Probe *probe = user;
    print_line(probe, json_pack("{s:s, s:o}", "event", "note", "note",
                                note ? json_deep_copy(note) : json_null()));
    if (++probe->notes == probe->die_at)
        _exit(9);
    return TRUE;
}

static const JobEvents job_events = {.progress = on_progress, .log = on_log, .note = on_note};

static int report(const Probe *probe, const GError *error)
{
    print_line(probe,
               json_pack("{s:s, s:s, s:s?, s:o}", "event", "error", "code",
                         wire_error_name(wire_error_code(error)), "field",
                         wire_error_field(error), "message", wire_string(error->message)));
    return wire_error_exit_status(wire_error_code(error));
}

static gboolean on_end(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static int observe(const GuestDriver *driver, const GuestSettings *settings, Probe *probe,
                   guint seconds)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    GuestObserver *observer = driver->observe(settings, NULL, &guest_events, probe);
    guint interrupt = g_unix_signal_add(SIGINT, on_end, loop);
    guint terminate = g_unix_signal_add(SIGTERM, on_end, loop);
    guint timer = seconds ? g_timeout_add_seconds(seconds, on_end, loop) : 0;
    g_main_loop_run(loop);
    g_source_remove(interrupt);
    g_source_remove(terminate);
    if (timer)
        g_source_remove(timer);
    driver->observe_stop(observer);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    print_line(probe, json_pack("{s:s}", "event", "stopped"));
    return 0;
}

static int act(const GuestDriver *driver, const GuestSettings *settings, Probe *probe,
               const char *native, const char *name, const char *text, gboolean recover)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) given = json_loads(text ? text : "{}", 0, NULL);
    g_autoptr(json_t) result = NULL;
    g_autofree char *outcome = NULL;
    const Job job = {&job_events, probe};
    GuestAct which;
    if (!guest_act_from_name(name, &which) || !json_is_object(given))
        return 2;
    if (recover) {
        if (!driver->recover(settings, native, which, given, &job, &outcome, &error))
            return report(probe, error);
    } else if (!driver->act(settings, native, which, given, &job, &result, &error)) {
        return report(probe, error);
    }
    print_line(probe, json_pack("{s:s, s:O?, s:s?}", "event", "done", "result", result,
                                "outcome", outcome));
    return 0;
}

/* The terminal is the driver's in one descriptor; here it is two. */
static gpointer copy_in(gpointer pointer)
{
    int descriptor = GPOINTER_TO_INT(pointer);
    char buffer[4096];
    ssize_t length;
    while ((length = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
        for (ssize_t sent = 0, n; sent < length; sent += n)
            if ((n = write(descriptor, buffer + sent, (size_t)(length - sent))) <= 0)
                return NULL;
    shutdown(descriptor, SHUT_WR);
    return NULL;
}

static gpointer copy_out(gpointer pointer)
{
    int descriptor = GPOINTER_TO_INT(pointer);
    char buffer[4096];
    ssize_t length;
    while ((length = read(descriptor, buffer, sizeof buffer)) > 0)
        for (ssize_t sent = 0, n; sent < length; sent += n)
            if ((n = write(STDOUT_FILENO, buffer + sent, (size_t)(length - sent))) <= 0)
                return NULL;
    return NULL;
}

static int stream(const GuestDriver *driver, const GuestSettings *settings, Probe *probe,
                  const char *native, GuestStreamRequest request)
{
    int pair[2], status = -1;
    g_autoptr(GError) error = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return 1;
    request.data = pair[0];
    request.control = -1;
    g_thread_unref(g_thread_new("in", copy_in, GINT_TO_POINTER(pair[1])));
    GThread *out = g_thread_new("out", copy_out, GINT_TO_POINTER(pair[1]));
    gboolean good = driver->stream(settings, native, &request, &status, &error);
    shutdown(pair[0], SHUT_RDWR);
    g_thread_join(out);
    if (!good)
        return report(probe, error);
    print_line(probe, json_pack("{s:s, s:i}", "event", "done", "exit", status));
    return 0;
}

/* A number of the command line; 0 for anything else. */
static int whole(const char *text)
{
    guint64 value = 0;
    (void)(text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &value, NULL));
    return (int)value;
}

static int usage(void)
{
    fputs(
        "usage: driver_probe DRIVER observe|describe|definition|saved|act|recover|console|take|"
        "shell|exec ...\n",
        stderr);
    return 2;
}

static int read_and_print(const GuestDriver *driver, const GuestSettings *settings,
                          const Probe *probe, const char *what, const char *native)
{
    g_autoptr(GError) error = NULL;
    if (strcmp(what, "describe") == 0) {
        g_autoptr(json_t) all = driver->describe(settings, native, &error);
        if (!all)
            return report(probe, error);
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        fputc('\n', stdout);
        return 0;
    }
    g_autofree char *text =
        driver->definition(settings, native, strcmp(what, "saved") == 0, &error);
    if (!text)
        return report(probe, error);
    fputs(text, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *uri = g_getenv("GANTRY_LIBVIRT_URI"), *path = g_getenv("GANTRY_LXC_PATH");
    const char *die = g_getenv("GANTRY_PROBE_DIE");
    const char *lxc_paths[] = {path ? path : "/var/lib/lxc", NULL};
    GuestSettings settings = {uri ? uri : "qemu:///system", lxc_paths};
    Probe probe = {.begin = g_get_monotonic_time(), .die_at = whole(die)};
    const GuestDriver *driver = NULL;
    for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(drivers); i++)
        if (strcmp(drivers[i]->name, argv[1]) == 0)
            driver = drivers[i];
    if (!driver || argc < 3)
        return usage();
    const char *what = argv[2];
    if (strcmp(what, "observe") == 0) {
        probe.no_figures = argc > 4;
        return observe(driver, &settings, &probe, argc > 3 ? (guint)whole(argv[3]) : 0);
    }
    if (argc < 4)
        return usage();
    const char *native = argv[3];
    if (strcmp(what, "describe") == 0 || strcmp(what, "definition") == 0 ||
        strcmp(what, "saved") == 0)
        return read_and_print(driver, &settings, &probe, what, native);
    if (argc > 4 && (strcmp(what, "act") == 0 || strcmp(what, "recover") == 0))
        return act(driver, &settings, &probe, native, argv[4], argc > 5 ? argv[5] : NULL,
                   strcmp(what, "recover") == 0);
    GuestStreamRequest request = {.kind = GUEST_STREAM_CONSOLE, .rows = 24, .columns = 80};
    if (strcmp(what, "take") == 0) {
        request.take = TRUE;
    } else if (strcmp(what, "shell") == 0) {
        request.kind = GUEST_STREAM_SHELL;
    } else if (strcmp(what, "exec") == 0 && argc > 5) {
        request.kind = GUEST_STREAM_EXEC;
        request.timeout = whole(argv[4]);
        request.command = (const char *const *)(argv + 5);
    } else if (strcmp(what, "console") != 0) {
        return usage();
    }
    return stream(driver, &settings, &probe, native, request);
}
