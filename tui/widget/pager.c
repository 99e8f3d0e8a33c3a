#include "tui/widget/pager.h"

#include "tui/screen/text.h"
#include "tui/widget/input.h"

#include <string.h>

struct Pager {
    GString *text;
    GArray *lines; /* where each begins: gsize */
    guint top;
    int left;
    bool follow;
    int rows; /* last drawn */
    bool asking;
    Input input;
    char *wanted;
    bool missed;
};

Pager *pager_new(bool follow)
{
    Pager *pager = g_new0(Pager, 1);
    pager->text = g_string_new(NULL);
    pager->lines = g_array_new(FALSE, FALSE, sizeof(gsize));
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

static void index_from(Pager *pager, gsize from)
{
    if (from == 0) {
        g_array_set_size(pager->lines, 0);
        if (pager->text->len)
            g_array_append_val(pager->lines, from);
    }
    for (gsize i = from; i < pager->text->len; i++) {
        if (pager->text->str[i] == '\n' && i + 1 < pager->text->len) {
            gsize next = i + 1;
            g_array_append_val(pager->lines, next);
        }
    }
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
        pager->top = 0;
        return;
    }
    /* A newline at the old end begins a line only now. */
    if (before == 0 || pager->text->str[before - 1] != '\n') {
        index_from(pager, before);
    } else if (length) {
        g_array_append_val(pager->lines, before);
        index_from(pager, before);
    }
}

bool pager_is_empty(const Pager *pager)
{
    return pager->text->len == 0;
}

bool pager_is_asking(const Pager *pager)
{
    return pager->asking;
}

static char *line_text(const Pager *pager, guint line)
{
    gsize from = g_array_index(pager->lines, gsize, line);
    gsize to = line + 1 < pager->lines->len ? g_array_index(pager->lines, gsize, line + 1)
                                            : pager->text->len;
    while (to > from && (pager->text->str[to - 1] == '\n' || pager->text->str[to - 1] == '\r'))
        to--;
    return g_strndup(pager->text->str + from, MIN(to - from, 16384));
}

static guint last_top(const Pager *pager)
{
    guint rows = (guint)MAX(pager->rows, 1);
    return pager->lines->len > rows ? pager->lines->len - rows : 0;
}

/* The tail of a text that begins so many columns on. */
static const char *skip_columns(const char *text, int columns)
{
    int width = 0;
    while (columns > 0 && text_next(&text, true, &width))
        columns -= width;
    return text;
}

static void draw_line(const Pager *pager, Screen *screen, int row, Box box, guint line)
{
    g_autofree char *text = line_text(pager, line);
    const char *shown = skip_columns(text, pager->left);
    draw_text(screen, row, box.column, box.columns, ROLE_TEXT, shown);
    if (!pager->wanted)
        return;
    for (const char *hit = shown; (hit = strcasestr(hit, pager->wanted));
         hit += strlen(pager->wanted)) {
        g_autofree char *before = g_strndup(shown, (gsize)(hit - shown));
        g_autofree char *match = g_strndup(hit, strlen(pager->wanted));
        int column = text_columns(before, screen_utf8(screen));
        draw_text(screen, row, box.column + column, box.columns - column, ROLE_MATCH, match);
    }
}

void pager_draw(Pager *pager, Screen *screen, Box box)
{
    pager->rows = box.rows - pager->asking;
    if (pager->follow)
        pager->top = last_top(pager);
    pager->top = MIN(pager->top, last_top(pager));
    for (int i = 0; i < pager->rows && pager->top + (guint)i < pager->lines->len; i++)
        draw_line(pager, screen, box.row + i, box, pager->top + (guint)i);
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
        guint line = (pager->top + (backwards ? count - step : step)) % count;
        if (has_wanted(pager, line)) {
            pager->follow = false;
            pager->top = line;
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
    pager->follow = false;
    pager->top = (guint)CLAMP((int)pager->top + by, 0, (int)last_top(pager));
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
        return scroll(pager, -(int)pager->lines->len);
    case 'G':
    case K_END:
        return scroll(pager, (int)pager->lines->len);
    case 'l':
        pager->left += 8;
        return true;
    case 'h':
        pager->left = MAX(pager->left - 8, 0);
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
    g_string_append_printf(out, "   line %u of %u%s", pager->lines->len ? pager->top + 1 : 0,
                           pager->lines->len, pager->follow ? ", following" : "");
    if (pager->missed)
        g_string_append_printf(out, "   not found: %s", pager->wanted);
    else if (pager->wanted)
        g_string_append_printf(out, "   searched: %s", pager->wanted);
}
