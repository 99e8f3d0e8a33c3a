/* widget/table - rows of the model: filtered, sorted, marked, with a cursor.
 *
 * A table shows the objects of one kind. It listens to the model by itself and
 * puts its rows in order lazily, when it is next drawn or moved: any number of
 * changes costs one sort. The cursor and the marks stay with their objects, not
 * with positions; when the cursor's object goes, the next one gets it. Only the
 * rows in sight are ever formatted.
 *
 * Rows sorted by a figure that changes are put in order again at most every
 * TABLE_RESORT seconds, so that they can be read and hit.
 */
#pragma once

#include "tui/model/filter.h"
#include "tui/model/model.h"
#include "tui/screen/draw.h"

#include <stdbool.h>

#define TABLE_RESORT 2

typedef struct Table Table;

/* Which objects belong here at all, as the tasks of one guest. */
typedef bool (*TableScope)(const ModelObject *object, gpointer user);

typedef struct {
    ObjectKind kind;
    const char *columns; /* names of fields, with spaces */
    const char *sort;    /* name of a field, with "-" before it for descending */
    TableScope scope;    /* may be NULL */
    gpointer user;
} TableSetup;

Table *table_new(Model *model, const TableSetup *setup);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

ObjectKind table_kind(const Table *table);
Model *table_model(const Table *table);

void table_draw(Table *table, Screen *screen, Box box);

typedef enum {
    TABLE_UP,
    TABLE_DOWN,
    TABLE_PAGE_UP,
    TABLE_PAGE_DOWN,
    TABLE_FIRST,
    TABLE_LAST,
    TABLE_LEFT, /* scroll columns */
    TABLE_RIGHT,
} TableMove;
void table_move(Table *table, TableMove move);
/* A click in the last drawn box; false when it hit no row. */
bool table_click(Table *table, int row, int column);

/* The object at the cursor, or NULL. */
ModelObject *table_current(Table *table);
/* Puts the cursor on it; false when it is not shown. */
bool table_select(Table *table, const ModelObject *object);

/* Filter text; on failure the table stays as it was. */
bool table_set_filter(Table *table, const char *text, GError **error);
const char *table_filter(const Table *table);

/* field: index in model_fields(). */
void table_set_sort(Table *table, int field, bool descending);
int table_sort(const Table *table, bool *descending);
/* The names of the columns or the sort as in TableSetup; unknown names are left
 * out. To be g_freed. */
char *table_columns_text(const Table *table);
char *table_sort_text(const Table *table);
void table_set_columns(Table *table, const char *names);
bool table_has_column(const Table *table, int field);
void table_set_sort_text(Table *table, const char *sort);

guint table_shown(Table *table);
guint table_total(Table *table);

/* Marks. A range (v) marks from where it began to the cursor until ended. */
void table_toggle_mark(Table *table);
void table_toggle_range(Table *table);
void table_mark_all(Table *table);
void table_clear_marks(Table *table);
guint table_marked(Table *table, guint *hidden);
/* Whether the filter lets it through. */
bool table_shows(Table *table, const ModelObject *object);
bool table_in_range(const Table *table);
/* What an act applies to: the marked objects, else the one at the cursor. */
GPtrArray *table_targets(Table *table);
