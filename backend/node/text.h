/* node/text - text from outside made fit to be shown. Pure. */
#pragma once

#include <glib.h>

/* A copy that is valid UTF-8 and has no control characters: tabs become spaces, what is
 * not UTF-8 and every other control character (of C0, C1, DEL, and those that turn the
 * direction of writing) U+FFFD. length -1: up to the NUL. The caller frees. */
char *node_text_clean(const char *text, gssize length);

/* The last count lines of a text, each cleaned and cut at line_max bytes, oldest first;
 * empty lines are left out. */
GPtrArray *node_text_tail(const char *text, size_t length, guint count, size_t line_max);
