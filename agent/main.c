/* gantryd - the agent's command line: run it (no argument), or be one of its
 * helpers: `bridge` for an SSH session, `task`, `stream` and `peer` for its own children.
 */
#include "agent/bridge.h"
#include "agent/drivers.h"
#include "agent/move/drain.h"
#include "agent/move/reception.h"
#include "agent/move/source.h"
#include "agent/move/tree.h"
#include "agent/peers.h"
#include "agent/run.h"
#include "agent/stream.h"
#include "agent/task/cluster_handlers.h"
#include "agent/task/guest_handlers.h"
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

static char *config_path;
static char *socket_path;
static char *check_path;
static char *stream_name;
static gboolean show_version;

static const GOptionEntry entries[] = {
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
     "read FILE instead of " CONF_AGENT_PATH, "FILE"},
    {"check", 0, 0, G_OPTION_ARG_FILENAME, &check_path, "check a configuration file and leave",
     "FILE"},
    {"version", 0, 0, G_OPTION_ARG_NONE, &show_version, "print the version and leave", NULL},
    {NULL}};

static const GOptionEntry bridge_entries[] = {
    {"stream", 0, 0, G_OPTION_ARG_STRING, &stream_name,
     "carry the raw bytes of this console or log", "ID"},
    {"socket", 0, 0, G_OPTION_ARG_FILENAME, &socket_path, "the agent's socket", "PATH"},
    {NULL}};

static const char summary[] =
    "The agent of Gantry: manages the virtual machines and containers of this node.\n"
    "\n"
    "  gantryd                       run the agent\n"
    "  gantryd --check FILE          check a configuration file\n"
    "  gantryd bridge [--stream ID]  join an SSH session to the agent\n"
    "\n"
    "See gantryd(8).";

static int usage(const GError *error)
{
    fprintf(stderr, "gantryd: %s\nTry 'gantryd --help'.\n", error->message);
    return 2;
}

static int bridge_command(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_set_prgname("gantryd bridge");
    g_option_context_add_main_entries(context, bridge_entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return usage(error);
    if (socket_path)
        return bridge_main(socket_path, stream_name);
    /* The person who logs in may not read the configuration; then the default
     * place is the only one that can be meant. */
    g_autoptr(AgentConfig) config = conf_agent_load(NULL, NULL);
    return bridge_main(config ? config->socket : "/run/gantry.sock", stream_name);
}

static int check_command(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AgentConfig) config = conf_agent_load(check_path, &error);
    if (!config) {
        fprintf(stderr, "%s\n", error->message);
        return 2;
    }
    printf("%s: good\n", check_path);
    return 0;
}

static int task_command(int argc, char **argv)
{
    /* The first that fits: those that are no driver's act before the others. */
    const TaskHandler handlers[] = {move_source_handler(),    move_plan_handler(),
                                    drain_handler(),          undrain_handler(),
                                    move_reception_handler(), task_guest_handler(guest_drivers),
                                    task_cluster_handler(),   {.method = NULL}};
    return task_child_main(handlers, argc, argv);
}

static int run_command(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(context, summary);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return usage(error);
    if (argc > 1) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "'%s' is not understood here", argv[1]);
        return usage(error);
    }
    if (show_version) {
        printf("gantryd %s\n", GANTRY_VERSION);
        return 0;
    }
    return check_path ? check_command() : run_main(config_path);
}

/* Tasks and consoles run as /proc/self/exe, and ps and the journal would call them "exe". */
static void name_process(const char *command)
{
    char name[16];
    (void)g_snprintf(name, sizeof name, "gantryd-%s", command);
    (void)prctl(PR_SET_NAME, name);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"bridge", bridge_command}, {"task", task_command},   {"stream", stream_main},
        {"peer", peer_main},        {"join", move_join_main},
    };
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            name_process(commands[i].name);
            return commands[i].run(argc - 1, argv + 1);
        }
    return run_command(argc, argv);
}
