/* view/tabs - a row of names, one of them chosen. */
#pragma once

#include "tui/screen/draw.h"

/* Draws them on a row; names ended by NULL. */
void tabs_draw(Screen *screen, int row, const char *const *names, guint chosen);
/* Tab, BackTab and the arrows left and right move; TRUE when it moved. */
bool tabs_key(const char *const *names, guint *chosen, Key key);
