#include "tui/command/output.h"

#include "backend/wire/message.h"
#include "tui/model/units.h"
#include "tui/screen/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { CELL_MAX = 64 };

/* ---- cells ---- */

static char *join_strings(const json_t *array)
{
    GString *text = g_string_new(NULL);
    size_t index;
    json_t *item;
    json_array_foreach(array, index, item)
    {
        g_autofree char *cell = output_cell(NULL, item);
        g_string_append_printf(text, "%s%s", index ? " " : "", cell);
    }
    return g_string_free(text, FALSE);
}

static char *format_number(const CommandColumn *column, const json_t *value)
{
    char text[CELL_MAX] = "";
    double number = json_number_value(value);
    switch (column ? column->as : AS_TEXT) {
    case AS_BYTES:
        units_bytes(number, text, sizeof text);
        break;
    case AS_RATE:
        units_rate(number, text, sizeof text);
        break;
    case AS_PERCENT:
        units_percent(number, text, sizeof text);
        break;
    case AS_SINCE: {
        double age = (double)g_get_real_time() / G_USEC_PER_SEC - number;
        units_duration(MAX(age, 0), text, sizeof text);
        break;
    }
    case AS_WHEN: {
        g_autoptr(GDateTime) when = g_date_time_new_from_unix_local((gint64)number);
        return when ? g_date_time_format(when, "%F %T") : g_strdup("-");
    }
    default:
        if (json_is_integer(value))
            return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
        g_snprintf(text, sizeof text, "%.6g", number);
    }
    return g_strdup(text);
}

char *output_cell(const CommandColumn *column, const json_t *value)
{
    char *raw;
    if (!value || json_is_null(value))
        return g_strdup("-");
    if (json_is_number(value))
        return format_number(column, value);
    if (json_is_boolean(value))
        return g_strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_string(value))
        raw = g_strdup(json_string_value(value));
    else if (json_is_array(value))
        raw = join_strings(value);
    else
        raw = json_dumps(value, JSON_COMPACT);
    g_strdelimit(raw, "\n\t", ' ');
    char *clean = text_clean(raw);
    free(raw); /* g_malloc is malloc since GLib 2.46, as json_dumps's is */
    if (*clean)
        return clean;
    g_free(clean);
    return g_strdup("-");
}

/* ---- tables ---- */

typedef struct {
    char ***cells; /* [row][column]; row 0 is the heading */
    size_t rows, columns;
    int *widths;
    gboolean *right;
} Grid;

static void grid_clear(Grid *grid)
{
    for (size_t r = 0; r < grid->rows; r++)
        g_strfreev(grid->cells[r]);
    g_free(grid->cells);
    g_free(grid->widths);
    g_free(grid->right);
}

static Grid grid_fill(const CommandColumn *columns, const json_t *rows)
{
    Grid grid = {.rows = json_array_size(rows) + 1};
    while (columns[grid.columns].key)
        grid.columns++;
    grid.cells = g_new0(char **, grid.rows);
    grid.widths = g_new0(int, grid.columns);
    grid.right = g_new0(gboolean, grid.columns);
    for (size_t r = 0; r < grid.rows; r++) {
        grid.cells[r] = g_new0(char *, grid.columns + 1);
        const json_t *row = r ? json_array_get(rows, r - 1) : NULL;
        for (size_t c = 0; c < grid.columns; c++) {
            const json_t *value = json_object_get(row, columns[c].key);
            char *cell = r ? output_cell(&columns[c], value) : g_strdup(columns[c].heading);
            grid.cells[r][c] = cell;
            grid.widths[c] = MAX(grid.widths[c], text_columns(cell, true));
            if (json_is_number(value) && columns[c].as != AS_WHEN)
                grid.right[c] = TRUE;
        }
    }
    return grid;
}

static void pad(GString *text, int columns)
{
    for (; columns > 0; columns--)
        g_string_append_c(text, ' ');
}

char *output_table(const CommandColumn *columns, const json_t *rows)
{
    Grid grid = grid_fill(columns, rows);
    GString *text = g_string_new(NULL);
    for (size_t r = 0; r < grid.rows; r++) {
        for (size_t c = 0; c < grid.columns; c++) {
            const char *cell = grid.cells[r][c];
            int missing = grid.widths[c] - text_columns(cell, true);
            if (grid.right[c])
                pad(text, missing);
            g_string_append(text, cell);
            if (!grid.right[c] && c + 1 < grid.columns)
                pad(text, missing);
            if (c + 1 < grid.columns)
                g_string_append(text, "  ");
        }
        g_string_append_c(text, '\n');
    }
    grid_clear(&grid);
    return g_string_free(text, FALSE);
}

/* ---- objects ---- */

/* How the field of an object is written, from the one description of the wire. */
static CommandColumn column_of(ObjectKind kind, const char *key)
{
    CommandColumn column = {.key = key, .heading = key, .as = AS_TEXT};
    for (const ObjectField *f = object_kind_fields(kind); f && f->name; f++) {
        if (strcmp(f->name, key) != 0 || !f->unit)
            continue;
        if (strcmp(f->unit, "bytes") == 0)
            column.as = AS_BYTES;
        else if (strcmp(f->unit, "bytes/s") == 0)
            column.as = AS_RATE;
        else if (strcmp(f->unit, "s since 1970") == 0)
            column.as = AS_WHEN;
    }
    return column;
}

static gboolean is_table(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

/* A table with the keys of the first object as columns. */
static void append_table(GString *text, const char *title, const json_t *rows)
{
    enum { COLUMNS_MAX = 32 };
    CommandColumn columns[COLUMNS_MAX + 1] = {0};
    g_autoptr(GPtrArray) headings = g_ptr_array_new_with_free_func(g_free);
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(json_array_get(rows, 0), key, value)
    {
        if (count == COLUMNS_MAX)
            break;
        g_autofree char *clean = text_clean(key);
        g_ptr_array_add(headings, g_ascii_strup(clean, -1));
        columns[count++] = (CommandColumn){
            .key = key, .heading = g_ptr_array_index(headings, headings->len - 1)};
    }
    g_autofree char *table = output_table(columns, rows);
    g_string_append_printf(text, "\n%s\n%s", title, table);
}

/* An object's fields in three passes, so that tables stand at the end: how wide
 * the names are, the values, the tables. Objects inside are named by a path. */
typedef struct {
    enum { PASS_WIDTH, PASS_VALUES, PASS_TABLES } pass;
    GString *text;
    ObjectKind kind;
    int width;
} Walk;

/* Depth is bounded by WIRE_DEPTH_MAX: the value came over the wire. */
static void walk(Walk *self, const char *prefix,
                 const json_t *object) // NOLINT(misc-no-recursion)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(gintptr)object, key, value)
    {
        g_autofree char *raw = g_strconcat(prefix, key, NULL);
        g_autofree char *name = text_clean(raw);
        if (json_is_object(value)) {
            g_autofree char *inner = g_strconcat(name, ".", NULL);
            walk(self, inner, value);
        } else if (is_table(value)) {
            if (self->pass == PASS_TABLES)
                append_table(self->text, name, value);
        } else if (self->pass == PASS_WIDTH) {
            self->width = MAX(self->width, text_columns(name, true));
        } else if (self->pass == PASS_VALUES) {
            CommandColumn column = column_of(self->kind, key);
            g_autofree char *cell = output_cell(&column, value);
            g_string_append(self->text, name);
            pad(self->text, self->width - text_columns(name, true));
            g_string_append_printf(self->text, "  %s\n", cell);
        }
    }
}

char *output_object(const json_t *object, ObjectKind kind)
{
    Walk self = {.text = g_string_new(NULL), .kind = kind};
    for (self.pass = PASS_WIDTH; self.pass <= PASS_TABLES; self.pass++)
        walk(&self, "", object);
    return g_string_free(self.text, FALSE);
}

/* ---- JSON and YAML ---- */

char *output_json(const json_t *value)
{
    char *dump = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    char *text = g_strconcat(dump ? dump : "null", "\n", NULL);
    free(dump);
    return text;
}

static int append_yaml(void *user, unsigned char *bytes, size_t size)
{
    g_string_append_len(user, (const char *)bytes, (gssize)size);
    return 1;
}

static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
    (void)yaml_emitter_emit(emitter, event);
}

/* What plain YAML would read as something else than a string is quoted. */
static gboolean needs_quotes(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on",
                                        "off",  "null",  "~",   "y",  "n"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (g_ascii_strcasecmp(text, words[i]) == 0)
            return TRUE;
    return !*text || strchr("0123456789+-.", *text) != NULL;
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, gboolean quoted)
{
    yaml_event_t event;
    (void)yaml_scalar_event_initialize(
        &event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), !quoted, quoted,
        quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
    emit(emitter, &event);
}

static void emit_string(yaml_emitter_t *emitter, const char *text)
{
    yaml_event_t event;
    gboolean quoted = needs_quotes(text);
    (void)yaml_scalar_event_initialize(
        &event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
        quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_ANY_SCALAR_STYLE);
    emit(emitter, &event);
}

/* Depth is bounded by WIRE_DEPTH_MAX: the value came over the wire. */
static void emit_value(yaml_emitter_t *emitter,
                       const json_t *value) // NOLINT(misc-no-recursion)
{
    yaml_event_t event;
    if (json_is_object(value)) {
        (void)yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
                                                  YAML_BLOCK_MAPPING_STYLE);
        emit(emitter, &event);
        const char *key;
        json_t *item;
        json_object_foreach((json_t *)(gintptr)value, key, item)
        {
            emit_string(emitter, key);
            emit_value(emitter, item);
        }
        (void)yaml_mapping_end_event_initialize(&event);
        emit(emitter, &event);
    } else if (json_is_array(value)) {
        (void)yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                   YAML_BLOCK_SEQUENCE_STYLE);
        emit(emitter, &event);
        size_t index;
        json_t *item;
        json_array_foreach(value, index, item)
        {
            emit_value(emitter, item);
        }
        (void)yaml_sequence_end_event_initialize(&event);
        emit(emitter, &event);
    } else if (json_is_string(value)) {
        emit_string(emitter, json_string_value(value));
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        emit_scalar(emitter, text ? text : "null", FALSE);
        free(text);
    }
}

char *output_yaml(const json_t *value)
{
    GString *text = g_string_new(NULL);
    yaml_emitter_t emitter;
    yaml_event_t event;
    (void)yaml_emitter_initialize(&emitter);
    yaml_emitter_set_output(&emitter, append_yaml, text);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    (void)yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    emit(&emitter, &event);
    (void)yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
    emit(&emitter, &event);
    emit_value(&emitter, value);
    (void)yaml_document_end_event_initialize(&event, 1);
    emit(&emitter, &event);
    (void)yaml_stream_end_event_initialize(&event);
    emit(&emitter, &event);
    yaml_emitter_delete(&emitter);
    return g_string_free(text, FALSE);
}

gboolean output_print(const char *text)
{
    gboolean good = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    if (good || errno == EPIPE)
        return TRUE;
    fprintf(stderr, "gantry: standard output: %s\n", g_strerror(errno));
    return FALSE;
}
