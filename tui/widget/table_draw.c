#include "tui/widget/table_private.h"

#include "tui/screen/text.h"
#include "tui/widget/cell.h"

#include <string.h>

enum { GUTTER = 3, GAP = 1, FIXED = 2, TEXT_LIKED = 26 };

typedef struct {
    const ModelField *field;
    int column, columns;
} Place;

/* Which columns fit, and where. The first ones stay when the rest scrolls. What
 * space is left goes to text: a little to each, the rest to the last. */
static int lay_out(const Table *table, Box box, Place *places)
{
    const ModelField *fields = model_fields(table->kind);
    int count = 0, room = box.columns - GUTTER;
    for (int i = 0; i < table->column_count; i++) {
        if (i >= FIXED && i < FIXED + table->left)
            continue;
        const ModelField *field = &fields[table->columns[i]];
        int width =
            MAX(field->width, (int)strlen(field->title) + (table->sort == table->columns[i]));
        bool is_text = field->meaning == MEANS_TEXT;
        if (width > room) {
            /* A text may be cut to what there is. */
            if (!is_text || room < 6)
                break;
            width = room;
        }
        places[count++] = (Place){field, 0, width};
        room -= width + GAP;
        if (room <= 0)
            break;
    }
    Place *last = NULL;
    for (int i = 0; i < count && room > 0; i++) {
        if (places[i].field->meaning != MEANS_TEXT)
            continue;
        int more = CLAMP(TEXT_LIKED - places[i].columns, 0, MIN(room, 8));
        places[i].columns += more;
        room -= more;
        last = &places[i];
    }
    if (last && room > 0)
        last->columns += room;
    int column = box.column + GUTTER;
    for (int i = 0; i < count; i++) {
        places[i].column = column;
        column += places[i].columns + GAP;
    }
    return count;
}

static void draw_headings(const Table *table, Screen *screen, Box box, const Place *places,
                          int count)
{
    for (int i = 0; i < count; i++) {
        bool sorted =
            table->sort >= 0 && &model_fields(table->kind)[table->sort] == places[i].field;
        g_autofree char *title =
            g_strconcat(places[i].field->title,
                        sorted ? glyph_text(table->descending ? GLYPH_DOWN : GLYPH_UP,
                                            screen_glyphs(screen))
                               : "",
                        NULL);
        draw_field(screen, box.row, places[i].column, places[i].columns,
                   sorted ? ROLE_ACCENT : ROLE_HEADING,
                   model_field_is_number(places[i].field) ? ALIGN_RIGHT : ALIGN_LEFT, title);
    }
}

static void draw_row(const Table *table, Screen *screen, int row, const Place *places,
                     int count, const ModelObject *object, int left)
{
    bool current = object == table->cursor;
    bool marked = g_hash_table_contains(table->marks, object);
    bool stale = model_is_stale(table->model, object, NULL);
    if (current)
        draw_glyph(screen, row, left, ROLE_ACCENT, GLYPH_CURSOR);
    if (marked)
        draw_glyph(screen, row, left + 1, ROLE_MARK, GLYPH_MARK);
    for (int i = 0; i < count; i++) {
        Cell cell;
        cell_fill(&cell, table->model, places[i].field, object);
        int column = places[i].column, columns = places[i].columns;
        if (cell.has_glyph && columns > 2) {
            draw_glyph(screen, row, column, stale ? ROLE_DIM : cell.glyph_role,
                       stale && object->kind != OBJECT_NODE ? GLYPH_UNKNOWN : cell.glyph);
            column += 2;
            columns -= 2;
        }
        Role role = cell.role;
        if (stale && object->kind != OBJECT_NODE)
            role = ROLE_DIM;
        if (i == 0 && current)
            role = ROLE_ACCENT;
        else if (i == 0 && marked)
            role = ROLE_MARK;
        draw_field(screen, row, column, columns, role,
                   model_field_is_number(places[i].field) ? ALIGN_RIGHT : ALIGN_LEFT,
                   cell.text);
    }
}

static void draw_nothing(const Table *table, Screen *screen, Box box)
{
    ModelCounts counts;
    model_counts(table->model, &counts);
    if (table->all->len > 0)
        draw_printf(screen, box.row + 1, box.column + GUTTER, box.columns - GUTTER, ROLE_DIM,
                    "nothing fits the filter; %u hidden by it (Esc clears it)",
                    table->all->len);
    else if (counts.nodes_ready < counts.nodes)
        draw_printf(screen, box.row + 1, box.column + GUTTER, box.columns - GUTTER, ROLE_DIM,
                    "nothing yet: %u of %u nodes answered", counts.nodes_ready, counts.nodes);
    else
        draw_text(screen, box.row + 1, box.column + GUTTER, box.columns - GUTTER, ROLE_DIM,
                  "there are none");
}

void table_draw(Table *table, Screen *screen, Box box)
{
    Place places[TABLE_COLUMNS_MAX];
    table_settle(table);
    int count = lay_out(table, box, places);
    table->rows = (Box){box.row + 1, box.column, MAX(box.rows - 1, 0), box.columns};
    draw_headings(table, screen, box, places, count);
    if (table->shown->len == 0) {
        draw_nothing(table, screen, box);
        return;
    }
    guint lines = (guint)table->rows.rows;
    if (lines == 0)
        return;
    /* In sight, and no empty lines at the end that need not be. */
    if (table->at < table->top)
        table->top = table->at;
    if (table->at >= table->top + lines)
        table->top = table->at - lines + 1;
    table->top = MIN(table->top, table->shown->len > lines ? table->shown->len - lines : 0);
    for (guint i = 0; i < lines && table->top + i < table->shown->len; i++)
        draw_row(table, screen, table->rows.row + (int)i, places, count,
                 table->shown->pdata[table->top + i], box.column);
}
