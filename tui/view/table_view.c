#include "tui/view/table_view.h"

#include <string.h>

gpointer table_view_open(Console *console, const TableSetup *setup)
{
    TableView *view = g_new0(TableView, 1);
    g_autofree char *columns_key = g_strconcat(object_kind_name(setup->kind), ".columns", NULL);
    g_autofree char *sort_key = g_strconcat(object_kind_name(setup->kind), ".sort", NULL);
    const char *columns = state_get(console->state, columns_key);
    view->console = console;
    view->table = table_new(console_model(console), setup);
    if (console->options->columns[setup->kind])
        table_set_columns(view->table, console->options->columns[setup->kind]);
    if (columns)
        table_set_columns(view->table, columns);
    table_set_sort_text(view->table, state_get(console->state, sort_key));
    return view;
}

void table_view_close(gpointer data)
{
    TableView *view = data;
    table_free(view->table);
    g_free(view);
}

void table_view_draw(gpointer data, Screen *screen, Box box)
{
    const TableView *view = data;
    table_draw(view->table, screen, box);
}

Table *table_view_table(gpointer data)
{
    const TableView *view = data;
    return view->table;
}
