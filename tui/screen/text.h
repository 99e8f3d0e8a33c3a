/* screen/text - strings from outside, made fit for a screen. Pure.
 *
 * Names of guests, log lines and messages come from machines that may lie. What
 * reaches the screen has no control character (each becomes U+FFFD), no
 * bidirectional override, no invisible character, at most two combining marks
 * a letter, and known width in columns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

/* The next character of valid or broken UTF-8 as it may be shown; *text moves
 * on. 0 at the end. What must not be shown at all is skipped. *columns is 0 for
 * a combining mark. utf8: the terminal can show more than ASCII. */
wchar_t text_next(const char **text, bool utf8, int *columns);

/* Columns that the text takes. */
int text_columns(const char *text, bool utf8);

/* Fills out (of count characters, ended by 0) with what fits into so many
 * columns; returns the columns used. Where text is cut, more stands in the last
 * column (unless more is 0). */
int text_fit(const char *text, int columns, wchar_t more, bool utf8, wchar_t *out,
             size_t count);

/* A copy without anything harmful, for files and clipboards; to be g_freed.
 * Newlines and tabs stay. */
char *text_clean(const char *text);

#define TEXT_LINES_MAX 400
/* Lines of clean text, broken at spaces where they can be to have that many columns;
 * NULL-terminated. What is longer than TEXT_LINES_MAX is left out. */
char **text_wrap(const char *text, int columns);
