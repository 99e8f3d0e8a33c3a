#include "agent/run.h"

#include "agent/agent.h"
#include "agent/alarms.h"
#include "agent/cluster.h"
#include "agent/console_settings.h"
#include "agent/events.h"
#include "agent/guests.h"
#include "agent/inventory.h"
#include "agent/links.h"
#include "agent/listener.h"
#include "agent/log.h"
#include "agent/monitor.h"
#include "agent/pages.h"
#include "agent/past.h"
#include "agent/peers.h"
#include "agent/session.h"
#include "agent/storages.h"
#include "agent/stream.h"
#include "agent/survey.h"
#include "agent/task_board.h"
#include "backend/cluster/store.h"
#include "backend/wire/error.h"
#include "config.h"

#include <errno.h>
#include <glib-unix.h>
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

typedef struct {
    Agent agent;
    const char *config_path;
    Listener *listener;
    guint late; /* the timer that serves without the tasks */
    guint calm; /* the timer that gives memory back */
} Run;

static gboolean on_stop(gpointer user)
{
    Run *run = user;
    g_message("stopping");
    sd_notify(0, "STOPPING=1");
    g_main_loop_quit(run->agent.loop);
    return G_SOURCE_REMOVE;
}

/* What can't change while the agent runs keeps its old value, and is said. */
static void keep_fixed(AgentConfig *fresh, const AgentConfig *present)
{
    struct {
        const char *key;
        char **fresh;
        const char *present;
    } fixed[] = {
        {"node", &fresh->node, present->node},
        {"socket", &fresh->socket, present->socket},
        {"state", &fresh->state, present->state},
        {"libvirt.uri", &fresh->libvirt_uri, present->libvirt_uri},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (g_str_equal(*fixed[i].fresh, fixed[i].present))
            continue;
        g_warning("%s has changed in the configuration, which needs a restart of gantryd",
                  fixed[i].key);
        g_free(*fixed[i].fresh);
        *fixed[i].fresh = g_strdup(fixed[i].present);
    }
    if (!g_strv_equal((const char *const *)fresh->lxc_paths,
                      (const char *const *)present->lxc_paths)) {
        g_warning(
            "lxc.paths has changed in the configuration, which needs a restart of gantryd");
        g_strfreev(fresh->lxc_paths);
        fresh->lxc_paths = g_strdupv(present->lxc_paths);
    }
}

static gboolean on_reload(gpointer user)
{
    Run *run = user;
    g_autoptr(GError) error = NULL;
    sd_notify(0, "RELOADING=1");
    AgentConfig *fresh = conf_agent_load(run->config_path, &error);
    if (!fresh) {
        g_warning("the configuration was not reloaded: %s", error->message);
    } else {
        AgentConfig *before = run->agent.config;
        keep_fixed(fresh, before);
        run->agent.config = fresh;
        run->agent.node = fresh->node;
        log_set_level(fresh->log_level);
        task_board_reload(run->agent.tasks);
        storage_table_reload(run->agent.storages);
        conf_agent_free(before);
        g_message("configuration reloaded");
    }
    sd_notify(0, "READY=1");
    return G_SOURCE_CONTINUE;
}

static void on_accepted(int descriptor, gpointer user)
{
    session_table_accept(((Run *)user)->agent.sessions, descriptor);
}

/* By then the drivers have listed their guests and the surveys have been made. */
enum { TASKS_PATIENCE = 2000 /* ms */, CALM = 20, DESCRIPTORS = 65536 };

static gboolean on_calm(gpointer user)
{
    ((Run *)user)->calm = 0;
    pages_release();
    return G_SOURCE_REMOVE;
}

/* Once neither the start nor a change of the cluster goes on, what they needed is not
 * needed any more: the documents of all nodes may have come and been compared. */
static void await_calm(Run *run)
{
    g_clear_handle_id(&run->calm, g_source_remove);
    run->calm = g_timeout_add_seconds(CALM, on_calm, run);
}

static void serve(Run *run)
{
    if (run->listener)
        return;
    g_clear_handle_id(&run->late, g_source_remove);
    g_autoptr(GError) error = NULL;
    run->listener = listener_new(run->agent.config->socket, run->agent.config->group,
                                 on_accepted, run, &error);
    if (!run->listener) {
        g_critical("%s", error->message);
        g_main_loop_quit(run->agent.loop);
        return;
    }
    g_message("gantryd %s serves %s on %s", GANTRY_VERSION, run->agent.node,
              run->agent.config->socket);
    await_calm(run);
    sd_notify(0, "READY=1");
}

static void on_tasks_read(gpointer user)
{
    serve(user);
}

static gboolean on_late(gpointer user)
{
    Run *run = user;
    run->late = 0;
    serve(run);
    return G_SOURCE_REMOVE;
}

/* The guests' numbers are in the store, so they are looked for once it is read. Who asks for
 * a task of before should find it; but a disk that hangs must not keep everybody out. */
static void on_store_loaded(gpointer user)
{
    Run *run = user;
    cluster_part_store_changed(run->agent.cluster);
    run->agent.guests = guest_table_new(&run->agent);
    run->agent.console_settings = console_settings_new(&run->agent);
    run->late = g_timeout_add(TASKS_PATIENCE, on_late, run);
    task_board_start(run->agent.tasks, on_tasks_read, run);
}

static void on_store_health(DatabaseHealth health, const GError *reason, gpointer user)
{
    Run *run = user;
    if (reason) {
        alarms_raise(run->agent.alarms, EVENT_ERROR, "store", run->agent.node, "%s",
                     reason->message);
        return;
    }
    alarms_clear(run->agent.alarms, "store");
    if (run->agent.guests)
        guest_table_settle(run->agent.guests);
}

static void on_store_group(gpointer user)
{
    Run *run = user;
    cluster_part_store_changed(run->agent.cluster);
    await_calm(run);
    if (run->agent.guests)
        guest_table_settle(run->agent.guests);
}

static gboolean make_state_directory(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0700) == 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STORAGE, "making the state directory %s: %s", path,
                   g_strerror(errno));
    return FALSE;
}

/* Each second libvirt's answer of all figures comes and goes. glibc would give the
 * memory back to the kernel and ask for it again each time, at twice the cost of the
 * figures themselves; and threads that hardly allocate need no heap of their own. */
static void keep_heap_calm(void)
{
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
    (void)mallopt(M_TOP_PAD, 256 << 10);
}

/* A container that is watched takes some ten descriptors, and the usual soft limit
 * is 1024. Children get the same: those that need a small one set it. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, DESCRIPTORS);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        g_info("the limit of descriptors stays as it is: %s", g_strerror(errno));
}

/* Figures are put into the inventory only while somebody watches, so the first
 * watcher's picture needs them now. */
static void on_watch_begun(ObjectKind kind, gpointer user)
{
    const Agent *agent = user;
    if (kind == OBJECT_NODE)
        node_monitor_publish(agent->monitor);
    else if (kind == OBJECT_GUEST)
        guest_table_publish_figures(agent->guests);
    else if (kind == OBJECT_LINK)
        link_table_publish(agent->links, node_monitor_rates(agent->monitor));
}

static void start_parts(Run *run)
{
    static const StoreEvents store_events = {
        .loaded = on_store_loaded, .health = on_store_health, .group = on_store_group};
    Agent *agent = &run->agent;
    g_autofree char *store_path = g_build_filename(agent->config->state, "store.db", NULL);
    agent->node = agent->config->node;
    agent->loop = g_main_loop_new(NULL, FALSE);
    agent->workers = worker_pool_new();
    agent->inventory = inventory_new();
    inventory_on_watched(agent->inventory, on_watch_begun, agent);
    agent->events = event_log_new(agent);
    agent->alarms = alarms_new(agent);
    agent->tasks = task_board_new(agent);
    event_log_load(agent->events);
    agent->past = past_new(agent);
    agent->monitor = node_monitor_new(agent);
    agent->survey = survey_new(agent);
    agent->storages = storage_table_new(agent);
    agent->links = link_table_new(agent);
    agent->streams = stream_table_new(agent);
    agent->peers = peers_new(agent);
    agent->cluster = cluster_part_new(agent);
    agent->sessions = session_table_new(agent);
    agent->store = store_open(&(StoreSettings){.path = store_path}, &store_events, run);
}

static void stop_parts(Run *run)
{
    Agent *agent = &run->agent;
    g_clear_handle_id(&run->late, g_source_remove);
    g_clear_handle_id(&run->calm, g_source_remove);
    listener_free(run->listener);
    session_table_free(agent->sessions);
    cluster_part_free(agent->cluster);
    peers_free(agent->peers);
    stream_table_free(agent->streams);
    task_board_stop(agent->tasks);
    store_finish(agent->store); /* what waits for it is answered while it can be heard */
    console_settings_free(agent->console_settings);
    guest_table_free(agent->guests);
    store_close(agent->store);
    link_table_free(agent->links);
    storage_table_free(agent->storages);
    survey_free(agent->survey);
    node_monitor_free(agent->monitor);
    past_free(agent->past);
    task_board_free(agent->tasks);
    alarms_free(agent->alarms);
    event_log_free(agent->events);
    inventory_free(agent->inventory);
    worker_pool_free(agent->workers);
    g_main_loop_unref(agent->loop);
}

int run_main(const char *config_path)
{
    g_autoptr(GError) error = NULL;
    Run run = {.config_path = config_path};
    run.agent.config = conf_agent_load(config_path, &error);
    if (!run.agent.config) {
        g_printerr("gantryd: %s\n", error->message);
        return 2;
    }
    log_open(run.agent.config->log_level);
    umask(0077);
    keep_heap_calm();
    raise_descriptor_limit();
    if (!make_state_directory(run.agent.config->state, &error)) {
        g_critical("%s", error->message);
        conf_agent_free(run.agent.config);
        return 1;
    }
    start_parts(&run);
    g_unix_signal_add(SIGTERM, on_stop, &run);
    g_unix_signal_add(SIGINT, on_stop, &run);
    g_unix_signal_add(SIGHUP, on_reload, &run);
    g_main_loop_run(run.agent.loop);
    int status = run.listener ? 0 : 1;
    stop_parts(&run);
    conf_agent_free(run.agent.config);
    return status;
}
