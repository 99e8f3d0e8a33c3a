/* command/help - help texts, made from the tables of commands and methods. */
#pragma once

#include "tui/command/table.h"

/* Everything; a noun's verbs; one command. Caller frees. */
char *help_all(void);
char *help_noun(const char *noun);
char *help_command(const Command *command);

/* What a command does, one line without a full stop. */
const char *help_summary(const Command *command);
