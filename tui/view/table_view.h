/* view/table_view - what the screens that are one table have in common. */
#pragma once

#include "tui/view/console_private.h"

typedef struct {
    Console *console;
    Table *table;
} TableView;

/* Columns and sort as the person left them, else these. */
gpointer table_view_open(Console *console, const TableSetup *setup);
void table_view_close(gpointer view);
void table_view_draw(gpointer view, Screen *screen, Box box);
Table *table_view_table(gpointer view);

#define TABLE_VIEW                                                                             \
    .close = table_view_close, .draw = table_view_draw, .table = table_view_table, .top = true
