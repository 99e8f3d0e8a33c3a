#include "tui/screen/key.h"

#include <string.h>

static const struct {
    Key key;
    const char *name;
} names[] = {
    {K_UP, "Up"},
    {K_DOWN, "Down"},
    {K_LEFT, "Left"},
    {K_RIGHT, "Right"},
    {K_HOME, "Home"},
    {K_END, "End"},
    {K_PAGE_UP, "PgUp"},
    {K_PAGE_DOWN, "PgDn"},
    {K_INSERT, "Insert"},
    {K_DELETE, "Delete"},
    {K_BACK_TAB, "BackTab"},
    {K_TAB, "Tab"},
    {K_ENTER, "Enter"},
    {K_ESC, "Esc"},
    {K_SPACE, "Space"},
    {K_BACKSPACE, "Backspace"},
};

const char *key_describe(Key key, char *buffer, size_t size)
{
    const char *alt = key & KEY_ALT ? "Alt-" : "";
    key &= ~KEY_ALT;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].key == key) {
            g_snprintf(buffer, size, "%s%s", alt, names[i].name);
            return buffer;
        }
    }
    char letter[8] = "";
    if (key >= K_F1 && key < K_F1 + 64)
        g_snprintf(buffer, size, "%sF%d", alt, key - K_F1 + 1);
    else if (key > 0 && key < 32)
        g_snprintf(buffer, size, "%sCtrl-%c", alt, key | 64);
    else if (key > 32 && key < KEY_FIRST && g_unichar_validate((gunichar)key)) {
        letter[g_unichar_to_utf8((gunichar)key, letter)] = '\0';
        g_snprintf(buffer, size, "%s%s", alt, letter);
    } else
        g_strlcpy(buffer, "?", size);
    return buffer;
}

bool key_parse(const char *text, Key *out)
{
    if (g_ascii_strncasecmp(text, "Alt-", 4) == 0 && text[4]) {
        Key base;
        if (!key_parse(text + 4, &base))
            return false;
        *out = base | KEY_ALT;
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strcasecmp(names[i].name, text) == 0) {
            *out = names[i].key;
            return true;
        }
    }
    if (g_ascii_strncasecmp(text, "Ctrl-", 5) == 0 && text[5] && !text[6] &&
        ((g_ascii_toupper(text[5]) >= '@' && g_ascii_toupper(text[5]) <= '_'))) {
        *out = K_CTRL(g_ascii_toupper(text[5]));
        return true;
    }
    guint64 number;
    if (g_ascii_toupper(text[0]) == 'F' && text[1] &&
        g_ascii_string_to_unsigned(text + 1, 10, 1, 63, &number, NULL)) {
        *out = K_F1 + (Key)number - 1;
        return true;
    }
    gunichar c = g_utf8_get_char_validated(text, -1);
    if (c == (gunichar)-1 || c == (gunichar)-2 || c <= 32 || *g_utf8_next_char(text))
        return false;
    *out = (Key)c;
    return true;
}
