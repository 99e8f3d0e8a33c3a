/* view/look - from what a file says of the look to what the screen is told. */
#pragma once

#include "conf/console.h"
#include "tui/screen/skin.h"

/* Has it a word to say of the skin? "terminal" is the usual one. */
bool look_has_skin(const ConsoleConfig *config);
/* The built-in skin with these styles over it, the second over the first; each may be NULL. */
Skin *look_skin(const char *name, const ConsoleWords *first, const ConsoleWords *second);
/* The name of a style of charts; NULL: not said. */
const char *look_charts(const ConsoleConfig *config);
