/* command/act - what the kinds of commands do. Each returns FALSE with an error,
 * or TRUE with *status, the exit status. */
#pragma once

#include "tui/command/arguments.h"
#include "tui/command/client.h"
#include "tui/command/table.h"

typedef struct {
    Client *client;
    const Command *command;
    const WireMethod *method;
    const CommandOptions *options;
    Arguments *arguments;
    int *status;
} Act;

/* Says on standard error what went wrong. Returns its exit status. */
int act_complain(const GError *error);
/* Prints a value in the format asked for; tables as the command says. */
gboolean act_print(const Act *act, const json_t *value);

/* The one connected node that the command is about: the only one, or the one
 * that has the guest or task. NULL and an error when there is none or several. */
Link *act_find_link(const Act *act, GError **error);

/* show.c: over all nodes where nothing names an object */
gboolean act_list(const Act *act, GError **error);
gboolean act_show(const Act *act, GError **error);
gboolean act_text(const Act *act, GError **error);
gboolean act_whoami(const Act *act, GError **error);
gboolean act_api(const Act *act, char *const *words, GError **error);
/* cluster.c */
gboolean act_cluster_status(const Act *act, GError **error);
/* join.c */
gboolean act_cluster_join(const Act *act, GError **error);
/* device.c */
gboolean act_cluster_device(const Act *act, GError **error);
/* recast.c */
gboolean act_cluster_address(const Act *act, GError **error);
gboolean act_cluster_link(const Act *act, GError **error);
gboolean act_cluster_rename(const Act *act, GError **error);
/* console_settings.c */
gboolean act_console_settings(const Act *act, GError **error);
/* settings.c */
gboolean act_cluster_settings(const Act *act, GError **error);
/* migrate.c */
gboolean act_guest_migrate(const Act *act, GError **error);
/* notes.c */
gboolean act_guest_notes(const Act *act, GError **error);
/* drain.c */
gboolean act_node_drain(const Act *act, GError **error);
/* task.c */
gboolean act_change(const Act *act, GError **error);
/* Waits for a task's end, with its progress on a terminal; the object it ended as. */
json_t *act_wait_task(const Act *act, Link *link, const char *task, GError **error);
/* The same; Ctrl-C on a terminal asks whether to leave it, cancel it or wait on. The object is
 * in *ended (may be NULL: it is printed then, but not as a table). An error for one that is
 * not done. */
gboolean act_follow_task(const Act *act, Link *link, const char *task, json_t **ended,
                         GError **error);
gboolean act_log(const Act *act, GError **error);
gboolean act_events(const Act *act, GError **error);
/* stream.c */
gboolean act_console(const Act *act, GError **error);
gboolean act_exec(const Act *act, GError **error);
