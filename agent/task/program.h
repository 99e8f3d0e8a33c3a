/* task/program - runs another program to its end, in a worker or in a task. */
#pragma once

#include <glib.h>

#define PROGRAM_OUTPUT_MAX (64u << 10) /* of what it says, more is cut */

/* words are the program and its arguments, ended by NULL; no shell sees them, and it has
 * nothing to read. After so many seconds it is killed. *said (may be NULL; g_freed by the
 * caller, set in either case) is what it wrote to both outputs. WIRE_ERROR_FAILED with the
 * words, why, and what it said; UNAVAILABLE when there is no such program. Blocks. */
gboolean program_run(const char *const *words, guint seconds, char **said, GError **error);
