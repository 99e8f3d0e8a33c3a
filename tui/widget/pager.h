/* widget/pager - text to read: a log, a definition, help. With search, and
 * following the end as text is added.
 *
 * Lines that are too long go on in the next row, or are cut and moved with h and l
 * after w. Text is kept to PAGER_MAX bytes: the oldest lines go. Everything is made
 * harmless as it is drawn.
 */
#pragma once

#include "tui/screen/draw.h"

#define PAGER_MAX (4u << 20)

typedef struct Pager Pager;

Pager *pager_new(bool follow);
void pager_free(Pager *pager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pager, pager_free)

void pager_set(Pager *pager, const char *text);
/* What comes after; a line may come in pieces. */
void pager_add(Pager *pager, const char *text, size_t length);
/* How a line of our own making looks. */
typedef struct {
    guint8 role;  /* Role */
    guint8 label; /* columns at its begin that are a label */
    guint8 hang;  /* columns that its further rows are set in by */
} PagerLook;
/* A whole line, without a newline in it. */
void pager_add_line(Pager *pager, const char *text, const PagerLook *look);
bool pager_is_empty(const Pager *pager);

void pager_draw(Pager *pager, Screen *screen, Box box);
/* Movement, / and n N, F (follow), w (wrap). FALSE: not for it. */
bool pager_key(Pager *pager, Key key);
/* A search is being typed: all keys are for it. */
bool pager_is_asking(const Pager *pager);
/* "line 12 of 300, following", for the second line. */
void pager_describe(const Pager *pager, GString *out);
