/* What the keys do where one comes from, from the table of actions. */
#include "tui/view/console_private.h"

#include <string.h>

typedef struct {
    Pager *pager;
} HelpView;

static void list(const Console *console, GString *text, const char *heading, unsigned where,
                 unsigned but)
{
    gsize before = text->len;
    g_string_append_printf(text, "%s%s\n", before ? "\n" : "", heading);
    gsize begun = text->len;
    for (guint i = 0; i < action_count(); i++) {
        const Action *action = &actions()[i];
        char key[32];
        if (!(action->where & where) || action->where & but)
            continue;
        action_key_text(console->keys, action, key, sizeof key);
        if (!*key && !action->method)
            g_strlcpy(key, ":", sizeof key);
        else if (!*key)
            g_snprintf(key, sizeof key, "a %s", action->menu ? action->menu : "");
        g_string_append_printf(text, "  %-9s %-21s %s\n", key, action->label, action->help);
    }
    if (text->len == begun)
        g_string_truncate(text, before);
}

static gpointer help_open(Console *console, const Subject *subject)
{
    HelpView *view = g_new0(HelpView, 1);
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned where = console_where(console);
    unsigned kinds = where & ((1u << OBJECT_KIND_COUNT) - 1);
    list(console, text, "Here", kinds | (where & IN_CHARTS), IN_ANY | IN_TABLE);
    if (where & IN_TABLE)
        list(console, text, "In tables", IN_TABLE, 0);
    list(console, text, "Everywhere", IN_ANY, 0);
    g_string_append(text,
                    "\nFilter\n"
                    "  web                     in any text, without regard to case\n"
                    "  state:running tag:web   the field has the text; all terms must hold\n"
                    "  tag=web  name=db1       the whole word\n"
                    "  cpu>50 mem_used>=2G     numbers; K M G T are of 1024\n"
                    "  up>2d                   times: s m h d\n"
                    "  !node:node1  tag!=web   not\n"
                    "  name:~^db[0-9]          a regular expression\n"
                    "  name:\"my guest\"         quotes keep spaces in\n"
                    "  cpu:-                   not known\n"
                    "\nIn texts and logs\n"
                    "  j k PgUp PgDn g G h l   move    / n N  search    F  follow the end\n"
                    "  w  wrap long lines, or cut them\n");
    view->pager = pager_new(false);
    pager_set(view->pager, text->str);
    return view;
}

static void help_close(gpointer data)
{
    HelpView *view = data;
    pager_free(view->pager);
    g_free(view);
}

static void help_draw(gpointer data, Screen *screen, Box box)
{
    const HelpView *view = data;
    pager_draw(view->pager, screen, (Box){box.row, 1, box.rows, box.columns - 2});
}

static bool help_key(gpointer data, Key key)
{
    const HelpView *view = data;
    return pager_key(view->pager, key);
}

static void help_describe(gpointer data, GString *out)
{
    const HelpView *view = data;
    pager_describe(view->pager, out);
}

const ViewClass view_help = {.name = "help",
                             .title = "Keys",
                             .open = help_open,
                             .close = help_close,
                             .draw = help_draw,
                             .key = help_key,
                             .describe = help_describe};
