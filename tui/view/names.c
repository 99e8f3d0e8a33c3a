#include "tui/view/names.h"

#include "tui/action.h"
#include "tui/model/fields.h"
#include "tui/screen/skin.h"

#include <string.h>

static bool is_action(const char *name)
{
    return action_find(name) != NULL;
}

static bool is_key(const char *text)
{
    Key key;
    return key_parse(text, &key);
}

static bool is_skin(const char *name)
{
    g_autoptr(Skin) skin = skin_builtin(name);
    return skin != NULL;
}

static bool is_role(const char *name)
{
    Role role;
    return skin_role_from_name(name, &role);
}

static bool is_style(const char *text)
{
    SkinStyle style;
    return skin_style_parse(text, &style, NULL);
}

bool console_view_kind(const char *view, ObjectKind *out)
{
    static const struct {
        const char *view;
        ObjectKind kind;
    } kinds[] = {{"nodes", OBJECT_NODE},  {"guests", OBJECT_GUEST}, {"storage", OBJECT_STORAGE},
                 {"links", OBJECT_LINK},  {"tasks", OBJECT_TASK},   {"events", OBJECT_EVENT},
                 {"alarms", OBJECT_ALARM}};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].view, view) == 0) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool is_view(const char *name)
{
    ObjectKind kind;
    return console_view_kind(name, &kind);
}

static bool is_column(const char *view, const char *name)
{
    ObjectKind kind;
    return console_view_kind(view, &kind) && model_field_find(kind, name) >= 0;
}

const ConsoleNames *console_names(void)
{
    static const ConsoleNames names = {.action = is_action,
                                       .key = is_key,
                                       .skin = is_skin,
                                       .role = is_role,
                                       .style = is_style,
                                       .view = is_view,
                                       .column = is_column};
    return &names;
}
