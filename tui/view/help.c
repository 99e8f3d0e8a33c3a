/* What the keys do where one comes from, from the table of actions. */
#include "tui/view/console_private.h"

typedef struct {
    Pager *pager;
} HelpView;

/* "  key       action                     what it does": the last in a column of its own. */
enum { HELP_COLUMN = 39 };

static void add_heading(Pager *pager, const char *heading)
{
    if (!pager_is_empty(pager))
        pager_add_line(pager, "", &(PagerLook){.role = ROLE_TEXT});
    pager_add_line(pager, heading, &(PagerLook){.role = ROLE_TITLE});
}

static void list(const Console *console, Pager *pager, const char *heading, unsigned where,
                 unsigned but)
{
    bool begun = false;
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
        if (!begun)
            add_heading(pager, heading);
        begun = true;
        g_autofree char *line =
            g_strdup_printf("  %-9s %-26s %s", key, action->label, action->help);
        pager_add_line(pager, line, &(PagerLook){.role = ROLE_TEXT, .hang = HELP_COLUMN});
    }
}

static void list_words(Pager *pager, const char *heading, const char *const *lines)
{
    add_heading(pager, heading);
    for (; *lines; lines++)
        pager_add_line(pager, *lines, &(PagerLook){.role = ROLE_TEXT});
}

static gpointer help_open(Console *console, const Subject *subject)
{
    static const char *const filter[] = {
        "  web                     in any text, without regard to case",
        "  state:running tag:web   the field has the text; all terms must hold",
        "  tag=web  name=db1       the whole word",
        "  cpu>50 mem_used>=2G     numbers; K M G T are of 1024",
        "  up>2d                   times: s m h d",
        "  !node:node1  tag!=web   not",
        "  name:~^db[0-9]          a regular expression",
        "  name:\"my guest\"         quotes keep spaces in",
        "  cpu:-                   not known",
        NULL};
    static const char *const texts[] = {
        "  j k PgUp PgDn g G h l   move    / n N  search    F  follow the end",
        "  w  wrap long lines, or cut them", NULL};
    HelpView *view = g_new0(HelpView, 1);
    Pager *pager = view->pager = pager_new(false);
    unsigned where = console_where(console);
    unsigned kinds = where & ((1u << OBJECT_KIND_COUNT) - 1);
    list(console, pager, "Here", kinds | (where & (IN_CHARTS | IN_CLUSTER)), IN_ANY | IN_TABLE);
    if (where & IN_TABLE)
        list(console, pager, "In tables", IN_TABLE, 0);
    list(console, pager, "Everywhere", IN_ANY, 0);
    list_words(pager, "Filter", filter);
    list_words(pager, "In texts and logs", texts);
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
