/* command/ask - questions on the person's terminal, not on stdin or stdout. */
#pragma once

#include "tui/link/prompt.h"

/* One answer a field, to be freed with prompt_answers_free(); NULL when there is
 * no terminal, or at end of file or Ctrl-C. Blocks. */
char **ask_on_terminal(const Prompt *prompt);

/* A line for one question of our own; NULL as above. */
char *ask_line(const char *question);
