/* command/client - links for a command: made, asked and waited for in turn.
 *
 * A command has nothing else to do while it waits, so these functions run the
 * main loop until they have an answer. Questions of SSH are asked on /dev/tty,
 * without echo where it must not be; where there is no terminal they are
 * cancelled. SIGINT, SIGTERM and SIGHUP end a wait with WIRE_ERROR_CANCELLED.
 */
#pragma once

#include "tui/command/command.h"
#include "tui/link/link.h"

typedef struct {
    Link *link;
    GError *error; /* why it is not connected, or NULL */
    char *name;    /* of one that another told of; its link may be NULL with an error */
} ClientNode;

typedef struct Client Client;

/* Connects to all targets at once and waits for all. Where none is given it is
 * the agent of this machine, if one is there. NULL when the targets are wrong;
 * a node that is not reached has its error. */
Client *client_new(const CommandOptions *options, GError **error);
void client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* One more, connected and waited for; NULL and why when it can't be reached. */
ClientNode *client_add(Client *client, const char *target, const CommandOptions *options,
                       GError **error);

/* All nodes of the clusters that the connected ones are in, each by its own session; those
 * that can't be reached get an error, those that the cluster lost without being tried. Does
 * nothing where there is no cluster, or when it was done. FALSE after a signal. */
gboolean client_add_peers(Client *client, const CommandOptions *options, GError **error);

guint client_count(const Client *client);
ClientNode *client_node(Client *client, guint index);
/* Notifications go there; NULL: nowhere. */
void client_listen(Client *client,
                   void (*notified)(Link *link, const char *method, const json_t *params,
                                    gpointer user),
                   gpointer user);

/* Calls and waits. Steals params. deadline in ms, 0: none. A new reference. */
json_t *client_call(Client *client, Link *link, const char *method, json_t *params,
                    guint deadline, GError **error);

/* Runs the main loop once; FALSE and WIRE_ERROR_CANCELLED after a signal. */
gboolean client_iterate(Client *client, GError **error);
/* After a signal: waits are possible again. FALSE when it was not SIGINT. */
gboolean client_resume(Client *client);
