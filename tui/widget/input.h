/* widget/input - one line of text being typed. Pure but for drawing.
 *
 * Ctrl-A and Home, Ctrl-E and End, arrows, Backspace, Delete, Ctrl-W (a word),
 * Ctrl-U (all before). Control characters never get in.
 */
#pragma once

#include "tui/screen/draw.h"

#include <stdbool.h>

#define INPUT_MAX 1024 /* bytes */

typedef struct {
    GString *text;
    gsize cursor; /* byte */
    bool hidden;  /* a password: shown as dots */
} Input;

void input_init(Input *input, const char *text);
/* Overwrites the text before it frees it: it may have been a password. */
void input_clear(Input *input);
void input_set(Input *input, const char *text);
/* FALSE when the key is none of its own. */
bool input_key(Input *input, Key key);
/* Draws and places the terminal's cursor. */
void input_draw(const Input *input, Screen *screen, int row, int column, int columns);
