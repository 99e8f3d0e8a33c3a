/* console_settings - what the cluster says for the consoles of all its people, in the store's
 * document console/settings: YAML, checked before it is written (conf_shared_parse()), and
 * once more by each console. Consoles learn of it by its revision in the node's object.
 */
#pragma once

#include "agent/agent.h"

#define CONSOLE_SETTINGS_PATH "console/settings"

typedef struct ConsoleSettings ConsoleSettings;

/* Tells of the document in the inventory; the store must be loaded. */
ConsoleSettings *console_settings_new(Agent *agent);
void console_settings_free(ConsoleSettings *settings);
