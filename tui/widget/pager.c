#include "tui/widget/pager.h"

#include "tui/screen/text.h"
#include "tui/widget/input.h"

#include <string.h>

enum { LINE_BYTES = 16384, HANG_ROOM = 16 };

typedef struct {
    gsize at; /* where it begins */
    PagerLook look;
} Line;

/* A row on the screen: a line, and which of the rows that it takes. */
typedef struct {
    guint line, row;
} Place;

struct Pager {
    GString *text;
    GArray *lines; /* Line */
    Place top;
    int left;
    bool follow, cut;
    int rows, columns; /* last drawn */
    bool asking;
    Input input;
    char *wanted;
    bool missed;
};

Pager *pager_new(bool follow)
{
    Pager *pager = g_new0(Pager, 1);
    pager->text = g_string_new(NULL);
    pager->lines = g_array_new(FALSE, FALSE, sizeof(Line));
    pager->follow = follow;
    input_init(&pager->input, "");
    return pager;
}

void pager_free(Pager *pager)
{
    if (!pager)
        return;
    g_string_free(pager->text, TRUE);
    g_array_unref(pager->lines);
    input_clear(&pager->input);
    g_free(pager->wanted);
    g_free(pager);
}

static void begin_line(Pager *pager, gsize at)
{
    Line line = {.at = at};
    g_array_append_val(pager->lines, line);
}

static void index_from(Pager *pager, gsize from)
{
    if (from == 0) {
        g_array_set_size(pager->lines, 0);
        if (pager->text->len)
            begin_line(pager, 0);
    }
    for (gsize i = from; i < pager->text->len; i++)
        if (pager->text->str[i] == '\n' && i + 1 < pager->text->len)
            begin_line(pager, i + 1);
}

void pager_set(Pager *pager, const char *text)
{
    g_string_truncate(pager->text, 0);
    g_string_append_len(pager->text, text, (gssize)MIN(strlen(text), PAGER_MAX));
    index_from(pager, 0);
}

void pager_add(Pager *pager, const char *text, size_t length)
{
    gsize before = pager->text->len;
    g_string_append_len(pager->text, text, (gssize)length);
    if (pager->text->len > PAGER_MAX) {
        /* A quarter at once, so that it is not done for each piece. */
        gsize cut = pager->text->len - PAGER_MAX * 3 / 4;
        const char *line = memchr(pager->text->str + cut, '\n', pager->text->len - cut);
        cut = line ? (gsize)(line + 1 - pager->text->str) : cut;
        g_string_erase(pager->text, 0, (gssize)cut);
        index_from(pager, 0);
        pager->top = (Place){0, 0};
        return;
    }
    /* A newline at the old end begins a line only now. */
    if (before == 0 || pager->text->str[before - 1] != '\n') {
        index_from(pager, before);
    } else if (length) {
        begin_line(pager, before);
        index_from(pager, before);
    }
}

void pager_add_line(Pager *pager, const char *text, const PagerLook *look)
{
    gsize length = strlen(text);
    if (pager->text->len + length + 1 > PAGER_MAX)
        return;
    if (pager->text->len && pager->text->str[pager->text->len - 1] != '\n')
        g_string_append_c(pager->text, '\n');
    Line line = {pager->text->len, *look};
    g_array_append_val(pager->lines, line);
    g_string_append_len(pager->text, text, (gssize)length);
    g_string_append_c(pager->text, '\n');
}

bool pager_is_empty(const Pager *pager)
{
    return pager->text->len == 0;
}

bool pager_is_asking(const Pager *pager)
{
    return pager->asking;
}

static const Line *line_at(const Pager *pager, guint line)
{
    return &g_array_index(pager->lines, Line, line);
}

static char *line_text(const Pager *pager, guint line)
{
    gsize from = line_at(pager, line)->at;
    gsize to = line + 1 < pager->lines->len ? line_at(pager, line + 1)->at : pager->text->len;
    while (to > from && (pager->text->str[to - 1] == '\n' || pager->text->str[to - 1] == '\r'))
        to--;
    return g_strndup(pager->text->str + from, MIN(to - from, LINE_BYTES));
}

/* Bytes of the text that one row takes; at a space when one is in its second half. */
static gsize row_length(const char *text, int columns)
{
    const char *at = text, *here = text, *space = NULL;
    int used = 0, width = 0;
    while (text_next(&at, true, &width)) {
        if (used + width > columns && *here == ' ')
            return (gsize)(at - text);
        if (used + width > columns)
            return (gsize)((space ? space : here > text ? here : at) - text);
        used += width;
        if (*here == ' ' && used > columns / 2)
            space = at;
        here = at;
    }
    return strlen(text);
}

/* How far the rows after a line's first one are set in. */
static int hang_of(const Pager *pager, const Line *line)
{
    return pager->columns - line->look.hang >= HANG_ROOM ? line->look.hang : 0;
}

/* The row's text, moved on to the next one in *text; FALSE when there is none. */
static bool next_row(const Pager *pager, const Line *line, guint row, const char **text,
                     gsize *length)
{
    if (row > 0 && !**text)
        return false;
    int columns = MAX(pager->columns - (row ? hang_of(pager, line) : 0), 1);
    *length = pager->cut ? strlen(*text) : row_length(*text, columns);
    return true;
}

static guint rows_of(const Pager *pager, guint index)
{
    if (pager->cut)
        return 1;
    g_autofree char *whole = line_text(pager, index);
    const char *text = whole;
    gsize length;
    guint rows = 0;
    while (next_row(pager, line_at(pager, index), rows, &text, &length)) {
        text += length;
        rows++;
    }
    return rows;
}

/* The top that has the text's end on the last row. */
static Place last_top(const Pager *pager)
{
    guint room = (guint)MAX(pager->rows, 1);
    for (guint line = pager->lines->len; line-- > 0;) {
        guint rows = rows_of(pager, line);
        if (rows >= room)
            return (Place){line, rows - room};
        room -= rows;
    }
    return (Place){0, 0};
}

/* The tail of a text that begins so many columns on. */
static const char *skip_columns(const char *text, int columns)
{
    int width = 0;
    while (columns > 0 && text_next(&text, true, &width))
        columns -= width;
    return text;
}

static void draw_matches(const Pager *pager, Screen *screen, int row, Box box, const char *text)
{
    for (const char *hit = text; (hit = strcasestr(hit, pager->wanted));
         hit += strlen(pager->wanted)) {
        g_autofree char *before = g_strndup(text, (gsize)(hit - text));
        g_autofree char *match = g_strndup(hit, strlen(pager->wanted));
        int column = text_columns(before, screen_utf8(screen));
        draw_text(screen, row, box.column + column, box.columns - column, ROLE_MATCH, match);
    }
}

static void draw_row(const Pager *pager, Screen *screen, int row, Box box, const Line *line,
                     guint index, const char *text)
{
    if (index == 0 && line->look.label && pager->left == 0) {
        const char *rest = skip_columns(text, line->look.label);
        g_autofree char *label = g_strndup(text, (gsize)(rest - text));
        int used = draw_text(screen, row, box.column, box.columns, ROLE_DIM, label);
        draw_text(screen, row, box.column + used, box.columns - used, line->look.role, rest);
    } else {
        draw_text(screen, row, box.column, box.columns, line->look.role, text);
    }
    if (pager->wanted)
        draw_matches(pager, screen, row, box, text);
}

/* Draws a line from one of its rows on; returns how many it drew. */
static int draw_line(const Pager *pager, Screen *screen, Box box, Place from)
{
    g_autofree char *whole = line_text(pager, from.line);
    const Line *line = line_at(pager, from.line);
    const char *text = pager->cut ? skip_columns(whole, pager->left) : whole;
    gsize length;
    int drawn = 0;
    for (guint row = 0; drawn < box.rows && next_row(pager, line, row, &text, &length); row++) {
        g_autofree char *piece = g_strchomp(g_strndup(text, length));
        int hang = row ? hang_of(pager, line) : 0;
        text += length;
        if (row >= from.row)
            draw_row(pager, screen, box.row + drawn++,
                     (Box){0, box.column + hang, 1, box.columns - hang}, line, row, piece);
    }
    return drawn;
}

static bool is_after(Place a, Place b)
{
    return a.line > b.line || (a.line == b.line && a.row > b.row);
}

void pager_draw(Pager *pager, Screen *screen, Box box)
{
    pager->rows = box.rows - pager->asking;
    pager->columns = box.columns;
    Place last = last_top(pager), at;
    if (pager->follow || is_after(pager->top, last))
        pager->top = last;
    at = pager->top;
    for (int row = 0; row < pager->rows && at.line < pager->lines->len;
         at = (Place){at.line + 1, 0})
        row +=
            MAX(draw_line(pager, screen,
                          (Box){box.row + row, box.column, pager->rows - row, box.columns}, at),
                1);
    if (pager->asking) {
        draw_text(screen, box.row + box.rows - 1, box.column, 2, ROLE_ACCENT, "/");
        input_draw(&pager->input, screen, box.row + box.rows - 1, box.column + 1,
                   box.columns - 2);
    }
}

static bool has_wanted(const Pager *pager, guint line)
{
    g_autofree char *text = line_text(pager, line);
    return strcasestr(text, pager->wanted) != NULL;
}

static void search(Pager *pager, bool backwards)
{
    pager->missed = false;
    if (!pager->wanted || pager->lines->len == 0)
        return;
    guint count = pager->lines->len;
    for (guint step = 1; step <= count; step++) {
        guint line = (pager->top.line + (backwards ? count - step : step)) % count;
        if (has_wanted(pager, line)) {
            pager->follow = false;
            pager->top = (Place){line, 0};
            return;
        }
    }
    pager->missed = true;
}

static void ask_key(Pager *pager, Key key)
{
    if (key == K_ESC || key == K_CTRL('c')) {
        pager->asking = false;
    } else if (key == K_ENTER) {
        pager->asking = false;
        g_free(pager->wanted);
        pager->wanted = pager->input.text->len ? g_strdup(pager->input.text->str) : NULL;
        search(pager, false);
    } else {
        (void)input_key(&pager->input, key);
    }
}

static bool scroll(Pager *pager, int by)
{
    Place *top = &pager->top, last = last_top(pager);
    pager->follow = false;
    for (; by < 0 && (top->line || top->row); by++)
        *top = top->row ? (Place){top->line, top->row - 1}
                        : (Place){top->line - 1, rows_of(pager, top->line - 1) - 1};
    for (; by > 0 && is_after(last, *top); by--)
        *top = top->row + 1 < rows_of(pager, top->line) ? (Place){top->line, top->row + 1}
                                                        : (Place){top->line + 1, 0};
    return true;
}

static bool go_to(Pager *pager, Place place)
{
    pager->follow = false;
    pager->top = place;
    return true;
}

bool pager_key(Pager *pager, Key key)
{
    if (pager->asking) {
        ask_key(pager, key);
        return true;
    }
    switch (key) {
    case 'j':
    case K_DOWN:
        return scroll(pager, 1);
    case 'k':
    case K_UP:
        return scroll(pager, -1);
    case ' ':
    case K_PAGE_DOWN:
    case K_CTRL('f'):
        return scroll(pager, MAX(pager->rows - 1, 1));
    case K_PAGE_UP:
    case K_CTRL('b'):
        return scroll(pager, -MAX(pager->rows - 1, 1));
    case 'g':
    case K_HOME:
        return go_to(pager, (Place){0, 0});
    case 'G':
    case K_END:
        return go_to(pager, last_top(pager));
    case 'l':
        pager->left += pager->cut ? 8 : 0;
        return true;
    case 'h':
        pager->left = MAX(pager->left - 8, 0);
        return true;
    case 'w':
        pager->cut = !pager->cut;
        pager->left = 0;
        pager->top.row = 0;
        return true;
    case 'F':
        pager->follow = !pager->follow;
        return true;
    case '/':
        pager->asking = true;
        input_set(&pager->input, "");
        return true;
    case 'n':
    case 'N':
        search(pager, key == 'N');
        return true;
    default:
        return false;
    }
}

void pager_describe(const Pager *pager, GString *out)
{
    g_string_append_printf(out, "   line %u of %u%s%s",
                           pager->lines->len ? pager->top.line + 1 : 0, pager->lines->len,
                           pager->follow ? ", following" : "",
                           pager->cut ? ", cut (w wraps)" : "");
    if (pager->missed)
        g_string_append_printf(out, "   not found: %s", pager->wanted);
    else if (pager->wanted)
        g_string_append_printf(out, "   searched: %s", pager->wanted);
}
