#include "agent/run.h"

#include "agent/agent.h"
#include "agent/alarms.h"
#include "agent/events.h"
#include "agent/inventory.h"
#include "agent/listener.h"
#include "agent/log.h"
#include "agent/monitor.h"
#include "agent/past.h"
#include "agent/session.h"
#include "backend/wire/error.h"
#include "config.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

typedef struct {
    Agent agent;
    const char *config_path;
    Listener *listener;
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

static void start_listening(Run *run)
{
    g_autoptr(GError) error = NULL;
    run->listener = listener_new(run->agent.config->socket, run->agent.config->group,
                                 on_accepted, run, &error);
    if (!run->listener) {
        g_critical("%s", error->message);
        return;
    }
    g_message("gantryd %s serves %s on %s", GANTRY_VERSION, run->agent.node,
              run->agent.config->socket);
    sd_notify(0, "READY=1");
}

static gboolean make_state_directory(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0700) == 0)
        return TRUE;
    wire_error_set(error, WIRE_ERROR_STORAGE, "making the state directory %s: %s", path,
                   g_strerror(errno));
    return FALSE;
}

static void start_parts(Run *run)
{
    Agent *agent = &run->agent;
    agent->node = agent->config->node;
    agent->loop = g_main_loop_new(NULL, FALSE);
    agent->workers = worker_pool_new();
    agent->inventory = inventory_new();
    agent->events = event_log_new(agent);
    agent->alarms = alarms_new(agent);
    agent->past = past_new(agent);
    agent->monitor = node_monitor_new(agent);
    agent->sessions = session_table_new(agent);
}

static void stop_parts(Run *run)
{
    Agent *agent = &run->agent;
    listener_free(run->listener);
    session_table_free(agent->sessions);
    node_monitor_free(agent->monitor);
    past_free(agent->past);
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
    if (!make_state_directory(run.agent.config->state, &error)) {
        g_critical("%s", error->message);
        conf_agent_free(run.agent.config);
        return 1;
    }
    start_parts(&run);
    g_unix_signal_add(SIGTERM, on_stop, &run);
    g_unix_signal_add(SIGINT, on_stop, &run);
    g_unix_signal_add(SIGHUP, on_reload, &run);
    start_listening(&run);
    if (run.listener)
        g_main_loop_run(run.agent.loop);
    int status = run.listener ? 0 : 1;
    stop_parts(&run);
    conf_agent_free(run.agent.config);
    return status;
}
