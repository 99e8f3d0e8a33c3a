/* A terminal in the same process: a pseudo-terminal whose far end is libvterm,
 * for tests that draw and look. */
#pragma once

#include "tui/screen/screen.h"

typedef struct TestTerminal TestTerminal;

TestTerminal *test_terminal_new(int rows, int columns);
void test_terminal_free(TestTerminal *terminal);
/* The side a Screen is opened on. */
int test_terminal_descriptor(const TestTerminal *terminal);
/* A Screen on it, of a 256-colour xterm; events may be NULL. */
Screen *test_terminal_screen(TestTerminal *terminal, const ScreenEvents *events, gpointer user);
/* Takes in what was written to it. */
void test_terminal_read(TestTerminal *terminal);
/* Number of bytes taken in so far, and in how many reads of whole frames. */
size_t test_terminal_bytes(const TestTerminal *terminal);
/* One row's text without trailing spaces; to be g_freed. */
char *test_terminal_row(const TestTerminal *terminal, int row);
void test_terminal_type(TestTerminal *terminal, const char *bytes);
void test_terminal_resize(TestTerminal *terminal, int rows, int columns);
/* The colour of a cell's text. */
void test_terminal_colour(const TestTerminal *terminal, int row, int column, int *red,
                          int *green, int *blue);
