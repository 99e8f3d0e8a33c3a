#include "tui/widget/table_private.h"

#include "tui/model/order.h"

#include <string.h>

static void on_change(ModelChange change, ModelObject *object, guint64 fields, gpointer user)
{
    Table *table = user;
    if (object->kind != table->kind)
        return;
    if (change == MODEL_ADDED) {
        table->members_changed = true;
        return;
    }
    if (change == MODEL_GONE) {
        table->members_changed = true;
        g_hash_table_remove(table->marks, object);
        if (table->before)
            g_hash_table_remove(table->before, object);
        if (table->anchor == object) {
            table->ranging = false;
            table->anchor = NULL;
        }
        if (table->cursor == object)
            table->cursor = NULL;
        return;
    }
    const ModelField *sort = table->sort >= 0 ? &model_fields(table->kind)[table->sort] : NULL;
    if (sort && (sort->number || sort->text || fields & G_GUINT64_CONSTANT(1) << table->sort))
        table->order_changed = true;
    if (fields & filter_fields(table->filter))
        table->filter_changed = true;
    if (table->scope)
        table->members_changed = true;
}

Table *table_new(Model *model, const TableSetup *setup)
{
    Table *table = g_new0(Table, 1);
    table->model = model;
    table->kind = setup->kind;
    table->scope = setup->scope;
    table->user = setup->user;
    table->sort = -1;
    table->filter_text = g_strdup("");
    table->filter = filter_parse(setup->kind, "", NULL);
    table->all = g_ptr_array_new();
    table->order = g_array_new(FALSE, FALSE, sizeof(guint));
    table->shown = g_ptr_array_new();
    table->marks = g_hash_table_new(NULL, NULL);
    table->members_changed = true;
    table_set_columns(table, setup->columns);
    table_set_sort_text(table, setup->sort);
    model_listen(model, on_change, table);
    return table;
}

void table_free(Table *table)
{
    if (!table)
        return;
    model_unlisten(table->model, on_change, table);
    g_clear_pointer(&table->before, g_hash_table_unref);
    g_hash_table_unref(table->marks);
    g_ptr_array_unref(table->all);
    g_array_unref(table->order);
    g_ptr_array_unref(table->shown);
    filter_free(table->filter);
    g_free(table->filter_text);
    g_free(table);
}

ObjectKind table_kind(const Table *table)
{
    return table->kind;
}

Model *table_model(const Table *table)
{
    return table->model;
}

static void collect(Table *table)
{
    const GPtrArray *objects = model_objects(table->model, table->kind);
    g_ptr_array_set_size(table->all, 0);
    for (guint i = 0; i < objects->len; i++)
        if (!table->scope || table->scope(objects->pdata[i], table->user))
            g_ptr_array_add(table->all, objects->pdata[i]);
}

static void sort(Table *table)
{
    g_array_set_size(table->order, table->all->len);
    order_sort(table->model, table->kind, table->sort, table->descending, table->all,
               (guint *)(void *)table->order->data);
}

/* The filter goes through the objects as they lie in memory, not in order: in a table of ten
 * thousand that takes a third of the time. */
static void sift(Table *table)
{
    guint count = table->all->len;
    bool everything = filter_is_empty(table->filter);
    g_autofree bool *fits = g_new(bool, count);
    for (guint i = 0; i < count; i++)
        fits[i] =
            everything || filter_matches(table->filter, table->model, table->all->pdata[i]);
    g_ptr_array_set_size(table->shown, 0);
    for (guint i = 0; i < count; i++) {
        guint place = g_array_index(table->order, guint, i);
        if (fits[place])
            g_ptr_array_add(table->shown, table->all->pdata[place]);
    }
}

/* The cursor stays with its object; without one it stays in its place. */
static void place_cursor(Table *table)
{
    guint found;
    if (table->cursor && g_ptr_array_find(table->shown, table->cursor, &found)) {
        /* Its line on the screen stays, too, as far as possible. */
        guint line = table->at - MIN(table->top, table->at);
        table->at = found;
        table->top = found > line ? found - line : 0;
        return;
    }
    table->at = table->shown->len ? MIN(table->at, table->shown->len - 1) : 0;
    table->cursor = table->shown->len ? table->shown->pdata[table->at] : NULL;
}

void table_settle(Table *table)
{
    gint64 now = g_get_monotonic_time();
    bool sort_due =
        table->order_changed && now - table->sorted >= (gint64)TABLE_RESORT * G_USEC_PER_SEC;
    if (!table->members_changed && !sort_due && !table->filter_changed)
        return;
    if (table->members_changed)
        collect(table);
    if (table->members_changed || sort_due) {
        sort(table);
        table->sorted = now;
        table->order_changed = false;
    }
    table->members_changed = table->filter_changed = false;
    sift(table);
    place_cursor(table);
}

ModelObject *table_current(Table *table)
{
    table_settle(table);
    return table->cursor;
}

static void extend_range(Table *table)
{
    guint from;
    if (!table->ranging || !g_ptr_array_find(table->shown, table->anchor, &from))
        return;
    g_hash_table_remove_all(table->marks);
    GHashTableIter iter;
    gpointer object;
    g_hash_table_iter_init(&iter, table->before);
    while (g_hash_table_iter_next(&iter, &object, NULL))
        g_hash_table_add(table->marks, object);
    for (guint i = MIN(from, table->at); i <= MAX(from, table->at); i++)
        g_hash_table_add(table->marks, table->shown->pdata[i]);
}

void table_move(Table *table, TableMove move)
{
    table_settle(table);
    guint count = table->shown->len, page = (guint)MAX(table->rows.rows - 1, 1);
    guint at = table->at;
    switch (move) {
    case TABLE_UP:
        at -= at > 0;
        break;
    case TABLE_DOWN:
        at++;
        break;
    case TABLE_PAGE_UP:
        at -= MIN(at, page);
        table->top -= MIN(table->top, page);
        break;
    case TABLE_PAGE_DOWN:
        at += page;
        table->top += page;
        break;
    case TABLE_FIRST:
        at = 0;
        break;
    case TABLE_LAST:
        at = count;
        break;
    case TABLE_LEFT:
        table->left -= table->left > 0;
        break;
    case TABLE_RIGHT:
        table->left += table->left + 3 < table->column_count;
        break;
    }
    if (count == 0)
        return;
    table->at = MIN(at, count - 1);
    table->cursor = table->shown->pdata[table->at];
    extend_range(table);
}

bool table_click(Table *table, int row, int column)
{
    table_settle(table);
    Box box = table->rows;
    guint at = table->top + (guint)MAX(row - box.row, 0);
    if (row < box.row || row >= box.row + box.rows || column < box.column ||
        column >= box.column + box.columns || at >= table->shown->len)
        return false;
    table->at = at;
    table->cursor = table->shown->pdata[at];
    extend_range(table);
    return true;
}

bool table_select(Table *table, const ModelObject *object)
{
    guint found;
    table_settle(table);
    if (!g_ptr_array_find(table->shown, object, &found))
        return false;
    table->at = found;
    table->cursor = table->shown->pdata[found];
    return true;
}

bool table_set_filter(Table *table, const char *text, GError **error)
{
    Filter *filter = filter_parse(table->kind, text, error);
    if (!filter)
        return false;
    filter_free(table->filter);
    table->filter = filter;
    g_free(table->filter_text);
    table->filter_text = g_strdup(text);
    table->filter_changed = true;
    return true;
}

const char *table_filter(const Table *table)
{
    return table->filter_text;
}

void table_set_sort(Table *table, int field, bool descending)
{
    table->sort = field;
    table->descending = descending;
    table->order_changed = true;
    table->sorted = 0;
}

int table_sort(const Table *table, bool *descending)
{
    *descending = table->descending;
    return table->sort;
}

void table_set_sort_text(Table *table, const char *sort)
{
    if (!sort)
        return;
    bool descending = *sort == '-';
    int field = model_field_find(table->kind, sort + descending);
    if (field >= 0)
        table_set_sort(table, field, descending);
}

char *table_sort_text(const Table *table)
{
    if (table->sort < 0)
        return g_strdup("");
    return g_strconcat(table->descending ? "-" : "",
                       model_fields(table->kind)[table->sort].name, NULL);
}

bool table_has_column(const Table *table, int field)
{
    for (int i = 0; i < table->column_count; i++)
        if (table->columns[i] == field)
            return true;
    return false;
}

void table_set_columns(Table *table, const char *names)
{
    int before = table->column_count;
    g_auto(GStrv) words = g_strsplit(names, " ", -1);
    table->column_count = 0;
    for (char **word = words; *word; word++) {
        int field = model_field_find(table->kind, *word);
        if (field >= 0 && !table_has_column(table, field) &&
            table->column_count < TABLE_COLUMNS_MAX)
            table->columns[table->column_count++] = field;
    }
    /* A table without columns is of no use: keep what there was. */
    if (table->column_count == 0)
        table->column_count = before;
    table->left = 0;
}

char *table_columns_text(const Table *table)
{
    GString *names = g_string_new(NULL);
    for (int i = 0; i < table->column_count; i++)
        g_string_append_printf(names, "%s%s", i ? " " : "",
                               model_fields(table->kind)[table->columns[i]].name);
    return g_string_free(names, FALSE);
}

guint table_shown(Table *table)
{
    table_settle(table);
    return table->shown->len;
}

guint table_total(Table *table)
{
    table_settle(table);
    return table->all->len;
}

void table_toggle_mark(Table *table)
{
    table_settle(table);
    if (!table->cursor)
        return;
    if (table->ranging) {
        table_toggle_range(table);
        return;
    }
    if (!g_hash_table_remove(table->marks, table->cursor))
        g_hash_table_add(table->marks, table->cursor);
    table_move(table, TABLE_DOWN);
}

void table_toggle_range(Table *table)
{
    table_settle(table);
    if (table->ranging || !table->cursor) {
        table->ranging = false;
        return;
    }
    g_clear_pointer(&table->before, g_hash_table_unref);
    table->before = g_hash_table_new(NULL, NULL);
    GHashTableIter iter;
    gpointer object;
    g_hash_table_iter_init(&iter, table->marks);
    while (g_hash_table_iter_next(&iter, &object, NULL))
        g_hash_table_add(table->before, object);
    table->anchor = table->cursor;
    table->ranging = true;
    extend_range(table);
}

bool table_in_range(const Table *table)
{
    return table->ranging;
}

void table_mark_all(Table *table)
{
    table_settle(table);
    table->ranging = false;
    for (guint i = 0; i < table->shown->len; i++)
        g_hash_table_add(table->marks, table->shown->pdata[i]);
}

void table_clear_marks(Table *table)
{
    table->ranging = false;
    g_hash_table_remove_all(table->marks);
}

guint table_marked(Table *table, guint *hidden)
{
    table_settle(table);
    guint marked = g_hash_table_size(table->marks), seen = 0;
    bool everything = table->shown->len == model_objects(table->model, table->kind)->len;
    if (hidden) {
        for (guint i = 0; marked && !everything && i < table->shown->len; i++)
            seen += g_hash_table_contains(table->marks, table->shown->pdata[i]);
        *hidden = everything ? 0 : marked - seen;
    }
    return marked;
}

bool table_shows(Table *table, const ModelObject *object)
{
    table_settle(table);
    return g_ptr_array_find(table->shown, object, NULL);
}

GPtrArray *table_targets(Table *table)
{
    GPtrArray *targets = g_ptr_array_new();
    table_settle(table);
    for (guint i = 0; i < table->all->len; i++) {
        ModelObject *object = table->all->pdata[g_array_index(table->order, guint, i)];
        if (g_hash_table_contains(table->marks, object))
            g_ptr_array_add(targets, object);
    }
    if (targets->len == 0 && table->cursor)
        g_ptr_array_add(targets, table->cursor);
    return targets;
}
