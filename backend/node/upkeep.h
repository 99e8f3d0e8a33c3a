/* node/upkeep - what a person who keeps the system looks at: its log, and packages
 * waiting for an update. Both run programs or read files of any size: for a worker. */
#pragma once

#include <glib.h>

#define NODE_LOG_LINES_MAX 1000
#define NODE_LOG_LINE_MAX  4096 /* bytes; longer lines are cut */

/* The last lines (at most NODE_LOG_LINES_MAX) of the system's log, oldest first, fit to
 * be shown: from journald where it runs, else the end of /var/log/syslog or
 * /var/log/messages, else the kernel's own messages. *source, which may be NULL, becomes
 * where they come from; static. */
GPtrArray *node_log_read(guint lines, int deadline, const char **source, GError **error);

/* Packages that an upgrade would install, by apt's simulation over the lists it has: no
 * network, no locks, nothing is changed. Takes about a second. WIRE_ERROR_UNAVAILABLE
 * without apt. */
gboolean node_updates_count(int deadline, guint *count, GError **error);
/* A number that changes when the answer may have changed. Fast. */
guint64 node_updates_stamp(void);
/* Counts in the output of apt-get -s. Pure. */
guint node_updates_parse(const char *text);
