/* listener - the agent's one door: a Unix socket, mode 0660, of a group.
 *
 * The socket is made beside its place and renamed into it, so it is never there
 * with other rights than it should have. A socket that another agent answers on
 * is not taken over.
 */
#pragma once

#include <glib.h>

typedef struct Listener Listener;

typedef void (*ListenerAccepted)(int descriptor, gpointer user);

/* WIRE_ERROR_BUSY when an agent runs already, WIRE_ERROR_CONFIG when the group
 * does not exist, WIRE_ERROR_FAILED otherwise. */
Listener *listener_new(const char *path, const char *group, ListenerAccepted accepted,
                       gpointer user, GError **error);
/* Removes the socket, if it is still this listener's. */
void listener_free(Listener *listener);
