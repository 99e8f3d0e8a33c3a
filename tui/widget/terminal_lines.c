#include "tui/widget/terminal_lines.h"

#include "tui/widget/terminal_filter.h"

#include <string.h>

typedef struct {
    guint16 cells; /* a wide one counts once */
    guint8 width;
    TerminalStyle style;
} Run;

typedef struct {
    guint16 runs;
    guint32 text_length;
    Run data[]; /* the runs, then the text */
} Line;

struct TerminalLines {
    Line **ring;
    guint limit, first, count;
    size_t bytes;
    GArray *runs; /* room for one line being made */
    GString *text;
};

TerminalLines *terminal_lines_new(guint limit)
{
    TerminalLines *lines = g_new0(TerminalLines, 1);
    lines->ring = g_new0(Line *, limit);
    lines->limit = limit;
    lines->runs = g_array_new(FALSE, FALSE, sizeof(Run));
    lines->text = g_string_new(NULL);
    return lines;
}

static size_t line_size(const Line *line)
{
    return sizeof *line + line->runs * sizeof(Run) + line->text_length;
}

static Line **slot(const TerminalLines *lines, guint line)
{
    return &lines->ring[(lines->first + line) % lines->limit];
}

static void drop_oldest(TerminalLines *lines)
{
    Line **oldest = slot(lines, 0);
    lines->bytes -= line_size(*oldest);
    g_clear_pointer(oldest, g_free);
    lines->first = (lines->first + 1) % lines->limit;
    lines->count--;
}

void terminal_lines_free(TerminalLines *lines)
{
    if (!lines)
        return;
    while (lines->count)
        drop_oldest(lines);
    g_array_unref(lines->runs);
    g_string_free(lines->text, TRUE);
    g_free(lines->ring);
    g_free(lines);
}

gboolean terminal_style_equal(const TerminalStyle *a, const TerminalStyle *b)
{
    return a->foreground == b->foreground && a->background == b->background &&
           a->attributes == b->attributes;
}

void terminal_cell_blank(TerminalCell *cell)
{
    *cell = (TerminalCell){.chars = {' '},
                           .width = 1,
                           .style = {TERMINAL_COLOUR_DEFAULT, TERMINAL_COLOUR_DEFAULT, 0}};
}

static gboolean is_blank(const TerminalCell *cell)
{
    static const TerminalStyle plain = {TERMINAL_COLOUR_DEFAULT, TERMINAL_COLOUR_DEFAULT, 0};
    return cell->width == 1 && cell->chars[0] == ' ' && !cell->chars[1] &&
           terminal_style_equal(&cell->style, &plain);
}

static void encode(TerminalLines *lines, const TerminalCell *cells, guint columns)
{
    g_array_set_size(lines->runs, 0);
    g_string_truncate(lines->text, 0);
    while (columns && is_blank(&cells[columns - 1]))
        columns--;
    Run *run = NULL;
    for (guint i = 0; i < columns; i += MAX(cells[i].width, 1)) {
        const TerminalCell *cell = &cells[i];
        if (!run || run->width != cell->width ||
            !terminal_style_equal(&run->style, &cell->style)) {
            Run fresh = {0, cell->width, cell->style};
            g_array_append_val(lines->runs, fresh);
            run = &g_array_index(lines->runs, Run, lines->runs->len - 1);
        }
        run->cells++;
        for (guint j = 0; j < TERMINAL_CHARS_MAX && cell->chars[j]; j++)
            g_string_append_unichar(lines->text, cell->chars[j]);
    }
}

void terminal_lines_push(TerminalLines *lines, const TerminalCell *cells, guint columns)
{
    encode(lines, cells, columns);
    size_t runs_size = lines->runs->len * sizeof(Run);
    Line *line = g_malloc(sizeof *line + runs_size + lines->text->len);
    line->runs = (guint16)lines->runs->len;
    line->text_length = (guint32)lines->text->len;
    if (runs_size)
        memcpy(line->data, lines->runs->data, runs_size);
    memcpy((char *)line->data + runs_size, lines->text->str, lines->text->len);
    if (lines->count == lines->limit)
        drop_oldest(lines);
    *slot(lines, lines->count++) = line;
    lines->bytes += line_size(line);
    while (lines->bytes > TERMINAL_LINES_BYTES && lines->count > 1)
        drop_oldest(lines);
}

/* One cell's characters from the text, which is valid and starts with a
 * character that does not combine. */
static const char *decode_cell(const char *text, const char *end, TerminalCell *cell)
{
    for (guint i = 0; text < end; i++) {
        gunichar c = g_utf8_get_char(text);
        if (i && !terminal_is_combining(c))
            break;
        if (i < TERMINAL_CHARS_MAX)
            cell->chars[i] = c;
        text = g_utf8_next_char(text);
    }
    return text;
}

static void decode(const Line *line, TerminalCell *cells, guint columns)
{
    const char *text = (const char *)(line->data + line->runs);
    const char *end = text + line->text_length;
    guint column = 0;
    for (guint i = 0; i < line->runs; i++) {
        const Run *run = &line->data[i];
        for (guint j = 0; j < run->cells; j++) {
            TerminalCell cell = {.width = run->width, .style = run->style};
            text = decode_cell(text, end, &cell);
            if (column + run->width > columns)
                continue;
            cells[column++] = cell;
            if (run->width == 2)
                cells[column++] = (TerminalCell){.style = run->style};
        }
    }
    while (column < columns)
        terminal_cell_blank(&cells[column++]);
}

gboolean terminal_lines_pop(TerminalLines *lines, TerminalCell *cells, guint columns)
{
    if (!lines->count)
        return FALSE;
    Line **newest = slot(lines, lines->count - 1);
    decode(*newest, cells, columns);
    lines->bytes -= line_size(*newest);
    g_clear_pointer(newest, g_free);
    lines->count--;
    return TRUE;
}

guint terminal_lines_count(const TerminalLines *lines)
{
    return lines->count;
}

void terminal_lines_read(const TerminalLines *lines, guint line, TerminalCell *cells,
                         guint columns)
{
    g_assert(line < lines->count);
    decode(*slot(lines, line), cells, columns);
}

size_t terminal_lines_bytes(const TerminalLines *lines)
{
    return lines->bytes;
}
