/* widget/table_private - what table.c and table_draw.c share. */
#pragma once

#include "tui/widget/table.h"

#define TABLE_COLUMNS_MAX MODEL_FIELDS_MAX

struct Table {
    Model *model;
    ObjectKind kind;
    TableScope scope;
    gpointer user;

    int columns[TABLE_COLUMNS_MAX];
    int column_count;
    int left; /* columns scrolled away, after the fixed ones */

    int sort; /* -1: by id */
    bool descending;
    gint64 sorted; /* monotonic */
    char *filter_text;
    Filter *filter;

    GPtrArray *all;   /* in the scope, as they stand in the model */
    GArray *order;    /* guint: their places in all, in order */
    GPtrArray *shown; /* in order, what the filter lets through */
    GHashTable *marks;
    ModelObject *cursor;
    guint at, top;
    ModelObject *anchor; /* of a range, or NULL */
    bool ranging;
    GHashTable *before; /* marks when the range began */

    bool members_changed, order_changed, filter_changed;
    Box rows; /* where rows were last drawn */
};

/* Brings all, shown and the cursor up to date. */
void table_settle(Table *table);
