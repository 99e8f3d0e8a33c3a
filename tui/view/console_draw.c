#include "tui/model/units.h"
#include "tui/view/console_private.h"

#include "tui/screen/text.h"

#include <string.h>

enum { MESSAGE_LINES = 6 };

/* Writes a piece of a line and moves on. */
static void piece(Console *console, int row, int *column, Role role, const char *text)
{
    *column += draw_text(console->screen, row, *column,
                         screen_columns(console->screen) - *column, role, text);
}

static const char *sign(const Console *console, Glyph glyph)
{
    return glyph_text(glyph, screen_glyphs(console->screen));
}

/* "● quorate 3/3", before the nodes that this console reaches. */
static void draw_quorum_part(Console *console, int *column, const ModelCounts *counts)
{
    char text[64];
    bool whole = counts->quorate && counts->members == counts->cluster_size;
    Role role = whole ? ROLE_STATUS : counts->quorate ? ROLE_WARNING : ROLE_ERROR;
    if (!counts->cluster_size)
        return;
    piece(console, 0, column, whole ? ROLE_RUNNING : role,
          sign(console, whole ? GLYPH_RUNNING : GLYPH_ATTENTION));
    g_snprintf(text, sizeof text, " %s %d/%d   ", counts->quorate ? "quorate" : "not quorate",
               counts->members, counts->cluster_size);
    piece(console, 0, column, role, text);
}

static void draw_nodes_part(Console *console, int *column, const ModelCounts *counts)
{
    char text[96];
    bool whole = counts->nodes_ready == counts->nodes;
    piece(console, 0, column, whole ? ROLE_RUNNING : ROLE_ERROR,
          sign(console, whole ? GLYPH_RUNNING : GLYPH_ATTENTION));
    g_snprintf(text, sizeof text, " %u/%u node%s", counts->nodes_up, counts->nodes,
               counts->nodes == 1 ? "" : "s");
    piece(console, 0, column, whole ? ROLE_STATUS : ROLE_ERROR, text);
}

static void draw_status(Console *console)
{
    char text[96], clock[16];
    ModelCounts counts;
    int column = 1, columns = screen_columns(console->screen);
    model_counts(console_model(console), &counts);
    draw_fill(console->screen, (Box){0, 0, 1, columns}, ROLE_STATUS);
    piece(console, 0, &column, ROLE_TITLE, cluster_name(console_cluster(console)));
    piece(console, 0, &column, ROLE_STATUS, " ");
    draw_quorum_part(console, &column, &counts);
    draw_nodes_part(console, &column, &counts);
    g_snprintf(text, sizeof text, "   %u guest%s: %u %s %u %s", counts.guests,
               counts.guests == 1 ? "" : "s", counts.running, sign(console, GLYPH_RUNNING),
               counts.stopped, sign(console, GLYPH_STOPPED));
    piece(console, 0, &column, ROLE_STATUS, text);
    if (counts.other) {
        g_snprintf(text, sizeof text, " %u %s", counts.other, sign(console, GLYPH_PAUSED));
        piece(console, 0, &column, ROLE_WARNING, text);
    }
    if (counts.alarms) {
        g_snprintf(text, sizeof text, "   %s %u", sign(console, GLYPH_ATTENTION),
                   counts.alarms);
        piece(console, 0, &column, counts.errors ? ROLE_ERROR : ROLE_WARNING, text);
    }
    if (counts.tasks) {
        g_snprintf(text, sizeof text, "   %s %u", sign(console, GLYPH_TASK), counts.tasks);
        piece(console, 0, &column, ROLE_ACCENT, text);
    }
    if (console->options->readonly)
        piece(console, 0, &column, ROLE_WARNING, "   readonly");
    units_clock((double)g_get_real_time() / G_USEC_PER_SEC, TRUE, clock, sizeof clock);
    if (column + 10 < columns)
        draw_text(console->screen, 0, columns - 9, 8, ROLE_STATUS, clock);
}

static void describe_table(Table *table, GString *out)
{
    bool descending;
    guint hidden = 0, marked = table_marked(table, &hidden);
    guint shown = table_shown(table), total = table_total(table);
    int sort = table_sort(table, &descending);
    if (*table_filter(table))
        g_string_append_printf(out, "   filter: %s", table_filter(table));
    if (sort >= 0)
        g_string_append_printf(out, "   sort: %s%s", model_fields(table_kind(table))[sort].name,
                               descending ? " down" : "");
    if (shown == total)
        g_string_append_printf(out, "   %u", total);
    else
        g_string_append_printf(out, "   %u of %u", shown, total);
    if (marked)
        g_string_append_printf(out, "   marked %u", marked);
    if (hidden)
        g_string_append_printf(out, " (%u hidden by the filter)", hidden);
    if (table_in_range(table))
        g_string_append(out, "   range: move, then v or Space ends it");
}

static void draw_place(Console *console)
{
    const View *view = console_view(console);
    int column = 1, columns = screen_columns(console->screen);
    piece(console, 1, &column, ROLE_TITLE, view->class->title);
    if (console->filtering) {
        int error = console->filter_error ? (int)strlen(console->filter_error) + 2 : 0;
        piece(console, 1, &column, ROLE_ACCENT, "   /");
        int room = MAX(columns - column - 1 - error, 20);
        input_draw(&console->filter, console->screen, 1, column, room);
        if (error)
            draw_text(console->screen, 1, column + room, columns - column - room, ROLE_ERROR,
                      console->filter_error);
        return;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    if (view->class->table && view->class->table(view->self))
        describe_table(view->class->table(view->self), text);
    if (view->class->describe)
        view->class->describe(view->self, text);
    piece(console, 1, &column, ROLE_TEXT, text->str);
}

/* What the line of keys offers; the rest is in help. */
static bool is_worth_a_place(const Action *action)
{
    switch (action->command) {
    case DO_UP:
    case DO_DOWN:
    case DO_LEFT:
    case DO_RIGHT:
    case DO_PAGE_UP:
    case DO_PAGE_DOWN:
    case DO_FIRST:
    case DO_LAST:
    case DO_RANGE:
    case DO_MARK_ALL:
    case DO_UNMARK:
    case DO_REVERSE:
    case DO_REPAINT:
    case DO_HELP:
    case DO_QUIT:
    case DO_RETRY:
        return false;
    case DO_VIEW:
        return (action->where & IN_DASHBOARD) != 0;
    default:
        return true;
    }
}

static void key_hint(Console *console, int row, int *column, int end, const char *key,
                     const char *label)
{
    int needed = (int)g_utf8_strlen(key, -1) + 1 + (int)g_utf8_strlen(label, -1) + 2;
    if (*column + needed > end)
        return;
    piece(console, row, column, ROLE_ACCENT, key);
    piece(console, row, column, ROLE_KEYS, " ");
    piece(console, row, column, ROLE_KEYS, label);
    piece(console, row, column, ROLE_KEYS, "  ");
}

static void draw_keys(Console *console)
{
    char key[32];
    int row = screen_rows(console->screen) - 1, column = 1;
    int end = screen_columns(console->screen) - (int)strlen("? keys  q quit  ");
    unsigned where = console_where(console);
    const View *view = console_view(console);
    draw_fill(console->screen, (Box){row, 0, 1, screen_columns(console->screen)}, ROLE_KEYS);
    for (const Action *action = actions(); action->name; action++) {
        action_key_text(console->keys, action, key, sizeof key);
        if (!*key || !(action->where & where) || !is_worth_a_place(action))
            continue;
        if ((action->command == DO_BACK && console->view_count <= 1) ||
            (action->command == DO_OPEN && !(where & IN_TABLE)))
            continue;
        key_hint(console, row, &column, end, key, action->label);
    }
    int all = screen_columns(console->screen);
    action_key_text(console->keys, action_find("help"), key, sizeof key);
    key_hint(console, row, &column, all, key, "keys");
    action_key_text(console->keys, action_find("quit"), key, sizeof key);
    key_hint(console, row, &column, all, key, view->class->top ? "quit" : "back");
}

static void draw_bottom(Console *console)
{
    int row = screen_rows(console->screen) - 1, columns = screen_columns(console->screen);
    if (console->message && g_get_monotonic_time() > console->message_until)
        g_clear_pointer(&console->message, g_free);
    if (console->message) {
        g_auto(GStrv) lines = text_wrap(console->message, columns - 2);
        int count = (int)MIN(g_strv_length(lines), (guint)MESSAGE_LINES);
        draw_fill(console->screen, (Box){row - count + 1, 0, count, columns}, ROLE_TEXT);
        for (int i = 0; i < count; i++)
            draw_text(console->screen, row - count + 1 + i, 1, columns - 2,
                      console->message_role, lines[i]);
        return;
    }
    draw_keys(console);
}

static void draw_too_small(Console *console)
{
    int columns = screen_columns(console->screen);
    draw_printf(console->screen, 0, 0, columns, ROLE_WARNING, "too small: %dx%d", columns,
                screen_rows(console->screen));
    draw_printf(console->screen, 1, 0, columns, ROLE_TEXT, "needs %dx%d", SCREEN_COLUMNS_MIN,
                SCREEN_ROWS_MIN);
}

void console_draw(Console *console)
{
    if (!console->screen || !console->view_count || !screen_begin(console->screen))
        return;
    if (console->frame) {
        (void)g_source_remove(console->frame);
        console->frame = 0;
    }
    console->last_frame = g_get_monotonic_time();
    const View *view = console_view(console);
    int rows = screen_rows(console->screen), columns = screen_columns(console->screen);
    bool full = view->class->full && view->class->full(view->self);
    if (screen_is_too_small(console->screen)) {
        draw_too_small(console);
    } else if (full) {
        view->class->draw(view->self, console->screen, (Box){0, 0, rows, columns});
    } else if (view->class->whole) {
        draw_status(console);
        view->class->draw(view->self, console->screen, (Box){1, 0, rows - 1, columns});
    } else {
        draw_status(console);
        draw_place(console);
        view->class->draw(view->self, console->screen, (Box){2, 0, rows - 3, columns});
        draw_bottom(console);
        /* The filter's cursor, wherever the view put one. */
        if (console->filtering)
            draw_place(console);
    }
    for (guint i = 0; !screen_is_too_small(console->screen) && i < console->overlays->len;
         i++) {
        Overlay *overlay = console->overlays->pdata[i];
        overlay->class->draw(overlay, console->screen);
    }
    screen_end(console->screen);
}
