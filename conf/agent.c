#include "conf/agent.h"

#include "backend/wire/error.h"

#include <string.h>

static const ConfEntry account_item = {"account",
                                       CONF_STRING,
                                       .max = 256,
                                       .check = conf_check_account,
                                       .expected = "the name of a Unix user or group",
                                       .help = "a Unix user or group"};
static const ConfEntry path_item = {"path",
                                    CONF_STRING,
                                    .max = 1024,
                                    .check = conf_check_path,
                                    .expected = "an absolute path",
                                    .help = "a directory"};

static const ConfEntry role_entries[] = {
    {"users", CONF_LIST, .item = &account_item, .help = "Unix users who have the role"},
    {"groups", CONF_LIST, .item = &account_item, .help = "Unix groups whose members have it"},
    {NULL},
};
static const ConfEntry roles_entries[] = {
    {"viewer", CONF_MAPPING, .members = role_entries, .help = "may see everything"},
    {"operator", CONF_MAPPING, .members = role_entries,
     .help = "may also start and stop guests and use their consoles"},
    {"admin", CONF_MAPPING, .members = role_entries,
     .help = "may do everything; root always may"},
    {NULL},
};
static const ConfEntry libvirt_entries[] = {
    {"uri", CONF_STRING, .max = 1024, .fallback = "qemu:///system",
     .help = "libvirt's connection to this machine's hypervisor"},
    {NULL},
};
static const ConfEntry lxc_entries[] = {
    {"paths", CONF_LIST, .max = 16, .item = &path_item, .fallback = "/var/lib/lxc",
     .help = "directories that hold containers"},
    {NULL},
};
static const ConfEntry word_item = {"word", CONF_STRING, .max = 1024,
                                    .help = "a program, and its arguments"};
static const ConfEntry cluster_entries[] = {
    {"start", CONF_LIST, .max = 64, .item = &word_item,
     .help = "the command that starts corosync anew, where systemd does not run"},
    {"stop", CONF_LIST, .max = 64, .item = &word_item,
     .help = "the command that ends it for good"},
    {"device_start", CONF_LIST, .max = 64, .item = &word_item,
     .help = "the command that starts corosync-qdevice, also where it runs"},
    {"device_stop", CONF_LIST, .max = 64, .item = &word_item,
     .help = "the command that ends that for good"},
    {"port", CONF_INTEGER, .min = 1, .max = 65535, .fallback = "5440",
     .help =
         "the TCP and UDP port on which agents of a cluster reach each other; the same on all "
         "nodes"},
    {NULL},
};
static const ConfEntry storage_entries[] = {
    {"name", CONF_STRING, .required = true, .min = 1, .max = 64, .check = conf_check_name,
     .expected = "a name of letters, digits, dot, dash and underscore",
     .help = "what the storage is called, as in name:volume"},
    {"path", CONF_STRING, .required = true, .max = 1024, .check = conf_check_path,
     .expected = "an absolute path", .help = "its directory"},
    {NULL},
};
static const ConfEntry storage_item = {"storage", CONF_MAPPING, .members = storage_entries,
                                       .help = "a storage"};
static const ConfEntry task_entries[] = {
    {"parallel", CONF_INTEGER, .min = 1, .max = 64, .fallback = "4",
     .help = "tasks that run at once; more wait their turn"},
    {"keep_days", CONF_INTEGER, .min = 1, .max = 3650, .fallback = "30",
     .help = "days that ended tasks and their logs are kept"},
    {NULL},
};
static const ConfEntry session_entries[] = {
    {"max", CONF_INTEGER, .min = 1, .max = 4096, .fallback = "64",
     .help = "sessions open at once; a console's session and each of its streams count"},
    {"max_per_user", CONF_INTEGER, .min = 1, .max = 4096, .fallback = "32",
     .help = "of these for one Unix user; root is only held to max"},
    {"changes", CONF_INTEGER, .min = 1, .max = 100000, .fallback = "200",
     .help = "changes of what the cluster's store holds that a Unix user may make a second"},
    {"changes_at_once", CONF_INTEGER, .min = 1, .max = 1000000, .fallback = "1000",
     .help = "changes that a user who made few before may make at once"},
    {NULL},
};
static const ConfEntry log_entries[] = {
    {"level", CONF_CHOICE, .choices = "error|warning|notice|info|debug", .fallback = "info",
     .help = "the least important message that is logged"},
    {NULL},
};
static const ConfEntry entries[] = {
    {"node", CONF_STRING, .min = 1, .max = 63, .check = conf_check_name,
     .expected = "a name of letters, digits, dot, dash and underscore",
     .help = "this node's name; the host name up to its first dot when absent"},
    /* sun_path of unix(7) takes 107 bytes and a NUL. */
    {"socket", CONF_STRING, .max = 107, .check = conf_check_path,
     .expected = "an absolute path", .fallback = "/run/gantry.sock",
     .help = "the Unix socket that the agent listens on"},
    {"state", CONF_STRING, .max = 1024, .check = conf_check_path,
     .expected = "an absolute path", .fallback = "/var/lib/gantry",
     .help = "the directory of the agent's database, tasks and history"},
    {"group", CONF_STRING, .max = 256, .check = conf_check_account,
     .expected = "the name of a Unix group", .fallback = "gantry",
     .help = "the Unix group that may open the socket"},
    {"roles", CONF_MAPPING, .members = roles_entries, .help = "who may do what"},
    {"libvirt", CONF_MAPPING, .members = libvirt_entries, .help = "virtual machines"},
    {"lxc", CONF_MAPPING, .members = lxc_entries, .help = "containers"},
    {"cluster", CONF_MAPPING, .members = cluster_entries,
     .help = "corosync, when this node is in a cluster"},
    {"storages", CONF_LIST, .max = 256, .item = &storage_item,
     .help = "directories that hold disks and images"},
    {"tasks", CONF_MAPPING, .members = task_entries, .help = "long-running work"},
    {"sessions", CONF_MAPPING, .members = session_entries, .help = "limits on connections"},
    {"log", CONF_MAPPING, .members = log_entries, .help = "what is logged"},
    {NULL},
};

const ConfEntry *conf_agent_entries(void)
{
    return entries;
}

static void read_roles(AgentConfig *config, const ConfNode *roles)
{
    config->roles[WIRE_ROLE_NONE] = (AgentRole){g_new0(char *, 1), g_new0(char *, 1)};
    for (int role = WIRE_ROLE_VIEWER; role <= WIRE_ROLE_ADMIN; role++) {
        const ConfNode *node = conf_member(roles, wire_role_name((WireRole)role));
        config->roles[role].users = conf_strings(node, "users");
        config->roles[role].groups = conf_strings(node, "groups");
    }
}

static gboolean read_storages(AgentConfig *config, const ConfNode *list, GError **error)
{
    config->storages = g_new0(AgentStorage, conf_length(list));
    for (guint i = 0; i < conf_length(list); i++) {
        const ConfNode *node = conf_item(list, i);
        const char *name = conf_string(node, "name");
        for (guint j = 0; j < i; j++)
            if (g_str_equal(config->storages[j].name, name)) {
                conf_node_error(conf_member(node, "name"), error,
                                "storages[%u].name: \"%s\" is the name of storages[%u] already",
                                i, name, j);
                return FALSE;
            }
        config->storages[i].name = g_strdup(name);
        config->storages[i].path = g_strdup(conf_string(node, "path"));
        config->storage_count = i + 1;
    }
    return TRUE;
}

static gboolean read_sessions(AgentConfig *config, const ConfNode *node, GError **error)
{
    const ConfNode *per_user = conf_member(node, "max_per_user");
    config->session_max = (guint)conf_integer(node, "max");
    config->session_changes = (guint)conf_integer(node, "changes");
    config->session_changes_at_once = (guint)conf_integer(node, "changes_at_once");
    config->session_max_per_user = (guint)per_user->number;
    if (config->session_max_per_user <= config->session_max)
        return TRUE;
    if (per_user->given) {
        conf_node_error(per_user, error,
                        "sessions.max_per_user: expected at most sessions.max, which is %u, "
                        "found %u",
                        config->session_max, config->session_max_per_user);
        return FALSE;
    }
    config->session_max_per_user = config->session_max;
    return TRUE;
}

/* The host name up to its first dot. */
static char *default_node_name(void)
{
    const char *name = g_get_host_name();
    g_autofree char *label = g_strndup(name, MIN(strcspn(name, "."), 63));
    return g_strdup(conf_check_name(label) ? label : "localhost");
}

static AgentConfig *build(ConfNode *root, GError **error)
{
    if (!conf_schema_apply(root, entries, error))
        return NULL;
    AgentConfig *config = g_new0(AgentConfig, 1);
    const char *node = conf_string(root, "node");
    config->node = node ? g_strdup(node) : default_node_name();
    config->socket = g_strdup(conf_string(root, "socket"));
    config->state = g_strdup(conf_string(root, "state"));
    config->group = g_strdup(conf_string(root, "group"));
    read_roles(config, conf_member(root, "roles"));
    config->libvirt_uri = g_strdup(conf_string(conf_member(root, "libvirt"), "uri"));
    config->lxc_paths = conf_strings(conf_member(root, "lxc"), "paths");
    config->cluster_start = conf_strings(conf_member(root, "cluster"), "start");
    config->cluster_stop = conf_strings(conf_member(root, "cluster"), "stop");
    config->device_start = conf_strings(conf_member(root, "cluster"), "device_start");
    config->device_stop = conf_strings(conf_member(root, "cluster"), "device_stop");
    config->cluster_port = (guint)conf_integer(conf_member(root, "cluster"), "port");
    const ConfNode *tasks = conf_member(root, "tasks");
    config->task_parallel = (guint)conf_integer(tasks, "parallel");
    config->task_keep_days = (guint)conf_integer(tasks, "keep_days");
    config->log_level = (ConfLogLevel)conf_choice(conf_member(root, "log"), "level");
    if (read_storages(config, conf_member(root, "storages"), error) &&
        read_sessions(config, conf_member(root, "sessions"), error))
        return config;
    conf_agent_free(config);
    return NULL;
}

AgentConfig *conf_agent_parse(const char *name, const char *text, size_t length, GError **error)
{
    g_autoptr(ConfNode) root = conf_yaml_parse(name, text, length, error);
    return root ? build(root, error) : NULL;
}

AgentConfig *conf_agent_load(const char *path, GError **error)
{
    g_autoptr(GError) problem = NULL;
    g_autoptr(ConfNode) root = conf_yaml_load(path ? path : CONF_AGENT_PATH, &problem);
    if (root)
        return build(root, error);
    if (!path && wire_error_code(problem) == WIRE_ERROR_NOT_FOUND)
        return conf_agent_parse(CONF_AGENT_PATH, "", 0, error);
    g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
}

void conf_agent_free(AgentConfig *config)
{
    if (!config)
        return;
    g_free(config->node);
    g_free(config->socket);
    g_free(config->state);
    g_free(config->group);
    for (guint i = 0; i < G_N_ELEMENTS(config->roles); i++) {
        g_strfreev(config->roles[i].users);
        g_strfreev(config->roles[i].groups);
    }
    g_free(config->libvirt_uri);
    g_strfreev(config->lxc_paths);
    g_strfreev(config->cluster_start);
    g_strfreev(config->cluster_stop);
    g_strfreev(config->device_start);
    g_strfreev(config->device_stop);
    for (guint i = 0; i < config->storage_count; i++) {
        g_free(config->storages[i].name);
        g_free(config->storages[i].path);
    }
    g_free(config->storages);
    g_free(config);
}
