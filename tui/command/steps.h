/* command/steps - what the commands share that are several calls, to several nodes, with a
 * plan that is shown first and asked about. */
#pragma once

#include "tui/command/act.h"

/* Calls and waits; an error begins with the node's name. Steals params. */
json_t *steps_ask(const Act *act, Link *link, const char *method, json_t *params,
                  GError **error);
/* Waits for a task; FALSE with what it says when it has not worked. */
gboolean steps_finish(const Act *act, Link *link, const char *task, GError **error);
/* A method that is a task, from its call to its end. Steals params. */
gboolean steps_do(const Act *act, Link *link, const char *method, json_t *params,
                  GError **error);
/* For a person, and not among the data that a script reads. Wrapped to the terminal, so a
 * paragraph is one line. */
void steps_say(const Act *act, const char *text);
/* Asks whether to go on, unless --yes is given. CANCELLED when not, as nothing was `done`:
 * "changed", "moved". */
gboolean steps_confirm(const Act *act, const char *done, GError **error);

/* The session with a member of that name: one of -H's, or one more. */
Link *steps_member(const Act *act, const char *name, GError **error);
/* cluster.status of the node that the command is about, which must be in a cluster that is
 * quorate there. *link is set. */
json_t *steps_cluster(const Act *act, Link **link, GError **error);
