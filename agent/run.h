/* run - the agent itself: makes its parts, runs the main loop, takes them down.
 *
 * SIGTERM and SIGINT stop it: sessions and streams end, tasks go on by themselves.
 * SIGHUP reads the configuration again: roles, limits, storages and the log's level
 * are put into use at once; a changed node name, socket, state directory or path of
 * guests is reported to need a restart. A file that is wrong changes nothing.
 */
#pragma once

#include "conf/agent.h"

/* config_path may be NULL for the default. Returns the exit status. */
int run_main(const char *config_path);
