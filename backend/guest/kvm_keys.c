#include "backend/guest/kvm_keys.h"

#include <glib.h>
#include <linux/input-event-codes.h>
#include <string.h>

/* clang-format off */
#define KEY(name) {"KEY_" #name, KEY_##name}
static const struct {
    const char *name;
    unsigned code;
} keys[] = {
    KEY(ESC), KEY(1), KEY(2), KEY(3), KEY(4),
    KEY(5), KEY(6), KEY(7), KEY(8), KEY(9),
    KEY(0), KEY(MINUS), KEY(EQUAL), KEY(BACKSPACE), KEY(TAB),
    KEY(Q), KEY(W), KEY(E), KEY(R), KEY(T),
    KEY(Y), KEY(U), KEY(I), KEY(O), KEY(P),
    KEY(LEFTBRACE), KEY(RIGHTBRACE), KEY(ENTER), KEY(LEFTCTRL), KEY(A),
    KEY(S), KEY(D), KEY(F), KEY(G), KEY(H),
    KEY(J), KEY(K), KEY(L), KEY(SEMICOLON), KEY(APOSTROPHE),
    KEY(GRAVE), KEY(LEFTSHIFT), KEY(BACKSLASH), KEY(Z), KEY(X),
    KEY(C), KEY(V), KEY(B), KEY(N), KEY(M),
    KEY(COMMA), KEY(DOT), KEY(SLASH), KEY(RIGHTSHIFT), KEY(KPASTERISK),
    KEY(LEFTALT), KEY(SPACE), KEY(CAPSLOCK), KEY(F1), KEY(F2),
    KEY(F3), KEY(F4), KEY(F5), KEY(F6), KEY(F7),
    KEY(F8), KEY(F9), KEY(F10), KEY(NUMLOCK), KEY(SCROLLLOCK),
    KEY(KP7), KEY(KP8), KEY(KP9), KEY(KPMINUS), KEY(KP4),
    KEY(KP5), KEY(KP6), KEY(KPPLUS), KEY(KP1), KEY(KP2),
    KEY(KP3), KEY(KP0), KEY(KPDOT), KEY(ZENKAKUHANKAKU), KEY(102ND),
    KEY(F11), KEY(F12), KEY(RO), KEY(KATAKANA), KEY(HIRAGANA),
    KEY(HENKAN), KEY(KATAKANAHIRAGANA), KEY(MUHENKAN), KEY(KPJPCOMMA), KEY(KPENTER),
    KEY(RIGHTCTRL), KEY(KPSLASH), KEY(SYSRQ), KEY(RIGHTALT), KEY(LINEFEED),
    KEY(HOME), KEY(UP), KEY(PAGEUP), KEY(LEFT), KEY(RIGHT),
    KEY(END), KEY(DOWN), KEY(PAGEDOWN), KEY(INSERT), KEY(DELETE),
    KEY(MACRO), KEY(MUTE), KEY(VOLUMEDOWN), KEY(VOLUMEUP), KEY(POWER),
    KEY(KPEQUAL), KEY(KPPLUSMINUS), KEY(PAUSE), KEY(SCALE), KEY(KPCOMMA),
    KEY(HANGEUL), KEY(HANJA), KEY(YEN), KEY(LEFTMETA), KEY(RIGHTMETA),
    KEY(COMPOSE), KEY(STOP), KEY(AGAIN), KEY(PROPS), KEY(UNDO),
    KEY(FRONT), KEY(COPY), KEY(OPEN), KEY(PASTE), KEY(FIND),
    KEY(CUT), KEY(HELP), KEY(MENU), KEY(CALC), KEY(SETUP),
    KEY(SLEEP), KEY(WAKEUP), KEY(MAIL), KEY(BOOKMARKS), KEY(COMPUTER),
    KEY(BACK), KEY(FORWARD), KEY(EJECTCD), KEY(NEXTSONG), KEY(PLAYPAUSE),
    KEY(PREVIOUSSONG), KEY(STOPCD), KEY(HOMEPAGE), KEY(REFRESH), KEY(F13),
    KEY(F14), KEY(F15), KEY(F16), KEY(F17), KEY(F18),
    KEY(F19), KEY(F20), KEY(F21), KEY(F22), KEY(F23),
    KEY(F24), KEY(PRINT), KEY(BRIGHTNESSDOWN), KEY(BRIGHTNESSUP),
};
/* clang-format on */

bool kvm_key_from_name(const char *name, unsigned *code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            *code = keys[i].code;
            return true;
        }
    }
    return false;
}
