/* Keys: from ncurses's numbers to ours. */
#include "tui/screen/private.h"

static const struct {
    int curses;
    Key key;
} table[] = {
    {KEY_UP, K_UP},         {KEY_DOWN, K_DOWN},           {KEY_LEFT, K_LEFT},
    {KEY_RIGHT, K_RIGHT},   {KEY_HOME, K_HOME},           {KEY_END, K_END},
    {KEY_PPAGE, K_PAGE_UP}, {KEY_NPAGE, K_PAGE_DOWN},     {KEY_IC, K_INSERT},
    {KEY_DC, K_DELETE},     {KEY_BTAB, K_BACK_TAB},       {KEY_BACKSPACE, K_BACKSPACE},
    {KEY_ENTER, K_ENTER},   {KEY_MAX + 1, K_PASTE_BEGIN}, {KEY_MAX + 2, K_PASTE_END},
    {KEY_FIND, K_HOME},     {KEY_SELECT, K_END},
};

enum { DOUBLE_CLICK = 300 * 1000 };

static bool read_mouse(Screen *screen)
{
    MEVENT event;
    if (getmouse(&event) != OK)
        return false;
    gint64 now = g_get_monotonic_time();
    ScreenMouse mouse = {event.y, event.x, MOUSE_PRESS};
    if (event.bstate & BUTTON4_PRESSED) {
        mouse.what = MOUSE_WHEEL_UP;
    } else if (event.bstate & BUTTON5_PRESSED) {
        mouse.what = MOUSE_WHEEL_DOWN;
    } else {
        if (now - screen->pressed < DOUBLE_CLICK && screen->mouse.row == mouse.row &&
            screen->mouse.column == mouse.column)
            mouse.what = MOUSE_DOUBLE;
        screen->pressed = now;
    }
    screen->mouse = mouse;
    return true;
}

static Key translate(Screen *screen, wint_t code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (table[i].curses == (int)code)
            return table[i].key;
    if (code >= KEY_F(1) && code <= KEY_F(63))
        return K_F1 + (Key)(code - KEY_F(1));
    if (code == KEY_MOUSE && read_mouse(screen))
        return K_MOUSE;
    return 0;
}

/* One key; 0 for one that means nothing to us. */
static Key read_one(Screen *screen)
{
    wint_t code;
    int what = wget_wch(screen->pad, &code);
    if (what == ERR)
        return KEY_NOTHING;
    if (what == KEY_CODE_YES)
        return translate(screen, code);
    if (code == 8)
        return K_BACKSPACE;
    if (code == '\n')
        return K_ENTER;
    return (Key)code;
}

Key screen_read(Screen *screen)
{
    Key key = screen->held;
    screen->held = KEY_NOTHING;
    while (key == KEY_NOTHING || key == 0) {
        key = read_one(screen);
        if (key == KEY_NOTHING)
            return KEY_NOTHING;
    }
    if (key != K_ESC)
        return key;
    /* Esc and at once another character: that key with Alt. */
    Key next = read_one(screen);
    if (next > 32 && next < KEY_FIRST)
        return next | KEY_ALT;
    screen->held = next == 0 ? KEY_NOTHING : next;
    return K_ESC;
}

bool screen_mouse(const Screen *screen, ScreenMouse *out)
{
    *out = screen->mouse;
    return screen->mouse.row < screen_rows(screen);
}
