#include "tui/view/tabs.h"

#include <string.h>

void tabs_draw(Screen *screen, int row, const char *const *names, guint chosen)
{
    int columns = 0;
    for (guint i = 0; names[i]; i++)
        columns += (int)strlen(names[i]) + 2;
    int column = MAX(screen_columns(screen) - columns - 1, 1);
    for (guint i = 0; names[i]; i++) {
        Role role = i == chosen ? ROLE_SELECTED : ROLE_DIM;
        g_autofree char *text = g_strdup_printf(" %s ", names[i]);
        column += draw_text(screen, row, column, 20, role, text);
    }
}

bool tabs_key(const char *const *names, guint *chosen, Key key)
{
    guint count = g_strv_length((char **)(gintptr)names);
    if (key == K_TAB || key == K_RIGHT)
        *chosen = (*chosen + 1) % count;
    else if (key == K_BACK_TAB || key == K_LEFT)
        *chosen = (*chosen + count - 1) % count;
    else
        return false;
    return true;
}
