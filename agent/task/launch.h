/* task/launch - starting the process of a task. Blocks briefly; for a worker. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <sys/types.h>

/* Writes request.json (NULL: it is there) and starts `gantryd task` for it, in a
 * session of its own, with its output in the task's log. *pidfd is the caller's,
 * who reaps the process with it. */
gboolean task_launch(int tasks, const char *path, const char *id, const json_t *request,
                     gboolean recover, int *pidfd, GError **error);
