#include "tui/view/page.h"

#include "tui/model/units.h"
#include "tui/screen/text.h"

#include <math.h>
#include <string.h>

enum { GAP = 2, INDENT = 1, HANG_MAX = 200, WIDE = 44 };

struct Page {
    const GlyphSet *glyphs;
    GString *text;
    GArray *looks; /* PagerLook, one a line */
};

struct PageTable {
    const char *const *titles;
    guint columns;
    GPtrArray *cells;
};

Page *page_new(const GlyphSet *glyphs)
{
    Page *page = g_new0(Page, 1);
    page->glyphs = glyphs;
    page->text = g_string_new(NULL);
    page->looks = g_array_new(FALSE, FALSE, sizeof(PagerLook));
    return page;
}

void page_free(Page *page)
{
    if (!page)
        return;
    g_string_free(page->text, TRUE);
    g_array_unref(page->looks);
    g_free(page);
}

/* A line is a line, whatever the text holds. */
static void add_clean(GString *out, const char *text)
{
    g_autofree char *clean = text_clean(text);
    g_strdelimit(clean, "\n\t", ' ');
    g_string_append(out, clean);
}

static void end_line(Page *page, PagerLook look)
{
    while (page->text->len && page->text->str[page->text->len - 1] == ' ')
        g_string_truncate(page->text, page->text->len - 1);
    g_string_append_c(page->text, '\n');
    g_array_append_val(page->looks, look);
}

void page_section(Page *page, const char *title)
{
    if (page->text->len)
        end_line(page, (PagerLook){0});
    if (!title)
        return;
    add_clean(page->text, title);
    end_line(page, (PagerLook){.role = ROLE_TITLE});
}

void page_fact_in(Page *page, Role role, const char *label, const char *value)
{
    g_string_append_printf(page->text, "%*s%-*s", INDENT, "", PAGE_LABEL, label);
    add_clean(page->text, value && *value ? value : "-");
    end_line(page, (PagerLook){.role = value && *value ? (guint8)role : ROLE_DIM,
                               .label = INDENT + PAGE_LABEL,
                               .hang = INDENT + PAGE_LABEL});
}

void page_fact(Page *page, const char *label, const char *value)
{
    page_fact_in(page, ROLE_TEXT, label, value);
}

void page_factf(Page *page, const char *label, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *value = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    page_fact(page, label, value);
}

void page_line(Page *page, Role role, const char *text)
{
    g_string_append_printf(page->text, "%*s", INDENT, "");
    add_clean(page->text, text);
    end_line(page, (PagerLook){.role = (guint8)role, .hang = INDENT});
}

PageTable *page_table_new(const char *const *titles)
{
    PageTable *table = g_new0(PageTable, 1);
    table->titles = titles;
    table->columns = g_strv_length((char **)(gintptr)titles);
    table->cells = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void page_table_add(PageTable *table, char *text)
{
    if (text && !*text)
        g_clear_pointer(&text, g_free);
    g_ptr_array_add(table->cells, text);
}

static bool is_right(const PageTable *table, guint column)
{
    return *table->titles[column] == '>';
}

static const char *title_of(const PageTable *table, guint column)
{
    return table->titles[column] + is_right(table, column);
}

/* The width of each column; 0 for one that nothing is known of. */
static void measure(const PageTable *table, int *widths)
{
    for (guint column = 0; column < table->columns; column++) {
        widths[column] = 0;
        for (guint i = column; i < table->cells->len; i += table->columns) {
            const char *cell = table->cells->pdata[i];
            if (cell)
                widths[column] = MAX(widths[column], MIN(text_columns(cell, true), WIDE));
        }
        if (widths[column])
            widths[column] = MAX(widths[column], text_columns(title_of(table, column), true));
    }
}

/* Adds a row; returns where its last column begins. */
static int add_row(Page *page, const PageTable *table, const int *widths, guint first)
{
    int at = INDENT, hang = INDENT;
    bool heading = first >= table->cells->len;
    g_string_append_printf(page->text, "%*s", INDENT, "");
    for (guint column = 0; column < table->columns; column++) {
        if (!widths[column])
            continue;
        const char *cell = heading ? title_of(table, column)
                           : table->cells->pdata[first + column]
                               ? table->cells->pdata[first + column]
                               : "-";
        int space = MAX(widths[column] - text_columns(cell, true), 0);
        hang = at;
        g_string_append_printf(page->text, "%*s", is_right(table, column) ? space : 0, "");
        add_clean(page->text, cell);
        g_string_append_printf(page->text, "%*s", is_right(table, column) ? 0 : space, "");
        g_string_append_printf(page->text, "%*s", GAP, "");
        at += widths[column] + GAP;
    }
    return hang;
}

void page_table_put(Page *page, PageTable *table)
{
    g_autofree int *widths = g_new0(int, table->columns);
    measure(table, widths);
    guint whole = table->cells->len - table->cells->len % table->columns;
    int hang = whole ? add_row(page, table, widths, table->cells->len) : 0;
    PagerLook look = {.role = ROLE_HEADING, .hang = (guint8)MIN(hang, HANG_MAX)};
    if (whole)
        end_line(page, look);
    look.role = ROLE_TEXT;
    for (guint first = 0; first < whole; first += table->columns) {
        (void)add_row(page, table, widths, first);
        end_line(page, look);
    }
    g_ptr_array_unref(table->cells);
    g_free(table);
}

char *page_bar(const Page *page, int columns, double percent)
{
    if (isnan(percent))
        return NULL;
    GString *bar = g_string_new(NULL);
    int full = (int)lround(CLAMP(percent, 0, 100) / 100 * columns);
    for (int i = 0; i < columns; i++)
        g_string_append(bar,
                        glyph_text(i < full ? GLYPH_BAR_FULL : GLYPH_BAR_EMPTY, page->glyphs));
    g_string_append_printf(bar, " %3.0f%%", percent);
    return g_string_free(bar, FALSE);
}

const char *page_text(const Page *page)
{
    return page->text->str;
}

void page_show(const Page *page, Pager *pager)
{
    g_auto(GStrv) lines = g_strsplit(page->text->str, "\n", -1);
    pager_set(pager, "");
    for (guint i = 0; i < page->looks->len && lines[i]; i++)
        pager_add_line(pager, lines[i], &g_array_index(page->looks, PagerLook, i));
}

static char *word_of(const json_t *value)
{
    char text[32];
    if (json_is_string(value))
        return *json_string_value(value) ? g_strdup(json_string_value(value)) : NULL;
    if (json_is_boolean(value))
        return g_strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_integer(value))
        return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (!json_is_real(value))
        return NULL;
    units_number(json_real_value(value), text, sizeof text);
    return g_strdup(text);
}

char *page_word(const json_t *object, const char *key)
{
    return word_of(json_object_get(object, key));
}

char *page_words(const json_t *object, const char *key)
{
    GString *all = g_string_new(NULL);
    size_t i;
    const json_t *value;
    json_array_foreach(json_object_get(object, key), i, value)
    {
        g_autofree char *word = word_of(value);
        if (word)
            g_string_append_printf(all, "%s%s", all->len ? ", " : "", word);
    }
    return g_string_free(all, all->len == 0);
}

double page_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static char *number_as(const json_t *object, const char *key,
                       void (*format)(double, char *, size_t))
{
    char text[32];
    double number = page_number(object, key);
    if (isnan(number) || number < 0)
        return NULL;
    format(number, text, sizeof text);
    return g_strdup(text);
}

char *page_bytes(const json_t *object, const char *key)
{
    return number_as(object, key, units_bytes);
}

char *page_duration(const json_t *object, const char *key)
{
    return number_as(object, key, units_duration);
}

char *page_when(const json_t *object, const char *key)
{
    char text[32];
    double when = page_number(object, key);
    if (isnan(when) || when <= 0)
        return NULL;
    units_when(when, (double)g_get_real_time() / G_USEC_PER_SEC, text, sizeof text);
    return g_strdup(text);
}
