#include "tui/view/describe.h"

#include "tui/model/units.h"

#include <string.h>

enum { DEPTH_MAX = 6, COLUMNS_MAX = 12, ROWS_MAX = 500 };

static gboolean is_one_of(const char *name, const char *const *names)
{
    return names && g_strv_contains(names, name);
}

static gboolean is_bytes(const char *name)
{
    static const char *const names[] = {
        "capacity",   "allocation", "physical",   "memory",    "mem_max",   "mem_used",
        "mem_rss",    "total",      "used",       "free",      "size",      "current",
        "maximum",    "mem_total",  "swap_total", "swap_used", "available", "memory_max",
        "root_total", "root_used",  "limit",      NULL};
    return is_one_of(name, names);
}

static gboolean is_time(const char *name)
{
    static const char *const names[] = {"started", "created", "since",       "time",
                                        "boot",    "ended",   "stale_since", NULL};
    return is_one_of(name, names);
}

/* A member that fits on one line. */
static void put_value(GString *out, const char *name, const json_t *value)
{
    char text[64];
    double now = (double)g_get_real_time() / G_USEC_PER_SEC;
    if (json_is_string(value))
        g_string_append(out, json_string_value(value));
    else if (json_is_boolean(value))
        g_string_append(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_number(value) && is_bytes(name) && json_number_value(value) >= 1024) {
        units_bytes(json_number_value(value), text, sizeof text);
        g_string_append(out, text);
    } else if (json_is_number(value) && is_time(name) && json_number_value(value) > 1e8) {
        units_when(json_number_value(value), now, text, sizeof text);
        g_string_append(out, text);
    } else if (json_is_number(value) && strcmp(name, "uptime") == 0) {
        units_duration(json_number_value(value), text, sizeof text);
        g_string_append(out, text);
    } else if (json_is_integer(value))
        g_string_append_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        g_string_append_printf(out, "%.3g", json_real_value(value));
    else if (json_is_array(value)) {
        size_t i;
        const json_t *item;
        json_array_foreach(value, i, item)
        {
            if (i)
                g_string_append(out, ", ");
            put_value(out, name, item);
        }
    } else if (json_is_object(value)) {
        const char *key;
        json_t *member;
        gboolean first = TRUE;
        json_object_foreach((json_t *)(gintptr)value, key, member)
        {
            g_string_append_printf(out, "%s%s ", first ? "" : ", ", key);
            put_value(out, key, member);
            first = FALSE;
        }
    } else
        g_string_append_c(out, '-');
}

static gboolean is_table(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static gboolean is_section(const json_t *value)
{
    return is_table(value) || (json_is_object(value) && json_object_size(value) > 0);
}

static void indent(GString *out, int depth)
{
    for (int i = 0; i < depth; i++)
        g_string_append(out, "  ");
}

static void pad(GString *out, const char *text, glong width)
{
    g_string_append(out, text);
    for (glong i = g_utf8_strlen(text, -1); i < width; i++)
        g_string_append_c(out, ' ');
}

/* The names that its rows have, in the order they first come. */
static GPtrArray *table_columns(const json_t *rows)
{
    GPtrArray *columns = g_ptr_array_new();
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(gintptr)row, key, value)
        {
            gboolean known = FALSE;
            for (guint c = 0; c < columns->len && !known; c++)
                known = strcmp(columns->pdata[c], key) == 0;
            if (!known && columns->len < COLUMNS_MAX && !json_is_null(value))
                g_ptr_array_add(columns, (gpointer)(gintptr)key);
        }
    }
    return columns;
}

static void put_table(GString *out, const json_t *rows, int depth)
{
    g_autoptr(GPtrArray) columns = table_columns(rows);
    size_t count = MIN(json_array_size(rows), ROWS_MAX);
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    glong widths[COLUMNS_MAX];
    for (guint c = 0; c < columns->len; c++)
        widths[c] = g_utf8_strlen(columns->pdata[c], -1);
    for (size_t i = 0; i < count; i++) {
        for (guint c = 0; c < columns->len; c++) {
            GString *cell = g_string_new(NULL);
            const char *name = columns->pdata[c];
            put_value(cell, name, json_object_get(json_array_get(rows, i), name));
            widths[c] = MAX(widths[c], MIN(g_utf8_strlen(cell->str, -1), 48));
            g_ptr_array_add(cells, g_string_free(cell, FALSE));
        }
    }
    indent(out, depth);
    for (guint c = 0; c < columns->len; c++)
        pad(out, columns->pdata[c], widths[c] + 2);
    g_string_append_c(out, '\n');
    for (size_t i = 0; i < count; i++) {
        indent(out, depth);
        for (guint c = 0; c < columns->len; c++)
            pad(out, cells->pdata[i * columns->len + c], widths[c] + 2);
        g_string_append_c(out, '\n');
    }
}

static void put_object(GString *out, const json_t *object, const char *const *only, int depth)
{
    const char *key;
    json_t *value;
    glong width = 8;
    json_object_foreach((json_t *)(gintptr)object, key,
                        value) if (!only || is_one_of(key, only)) width =
        MAX(width, MIN(g_utf8_strlen(key, -1), 24));
    json_object_foreach((json_t *)(gintptr)object, key, value)
    {
        if ((only && !is_one_of(key, only)) || is_section(value) || json_is_null(value))
            continue;
        indent(out, depth);
        pad(out, key, width + 2);
        put_value(out, key, value);
        g_string_append_c(out, '\n');
    }
    json_object_foreach((json_t *)(gintptr)object, key, value)
    {
        if ((only && !is_one_of(key, only)) || !is_section(value))
            continue;
        g_string_append_c(out, '\n');
        indent(out, depth);
        g_string_append_printf(out, "%s\n", key);
        if (is_table(value))
            put_table(out, value, depth + 1);
        else if (depth < DEPTH_MAX)
            put_object(out, value, NULL, depth + 1);
    }
}

char *describe_json(const json_t *object, const char *const *only)
{
    GString *out = g_string_new(NULL);
    put_object(out, object, only, 0);
    return g_string_free(out, FALSE);
}
