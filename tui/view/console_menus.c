/* Choices: the acts on an object, the sort, the columns. */
#include "tui/view/console_private.h"

#include <string.h>

static Table *current_table(Console *console)
{
    const View *view = console_view(console);
    return view->class->table ? view->class->table(view->self) : NULL;
}

enum { ID_OWN = 1 << 16 };

static void add_own(const Console *console, GPtrArray *items, unsigned where)
{
    const ConsoleCommand *all = console->options->commands;
    for (int i = 0; all && all[i].name; i++) {
        if (!console_own_fits(&all[i], where))
            continue;
        g_autofree char *words = g_strjoinv(" ", all[i].command);
        PickerItem *item = picker_add(items, ID_OWN + i, all[i].name, words);
        item->refusal = console->options->readonly ? g_strdup(CONSOLE_READONLY) : NULL;
        if (!all[i].key || !key_parse(all[i].key, &item->key))
            item->key = 0;
    }
}

static GPtrArray *menu_items(const char *typed, gpointer user)
{
    Console *console = user;
    GPtrArray *items = picker_items_new();
    g_autoptr(GPtrArray) targets = console_targets(console);
    const ModelObject *object = targets->len ? targets->pdata[0] : NULL;
    unsigned where = object ? 1u << object->kind : IN_CLUSTER;
    for (guint i = 0; i < action_count(); i++) {
        const Action *action = &actions()[i];
        if (!(action->where & where) || action->command == DO_MENU ||
            action->command == DO_OPEN)
            continue;
        PickerItem *item = picker_add(items, (int)i, action->label, action->help);
        item->refusal = action->command == DO_RUN
                            ? console_run_refusal(console, action, targets)
                            : action_refusal_of_all(action, console_model(console), targets,
                                                    console->options->readonly);
        if (!action->menu || !key_parse(action->menu, &item->key)) {
            char text[32];
            action_key_text(console->keys, action, text, sizeof text);
            if (!key_parse(text, &item->key))
                item->key = 0;
        }
    }
    if (object)
        add_own(console, items, 1u << object->kind);
    return items;
}

static bool menu_picked(PickerWhat what, const PickerItem *item, gpointer user)
{
    Console *console = user;
    if (what != PICKER_CHOSEN || !item)
        return true;
    if (item->refusal) {
        console_say(console, ROLE_WARNING, "no %s: %s", item->label, item->refusal);
        return false;
    }
    g_autoptr(GPtrArray) targets = console_targets(console);
    if (item->id >= ID_OWN) {
        console_own_run(console, &console->options->commands[item->id - ID_OWN], targets);
        return true;
    }
    const Action *action = &actions()[item->id];
    if (!action_is_act(action)) {
        console_run_command(console, action);
        return true;
    }
    console_act(console, action, targets);
    return true;
}

void console_menu(Console *console)
{
    g_autoptr(GPtrArray) targets = console_targets(console);
    if (targets->len == 0 && !(console_where(console) & IN_CLUSTER))
        return;
    const ModelObject *object = targets->len ? targets->pdata[0] : NULL;
    g_autofree char *title =
        !object ? g_strdup("Cluster")
        : targets->len == 1
            ? g_strdup_printf("%s %s", model_object_id(object),
                              object->kind == OBJECT_GUEST
                                  ? model_object_name(console_model(console), object)
                                  : "")
            : g_strdup_printf("%u marked", targets->len);
    PickerSetup setup = {
        .title = title, .items = menu_items, .picked = menu_picked, .user = console};
    console_push(console, picker_new(&setup));
}

static GPtrArray *sort_items(const char *typed, gpointer user)
{
    Console *console = user;
    GPtrArray *items = picker_items_new();
    const Table *table = current_table(console);
    bool descending;
    int sort = table_sort(table, &descending);
    const ModelField *fields = model_fields(table_kind(table));
    /* The columns in sight first. */
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; fields[i].name; i++)
            if (table_has_column(table, i) == (pass == 0))
                (void)picker_add(items, i, fields[i].title,
                                 i != sort    ? NULL
                                 : descending ? "down now"
                                              : "up now");
    return items;
}

static bool sort_picked(PickerWhat what, const PickerItem *item, gpointer user)
{
    Console *console = user;
    Table *table = current_table(console);
    if (what != PICKER_CHOSEN || !item || !table)
        return true;
    bool descending;
    int sort = table_sort(table, &descending);
    const ModelField *field = &model_fields(table_kind(table))[item->id];
    /* The same again turns it; figures begin with the greatest. */
    table_set_sort(table, item->id,
                   item->id == sort ? !descending : model_field_is_number(field));
    console_keep_layout(console, table);
    return true;
}

void console_sort_menu(Console *console)
{
    PickerSetup setup = {
        .title = "Sort by", .items = sort_items, .picked = sort_picked, .user = console};
    console_push(console, picker_new(&setup));
}

/* The columns in their order, then the fields that are not shown. */
static GPtrArray *column_items(const char *typed, gpointer user)
{
    Console *console = user;
    GPtrArray *items = picker_items_new();
    const Table *table = current_table(console);
    ObjectKind kind = table_kind(table);
    const ModelField *fields = model_fields(kind);
    g_autofree char *names = table_columns_text(table);
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    for (char **word = words; *word; word++) {
        int field = model_field_find(kind, *word);
        if (field >= 0)
            picker_add(items, field, fields[field].title, fields[field].name)->checked = true;
    }
    for (int i = 0; fields[i].name; i++)
        if (!table_has_column(table, i))
            (void)picker_add(items, i, fields[i].title, fields[i].name);
    return items;
}

static bool columns_picked(PickerWhat what, const PickerItem *item, gpointer user)
{
    Console *console = user;
    Table *table = current_table(console);
    if (!table || !item || what == PICKER_CHOSEN || what == PICKER_LEFT)
        return true;
    const char *name = model_fields(table_kind(table))[item->id].name;
    g_autofree char *names = table_columns_text(table);
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    guint count = g_strv_length(words), at = 0;
    while (at < count && strcmp(words[at], name) != 0)
        at++;
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    for (guint i = 0; i < count; i++)
        if (i != at || what != PICKER_TOGGLED)
            g_ptr_array_add(order, words[i]);
    guint other = what == PICKER_EARLIER ? at - 1 : at + 1;
    if (what == PICKER_TOGGLED && at == count)
        g_ptr_array_add(order, (gpointer)(gintptr)name);
    else if (what != PICKER_TOGGLED && at < count && other < count) {
        gpointer swap = order->pdata[at];
        order->pdata[at] = order->pdata[other];
        order->pdata[other] = swap;
    }
    g_ptr_array_add(order, NULL);
    g_autofree char *joined = g_strjoinv(" ", (char **)order->pdata);
    table_set_columns(table, joined);
    console_keep_layout(console, table);
    return true;
}

void console_columns_menu(Console *console)
{
    PickerSetup setup = {.title = "Columns",
                         .toggles = true,
                         .items = column_items,
                         .picked = columns_picked,
                         .user = console};
    console_push(console, picker_new(&setup));
}
