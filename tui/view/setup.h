/* view/setup - from the person's files and the words of the command line to what
 * console_run() is told.
 *
 * clusters.yaml names clusters; a word that is such a name stands for it, other
 * words are targets of one more cluster. Without words all named clusters are
 * there, the first one shown; without those, this machine's agent.
 */
#pragma once

#include "tui/view/console.h"

typedef struct ConsoleSetup ConsoleSetup;

/* Reads both files. words: NULL-terminated. WIRE_ERROR_CONFIG with file, line
 * and column. */
ConsoleSetup *console_setup_new(const char *const *words, GError **error);
void console_setup_free(ConsoleSetup *setup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsoleSetup, console_setup_free)

/* To be changed before use; what it points to is the setup's. */
ConsoleOptions *console_setup_options(ConsoleSetup *setup);
