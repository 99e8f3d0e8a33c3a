/* link/local - the same without SSH, on the node itself: the agent's Unix
 * socket, a stream over a second connection, and a shell or a program on a pty. */
#pragma once

#include <glib.h>

#define LOCAL_STREAM_DEADLINE 10 /* s for the agent to answer a stream's hello */

/* A connection to the agent; -1 and an error that says what to do. name is the
 * target's, for messages. */
int local_connect(const char *path, const char *name, GError **error);

/* A stream's raw bytes. The hello is exchanged by a thread, which then moves
 * bytes until either side ends; the descriptor returned can be used at once. */
int local_open_stream(const char *path, const char *name, const char *stream, GError **error);

/* The user's login shell on a new pty; *pid is its process, to be reaped with
 * local_shell_close(). */
int local_open_shell(const char *term, int rows, int columns, GPid *pid, GError **error);
/* The same for a program by its path, in that directory or, with NULL, in this one. */
int local_open_program(const char *path, char *const *arguments, const char *directory,
                       const char *term, int rows, int columns, GPid *pid, GError **error);
void local_shell_resize(int descriptor, int rows, int columns);
/* Closes the pty (which hangs the shell up) and reaps the process from the main
 * loop when it has gone. */
void local_shell_close(int descriptor, GPid pid);
