/* widget/terminal_filter - what of a guest's output may reach the emulator.
 *
 * A guest's output is hostile until shown otherwise, and libvterm is pre-1.0.
 * The filter stands before it and makes sure of these, whatever comes in and
 * wherever the pieces are cut:
 *
 * - The output is valid UTF-8; what was not is U+FFFD. C1 controls, surrogates,
 *   bidirectional overrides and noncharacters are U+FFFD too.
 * - OSC, DCS, APC, PM and SOS strings are dropped whole: titles, the clipboard
 *   (OSC 52), colours, status requests. Nothing of them is kept in memory.
 * - In a control sequence no number is over FILTER_NUMBER_MAX. One with more
 *   than FILTER_PARAMETERS_MAX parameters is cut if it sets colours, else
 *   dropped: libvterm 0.1.4 writes past its array of them.
 * - "Repeat the character" (REP) is written out, up to FILTER_REPEAT_MAX times:
 *   libvterm 0.1.4 loops for ever over one without width.
 * - Lines of double size and left and right margins are dropped, and a cursor
 *   that is restored is brought back into the screen: libvterm 0.1.4 reaches
 *   beyond its cells otherwise.
 * - At most FILTER_COMBINING_MAX combining characters follow a character; those
 *   that libvterm takes for wide are dropped.
 *
 * Apart from repetition, output is at most three times as long as input, and a few
 * bytes.
 */
#pragma once

#include <glib.h>

#define FILTER_NUMBER_MAX     9999
#define FILTER_PARAMETERS_MAX 15
#define FILTER_SEQUENCE_MAX   120
#define FILTER_COMBINING_MAX  4
#define FILTER_REPEAT_MAX     500

typedef enum {
    FILTER_TEXT,
    FILTER_ESCAPE,        /* after ESC */
    FILTER_INTERMEDIATE,  /* after ESC and intermediate bytes */
    FILTER_CONTROL,       /* in a control sequence, kept in pending */
    FILTER_CONTROL_LONG,  /* in one that is too long, of which the start is kept */
    FILTER_STRING,        /* in a string that is dropped */
    FILTER_STRING_ESCAPE, /* after ESC in it: perhaps its end */
} FilterState;

/* All zero is a fresh one. */
typedef struct {
    FilterState state;
    char pending[FILTER_SEQUENCE_MAX + 4]; /* a begun escape or control sequence */
    guint pending_length;
    guint number;       /* the number being read in a control sequence */
    guint separators;   /* between its parameters */
    gunichar character; /* a begun UTF-8 character, and bytes that it still needs */
    guint needed;
    gunichar least;  /* a smaller one would be an overlong form */
    guint combining; /* so many since the last that does not */
    gunichar last;   /* that one, for repetition; 0 for none */
} TerminalFilter;

/* Appends what may pass to out. */
void terminal_filter_feed(TerminalFilter *filter, const char *bytes, size_t length,
                          GString *out);

/* Does this character stand in the cell of the one before it? */
gboolean terminal_is_combining(gunichar character);
