/* command/terminal - this program's terminal, joined to a stream.
 *
 * While it is joined the terminal is raw; it is put back on every way out, also
 * when a signal ends the program or the terminal goes away. Ctrl-] leaves. */
#pragma once

#include "tui/command/client.h"

typedef struct {
    gboolean raw; /* a console: raw mode, Ctrl-], sizes; else plain pipes */
    void (*resized)(int rows, int columns, gpointer user); /* may be NULL */
    gpointer user;
} TerminalOptions;

/* Rows and columns of standard output; 24 and 80 when it is no terminal. */
void terminal_size(int *rows, int *columns);

/* Moves bytes until the stream ends, the person leaves (*left, may be NULL) or a
 * signal comes. Takes the descriptor. */
gboolean terminal_join(Client *client, int descriptor, const TerminalOptions *options,
                       gboolean *left, GError **error);
