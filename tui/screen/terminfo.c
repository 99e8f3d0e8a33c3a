/* In a file of its own: term.h makes macros of common words. */
#include "tui/screen/private.h"

#include "backend/wire/error.h"

#include <term.h>

bool screen_check_term(const char *term, int output, GError **error)
{
    if (!*term) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "TERM is not set: say what terminal this is, as in TERM=xterm-256color");
        return false;
    }
    int found = 0;
    if (setupterm(term, output, &found) != OK) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       found < 0 ? "there is no terminfo database: install ncurses-base"
                                 : "the terminal '%s' is not known here: install ncurses-term, "
                                   "or set TERM to what it resembles, as TERM=xterm or vt100",
                       term);
        return false;
    }
    const char *cup = tigetstr("cup");
    bool capable = cup && cup != (const char *)-1;
    (void)del_curterm(cur_term);
    if (!capable) {
        wire_error_set(error, WIRE_ERROR_UNAVAILABLE,
                       "a terminal of type '%s' cannot place the cursor; use --plain", term);
        return false;
    }
    return true;
}
