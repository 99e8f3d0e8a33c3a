#include "tui/model/fuzzy.h"

#include <stdbool.h>
#include <string.h>

enum { BEGINS = 12, BEGINS_WORD = 8, FOLLOWS = 6, TEXT_MAX = 200 };

static bool starts_word(const char *text, size_t i)
{
    return i == 0 || (!g_ascii_isalnum(text[i - 1]) && (guchar)text[i - 1] < 0x80);
}

/* Greedy from one start; the best start wins. */
static int score_from(const char *word, size_t length, const char *text, size_t start)
{
    int score = 0;
    size_t at = start, matched = 0, last = 0;
    for (; matched < length && text[at]; at++) {
        if (g_ascii_tolower(text[at]) != g_ascii_tolower(word[matched]))
            continue;
        score += 1;
        if (at == 0)
            score += BEGINS;
        else if (starts_word(text, at))
            score += BEGINS_WORD;
        if (matched && at == last + 1)
            score += FOLLOWS;
        else if (matched)
            score -= (int)MIN(at - last, 5);
        last = at;
        matched++;
    }
    return matched == length ? score : -1000;
}

static int score_word(const char *word, size_t length, const char *text)
{
    int best = -1000;
    for (size_t i = 0; text[i] && i < TEXT_MAX; i++) {
        if (g_ascii_tolower(text[i]) != g_ascii_tolower(*word))
            continue;
        int score = score_from(word, length, text, i);
        best = MAX(best, score);
    }
    return best;
}

int fuzzy_score(const char *pattern, const char *text)
{
    int total = 0;
    bool any = false;
    while (*pattern) {
        pattern += strspn(pattern, " ");
        size_t length = strcspn(pattern, " ");
        if (!length)
            break;
        int score = score_word(pattern, length, text);
        if (score <= -500)
            return -1;
        total += score;
        any = true;
        pattern += length;
    }
    if (!any)
        return 0;
    return MAX(100 + total * 4 - (int)MIN(strlen(text), TEXT_MAX) / 4, 0);
}
