#include "tui/view/table_view.h"

#include "tui/view/shared.h"

#include <string.h>

gpointer table_view_open(Console *console, const TableSetup *setup)
{
    TableView *view = g_new0(TableView, 1);
    const char *columns = console_layout(console, setup->kind, "columns");
    view->console = console;
    view->table = table_new(console_model(console), setup);
    if (!columns)
        columns = shared_columns(console, setup->kind);
    if (columns)
        table_set_columns(view->table, columns);
    table_set_sort_text(view->table, console_layout(console, setup->kind, "sort"));
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
