/* conf/agent - /etc/gantry/gantryd.yaml: what the agent is told.
 *
 * Every key may be absent. The shipped conf/gantryd.yaml lists them all with
 * their defaults; the table in agent.c is where they are defined, and
 * conf_agent_entries() hands it to whoever prints a reference.
 *
 * root is always an admin and need not be listed. A person has the highest role
 * that a user or group entry gives; who is in no entry has none.
 */
#pragma once

#include "backend/wire/vocabulary.h"
#include "conf/schema.h"

#define CONF_AGENT_PATH "/etc/gantry/gantryd.yaml"

typedef enum {
    CONF_LOG_ERROR,
    CONF_LOG_WARNING,
    CONF_LOG_NOTICE,
    CONF_LOG_INFO,
    CONF_LOG_DEBUG
} ConfLogLevel;

typedef struct {
    char **users;
    char **groups;
} AgentRole;

typedef struct {
    char *name;
    char *path; /* a directory */
} AgentStorage;

typedef struct {
    char *node;   /* this node's name */
    char *socket; /* where the agent listens */
    char *state;  /* directory of the database, the tasks and the history */
    char *group;  /* Unix group that may open the socket */
    AgentRole roles[WIRE_ROLE_ADMIN + 1]; /* by WireRole; that of NONE is empty */
    char *libvirt_uri;
    char **lxc_paths;
    char **cluster_start; /* commands as words; empty: systemctl */
    char **cluster_stop;
    char **device_start; /* of the quorum device's daemon */
    char **device_stop;
    guint cluster_port; /* TCP: where the agents of a cluster reach each other */
    AgentStorage *storages;
    guint storage_count;
    guint task_parallel;  /* tasks that run at once */
    guint task_keep_days; /* how long ended tasks are kept */
    guint session_max;
    guint session_max_per_user; /* root is only held to session_max */
    guint session_changes;      /* of the store, a second, for each user */
    guint session_changes_at_once;
    ConfLogLevel log_level;
} AgentConfig;

/* Reads and checks the whole file; errors as in conf/yaml.h. With path NULL it is
 * CONF_AGENT_PATH, and that this one is absent is no error: the defaults hold. */
AgentConfig *conf_agent_load(const char *path, GError **error);
/* The same for text; name stands for the file in messages. */
AgentConfig *conf_agent_parse(const char *name, const char *text, size_t length,
                              GError **error);
void conf_agent_free(AgentConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AgentConfig, conf_agent_free)

/* The schema of the file. */
const ConfEntry *conf_agent_entries(void);
