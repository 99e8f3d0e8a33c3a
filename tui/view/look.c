#include "tui/view/look.h"

#include <string.h>

bool look_has_skin(const ConsoleConfig *config)
{
    return strcmp(config->skin, "terminal") != 0 || config->styles->name;
}

static void put_styles(Skin *skin, const ConsoleWords *styles)
{
    for (; styles && styles->name; styles++) {
        Role role;
        g_autofree char *text = g_strjoinv(" ", styles->words);
        if (skin_role_from_name(styles->name, &role))
            (void)skin_style_parse(text, &skin->styles[role], NULL);
    }
}

Skin *look_skin(const char *name, const ConsoleWords *first, const ConsoleWords *second)
{
    Skin *skin = skin_builtin(name);
    if (!skin)
        skin = skin_builtin("terminal");
    put_styles(skin, first);
    put_styles(skin, second);
    return skin;
}

const char *look_charts(const ConsoleConfig *config)
{
    static const char *const charts[] = {NULL, "braille", "blocks", "ascii"};
    return charts[config->charts];
}
