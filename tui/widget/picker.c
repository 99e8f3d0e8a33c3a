#include "tui/widget/picker.h"

#include "tui/screen/text.h"
#include "tui/widget/input.h"

#include <string.h>

enum { COLUMNS = 76, ROWS = 22, FOOT = 2 };

typedef struct {
    Overlay overlay;
    PickerSetup setup;
    char *title;
    Input input;
    GPtrArray *items;
    guint at, top;
    int keys; /* columns that the items' own keys take */
} Picker;

static void item_free(gpointer data)
{
    PickerItem *item = data;
    g_free(item->label);
    g_free(item->note);
    g_free(item->refusal);
    g_free(item);
}

GPtrArray *picker_items_new(void)
{
    return g_ptr_array_new_with_free_func(item_free);
}

PickerItem *picker_add(GPtrArray *items, int id, const char *label, const char *note)
{
    PickerItem *item = g_new0(PickerItem, 1);
    item->id = id;
    item->label = g_strdup(label);
    item->note = g_strdup(note);
    g_ptr_array_add(items, item);
    return item;
}

static void reload(Picker *picker)
{
    g_clear_pointer(&picker->items, g_ptr_array_unref);
    picker->items = picker->setup.items(picker->input.text->str, picker->setup.user);
    picker->keys = 3;
    for (guint i = 0; i < picker->items->len; i++) {
        char key[16] = "";
        const PickerItem *item = picker->items->pdata[i];
        if (item->key)
            (void)key_describe(item->key, key, sizeof key);
        picker->keys = MAX(picker->keys, (int)strlen(key) + 1);
    }
    picker->at = picker->items->len ? MIN(picker->at, picker->items->len - 1) : 0;
}

static void draw_item(const Picker *picker, Screen *screen, int row, Box inside,
                      const PickerItem *item, bool current)
{
    Role role = current ? ROLE_SELECTED : item->refusal ? ROLE_DIM : ROLE_TEXT;
    const char *note = item->refusal ? item->refusal : item->note;
    int column = inside.column + 1, columns = inside.columns - 2;
    draw_fill(screen, (Box){row, inside.column, 1, inside.columns}, role);
    if (picker->setup.toggles) {
        draw_text(screen, row, column, 4, role, item->checked ? "[x]" : "[ ]");
        column += 4;
        columns -= 4;
    } else if (!picker->setup.search) {
        char key[16] = "";
        if (item->key)
            (void)key_describe(item->key, key, sizeof key);
        draw_text(screen, row, column, picker->keys, current ? role : ROLE_ACCENT, key);
        column += picker->keys;
        columns -= picker->keys;
    }
    int noted = note ? MIN(text_columns(note, screen_utf8(screen)), columns * 2 / 3) : 0;
    int labelled =
        MIN(text_columns(item->label, screen_utf8(screen)), columns - (noted ? 8 : 0));
    noted = MIN(noted, columns - labelled - 2);
    draw_text(screen, row, column, labelled, role, item->label);
    if (noted > 0)
        draw_text(screen, row, column + columns - noted, noted, current ? role : ROLE_DIM,
                  note);
}

/* All of what the row may have cut short, then the keys where there is room. */
static void draw_foot(const Picker *picker, Screen *screen, Box inside)
{
    const PickerItem *at =
        picker->at < picker->items->len ? picker->items->pdata[picker->at] : NULL;
    const char *refusal = at ? at->refusal : NULL;
    const char *note = refusal ? refusal : at ? at->note : NULL;
    g_autofree char *text = g_strconcat(refusal ? "not now: " : "", note ? note : "", NULL);
    g_auto(GStrv) lines = text_wrap(text, inside.columns - 2);
    int row = inside.row + inside.rows - FOOT, used = 0;
    for (; *text && used < FOOT && lines[used]; used++)
        draw_text(screen, row + used, inside.column + 1, inside.columns - 2,
                  refusal ? ROLE_WARNING : ROLE_TEXT, lines[used]);
    if (used < FOOT)
        draw_text(screen, row + FOOT - 1, inside.column + 1, inside.columns - 2, ROLE_DIM,
                  picker->setup.toggles ? "Space show or hide  < > move  Enter keep  Esc leave"
                                        : "Enter choose  Esc leave");
}

static void picker_draw(Overlay *overlay, Screen *screen)
{
    Picker *picker = (Picker *)overlay;
    int head = picker->setup.search ? 1 : 0;
    int wanted =
        picker->setup.search ? ROWS : MIN((int)picker->items->len + FOOT + 2, ROWS + 6);
    Box box = draw_centre(screen, MIN(MAX(wanted, 6), screen_rows(screen) - 2),
                          MIN(COLUMNS, screen_columns(screen) - 2));
    Box inside = draw_frame(screen, box, ROLE_BORDER, picker->title);
    guint lines = (guint)MAX(inside.rows - head - FOOT, 1);
    if (picker->at < picker->top)
        picker->top = picker->at;
    if (picker->at >= picker->top + lines)
        picker->top = picker->at - lines + 1;
    if (picker->top + lines > picker->items->len)
        picker->top = picker->items->len > lines ? picker->items->len - lines : 0;
    for (guint i = 0; i < lines && picker->top + i < picker->items->len; i++)
        draw_item(picker, screen, inside.row + head + (int)i, inside,
                  picker->items->pdata[picker->top + i], picker->top + i == picker->at);
    if (picker->items->len == 0)
        draw_text(screen, inside.row + head, inside.column + 1, inside.columns - 2, ROLE_DIM,
                  "nothing fits");
    draw_foot(picker, screen, inside);
    if (picker->setup.search) {
        draw_text(screen, inside.row, inside.column + 1, 2, ROLE_ACCENT, ":");
        input_draw(&picker->input, screen, inside.row, inside.column + 3, inside.columns - 5);
    }
}

static void move(Picker *picker, int by)
{
    int count = (int)picker->items->len;
    picker->at = (guint)CLAMP((int)picker->at + by, 0, MAX(count - 1, 0));
}

static bool tell(Picker *picker, PickerWhat what)
{
    const PickerItem *item =
        picker->at < picker->items->len ? picker->items->pdata[picker->at] : NULL;
    if (what == PICKER_LEFT)
        item = NULL;
    else if (!item)
        return false;
    return picker->setup.picked(what, item, picker->setup.user);
}

static bool navigate(Picker *picker, Key key)
{
    bool letters = !picker->setup.search;
    int page = ROWS - 4;
    if (key == K_UP || key == K_CTRL('p') || (letters && key == 'k'))
        move(picker, -1);
    else if (key == K_DOWN || key == K_CTRL('n') || (letters && key == 'j'))
        move(picker, 1);
    else if (key == K_PAGE_UP)
        move(picker, -page);
    else if (key == K_PAGE_DOWN)
        move(picker, page);
    else if (letters && (key == K_HOME || key == 'g'))
        picker->at = 0;
    else if (letters && (key == K_END || key == 'G'))
        move(picker, G_MAXINT / 2);
    else
        return false;
    return true;
}

static bool toggle_key(Picker *picker, Key key)
{
    PickerWhat what = key == ' '                 ? PICKER_TOGGLED
                      : key == '<' || key == 'K' ? PICKER_EARLIER
                                                 : PICKER_LATER;
    if (!picker->setup.toggles ||
        !(key == ' ' || key == '<' || key == '>' || key == 'K' || key == 'J'))
        return false;
    (void)tell(picker, what);
    reload(picker);
    if (what == PICKER_EARLIER)
        move(picker, -1);
    else if (what == PICKER_LATER)
        move(picker, 1);
    return true;
}

static bool hot_key(Picker *picker, Key key)
{
    for (guint i = 0; i < picker->items->len; i++) {
        const PickerItem *item = picker->items->pdata[i];
        if (item->key && item->key == key) {
            picker->at = i;
            return true;
        }
    }
    return false;
}

static bool picker_key(Overlay *overlay, Key key)
{
    Picker *picker = (Picker *)overlay;
    if (key == K_ESC || key == K_CTRL('c')) {
        (void)tell(picker, PICKER_LEFT);
        return false;
    }
    if (key == K_ENTER ||
        (!picker->setup.search && !picker->setup.toggles && hot_key(picker, key)))
        return picker->items->len ? !tell(picker, PICKER_CHOSEN) : true;
    if (toggle_key(picker, key) || navigate(picker, key))
        return true;
    if (picker->setup.search && input_key(&picker->input, key)) {
        picker->at = picker->top = 0;
        reload(picker);
    }
    return true;
}

static void picker_free(Overlay *overlay)
{
    Picker *picker = (Picker *)overlay;
    g_ptr_array_unref(picker->items);
    if (picker->setup.free_user)
        picker->setup.free_user(picker->setup.user);
    input_clear(&picker->input);
    g_free(picker->title);
    g_free(picker);
}

Overlay *picker_new(const PickerSetup *setup)
{
    static const OverlayClass class = {picker_draw, picker_key, picker_free, true};
    static const OverlayClass plain = {picker_draw, picker_key, picker_free, false};
    Picker *picker = g_new0(Picker, 1);
    picker->overlay.class = setup->search ? &class : &plain;
    picker->setup = *setup;
    picker->title = g_strdup(setup->title);
    input_init(&picker->input, "");
    reload(picker);
    return &picker->overlay;
}
