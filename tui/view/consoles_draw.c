#include "tui/screen/text.h"
#include "tui/view/consoles_private.h"

#include <string.h>

/* The pane's frame, title and last line are left out below this height. */
enum { FRAMED_ROWS = 8, TEXT_MAX = 512 };

static const char *const help[] = {
    "Ctrl-]  leave",
    "f       full screen, and back",
    "t       list of tabs",
    "n p     next, previous tab",
    "1 - 9   that tab",
    "s       scroll and search",
    "c       copy the selection, or the screen",
    "k       close this tab",
    "r       open again what has ended",
    "]       send Ctrl-] to the program",
};

static const char *state_sentence(const ConsoleTab *tab)
{
    switch (tab->state) {
    case TAB_OPENING:
        return "opening";
    case TAB_BUSY:
        return "in use";
    case TAB_FAILED:
        return "could not be opened";
    case TAB_ENDED:
        return "has ended";
    case TAB_OPEN:
        break;
    }
    return "";
}

static void draw_title(const Consoles *consoles, Box box)
{
    static const char keys[] = "Ctrl-] leave   Ctrl-] f full   Ctrl-] t tabs";
    static const char fewer[] = "Ctrl-] leave   Ctrl-] ? keys";
    static const char command[] = "Ctrl-] leave  f t n p s c k r  ? keys";
    Screen *screen = consoles->host.screen;
    const ConsoleTab *tab = consoles_current(consoles);
    gboolean asked = consoles->mode == CONSOLES_COMMAND || consoles->mode == CONSOLES_HELP;
    const char *into = glyph_text(GLYPH_INTO, screen_glyphs(screen));
    char place[TEXT_MAX];
    const char *last = tab ? strrchr(tab->title, ' ') : NULL;
    const char *what = last ? last + 1 : "";
    if (!tab)
        (void)g_snprintf(place, sizeof place, " %s %s consoles", consoles->cluster, into);
    else if (tab->target.what == CONSOLE_COMMAND)
        (void)g_snprintf(place, sizeof place, " %s %s %s", consoles->cluster, into, tab->title);
    else if (tab->target.guest)
        (void)g_snprintf(place, sizeof place, " %s %s %s%s%s on %s %s %s", consoles->cluster,
                         into, tab->target.guest, tab->target.name ? " " : "",
                         tab->target.name ? tab->target.name : "", tab->target.node, into,
                         what);
    else
        (void)g_snprintf(place, sizeof place, " %s %s %s %s %s", consoles->cluster, into,
                         tab->target.node, into, what);
    /* Where one is matters more than all the keys. */
    int room = box.columns - text_columns(place, screen_utf8(screen)) - 3;
    const char *right = asked ? command : room < (int)strlen(keys) ? fewer : keys;
    int left = box.columns - (int)strlen(right) - 3;
    draw_field(screen, box.row, box.column, MAX(left, 0), ROLE_TITLE, ALIGN_LEFT, place);
    draw_field(screen, box.row, box.column + MAX(left, 0), box.columns - MAX(left, 0),
               asked ? ROLE_ACCENT : ROLE_DIM, ALIGN_RIGHT, right);
}

/* " 1 ct/201 shell " in the frame's upper line, the shown one always among them. */
static void draw_tabs(const Consoles *consoles, Box frame)
{
    Screen *screen = consoles->host.screen;
    int room = frame.columns - 4, used = 0;
    guint first = consoles->current;
    for (int width = 0; first > 0; first--) {
        const ConsoleTab *tab = consoles->tabs->pdata[first];
        width += text_columns(tab->title, screen_utf8(screen)) + 8;
        if (width > room / 2)
            break;
    }
    for (guint i = first; i < consoles->tabs->len && used < room; i++) {
        const ConsoleTab *tab = consoles->tabs->pdata[i];
        gboolean shown = i == consoles->current;
        const char *mark = tab->state != TAB_OPEN ? "!" : tab->fresh && !shown ? "*" : "";
        char label[TEXT_MAX];
        (void)g_snprintf(label, sizeof label, " %u %s%s ", i + 1, tab->title, mark);
        used += draw_text(screen, frame.row, frame.column + 1 + used, room - used,
                          shown ? ROLE_SELECTED : ROLE_TEXT, label);
        used += 1;
    }
}

static void draw_scroll_line(const Consoles *consoles, const ConsoleTab *tab, Box line)
{
    const ConsoleScroll *scroll = &consoles->scroll;
    Screen *screen = consoles->host.screen;
    if (scroll->typing) {
        int used = draw_printf(screen, line.row, line.column, line.columns, ROLE_INPUT, " %c%s",
                               scroll->up ? '?' : '/', scroll->needle->str);
        draw_cursor(screen, line.row, line.column + used);
        return;
    }
    gint64 first = terminal_first_line(tab->terminal);
    gint64 lines = terminal_screen_line(tab->terminal) + terminal_rows(tab->terminal) - first;
    char keys[TEXT_MAX];
    (void)g_snprintf(keys, sizeof keys,
                     " Line %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT "%s   %s   Esc back",
                     scroll->at.line - first + 1, lines, scroll->missed ? "   not found" : "",
                     scroll->selecting ? "c copy"
                                       : "/ ? search  n N again  Space select  PgUp PgDn");
    draw_field(screen, line.row, line.column, line.columns, ROLE_KEYS, ALIGN_LEFT, keys);
}

static void draw_last_line(const Consoles *consoles, Box line)
{
    Screen *screen = consoles->host.screen;
    const ConsoleTab *tab = consoles_current(consoles);
    char tasks[TEXT_MAX] = "";
    if (tab && consoles->mode == CONSOLES_SCROLL) {
        draw_scroll_line(consoles, tab, line);
        return;
    }
    if (consoles->notice) {
        draw_printf(screen, line.row, line.column, line.columns, ROLE_ACCENT, " %s",
                    consoles->notice);
        return;
    }
    if (tab && console_tab_is_read(tab)) {
        draw_printf(screen, line.row, line.column, line.columns,
                    tab->message ? ROLE_ERROR : ROLE_ACCENT, " %s: %s   %sany %skey leaves",
                    tab->title, tab->message ? tab->message : "done",
                    tab->message ? "r again   " : "", tab->message ? "other " : "");
        return;
    }
    consoles->host.tasks(tasks, sizeof tasks, consoles->host_user);
    if (!*tasks && tab && tab->state == TAB_OPEN && !tab->heard)
        (void)g_strlcpy(tasks, "connected; nothing was said yet, Enter may wake it",
                        sizeof tasks);
    draw_printf(screen, line.row, line.column, line.columns, ROLE_KEYS, " %s", tasks);
}

/* A box with lines of text in the middle of the pane. */
static void draw_box(const Consoles *consoles, Box pane, const char *title,
                     const char *const *lines, guint count, guint chosen)
{
    Screen *screen = consoles->host.screen;
    int width = text_columns(title, screen_utf8(screen)) + 4;
    for (guint i = 0; i < count; i++)
        width = MAX(width, text_columns(lines[i], screen_utf8(screen)) + 2);
    Box box = {.rows = MIN((int)count + 2, pane.rows), .columns = MIN(width + 2, pane.columns)};
    box.row = pane.row + (pane.rows - box.rows) / 2;
    box.column = pane.column + (pane.columns - box.columns) / 2;
    Box inside = draw_frame(screen, box, ROLE_BORDER, title);
    for (int i = 0; i < MIN(inside.rows, (int)count); i++)
        draw_field(screen, inside.row + i, inside.column + 1, inside.columns - 2,
                   (guint)i == chosen ? ROLE_SELECTED : ROLE_TEXT, ALIGN_LEFT, lines[i]);
}

static void draw_tab_list(const Consoles *consoles, Box pane)
{
    const char *lines[CONSOLES_MAX] = {NULL};
    guint count = consoles->tabs->len, rows = (guint)MAX(pane.rows - 2, 1);
    guint first = consoles->chosen >= rows ? consoles->chosen - rows + 1 : 0;
    for (guint i = first; i < count; i++) {
        const ConsoleTab *tab = consoles->tabs->pdata[i];
        const char *state = state_sentence(tab);
        lines[i - first] = g_strdup_printf(
            "%2u %s%s%s%s%s", i + 1, tab->title, tab->target.name ? "  " : "",
            tab->target.name ? tab->target.name : "", *state ? "  " : "", state);
    }
    draw_box(consoles, pane, "Tabs: Enter shows", lines, count - first,
             consoles->chosen - first);
    for (guint i = first; i < count; i++)
        g_free((char *)lines[i - first]);
}

static void draw_state_box(const Consoles *consoles, const ConsoleTab *tab, Box pane)
{
    g_autofree char *title = g_strdup_printf("%s %s", tab->title, state_sentence(tab));
    static const char *const keys[] = {
        [TAB_OPENING] = "Esc leave  k give up",
        [TAB_BUSY] = "t take it over  r try again  k close  Esc leave",
        [TAB_FAILED] = "r try again  k close  Esc leave",
        [TAB_ENDED] = "r open again  k close  Esc leave",
        [TAB_OPEN] = "",
    };
    char standing[TEXT_MAX] = "";
    consoles->host.standing(&tab->target, standing, sizeof standing, consoles->host_user);
    g_autofree char *text = g_strconcat(
        tab->message ? tab->message : "", tab->message ? "\n" : "", standing,
        *standing ? "\n" : "", tab->message || *standing ? "\n" : "", keys[tab->state], NULL);
    g_auto(GStrv) lines = text_wrap(text, pane.columns - 4);
    draw_box(consoles, pane, title, (const char *const *)lines, g_strv_length(lines),
             G_MAXUINT);
}

static void draw_overlay(const Consoles *consoles, const ConsoleTab *tab, Box pane)
{
    static const char *const close_lines[] = {"its program is still running", "",
                                              "y close it  any other key keeps it"};
    if (consoles->mode == CONSOLES_HELP) {
        draw_box(consoles, pane, "After Ctrl-]", help, G_N_ELEMENTS(help), G_MAXUINT);
    } else if (consoles->mode == CONSOLES_TABS) {
        draw_tab_list(consoles, pane);
    } else if (consoles->mode == CONSOLES_CLOSE) {
        g_autofree char *title = g_strdup_printf("Close %s?", tab->title);
        draw_box(consoles, pane, title, close_lines, G_N_ELEMENTS(close_lines), G_MAXUINT);
    } else if (tab->state != TAB_OPEN && !console_tab_is_read(tab) &&
               consoles->mode != CONSOLES_SCROLL) {
        draw_state_box(consoles, tab, pane);
    }
}

static void draw_pane(Consoles *consoles, ConsoleTab *tab, Box pane)
{
    Screen *screen = consoles->host.screen;
    const ConsoleScroll *scroll = &consoles->scroll;
    TerminalFrame frame = {.top = terminal_screen_line(tab->terminal)};
    gboolean scrolling = consoles->mode == CONSOLES_SCROLL;
    if (scrolling) {
        console_scroll_settle(&consoles->scroll, tab->terminal);
        frame = (TerminalFrame){scroll->top, scroll->selecting, scroll->anchor, scroll->at};
    }
    guint row = 0, column = 0;
    gboolean visible = terminal_cursor(tab->terminal, &row, &column) &&
                       tab->state == TAB_OPEN && consoles->mode == CONSOLES_PROGRAM;
    if (scrolling) {
        row = (guint)(scroll->at.line - scroll->top);
        column = scroll->at.column;
        visible = TRUE;
    }
    terminal_view_draw(consoles->view, screen, pane, tab->terminal, &frame, consoles->repaint);
    consoles->repaint = FALSE;
    tab->fresh = FALSE;
    if (visible && (int)row < pane.rows && (int)column < pane.columns)
        draw_cursor(screen, pane.row + (int)row, pane.column + (int)column);
    draw_overlay(consoles, tab, pane);
}

/* Where the terminal goes, with everything around it drawn. */
static Box draw_surroundings(const Consoles *consoles, Box box)
{
    const ConsoleTab *tab = consoles_current(consoles);
    gboolean talks = consoles->mode == CONSOLES_SCROLL || consoles->notice ||
                     (tab && console_tab_is_read(tab));
    Box last = {box.row + box.rows - 1, box.column, 1, box.columns};
    if (consoles->fullscreen) {
        /* The last line is borrowed from the program only to answer a person. */
        return talks ? (Box){box.row, box.column, box.rows - 1, box.columns} : box;
    }
    draw_title(consoles, box);
    Box pane = {box.row + 1, box.column, box.rows - 2, box.columns};
    if (box.rows >= FRAMED_ROWS) {
        Box frame = pane;
        pane = draw_frame(consoles->host.screen, frame, ROLE_BORDER, NULL);
        draw_tabs(consoles, frame);
    }
    draw_last_line(consoles, last);
    return pane;
}

void consoles_draw(Consoles *consoles, Box box)
{
    ConsoleTab *tab = consoles_current(consoles);
    Box pane = draw_surroundings(consoles, box);
    if (!tab) {
        draw_text(consoles->host.screen, pane.row, pane.column + 1, pane.columns - 1, ROLE_DIM,
                  "No console is open. Esc leaves.");
        return;
    }
    Box whole = consoles->fullscreen ? box : pane;
    consoles->rows = (guint)MAX(whole.rows, 1);
    consoles->columns = (guint)MAX(whole.columns, 1);
    for (guint i = 0; i < consoles->tabs->len; i++)
        console_tab_resize(consoles->tabs->pdata[i], consoles->rows, consoles->columns);
    draw_pane(consoles, tab, whole);
    if (pane.rows < whole.rows)
        draw_last_line(consoles, (Box){box.row + box.rows - 1, box.column, 1, box.columns});
}
