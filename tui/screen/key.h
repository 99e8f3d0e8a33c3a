/* screen/key - keys as numbers and as people write them.
 *
 * A Key is a Unicode character (Ctrl-A is 1, Enter 13, Esc 27, Backspace 127),
 * or one of the named keys below; KEY_ALT is added for a key with Alt.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef gint32 Key;

enum {
    KEY_NOTHING = -1,
    KEY_FIRST = 0x200000, /* above every Unicode character */
    K_UP = KEY_FIRST,
    K_DOWN,
    K_LEFT,
    K_RIGHT,
    K_HOME,
    K_END,
    K_PAGE_UP,
    K_PAGE_DOWN,
    K_INSERT,
    K_DELETE,
    K_BACK_TAB,
    K_MOUSE,
    K_PASTE_BEGIN,
    K_PASTE_END,
    K_F1 = KEY_FIRST + 64, /* K_F1 + n - 1 */
    KEY_ALT = 0x400000,

    K_TAB = 9,
    K_ENTER = 13,
    K_ESC = 27,
    K_SPACE = 32,
    K_BACKSPACE = 127,
};
#define K_CTRL(letter) ((letter)&31)

/* "Ctrl-P", "Space", "F5", "Alt-x", "g"; into buffer. */
const char *key_describe(Key key, char *buffer, size_t size);
/* The reverse; false when text names no key. */
bool key_parse(const char *text, Key *out);
