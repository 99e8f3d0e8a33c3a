/* view/consoles_link - opens what consoles show over links.
 *
 * A command is this very program on a pty of this machine; how it ended is known
 * when it was reaped. A guest's console or shell is asked of the agent (guest.console) and its
 * stream joined over a channel of its own; a node's shell is a login shell of
 * the person's over SSH, or on this machine. The size goes to stream.resize or
 * to the shell.
 */
#pragma once

#include "tui/link/link.h"
#include "tui/view/consoles.h"

typedef struct ConsolesLink ConsolesLink;

/* Finds the link of a node by the node's name; NULL when there is none. */
typedef Link *(*ConsolesFindLink)(const char *node, gpointer user);

/* Must outlive the Consoles that use it. */
ConsolesLink *consoles_link_new(ConsolesFindLink find, gpointer user);
void consoles_link_free(ConsolesLink *opener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsolesLink, consoles_link_free)

/* For consoles_new(consoles_link_opener(), opener, ...). */
const ConsolesOpener *consoles_link_opener(void);
