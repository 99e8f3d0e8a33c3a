/* log - where the agent's messages go: g_warning(), g_message(), g_info() and
 * g_debug() of the agent's files end here. Only agent/ logs; libraries return
 * errors.
 *
 * Under systemd, standard error is the journal and each line carries its level
 * in the way that sd-daemon(3) describes; elsewhere it carries the time and the
 * level's name.
 */
#pragma once

#include "conf/agent.h"

void log_open(ConfLogLevel level);
void log_set_level(ConfLogLevel level);
