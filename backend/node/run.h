/* node/run - runs a program of the system and takes what it says.
 *
 * No shell: the arguments go as they are. The program is found in PATH, runs in / with
 * LC_ALL=C, reads nothing, and what it writes to stderr is dropped. It is killed at the
 * deadline and when it says more than limit bytes. Blocks: for a worker.
 */
#pragma once

#include <glib.h>

/* What it wrote to stdout, NUL-terminated. deadline in milliseconds.
 * WIRE_ERROR_UNAVAILABLE when it can't be started, WIRE_ERROR_TIMEOUT,
 * WIRE_ERROR_LIMIT, WIRE_ERROR_FAILED when its exit status is not 0. */
GString *node_run(const char *const *command, int deadline, size_t limit, GError **error);
