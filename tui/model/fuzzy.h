/* model/fuzzy - how well a few typed letters fit a text. Pure.
 *
 * Every letter of the pattern must come in the text, in that order, without
 * regard to case. Letters at the beginning of a word, letters that follow each
 * other, and short texts score higher. Words of the pattern (between spaces)
 * are matched one by one, in any order.
 */
#pragma once

#include <glib.h>

/* Below 0: it does not fit. Higher is better. */
int fuzzy_score(const char *pattern, const char *text);
