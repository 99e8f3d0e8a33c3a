#include "tui/view/tabs.h"

void tabs_draw(Screen *screen, int row, const char *const *names, guint chosen)
{
    int column = 0;
    for (guint i = 0; names[i]; i++) {
        Role role = i == chosen ? ROLE_SELECTED : ROLE_DIM;
        g_autofree char *text = g_strdup_printf(" %s ", names[i]);
        column += draw_text(screen, row, column, 20, role, text) + 1;
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
